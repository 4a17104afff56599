"""Brings logs of shops and apps into one row per event, and makes the items that they name.

Knows logs whose rows repeat what an item is: of each column the word that most of the item's rows say, or the last one,
counts. Works on whole columns: there may be tens of millions of rows.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genrec.data.layouts.beside import beside
from genrec.data.layouts.cells import column_called, converted, texts, with_columns
from genrec.data.layouts.layout import Shaped
from genrec.data.tables import Column, RefusedRow, Table, read_table
from genrec.data.tables.table import refused_row
from genrec.data.values import ids, times
from genrec.schema import IntArray

_CHARGES = frozenset((
    "POST", "D", "M", "DOT", "CRUK", "BANK CHARGES", "C2", "PADS", "AMAZONFEE", "S", "B", "ADJUST", "ADJUST2",
    "TEST001", "TEST002", "GIFT", "C3", "SP1002",
))  # fmt: skip


def split_part(table: Table) -> Shaped:
    """Events of one part of a given split, which the file's name says: X.train.csv, X.valid.csv, X.test.csv."""
    words = table.path.name.lower().split(".")
    label = next((word for word in ("train", "valid", "test") if word in words), "train")
    part = pa.chunked_array([pa.repeat(pa.scalar(label), len(table))])
    return Shaped(
        table=with_columns(table, {"part": part}),
        roles={"part": ("part",)},
        notes=(f"the split of {table.path.name} is kept",),
    )


def is_split_part(table: Table) -> bool:
    """Whether a file's name says which part of a split it is."""
    return bool({"train", "valid", "test"} & set(table.path.name.lower().split(".")[1:-1]))


def retail_invoices(table: Table) -> Shaped:
    """Lines of invoices: charges such as postage are no items; those of a cancelled invoice are returns."""
    code = column_called(table, "stock code")
    invoice = column_called(table, "invoice no", "invoice")
    assert code is not None
    assert invoice is not None
    codes = pc.utf8_upper(pc.utf8_trim_whitespace(_strings(table.columns[code])))
    is_charge = np.asarray(pc.is_in(codes, pa.array(sorted(_CHARGES))).to_numpy(zero_copy_only=False), np.bool_)
    refused = _sampled(table, np.flatnonzero(is_charge), "a charge, no item", code)
    kept = table.take(np.flatnonzero(~is_charge)) if is_charge.any() else table
    is_return = pc.starts_with(pc.utf8_upper(_strings(kept.columns[invoice])), "C")
    kind = pc.if_else(is_return, "return", "purchase")
    kept = replace(with_columns(kept, {"kind": kind}), refused=(*table.refused, *refused))
    date = column_called(kept, "invoice date")
    if date is not None and times(kept.columns[date], name=date).ambiguous:  # the collection's months come first
        found = times(kept.columns[date], name=date, day_first=False)
        moments = pa.array(found.milliseconds, pa.timestamp("ms"), mask=~found.present)
        kept = with_columns(kept, {date: pa.chunked_array([moments])})
    num = int(is_charge.sum())
    return Shaped(
        table=kept,
        roles={"kind": ("kind",)},
        notes=(f"{num:,} lines of charges such as postage are no items",) if num else (),
    )


def _sampled(table: Table, places: IntArray, reason: str, shown: str) -> list[RefusedRow]:
    said = texts(table.take(places), shown)
    return [refused_row(int(table.lines[row]), reason, what) for row, what in zip(places, said, strict=True)]


def retail_items(table: Table) -> Shaped:
    """The items of invoices: the description that most lines have, the last price."""
    code = column_called(table, "stock code")
    title = column_called(table, "description")
    price = column_called(table, "unit price", "price")
    assert code is not None
    return items_in_events(table, code, commonest=[title], last=[price], title=title, price=price)


def category_items(table: Table) -> Shaped:
    """The items of the multi-category store: the last category path, brand and price of each."""
    item_id, price = column_called(table, "product id"), column_called(table, "price")
    assert item_id is not None
    names = [column_called(table, name) for name in ("category code", "brand")]
    shaped = items_in_events(table, item_id, commonest=[], last=[*names, price], title=None, price=price)
    if names[0] is not None:
        shaped = replace(shaped, table=converted(shaped.table, names[0], lambda path: path.split(".")))
    return replace(shaped, left_out={"category_id": "a number whose name is the category_code"})


def titled_items(table: Table) -> Shaped:
    """Items of events that name them by title alone."""
    item_id = column_called(table, "column 2", "game", "title")
    assert item_id is not None
    found = items_in_events(table, item_id, commonest=[], last=[], title=None, price=None)
    column = found.table.columns[item_id]
    return replace(
        found, table=with_columns(found.table, {"title": column}), roles={"item_id": (item_id,), "title": ("title",)}
    )


def items_in_events(
    table: Table,
    item_id: str,
    *,
    commonest: Sequence[str | None],
    last: Sequence[str | None],
    title: str | None,
    price: str | None,
) -> Shaped:
    """The items that events name, in order of appearance: of some columns the commonest value, of others the last."""
    names = ids(table.columns[item_id]).values.combine_chunks()
    coded = names.dictionary_encode()
    codes_E = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    num_items = len(coded.dictionary)
    firsts = np.full(num_items, -1, np.int64)
    firsts[codes_E[::-1][codes_E[::-1] >= 0]] = np.flatnonzero(codes_E >= 0)[::-1]
    columns: dict[str, Column] = {item_id: pa.chunked_array([coded.dictionary])}
    for name in filter(None, last):
        columns[name] = _at(table.columns[name], _last_places(table.columns[name], codes_E, num_items))
    for name in filter(None, commonest):
        columns[name] = _at(table.columns[name], _common_places(table.columns[name], codes_E, num_items))
    lines = np.asarray(table.lines, np.int64)[firsts]
    roles = {"item_id": (item_id,)} | ({"title": (title,)} if title else {}) | ({"price": (price,)} if price else {})
    return Shaped(table=Table(path=table.path, columns=columns, lines=lines), roles=roles)


def _strings(column: Column) -> pa.ChunkedArray:
    if isinstance(column, list):
        return pa.chunked_array([pa.array([None if cell is None else str(cell) for cell in column], pa.string())])
    return column if pa.types.is_string(column.type) else column.cast(pa.string(), safe=False)


def _is_filled(column: Column) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    said = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(_strings(column)), ""), False)
    return np.asarray(said.to_numpy(zero_copy_only=False), np.bool_)


def _last_places(column: Column, codes_E: IntArray, num_items: int) -> IntArray:
    """The last row of every item in which a column is filled, -1 where there is none."""
    places = np.full(num_items, -1, np.int64)
    rows = np.flatnonzero(_is_filled(column) & (codes_E >= 0))
    places[codes_E[rows]] = rows
    return places


def _common_places(column: Column, codes_E: IntArray, num_items: int) -> IntArray:
    """A row of every item in which a column has the value that it has most often there, -1 where it is never filled."""
    said = _strings(column).combine_chunks().dictionary_encode()
    values_E = said.indices.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    rows = np.flatnonzero(_is_filled(column) & (codes_E >= 0))
    pairs = codes_E[rows] * (len(said.dictionary) + 1) + values_E[rows]
    different, first, counts = np.unique(pairs, return_index=True, return_counts=True)
    order = np.lexsort((-first, counts))
    places = np.full(num_items, -1, np.int64)
    places[(different // (len(said.dictionary) + 1))[order]] = rows[first[order]]
    return places


def _at(column: Column, places: IntArray) -> Column:
    if isinstance(column, list):
        return [column[place] if place >= 0 else None for place in places]
    return column.take(pa.array(places, mask=places < 0))


def retailrocket_items(table: Table) -> Shaped:
    """Items with their last category and whether they can be had, of properties that are listed one a row."""
    tables, files = [table], []
    other = beside(table.path, "item_properties_part2")
    if other is not None and "part1" in table.path.name:
        tables.append(read_table(other))
        files.append(other)
    wanted = pa.array(["categoryid", "available"])
    parts = []
    for one in tables:
        named = {
            name: _strings(one.columns[name])
            for name in ("itemid", "property", "value", "timestamp")
            if name in one.columns
        }
        keep = pc.is_in(named["property"], wanted)
        parts.append({name: column.filter(keep) for name, column in named.items()})
    joined = {
        name: pa.chunked_array([chunk for part in parts for chunk in part[name].chunks], pa.string())
        for name in parts[0]
    }
    order = (
        np.argsort(joined["timestamp"].cast(pa.float64()).to_numpy(), kind="stable") if "timestamp" in joined else None
    )
    names = joined["itemid"].combine_chunks().dictionary_encode()
    codes, values, properties = names.indices.to_numpy(), joined["value"].to_pylist(), joined["property"].to_pylist()
    category: list[str | None] = [None] * len(names.dictionary)
    available: list[str | None] = [None] * len(names.dictionary)
    for row in order if order is not None else range(len(codes)):
        target = category if properties[row] == "categoryid" else available
        target[codes[row]] = values[row]
    tree = _category_paths(table)
    columns = {
        "itemid": pa.chunked_array([names.dictionary]),
        "category": [tree.get(name or "", [name] if name else []) for name in category],
        "available": available,
    }
    return Shaped(
        table=replace(Table.of(table.path, columns), notes=table.notes, refused=table.refused),
        roles={"item_id": ("itemid",), "availability": ("available",)},
        beside=tuple(files) + tuple(file for file in [beside(table.path, "category_tree")] if file),
        notes=("properties other than category and availability are hashed words and were left out",),
    )


def _category_paths(table: Table) -> dict[str, list[str]]:
    """The path of each category from the broadest on, of category_tree.csv."""
    file = beside(table.path, "category_tree")
    if file is None:
        return {}
    tree = read_table(file)
    above = dict(zip(texts(tree, "categoryid"), texts(tree, "parentid"), strict=True))
    paths = {}
    for name in above:
        path, seen = [name], {name}
        while (upper := above.get(path[-1], "")) and upper not in seen:
            path.append(upper)
            seen.add(upper)
        paths[name] = path[::-1]
    return paths


def instacart_orders(table: Table) -> Shaped:
    """Products of orders with the person of each order, in the order of a person's orders; days alone say no time."""
    file = beside(table.path, "orders")
    if file is None:
        return Shaped(table=table, roles={}, notes=("orders.csv, which says whose an order is, is not here",))
    orders = read_table(file)
    found = {name: np.array(texts(orders, name)) for name in ("order_id", "user_id", "order_number")}
    place = {order: row for row, order in enumerate(found["order_id"])}
    rows = np.array([place.get(order, -1) for order in texts(table, column_called(table, "order id"))], np.int64)
    kept = np.flatnonzero(rows >= 0)
    number = found["order_number"].astype(np.int64)[rows[kept]]
    order = np.lexsort((kept, number))
    kept, rows = kept[order], rows[kept][order]
    table = table.take(kept)
    users = pa.chunked_array([pa.array(found["user_id"][rows])])
    return Shaped(
        table=with_columns(table, {"user_id": users}),
        roles={"user_id": ("user_id",)},
        beside=(file,),
        notes=("orders are numbered for each person, and have no time",),
    )


def instacart_products(table: Table) -> Shaped:
    """Products with the names of their aisles and departments."""
    columns, files, left_out = {}, [], {}
    for name, plural in (("aisle", "aisles"), ("department", "departments")):
        file, key = beside(table.path, plural), column_called(table, f"{name} id")
        if file is None or key is None:
            continue
        known = read_table(file)
        said = dict(zip(texts(known, f"{name}_id"), texts(known, name), strict=True))
        columns[name] = [said.get(one) for one in texts(table, key)]
        left_out[key] = f"became the {name}"
        files.append(file)
    return Shaped(table=with_columns(table, columns), roles={}, left_out=left_out, beside=tuple(files))


def kuairand_log(table: Table) -> Shaped:
    """Views of videos with what a person did at each: hated, liked, followed …, watched long, clicked, or only seen."""
    kinds = pa.chunked_array([pa.repeat(pa.scalar("impression"), len(table))])
    for name, kind in (
        ("is_click", "click"),
        ("long_view", "complete"),
        ("is_follow", "follow"),
        ("is_forward", "share"),
        ("is_like", "like"),
        ("is_hate", "hate"),
    ):
        if name in table.columns:
            says = pc.fill_null(pc.is_in(_strings(table.columns[name]), pa.array(["1", "1.0", "true"])), False)
            kinds = pc.if_else(says, kind, kinds)
    return Shaped(table=with_columns(table, {"kind": kinds}), roles={"kind": ("kind",)})
