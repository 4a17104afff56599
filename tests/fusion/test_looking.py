"""VECF and UVCAN look at the thing and not at its ground, each person in their own way, and can say where."""

from dataclasses import replace

import numpy as np
import pytest
from drawn import draw_world
from PIL import Image

from genrec.config import FuseConfig
from genrec.errors import InputError
from genrec.fusion import Events, load_fuser, make_fuser
from genrec.fusion.eyes import Eyes, heated
from genrec.schema import Catalog

SETTINGS = {"width": 16, "epochs": 16, "batch_size": 128, "max_history": 10, "learning_rate": 0.01, "dropout": 0.1}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return draw_world(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module", params=["vecf", "uvcan"])
def fuser(request, world):
    return make_fuser(FuseConfig(fuser=request.param, **SETTINGS)).fit(world.modalities, world.events)


def shares(fuser, world) -> tuple[float, float]:
    """Of the attention of people to what they chose next, and of its picture: how much lies on the thing itself."""
    looked, covered = [], []
    for history, row in world.test[:120]:
        attention = fuser.look(history, row).attention
        side = round(len(attention) ** 0.5)
        is_thing = world.is_thing_NHW[row]
        cells = is_thing.reshape(side, is_thing.shape[0] // side, side, -1).mean(axis=(1, 3)).ravel()
        looked.append(attention @ cells)
        covered.append(is_thing.mean())
    return float(np.mean(looked)), float(np.mean(covered))


def test_attention_lies_on_the_thing_on_a_cluttered_ground(fuser, world):
    looked, covered = shares(fuser, world)
    assert looked > 1.4 * covered


def test_without_words_nothing_tells_the_thing_from_its_ground(fuser, world):
    blind = make_fuser(replace(fuser.config, without=("words",))).fit(world.modalities, world.events)
    assert shares(blind, world)[0] < shares(fuser, world)[0]


def test_another_person_looks_elsewhere(fuser, world):
    looks = [fuser.look(history, 5).attention for history, _ in world.test[:30]]
    np.testing.assert_allclose([look.sum() for look in looks], 1.0, rtol=1e-4)
    assert np.std(looks, axis=0).max() > 1e-3


def test_nats_are_what_the_log_probability_loses(fuser, world):
    """A region that is not seen is as if the others were all; without attention to spare, nothing is lost."""
    history, row = world.test[0]
    look = fuser.look(history, row)
    assert look.nats.shape == look.attention.shape
    assert np.isfinite(look.nats).all()
    assert (
        np.abs(look.nats[look.attention.argsort()[:4]]).mean() < np.abs(look.nats[look.attention.argsort()[-4:]]).mean()
    )


def test_what_is_loaded_looks_as_what_was_saved(fuser, world, tmp_path):
    fuser.save(tmp_path)
    loaded = load_fuser(tmp_path)
    assert loaded.fingerprint == fuser.fingerprint
    for history, row in world.test[:5]:
        np.testing.assert_allclose(loaded.look(history, row).attention, fuser.look(history, row).attention, atol=1e-5)
        np.testing.assert_allclose(loaded.look(history, row).nats, fuser.look(history, row).nats, atol=1e-4)
    histories = [history for history, _ in world.test[:7]]
    np.testing.assert_allclose(loaded.scores(histories), fuser.scores(histories), atol=1e-4)


def test_scores_in_parts_are_those_at_once(fuser, world, monkeypatch):
    histories = [history for history, _ in world.test[:9]]
    whole = fuser.scores(histories)
    monkeypatch.setattr("genrec.fusion.pictures._MOST_ENTRIES", 1)
    np.testing.assert_allclose(fuser.scores(histories), whole, atol=1e-4)


def test_items_that_are_new_are_not_looked_at_and_not_read(fuser, world):
    history, row = world.test[0]
    assert fuser.look(history, len(world.events.catalog)) is None
    with_new = fuser.look(np.append(history, len(world.events.catalog) + 3), row)
    np.testing.assert_allclose(with_new.attention, fuser.look(history, row).attention)


def test_what_is_looked_at_is_evidence_with_a_box_in_the_picture(fuser, world):
    catalog = world.events.catalog
    eyes, found = Eyes.of(fuser, catalog), []
    for history, row in world.test[:40]:
        past = [catalog.items[i].item_id for i in history]
        evidence = eyes.evidence(past, catalog.items[row], min_weight_nats=0.0)
        if evidence is not None:
            found.append(evidence)
            assert (evidence.kind, evidence.source) == ("region", catalog.items[row].item_id)
            assert evidence.weight > 0.0
            assert evidence.claim.startswith("it shows what you look for ")
            box = evidence.region
            assert 0.0 <= box.x <= box.x + box.w <= 1.0001
            assert 0.0 <= box.y <= box.y + box.h <= 1.0001
    assert len(found) > 20
    assert eyes.evidence([], catalog.items[0], min_weight_nats=0.0) is None
    assert eyes.evidence(past, catalog.items[row], min_weight_nats=1e6) is None


def test_the_heat_map_is_bright_where_one_looks():
    attention = np.array([0.0, 0.0, 0.0, 1.0], dtype=np.float32)
    drawn = np.asarray(heated(Image.new("RGB", (80, 40), (10, 10, 200)), attention, 1.0)).astype(int)
    assert drawn.shape == (40, 80, 3)
    assert (drawn[:, :20, 2] == 50).all()  # outside of the square that the tower sees
    assert drawn[39, 59].tolist() == [10, 10, 200]
    assert drawn[5, 25, 2] < 80


def test_a_heat_map_wants_a_picture(fuser, world):
    first = replace(world.events.catalog.items[0], image=None)
    catalog = Catalog(items=(first, *world.events.catalog.items[1:]))
    events = Events(catalog, world.events.histories, world.events.validation)
    quick = make_fuser(replace(fuser.config, epochs=1)).fit(world.modalities, events)
    eyes = Eyes.of(quick, catalog)
    assert eyes.heat_map([catalog.items[2].item_id], catalog.items[1]).size == (128, 128)
    with pytest.raises(InputError, match="no picture of item 'i0' was seen"):
        eyes.heat_map([catalog.items[2].item_id], first)


def test_other_fusers_have_no_eyes(world):
    vbpr = make_fuser(FuseConfig(fuser="vbpr", **SETTINGS | {"epochs": 1})).fit(world.modalities, world.events)
    assert Eyes.of(vbpr, world.events.catalog) is None
