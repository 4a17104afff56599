"""A small world of tastes that fusers are tried on: people keep to a group of items, which pictures and words tell.

Half of what makes a group shows in pictures alone and half in words alone, so that both are worth more than one.
"""

from dataclasses import dataclass

import numpy as np

from genrec.data.arrays import unit_rows
from genrec.fusion import Events
from genrec.schema import Catalog, Embeddings, Item

NUM_ITEMS, NUM_PEOPLE, NUM_COLD = 160, 300, 16
_NUM_KINDS = 4  # of pictures, and of words; a group is one of each


@dataclass(frozen=True)
class World:
    """modalities: the last NUM_COLD items have no event, every tenth no picture. group_N: what people keep to."""

    modalities: dict[str, Embeddings]
    events: Events
    test: list[tuple[np.ndarray, int]]
    cold_test: list[tuple[np.ndarray, int]]
    group_N: np.ndarray

    def rows(self, rows: list[int]) -> dict[str, Embeddings]:
        """The modalities of some of the items."""
        return {
            name: Embeddings(name=name, vectors=e.vectors[rows], present=e.present[rows])
            for name, e in self.modalities.items()
        }

    def without(self, name: str) -> dict[str, Embeddings]:
        """All modalities but one."""
        return {other: e for other, e in self.modalities.items() if other != name}


def make_world(
    seed: int = 0,
    *,
    noise: float = 0.35,
    loyalty: float = 0.85,
    has_order: bool = True,
    follows: float = 0.5,
    num_learned: int = NUM_PEOPLE,
    overlap: float = 0.0,
    num_people: int = NUM_PEOPLE,
    lengths: tuple[int, int] = (5, 8),
) -> World:
    """People choose within one group with the probability of `loyalty`, else anything; never twice the same.

    num_learned: people whose events are given; all are tested. Where order counts, the next item is with the
    probability of `follows` the one after it in its group, so that a model that reads order gains. overlap: how much
    pictures show of what words tell, and the other way round, 1 being all of it. lengths: the
    fewest and the most events of a person, the last two of which validate and test.
    """
    rng = np.random.default_rng(seed)
    looks, words = rng.integers(_NUM_KINDS, size=(2, NUM_ITEMS))
    group = looks * _NUM_KINDS + words
    modalities = {
        "image": _view(rng, looks, 24, noise, np.arange(NUM_ITEMS) % 10 != 3, words, overlap),
        "text": _view(rng, words, 32, noise, np.ones(NUM_ITEMS, bool), looks, overlap),
    }
    known = np.arange(NUM_ITEMS) < NUM_ITEMS - NUM_COLD
    members = [np.flatnonzero((group == g) & known) for g in range(_NUM_KINDS**2)]
    cold_members = [np.flatnonzero((group == g) & ~known) for g in range(_NUM_KINDS**2)]
    usable = [g for g in range(_NUM_KINDS**2) if len(members[g]) > 5]
    histories, validation, test, cold_test = [], [], [], []
    for person in range(num_people):
        own = int(rng.choice(usable))
        chosen = _walk(
            rng,
            members[own],
            np.flatnonzero(known),
            loyalty,
            int(rng.integers(lengths[0], lengths[1] + 1)),
            follows * has_order,
        )
        if person < num_learned:
            histories.append(chosen[:-2])
            validation.append((chosen[:-2], int(chosen[-2])))
        test.append((chosen[:-1], int(chosen[-1])))
        if len(cold_members[own]):
            cold_test.append((chosen[:-1], int(rng.choice(cold_members[own]))))
    items = tuple(
        Item(
            item_id=f"i{row}",
            title=f"Item {row}",
            attributes={"look": f"look {looks[row]}", "word": f"word {words[row]}"},
        )
        for row in range(NUM_ITEMS)
    )
    events = Events(Catalog(items=items), histories, validation, has_order=has_order)
    return World(modalities, events, test, cold_test, group)


def recall(scores_BN: np.ndarray, cases: list[tuple[np.ndarray, int]], k: int = 10) -> float:
    """The share of cases whose target is among the k best, history masked."""
    hits = 0
    for scores_N, (history, target) in zip(scores_BN, cases, strict=True):
        masked_N = scores_N.copy()
        masked_N[history] = -np.inf
        hits += int(target in np.argsort(-masked_N)[:k])
    return hits / len(cases)


def _view(rng, kinds, width, noise, present, other_kinds, overlap) -> Embeddings:
    name = "image" if width == 24 else "text"
    vectors = rng.normal(size=(_NUM_KINDS, width))[kinds] + noise * rng.normal(size=(NUM_ITEMS, width)) + 1.0
    if overlap:
        vectors += overlap * rng.normal(size=(_NUM_KINDS, width))[other_kinds]
    return Embeddings(name=name, vectors=unit_rows(vectors) * present[:, None].astype(np.float32), present=present)


def _walk(rng, own, everything, loyalty, length, follows) -> np.ndarray:
    chosen: list[int] = []
    while len(chosen) < length:
        left = [row for row in own if row not in chosen]
        if not left or rng.random() > loyalty:
            left = [row for row in everything if row not in chosen]
        following = [row for row in left if chosen and row > chosen[-1]]
        chosen.append(int(following[0] if follows and following and rng.random() < follows else rng.choice(left)))
    return np.array(chosen, dtype=np.int64)
