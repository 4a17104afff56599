"""Opens any file of a source as a table, or its first rows: also those that are no rows of cells by themselves.

Product feeds in XML, schema.org's JSON-LD, sequence files and files of blocks have readers of their own here; all
others are tables'. Knows which suffixes are worth a look; deliberately knows no layout.
"""

from collections.abc import Callable, Collection
from pathlib import Path

from genrec.data.layouts.blocks import is_blocks, read_blocks
from genrec.data.layouts.feeds import read_feed
from genrec.data.layouts.jsonld import is_jsonld, read_jsonld
from genrec.data.layouts.sequences import is_sequences, read_sequences
from genrec.data.tables import Peek, Table, peek_table, read_table
from genrec.data.tables.opening import open_bytes
from genrec.errors import SourceError

_HEAD_BYTES = 8192
_NO_TABLES = frozenset((
    ".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".svg", ".npy", ".npz", ".pt",
    ".pth", ".pkl", ".safetensors", ".bin", ".md", ".rst", ".pdf", ".py", ".ipynb", ".wav", ".mp3", ".flac", ".ogg",
    ".mp4", ".toml", ".yaml", ".yml", ".log", ".sh", ".pl", ".db", ".doc", ".docx", ".ini", ".cfg", ".user", ".kg",
    ".link", ".net",
))  # fmt: skip
_PROSE = ("readme", "license", "licence", "changelog", "citation", "notice")
_PAGES = (".html", ".htm")


def is_prose(path: Path) -> bool:
    """Whether a file's name says that people are to read it."""
    return path.name.lower().startswith(_PROSE)


def is_table(path: Path) -> bool:
    """Whether a file may be a table, by its name; a page by the products it holds."""
    if is_prose(path) or path.suffix.lower() in _NO_TABLES:
        return False
    return path.suffix.lower() not in _PAGES or (path.is_file() and is_jsonld(path, b""))


def is_pages(folder: Path) -> bool:
    """Whether a folder holds several files of products in schema.org's terms, each a part of one catalog."""
    files = [
        file
        for file in sorted(folder.iterdir())
        if file.is_file() and file.suffix.lower() in (".json", ".jsonld", *_PAGES)
    ]
    return len(files) > 1 and all(is_jsonld(file, _head(file)) for file in files[:20])


def peek(path: Path) -> Peek:
    """The first rows of a file. Raises SourceError."""
    read = _reader_of(path)
    return peek_table(path) if read is None else Peek(table=read(path), is_whole=True)


def open_table(path: Path, *, columns: Collection[str] | None = None) -> Table:
    """A file as a table, or some of its columns. Raises SourceError."""
    read = _reader_of(path)
    if read is None:
        return read_table(path, columns=columns)
    table = read(path)
    return table if columns is None else table.select(columns)


def _reader_of(path: Path) -> Callable[[Path], Table] | None:
    """What reads a file that is no table of cells; None for one that is."""
    if path.is_dir():
        return read_jsonld if is_pages(path) else None
    head = _head(path)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
    if is_jsonld(path, head):
        return read_jsonld
    if text.startswith((b"<?xml", b"<rss", b"<feed")) and b"<html" not in head.lower():
        return read_feed
    if is_blocks(path, head):
        return read_blocks
    return read_sequences if is_sequences(path, head) else None


def _head(path: Path) -> bytes:
    """The beginning of a file, b'' where it has none that can be read."""
    try:
        with open_bytes(path, is_markup=True) as stream:
            return stream.read(_HEAD_BYTES)
    except SourceError:
        return b""
