"""The contract of fusers that learn from content and events; each new one is taken up by its name in `FUSERS`."""

from dataclasses import replace

import numpy as np
import pytest
from drawn import with_pictures
from worlds import NUM_COLD, NUM_ITEMS, make_world, recall

from genrec.config import FuseConfig
from genrec.errors import ConfigError, InputError, ShapeError
from genrec.fusion import FUSERS, load_fuser, make_fuser
from genrec.schema import Embeddings

LEARNED = sorted(name for name, kind in FUSERS.items() if kind.learned)
SETTINGS = {
    "width": 16,
    "epochs": 20,
    "pretraining_epochs": 4,
    "batch_size": 128,
    "max_history": 10,
    "learning_rate": 0.01,
    "dropout": 0.1,
}


@pytest.fixture(scope="module")
def world():
    return make_world()


@pytest.fixture(scope="module", params=LEARNED)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(name, world):
    return make_fuser(FuseConfig(fuser=name, **SETTINGS)).fit(world.modalities, world.events)


def test_items_are_unit_float32_of_the_configured_width(fitted):
    vectors = fitted.item_vectors()
    assert vectors.dtype == np.float32
    assert vectors.shape == (NUM_ITEMS, 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-4)


def test_what_follows_is_found_better_than_by_popularity(fitted, world):
    histories = [history for history, _ in world.test]
    found = recall(fitted.scores(histories), world.test)
    popular = recall(np.tile(world.events.popularity_N, (len(histories), 1)).astype(float), world.test)
    assert found > popular + 0.2


def test_items_that_no_event_names_are_found_by_their_content(fitted, world):
    """A cold item competes with 160 others for ten places, so chance finds one in sixteen."""
    scores = fitted.scores([history for history, _ in world.cold_test])
    among_cold = scores[:, -NUM_COLD:]
    best = [world.group_N[NUM_ITEMS - NUM_COLD + row.argmax()] for row in among_cold]
    own = [world.group_N[target] for _, target in world.cold_test]
    assert np.mean(np.array(best) == own) > 0.4


def test_one_history_is_scored_as_among_many(fitted, world):
    histories = [history for history, _ in world.test[:9]]
    together = fitted.scores(histories)
    np.testing.assert_allclose(fitted.score(histories[4]), together[4], atol=1e-4)
    assert fitted.user_vector(histories[4]).dtype == np.float32


def test_an_empty_history_and_a_long_one_are_scored(fitted):
    scores = fitted.scores([np.zeros(0, np.int64), np.tile(np.arange(40), 20)])
    assert scores.shape == (2, NUM_ITEMS)
    assert np.isfinite(scores).all()


def test_new_items_get_a_vector_near_those_they_resemble(fitted, world):
    """Warm items, taken for new by their content alone, lie nearer to their own group than to others."""
    new = fitted.transform(world.rows(list(range(60))))
    np.testing.assert_allclose(np.linalg.norm(new, axis=1), 1.0, rtol=1e-4)
    cosines = new @ fitted.item_vectors().T
    same = world.group_N[:60, None] == world.group_N
    assert cosines[same].mean() > cosines[~same].mean() + 0.2


def test_any_modality_may_be_missing(fitted, world):
    for name in ("image", "text"):
        vectors = fitted.transform(world.without(name))
        assert vectors.shape == (NUM_ITEMS, 16)
        assert np.isfinite(vectors).all()
    unseen = {"text": Embeddings.absent("text", 3, 32)}
    assert not fitted.transform(unseen).any()


def test_fitting_twice_gives_the_same(fitted, name, world):
    again = make_fuser(FuseConfig(fuser=name, **SETTINGS)).fit(world.modalities, world.events)
    np.testing.assert_allclose(again.item_vectors(), fitted.item_vectors(), atol=1e-5)


def test_what_is_loaded_answers_as_what_was_saved(fitted, world, tmp_path):
    fitted.save(tmp_path)
    loaded = load_fuser(tmp_path)
    assert loaded.fingerprint == fitted.fingerprint
    histories = [history for history, _ in world.test[:7]]
    np.testing.assert_allclose(loaded.scores(histories), fitted.scores(histories), atol=1e-5)
    np.testing.assert_array_equal(loaded.item_vectors(), fitted.item_vectors())
    np.testing.assert_allclose(loaded.transform(world.modalities), fitted.transform(world.modalities), atol=1e-6)


def test_a_training_that_was_killed_ends_as_a_calm_one(fitted, name, world, tmp_path):
    short = replace(fitted.config, epochs=5)
    make_fuser(short).fit(world.modalities, world.events, work=tmp_path)
    resumed = make_fuser(fitted.config).fit(world.modalities, world.events, work=tmp_path)
    np.testing.assert_allclose(resumed.item_vectors(), fitted.item_vectors(), atol=1e-4)


def test_sets_without_an_order_are_learned_too(name):
    world = make_world(seed=1, has_order=False)
    fuser = make_fuser(FuseConfig(fuser=name, **SETTINGS)).fit(world.modalities, world.events)
    assert recall(fuser.scores([history for history, _ in world.test]), world.test) > 0.3


def test_every_part_can_be_left_out(name, world, tmp_path):
    world = with_pictures(world, tmp_path) if FUSERS[name].looks_at_pictures else world
    for part in FUSERS[name].parts:
        fuser = make_fuser(FuseConfig(fuser=name, without=(part,), **SETTINGS | {"epochs": 2}))
        whole = make_fuser(FuseConfig(fuser=name, **SETTINGS | {"epochs": 2}))
        some, all_parts = (f.fit(world.modalities, world.events).item_vectors() for f in (fuser, whole))
        assert not np.allclose(some, all_parts, atol=1e-4), part


def test_bad_input_is_refused(name, world):
    config = FuseConfig(fuser=name, **SETTINGS)
    with pytest.raises(InputError, match="learns from events, found none"):
        make_fuser(config).fit(world.modalities)
    with pytest.raises(ShapeError, match="5 rows of embeddings, 160 items"):
        make_fuser(config).fit(world.rows([0, 1, 2, 3, 4]), world.events)
    with pytest.raises(InputError, match="not fitted"):
        make_fuser(config).score(np.array([1]))
    with pytest.raises(ConfigError, match="names 'glue'"):
        make_fuser(replace(config, without=("glue",)))
