"""Claims about the demo world: its laws hold, its oracle knows best, its causes are the true ones."""

import csv
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from genrec.errors import InputError, UnknownItem, UnknownUser
from genrec.shop.choice import GOES_WITH
from genrec.shop.people import RELEASE_S
from genrec.shop.talk import reason
from genrec.shop.vocabulary import ALL_DOMAINS, HELD_OUT_DOMAINS, SEEN_DOMAINS
from genrec.shop.world import EVENT_WEIGHTS, MAX_EVENTS, MIN_EVENTS, ShopWorld


@pytest.fixture(scope="module")
def world() -> ShopWorld:
    return ShopWorld.create(seed=3, num_items=320, num_people=300)


def _last_hits(world: ShopWorld, num_hits: int = 10) -> tuple[float, float]:
    """Share of people whose last item is among the oracle's and the most popular ten."""
    rows = {item.item_id: row for row, item in enumerate(world.items)}
    counts = np.zeros(len(world.items))
    for events in world.histories.values():
        for event in events[:-1]:
            counts[rows[event.item_id]] += 1
    hits = np.zeros(2)
    for user_id, events in world.histories.items():
        history = [event.item_id for event in events[:-1]]
        oracle = world.next_probabilities(user_id, history, events[-1].timestamp)
        popular = counts * (oracle > 0)
        hits += [rows[events[-1].item_id] in np.argsort(-scores)[:num_hits] for scores in (oracle, popular)]
    oracle_hits, popular_hits = hits / len(world.histories)
    return float(oracle_hits), float(popular_hits)


def test_same_seed_makes_the_same_world_and_another_seed_does_not(world: ShopWorld) -> None:
    again = ShopWorld.create(seed=3, num_items=320, num_people=300)
    assert (again.items, again.events, again.cold_items) == (world.items, world.events, world.cold_items)
    assert ShopWorld.create(seed=4, num_items=320, num_people=300).events != world.events


def test_domains_are_equally_large_and_every_look_is_unique(world: ShopWorld) -> None:
    domains = [item.attributes["category"] for item in world.items]
    assert {domains.count(domain) for domain in SEEN_DOMAINS} == {40}
    names = ("category", "shape", "color", "pattern", "material", "accent")
    assert len({tuple(item.attributes[name] for name in names) for item in world.items}) == len(world.items)
    assert all(item.item_id.startswith(f"{item.attributes['category']}-") for item in world.items)


def test_time_increases_and_nobody_takes_an_item_twice(world: ShopWorld) -> None:
    for events in world.histories.values():
        assert MIN_EVENTS <= len(events) <= MAX_EVENTS
        times = [event.timestamp for event in events]
        assert all(before < after for before, after in pairwise(times))
        assert len({event.item_id for event in events}) == len(events)
        assert all(event.weight == EVENT_WEIGHTS[event.kind] for event in events)


def test_new_items_are_only_ever_chosen_last(world: ShopWorld) -> None:
    histories = world.histories.values()
    assert len(world.cold_items) == 16
    assert not any(event.item_id in world.cold_items for events in histories for event in events[:-1])
    share = np.mean([events[-1].item_id in world.cold_items for events in histories])
    assert 0.01 < share < 0.12


def test_probabilities_sum_to_one_and_exclude_history_and_unreleased_items(world: ShopWorld) -> None:
    user_id, events = next(iter(world.histories.items()))
    history = [event.item_id for event in events[:4]]
    early = world.next_probabilities(user_id, history, events[4].timestamp)
    late = world.next_probabilities(user_id, history, RELEASE_S)
    new = [world.row(item_id) for item_id in sorted(world.cold_items)]
    for chances in (early, late):
        assert chances.dtype == np.float64
        assert chances.sum() == pytest.approx(1.0)
        assert not chances[[world.row(item_id) for item_id in history]].any()
    assert not early[new].any()
    assert late[new].all()


def test_oracle_finds_most_last_items_and_popularity_few(world: ShopWorld) -> None:
    oracle, popular = _last_hits(world)
    assert oracle > 0.5
    assert popular < 0.3 * oracle


def test_choices_follow_the_probabilities_the_oracle_states(world: ShopWorld) -> None:
    """The mean log-chance of what was chosen equals the expected one (negative entropy), within its noise."""
    surprises = []
    for user_id, events in world.histories.items():
        chances = world.next_probabilities(user_id, [event.item_id for event in events[:5]], events[5].timestamp)
        chosen = chances[world.row(events[5].item_id)]
        likely = chances[chances > 0]
        surprises.append(np.log(chosen) - float((likely * np.log(likely)).sum()))
    assert abs(np.mean(surprises)) < 4 * np.std(surprises) / np.sqrt(len(surprises))


def test_what_was_chosen_last_decides_the_next_category(world: ShopWorld) -> None:
    pairs = [
        (world.item(a.item_id).attributes["category"], world.item(b.item_id).attributes["category"])
        for events in world.histories.values()
        for a, b in pairwise(events)
    ]
    goes = [GOES_WITH[ALL_DOMAINS.index(str(a)), ALL_DOMAINS.index(str(b))] for a, b in pairs]
    assert np.mean(goes) > 0.6


def test_causes_are_sorted_and_true(world: ShopWorld) -> None:
    names = world.short_names()
    for user_id, events in list(world.histories.items())[:60]:
        history, last = [event.item_id for event in events[:-1]], events[-1]
        causes = world.causes(user_id, history, last.item_id, last.timestamp)
        weights = [cause.weight for cause in causes]
        assert weights == sorted(weights, reverse=True)
        look = world.item(last.item_id).attributes
        for cause in causes:
            if cause.kind == "same_color":
                assert world.item(str(cause.source)).attributes["color"] == look["color"] == cause.value
            if cause.kind == "same_brand":
                assert world.item(str(cause.source)).attributes["brand"] == look["brand"] == cause.value
            if cause.kind in ("color", "style", "pattern", "brand"):
                assert cause.value == look[cause.kind]
                assert cause.source is None
        if causes:
            assert reason(causes, np.random.default_rng(0), names)


def test_causes_measure_what_the_last_item_adds_to_the_chance(world: ShopWorld) -> None:
    """The log-chance over the average item rises by the causes named, less the small terms below the average."""
    for user_id, events in list(world.histories.items())[:40]:
        source, last = events[-2].item_id, events[-1]
        row = world.row(last.item_id)
        found = world.causes(user_id, [source], last.item_id, last.timestamp)
        total = sum(cause.weight for cause in found if cause.source == source)
        rises = []
        for history in ([source], []):
            chances = world.next_probabilities(user_id, history, last.timestamp)
            rises.append(np.log(chances[row]) - np.log(chances[chances > 0]).mean())
        assert -1.4 < (rises[0] - rises[1]) - total < 0.1


def test_the_same_people_can_shop_in_the_held_out_domains(world: ShopWorld) -> None:
    other = ShopWorld.create(seed=5, num_items=120, domains=HELD_OUT_DOMAINS, people=world.people)
    assert other.people == world.people
    assert {item.attributes["category"] for item in other.items} == set(HELD_OUT_DOMAINS)
    oracle, popular = _last_hits(other)
    assert popular < 0.6 * oracle


def test_unknown_names_and_impossible_sizes_are_refused(world: ShopWorld) -> None:
    with pytest.raises(UnknownItem, match="spoon-1"):
        world.item("spoon-1")
    with pytest.raises(UnknownUser, match="nobody"):
        world.next_probabilities("nobody", [], 0)
    with pytest.raises(InputError, match="too small"):
        ShopWorld.create(num_items=10)


def test_written_files_hold_the_world(tmp_path: Path) -> None:
    world = ShopWorld.create(seed=3, num_items=80, num_people=5)
    world.write(tmp_path, size_px=32)
    records = [json.loads(line) for line in (tmp_path / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [record["item_id"] for record in records] == [item.item_id for item in world.items]
    assert all((tmp_path / record["image"]).is_file() for record in records)
    with (tmp_path / "events.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["user_id"], row["item_id"], int(row["timestamp"])) for row in rows] == [e[:3] for e in world.events]


def test_contact_sheet_shows_the_items_asked_for(world: ShopWorld) -> None:
    ids = [item.item_id for item in world.items[:5]]
    sheet = world.contact_sheet(ids, columns=3, size_px=32)
    assert sheet.size == (96, 64)
    assert sheet.crop((32, 0, 64, 32)).tobytes() == world.picture(ids[1], size_px=32).tobytes()
