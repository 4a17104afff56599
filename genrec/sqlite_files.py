"""SQLite files that may have come from elsewhere: whether one is a store of ours, found without changing or running it.

Knows the names of the store's tables; deliberately knows nothing of what they hold, and opens nothing for writing.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from genrec.errors import StoreError

STORE_TABLES = frozenset({"alembic_version", "events", "keys", "photos", "sessions", "upkeep", "visuals"})
BESIDE = ("-wal", "-shm", "-journal")  # names of files that SQLite keeps beside its own end so
_INNER_TABLES = frozenset({"sqlite_sequence", "sqlite_stat1", "sqlite_stat4"})  # SQLite's own
_MAX_NAMED = 5
_VIRTUAL = re.compile(r"\s*create\s+virtual\b", re.IGNORECASE)


def check_store_file(path: Path, *, wait_s: float = 5.0) -> None:
    """Raise StoreError unless a path is free, or that of a regular file which is empty or a store and nothing more.

    Triggers, views and other tables in a store would keep, change or hide what people say, unknown to erasing. Nothing
    is written. wait_s: how long another process may keep the file locked. Raises sqlite3.Error, OSError.
    """
    for file in (path, *(path.with_name(path.name + end) for end in BESIDE)):
        if file.is_symlink():
            raise StoreError(f"{file.name} is a link; wanted a file of the workspace's own, so put one there")
        if file.exists() and not file.is_file():
            raise StoreError(f"{file.name} is no regular file; wanted one, or none")
    if not path.exists() or not path.stat().st_size:
        return
    has_log = path.with_name(path.name + "-wal").exists()
    found = _schema(path, has_log=has_log, wait_s=wait_s)
    if not has_log and path.with_name(path.name + "-wal").exists():  # another process began to write meanwhile
        found = _schema(path, has_log=True, wait_s=wait_s)
    tables = {name for kind, name, _ in found if kind == "table"}
    if tables - _INNER_TABLES and "alembic_version" not in tables:
        raise StoreError(f"{path.name} is another program's ({_named(sorted(tables))}); give a file of its own")
    strangers = [f"{kind} {name}" for kind, name, sql in found if _is_strange(kind, name, sql)]
    if strangers:
        raise StoreError(
            f"{path.name} holds what no store has ({_named(strangers)}); drop that, or take the workspace without it"
        )


def _schema(path: Path, *, has_log: bool, wait_s: float) -> list[tuple[str, str, str]]:
    """Kind, name and SQL of all that a file holds. Where no log lies beside it, reading it makes none."""
    mode = "ro" if has_log else "ro&immutable=1"
    if path.with_name(path.name + "-journal").exists():
        mode = "rw"  # a killed process left it, and SQLite first takes back what that one had begun
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=wait_s)) as connection:
        connection.execute("PRAGMA trusted_schema=OFF")
        found = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master ORDER BY type, name")
        return [(str(kind), str(name), str(sql)) for kind, name, sql in found]


def _is_strange(kind: str, name: str, sql: str) -> bool:
    if kind == "index":
        return False  # it goes with its table's rows
    return kind != "table" or name not in STORE_TABLES | _INNER_TABLES or _VIRTUAL.match(sql) is not None


def _named(things: list[str]) -> str:
    more = len(things) - _MAX_NAMED
    shown = ", ".join(" ".join(thing.split())[:80] for thing in things[:_MAX_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown
