import bz2
import gzip
import io
import lzma
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from genrec.data.tables import delimited, is_table_name, read_table, table_suffix
from genrec.errors import SourceError

MOST_MB = 500  # that reading a hostile file may take, the interpreter and its libraries included


def zipped(content: bytes, *names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("items.csv",):
            archive.writestr(name, content)
    return stream.getvalue()


def zst(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zst, ".zip": zipped,
}  # fmt: skip


@pytest.mark.parametrize("suffix", PACKERS)
def test_packed_files_are_read_whatever_they_are_called(tmp_path: Path, suffix: str) -> None:
    for text in ("sku,title\nk1,Tür\nk2,Jug\n", '{"sku": "k1", "title": "Tür"}\n{"sku": "k2", "title": "Jug"}\n'):
        for name in (f"items.csv{suffix}", "items.csv", "items"):
            (tmp_path / name).write_bytes(PACKERS[suffix](text.encode()))
            rows = list(read_table(tmp_path / name).rows())
            assert rows == [{"sku": "k1", "title": "Tür"}, {"sku": "k2", "title": "Jug"}]


def test_names_say_what_they_hold() -> None:
    assert table_suffix(Path("a/items.CSV.gz")) == ".csv"
    assert table_suffix(Path("items.tsv")) == ".tsv"
    assert is_table_name(Path("x.jsonl.zst"))
    assert not is_table_name(Path("x.png"))


@pytest.mark.parametrize("suffix", PACKERS)
def test_files_that_break_off_are_one_line(tmp_path: Path, suffix: str) -> None:
    rows = "".join(f"k{n},{np.random.default_rng(n).integers(10**9)}\n" for n in range(5000))
    content = PACKERS[suffix](f"sku,title\n{rows}".encode())
    (tmp_path / f"items.csv{suffix}").write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceError, match=r"cannot be read \(.*give a whole, readable file$"):
        read_table(tmp_path / f"items.csv{suffix}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped(b"x", "[Content_Types].xml", "xl/workbook.xml"), "Excel or Office file; save it as CSV"),
        (zipped(b"x", "mimetype", "content.xml"), "OpenDocument file; save it as CSV"),
        (zipped(b"a,b\n1,2\n", "a.csv", "b.csv"), "holds 2 files; wanted one table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "old Excel or Office file; save it as CSV"),
        (b"SQLite format 3\0" + b"\0" * 100, "an SQLite database; write its table as CSV"),
        (b"%PDF-1.4\n", "a PDF"),
        (b"\x80\x04\x95\x10\0\0\0", "a Python pickle, which is never opened"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"<?xml version='1.0'?><rss></rss>", "is XML, no table"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "is an HTML page, no table"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
    ],
)
def test_other_kinds_are_refused_by_name_with_what_to_do(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "items.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError) as refused:
        read_table(path)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_missing_or_empty_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not there; wanted a file"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "x.csv").touch()
    with pytest.raises(SourceError, match="is empty; wanted rows"):
        read_table(tmp_path / "x.csv")
    for content in (b"\n\n  \n", b"\xef\xbb\xbf", b"\0\0\0"):
        (tmp_path / "x.csv").write_bytes(content)
        with pytest.raises(SourceError, match="holds no row"):
            read_table(tmp_path / "x.csv")


def test_a_table_has_so_many_columns_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "MAX_COLUMNS", 10)
    for num_columns in (10, 11):
        names = ",".join(f"c{n}" for n in range(num_columns))
        (tmp_path / "x.csv").write_text(names + "\n" + ",".join("a" * num_columns))
        if num_columns > 10:
            with pytest.raises(SourceError, match="11 columns; at most 10"):
                read_table(tmp_path / "x.csv")
        else:
            assert len(read_table(tmp_path / "x.csv").columns) == 10


BOMBS = {
    "short rows": ("items.csv.gz", b"a,b\n" * 2**18, b"sku,title\n"),
    "one line of a table": ("items.csv.gz", b"a" * 2**20, b"sku,title\n"),
    "one line of names": ("items.csv.gz", b"a" * 2**20, b""),
    "many names": ("items.csv.gz", b"a," * 2**19, b""),
    "an open quote": ("items.csv.gz", b"a\n" * 2**19, b'sku,title\n"'),
    "open quotes": ("items.csv.gz", b'"x\n' * 2**18, b"sku,title\n"),
    "odd quotes": ("items.csv.gz", b'""x"\n' * 2**18, b"sku,title\n"),
    "one line of JSON": ("items.jsonl.gz", b" " * 2**20, b'{"sku": 1,'),
    "short JSON lines": ("items.jsonl.gz", b'{"sku":1}\n' * 2**16, b""),
    "a JSON array": ("items.json.gz", b'{"sku":1},' * 2**16, b"["),
    "one element": ("items.json.gz", b'"a",' * 2**18, b'[{"sku": ['),
    "blanks in an array": ("items.json.gz", b" " * 2**20, b"[1,"),
    "a document": ("items.json.gz", b'{"sku":1},' * 2**16, b'{"rows": ['),
    "bzip2": ("items.csv.bz2", b"a,b\n" * 2**18, b"sku,title\n"),
    "xz": ("items.csv.xz", b"a,b\n" * 2**18, b"sku,title\n"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_what_unpacks_to_far_more_ends_in_one_line_and_little_memory(tmp_path: Path, kind: str) -> None:
    name, unit, head = BOMBS[kind]
    path = tmp_path / name
    opener = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}[path.suffix]
    with opener(path, "wb") as stream:
        stream.write(head)
        for _ in range(150 if path.suffix == ".gz" else 6):  # the others pack slowly
            stream.write(unit)
    code = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_DATA, ({MOST_MB} * 2**20,) * 2)\n"
        "from pathlib import Path\n"
        "from genrec.data.tables import read_table\n"
        "from genrec.errors import SourceError\n"
        "try: read_table(Path(sys.argv[1]))\n"
        "except SourceError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert "MiB" in done.stdout


@pytest.mark.parametrize(
    "body",
    [
        b'k,"x\n' * 30_000, b'"x\n' * 30_000, b'""x"\n' * 30_000, b'k,"x' + b'\ny"z' * 30_000, b'"a\nb"c\n' * 30_000,
        b'k, "x\n' * 30_000, b'k,"x ""\n' * 30_000,
    ],
)  # fmt: skip
def test_quotes_that_never_close_cost_no_time(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(b"sku,title\n" + body)
    table = read_table(tmp_path / "x.csv")
    assert len(table) + len(table.refused) >= 1


def test_a_file_that_packs_well_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events.csv.gz"
    path.write_bytes(gzip.compress(b"user_id,item_id,timestamp\n" + b"user-1,item-1,100\n" * 50_000))
    assert len(read_table(path)) == 50_000
