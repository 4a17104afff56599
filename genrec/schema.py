"""The frozen value types that cross rooms.

Knows what an item, an event, an embedding and a recommendation are; deliberately knows nothing of files, models or
how any of them is made.

Axis legend: N items, D features, E events.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genrec.errors import ShapeError, SourceError, UnknownItem, UnknownUser
from genrec.offers import PRICE, Offer

AttributeValue = str | float | bool | tuple[str, ...]
SemanticId = tuple[int, ...]
FloatArray = npt.NDArray[np.float32]
HalfArray = npt.NDArray[np.float16]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
FeedbackArray = npt.NDArray[np.int8]
PartArray = npt.NDArray[np.int8]
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
    """One thing that can be recommended; any of its content may be missing, and all of it where events name the item.

    attributes: name to a string, a number, a truth value or a tuple of strings (several values, such as genres).
    image, audio: paths to files that exist when the item is ingested; more_images: its further pictures; video: a file,
    or the address of one. These are its content, what vectors are made of, a video where it is a file.
    offer: how it is sold; removed: whether it may no longer be recommended. These change without anything made again.
    """

    item_id: str
    title: str = ""
    text: str = ""
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    image: Path | None = None
    audio: Path | None = None
    more_images: tuple[Path, ...] = ()
    video: Path | str | None = None
    offer: Offer | None = None
    removed: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))

    def __reduce__(self) -> tuple[object, ...]:
        return _make_item, tuple(
            dict(self.attributes) if entry.name == "attributes" else getattr(self, entry.name) for entry in fields(self)
        )

    @property
    def name(self) -> str:
        """What it is called wherever it is shown: its title, else its id."""
        return self.title or self.item_id

    @property
    def has_content(self) -> bool:
        """Whether anything is known of it beside its id and what events say."""
        return bool(
            self.title or self.text or self.attributes or self.image or self.audio or isinstance(self.video, Path)
        )

    @property
    def is_drawable(self) -> bool:
        """Whether anything tells what it looks like: a picture, or words, and not numbers alone."""
        values = (
            part for value in self.attributes.values() for part in (value if isinstance(value, tuple) else (value,))
        )
        said = any(isinstance(value, str) and any(map(str.isalpha, value)) for value in values)
        return bool(self.image or self.title or self.text) or said

    @property
    def price(self) -> float | None:
        """Its price, None where it has none that is a number."""
        price = self.attributes.get(PRICE)
        return float(price) if isinstance(price, int | float) and not isinstance(price, bool) else None

    @property
    def available(self) -> bool:
        """Whether it can be had; what is unknown can be."""
        return not self.removed and (self.offer is None or self.offer.available)

    @property
    def words(self) -> str:
        """Title, description and attribute values as one line: what a text encoder reads."""
        values = [f"{name}: {format_attribute(value)}" for name, value in self.attributes.items()]
        return ". ".join(part for part in (self.title, self.text, "; ".join(values)) if part)

    def sale(self, price: float | None = None) -> dict[str, object]:
        """How it is sold as plain JSON values, None where unknown. price: in place of the attribute of that name."""
        offer = Offer() if self.offer is None else self.offer
        return {
            "price": self.price if price is None else price,
            "price_upper": offer.price_upper,
            "currency": offer.currency,
            "availability": offer.availability,
            "available": self.available,
            "link": offer.link,
            "variants": [variant.record() for variant in offer.variants],
        }

    def record(self) -> dict[str, object]:
        """Its content as plain JSON values, in a fixed key order; without its offer, and whether it is removed."""
        more = {"more_images": [str(path) for path in self.more_images], "video": self.video and str(self.video)}
        return {
            "item_id": self.item_id,
            "title": self.title,
            "text": self.text,
            "attributes": {k: list(v) if isinstance(v, tuple) else v for k, v in sorted(self.attributes.items())},
            "image": None if self.image is None else str(self.image),
            "audio": None if self.audio is None else str(self.audio),
            **{name: value for name, value in more.items() if value},
        }


def _make_item(*values: Any) -> Item:  # Any: the fields' values in order
    return Item(**dict(zip((entry.name for entry in fields(Item)), values, strict=True)))


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

    The id of a variant stands for its item wherever an item is looked up, unless an item has that id, or several items
    have such a variant. Raises SourceError when an identifier appears twice or there is no item.
    """

    items: tuple[Item, ...]
    _rows: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _removed_rows: IntArray = field(init=False, repr=False, compare=False)
    _columns: dict[str, Column] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        rows = {item.item_id: row for row, item in enumerate(self.items)}
        if not rows:
            raise SourceError("the catalog has no item; wanted at least one with content, or with an event")
        if len(rows) != len(self.items):
            raise SourceError(f"{len(self.items) - len(rows)} item ids appear twice; make item ids unique")
        rows |= _variant_rows(self.items, rows)
        object.__setattr__(self, "_rows", rows)
        removed = [row for row, item in enumerate(self.items) if item.removed]
        object.__setattr__(self, "_removed_rows", np.array(removed, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._rows

    def __getitem__(self, item_id: str) -> Item:
        return self.items[self.row(item_id)]

    def find(self, any_id: str) -> int | None:
        """The row of the item that an id of its own or of a variant stands for; None of an unknown one."""
        return self._rows.get(any_id)

    def row(self, item_id: str) -> int:
        """The row of one item; see `find`. Raises UnknownItem."""
        row = self.find(item_id)
        if row is None:
            raise UnknownItem(
                f"item {item_id!r} is not in the catalog of {len(self.items)} items; "
                f"its ids look like {self.items[0].item_id!r}"
            )
        return row

    def item_id(self, any_id: str) -> str:
        """The id of the item that an id of its own or of a variant stands for. Raises UnknownItem."""
        return self[any_id].item_id

    @property
    def row_of_id(self) -> Mapping[str, int]:
        """The row by every id of an item, or of a variant."""
        return self._rows

    def rows(self, item_ids: Iterable[str]) -> IntArray:
        """The rows of several items, int64. Raises UnknownItem."""
        return np.array([self.row(item_id) for item_id in item_ids], dtype=np.int64)

    @property
    def removed_rows(self) -> IntArray:
        """The rows of items that may no longer be recommended, int64, ascending."""
        return self._removed_rows

    def column(self, attribute: str) -> Column:
        """One attribute of all items, sorted out once if any has it."""
        column = self._columns.get(attribute)
        if column is None:
            column = Column.of(item.attributes.get(attribute) for item in self.items)
            if column.values:
                self._columns[attribute] = column
        return column

    def column_names(self) -> Iterator[str]:
        """The attributes' names, item by item."""
        return (name for item in self.items for name in item.attributes)

    @property
    def fingerprint(self) -> str:
        """16 hex digits over every item's content, in order; image bytes are not read."""
        digest = hashlib.sha256()
        for item in self.items:
            digest.update(json.dumps(item.record(), sort_keys=True, ensure_ascii=False).encode())
        return digest.hexdigest()[:16]


def _variant_rows(items: Sequence[Item], taken: Mapping[str, int]) -> dict[str, int]:
    """The row of each variant's item, by the variant's id where that is no item's and no other item's variant's."""
    rows: dict[str, int] = {}
    shared = set()
    for row, item in enumerate(items):
        for variant in () if item.offer is None else item.offer.variants:
            if variant.variant_id not in taken and rows.setdefault(variant.variant_id, row) != row:
                shared.add(variant.variant_id)
    return {variant_id: row for variant_id, row in rows.items() if variant_id not in shared}


TRAIN, VALIDATION, TEST = 0, 1, 2  # the parts of a given split, as `Interactions.parts` holds them
POSITIVE, NEUTRAL, NEGATIVE = 1, 0, -1  # what an event says of its item, as `Interactions.feedback` holds it


@dataclass(frozen=True, slots=True, kw_only=True)
class Interactions:
    """Events in columns, sorted by (user, time); ties keep their input order.

    user_ids, item_ids, kinds: object arrays of str (E,); timestamps: int64 Unix seconds, UTC; feedback: int8, +1 for a
    positive event, 0 for a neutral, -1 for a negative one; weights: float32, the event's strength, above 0, 1 for an
    ordinary one. parts: int8, the part of a given split, 0 to train on, 1 to validate, 2 to test; None where none is
    given. has_times: False where the order of the source stands in for times. Build with `Interactions.sort`, which
    sorts and checks. Users keep the order of their first appearance.
    """

    user_ids: StringArray
    item_ids: StringArray
    timestamps: IntArray
    kinds: StringArray
    feedback: FeedbackArray
    weights: FloatArray
    parts: PartArray | None = None
    has_times: bool = True

    @classmethod
    def sort(
        cls,
        *,
        user_ids: Sequence[str] | StringArray | Column,
        item_ids: Sequence[str] | StringArray | Column,
        timestamps: Sequence[int] | IntArray | None = None,
        timestamps_ms: IntArray | None = None,
        kinds: Sequence[str] | StringArray | Column | None = None,
        feedback: Sequence[int] | FeedbackArray | None = None,
        weights: Sequence[float] | FloatArray | None = None,
        parts: PartArray | None = None,
    ) -> "Interactions":
        """Sort columns of equal length by (user, time), stably. Missing times count up in input order.

        Texts come as they are or, which is quick for millions of events, as a `Column` of texts, whose every place
        must name one. timestamps_ms: in place of timestamps, int64 Unix milliseconds: the order within a second is
        theirs, and seconds are kept. feedback: all positive where there is none; weights: all 1.
        """
        num_events = _num_rows(user_ids)
        times = np.arange(num_events) if timestamps is None else np.asarray(timestamps).astype(np.int64)
        times = times if timestamps_ms is None else timestamps_ms
        signs = np.ones(num_events, np.int8) if feedback is None else np.asarray(feedback, np.int8)
        strengths = np.ones(num_events, np.float32) if weights is None else np.asarray(weights, np.float32)
        kind_texts = Column(("interaction",), np.zeros(num_events, np.int64)) if kinds is None else kinds
        for name, column in (
            *(("item_ids", item_ids), ("timestamps", times), ("kinds", kind_texts)),
            *(("feedback", signs), ("weights", strengths)),
        ):
            if _num_rows(column) != num_events:
                raise ShapeError(
                    f"{name} has {_num_rows(column)} rows, user_ids has {num_events}; give columns of equal length"
                )
        order = _order_by_user_and_time(user_ids, times)
        return cls(
            user_ids=_texts_at(user_ids, order),
            item_ids=_texts_at(item_ids, order),
            timestamps=times[order] if timestamps_ms is None else times[order] // 1000,
            kinds=_texts_at(kind_texts, order),
            feedback=signs[order],
            weights=strengths[order],
            parts=None if parts is None else parts[order],
            has_times=timestamps is not None or timestamps_ms is not None or not num_events,
        )

    def __len__(self) -> int:
        return len(self.user_ids)

    def select(self, keep: BoolArray | IntArray) -> "Interactions":
        """The events that a mask (E,) or ascending row numbers name; order is kept."""
        if keep.dtype == np.bool_ and keep.all():
            return self
        return Interactions(
            user_ids=self.user_ids[keep],
            item_ids=self.item_ids[keep],
            timestamps=self.timestamps[keep],
            kinds=self.kinds[keep],
            feedback=self.feedback[keep],
            weights=self.weights[keep],
            parts=None if self.parts is None else self.parts[keep],
            has_times=self.has_times,
        )

    def user_starts(self) -> IntArray:
        """The first row of each user, ascending."""
        return np.flatnonzero(np.r_[len(self) > 0, self.user_ids[1:] != self.user_ids[:-1]])

    def user_bounds(self) -> dict[str, tuple[int, int]]:
        """Each user's first row and the row after the last, users in stored order."""
        if not len(self):
            return {}
        starts = self.user_starts()
        ends = np.r_[starts[1:], len(self)]
        return {str(self.user_ids[s]): (int(s), int(e)) for s, e in zip(starts, ends, strict=True)}

    def positives(self) -> "Interactions":
        """The positive events that hold, without those of an item that the user judged negatively later.

        The latest judgment of a user and an item counts; neutral events are none.
        """
        return self.select(self.are_positive())

    def are_positive(self, among: BoolArray | None = None) -> BoolArray:
        """Which events `positives` keeps, bool (E,). among: a mask (E,), as if there were no other events."""
        is_judged = self.feedback != NEUTRAL if among is None else among & (self.feedback != NEUTRAL)
        is_positive: BoolArray = is_judged & (self.feedback == POSITIVE)
        if (self.feedback[is_judged] == NEGATIVE).any():
            is_positive &= self._latest_judgments(is_judged) == POSITIVE
        return is_positive

    def histories(self) -> dict[str, tuple[str, ...]]:
        """Each user's items by positive events, oldest first; users without any are left out."""
        likes = self.positives()
        return {user: tuple(likes.item_ids[start:end]) for user, (start, end) in likes.user_bounds().items()}

    def history(self, user_id: str) -> tuple[str, ...]:
        """One user's items by positive events, oldest first. Raises UnknownUser."""
        return tuple(self._of_user(user_id).positives().item_ids)

    def aversions(self) -> dict[str, tuple[str, ...]]:
        """The items that each user judged negatively at last, in the order of judgment; users without any left out."""
        rows = np.flatnonzero(self.feedback == NEGATIVE)
        if len(rows):
            rows = rows[self._latest_judgments(self.feedback != NEUTRAL)[rows] == NEGATIVE]
        dislikes = self.select(rows)
        return {
            user: tuple(dict.fromkeys(dislikes.item_ids[start:end].tolist()))
            for user, (start, end) in dislikes.user_bounds().items()
        }

    def aversion(self, user_id: str) -> tuple[str, ...]:
        """The items that one user judged negatively at last. Raises UnknownUser."""
        return self._of_user(user_id).aversions().get(user_id, ())

    def _of_user(self, user_id: str) -> "Interactions":
        rows = np.flatnonzero(self.user_ids == user_id)
        if not len(rows):
            raise UnknownUser(f"user {user_id!r} has no events here; give --history with item ids, or a known user")
        return self.select(rows)

    def _latest_judgments(self, is_judged: BoolArray) -> FeedbackArray:
        """What the user of each judged event says at last of its item, int8 (E,); 0 for all other events."""
        judged = np.flatnonzero(is_judged)
        items = text_codes(self.item_ids[judged])
        pairs = np.cumsum(np.r_[False, self.user_ids[1:] != self.user_ids[:-1]])[judged]
        pairs *= items.max(initial=0) + 1
        pairs += items
        del items  # of millions of events, each of these is hundreds of megabytes
        order = np.argsort(pairs, kind="stable")  # the judgments of one user and item side by side, the last one last
        pairs = pairs[order]
        is_last = np.r_[pairs[1:] != pairs[:-1], True]
        del pairs
        latest = np.zeros(len(self), np.int8)
        latest[judged[order]] = self.feedback[judged[order[is_last]]][np.cumsum(is_last) - is_last]
        return latest


def coded_texts(texts: Sequence[str] | StringArray) -> Column:
    """Texts as their different ones, in order of first appearance, and int64 places (E,) among these.

    Texts of millions of events are few objects, which are told apart first, and only then what they say.
    """
    objects = np.ascontiguousarray(np.asarray(texts, dtype=object))
    by_object = pa.array(np.frombuffer(objects, dtype=np.int64)).dictionary_encode()
    places_E = by_object.indices.to_numpy().astype(np.int64)
    first_V = np.full(len(by_object.dictionary), len(objects), dtype=np.int64)
    first_V[places_E[::-1]] = np.arange(len(objects))[::-1]  # of equal places the last is kept: the first appearance
    known: dict[str, int] = {}
    code_V = np.array([known.setdefault(str(text), len(known)) for text in objects[first_V]], dtype=np.int64)
    return Column(tuple(known), code_V[places_E] if len(known) < len(code_V) else places_E)


def text_codes(texts: Sequence[str] | StringArray) -> IntArray:
    """int64 codes (E,) of texts, counted up by first appearance."""
    return coded_texts(texts).places_N


def _order_by_user_and_time(users: Sequence[str] | StringArray | Column, times: IntArray) -> IntArray:
    """Row numbers (E,) by (first appearance of the user, time), stably."""
    if isinstance(users, Column):
        codes = users.places_N
        first_V = np.full(len(users.values), len(codes), dtype=np.int64)
        first_V[codes[::-1]] = np.arange(len(codes))[::-1]  # of equal places the last is kept: the first appearance
        rank_V = np.empty(len(first_V), dtype=np.int64)
        rank_V[np.argsort(first_V, kind="stable")] = np.arange(len(first_V))
        ranks = rank_V[codes]
    else:
        ranks = text_codes(users)
    if not len(ranks):
        return np.zeros(0, dtype=np.int64)
    span = int(times.max()) - int(times.min()) + 1
    if span * (int(ranks.max()) + 1) >= 2**63:
        return np.lexsort((times, ranks))
    return np.argsort(ranks * span + (times - times.min()), kind="stable")  # a third of the time of two keys


def _num_rows(column: Sequence[object] | npt.NDArray[Any] | Column) -> int:
    return len(column.places_N) if isinstance(column, Column) else len(column)


def _texts_at(texts: Sequence[str] | StringArray | Column, order: IntArray) -> StringArray:
    """Texts in another order, as an object array (E,)."""
    if not isinstance(texts, Column):
        return np.asarray(texts, dtype=object)[order]
    values = np.array([*texts.values, None], dtype=object)[:-1]
    return values[texts.places_N[order]]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A part of a picture, in shares of its width and height from the upper left."""

    x: float
    y: float
    w: float
    h: float


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
class RegionEvidence(Evidence):
    """What this person looks at in the item's picture.

    kind is region, source the item's id; weight: by how many nats the fuser's log-probability of the item falls where
    it does not see the region.
    """

    region: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why an item is recommended: a text whose every claim cites evidence that exists.

    reason: the heaviest of it in the few words that a card has room for, empty where nothing fits. phrased_by: "model"
    when the language model wrote the text, "template" when its text did not pass the check.
    """

    item_id: str
    text: str
    evidence: tuple[Evidence, ...]
    phrased_by: Literal["model", "template"]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visual:
    """A drawn picture and the record that reproduces it.

    mode: "scene", "variation" or "photo", as it was drawn; note: where that is not what was asked for, and what the
    model does not know, in one line. scores: of the picture that was chosen. taste, colors (#rrggbb), shaped_by (item
    ids, most telling first): what the person's history said, empty where nothing is known.
    generated: whether a trained model made any of it; else it is edited.
    """

    path: Path
    item_id: str
    seed: int
    models: Mapping[str, str]
    prompt: str
    scores: Mapping[str, float]
    license: str
    mode: str = "scene"
    note: str = ""
    words_not_drawn: tuple[str, ...] = ()
    taste: str = ""
    colors: tuple[str, ...] = ()
    shaped_by: tuple[str, ...] = ()
    generated: bool = True
