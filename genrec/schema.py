"""The frozen value types that cross rooms.

Knows what an item, an event, an embedding and a recommendation are; deliberately knows nothing of files, models or
how any of them is made.

Axis legend: N items, D features, E events.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from genrec.errors import ShapeError, SourceError, UnknownItem, UnknownUser

AttributeValue = str | float | bool | tuple[str, ...]
SemanticId = tuple[int, ...]
FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
StringArray = npt.NDArray[np.object_]


MAX_ID_CHARS = 256
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def why_no_id(text: str) -> str | None:
    """Why a text cannot be the id of an item or a person, or None. Every id can stand, quoted, in a web address."""
    if not text:
        return "is empty"
    if len(text) > MAX_ID_CHARS:
        return f"is longer than {MAX_ID_CHARS} characters"
    if _UNPRINTABLE.search(text):
        return "holds a control character"
    if text in (".", ".."):
        return "is a step of a path, which no address can hold"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that can be recommended; any of image, text and audio may be missing, one must be there.

    attributes: name to a string, a number, a truth value or a tuple of strings (several values, such as genres).
    image, audio: paths to files that exist when the item is ingested.
    """

    item_id: str
    title: str = ""
    text: str = ""
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    image: Path | None = None
    audio: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))

    def __reduce__(self) -> tuple[object, ...]:
        return _make_item, (self.item_id, self.title, self.text, dict(self.attributes), self.image, self.audio)

    @property
    def words(self) -> str:
        """Title, description and attribute values as one line: what a text encoder reads."""
        values = [f"{name}: {format_attribute(value)}" for name, value in self.attributes.items()]
        return ". ".join(part for part in (self.title, self.text, "; ".join(values)) if part)

    def record(self) -> dict[str, object]:
        """The item as plain JSON values, in a fixed key order."""
        return {
            "item_id": self.item_id,
            "title": self.title,
            "text": self.text,
            "attributes": {k: list(v) if isinstance(v, tuple) else v for k, v in sorted(self.attributes.items())},
            "image": None if self.image is None else str(self.image),
            "audio": None if self.audio is None else str(self.audio),
        }


def _make_item(
    item_id: str,
    title: str,
    text: str,
    attributes: dict[str, AttributeValue],
    image: Path | None,
    audio: Path | None,
) -> Item:
    return Item(item_id=item_id, title=title, text=text, attributes=attributes, image=image, audio=audio)


def format_attribute(value: AttributeValue) -> str:
    """An attribute value as people write it: 12.5, yes, or a comma list."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else value


@dataclass(frozen=True, slots=True)
class Column:
    """The different values of an attribute, and which of them each item has: int64 (N,), -1 where it has none."""

    values: tuple[AttributeValue, ...]
    places_N: IntArray

    @classmethod
    def of(cls, values: Iterable[AttributeValue | None]) -> "Column":
        """Sort out the values of all items."""
        places: dict[tuple[type, AttributeValue], int] = {}  # by type, for True equals 1
        places_N = [-1 if v is None else places.setdefault((type(v), v), len(places)) for v in values]
        return cls(tuple(value for _, value in places), np.array(places_N, dtype=np.int64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The ordered items; row *i* is the same item in every artifact.

    Raises SourceError when an identifier appears twice or there is no item.
    """

    items: tuple[Item, ...]
    _rows: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _columns: dict[str, Column] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        rows = {item.item_id: row for row, item in enumerate(self.items)}
        if not rows:
            raise SourceError("the catalog has no item; wanted at least one with an image, a text or audio")
        if len(rows) != len(self.items):
            raise SourceError(f"{len(self.items) - len(rows)} item ids appear twice; make item ids unique")
        object.__setattr__(self, "_rows", rows)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._rows

    def __getitem__(self, item_id: str) -> Item:
        return self.items[self.row(item_id)]

    def row(self, item_id: str) -> int:
        """The row of one item. Raises UnknownItem."""
        row = self._rows.get(item_id)
        if row is None:
            raise UnknownItem(
                f"item {item_id!r} is not in the catalog of {len(self.items)} items; "
                f"its ids look like {self.items[0].item_id!r}"
            )
        return row

    def rows(self, item_ids: Iterable[str]) -> IntArray:
        """The rows of several items, int64. Raises UnknownItem."""
        return np.array([self.row(item_id) for item_id in item_ids], dtype=np.int64)

    def column(self, attribute: str) -> Column:
        """One attribute of all items, sorted out once if any has it."""
        column = self._columns.get(attribute)
        if column is None:
            column = Column.of(item.attributes.get(attribute) for item in self.items)
            if column.values:
                self._columns[attribute] = column
        return column

    @property
    def fingerprint(self) -> str:
        """16 hex digits over every item's content, in order; image bytes are not read."""
        digest = hashlib.sha256()
        for item in self.items:
            digest.update(json.dumps(item.record(), sort_keys=True, ensure_ascii=False).encode())
        return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interactions:
    """Events in columns, sorted by (user, time); ties keep their input order.

    user_ids, item_ids, kinds: object arrays of str (E,); timestamps: int64 Unix seconds, UTC; weights: float32.
    Build with `Interactions.sort`, which sorts and checks. Users keep the order of their first appearance.
    """

    user_ids: StringArray
    item_ids: StringArray
    timestamps: IntArray
    kinds: StringArray
    weights: FloatArray

    @classmethod
    def sort(
        cls,
        *,
        user_ids: Sequence[str] | StringArray,
        item_ids: Sequence[str] | StringArray,
        timestamps: Sequence[int] | IntArray | None = None,
        kinds: Sequence[str] | StringArray | None = None,
        weights: Sequence[float] | FloatArray | None = None,
    ) -> "Interactions":
        """Sort columns of equal length by (user, time), stably. Missing timestamps count up in input order."""
        num_events = len(user_ids)
        users = np.asarray(user_ids, dtype=object)
        items = np.asarray(item_ids, dtype=object)
        times = np.arange(num_events) if timestamps is None else np.asarray(timestamps)
        kind = np.full(num_events, "interaction", dtype=object) if kinds is None else np.asarray(kinds, dtype=object)
        weight = np.ones(num_events) if weights is None else np.asarray(weights)
        for name, column in (("item_ids", items), ("timestamps", times), ("kinds", kind), ("weights", weight)):
            if len(column) != num_events:
                raise ShapeError(
                    f"{name} has {len(column)} rows, user_ids has {num_events}; give columns of equal length"
                )
        first_seen: dict[str, int] = {}
        ranks = np.array([first_seen.setdefault(user, len(first_seen)) for user in users], dtype=np.int64)
        times = times.astype(np.int64)
        order = np.lexsort((times, ranks)) if num_events else np.zeros(0, dtype=np.int64)
        return cls(
            user_ids=users[order],
            item_ids=items[order],
            timestamps=times[order],
            kinds=kind[order],
            weights=weight[order].astype(np.float32),
        )

    def __len__(self) -> int:
        return len(self.user_ids)

    def select(self, keep: BoolArray | IntArray) -> "Interactions":
        """The events that a mask (E,) or ascending row numbers name; order is kept."""
        return Interactions(
            user_ids=self.user_ids[keep],
            item_ids=self.item_ids[keep],
            timestamps=self.timestamps[keep],
            kinds=self.kinds[keep],
            weights=self.weights[keep],
        )

    def user_bounds(self) -> dict[str, tuple[int, int]]:
        """Each user's first row and the row after the last, users in stored order."""
        if not len(self):
            return {}
        starts = np.flatnonzero(np.r_[True, self.user_ids[1:] != self.user_ids[:-1]])
        ends = np.r_[starts[1:], len(self)]
        return {str(self.user_ids[s]): (int(s), int(e)) for s, e in zip(starts, ends, strict=True)}

    def histories(self) -> dict[str, tuple[str, ...]]:
        """Each user's items, oldest first."""
        return {user: tuple(self.item_ids[start:end]) for user, (start, end) in self.user_bounds().items()}

    def history(self, user_id: str) -> tuple[str, ...]:
        """One user's items, oldest first. Raises UnknownUser."""
        rows = np.flatnonzero(self.user_ids == user_id)
        if not len(rows):
            raise UnknownUser(f"user {user_id!r} has no events here; give --history with item ids, or a known user")
        return tuple(self.item_ids[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """One modality's vectors, aligned to the catalog.

    vectors: float32 (N, D), unit rows where present, zero rows where absent; present: bool (N,).
    """

    name: str
    vectors: FloatArray
    present: BoolArray

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or self.present.shape != self.vectors.shape[:1]:
            raise ShapeError(
                f"embeddings {self.name!r}: vectors {self.vectors.shape} with mask {self.present.shape}; "
                "wanted (N, D) with (N,)"
            )

    @classmethod
    def absent(cls, name: str, num_items: int, num_features: int) -> "Embeddings":
        """A modality that none of the items has."""
        return cls(
            name=name, vectors=np.zeros((num_items, num_features), np.float32), present=np.zeros(num_items, np.bool_)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One recommended item: it exists and passes the filters. score_nats is its log-probability, natural log."""

    rank: int
    item_id: str
    title: str
    semantic_id: SemanticId
    score_nats: float


EvidenceKind = Literal["history", "attribute", "neighbor", "region"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One checkable reason.

    kind: where it comes from; source: the id of a history item, an attribute's name, or a neighbor's id; claim: what
    it says in words; weight: by how many nats the recommendation's score falls without it.
    """

    kind: EvidenceKind
    source: str
    claim: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why an item is recommended: a text whose every claim cites evidence that exists.

    phrased_by: "model" when the language model wrote the text, "template" when its text did not pass the check.
    """

    item_id: str
    text: str
    evidence: tuple[Evidence, ...]
    phrased_by: Literal["model", "template"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visual:
    """A generated picture and the record that reproduces it; `scores` are cosines in CLIP space."""

    path: Path
    item_id: str
    seed: int
    models: Mapping[str, str]
    prompt: str
    scores: Mapping[str, float]
    license: str
    generated: Literal[True] = True
