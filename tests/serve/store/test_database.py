"""A database that fails is told in one line, at its opening and later; its file is its owner's alone."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from genrec.errors import StoreError
from genrec.serve.store import Store, default_url
from genrec.serve.store.database import Database
from genrec.serve.store.files import VisualFiles
from genrec.serve.store.records import Base
from genrec.sqlite_files import STORE_TABLES


class ForgivingDatabase(Database):
    """A database that is asked at once whether it works again."""

    recent_s = 0.0


def open_forgiving(directory: Path, url: str | None = None) -> Store:
    return Store(ForgivingDatabase.open(url or default_url(directory), directory), VisualFiles(directory))


def test_a_database_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"this is no database, only some bytes of text" * 40)
    (tmp_path / "folder.db").mkdir()
    for url, reason in (
        (default_url(tmp_path), "not a database"),
        ("postgresql://nobody@127.0.0.1:1/none", "127.0.0.1"),
        ("nonsense", "address cannot be read"),
        (f"sqlite:///{tmp_path}/nowhere/store.db", "No such file"),
        (f"sqlite:///{tmp_path}/folder.db", "no regular file"),
        (f"sqlite:///file:{tmp_path}/store2.db?mode=ro&uri=true", "No such file"),
    ):
        with pytest.raises(StoreError, match="cannot be used") as caught:
            Store.open(url, tmp_path)
        assert reason in str(caught.value)
        assert "\n" not in str(caught.value)


def modes(directory: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.glob("store.db*")}


def test_the_files_are_their_owners_alone_from_the_first_byte_on(tmp_path: Path) -> None:
    seen: list[int] = []

    class WatchedDatabase(Database):
        def __init__(self, *given: object) -> None:
            seen.extend(modes(tmp_path).values())
            super().__init__(*given)  # type: ignore[arg-type]

    before = os.umask(0)
    try:
        WatchedDatabase.open(default_url(tmp_path), tmp_path).close()
        store = Store.open(default_url(tmp_path), tmp_path)
        store.add_event(person="ann", item_id="a", kind="like")
        assert modes(tmp_path) == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm"), 0o600)
        store.close()
    finally:
        os.umask(before)
    assert set(seen) == {0o600}


def test_a_file_that_others_may_read_is_made_its_owners_alone(tmp_path: Path) -> None:
    store = Store.open(default_url(tmp_path), tmp_path)
    store.add_event(person="ann", item_id="a", kind="like")
    for path in tmp_path.glob("store.db*"):
        path.chmod(0o664)
    again = Store.open(default_url(tmp_path), tmp_path)
    assert set(modes(tmp_path).values()) == {0o600}
    again.close()
    store.close()


def test_a_relative_address_means_one_file_wherever_the_process_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store.open("sqlite:///here.db", tmp_path)
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    store.close()
    store.add_event(person="ann", item_id="a", kind="like")
    store.close()
    assert not list((tmp_path / "inner").iterdir())


FULL = """
import resource, sys
from pathlib import Path
from genrec.errors import StoreError
sys.path.insert(0, sys.argv[2])
from test_database import open_forgiving
directory = Path(sys.argv[1])
store = open_forgiving(directory)
store.add_event(person="ann", item_id="a", kind="like")
assert store.is_alive()
resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))  # as on a full disk
for job in (
    lambda: store.add_event(person="ann", item_id="b" * 200, kind="like"),
    lambda: store.save_session("s", "ann", "said " * 5_000, after=None),
    lambda: store.create_key("shop", ["recommend"]),
):
    try:
        job()
    except StoreError as error:
        assert len(str(error).splitlines()) == 1, error
        print(error)
    else:
        raise AssertionError("there was room")
assert not store.is_alive()
assert len(store.events_of("ann")) == 1  # reading goes on
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert store.is_alive()
store.add_event(person="ann", item_id="b", kind="like")
"""


def test_a_full_disk_is_told_and_the_store_works_again_when_there_is_room(tmp_path: Path) -> None:
    words = [sys.executable, "-c", FULL, str(tmp_path), str(Path(__file__).parent)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("the store sqlite:////") and "may be written to and has room" in line for line in lines)


def test_a_store_that_may_only_be_read_is_told_at_its_opening_and_later(tmp_path: Path) -> None:
    store = open_forgiving(tmp_path)
    store.add_event(person="ann", item_id="a", kind="like")
    url = f"sqlite:///file:{tmp_path}/store.db?mode=ro&uri=true"
    with pytest.raises(StoreError, match="readonly database") as caught:
        Store.open(url, tmp_path)
    assert "\n" not in str(caught.value)
    store.close()


@pytest.fixture
def own_postgres(postgres_url: str, tmp_path: Path) -> Iterator[str]:
    """A database of PostgreSQL that a test may take away."""
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE taken_away")
        yield postgres_url.replace("/postgres?", "/taken_away?")
        connection.execute("DROP DATABASE IF EXISTS taken_away WITH (FORCE)")


def test_a_postgresql_that_goes_away_or_takes_no_writes_is_told(own_postgres: str, tmp_path: Path) -> None:
    import psycopg

    store = open_forgiving(tmp_path, own_postgres)
    assert store.is_alive()
    other = own_postgres.replace("/taken_away?", "/postgres?")
    with psycopg.connect(other, autocommit=True) as connection:
        connection.execute("ALTER DATABASE taken_away SET default_transaction_read_only = on")
        store.close()
        with pytest.raises(StoreError, match="read-only transaction"):
            store.add_event(person="ann", item_id="a", kind="like")
        assert not store.is_alive()
        connection.execute("ALTER DATABASE taken_away RESET default_transaction_read_only")
        store.close()
        assert store.is_alive()
        connection.execute("DROP DATABASE taken_away WITH (FORCE)")
    with pytest.raises(StoreError, match="cannot be used") as caught:
        store.latest_feedback("ann")
    assert "\n" not in str(caught.value)
    assert not store.is_alive()
    store.close()


def test_a_store_is_not_ready_for_a_while_after_a_failure(tmp_path: Path) -> None:
    store = Store.open(default_url(tmp_path), tmp_path)
    store.add_event(person="ann", item_id="a", kind="like")
    store.close()
    shutil.move(tmp_path / "store.db", tmp_path / "kept.db")
    (tmp_path / "store.db").mkdir()
    with pytest.raises(StoreError):
        store.events_of("ann")
    (tmp_path / "store.db").rmdir()
    shutil.move(tmp_path / "kept.db", tmp_path / "store.db")
    assert not store.is_alive()
    assert len(store.events_of("ann")) == 1
    store.close()


def foreign(path: Path, *words: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in words:
            connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_link_or_another_programs_file_is_refused_and_not_touched(tmp_path: Path, mode: str) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    theirs = folder / "notes.db"
    foreign(theirs, f"PRAGMA journal_mode={mode}", "CREATE TABLE notes (words TEXT)", "INSERT INTO notes VALUES ('x')")
    theirs.chmod(0o644)
    before = theirs.read_bytes()
    (tmp_path / "W").mkdir()
    (tmp_path / "W" / "store.db").symlink_to(theirs)
    for url in (
        default_url(tmp_path / "W"),
        f"sqlite:///{theirs}",
        f"sqlite:///file:{theirs}?uri=true",
        f"sqlite:///file://{theirs}?mode=rw&uri=true",
    ):
        with pytest.raises(StoreError, match=r"is a link|another program's \(notes\)") as caught:
            Store.open(url, tmp_path)
        assert "\n" not in str(caught.value)
    (tmp_path / "W" / "store.db").unlink()
    os.mkfifo(tmp_path / "W" / "store.db")
    with pytest.raises(StoreError, match="no regular file"):
        Store.open(default_url(tmp_path / "W"), tmp_path / "W")
    assert theirs.read_bytes() == before
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o644
    assert [path.name for path in folder.iterdir()] == ["notes.db"]


def test_a_link_beside_the_file_is_refused(tmp_path: Path) -> None:
    Store.open(default_url(tmp_path), tmp_path).close()
    (tmp_path / "letter.txt").write_text("another's")
    (tmp_path / "store.db-wal").symlink_to(tmp_path / "letter.txt")
    with pytest.raises(StoreError, match=r"store\.db-wal is a link"):
        Store.open(default_url(tmp_path), tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "another's"


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        (
            "CREATE TRIGGER spy AFTER INSERT ON events BEGIN INSERT INTO upkeep VALUES (new.person, 1); END",
            "trigger spy",
        ),
        ("CREATE VIEW spy AS SELECT * FROM events", "view spy"),
        ("CREATE TABLE copies (person TEXT)", "table copies"),
    ],
)
def test_what_no_store_has_is_refused_by_its_name(tmp_path: Path, statement: str, name: str) -> None:
    Store.open(default_url(tmp_path), tmp_path).close()
    foreign(tmp_path / "store.db", statement)
    with pytest.raises(StoreError, match=name) as caught:
        Store.open(default_url(tmp_path), tmp_path)
    assert "\n" not in str(caught.value)


def test_triggers_and_rules_in_postgresql_are_refused_by_their_names(own_postgres: str, tmp_path: Path) -> None:
    import psycopg

    Store.open(own_postgres, tmp_path).close()
    with psycopg.connect(own_postgres, autocommit=True) as connection:
        connection.execute("CREATE TABLE copies (person text)")  # a database may serve others, too
        connection.execute("CREATE RULE spy AS ON INSERT TO events DO ALSO INSERT INTO copies VALUES (new.person)")
    with pytest.raises(StoreError, match="rule spy of events"):
        Store.open(own_postgres, tmp_path)
    with psycopg.connect(own_postgres, autocommit=True) as connection:
        connection.execute("DROP RULE spy ON events")
        connection.execute("CREATE FUNCTION spy() RETURNS trigger AS 'BEGIN RETURN new; END' LANGUAGE plpgsql")
        connection.execute("CREATE TRIGGER spy AFTER INSERT ON events EXECUTE FUNCTION spy()")
    with pytest.raises(StoreError, match="trigger spy of events"):
        Store.open(own_postgres, tmp_path)
    with psycopg.connect(own_postgres, autocommit=True) as connection:
        connection.execute("DROP TRIGGER spy ON events")
    Store.open(own_postgres, tmp_path).close()


def test_the_tables_that_are_looked_for_are_those_of_a_store(tmp_path: Path) -> None:
    assert {*Base.metadata.tables, "alembic_version"} == STORE_TABLES


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_was_moved_takes_nothing_and_no_other_is_made(tmp_path: Path, is_replaced: bool) -> None:
    store = open_forgiving(tmp_path)
    store.add_event(person="ann", item_id="a", kind="like")
    shutil.move(tmp_path / "store.db", tmp_path / "kept.db")
    if is_replaced:
        (tmp_path / "store.db").touch()
    for _ in range(2):
        with pytest.raises(StoreError, match="moved, removed or replaced"):
            store.add_event(person="ann", item_id="b", kind="like")
        assert not store.is_alive()
        store.close()  # so that nothing is known of the file any more
    assert (tmp_path / "store.db").exists() == is_replaced
    shutil.move(tmp_path / "kept.db", tmp_path / "store.db")
    assert store.is_alive()
    assert [event.item_id for event in store.events_of("ann")] == ["a"]
    store.close()


def test_a_lock_of_another_process_is_waited_for_a_second_by_the_probe_and_as_told_by_others(tmp_path: Path) -> None:
    store = Store.open(default_url(tmp_path), tmp_path, wait_s=2.0)
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        assert not store.is_alive()
        probed = time.monotonic()
        with pytest.raises(StoreError, match="locked"):
            store.add_event(person="ann", item_id="a", kind="like")
        assert probed - start < 1.9
        assert 1.9 < time.monotonic() - probed < 10
    store.close()
