"""Vectors of people's own find their items from every kind of file, and what is odd among them is said."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from genrec.data.given import AlignedVectors, align_given, load_given
from genrec.errors import SourceError
from genrec.schema import Catalog, Item

IDS = ["a", "b", "c"]
VECTORS = np.array([[3, 4], [0, 2], [1, 0]], dtype=np.float32)
UNIT = [[0.6, 0.8], [0, 1], [1, 0]]


def catalog(*item_ids: str) -> Catalog:
    return Catalog(items=tuple(Item(item_id=item_id, title="x") for item_id in item_ids))


def aligned(file: Path, *item_ids: str, row_ids: list[str] | None = None) -> AlignedVectors:
    return align_given(load_given("f", file), catalog(*item_ids), row_ids)


def npz(folder: Path) -> Path:
    np.savez(folder / "v.npz", ids=np.array(IDS), vectors=VECTORS)
    return folder / "v.npz"


def npz_of_other_names(folder: Path) -> Path:
    np.savez(folder / "v.npz", item_id=np.array(IDS), emb=VECTORS)
    return folder / "v.npz"


def npy(folder: Path, end: str, ids: object) -> Path:
    np.save(folder / "v.npy", VECTORS)
    if end.endswith(".npy"):
        np.save(folder / f"v{end}", np.array(ids))
    else:
        (folder / f"v{end}").write_text(str(ids))
    return folder / "v.npy"


def list_column(folder: Path, kind: pa.DataType | None = None) -> Path:
    column = pa.array(VECTORS.tolist(), kind or pa.list_(pa.float32()))
    pq.write_table(pa.table({"item_id": IDS, "embedding": column, "n": [1, 2, 3]}), folder / "v.parquet")
    return folder / "v.parquet"


def number_columns(folder: Path) -> Path:
    columns = {f"emb_{place}": np.zeros(3) for place in range(12)} | {"emb_10": VECTORS[:, 1], "emb_2": VECTORS[:, 0]}
    pq.write_table(pa.table({"sku": IDS, **columns}), folder / "v.parquet")
    return folder / "v.parquet"


def safetensors(folder: Path, *, beside: bool) -> Path:
    save_file({"emb": VECTORS}, folder / "v.safetensors", metadata=None if beside else {"ids": json.dumps(IDS)})
    if beside:
        (folder / "v.ids.json").write_text(json.dumps(IDS))
    return folder / "v.safetensors"


def csv(folder: Path) -> Path:
    (folder / "v.csv").write_text(
        "id,x0,x1\n" + "".join(f"{i},{x},{y}\n" for i, (x, y) in zip(IDS, VECTORS, strict=True))
    )
    return folder / "v.csv"


@pytest.mark.parametrize(
    "write",
    [
        npz,
        npz_of_other_names,
        lambda folder: npy(folder, ".ids.txt", "a\nb\nc\n"),
        lambda folder: npy(folder, ".ids.txt", "item_id\na\nb\nc"),
        lambda folder: npy(folder, "_ids.json", json.dumps(IDS)),
        lambda folder: npy(folder, ".ids.json", json.dumps({"b": 1, "c": 2, "a": 0})),
        lambda folder: npy(folder, ".ids.json", json.dumps({"1": "b", "2": "c", "0": "a"})),
        lambda folder: npy(folder, ".ids.npy", IDS),
        lambda folder: npy(folder, ".ids.csv", ",item_id\n0,a\n1,b\n2,c\n"),
        lambda folder: npy(folder, ".ids.csv", "a\nb\nc\n"),
        list_column,
        lambda folder: list_column(folder, pa.list_(pa.float64(), 2)),
        lambda folder: list_column(folder, pa.large_list(pa.int64())),
        lambda folder: safetensors(folder, beside=False),
        lambda folder: safetensors(folder, beside=True),
        csv,
    ],
)
def test_every_kind_of_file_gives_the_same_rows_in_catalog_order(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    found = aligned(write(tmp_path), "c", "lone", "a", "b")
    np.testing.assert_allclose(found.embeddings.vectors, [UNIT[2], [0, 0], UNIT[0], UNIT[1]], atol=1e-6)
    assert found.embeddings.present.tolist() == [True, False, True, True]
    assert found.embeddings.vectors.dtype == np.float32
    assert found.notes == ("features 'f': 3 of 4 items have a vector of 2 numbers",)


def test_columns_of_numbers_stand_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    found = aligned(number_columns(tmp_path), *IDS).embeddings.vectors
    assert found.shape == (3, 12)
    np.testing.assert_allclose(found[:, [2, 10]], UNIT, atol=1e-6)


def test_ids_can_lie_in_a_file_of_any_name(tmp_path: Path) -> None:
    npy(tmp_path, ".ids.txt", "not\nthese\nones")
    (tmp_path / "rows.txt").write_text("b\na\nc\n")
    found = aligned(Path(f"{tmp_path / 'v.npy'},{tmp_path / 'rows.txt'}"), "a")
    np.testing.assert_allclose(found.embeddings.vectors, [UNIT[1]], atol=1e-6)


def test_vectors_without_ids_are_taken_for_the_rows_of_the_items_file(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", VECTORS)
    found = aligned(tmp_path / "v.npy", "z", "x", row_ids=["x", "y", "z"])
    np.testing.assert_allclose(found.embeddings.vectors, [UNIT[2], UNIT[0]], atol=1e-6)
    assert "features 'f': v.npy names no ids, so its vectors are taken for the items in their order" in found.notes
    with pytest.raises(SourceError, match=r"has 3 vectors without ids, and there are 2 items; .*v\.ids\.txt"):
        aligned(tmp_path / "v.npy", "x", "y")


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int8, np.uint16, np.int64])
def test_numbers_of_every_kind_are_read(tmp_path: Path, kind: type) -> None:
    np.savez(tmp_path / "v.npz", ids=np.array(IDS), vectors=VECTORS.astype(kind))
    np.testing.assert_allclose(aligned(tmp_path / "v.npz", *IDS).embeddings.vectors, UNIT, atol=1e-6)


@pytest.mark.parametrize("size", [1e300, 1e-300, 1e30, 1e-30])
def test_rows_have_length_one_however_large_their_numbers_are(tmp_path: Path, size: float) -> None:
    np.savez(tmp_path / "v.npz", ids=np.array(IDS), vectors=VECTORS.astype(np.float64) * size)
    np.testing.assert_allclose(aligned(tmp_path / "v.npz", *IDS).embeddings.vectors, UNIT, atol=1e-6)


def test_odd_rows_are_absent_and_strangers_and_doubles_are_counted(tmp_path: Path) -> None:
    rows = np.array([[np.nan, 1], [np.inf, 1], [0, 0], [1, 0], [0, 1], [5, 5]])
    np.savez(tmp_path / "v.npz", ids=np.array(["a", "b", "c", "d", "d", "who"]), vectors=rows)
    given = load_given("f", tmp_path / "v.npz")
    assert given.known_ids() == {"d", "who"}
    found = align_given(given, catalog("a", "b", "c", "d"))
    np.testing.assert_array_equal(found.embeddings.vectors, [[0, 0], [0, 0], [0, 0], [1, 0]])
    assert found.embeddings.present.tolist() == [False, False, False, True]
    assert [note.removeprefix("features 'f': ") for note in found.notes] == [
        "1 of 4 items have a vector of 2 numbers",
        "3 of 6 vectors are zero or not finite, and count as absent",
        "1 of 6 ids come twice; the first vector counts",
        "1 of 6 ids match no item, such as 'who'",
    ]


def test_an_absent_list_is_an_absent_vector(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": IDS, "v": [[1.0, 0.0], None, []]}), tmp_path / "v.parquet")
    assert aligned(tmp_path / "v.parquet", *IDS).embeddings.present.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("ids", "item_id"),
    [(np.array([12, 13]), "12"), (np.array([12.0, 13.0]), "12"), (np.array(["0012", "13"]), "12"),
     (np.array([12, 13]), "012.0"), (np.array([b"12", b"13"]), "12")],
)  # fmt: skip
def test_ids_match_as_they_do_everywhere(tmp_path: Path, ids: np.ndarray, item_id: str) -> None:
    np.savez(tmp_path / "v.npz", ids=ids, vectors=VECTORS[:2])
    np.testing.assert_allclose(aligned(tmp_path / "v.npz", item_id).embeddings.vectors, [UNIT[0]], atol=1e-6)


def write_bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def write_npy(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda f: write_bytes(f / "v.pt", b"PK"), "can run code; save the array by numpy.save or safetensors"),
        (lambda f: write_bytes(f / "v.pkl", b"x"), "can run code"),
        (lambda f: write_bytes(f / "v.xlsx", b"x"), r"\.xlsx is no kind that is read"),
        (lambda f: write_bytes(f / "v.npy", b"x"), "cannot be read"),
        (lambda f: write_bytes(f / "v.npz", b"x"), "cannot be read"),
        (lambda f: write_bytes(f / "v.parquet", b"x"), "cannot be read"),
        (lambda f: write_bytes(f / "v.safetensors", b"x"), "cannot be read"),
        (lambda f: write_bytes(f / "v.csv", b""), "cannot be read"),
        (lambda f: write_bytes(f / "v.csv", b"id,title,price\n1,Lamp,9.5\n"), "none of which holds vectors"),
        (lambda f: f / "none.npy", "is not there"),
        (lambda f: f, "is a folder"),
        (lambda f: write_npy(f / "v.npy", np.ones(3)), r"shape \(3,\), no numbers \(M, D\)"),
        (lambda f: write_npy(f / "v.npy", np.ones((0, 3))), r"shape \(0, 3\)"),
        (lambda f: write_npy(f / "v.npy", np.array([["x"]])), "no numbers"),
        (lambda f: npy(f, ".ids.txt", "a\nb"), "2 ids for 3 vectors"),
        (lambda f: npy(f, ".ids.json", '{"a": 7}'), "neither a list of ids nor a mapping"),
    ],
)
def test_files_that_cannot_be_used_are_refused_in_one_line(
    tmp_path: Path, write: Callable[[Path], Path], message: str
) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        load_given("f", write(tmp_path))
    assert "\n" not in str(caught.value)


def test_pickled_arrays_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(SourceError, match="cannot be read"):
        load_given("f", tmp_path / "v.npy")


def test_lists_of_different_lengths_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a", "b"], "v": [[1.0], [1.0, 2.0]]}), tmp_path / "v.parquet")
    with pytest.raises(SourceError, match="its lists have 1, 2 numbers; wanted equally many"):
        load_given("f", tmp_path / "v.parquet")


def test_vectors_of_no_item_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="its ids look like 'a', the catalog's like 'q'"):
        aligned(npz(tmp_path), "q")
