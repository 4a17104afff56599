"""Readings: what every reader hands over, and the checks that every row passes on its way there.

Knows what makes an item or an event usable; deliberately knows nothing of any source's layout.
"""

import math
import os
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from genrec.data.media import Folders
from genrec.data.readers.images import ImageCheck
from genrec.errors import SourceError
from genrec.schema import AttributeValue, Catalog, Interactions, Item, StringArray, why_no_id

_MAX_CONTENT = 500  # characters of a refused row that are kept
_TIMES = (-(2**40), 2**40)  # Unix seconds that can be meant


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One row that could not be used. line counts from 1; 0 when the row has no line, such as a broken image."""

    source_file: str
    line: int
    reason: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reader made of a source. details: facts that recreate it, kept in the catalog's manifest."""

    catalog: Catalog
    interactions: Interactions
    refused: tuple[Refusal, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What a person may say about a source; each reader takes the ones it names in READERS.

    columns: target to column name, such as item_id to sku. items, events, images: files and folder, where they are not
    found by name. domains: seen or held-out. given_ids: items that have a given vector and so need no text or image.
    media_directory: where a reader that makes pictures writes them.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    items: Path | None = None
    events: Path | None = None
    images: Path | None = None
    seed: int | None = None
    domains: str | None = None
    num_items: int | None = None
    num_people: int | None = None
    given_ids: frozenset[str] = frozenset()
    media_directory: Path | None = None


class Assembler:
    """Collects items first, events second; what is not usable is refused with its file, line and reason."""

    def __init__(self, options: ReadOptions, media: Iterable[Path | None] = ()) -> None:
        """media: the source's own folder, and any that the user named; a folder that was found in it is no other.

        Pictures and sounds from elsewhere, links followed, are refused, and their items stay.
        """
        self._media = Folders([folder for folder in media if folder is not None])
        self.refused: list[Refusal] = []
        self._given_ids = options.given_ids
        self._items: dict[str, Item] = {}
        self._origins: dict[str, tuple[Path, int]] = {}
        self._item_codes: dict[str, int] = {}
        self._user_codes: dict[str, int] = {}
        self._kind_codes: dict[str, int] = {}
        self._users, self._targets, self._kinds = array("q"), array("q"), array("q")
        self._times, self._weights = array("q"), array("f")

    def refuse(self, path: Path, line: int, reason: str, content: object) -> None:
        """Note a row that cannot be used."""
        text = content if isinstance(content, str) else str(content)
        self.refused.append(Refusal(source_file=str(path), line=line, reason=reason, content=text[:_MAX_CONTENT]))

    def add_item(self, item: Item, path: Path, line: int) -> None:
        """Take an item, or refuse a row without a usable id or with one that was seen before."""
        if not item.item_id:
            self.refuse(path, line, "no item id", item.title or item.text)
        elif reason := why_no_id(item.item_id):
            self.refuse(path, line, f"item id {reason}", item.item_id)
        elif item.item_id in self._items:
            self.refuse(path, line, f"item id {item.item_id!r} appears twice; the first row counts", item.title)
        else:
            self._items[item.item_id] = item
            self._origins[item.item_id] = (path, line)

    def finish_items(self, check: ImageCheck | None = None) -> Catalog:
        """Verify pictures, refuse items with nothing usable, and close the catalog. Raises SourceError when empty."""
        self._refuse_foreign_media()
        broken = (check or ImageCheck()).broken({i: item.image for i, item in self._items.items() if item.image})
        for item_id, reason in broken.items():
            item = self._items[item_id]
            self.refuse(item.image or Path(), 0, f"broken image of item {item_id!r}: {reason}", item.title)
            self._items[item_id] = replace(item, image=None)
        for item_id, item in list(self._items.items()):
            if not (item.image or item.audio or item.words or item_id in self._given_ids):
                self.refuse(*self._origins[item_id], "item has no image, text, audio or given vector", item_id)
                del self._items[item_id]
        if not self._items:
            raise SourceError(f"no usable item in the source{self._summary()}; wanted ids with image, text or audio")
        self._item_codes = {item_id: code for code, item_id in enumerate(self._items)}
        return Catalog(items=tuple(self._items.values()))

    def _refuse_foreign_media(self) -> None:
        for item_id, item in self._items.items():
            image, audio = self._own(item.image), self._own(item.audio)
            for what, path, own in (("picture", item.image, image), ("audio", item.audio, audio)):
                if path != own:
                    reason = f"{what} is no file in the source's folders; the item stays if it has more"
                    self.refuse(*self._origins[item_id], reason, str(path))
            if (image, audio) != (item.image, item.audio):
                self._items[item_id] = replace(item, image=image, audio=audio)

    def _own(self, path: Path | None) -> Path | None:
        """The path of a file in the source's folders, None for any other."""
        return path if path is not None and self._media.hold(path) and os.path.isfile(path) else None

    def add_event(
        self,
        user_id: str,
        item_id: str,
        timestamp: float | None,
        path: Path,
        line: int,
        *,
        kind: str = "interaction",
        weight: float = 1.0,
    ) -> None:
        """Take an event, or refuse one without a usable user id, of an unknown item, or at no readable time (None).

        timestamp: Unix seconds, UTC; fractions are cut off.
        """
        code = self._item_codes.get(item_id)
        if not user_id:
            self.refuse(path, line, "event has no user id", item_id)
        elif user_id not in self._user_codes and (reason := why_no_id(user_id)):
            self.refuse(path, line, f"event's user id {reason}", user_id)
        elif code is None:
            self.refuse(path, line, f"event names the unknown item {item_id!r}", user_id)
        elif timestamp is None or not _TIMES[0] < timestamp < _TIMES[1]:
            self.refuse(path, line, "event has no readable time", f"{user_id} {item_id} {timestamp}")
        elif not math.isfinite(weight):
            self.refuse(path, line, "event has no finite weight", f"{user_id} {item_id} {weight}")
        else:
            self._users.append(self._user_codes.setdefault(user_id, len(self._user_codes)))
            self._targets.append(code)
            self._kinds.append(self._kind_codes.setdefault(kind, len(self._kind_codes)))
            self._times.append(int(timestamp))
            self._weights.append(weight)

    def finish(self, catalog: Catalog, details: Mapping[str, object] | None = None) -> Reading:
        """Sort the events and hand everything over."""
        interactions = Interactions.sort(
            user_ids=_names(self._user_codes, self._users),
            item_ids=_names(self._item_codes, self._targets),
            timestamps=np.array(self._times, dtype=np.int64),
            kinds=_names(self._kind_codes, self._kinds),
            weights=np.array(self._weights, dtype=np.float32),
        )
        return Reading(
            catalog=catalog, interactions=interactions, refused=tuple(self.refused), details=dict(details or {})
        )

    def _summary(self) -> str:
        if not self.refused:
            return " and no rows"
        reason, count = Counter(refusal.reason for refusal in self.refused).most_common(1)[0]
        return f" ({len(self.refused)} rows refused, {count} of them: {reason})"


def _names(codes: Mapping[str, int], column: "array[int]") -> StringArray:
    names = np.array([*codes, None], dtype=object)[:-1]
    return names[np.array(column, dtype=np.int64)]


def clean_attributes(attributes: Mapping[str, AttributeValue | None]) -> dict[str, AttributeValue]:
    """Leave out attributes that are absent, empty or not finite."""
    return {
        name: value
        for name, value in attributes.items()
        if value is not None and value not in ("", ()) and not (isinstance(value, float) and not math.isfinite(value))
    }
