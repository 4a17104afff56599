"""The database of a store: opened and brought up to date, its failures told in one line, what was erased overwritten.

Knows SQLite's and PostgreSQL's ways; deliberately knows nothing of what the tables hold.
"""

import logging
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, unquote

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import NullPool

from genrec.errors import StoreError
from genrec.serve.store.address import parsed, redacted, without_secrets
from genrec.serve.store.records import PERSONAL_TABLES, UpkeepRow
from genrec.sqlite_files import BESIDE, STORE_TABLES, check_store_file

log = logging.getLogger(__name__)
_MIGRATIONS = Path(__file__).parent / "migrations"
_WAIT_S = 30.0
_CONNECT_S = 10
_PROBE_S = 1
_POOL_SIZE = 24  # of connections that are kept: as many threads ask at once, and each new one costs a millisecond
_LATER_S = 60.0
PROBE, ERASURES = "probe", "erasures"  # rows of upkeep: when it was last written to, and erasures to be overwritten


class Database:
    """One database, opened with `Database.open`. Raises StoreError from whatever it cannot do; for many threads."""

    overwrite_ms, retry_ms = 5_000, 500  # how long overwriting what was erased waits for others, at first and again
    retry_s = 5.0  # between two tries of it
    recent_s = 5.0  # so long after a failure a database is not taken to work

    def __init__(self, engine: sa.Engine, probe: sa.Engine, name: str) -> None:
        """probe: the same database without a pool, where nothing waits long; name: the address without its password."""
        self.engine, self.name = engine, name
        self._probe = probe
        self._begin = sessionmaker(engine, expire_on_commit=False).begin
        self._failed_at: float | None = None
        self._retry_at: float | None = None  # when overwriting is tried again; None where nothing waits for it
        self._overwriting = threading.Lock()

    @classmethod
    def open(cls, address: str, directory: Path, *, wait_s: float = _WAIT_S) -> Self:
        """Connect and bring the tables up to date. directory: the workspace, in which old records find their files.

        wait_s: how long a transaction waits for others. A new file of SQLite's is its owner's alone; one that others
        may read is made so. What is no store, or more than one, is left as it is. Raises StoreError.
        """
        url, shown = parsed(address), redacted(address)
        engine: sa.Engine | None = None
        try:
            file = _sqlite_file(url)
            if file is not None:
                check_store_file(file, wait_s=wait_s)
                url = _private_file(url, file)
            engine, probe = _engine(url, file, wait_s), _probe_engine(url, file)
            with engine.begin() as connection:
                _one_migration_at_a_time(connection)
                _refuse_strange_code(connection)
                config = AlembicConfig(attributes={"connection": connection, "directory": directory})
                config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
                command.upgrade(config, "head")
                connection.execute(_written())  # SQLite opens what may only be read without a word
            database = cls(engine, probe or engine, shown)
            pending = database.overwrite_what_was_erased()
            if pending is not None:
                log.warning("what was erased before is not overwritten yet (%s); it is tried again", pending)
        except (SQLAlchemyError, sqlite3.Error, ModuleNotFoundError, CommandError, OSError, StoreError) as error:
            if engine is not None:
                engine.dispose()
            if isinstance(error, StoreError):
                raise StoreError(f"the store {shown} cannot be used: {error}") from None
            raise StoreError(_message(shown, error, url)) from None
        return database

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction: on disk when this ends. Raises StoreError; IntegrityError is the caller's."""
        try:
            with self._begin() as transaction:
                yield transaction
        except (IntegrityError, DataError):
            raise
        except SQLAlchemyError as error:
            self._failed_at = time.monotonic()
            raise StoreError(_message(self.name, error, self.engine.url)) from None
        if self._retry_at is not None and time.monotonic() >= self._retry_at:
            self.overwrite_what_was_erased(wait_ms=self.retry_ms)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for what is asked with nearly every request and writes nothing. Raises StoreError."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            self._failed_at = time.monotonic()
            raise StoreError(_message(self.name, error, self.engine.url)) from None

    def is_alive(self) -> bool:
        """Whether the database can be written to within about a second, and no use of it failed just now."""
        if self._failed_at is not None and time.monotonic() - self._failed_at < self.recent_s:
            return False
        try:
            with self._probe.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {_PROBE_S * 1_000}")
                connection.execute(_written())
        except SQLAlchemyError:
            return False
        return True

    def overwrite_what_was_erased(self, *, wait_ms: int | None = None) -> str | None:
        """Write the tables anew without what was erased, which deleting rows leaves in files' free space.

        SQLite: VACUUM, as `secure_delete` misses copies that moving rows between pages leaves, then a checkpoint that
        empties the write-ahead log. PostgreSQL: VACUUM FULL of each table, which alone writes new files and locks the
        table meanwhile. Returns None, or why it could not be done in time: then it is tried again after later
        transactions, and when the store is opened next. Nothing is done where no erasure waits.
        """
        with self._overwriting:
            erasures = sa.select(UpkeepRow.number).where(UpkeepRow.name == ERASURES)
            try:
                with self.engine.connect() as connection:
                    num_erasures = connection.scalar(erasures) or 0
                if num_erasures:
                    self._overwrite(self.overwrite_ms if wait_ms is None else wait_ms)
                    done = sa.update(UpkeepRow).where(UpkeepRow.name == ERASURES, UpkeepRow.number == num_erasures)
                    with self.engine.begin() as connection:
                        connection.execute(done.values(number=0))
            except (SQLAlchemyError, TimeoutError) as error:
                self._retry_at = time.monotonic() + self.retry_s
                return without_secrets(_detail(error), self.engine.url)
            self._retry_at = None
            return None

    def overwrite_later(self) -> None:
        """Let what was erased be overwritten after some later transaction."""
        self._retry_at = self._retry_at or time.monotonic() + _LATER_S

    def _overwrite(self, wait_ms: int) -> None:
        with closing(self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")) as connection:
            connection.detach()  # its settings are its own
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql(f"PRAGMA busy_timeout={wait_ms}")
                connection.exec_driver_sql("VACUUM")
                if connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]:
                    raise TimeoutError("another process reads the database")
                return
            connection.exec_driver_sql(f"SET lock_timeout = {wait_ms}")
            _wait_for_older_transactions(connection, wait_ms)
            for table in PERSONAL_TABLES:
                connection.exec_driver_sql(f"VACUUM FULL {table}")


def _written() -> sa.Update:
    """Something small to write, each time another, as SQLite writes no page for what is there already."""
    return sa.update(UpkeepRow).where(UpkeepRow.name == PROBE).values(number=time.time_ns())


def _wait_for_older_transactions(connection: sa.Connection, wait_ms: int) -> None:
    """Wait until no transaction of PostgreSQL sees rows of before now, which VACUUM would keep. Raises TimeoutError."""
    now = connection.scalar(sa.text("SELECT pg_current_xact_id()::text::bigint % 4294967296"))
    older = sa.text(
        "SELECT count(*) FROM ("
        "  SELECT unnest(ARRAY[backend_xid, backend_xmin]) AS seen FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        "  UNION ALL SELECT xmin FROM pg_replication_slots"
        "  UNION ALL SELECT transaction FROM pg_prepared_xacts"
        ") AS others WHERE age(seen) > age(CAST(CAST(:now AS text) AS xid))"
    )
    ends = time.monotonic() + wait_ms / 1_000
    while connection.scalar(older, {"now": str(now)}):
        if time.monotonic() >= ends:
            raise TimeoutError("another transaction still reads what was erased")
        time.sleep(0.02)


def _engine(url: sa.URL, file: Path | None, wait_s: float) -> sa.Engine:
    """file: that of SQLite's; None for another database, or one in memory."""
    if url.drivername.startswith("sqlite"):
        pooled = {} if file is None else {"pool_timeout": wait_s, "pool_size": _POOL_SIZE}
        return _watched(sa.create_engine(url, hide_parameters=True, **pooled), file, wait_s)
    waits = {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_S}
    return sa.create_engine(url, hide_parameters=True, pool_pre_ping=True, pool_timeout=wait_s, connect_args=waits)


def _probe_engine(url: sa.URL, file: Path | None) -> sa.Engine | None:
    """An engine that waits a second for others, and for no connection; None for a database in memory."""
    if not url.drivername.startswith("sqlite"):
        return sa.create_engine(url, hide_parameters=True, poolclass=NullPool, connect_args={"connect_timeout": 2})
    if file is None:
        return None
    return _watched(sa.create_engine(url, hide_parameters=True, poolclass=NullPool), file, _PROBE_S)


def _watched(engine: sa.Engine, file: Path | None, wait_s: float) -> sa.Engine:
    """An engine of SQLite's whose connections are refused once the file at its path is another, or none."""
    opened = None if file is None else file.stat()

    def prepare(connection: Any, _: object) -> None:  # Any: the driver's own connection
        _prepare_sqlite(connection, int(wait_s * 1_000))

    def check(*_: object) -> None:
        if file is None or opened is None:
            return
        try:
            is_same = os.path.samestat(opened, file.lstat())
        except OSError:
            is_same = False
        if not is_same:
            raise SQLAlchemyError("its file was moved, removed or replaced: put it back, or start again")

    sa.event.listen(engine, "do_connect", check)  # before anything is written there
    sa.event.listen(engine, "connect", prepare)
    sa.event.listen(engine, "checkout", check)
    return engine


def _sqlite_file(url: sa.URL) -> Path | None:
    """The file of an address of SQLite's, fixed to where a relative path is now; None where there is none."""
    if not url.drivername.startswith("sqlite") or not url.database or url.query.get("mode") == "memory":
        return None
    name = url.database
    if name.startswith("file:"):
        name = unquote(name.removeprefix("file:").partition("?")[0])
        if name.startswith("//"):
            name = "/" + name[2:].partition("/")[2]
    return None if not name or name == ":memory:" else Path(name).absolute()


def _private_file(url: sa.URL, path: Path) -> sa.URL:
    """The address of a file that its owner alone may read from the first byte on; SQLite gives its log the same rights.

    SQLite itself makes no file by it, which others could read. Raises OSError.
    """
    if url.query.get("mode") in ("ro", "rw"):
        return url
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    for file in (path, *(path.with_name(path.name + end) for end in BESIDE)):
        with suppress(FileNotFoundError):
            found = file.lstat()
            is_ours = hasattr(os, "geteuid") and found.st_uid == os.geteuid()
            if found.st_mode & 0o077 and is_ours and stat.S_ISREG(found.st_mode):
                file.chmod(found.st_mode & 0o700)
    return url.set(database=f"file:{quote(str(path))}").update_query_dict({"mode": "rw", "uri": "true"})


def _prepare_sqlite(connection: Any, busy_ms: int) -> None:  # Any: the driver's own connection
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={busy_ms}",  # first, as the others wait too
        "trusted_schema=OFF",  # what a file brings calls no function that could do harm
        "journal_mode=WAL",
        "synchronous=FULL",
        "secure_delete=ON",  # what is erased is overwritten
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _refuse_strange_code(connection: sa.Connection) -> None:
    """Raise StoreError where PostgreSQL would run triggers or rules that no store has; `check_store_file` has looked
    at SQLite's."""
    if connection.dialect.name != "postgresql":
        return
    code = sa.text(
        "WITH ours AS (SELECT oid, relname FROM pg_class WHERE relname = ANY(:tables) AND pg_table_is_visible(oid))"
        " SELECT 'trigger ' || tgname || ' of ' || relname FROM pg_trigger JOIN ours ON tgrelid = ours.oid"
        " WHERE NOT tgisinternal"
        " UNION ALL SELECT 'rule ' || rulename || ' of ' || relname FROM pg_rewrite JOIN ours ON ev_class = ours.oid"
    )
    found = sorted(connection.scalars(code, {"tables": sorted(STORE_TABLES)}))
    if found:
        raise StoreError(f"it holds what no store has ({', '.join(found[:5])}); drop that, or give another database")


def _one_migration_at_a_time(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(7203841)"))
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _message(shown: str, error: BaseException, url: sa.URL) -> str:
    detail = without_secrets(_detail(error), url)
    return (
        f"the store {shown} cannot be used ({detail}); check its address, that it runs, may be written to and has room"
    )


def _detail(error: BaseException) -> str:
    """What the driver says, in one line."""
    told: BaseException = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(told, OSError) and told.strerror:
        return told.strerror
    return next(iter(str(told).strip().splitlines()), type(told).__name__)
