"""The contract of fusers that read content alone, and what is particular to the default one."""

from dataclasses import replace

import numpy as np
import pytest

from genrec.config import FuseConfig
from genrec.data.arrays import unit_rows
from genrec.errors import ArtifactError, ConfigError, InputError, ShapeError
from genrec.fusion import FUSERS, load_fuser, make_fuser
from genrec.schema import Embeddings

NUM_ITEMS = 120


def modality(name, vectors, present=None):
    present = np.ones(len(vectors), dtype=bool) if present is None else present
    return Embeddings(name=name, vectors=unit_rows(vectors) * present[:, None], present=present)


def make_modalities(seed=0):
    """Three views of the same hidden cause; every third item has no collaborative vector, two have no image."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(NUM_ITEMS, 6))
    widths = {"image": 20, "text": 16, "collaborative": 12}
    views = {
        name: hidden @ rng.normal(size=(6, width)) + 0.1 * rng.normal(size=(NUM_ITEMS, width)) + 3.0
        for name, width in widths.items()
    }
    warm = np.arange(NUM_ITEMS) % 3 > 0
    pictured = np.arange(NUM_ITEMS) > 1
    return {
        "image": modality("image", views["image"], pictured),
        "text": modality("text", views["text"]),
        "collaborative": modality("collaborative", views["collaborative"], warm),
    }


def rows_of(embeddings, rows):
    return {n: replace(e, vectors=e.vectors[rows], present=e.present[rows]) for n, e in embeddings.items()}


@pytest.fixture(scope="module")
def modalities():
    return make_modalities()


@pytest.fixture(scope="module", params=sorted(name for name, kind in FUSERS.items() if not kind.learned))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(name, modalities):
    return make_fuser(FuseConfig(fuser=name, num_features=8)).fit(modalities)


def test_fused_rows_are_unit_float32(fitted, modalities):
    fused = fitted.transform(modalities)
    assert fused.dtype == np.float32
    assert fused.shape[0] == NUM_ITEMS
    np.testing.assert_allclose(np.linalg.norm(fused, axis=1), 1.0, rtol=1e-5)


def test_a_single_item_is_fused_as_in_a_batch(fitted, modalities):
    fused = fitted.transform(modalities)
    for row in (0, 1, 2, 50):
        np.testing.assert_allclose(fitted.transform(rows_of(modalities, [row]))[0], fused[row], atol=1e-5)


def test_row_order_is_irrelevant(fitted, name, modalities):
    order = np.random.default_rng(0).permutation(NUM_ITEMS)
    shuffled = make_fuser(fitted.config).fit(rows_of(modalities, order))
    np.testing.assert_allclose(shuffled.transform(modalities), fitted.transform(modalities), atol=1e-3)


def test_fitting_twice_gives_the_same(fitted, modalities):
    assert make_fuser(fitted.config).fit(modalities).fingerprint == fitted.fingerprint


def test_items_with_any_subset_of_modalities_are_fused_to_the_same_width(fitted, modalities):
    width = fitted.transform(modalities).shape[1]
    for subset in (["image"], ["text"], ["collaborative"], ["image", "text"]):
        fused = fitted.transform({n: modalities[n] for n in subset})
        having = np.logical_or.reduce([modalities[n].present for n in subset])
        assert fused.shape == (NUM_ITEMS, width)
        np.testing.assert_allclose(np.linalg.norm(fused, axis=1), having, atol=1e-5)


def test_unknown_modalities_are_ignored_and_none_is_refused(fitted, modalities):
    smell = modality("smell", np.ones((NUM_ITEMS, 3)))
    np.testing.assert_array_equal(fitted.transform(modalities | {"smell": smell}), fitted.transform(modalities))
    with pytest.raises(InputError, match="wanted some of collaborative, image, text"):
        fitted.transform({"smell": smell})


def test_a_weight_of_zero_leaves_the_modality_out(name, modalities):
    without = make_fuser(FuseConfig(fuser=name, num_features=8, image_weight=0.0)).fit(modalities)
    assert without.modalities == ("collaborative", "text")
    only = {n: modalities[n] for n in without.modalities}
    np.testing.assert_array_equal(without.transform(modalities), without.transform(only))


def test_a_heavier_modality_decides_more(name, modalities):
    def agreement(weight):
        fused = make_fuser(FuseConfig(fuser=name, num_features=8, text_weight=weight)).fit(modalities)
        alone = make_fuser(FuseConfig(fuser=name, num_features=8)).fit({"text": modalities["text"]})
        vectors, text = fused.transform(modalities), alone.transform({"text": modalities["text"]})
        return float(np.corrcoef((vectors @ vectors.T).ravel(), (text @ text.T).ravel())[0, 1])

    assert agreement(0.2) < agreement(1.0) < agreement(5.0)


def test_given_modalities_have_their_own_weight(name):
    fuser = make_fuser(FuseConfig(fuser=name, given_weight=0.5, audio_weight=2.0))
    assert fuser.weight_of("minilm") == 0.5
    assert fuser.weight_of("audio") == 2.0


def test_load_returns_what_was_saved(fitted, modalities, tmp_path):
    fitted.save(tmp_path)
    loaded = load_fuser(tmp_path)
    assert type(loaded) is type(fitted)
    assert loaded.config == fitted.config
    assert loaded.fingerprint == fitted.fingerprint
    np.testing.assert_array_equal(loaded.transform(modalities), fitted.transform(modalities))
    np.testing.assert_array_equal(fitted.item_vectors(), fitted.transform(modalities))
    loaded.remember(fitted.item_vectors())
    np.testing.assert_array_equal(loaded.score(np.array([3, 4])), fitted.score(np.array([3, 4])))


def test_people_are_ranked_what_is_like_what_they_chose(fitted):
    scores = fitted.scores([np.array([7]), np.array([], dtype=np.int64), np.array([7, 9])])
    assert scores.shape == (3, NUM_ITEMS)
    assert scores[0].argmax() == 7
    assert not scores[1].any()
    assert (scores[2, [7, 9]] > np.quantile(scores[2], 0.8)).all()


def test_a_broken_fuser_is_refused(fitted, tmp_path):
    with pytest.raises(ArtifactError, match=r"fuser\.json"):
        load_fuser(tmp_path)
    fitted.save(tmp_path)
    (tmp_path / "fuser.safetensors").write_bytes(b"")
    with pytest.raises(ArtifactError, match="broken"):
        load_fuser(tmp_path)


def test_other_widths_and_rows_are_refused(fitted, modalities):
    with pytest.raises(ShapeError, match="'text' has 3 features, the fuser was fitted on 16"):
        fitted.transform({"text": modality("text", np.ones((4, 3)))})
    with pytest.raises(ShapeError, match="different numbers of rows"):
        fitted.transform(modalities | {"text": modality("text", np.ones((4, 16)))})


def test_nothing_to_fuse_is_refused(name, modalities):
    nobody = modality("image", np.ones((4, 3)), np.zeros(4, dtype=bool))
    with pytest.raises(InputError, match="no modality to fuse"):
        make_fuser(FuseConfig(fuser=name)).fit({"image": nobody})
    with pytest.raises(InputError, match="not fitted"):
        make_fuser(FuseConfig(fuser=name)).transform(modalities)


def test_a_catalog_of_one_item_is_fused(name, modalities):
    one = rows_of(modalities, [5])
    fused = make_fuser(FuseConfig(fuser=name)).fit(one).transform(one)
    np.testing.assert_allclose(np.linalg.norm(fused, axis=1), 1.0, rtol=1e-5)


def test_unknown_fusers_are_refused():
    with pytest.raises(ConfigError, match="choose one of whitened-concat, concat"):
        make_fuser(FuseConfig(fuser="stapler"))
    with pytest.raises(ConfigError, match="num_features = 0"):
        make_fuser(FuseConfig(num_features=0))
    with pytest.raises(ConfigError, match="names 'glue', which the fuser concat does not have; it has no parts"):
        make_fuser(FuseConfig(fuser="concat", without=("glue",)))


def test_concat_keeps_cosines_of_a_single_modality(modalities):
    text = {"text": modalities["text"]}
    fused = make_fuser(FuseConfig(fuser="concat")).fit(text).transform(text)
    np.testing.assert_allclose(fused, text["text"].vectors, atol=1e-6)


def test_whitening_takes_away_what_all_items_share(modalities):
    fused = make_fuser(FuseConfig(num_features=8)).fit(modalities).transform(modalities)
    plain = make_fuser(FuseConfig(fuser="concat")).fit(modalities).transform(modalities)
    assert np.linalg.norm(plain.mean(axis=0)) > 0.5
    assert np.linalg.norm(fused.mean(axis=0)) < 0.2


def test_a_cold_item_is_fused_close_to_where_its_events_would_put_it(modalities):
    """The collaborative vector that is taken away from a warm item is predicted from its picture and words."""
    fuser = make_fuser(FuseConfig(num_features=8)).fit(modalities)
    truth = fuser.transform(modalities)
    cold = fuser.transform({n: e for n, e in modalities.items() if n != "collaborative"})
    warm = modalities["collaborative"].present
    cosines = np.einsum("nd,nd->n", truth, cold)[warm]
    assert cosines.mean() > 0.95
    nearest = (cold[warm] @ truth[warm].T).argmax(axis=1)
    assert (nearest == np.arange(warm.sum())).mean() > 0.9
