"""Files made to exhaust memory or the interpreter's stack end an ingest in one line, soon, or in a refused row.

What tables do with them by themselves is tested in tests/data/tables.
"""

import gzip
import json
import subprocess
import sys
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genrec.data.arrays import read_arrays
from genrec.data.ingest import ingest
from genrec.errors import SourceError

MOST_MB = 700  # that an ingest of a hostile file may take, the interpreter and its libraries included


def packed(path, unit: bytes, count: int, *, head: bytes = b""):
    with gzip.open(path, "wb", compresslevel=9) as stream:
        stream.write(head)
        for _ in range(count):
            stream.write(unit)
    return path


BOMBS = {
    "short rows": ("items.csv.gz", b"a,b\n" * 2**18, b"item_id,title\n"),
    "an open quote": ("items.csv.gz", b"a\n" * 2**19, b'item_id,title\n"'),
    "one line of JSON": ("items.jsonl.gz", b" " * 2**20, b'{"item_id": 1,'),
    "a JSON array": ("items.json.gz", b'{"item_id":1},' * 2**16, b"["),
    "a product": ("items.json.gz", b" " * 2**20, b'{"@context": "https://schema.org", "@type": "Product",'),
    "a feed": ("items.xml.gz", b" " * 2**20, b"<?xml version='1.0'?><rss><channel><item>"),
    "sequences": ("sequences.txt.gz", b"1 2 3\n" * 2**17, b"1 2\n"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_what_unpacks_to_far_more_ends_an_ingest_in_one_line_and_little_memory(tmp_path, kind):
    name, unit, head = BOMBS[kind]
    (tmp_path / "in").mkdir()
    packed(tmp_path / "in" / name, unit, 600, head=head)
    code = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_DATA, ({MOST_MB} * 2**20,) * 2)\n"
        "from genrec.data.ingest import ingest\n"
        "from genrec.errors import SourceError\n"
        "try: ingest('files', sys.argv[1], sys.argv[2])\n"
        "except SourceError as error: print(error)\n"
    )
    args = [sys.executable, "-c", code, str(tmp_path / "in"), str(tmp_path / "ws")]
    done = subprocess.run(args, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("\n") == 1
    assert not (tmp_path / "ws").exists()


DEEP = 100_000


@pytest.mark.parametrize("depth", [40, 900, DEEP])
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
    if kind == "json" and depth == DEEP:  # where the row ends cannot be known
        with pytest.raises(SourceError, match="not valid JSON"):
            ingest("files", shop, tmp_path / "ws")
        return
    report = ingest("files", shop, tmp_path / "ws")
    assert report.num_items + report.num_refused == 2
    assert report.num_items == 2 or report.losses


def test_a_parquet_of_one_long_text_repeated_ends_an_ingest_in_one_line(tmp_path):
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(5000, dtype=np.int32)), pa.array(["a" * 2**17]))
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "items.parquet"
    pq.write_table(pa.table({"item_id": np.arange(5000), "title": texts}), path)
    assert path.stat().st_size < 100_000
    with pytest.raises(SourceError, match="over 100 times its size"):
        ingest("files", tmp_path / "in", tmp_path / "ws")


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
