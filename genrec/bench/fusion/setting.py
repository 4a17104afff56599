"""What a trial of fusion is made on: a workspace's items and people, split, and what was changed to see what matters.

Knows splits and controls; deliberately knows nothing of systems.

Axis legend: N items, U people, D features of a modality.
"""

import csv
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from genrec.config import SplitConfig
from genrec.data.ingest import load_workspace_data
from genrec.data.splits import split_interactions
from genrec.encode.attributes import encode_attributes
from genrec.encode.collaborative import NAME as COLLABORATIVE
from genrec.encode.stage import load_embeddings
from genrec.errors import InputError
from genrec.fusion import Events
from genrec.generations import Generation
from genrec.schema import BoolArray, Catalog, Embeddings, IntArray, Interactions

COLD_SHARE = 0.05
SPLITS = ("time", "random", "given")
ONLY = "only-"  # before the name of a modality, which alone is then read
VARIANTS = ("whole", "no-image", "no-text", "shuffled", "cold", "reweighted")
_SPLIT_SEED = 7  # the same split whatever is learned on it
_PICTURES = ("image", "effnet", "video")  # modalities that show; the others tell
_TRAINED, _VALIDATED = 0.8, 0.9  # of each person's events, in a random split


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A workspace as it was ingested. embeddings: of its content; groups: by what people are grouped, what each is."""

    name: str
    catalog: Catalog
    interactions: Interactions
    embeddings: Mapping[str, Embeddings]
    groups: Mapping[str, Mapping[str, str]]

    @classmethod
    def open(cls, root: Path, people: Path | None = None) -> "Data":
        """Read a workspace; its vectors where it was encoded, else those it was given, and its attributes.

        people: a CSV of people, their id first, whose other columns group them. Raises ArtifactError, InputError.
        """
        data = load_workspace_data(root)
        folder = Generation.open_newest(root).folder / "embeddings"
        if folder.is_dir():
            embeddings = {name: e for name, e in load_embeddings(folder).items() if name != COLLABORATIVE}
        else:
            attributes = encode_attributes(data.catalog.items)
            embeddings = dict(data.features) | ({} if attributes is None else {"attributes": attributes})
        if not embeddings:
            raise InputError(f"{root} holds no vectors of its items; build it, or ingest it with --features NAME=FILE")
        return cls(
            name=root.resolve().name,
            catalog=data.catalog,
            interactions=data.interactions,
            embeddings=embeddings,
            groups={} if people is None else _groups(people),
        )

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that these events can be put to."""
        if self.interactions.parts is not None:
            return ("given",)
        return ("time", "random") if self.interactions.has_times else ("random",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is learned from and asked. asked: each person's known history and the rows that are to be found.

    people: their ids; num_trained_U: how many events of each were learned from; is_cold_N: items without such an event.
    """

    embeddings: Mapping[str, Embeddings]
    events: Events
    people: Sequence[str]
    asked: Sequence[tuple[IntArray, IntArray]]
    num_trained_U: IntArray
    is_cold_N: BoolArray
    has_pictures: bool


def make_setting(data: Data, split: str, variant: str, *, by: str | None = None) -> Setting:
    """Split a workspace's events and change what the variant says.

    by: of `reweighted`, the groups whose people shall weigh the same together. Raises InputError where the variant
    means nothing here.
    """
    embeddings = _content(data.embeddings, variant)
    cold = _held_out(data.catalog) if variant == "cold" else np.zeros(len(data.catalog), bool)
    people, trained, validation, asked = _SPLITTERS[split](data, cold)
    events = Events(data.catalog, trained, validation, has_order=split == "time")
    if variant == "reweighted":
        if by is None or by not in data.groups:
            raise InputError(f"people are not grouped by {by!r}; give a CSV of people with such a column")
        events = replace(events, people_weights=_equal_weights([data.groups[by].get(name, "") for name in people]))
    return Setting(
        embeddings=embeddings,
        events=events,
        people=people,
        asked=asked,
        num_trained_U=np.array([len(history) for history in trained], np.int64),
        is_cold_N=~events.is_known_N,
        has_pictures=any(name in _PICTURES for name in embeddings),
    )


def _content(embeddings: Mapping[str, Embeddings], variant: str) -> dict[str, Embeddings]:
    """The modalities that a variant leaves; shuffled: every item has another's."""
    if variant == "shuffled":
        order = np.random.default_rng(_SPLIT_SEED).permutation(len(next(iter(embeddings.values())).vectors))
        return {
            n: Embeddings(name=n, vectors=e.vectors[order], present=e.present[order]) for n, e in embeddings.items()
        }
    if variant.startswith(ONLY):
        name = variant.removeprefix(ONLY)
        if name not in embeddings:
            raise InputError(f"{variant}: there is no modality {name!r}; choose among {', '.join(embeddings)}")
        return {name: embeddings[name]}
    gone = {"no-image": lambda name: name in _PICTURES, "no-text": lambda name: name not in _PICTURES}.get(variant)
    left = {name: e for name, e in embeddings.items() if gone is None or not gone(name)}
    if not left or (len(left) == len(embeddings) and gone is not None):
        raise InputError(f"{variant} leaves {', '.join(left) or 'nothing'} of {', '.join(embeddings)}")
    return left


_Found = tuple[list[str], list[IntArray], list[tuple[IntArray, int]], list[tuple[IntArray, IntArray]]]


def _by_time(data: Data, is_cold_N: BoolArray) -> _Found:
    """Leave one out: of each person's events the last is asked for, and the one before it stops the training."""
    people, trained, validation, asked = [], [], [], []
    for name, history in _histories(data).items():
        if len(history) < 3:
            continue
        known = history[:-2][~is_cold_N[history[:-2]]]
        people.append(name)
        trained.append(known)
        if not is_cold_N[history[-2]]:
            validation.append((known, int(history[-2])))
        before = history[:-1][~is_cold_N[history[:-1]]]
        asked.append((before, history[-1:]))
    return people, trained, validation, asked


def _at_random(data: Data, is_cold_N: BoolArray) -> _Found:
    """Of each person's items four fifths train, a tenth stops the training and a tenth is asked for, at random."""
    people, trained, validation, asked = [], [], [], []
    rng = np.random.default_rng(_SPLIT_SEED)
    for name, history in _histories(data).items():
        if len(history) < 3:
            continue
        shuffled = rng.permutation(np.unique(history))
        ends = max(1, int(_TRAINED * len(shuffled))), int(_VALIDATED * len(shuffled))
        known, judged, wanted = np.split(shuffled, (ends[0], max(ends)))
        known = known[~is_cold_N[known]]
        people.append(name)
        trained.append(known)
        validation += [(known, int(row)) for row in judged if not is_cold_N[row]]
        asked.append((known, wanted))
    return people, trained, validation, asked


def _as_given(data: Data, is_cold_N: BoolArray) -> _Found:
    split = split_interactions(data.interactions, SplitConfig(protocol="given"))
    rows = data.catalog.rows
    known = {name: rows(history) for name, history in split.train.histories().items()}
    known = {name: history[~is_cold_N[history]] for name, history in known.items()}
    wanted: dict[str, list[int]] = {name: [] for name in known}
    for case in split.test:
        wanted.setdefault(case.user_id, []).append(data.catalog.row(case.target))
    judged = [(case.user_id, data.catalog.row(case.target)) for case in split.validation]
    nothing = np.zeros(0, np.int64)
    validation = [(known[name], row) for name, row in judged if name in known and not is_cold_N[row]]
    people = list(wanted)
    asked = [(known.get(name, nothing), np.array(wanted[name], np.int64)) for name in people]
    return people, [known.get(name, nothing) for name in people], validation, asked


_SPLITTERS: Mapping[str, Callable[[Data, BoolArray], _Found]] = {
    "time": _by_time,
    "random": _at_random,
    "given": _as_given,
}


def _histories(data: Data) -> dict[str, IntArray]:
    """What each person liked, oldest first, the first time alone."""
    found = {}
    for name, history in data.interactions.select(data.interactions.are_positive()).histories().items():
        rows = data.catalog.rows(history)
        found[name] = rows[np.sort(np.unique(rows, return_index=True)[1])]
    return found


def _held_out(catalog: Catalog) -> BoolArray:
    """Items without an event in training, by a hash of their ids, as `split.cold_share` holds them out."""
    hashes = [hashlib.blake2b(item.item_id.encode(), digest_size=8).digest() for item in catalog]
    return np.array([int.from_bytes(digest, "big") / 2**64 < COLD_SHARE for digest in hashes])


def _equal_weights(labels: Sequence[str]) -> np.ndarray:
    values, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / (len(values) * counts[inverse]))


def _groups(path: Path) -> dict[str, dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.reader(stream))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); wanted a CSV of people, their id first") from error
    if len(rows) < 2 or len(rows[0]) < 2:
        raise InputError(f"{path} has no people with a group; wanted a CSV with a header, their id first")
    return {
        column: {row[0]: row[place] for row in rows[1:] if len(row) > place}
        for place, column in enumerate(rows[0])
        if place
    }
