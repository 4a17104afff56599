"""Files made to exhaust memory or the interpreter's stack end in one line, soon, or in a refused row."""

import gzip
import json
import resource
import subprocess
import sys
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genrec.data.arrays import read_arrays
from genrec.data.ingest import ingest
from genrec.data.readers import tables
from genrec.data.readers.tables import read_json, read_rows
from genrec.errors import SourceError

MOST_MB = 400  # that reading a hostile file may take, the interpreter and its libraries included


def packed(path, unit: bytes, count: int, *, head: bytes = b"", tail: bytes = b""):
    with gzip.open(path, "wb", compresslevel=9) as stream:
        stream.write(head)
        for _ in range(count):
            stream.write(unit)
        stream.write(tail)
    return path


def rows_of(path):
    refused = []
    return list(read_rows(path, lambda *row: refused.append(row))), refused


BOMBS = {
    "short rows": ("items.csv.gz", b"a,b\n" * 2**18, 300, b"item_id,title\n"),
    "one line of a table": ("items.csv.gz", b"a" * 2**20, 300, b"item_id,title\n"),
    "one line of names": ("items.csv.gz", b"a" * 2**20, 300, b""),
    "an open quote": ("items.csv.gz", b"a\n" * 2**19, 300, b'item_id,title\n"'),
    "one line of JSON": ("items.jsonl.gz", b" " * 2**20, 300, b'{"item_id": 1,'),
    "short JSON lines": ("items.jsonl.gz", b'{"item_id":1}\n' * 2**16, 300, b""),
    "a JSON array": ("items.json.gz", b'{"item_id":1},' * 2**16, 300, b"["),
    "one element": ("items.json.gz", b'"a",' * 2**18, 300, b'[{"item_id": ['),
    "blanks in an array": ("items.json.gz", b" " * 2**20, 300, b"[1,"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_what_unpacks_to_far_more_ends_in_one_line_and_little_memory(tmp_path, kind):
    name, unit, count, head = BOMBS[kind]
    path = packed(tmp_path / name, unit, count, head=head)
    assert path.stat().st_size < 3 * 2**20
    code = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_DATA, ({MOST_MB} * 2**20,) * 2)\n"
        "from pathlib import Path\n"
        "from genrec.data.readers.tables import read_rows\n"
        "from genrec.errors import SourceError\n"
        "try:\n"
        "    for row in read_rows(Path(sys.argv[1]), lambda *refused: None): pass\n"
        "except SourceError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert "MiB" in done.stdout or "characters" in done.stdout or "not valid JSON" in done.stdout


def test_a_file_that_packs_well_is_read(tmp_path):
    path = packed(tmp_path / "events.csv.gz", b"user-1,item-1,100\n" * 50_000, 1, head=b"user_id,item_id,timestamp\n")
    assert path.stat().st_size * 100 < 18 * 50_000
    assert len(rows_of(path)[0]) == 50_000


DEEP = 100_000


@pytest.mark.parametrize("depth", [40, 500, 900, 1500, DEEP])
@pytest.mark.parametrize("kind", ["jsonl", "json", "attributes", "title"])
def test_deep_json_is_a_refused_row_or_one_line(tmp_path, kind, depth):
    deep = "[" * depth + "]" * depth
    good = '{"item_id": "a", "title": "Lamp"}'
    shop = tmp_path / "shop"
    shop.mkdir()
    if kind == "jsonl":
        (shop / "items.jsonl").write_text(f'{good}\n{{"item_id": "b", "title": "Mug", "more": {deep}}}\n')
    elif kind == "title":
        (shop / "items.jsonl").write_text(f'{good}\n{{"item_id": "b", "title": {deep}}}\n')
    elif kind == "json":
        (shop / "items.json").write_text(f'[{good}, {{"item_id": "b", "title": "Mug", "more": {deep}}}]')
    else:
        cell = json.dumps({"more": "@"}).replace('"@"', deep).replace('"', '""')
        (shop / "items.csv").write_text(f'item_id,title,attributes\na,Lamp,\nb,Mug,"{cell}"\n')
    if kind == "json" and depth > 900:  # where the row ends cannot be known
        with pytest.raises(SourceError, match="not valid JSON"):
            ingest("files", shop, tmp_path / "ws")
        return
    report = ingest("files", shop, tmp_path / "ws")
    is_text = kind == "attributes" and depth < DEEP  # a cell that is no JSON object is an attribute's text
    assert (report.num_items, report.num_refused) == ((2, 0) if is_text else (1, 1))


@pytest.mark.parametrize(
    "text", ["[1, 2", '[{"a": 1} {"b": 2}]', "[", "[,]", '[{"a": 1},', "[1,]", '{"a": 1', "[" * DEEP]
)
def test_a_broken_array_is_one_line(tmp_path, text):
    path = tmp_path / "items.json"
    path.write_text(text)
    if text.startswith("{"):  # lines of JSON are refused one by one
        rows, refused = rows_of(path)
        assert (rows, len(refused)) == ([], 1)
        return
    with pytest.raises(SourceError, match="not valid JSON"):
        rows_of(path)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
def test_an_array_reads_the_same_in_pieces_of_any_size(tmp_path, monkeypatch, size):
    elements = [{"item_id": n, "title": 'a "lamp], [', "list": [[], {}, 1.5e3]} for n in range(20)]
    path = tmp_path / "items.json"
    path.write_text(json.dumps(elements, indent=2))
    monkeypatch.setattr(tables, "_CHUNK_CHARS", size)
    rows, refused = rows_of(path)
    assert [row for _, row in rows] == elements
    assert not refused
    path.write_text(" [ ] ")
    assert rows_of(path) == ([], [])
    path.write_text("[12, 345 , {}]")
    rows, refused = rows_of(path)
    assert [content for *_, content in refused] == ["12", "345"]
    assert len(rows) == 1


def test_one_json_document_is_bounded(tmp_path, monkeypatch):
    path = tmp_path / "attributes.json"
    path.write_text('{"a": 1}')
    assert read_json(path) == {"a": 1}
    monkeypatch.setattr(tables, "MAX_WHOLE_CHARS", 7)
    with pytest.raises(SourceError, match="more than 7 characters"):
        read_json(path)
    path.write_text("[" * DEEP)
    monkeypatch.undo()
    with pytest.raises(SourceError, match="not valid JSON"):
        read_json(path)


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
def test_a_table_has_so_many_columns_at_most(tmp_path, kind):
    path = tmp_path / f"items.{kind}"
    for number in (tables.MAX_COLUMNS, tables.MAX_COLUMNS + 1):
        names = ["item_id", *map(str, range(number - 1))]
        if kind == "parquet":
            pq.write_table(pa.table({name: ["a"] for name in names}), path)
        else:
            rows = (",\t"[kind == "tsv"].join(row) for row in (names, ["a"] * number))
            path.write_text("\n".join(rows))
        if number > tables.MAX_COLUMNS:
            with pytest.raises(SourceError, match="10,001 columns; at most 10,000"):
                rows_of(path)
        else:
            assert len(rows_of(path)[0]) == 1


# ---- Parquet and .npz


def test_a_parquet_that_says_it_is_large_is_refused(tmp_path):
    path = tmp_path / "items.parquet"
    pq.write_table(pa.table({"item_id": np.zeros(30_000_000, dtype=np.int8)}), path)
    assert path.stat().st_size < 400_000
    with pytest.raises(SourceError, match="over 100 times its size"):
        rows_of(path)


def test_a_parquet_that_repeats_one_long_text_is_refused(tmp_path):
    path = tmp_path / "items.parquet"
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(5000, dtype=np.int32)), pa.array(["a" * 2**17]))
    pq.write_table(pa.table({"item_id": np.arange(5000), "title": texts}), path)
    assert path.stat().st_size < 100_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SourceError, match="over 100 times its size"):
        rows_of(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


def test_a_plain_parquet_is_read_as_it_is(tmp_path):
    columns = {"item_id": ["a", "b"], "title": ["x", None], "tags": [["p", "q"], []], "price": [1.5, None]}
    pq.write_table(pa.table(columns), tmp_path / "items.parquet")
    rows, _ = rows_of(tmp_path / "items.parquet")
    assert [dict(row) for _, row in rows] == [
        {"item_id": "a", "title": "x", "tags": ["p", "q"], "price": 1.5},
        {"item_id": "b", "title": None, "tags": [], "price": None},
    ]


def test_npz_bombs_and_false_headers_are_one_line(tmp_path):
    path = tmp_path / "v.npz"
    np.savez_compressed(path, ids=np.zeros(100_000_000, dtype=np.int8), vectors=np.zeros(1))
    with pytest.raises(ValueError, match="times its size"):
        read_arrays(path, "ids")
    with zipfile.ZipFile(path, "w") as packed_file, packed_file.open("ids.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (2**50,)})
    with pytest.raises(ValueError) as refused:
        read_arrays(path, "ids")
    assert "\n" not in str(refused.value)
    np.savez(path, ids=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        read_arrays(path, "ids")


@pytest.mark.parametrize("text", ["\\ud800", "\\udfff x", "a\\u0000b"])
def test_characters_that_no_file_can_hold_are_replaced(tmp_path, text):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "items.jsonl").write_text(f'{{"item_id": "a", "title": "{text}", "color": "{text}"}}\n')
    assert ingest("files", tmp_path / "shop", tmp_path / "ws").num_items == 1
