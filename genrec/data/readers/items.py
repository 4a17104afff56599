"""A table of items becomes items: each column by its role, all others as attributes with one type each.

Knows roles and typed columns; deliberately knows neither files of tables nor layouts. What cannot be used is counted
where it is lost.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genrec.data.layouts.layout import Roles, Shaped
from genrec.data.layouts.mapping import Kind
from genrec.data.losses import Losses
from genrec.data.tables import Column, Table
from genrec.data.values import Attribute, Odd, attribute, coerce, flatten, ids, lists, numbers, texts
from genrec.data.values.units import currency_named
from genrec.offers import PRICE, Offer, availability_of, is_currency, is_web_address
from genrec.schema import AttributeValue, IntArray, Item, why_no_id

Floats = npt.NDArray[np.float64]
_BEFORE_AMOUNT = r"^[^\d£$€¥-]{3,40}?([£$€¥]\s?\d)"
_MOST_ODD = 3  # examples of odd cells that are named
_TOTALS = frozenset(
    {"total", "totals", "grand total", "sum", "summe", "gesamt", "gesamtsumme", "somme", "suma", "totale", "totaal"}
    | {"razem", "itogo", "итого", "合計", "总计", "subtotal", "total général", "total general"}
)  # first words of a row that sums up those above it
_SOLD = frozenset(
    {"link", "availability", "stock", "currency", "price_upper"}
)  # roles of columns that say how an item is sold


@dataclass(slots=True, kw_only=True)
class ItemColumns:
    """Items as columns: row *i* of each is the same item, ids being different and usable. places: its row in the table.

    pictures: what the cells of an item name, files or addresses, in order; kinds: the types of the attributes;
    left_out: columns that became nothing, with the reason.
    """

    lines: Sequence[int]
    places: IntArray
    item_ids: list[str]
    titles: list[str]
    descriptions: list[str]
    attributes: dict[str, list[AttributeValue | None]]
    pictures: list[tuple[str, ...]]
    audio: list[str]
    video: list[str]
    offers: list[Offer | None]
    kinds: dict[str, Kind] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.item_ids)

    def items(
        self,
        pictures: Sequence[tuple[Path, ...]],
        audio: Sequence[Path | None],
        videos: Sequence[Path | str | None],
    ) -> list[Item]:
        """The items; pictures, audio, videos: their files, in the order of items; of videos addresses, too."""
        names = list(self.attributes)
        columns = list(self.attributes.values())
        rows = zip(*columns, strict=True) if columns else iter([()] * len(self))
        return [
            Item(
                item_id=item_id,
                title=title,
                text=text,
                attributes={name: value for name, value in zip(names, row, strict=True) if value is not None},
                image=files[0] if files else None,
                more_images=files[1:],
                audio=sound,
                video=video,
                offer=offer,
            )
            for item_id, title, text, row, files, sound, video, offer in zip(
                self.item_ids,
                self.titles,
                self.descriptions,
                rows,
                pictures,
                audio,
                videos,
                self.offers,
                strict=True,
            )
        ]


def read_item_columns(
    shaped: Shaped, roles: Roles, losses: Losses, *, known_kinds: Mapping[str, Kind] | None = None
) -> ItemColumns:
    """Read a table's items by the roles of its columns.

    known_kinds: types of attributes that are kept, such as a catalog's; the others are found from the cells.
    """
    reader = _Reader(shaped.table, roles, losses)
    kept = reader.usable_rows()
    reader = _Reader(shaped.table.take(kept), roles, losses)
    attributes, kinds, left_out = reader.attributes(shaped.left_out, known_kinds or {})
    item_ids = reader.strings("item_id")
    notes = list(reader.notes)
    return ItemColumns(
        lines=[int(shaped.table.lines[row]) for row in kept.tolist()],
        places=kept,
        item_ids=item_ids,
        titles=reader.prose("title") if "title" in roles or not _are_names(item_ids) else item_ids,
        descriptions=reader.prose("text"),
        attributes=attributes,
        pictures=reader.pictures(),
        audio=reader.strings("audio"),
        video=reader.strings("video"),
        offers=reader.offers(item_ids, shaped, kinds),
        kinds=kinds,
        left_out=left_out,
        notes=[*notes, *[note for note in reader.notes if note not in notes]],
    )


class _Reader:
    """One table of items, read column by column."""

    def __init__(self, table: Table, roles: Roles, losses: Losses) -> None:
        self._table, self._roles, self._losses = table, roles, losses
        self._upper: Floats | None = None
        self._currencies: Sequence[str | None] = ()
        self.notes: list[str] = []

    def usable_rows(self) -> IntArray:
        """The rows with an id that can be used and was not there before; the others are refused."""
        path, lines, seen, kept = self._table.path, self._table.lines, set[str](), list[int]()
        titles, last = self.strings("title"), len(self._table) - 1
        for row, item_id in enumerate(self.strings("item_id")):
            if item_id in seen:
                reason, kind = f"item id {item_id!r} appears twice; the first row counts", "item id appears twice"
            elif row == last and item_id.lower() in _TOTALS and not titles[row]:
                reason = kind = "row of totals below the items, and no item"
            elif (why := why_no_id(item_id)) is None:
                seen.add(item_id)
                kept.append(row)
                continue
            else:
                reason = kind = f"item id {why}" if item_id else "no item id"
            self._losses.add(path, int(lines[row]), reason, self._content(row), kind=kind)
        return np.array(kept, dtype=np.int64)

    def strings(self, role: str) -> list[str]:
        """The ids, or other short texts, of a role; '' where there are none."""
        columns = self._roles.get(role)
        if not columns:
            return [""] * len(self._table)
        found = ids(self._table.columns[columns[0]]).values.to_pylist()
        return [value or "" for value in found]

    def prose(self, role: str) -> list[str]:
        """The texts of a role's columns, joined."""
        parts = []
        for name in self._roles.get(role, ()):
            found = texts(self._table.columns[name])
            self._note(name, found.notes)
            self._count(found.odd, f"{name!r} holds code where text was wanted")
            parts.append(found.values if isinstance(found.values, list) else found.values.to_pylist())
        if not parts:
            return [""] * len(self._table)
        if len(parts) == 1:
            return [text or "" for text in parts[0]]
        return [" ".join(dict.fromkeys(filter(None, row))) for row in zip(*parts, strict=True)]

    def pictures(self) -> list[tuple[str, ...]]:
        """The files and addresses of pictures that the cells of every item name, in order, each once."""
        parts = [picture_names(self._table.columns[name]) for name in self._roles.get("image", ())]
        if not parts:
            return [()] * len(self._table)
        return [tuple(dict.fromkeys(name for part in row for name in part)) for row in zip(*parts, strict=True)]

    def attributes(
        self, left_out: Mapping[str, str], known: Mapping[str, Kind]
    ) -> tuple[dict[str, list[AttributeValue | None]], dict[str, Kind], dict[str, str]]:
        """The attributes by name, their types, and the columns that became none."""
        used = {name for role, names in self._roles.items() if role != PRICE for name in names}
        values: dict[str, list[AttributeValue | None]] = {}
        kinds: dict[str, Kind] = {}
        out = dict(left_out)
        prices = self._roles.get(PRICE, ())
        if prices:
            self._price(prices, values, kinds, known)
        for name, column in self._table.columns.items():
            if name in used or name in out or name in prices:
                continue
            for inner, cells in flatten(name, column).items():
                kind = known.get(inner)
                found = attribute(inner, cells) if kind is None else coerce(inner, cells, kind.kind, kind.unit)
                if found.useless is not None and kind is None:
                    out[inner] = found.useless
                    continue
                if inner in values:
                    inner = f"{inner} (column)"
                self._take(inner, found, values, kinds)
        return values, kinds, out

    def _take(
        self, name: str, found: Attribute, values: dict[str, list[AttributeValue | None]], kinds: dict[str, Kind]
    ) -> None:
        self._note(name, found.notes)
        self._count(found.odd, f"{name!r} is a {found.kind} and cannot hold this")
        values[name] = found.values
        kinds[name] = Kind(kind=found.kind, unit=found.unit, currency=found.currency)

    def _price(
        self,
        columns: Sequence[str],
        values: dict[str, list[AttributeValue | None]],
        kinds: dict[str, Kind],
        known: Mapping[str, Kind],
    ) -> None:
        """The attribute price: of each item the first column that has one; what it costs before is an attribute."""
        cells = [_amounts_alone(self._table.columns[name]) for name in columns]
        for name, (_, num_changed) in zip(columns, cells, strict=True):
            self._note(name, [f"words before {num_changed:,} amounts are left out"] if num_changed else [])
        read = [numbers(column, name=name) for name, (column, _) in zip(columns, cells, strict=True)]
        last_N = read[-1].values
        price_N = np.full(len(self._table), np.nan)
        upper_N = np.full(len(self._table), np.nan)
        for name, found in zip(columns, read, strict=True):
            self._note(name, found.notes)
            self._count(found.odd, f"{name!r} is a number and cannot hold this")
            is_open = np.isnan(price_N)
            is_unset_N = (found.values == 0) & (last_N > 0)  # no sale: nothing is given away beside a regular price
            price_N = np.where(is_open & ~is_unset_N, found.values, price_N)
            if found.upper is not None:
                upper_N = np.where(is_open, found.upper, upper_N)
        currency = next((found.currency for found in read if found.currency), None)
        if currency is None and all(found.currencies is None for found in read) and "currency" not in self._roles:
            currency = next(filter(None, map(currency_named, columns)), None)
            if currency is not None:
                self._note(columns[0], [f"its name says that prices are in {currency}"])
        self._upper = upper_N if np.isfinite(upper_N).any() else None
        by_row = next((found.currencies for found in read if found.currencies is not None), None)
        self._currencies = by_row if by_row is not None else [currency] * len(self._table) if currency else ()
        before = read[-1].values if len(read) > 1 else None
        values[PRICE] = [*_or_none(price_N)]
        unit = known[PRICE].unit if PRICE in known else None
        kinds[PRICE] = Kind(kind="number", unit=unit, currency=currency)
        if before is not None and np.nanmax(np.where(before > price_N, before, np.nan), initial=-np.inf) > -np.inf:
            is_more_N = np.isfinite(before) & np.isfinite(price_N) & (before > price_N)
            values["list_price"] = [
                float(value) if is_more else None for value, is_more in zip(before, is_more_N, strict=True)
            ]
            kinds["list_price"] = Kind(kind="number", currency=currency)

    def offers(self, item_ids: Sequence[str], shaped: Shaped, kinds: Mapping[str, Kind]) -> list[Offer | None]:
        """How each item is sold; None where nothing is known of it."""
        num = len(item_ids)
        if not shaped.variants and not self._currencies and self._upper is None and not _SOLD.intersection(self._roles):
            return [None] * num
        links = [link if is_web_address(link) else None for link in self.strings("link")]
        says = self.strings("availability")
        stock_N = self._numbers("stock")
        named = [code.upper() if is_currency(code.upper()) else None for code in self.strings("currency")]
        from_price = list(self._currencies) or [None] * num
        upper_N = self._numbers("price_upper")
        upper_N = upper_N if self._upper is None else np.where(np.isfinite(self._upper), self._upper, upper_N)
        self._unread("availability", says, lambda text: availability_of(text) is not None)
        self._unread("link", self.strings("link"), is_web_address)
        self._unread("currency", self.strings("currency"), lambda text: is_currency(text.upper()))
        meanings = {text: availability_of(text) if text else None for text in dict.fromkeys(says)}
        rows = zip(
            links,
            [code or other for code, other in zip(named, from_price, strict=True)],
            map(meanings.__getitem__, says),
            _or_none(upper_N),
            _or_none(stock_N),
            [shaped.variants.get(item_id, ()) for item_id in item_ids],
            strict=True,
        )
        return [
            Offer(
                link=link,
                currency=currency,
                availability=availability,
                price_upper=upper,
                stock=stock,
                variants=variants,
            )
            if link or currency or availability or upper is not None or stock is not None or variants
            else None
            for link, currency, availability, upper, stock, variants in rows
        ]

    def _unread(self, role: str, cells: Sequence[str], is_fine: Callable[[str], bool]) -> None:
        """Say which cells of a role are not understood."""
        unread = [text for text in dict.fromkeys(cells) if text and not is_fine(text)]
        if unread:
            self.notes.append(f"{role} {', '.join(map(repr, unread[:3]))} is not understood and left unknown")

    def _numbers(self, role: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        columns = self._roles.get(role)
        if not columns:
            return np.full(len(self._table), np.nan)
        return numbers(self._table.columns[columns[0]], name=columns[0]).values

    def _note(self, name: str, notes: Sequence[str]) -> None:
        self.notes += [f"{name}: {note}" for note in notes if f"{name}: {note}" not in self.notes]

    def _count(self, odd: Odd, kind: str) -> None:
        """Count odd cells; the rows they stand in stay."""
        if not odd.count:
            return
        said = ", ".join(map(repr, odd.examples[:_MOST_ODD]))
        self._losses.add_many(
            self._table.path,
            self._table.lines,
            odd.rows,
            f"{kind} ({said}); the item stays without it",
            self._content,
            kind=f"cell: {kind} ({said})",
            is_row=False,
        )

    def _content(self, row: int) -> str:
        cells = (self._table.cell(name, row) for name in self._table.columns)
        return ", ".join(str(cell) for cell in cells if cell not in (None, ""))


def _amounts_alone(column: Column) -> tuple[Column, int]:
    """A column of prices without what stands before an amount (offers over £375,000), and how many cells had that."""
    if isinstance(column, list) or not pa.types.is_string(column.type):
        return column, 0
    found = pc.match_substring_regex(column, _BEFORE_AMOUNT)
    num_changed = pc.sum(found).as_py() or 0
    return (pc.replace_substring_regex(column, _BEFORE_AMOUNT, r"\1"), num_changed) if num_changed else (column, 0)


def _are_names(item_ids: Sequence[str]) -> bool:
    """Whether ids are names that people read, as where events name their items by titles: letters and no code."""
    sample = item_ids[:: max(1, len(item_ids) // 1_000)]
    named = [any(map(str.isalpha, item_id)) and not any(map(str.isdigit, item_id)) for item_id in sample]
    return sum(named) > 0.5 * len(named) and any(" " in item_id for item_id in sample)


def _or_none(numbers_N: Floats) -> list[float | None]:
    """Numbers as Python's, None for those that are none."""
    return [number if isfinite(number) else None for number in numbers_N.tolist()]


_PICTURE_KEYS = ("hi_res", "large", "src", "url", "contentUrl", "link", "href", "path", "file", "thumb")


def picture_names(column: Column) -> list[tuple[str, ...]]:
    """The files and addresses that every cell names: one, a list as people write them, or objects with an address."""
    if isinstance(column, list) or not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        cells = column if isinstance(column, list) else column.to_pylist()
        return [tuple(_named(cell)) for cell in cells]
    cells = [cell or "" for cell in column.to_pylist()]
    found: list[tuple[str, ...]] = []
    for cell, listed in zip(cells, lists(column), strict=True):
        cell = cell.strip()
        if not cell:
            found.append(())
        elif cell[:1] in "[{(":
            found.append(tuple(listed))
        else:
            found.append(tuple(filter(None, (part.strip() for part in _parts(cell)))))
    return found


def _parts(cell: str) -> list[str]:
    """A cell of several files or addresses, one for each; commas within an address stay."""
    for separator in ("|", ";", "\n"):
        if separator in cell:
            return cell.split(separator)
    parts = cell.split(",")
    starts = ("http://", "https://", "//")
    if len(parts) > 1 and all(part.strip().startswith(starts) or "." in part for part in parts):
        return parts if not cell.startswith(starts) or all(p.strip().startswith(starts) for p in parts) else [cell]
    return [cell]


def _named(cell: object) -> list[str]:
    if isinstance(cell, str):
        return [cell] if cell.strip() else []
    if isinstance(cell, Mapping):
        found = next((cell[key] for key in _PICTURE_KEYS if isinstance(cell.get(key), str) and cell[key]), None)
        return [] if found is None else [found]
    if isinstance(cell, list | tuple):
        return [name for inner in cell for name in _named(inner)]
    return []


def own_file(name: str, folder: Path) -> Path | None:
    """The file that a cell names, relative to a folder; None where there is none."""
    for spelled in dict.fromkeys((name, name.replace("\\", "/"))):  # as Windows writes paths
        path = Path(os.path.abspath(folder / spelled))
        try:
            if path.is_file():
                return path
        except (OSError, ValueError):
            return None
    return None
