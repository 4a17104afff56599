"""The whole demo shop: items, people and their events, drawn from one seed, with the truth behind every choice.

Knows everything about its people, so it can say how likely each next item is (the oracle) and why (the causes).
Recommenders never see it; only the files it writes.
"""

# N items, B people

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from genrec.errors import InputError, UnknownItem, UnknownUser
from genrec.shop.choice import ChoiceModel, FloatArray, IntArray, ItemColumns, Weights, probabilities
from genrec.shop.drawing import Backdrop, draw_item
from genrec.shop.people import CLOSING_S, OPENING_DAY_S, RELEASE_S, Person, sample_people
from genrec.shop.talk import Cause, description, short_name, title
from genrec.shop.vocabulary import SEEN_DOMAINS, Attributes, sample_attributes, satisfies

EVENT_WEIGHTS: Mapping[str, float] = {"view": 1.0, "like": 2.0, "purchase": 3.0}
EVENT_SHARES: tuple[float, ...] = (0.45, 0.25, 0.30)
MIN_EVENTS, MAX_EVENTS = 8, 30
LEAST_CAUSE_NATS = 0.1
CAUSE_FIELDS: Mapping[str, str] = {
    "goes_with": "category",
    "same_color": "color",
    "harmony": "color",
    "same_brand": "brand",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopItem:
    """One item for sale, with its true attributes."""

    item_id: str
    title: str
    description: str
    attributes: Attributes


class ShopEvent(NamedTuple):
    """One thing a person did; timestamp in unix seconds, UTC."""

    user_id: str
    item_id: str
    timestamp: int
    kind: str
    weight: float


def _sample_look(rng: np.random.Generator, domain: str, taken: set[tuple[object, ...]]) -> dict[str, str | float]:
    """A look no other item has; the accent of a plain item does not make it different."""
    for _ in range(1000):
        look = sample_attributes(rng, (domain,))
        accent = "" if look["pattern"] == "plain" else look["accent"]
        key = (domain, look["shape"], look["color"], look["pattern"], look["material"], accent)
        if key not in taken:
            taken.add(key)
            return look
    raise InputError(f"No unused look left for {domain!r} after {len(taken)} items. Ask for fewer items.")


def _sample_items(rng: np.random.Generator, num_items: int, domains: Sequence[str]) -> tuple[ShopItem, ...]:
    items, taken = [], set[tuple[object, ...]]()
    for row in range(num_items):
        domain = domains[row % len(domains)]
        look = _sample_look(rng, domain, taken)
        item_id = f"{domain}-{row // len(domains):04d}"
        items.append(
            ShopItem(item_id=item_id, title=title(look, rng), description=description(look, rng), attributes=look)
        )
    return tuple(items)


def _sample_popularity(rng: np.random.Generator, num_items: int) -> FloatArray:
    """Log-popularity with a Zipf-like tail, standardized, in random order."""
    log_rank = -np.log(np.arange(1, num_items + 1) + 3.0)
    return np.asarray(rng.permutation((log_rank - log_rank.mean()) / max(float(log_rank.std()), 1e-9)))


def _sample_times(rng: np.random.Generator, num_events: int) -> IntArray:
    """Strictly increasing unix seconds; only the last falls after the release of the new items."""
    start = rng.uniform(OPENING_DAY_S, OPENING_DAY_S + 0.4 * (RELEASE_S - OPENING_DAY_S))
    gaps = rng.exponential(1.0, num_events)
    early = start + np.cumsum(gaps[:-1]) / gaps.sum() * (RELEASE_S - start - 2 * MAX_EVENTS)
    last = rng.uniform(RELEASE_S, CLOSING_S)
    return np.append(early.astype(np.int64) + np.arange(num_events - 1), np.int64(last))


def _draw_rows(rng: np.random.Generator, chances_BN: FloatArray) -> IntArray:
    """One row per person, drawn from its probabilities."""
    cumulative = np.cumsum(chances_BN, axis=1)
    needle = rng.random(len(chances_BN)) * cumulative[:, -1]
    return np.minimum((cumulative <= needle[:, None]).sum(axis=1), chances_BN.shape[1] - 1).astype(np.int64)


class _Simulation:
    """Lets all people choose side by side, one step at a time."""

    def __init__(
        self, rng: np.random.Generator, people: Sequence[Person], model: ChoiceModel, is_new_N: NDArray[np.bool_]
    ):
        self.rng, self.model, self.is_new_N = rng, model, is_new_N
        extra = np.minimum(rng.exponential(8.0, len(people)).astype(int), MAX_EVENTS - MIN_EVENTS)
        limit = max(1, int((~is_new_N).sum()))
        self.num_events_B = np.minimum(MIN_EVENTS + extra, limit)
        self.times = [_sample_times(rng, int(count)) for count in self.num_events_B]
        self.early_BN = np.stack([model.taste_utility(person.early) for person in people])
        self.late_BN = np.stack([model.taste_utility(person.late) for person in people])
        self.drift_B = np.array([person.drift_s for person in people])
        self.rows = np.full((len(people), MAX_EVENTS), -1, dtype=np.int64)

    def run(self) -> IntArray:
        """Item rows int64 (B, MAX_EVENTS); entries past a person's num_events are unused."""
        taken_BN = np.zeros(self.early_BN.shape, dtype=bool)
        for step in range(int(self.num_events_B.max())):
            active = np.flatnonzero(self.num_events_B > step)
            chosen = _draw_rows(self.rng, self._chances(active, step, taken_BN[active]))
            self.rows[active, step] = chosen
            taken_BN[active, chosen] = True
        return self.rows

    def _chances(self, active: IntArray, step: int, taken: NDArray[np.bool_]) -> FloatArray:
        now = np.array([self.times[person][step] for person in active])
        drifted = (now >= self.drift_B[active])[:, None]
        utility = np.where(drifted, self.late_BN[active], self.early_BN[active])
        utility = utility + self.model.history_utility(
            [self.rows[active, past] for past in range(max(0, step - 2), step)]
        )
        return probabilities(utility, ~taken & (~self.is_new_N | (now >= RELEASE_S)[:, None]))


@dataclass(frozen=True, kw_only=True, eq=False)
class ShopWorld:
    """The shop and its truth. cold_items are released late: only a person's last event can be one of them."""

    seed: int
    items: tuple[ShopItem, ...]
    people: tuple[Person, ...]
    events: tuple[ShopEvent, ...]
    cold_items: frozenset[str]
    model: ChoiceModel

    @classmethod
    def create(
        cls,
        seed: int = 7,
        num_items: int = 880,
        num_people: int = 3200,
        domains: Sequence[str] = SEEN_DOMAINS,
        cold_share: float = 0.05,
        *,
        people: Sequence[Person] | None = None,
        weights: Weights | None = None,
    ) -> ShopWorld:
        """Draw a world from a seed. Pass the people of another world to let the same people shop here.

        Raises InputError for sizes that leave a person without enough different items.
        """
        if num_items < 2 * MAX_EVENTS or num_people < 1:
            raise InputError(
                f"A world of {num_items} items and {num_people} people is too small. "
                f"Ask for at least {2 * MAX_EVENTS} items and one person."
            )
        rng = np.random.default_rng(seed)
        items = _sample_items(rng, num_items, tuple(domains))
        columns = ItemColumns.of([item.attributes for item in items], _sample_popularity(rng, num_items))
        model = ChoiceModel(columns=columns, weights=weights or Weights())
        is_new_N = np.zeros(num_items, dtype=bool)
        is_new_N[rng.choice(num_items, size=round(cold_share * num_items), replace=False)] = True
        people = sample_people(rng, num_people) if people is None else tuple(people)
        events = _tell(_Simulation(rng, people, model, is_new_N), items, people, rng)
        cold = frozenset(items[row].item_id for row in np.flatnonzero(is_new_N))
        return cls(seed=seed, items=items, people=people, events=events, cold_items=cold, model=model)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {item.item_id: row for row, item in enumerate(self.items)}

    @cached_property
    def _people(self) -> dict[str, Person]:
        return {person.user_id: person for person in self.people}

    @cached_property
    def _is_new_N(self) -> NDArray[np.bool_]:
        return np.array([item.item_id in self.cold_items for item in self.items])

    @cached_property
    def histories(self) -> Mapping[str, tuple[ShopEvent, ...]]:
        """Every person's events, oldest first."""
        told: dict[str, list[ShopEvent]] = {person.user_id: [] for person in self.people}
        for event in self.events:
            told[event.user_id].append(event)
        return {user_id: tuple(events) for user_id, events in told.items()}

    def row(self, item_id: str) -> int:
        """The item's place in items. Raises UnknownItem."""
        if item_id not in self._rows:
            raise UnknownItem(f"No item {item_id!r} in this shop of {len(self.items)} items; see world.items.")
        return self._rows[item_id]

    def item(self, item_id: str) -> ShopItem:
        """The item of this id. Raises UnknownItem."""
        return self.items[self.row(item_id)]

    def person(self, user_id: str) -> Person:
        """The person of this id. Raises UnknownUser."""
        if user_id not in self._people:
            raise UnknownUser(f"No person {user_id!r} in this shop of {len(self.people)} people; see world.people.")
        return self._people[user_id]

    def next_probabilities(self, user_id: str, history_item_ids: Sequence[str], timestamp: int) -> FloatArray:
        """The exact chance that each item is chosen next, float64 (N,), zero for items in the history.

        history_item_ids: oldest first. Items not yet released at timestamp have no chance.
        """
        rows = [self.row(item_id) for item_id in history_item_ids]
        utility = self.model.taste_utility(self.person(user_id).taste_at(timestamp)) + self.model.history_utility(rows)
        allowed = ~self._is_new_N | (timestamp >= RELEASE_S)
        allowed[rows] = False
        return probabilities(utility, allowed)

    def causes(
        self, user_id: str, history_item_ids: Sequence[str], item_id: str, timestamp: int = CLOSING_S
    ) -> tuple[Cause, ...]:
        """Why this person would choose the item: what lifts it above the average item, strongest first.

        A cause's weight is its utility term minus that term's mean over all items, in nats.
        """
        row, history = self.row(item_id), [self.row(past) for past in history_item_ids]
        taste = self.model.taste_terms(self.person(user_id).taste_at(timestamp))
        terms: list[tuple[str, str | None, FloatArray]] = [(kind, None, term) for kind, term in taste.items()]
        for lag in range(min(2, len(history))):
            past = self.model.history_terms(np.asarray(history[-1 - lag]), lag)
            terms += [(kind, history_item_ids[-1 - lag], term) for kind, term in past.items()]
        looks, found = self.items[row].attributes, []
        for kind, source, term in terms:
            weight = float(term[row] - term.mean())
            if weight >= LEAST_CAUSE_NATS:
                value = "" if kind == "popular" else looks[CAUSE_FIELDS.get(kind, kind)]
                found.append(Cause(kind=kind, value=value, source=source, weight=weight))
        return tuple(sorted(found, key=lambda cause: -cause.weight))

    def satisfies(self, item_id: str, where: Mapping[str, str | float]) -> bool:
        """Say whether the item meets every constraint (see vocabulary.satisfies)."""
        return satisfies(self.item(item_id).attributes, where)

    def short_names(self) -> dict[str, str]:
        """Item id to a short name such as 'red striped table lamp', for talk.reason."""
        return {item.item_id: short_name(item.attributes) for item in self.items}

    def picture(self, item_id: str, *, size_px: int = 128, backdrop: Backdrop | None = None) -> Image.Image:
        """The item's own picture, the same every time."""
        rng = np.random.default_rng([self.seed, self.row(item_id)])
        return draw_item(self.item(item_id).attributes, size_px=size_px, backdrop=backdrop, rng=rng)

    def contact_sheet(
        self, item_ids: Sequence[str] | None = None, *, columns: int = 16, size_px: int = 64
    ) -> Image.Image:
        """Many pictures on one sheet, row by row (the first 8 rows of items when None)."""
        ids = [item.item_id for item in self.items[: columns * 8]] if item_ids is None else list(item_ids)
        sheet = Image.new("RGB", (columns * size_px, -(-len(ids) // columns) * size_px), "white")
        for place, item_id in enumerate(ids):
            corner = (place % columns * size_px, place // columns * size_px)
            sheet.paste(self.picture(item_id, size_px=size_px), corner)
        return sheet

    def write(self, directory: Path | str, *, size_px: int = 128) -> None:
        """Write items.jsonl, images/<item_id>.png and events.csv into a directory that the caller moves into place."""
        root = Path(directory)
        (root / "images").mkdir(parents=True, exist_ok=True)
        for item in self.items:
            self.picture(item.item_id, size_px=size_px).save(root / "images" / f"{item.item_id}.png", compress_level=3)
        _write_items(root / "items.jsonl", self.items)
        with (root / "events.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(ShopEvent._fields)
            writer.writerows(self.events)


def _write_items(path: Path, items: Iterable[ShopItem]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for item in items:
            record = {
                "item_id": item.item_id,
                "title": item.title,
                "text": item.description,
                "attributes": dict(item.attributes),
                "image": f"images/{item.item_id}.png",
            }
            file.write(json.dumps(record) + "\n")


def _tell(
    simulation: _Simulation, items: Sequence[ShopItem], people: Sequence[Person], rng: np.random.Generator
) -> tuple[ShopEvent, ...]:
    """Run the simulation and write down what happened, by person, oldest first."""
    rows, kinds, events = simulation.run(), tuple(EVENT_WEIGHTS), []
    for index, person in enumerate(people):
        count = int(simulation.num_events_B[index])
        drawn = rng.choice(len(kinds), size=count, p=EVENT_SHARES)
        for step in range(count):
            kind = kinds[drawn[step]]
            item_id, when = items[rows[index, step]].item_id, int(simulation.times[index][step])
            events.append(ShopEvent(person.user_id, item_id, when, kind, EVENT_WEIGHTS[kind]))
    return tuple(events)
