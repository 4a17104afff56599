"""The tokenize stage: from vectors to a stored table, a truthful report and a picture."""

import numpy as np
import pytest
from PIL import Image

from genrec.config import FuseConfig, TokenizeConfig
from genrec.errors import ArtifactError, IdTableMismatch, ShapeError
from genrec.fusion import make_fuser
from genrec.schema import Catalog, Embeddings, Item
from genrec.semids.quantizers import make_quantizer
from genrec.semids.report import TokenReport, make_report
from genrec.semids.stage import SemanticIds, code_paths, load_semids, save_semids, tokenize
from genrec.semids.table import SemanticIdTable

CONFIG = TokenizeConfig(num_levels=2, num_codes=6, num_tie_codes=40)


def make_embeddings(num_items, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(num_items, 10)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return {"text": Embeddings(name="text", vectors=vectors, present=np.ones(num_items, dtype=bool))}


def make_catalog(num_items):
    return Catalog(items=tuple(Item(item_id=f"i{i}", title="x") for i in range(num_items)))


@pytest.fixture(scope="module")
def made():
    embeddings = make_embeddings(90)
    fuser = make_fuser(FuseConfig(num_features=8)).fit(embeddings)
    fused = fuser.transform(embeddings)
    quantizer, table, report = tokenize(fused, make_catalog(90), CONFIG, seed=1)
    return SemanticIds(fused=fused, fuser=fuser, quantizer=quantizer, table=table), report


@pytest.fixture(scope="module")
def stored(made, tmp_path_factory):
    semids, report = made
    directory = tmp_path_factory.mktemp("stage") / "semids"
    save_semids(directory, semids.fused, semids.fuser, semids.quantizer, semids.table, report)
    return directory


def test_every_item_gets_the_id_of_its_vector(made):
    semids, _ = made
    assert semids.table.item_ids == tuple(f"i{i}" for i in range(90))
    assert semids.table.level_sizes == (6, 6, 40)
    np.testing.assert_array_equal(semids.table.codes[:, :-1], semids.quantizer.encode(semids.fused))


def test_row_order_changes_no_id(made):
    semids, _ = made
    order = np.random.default_rng(0).permutation(90)
    items = make_catalog(90).items
    _, shuffled, _ = tokenize(semids.fused[order], Catalog(items=tuple(items[i] for i in order)), CONFIG, seed=1)
    assert shuffled.id_space == semids.table.id_space
    assert all(shuffled.semantic_id(i) == semids.table.semantic_id(i) for i in semids.table.item_ids)


def test_load_returns_what_was_saved(made, stored):
    semids, report = made
    loaded = load_semids(stored)
    np.testing.assert_array_equal(loaded.fused, semids.fused)
    assert loaded.table.fingerprint == semids.table.fingerprint
    assert loaded.quantizer.fingerprint == semids.quantizer.fingerprint
    assert loaded.fuser.fingerprint == semids.fuser.fingerprint
    assert TokenReport.load(stored / "report.json") == report
    assert sorted(p.name for p in stored.iterdir()) == [
        "code_map.png", "fused.npy", "fuser", "quantizer", "report.json", "table.parquet",
    ]  # fmt: skip


def test_new_items_get_ids_without_refitting(made):
    semids, _ = made
    more = semids.append([f"n{i}" for i in range(7)], make_embeddings(7, seed=5))
    assert more.table.id_space == semids.table.id_space
    np.testing.assert_array_equal(more.table.codes[:90], semids.table.codes)
    assert more.fused.shape == (97, semids.fused.shape[1])
    assert more.table.item_id(more.table.semantic_id("n3")) == "n3"
    with pytest.raises(ShapeError, match="2 new items with 7 rows"):
        semids.append(["a", "b"], make_embeddings(7))


def test_an_item_appended_with_known_content_lands_on_its_path(made):
    semids, _ = made
    more = semids.append(["twin"], {n: _row(e, 4) for n, e in make_embeddings(90).items()})
    assert more.table.semantic_id("twin")[:-1] == semids.table.semantic_id("i4")[:-1]


def _row(e, row):
    return Embeddings(name=e.name, vectors=e.vectors[row : row + 1], present=e.present[row : row + 1])


def test_the_report_counts_what_the_table_holds(made):
    semids, report = made
    paths = [tuple(codes) for codes in semids.table.codes[:, :-1].tolist()]
    assert report.num_items == 90
    assert report.num_paths == len(set(paths))
    assert report.num_colliding == sum(paths.count(path) > 1 for path in paths)
    assert report.largest_tie == max(paths.count(path) for path in paths)
    assert report.collision_share == report.num_colliding / 90
    assert all(1 <= p <= used <= size for p, used, size in zip(
        report.perplexity, report.codes_used, report.level_sizes, strict=True
    ))  # fmt: skip
    assert 0 < report.reconstruction_error < 1


def test_perplexity_and_error_have_their_known_values():
    corners = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], dtype=np.float32).repeat(3, axis=0)
    config = TokenizeConfig(num_levels=1, num_codes=4)
    quantizer, _, report = tokenize(corners, make_catalog(12), config, seed=0)
    assert report.perplexity == pytest.approx((4.0,))
    assert report.reconstruction_error == pytest.approx(0.0, abs=1e-12)
    assert (report.num_paths, report.num_colliding, report.largest_tie) == (4, 12, 3)
    single = make_quantizer(TokenizeConfig(num_levels=1, num_codes=1)).fit(corners, seed=0)
    table = SemanticIdTable.build(
        [f"i{i}" for i in range(12)],
        single.encode(corners),
        num_tie_codes=12,
        level_sizes=single.level_sizes,
        codebook_fingerprint=single.fingerprint,
    )
    report = make_report(corners, single, table)
    assert report.perplexity == pytest.approx((1.0,))
    assert report.reconstruction_error == pytest.approx(1.0)
    assert quantizer.fingerprint != single.fingerprint


def test_the_picture_can_be_opened_and_shows_many_colors(stored):
    with Image.open(stored / "code_map.png") as picture:
        assert picture.size == (1320, 704)
        assert len(set(picture.convert("RGB").get_flattened_data())) > 50


def test_a_catalog_of_one_item_is_tokenized_and_drawn(tmp_path):
    embeddings = make_embeddings(1)
    fuser = make_fuser(FuseConfig()).fit(embeddings)
    fused = fuser.transform(embeddings)
    quantizer, table, report = tokenize(fused, make_catalog(1), CONFIG, seed=0)
    save_semids(tmp_path, fused, fuser, quantizer, table, report)
    assert load_semids(tmp_path).table.semantic_id("i0") == (0, 0, 0)


def test_parts_of_different_builds_are_refused(made, stored, tmp_path):
    semids, report = made
    other, _, _ = tokenize(semids.fused, make_catalog(90), CONFIG, seed=2)
    save_semids(tmp_path / "mixed", semids.fused, semids.fuser, other, semids.table, report)
    with pytest.raises(IdTableMismatch, match="do not give the codes"):
        load_semids(tmp_path / "mixed")
    save_semids(tmp_path / "short", semids.fused, semids.fuser, semids.quantizer, semids.table, report)
    np.save(tmp_path / "short" / "fused.npy", semids.fused[:10])
    with pytest.raises(IdTableMismatch, match=r"shape \(10, 8\)"):
        load_semids(tmp_path / "short")
    with pytest.raises(ArtifactError):
        load_semids(tmp_path / "nowhere")


def test_bad_input_is_refused(made):
    semids, _ = made
    with pytest.raises(ShapeError, match="90 vectors for a catalog of 3"):
        tokenize(semids.fused, make_catalog(3), CONFIG, seed=0)


def test_there_are_as_many_tie_codes_as_the_fullest_path_needs(made, caplog):
    semids, _ = made
    config = TokenizeConfig(num_levels=1, num_codes=4, num_tie_codes=2)
    _, table, _ = tokenize(semids.fused, make_catalog(90), config, seed=0)
    fullest = np.unique(table.codes[:, 0], return_counts=True)[1].max()
    assert fullest < table.level_sizes[-1] <= 2 * fullest
    assert f"{fullest} items share a code path" in caplog.text


def test_items_without_a_vector_are_spread_over_the_paths_by_their_ids_alone(made, tmp_path):
    semids, _ = made
    fused = semids.fused.copy()
    fused[10:] = 0
    quantizer, table, report = tokenize(fused, make_catalog(90), CONFIG, seed=0)
    paths = [tuple(path) for path in table.codes[10:, :-1].tolist()]
    assert len(set(paths)) > 0.5 * np.prod(quantizer.level_sizes)
    alone = code_paths(quantizer, np.zeros((1, fused.shape[1]), np.float32), ["i33"])
    assert tuple(alone[0].tolist()) == paths[23]
    save_semids(tmp_path, fused, semids.fuser, quantizer, table, report)
    assert load_semids(tmp_path).table.fingerprint == table.fingerprint
