from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from genrec.data.interactions import k_core, load_interactions, save_interactions, write_events
from genrec.errors import ArtifactError, SourceError
from genrec.schema import Interactions


def random_interactions(num_events: int, seed: int = 0) -> Interactions:
    rng = np.random.default_rng(seed)
    return Interactions.sort(
        user_ids=[f"u{user}" for user in rng.integers(0, 40, num_events)],
        item_ids=[f"i{item}" for item in rng.zipf(1.5, num_events)],
        timestamps=rng.integers(-50, 10**9, num_events),
        kinds=[("view", "buy")[kind] for kind in rng.integers(0, 2, num_events)],
        feedback=rng.integers(-1, 2, num_events),
        weights=rng.random(num_events),
    )


def assert_equal(first: Interactions, second: Interactions) -> None:
    for name in ("user_ids", "item_ids", "timestamps", "kinds", "feedback", "weights"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        assert getattr(first, name).dtype == getattr(second, name).dtype


@pytest.mark.parametrize("num_events", [0, 1, 500])
def test_loaded_interactions_equal_the_saved_ones(tmp_path: Path, num_events: int) -> None:
    interactions = random_interactions(num_events)
    save_interactions(interactions, tmp_path / "interactions.parquet")
    assert_equal(load_interactions(tmp_path / "interactions.parquet"), interactions)
    assert [path.name for path in tmp_path.iterdir()] == ["interactions.parquet"]


def test_loaded_columns_can_be_written_to(tmp_path: Path) -> None:
    save_interactions(random_interactions(5), tmp_path / "x.parquet")
    loaded = load_interactions(tmp_path / "x.parquet")
    loaded.timestamps[0] = 1
    assert loaded.timestamps[0] == 1


def test_events_that_were_stored_without_feedback_are_positive_with_strength_1(tmp_path: Path) -> None:
    interactions, path = random_interactions(30), tmp_path / "x.parquet"
    save_interactions(interactions, path)
    pq.write_table(pq.read_table(path).drop_columns(["feedback"]), path)
    loaded = load_interactions(path)
    assert (loaded.feedback.tolist(), loaded.weights.tolist()) == ([1] * 30, [1] * 30)
    assert loaded.item_ids.tolist() == interactions.item_ids.tolist()


def test_written_events_say_what_they_are(tmp_path: Path) -> None:
    events = Interactions.sort(user_ids=["u", "u"], item_ids=["a", "=b"], feedback=[-1, 1], weights=[1, 2])
    assert write_events([events], tmp_path / "events.csv") == 2
    assert (tmp_path / "events.csv").read_text().splitlines() == [
        "user_id,item_id,timestamp,kind,feedback,weight",
        "u,a,0,interaction,-1,1.0",
        "u,'=b,1,interaction,1,2.0",
    ]


def test_interactions_that_are_missing_or_broken_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="run genrec ingest"):
        load_interactions(tmp_path / "none.parquet")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no PAR1")
    with pytest.raises(ArtifactError, match="cannot be read as interactions"):
        load_interactions(tmp_path / "x.parquet")


@pytest.mark.parametrize("k", [2, 3, 5])
def test_in_a_k_core_everyone_has_k_events_and_nothing_more_could_stay(k: int) -> None:
    interactions = random_interactions(600)
    core = k_core(interactions, k)
    likes = core.select(core.feedback == 1)
    assert min(Counter(likes.user_ids).values()) >= k
    assert min(Counter(likes.item_ids).values()) >= k
    events = list(zip(interactions.user_ids, interactions.item_ids, interactions.feedback, strict=True))
    while True:  # the same by brute force
        users = Counter(user for user, _, sign in events if sign == 1)
        items = Counter(item for _, item, sign in events if sign == 1)
        kept = [(user, item, sign) for user, item, sign in events if users[user] >= k and items[item] >= k]
        if len(kept) == len(events):
            break
        events = kept
    assert list(zip(core.user_ids, core.item_ids, core.feedback, strict=True)) == events
    assert_equal(k_core(core, k), core)


def test_a_zero_core_keeps_everything() -> None:
    interactions = random_interactions(20)
    assert k_core(interactions, 0) is interactions


def test_an_empty_core_is_refused() -> None:
    with pytest.raises(SourceError, match="99-core of 20 events is empty"):
        k_core(random_interactions(20), 99)
