"""The semantic ID table: a bijection, whatever the row order, that grows without changing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrec.errors import ArtifactError, ConfigError, IdTableMismatch, ShapeError, UnknownItem
from genrec.semids.table import SemanticIdTable


def build(item_ids, codes, num_tie_codes=64, level_sizes=(4, 4)):
    return SemanticIdTable.build(
        item_ids,
        np.array(codes).reshape(len(item_ids), len(level_sizes)),
        num_tie_codes=num_tie_codes,
        level_sizes=level_sizes,
        codebook_fingerprint="c0de",
    )


catalogs = st.lists(
    st.tuples(st.text(min_size=1, max_size=4), st.integers(0, 3), st.integers(0, 3)),
    min_size=1,
    max_size=40,
    unique_by=lambda row: row[0],
).map(lambda rows: ([r[0] for r in rows], [r[1:] for r in rows]))


@given(catalogs)
def test_every_item_has_one_id_and_every_id_one_item(catalog):
    item_ids, codes = catalog
    table = build(item_ids, codes)
    for row, item_id in enumerate(item_ids):
        semantic_id = table.semantic_id(item_id)
        assert table.item_id(semantic_id) == item_id
        assert table.row_of(item_id) == table.row_of(semantic_id) == row
        assert semantic_id[:-1] == tuple(codes[row])
    assert len(np.unique(table.codes, axis=0)) == len(item_ids)


@given(catalogs, st.randoms(use_true_random=False))
def test_ties_do_not_depend_on_row_order(catalog, random):
    item_ids, codes = catalog
    order = list(range(len(item_ids)))
    random.shuffle(order)
    table = build(item_ids, codes)
    shuffled = build([item_ids[i] for i in order], [codes[i] for i in order])
    assert all(table.semantic_id(item_id) == shuffled.semantic_id(item_id) for item_id in item_ids)


@given(catalogs, st.data())
def test_append_changes_no_existing_id_and_keeps_the_id_space(catalog, data):
    item_ids, codes = catalog
    cut = data.draw(st.integers(0, len(item_ids)))
    before = build(item_ids[:cut], codes[:cut])
    after = before.append(item_ids[cut:], np.array(codes[cut:]).reshape(-1, 2))
    np.testing.assert_array_equal(after.codes[:cut], before.codes)
    assert after.item_ids == tuple(item_ids)
    assert len(np.unique(after.codes, axis=0)) == len(item_ids)
    assert after.id_space == before.id_space
    assert (after.fingerprint == before.fingerprint) == (cut == len(item_ids))


def test_tie_codes_are_dense_from_zero_on_each_path():
    table = build(list("abcdef"), [(1, 1)] * 4 + [(2, 2)] * 2)
    assert sorted(table.codes[:4, -1]) == [0, 1, 2, 3]
    assert sorted(table.codes[4:, -1]) == [0, 1]


def test_appended_items_take_the_next_tie_code_of_their_path():
    table = build(["a", "b"], [(1, 1), (1, 1)]).append(["c", "d"], np.array([(1, 1), (3, 3)]))
    assert table.semantic_id("c") == (1, 1, 2)
    assert table.semantic_id("d") == (3, 3, 0)


def test_a_full_path_names_the_setting_that_helps():
    with pytest.raises(ConfigError, match=r"3 items share the code path \(1, 1\).*num_tie_codes is 2"):
        build(list("abc"), [(1, 1)] * 3, num_tie_codes=2)
    table = build(list("ab"), [(1, 1)] * 2, num_tie_codes=2)
    with pytest.raises(ConfigError, match=r"raise tokenize\.num_tie_codes to 3"):
        table.append(["c"], np.array([(1, 1)]))


def test_id_space_tells_codebooks_and_level_sizes_apart():
    table = build(["a"], [(1, 1)])
    other = SemanticIdTable(
        item_ids=table.item_ids, codes=table.codes, level_sizes=table.level_sizes, codebook_fingerprint="beef"
    )
    assert len({table.id_space, other.id_space, build(["a"], [(1, 1)], num_tie_codes=8).id_space}) == 3


def test_a_table_where_two_items_share_an_id_is_refused():
    with pytest.raises(IdTableMismatch, match="'a' and 'b' share"):
        SemanticIdTable(item_ids=("a", "b"), codes=np.zeros((2, 2)), level_sizes=(4, 4), codebook_fingerprint="c0de")


def test_an_item_is_not_appended_twice():
    table = build(["a"], [(1, 1)])
    with pytest.raises(IdTableMismatch, match="has a semantic ID already"):
        table.append(["a"], np.array([(2, 2)]))
    with pytest.raises(IdTableMismatch, match="appear twice"):
        table.append(["b", "b"], np.array([(2, 2), (3, 3)]))


def test_codes_of_another_quantizer_are_refused():
    with pytest.raises(ShapeError, match="code 4 at level 1, wanted 0 to 3"):
        build(["a"], [(1, 4)])
    with pytest.raises(ShapeError, match="shape"):
        build(["a", "b"], [(1, 1), (2, 2)]).append(["c"], np.array([(1, 1, 1)]))


def test_unknown_ids_are_named():
    table = build(["a"], [(1, 1)])
    with pytest.raises(UnknownItem, match="'zz'"):
        table.semantic_id("zz")
    with pytest.raises(UnknownItem, match=r"\(3, 3, 3\)"):
        table.item_id((3, 3, 3))


def test_codes_cannot_be_changed_in_place():
    table = build(["a"], [(1, 1)])
    with pytest.raises(ValueError, match="read-only"):
        table.codes[0, 0] = 2


def test_load_returns_what_was_saved(tmp_path):
    table = build(["ä", "b,c", "d\ne"], [(1, 1), (1, 1), (0, 3)])
    table.save(tmp_path / "table.parquet")
    loaded = SemanticIdTable.load(tmp_path / "table.parquet")
    assert loaded.fingerprint == table.fingerprint
    assert loaded.level_sizes == table.level_sizes
    assert loaded.codes.dtype == np.int32
    assert [p.name for p in tmp_path.iterdir()] == ["table.parquet"]


def test_a_file_that_is_no_table_is_refused(tmp_path):
    (tmp_path / "table.parquet").write_bytes(b"nonsense")
    with pytest.raises(ArtifactError, match="not a semantic ID table"):
        SemanticIdTable.load(tmp_path / "table.parquet")


def test_popular_items_come_first_on_their_path_when_asked():
    codes = np.array([[1, 1]] * 3 + [[2, 0]])
    popularity = np.array([5, 90, 7, 1])
    options = {"num_tie_codes": 4, "level_sizes": (4, 4), "codebook_fingerprint": "c0de"}
    table = SemanticIdTable.build(["a", "b", "c", "d"], codes, popularity=popularity, **options)
    assert [table.semantic_id(item)[-1] for item in "bca"] == [0, 1, 2]
    order = [2, 0, 3, 1]
    again = SemanticIdTable.build(["c", "a", "d", "b"], codes[order], popularity=popularity[order], **options)
    assert all(again.semantic_id(item) == table.semantic_id(item) for item in "abcd")
