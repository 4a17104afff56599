"""One contract for every quantizer, and what is particular to each."""

import logging
import tracemalloc

import numpy as np
import pytest
import torch
from scipy import sparse

from genrec.config import TokenizeConfig
from genrec.errors import ArtifactError, ConfigError, InputError, ShapeError
from genrec.semids.quantizers import QUANTIZERS, load_quantizer, make_quantizer
from genrec.semids.quantizers.kmeans import assign, canonical_order, kmeans, lloyd
from genrec.semids.quantizers.rq_vae import balanced_codes

NUM_CODES, NUM_LEVELS = 8, 3


def clustered_vectors(num_items=240, num_features=24, num_clusters=8, seed=0):
    """Unit rows in tight clusters inside wide ones, and the wide cluster of each row."""
    rng = np.random.default_rng(seed)
    wide = rng.normal(size=(num_clusters, num_features))
    tight = wide[:, None] + 0.3 * rng.normal(size=(num_clusters, 4, num_features))
    labels = np.arange(num_items) % num_clusters
    vectors = tight[labels, rng.integers(4, size=num_items)] + 0.05 * rng.normal(size=(num_items, num_features))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels


def settings(name, **changes):
    counts = {"num_levels": NUM_LEVELS, "num_codes": NUM_CODES, "epochs": 40} | changes
    return TokenizeConfig(quantizer=name, **counts)


@pytest.fixture(scope="module")
def vectors():
    return clustered_vectors()[0]


@pytest.fixture(scope="module", params=sorted(QUANTIZERS))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(name, vectors):
    return make_quantizer(settings(name)).fit(vectors, seed=3)


def error_share(quantizer, vectors):
    decoded = quantizer.decode(quantizer.encode(vectors))
    return float(((vectors - decoded) ** 2).sum() / ((vectors - vectors.mean(axis=0)) ** 2).sum())


def test_codes_are_int32_paths_within_the_level_sizes(fitted, vectors):
    codes = fitted.encode(vectors)
    assert codes.dtype == np.int32
    assert codes.shape == (len(vectors), NUM_LEVELS)
    assert fitted.level_sizes == (NUM_CODES,) * NUM_LEVELS
    assert codes.min() >= 0
    assert (codes < np.array(fitted.level_sizes)).all()


def test_decoding_comes_near_the_vectors_it_was_fitted_on(fitted, vectors):
    decoded = fitted.decode(fitted.encode(vectors))
    assert decoded.dtype == np.float32
    assert decoded.shape == vectors.shape
    assert error_share(fitted, vectors) < 0.15


def test_unseen_vectors_of_the_same_clusters_are_coded_nearly_as_well(fitted):
    more, _ = clustered_vectors(num_items=480)
    assert error_share(fitted, more[240:]) < 0.25


def test_every_level_uses_nearly_all_of_its_codes(fitted, vectors):
    codes = fitted.encode(vectors)
    assert all(len(np.unique(codes[:, level])) >= NUM_CODES - 1 for level in range(NUM_LEVELS))


def test_more_levels_leave_less_error(name, vectors):
    errors = [
        error_share(make_quantizer(settings(name, num_levels=levels)).fit(vectors, seed=3), vectors)
        for levels in (1, 3)
    ]
    # One level of a product already tells these clusters apart; a residual level always has something left to tell.
    assert errors[1] < (1.0 if name == "pq-kmeans" else 0.95) * errors[0]


def test_the_seed_fixes_the_outcome(fitted, name, vectors):
    again = make_quantizer(settings(name)).fit(vectors, seed=3)
    assert again.fingerprint == fitted.fingerprint
    assert make_quantizer(settings(name)).fit(vectors, seed=4).fingerprint != fitted.fingerprint


def test_row_order_is_irrelevant(fitted, name, vectors):
    order = np.random.default_rng(1).permutation(len(vectors))
    shuffled = make_quantizer(settings(name)).fit(vectors[order], seed=3)
    assert shuffled.fingerprint == fitted.fingerprint
    np.testing.assert_array_equal(shuffled.encode(vectors), fitted.encode(vectors))


def test_a_single_vector_is_coded_as_in_a_batch(fitted, vectors):
    single = np.concatenate([fitted.encode(vectors[i : i + 1]) for i in range(20)])
    np.testing.assert_array_equal(single, fitted.encode(vectors[:20]))
    assert fitted.encode(vectors[:0]).shape == (0, NUM_LEVELS)


def test_load_returns_what_was_saved(fitted, vectors, tmp_path):
    fitted.save(tmp_path)
    loaded = load_quantizer(tmp_path)
    assert type(loaded) is type(fitted)
    assert loaded.fingerprint == fitted.fingerprint
    assert loaded.config == fitted.config
    np.testing.assert_array_equal(loaded.encode(vectors), fitted.encode(vectors))
    np.testing.assert_array_equal(loaded.decode(loaded.encode(vectors)), fitted.decode(fitted.encode(vectors)))


def test_fewer_items_than_codes_make_smaller_levels_and_a_warning(name, vectors, caplog):
    few = np.repeat(vectors[:5], 2, axis=0)
    with caplog.at_level(logging.WARNING):
        quantizer = make_quantizer(settings(name, epochs=5)).fit(few, seed=0)
    assert quantizer.level_sizes[0] == 5
    assert all(1 <= size <= 5 for size in quantizer.level_sizes)
    assert "only so many distinct vectors" in caplog.text
    assert quantizer.encode(few).shape == (10, NUM_LEVELS)


def test_one_item_can_be_quantized(name, vectors):
    quantizer = make_quantizer(settings(name, epochs=1)).fit(vectors[:1], seed=0)
    assert quantizer.encode(vectors[:1]).tolist() == [[0] * NUM_LEVELS]


def test_vectors_of_another_width_are_refused(fitted):
    with pytest.raises(ShapeError, match=r"\(N, 24\)"):
        fitted.encode(np.zeros((2, 23), dtype=np.float32))


def test_vectors_that_are_not_finite_are_refused(fitted, vectors):
    broken = vectors[:3].copy()
    broken[1, 0] = np.nan
    with pytest.raises(InputError, match="1 vectors hold nan"):
        fitted.encode(broken)


def test_codes_of_another_depth_or_range_are_refused(fitted):
    with pytest.raises(ShapeError, match="leave the tie code out"):
        fitted.decode(np.zeros((2, NUM_LEVELS + 1), dtype=np.int32))
    with pytest.raises(ShapeError):
        fitted.decode(np.full((2, NUM_LEVELS), NUM_CODES))


def test_an_unfitted_quantizer_says_so(name, vectors):
    with pytest.raises(InputError, match="not fitted"):
        make_quantizer(settings(name)).encode(vectors)
    with pytest.raises(InputError, match="no vectors"):
        make_quantizer(settings(name)).fit(vectors[:0], seed=0)


def test_a_broken_quantizer_is_refused(fitted, tmp_path):
    with pytest.raises(ArtifactError, match="quantizer\\.json"):
        load_quantizer(tmp_path)
    fitted.save(tmp_path)
    (tmp_path / "quantizer.safetensors").write_bytes(b"\x08\x00")
    with pytest.raises(ArtifactError, match="broken"):
        load_quantizer(tmp_path)


def test_bad_settings_are_refused():
    with pytest.raises(ConfigError, match="choose one of rq-kmeans, rq-vae, graph-rq-vae, pq-kmeans"):
        make_quantizer(TokenizeConfig(quantizer="sorcery"))
    with pytest.raises(ConfigError, match="num_codes = 0"):
        make_quantizer(TokenizeConfig(num_codes=0))
    with pytest.raises(ConfigError, match="epochs"):
        make_quantizer(TokenizeConfig(quantizer="rq-vae", epochs=0))


def test_first_level_codes_find_the_clusters():
    vectors, labels = clustered_vectors()
    codes = make_quantizer(settings("rq-kmeans")).fit(vectors, seed=0).encode(vectors)[:, 0]
    purity = sum(np.bincount(labels[codes == code]).max() for code in np.unique(codes)) / len(labels)
    assert purity > 0.85


def test_kmeans_leaves_no_code_dead():
    rng = np.random.default_rng(0)
    heap = np.concatenate([rng.normal(size=(500, 4)) * 0.001, rng.normal(size=(20, 4)) * 5]).astype(np.float32)
    heap = heap[canonical_order(heap)]
    for seed in range(5):
        centroids = kmeans(heap, 16, rng=np.random.default_rng(seed))
        assert len(np.unique(assign(heap, centroids)[0])) == 16


def test_the_canonical_order_takes_little_memory_beside_the_rows() -> None:
    rows = np.random.default_rng(0).standard_normal((40_000, 256), dtype=np.float32)
    tracemalloc.start()
    order = canonical_order(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.nbytes
    shuffled = np.random.default_rng(1).permutation(len(rows))
    np.testing.assert_array_equal(rows[order], rows[shuffled][canonical_order(rows[shuffled])])


def test_dead_codes_move_to_the_worst_served_rows():
    rows = np.array([[0.0], [0.1], [5.0], [9.0], [9.1]], dtype=np.float32)
    start = np.array([[0.0], [9.0], [100.0], [-100.0]], dtype=np.float32)  # the last two serve nobody
    centroids = lloyd(rows, start, num_iterations=10)
    codes, distances = assign(rows, centroids)
    assert len(np.unique(codes)) == 4
    assert codes[2] not in codes[[0, 1, 3, 4]]
    assert distances.max() < 0.01


def axes_of(quantizer):
    arrays = quantizer.arrays()
    return [arrays[f"axes_{level}"] for level in range(len(quantizer.level_sizes))]


def test_product_blocks_share_the_variance_and_are_one_rotation():
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(2000, 12)) * np.geomspace(4, 0.1, 12)).astype(np.float32)
    quantizer = make_quantizer(settings("pq-kmeans", num_levels=4, num_codes=16)).fit(vectors, seed=0)
    blocks = axes_of(quantizer)
    axes = np.concatenate(blocks, axis=1)
    np.testing.assert_allclose(axes.T @ axes, np.eye(12), atol=1e-5)
    spread = [np.log((vectors @ block).var(axis=0)).sum() for block in blocks]
    assert max(spread) - min(spread) < 0.3 * np.ptp(np.log(vectors.var(axis=0)))
    whole = make_quantizer(settings("rq-kmeans", num_levels=1, num_codes=16)).fit(vectors, seed=0)
    assert error_share(quantizer, vectors) < 0.5 * error_share(whole, vectors)


def test_codes_of_a_product_do_not_build_on_each_other():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(500, 8)).astype(np.float32)
    quantizer = make_quantizer(settings("pq-kmeans", num_levels=2)).fit(vectors, seed=0)
    moved = vectors + axes_of(quantizer)[0][:, :1].T  # along an axis of the first block
    np.testing.assert_array_equal(quantizer.encode(moved)[:, 1], quantizer.encode(vectors)[:, 1])
    assert (quantizer.encode(moved)[:, 0] != quantizer.encode(vectors)[:, 0]).mean() > 0.3


def test_vectors_narrower_than_the_levels_cannot_be_cut():
    with pytest.raises(InputError, match=r"lower tokenize\.num_levels"):
        make_quantizer(settings("pq-kmeans")).fit(np.ones((4, 2), np.float32), seed=0)


def test_a_graph_draws_the_codes_of_items_chosen_together_closer():
    rng = np.random.default_rng(0)
    vectors, labels = clustered_vectors(num_items=240, num_clusters=8)
    group = labels % 2  # clusters whose items are chosen together, though their contents differ
    pairs = np.array([rng.choice(np.flatnonzero(group == g), 2, replace=False) for g in rng.integers(2, size=4000)])
    counts = sparse.csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(240, 240))
    agreement = {}
    for name, graph in (("rq-vae", None), ("graph-rq-vae", counts + counts.T)):
        agreement[name] = 0.0
        for seed in range(3):
            codes = make_quantizer(settings(name, num_levels=1, num_codes=2)).fit(vectors, seed=seed, graph=graph)
            found = codes.encode(vectors)[:, 0]
            agreement[name] += max(np.mean(found == group), np.mean(found != group)) / 3
    assert agreement["graph-rq-vae"] > agreement["rq-vae"] + 0.1


def test_sinkhorn_balances_how_often_codes_are_used():
    torch.manual_seed(0)
    rows = torch.cat([torch.randn(90, 4) * 0.1, torch.randn(10, 4) + 3])
    distances = torch.cdist(rows, torch.stack([torch.zeros(4), torch.full((4,), 0.3), torch.full((4,), 3.0)]))
    nearest, balanced = distances.argmin(dim=1), balanced_codes(distances, 50.0)
    assert torch.bincount(nearest, minlength=3).max() > 80
    assert torch.bincount(balanced, minlength=3).max() <= 50


@pytest.mark.parametrize("name", ["rq-kmeans", "pq-kmeans"])
def test_last_bits_that_depend_on_the_processor_do_not_change_the_codes(name):
    rng = np.random.default_rng(5)
    vectors = rng.standard_normal((400, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    elsewhere = np.where(rng.random(vectors.shape) < 0.3, np.nextafter(vectors, np.float32(np.inf)), vectors)
    assert (elsewhere != vectors).any(axis=1).all()
    codes = [
        make_quantizer(settings(name, num_levels=2, num_codes=16)).fit(rows, seed=1).encode(rows)
        for rows in (vectors, elsewhere)
    ]
    np.testing.assert_array_equal(*codes)
