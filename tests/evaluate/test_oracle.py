"""The oracle of the demo shop, made again from what a workspace says of itself."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from genrec.artifacts import write_stage
from genrec.data.splits import EvaluationCase
from genrec.errors import ArtifactError, ShapeError
from genrec.evaluate import Oracle, load_world
from genrec.schema import Catalog, Item
from genrec.shop import ShopWorld

DETAILS = {"seed": 3, "domains": ["lamp", "mug"], "num_items": 80, "num_people": 6}


def write_catalog_stage(directory: Path, source: str, details: dict[str, object]) -> None:
    with write_stage(directory / "catalog", kind="catalog", inputs={"source": source}, details=details):
        pass


def catalog_of(ids: list[str]) -> Catalog:
    return Catalog(items=tuple(Item(item_id=item_id, title=item_id) for item_id in ids))


def test_the_world_of_a_workspace_is_the_one_it_was_made_from(tmp_path: Path) -> None:
    write_catalog_stage(tmp_path, "shop", DETAILS)
    made = ShopWorld.create(seed=3, num_items=80, num_people=6, domains=("lamp", "mug"))
    found = load_world(tmp_path)
    assert found is not None
    assert found.events == made.events


def test_real_data_have_no_load_world(tmp_path: Path) -> None:
    write_catalog_stage(tmp_path, "movielens", {})
    assert load_world(tmp_path) is None


def test_a_workspace_without_catalog_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="nothing was ingested there"):
        load_world(tmp_path)


def test_the_oracle_ranks_by_the_worlds_probabilities_in_catalog_order() -> None:
    world = ShopWorld.create(seed=3, num_items=80, num_people=6, domains=("lamp", "mug"))
    ids = [item.item_id for item in world.items]
    catalog = catalog_of([*reversed(ids), "unknown-to-the-world"])
    event = world.histories[world.people[0].user_id]
    history = tuple(entry.item_id for entry in event[:-1])
    case = EvaluationCase(
        user_id=event[-1].user_id, history=history, target=event[-1].item_id, timestamp=event[-1].timestamp
    )
    ranked = Oracle(world, catalog).rank([case], [catalog.rows(history)], 5)
    chances = world.next_probabilities(case.user_id, history, case.timestamp)
    best = [ids[row] for row in np.argsort(-chances)[:5]]
    assert [catalog.items[row].item_id for row in ranked[0]] == best


def test_a_world_that_contradicts_itself_is_refused() -> None:
    world = SimpleNamespace(
        items=[SimpleNamespace(item_id="a"), SimpleNamespace(item_id="b")],
        next_probabilities=lambda user, history, timestamp: np.ones(3) / 3,
    )
    case = EvaluationCase(user_id="u", history=("a",), target="b", timestamp=0)
    with pytest.raises(ShapeError, match=r"shape \(3,\); wanted one for each of its 2 items"):
        Oracle(world, catalog_of(["a", "b"])).rank([case], [np.array([0])], 1)
