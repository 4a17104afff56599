from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from genrec.data.tables import Table, arrow_files, read_table
from genrec.errors import SourceError


def written(tmp_path: Path, columns: dict[str, object], name: str = "items.parquet") -> Path:
    path = tmp_path / name
    table = pa.table(columns)
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        feather.write_feather(table, str(path), compression="lz4" if path.suffix == ".feather" else "uncompressed")
    return path


def types(table: Table) -> dict[str, pa.DataType]:
    return {name: column.type for name, column in table.columns.items()}  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["items.parquet", "items.feather", "items.arrow", "items.bin.parquet"])
def test_columns_keep_their_types_and_values(tmp_path: Path, name: str) -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    columns: dict[str, object] = {
        "sku": pa.array([7, 8, 9]),
        "title": pa.array(["Cup", None, "Jug"]).dictionary_encode(),
        "price": pa.array([Decimal("3.50"), None, Decimal("4.00")]),
        "day": pa.array([moment, None, moment], pa.timestamp("ms", tz="Europe/Paris")),
        "tags": pa.array([["a", "b"], [], None]),
        "size": pa.array([{"w": 1, "h": 2}, None, {"w": 3, "h": None}]),
        "large": pa.array(["x", "y", None], pa.large_string()),
    }
    table = read_table(written(tmp_path, columns, name))
    assert list(table.columns) == list(columns)
    assert table.lines == range(1, 4)
    assert types(table)["title"] == types(table)["large"] == pa.string()
    assert types(table)["price"] == pa.decimal128(3, 2)
    rows = list(table.rows())
    assert [row["title"] for row in rows] == ["Cup", None, "Jug"]
    assert rows[0]["day"] == moment
    assert [row["tags"] for row in rows] == [["a", "b"], [], None]
    assert rows[2]["size"] == {"w": 3, "h": None}
    assert (table.notes, table.refused) == ((), ())


def test_the_index_of_pandas_is_left_out(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, {"sku": ["a", "b"], "__index_level_0__": [4, 2]}))
    assert list(table.columns) == ["sku"]
    assert table.notes == ("'__index_level_0__' is pandas' index; it was left out",)
    named = read_table(written(tmp_path, {"title": ["Cup"], "__index_level_0__": ["B1"]}))
    assert list(named.columns) == ["title", "__index_level_0__"]
    first = read_table(written(tmp_path, {"Unnamed: 0": [0, 1], "sku": ["a", "b"]}))
    assert list(first.columns) == ["sku"]


def test_only_wanted_columns_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, {"sku": ["a"], "title": ["Cup"], "size": [{"w": 1}]})
    assert list(read_table(path, columns=["size", "sku"]).columns) == ["sku", "size"]
    with pytest.raises(SourceError, match="no column 'cost'"):
        read_table(path, columns=["cost"])


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    for name in ("x.parquet", "x.feather"):
        table = read_table(written(tmp_path, {"sku": pa.array([], pa.string())}, name))
        assert (len(table), list(table.columns)) == (0, ["sku"])


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_broken_files_are_one_line(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path, {"sku": ["a"] * 1000}, f"x.{suffix}")
    content = path.read_bytes()
    for broken in (content[:200], content[:4] + b"\0" * 300, content[:-10], b"sku,title\n"):
        path.write_bytes(broken)
        with pytest.raises(SourceError) as refused:
            read_table(path)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_a_table_has_so_many_columns_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    monkeypatch.setattr(arrow_files, "MAX_COLUMNS", 10)
    path = written(tmp_path, {str(n): ["a"] for n in range(11)}, f"x.{suffix}")
    with pytest.raises(SourceError, match="11 columns; at most 10"):
        read_table(path)


def test_a_parquet_that_says_it_is_large_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, {"sku": np.zeros(30_000_000, dtype=np.int8)})
    assert path.stat().st_size < 400_000
    with pytest.raises(SourceError, match="over 100 times its size"):
        read_table(path)


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_one_long_text_repeated_is_refused(tmp_path: Path, suffix: str) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(5000, dtype=np.int32)), pa.array(["a" * 2**17]))
    path = written(tmp_path, {"sku": np.arange(5000), "title": texts}, f"x.{suffix}")
    assert path.stat().st_size < 400_000
    with pytest.raises(SourceError, match="over 100 times its size"):
        read_table(path)


class TestParts:
    def test_part_files_are_one_table(self, tmp_path: Path) -> None:
        (tmp_path / "items").mkdir()
        for n in range(3):
            written(tmp_path / "items", {"sku": [f"a{n}", f"b{n}"], "n": [n, None]}, f"part-0000{n}.parquet")
        (tmp_path / "items/_SUCCESS").touch()
        (tmp_path / "items/.part-00000.parquet.crc").write_bytes(b"x")
        table = read_table(tmp_path / "items")
        assert table.columns["sku"].to_pylist() == ["a0", "b0", "a1", "b1", "a2", "b2"]  # type: ignore[union-attr]
        assert table.lines == range(1, 7)
        assert table.notes == ("3 part files were read",)

    def test_folders_of_keys_give_columns_and_missing_ones_are_empty(self, tmp_path: Path) -> None:
        for year in (2023, 2024):
            (tmp_path / f"year={year}").mkdir()
            written(tmp_path / f"year={year}", {"sku": ["a"], f"only{year}": [1]}, "part.parquet")
        rows = list(read_table(tmp_path).rows())
        assert rows == [
            {"sku": "a", "only2023": 1, "year": "2023", "only2024": None},
            {"sku": "a", "only2023": None, "year": "2024", "only2024": 1},
        ]
        assert "not all part files have 'only2023', 'only2024'" in read_table(tmp_path).notes[1]

    def test_texts_come_in_parts_too(self, tmp_path: Path) -> None:
        (tmp_path / "part-0.csv").write_text("sku,title\nk1,Cup\nk2\n")
        (tmp_path / "part-1.csv").write_text("sku,title\nk3,Jug\nTotal: 3\n")
        table = read_table(tmp_path)
        assert [row["sku"] for row in table.rows()] == ["k1", "k2", "k3"]
        assert "part-0.csv: 1 row had fewer cells" in table.notes[1]
        assert table.refused[0].reason.startswith("part-1.csv: ")

    def test_a_folder_of_other_things_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="is a folder"):
            read_table(tmp_path)
        written(tmp_path, {"sku": ["a"]})
        (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
        with pytest.raises(SourceError, match="not one of part files of one kind"):
            read_table(tmp_path)
