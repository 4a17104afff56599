"""The store of events, sessions, keys and visuals; it exports or erases what belongs to one person.

A call returns after its change is on disk, so whatever was acknowledged survives a kill. Methods may be called from any
thread. Knows the database; deliberately knows no recommender and no wire format.
"""

import hashlib
import secrets
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import sessionmaker

from genrec.errors import InputError, StoreError
from genrec.schema import Interactions
from genrec.serve.store.records import (
    EVENT_KINDS,
    SCOPES,
    Event,
    EventRow,
    Key,
    KeyRow,
    SessionRow,
    StoredVisual,
    VisualRow,
    effective_events,
)

STORE_FILE = "store.db"
SECRET_PREFIX = "genrec-"
_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_MS = 30_000
_EVENTS_OF = (  # made once, as it is asked with nearly every request
    sa.select(*(getattr(EventRow, name) for name in Event.__dataclass_fields__))
    .where(EventRow.person == sa.bindparam("person"))
    .order_by(EventRow.number)
)


def default_url(directory: Path) -> str:
    """The address of a workspace's own store, in SQLite."""
    return f"sqlite:///{(directory / STORE_FILE).resolve()}"


class Store:
    """One database, opened with `Store.open`, which brings its tables up to date."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._transaction = sessionmaker(engine, expire_on_commit=False).begin

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect and bring the tables up to date. Raises StoreError when the database cannot be used."""
        engine: sa.Engine | None = None
        try:
            engine = sa.create_engine(_with_driver(url), pool_pre_ping=not url.startswith("sqlite"))  # no wire there
            if engine.dialect.name == "sqlite":
                sa.event.listen(engine, "connect", _prepare_sqlite)
            with engine.begin() as connection:
                _one_migration_at_a_time(connection)
                config = AlembicConfig(attributes={"connection": connection})
                config.set_main_option("script_location", str(_MIGRATIONS))
                command.upgrade(config, "head")
        except (SQLAlchemyError, ModuleNotFoundError, CommandError) as error:
            if engine is not None:
                engine.dispose()
            shown = sa.engine.make_url(url).render_as_string() if "://" in url else url
            raise StoreError(
                f"the store {shown} cannot be used ({_first_line(error)}); check the address and that it is running"
            ) from error
        return cls(engine)

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def is_alive(self) -> bool:
        """Whether the database answers."""
        try:
            with self._engine.connect() as connection:
                connection.execute(sa.text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    # ---- events

    def add_event(
        self, *, person: str, item_id: str, kind: str, event_id: str | None = None, timestamp: int | None = None
    ) -> Event:
        """Take one event; it is on disk when this returns. The same event_id again gives the event that is there.

        Raises InputError on an unknown kind, or an event_id that stands for something else.
        """
        if kind not in EVENT_KINDS:
            raise InputError(f"event kind {kind!r} is unknown; choose one of {', '.join(EVENT_KINDS)}")
        event = Event(
            event_id=event_id or uuid.uuid4().hex,
            person=person,
            item_id=item_id,
            kind=kind,
            timestamp=int(time.time()) if timestamp is None else timestamp,
        )
        try:
            with self._transaction() as transaction:
                transaction.add(EventRow(**_fields(event)))
        except IntegrityError:
            with self._transaction() as transaction:
                known = (
                    transaction.scalars(sa.select(EventRow).where(EventRow.event_id == event.event_id)).one().value()
                )
            if (known.person, known.item_id, known.kind) != (person, item_id, kind):
                raise InputError(
                    f"event id {event_id!r} was used for another event; give each event an id of its own"
                ) from None
            return known
        return event

    def events_of(self, person: str) -> list[Event]:
        """One person's events in the order they came."""
        with self._engine.connect() as connection:
            return [Event(**row) for row in connection.execute(_EVENTS_OF, {"person": person}).mappings()]

    def num_events(self) -> int:
        """The number of events."""
        with self._transaction() as transaction:
            return transaction.scalar(sa.select(sa.func.count()).select_from(EventRow)) or 0

    def export_events(self, kinds: Sequence[str] = ("like", "choose")) -> Interactions:
        """Events of these kinds that were not taken back, as training wants them."""
        with self._transaction() as transaction:
            events = [row.value() for row in transaction.scalars(sa.select(EventRow).order_by(EventRow.number))]
        exported = [event for event in effective_events(events) if event.kind in kinds]
        return Interactions.sort(
            user_ids=[event.person for event in exported],
            item_ids=[event.item_id for event in exported],
            timestamps=[event.timestamp for event in exported],
            kinds=[event.kind for event in exported],
        )

    # ---- sessions

    def save_session(self, session_id: str, person: str | None, document: str, *, after: str | None) -> bool:
        """Store a conversation in place of `after`, the document that was loaded, or None where none was.

        Returns False, and changes nothing, when another document is there by now: another process went on with it.
        """
        values = {"person": person, "document": document, "timestamp": int(time.time())}
        try:
            with self._transaction() as transaction:
                if after is None:
                    transaction.add(SessionRow(session_id=session_id, **values))
                    return True
                is_same = (SessionRow.session_id == session_id) & (SessionRow.document == after)
                return bool(
                    transaction.connection().execute(sa.update(SessionRow).where(is_same).values(values)).rowcount
                )
        except IntegrityError:
            return False

    def load_session(self, session_id: str) -> str | None:
        """A stored conversation, or None."""
        with self._transaction() as transaction:
            row = transaction.get(SessionRow, session_id)
            return None if row is None else row.document

    # ---- keys

    def create_key(self, name: str, scopes: Sequence[str], *, rate_per_minute: int = 0) -> tuple[Key, str]:
        """A new key and its secret, which is shown this once and not stored. Raises InputError on an unknown scope."""
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            raise InputError(f"scopes {list(scopes)} hold {unknown or 'nothing'}; choose from {', '.join(SCOPES)}")
        if rate_per_minute < 0:
            raise InputError(f"rate_per_minute is {rate_per_minute}; wanted 0 (no limit) or more")
        secret = SECRET_PREFIX + secrets.token_urlsafe(32)
        key = Key(
            key_id=secrets.token_hex(6),
            name=name,
            scopes=tuple(scopes),
            rate_per_minute=rate_per_minute,
            created=int(time.time()),
            revoked=None,
        )
        with self._transaction() as transaction:
            transaction.add(KeyRow(**{**_fields(key), "scopes": list(scopes)}, secret_hash=_hash(secret)))
        return key, secret

    def find_key(self, secret: str) -> Key | None:
        """The key of a secret; None when there is none or it was revoked."""
        with self._transaction() as transaction:
            row = transaction.scalars(sa.select(KeyRow).where(KeyRow.secret_hash == _hash(secret))).one_or_none()
            return None if row is None or row.revoked is not None else row.value()

    def keys(self) -> list[Key]:
        """All keys, revoked ones too, oldest first."""
        with self._transaction() as transaction:
            return [
                row.value() for row in transaction.scalars(sa.select(KeyRow).order_by(KeyRow.created, KeyRow.key_id))
            ]

    def revoke_key(self, key_id: str) -> None:
        """End a key at once. Raises InputError when there is no such key."""
        with self._transaction() as transaction:
            row = transaction.get(KeyRow, key_id)
            if row is None:
                raise InputError(f"there is no key {key_id!r}; genrec keys list names them")
            row.revoked = row.revoked or int(time.time())

    # ---- visuals

    def add_visual(self, *, person: str | None, item_id: str, path: Path, record: dict[str, object]) -> StoredVisual:
        """Remember a drawn picture."""
        visual = StoredVisual(
            visual_id=uuid.uuid4().hex,
            person=person,
            item_id=item_id,
            path=str(path),
            record=record,
            timestamp=int(time.time()),
        )
        with self._transaction() as transaction:
            transaction.add(VisualRow(**_fields(visual)))
        return visual

    def find_visual(self, visual_id: str) -> StoredVisual | None:
        """A drawn picture by its id."""
        with self._transaction() as transaction:
            row = transaction.get(VisualRow, visual_id)
            return None if row is None else row.value()

    # ---- one person

    def export_person(self, person: str) -> dict[str, object]:
        """All that is stored of a person, as plain JSON values."""
        with self._transaction() as transaction:
            sessions = transaction.scalars(sa.select(SessionRow).where(SessionRow.person == person)).all()
            visuals = transaction.scalars(sa.select(VisualRow).where(VisualRow.person == person)).all()
            return {
                "person": person,
                "events": [_fields(event) for event in self.events_of(person)],
                "sessions": [{"session_id": row.session_id, "document": row.document} for row in sessions],
                "visuals": [_fields(row.value()) for row in visuals],
            }

    def erase_person(self, person: str) -> dict[str, int]:
        """Erase all that is stored of a person, pictures on disk too; returns how many of each."""
        erased = {}
        with self._transaction() as transaction:
            paths = list(transaction.scalars(sa.select(VisualRow.path).where(VisualRow.person == person)))
            for name, table in (("events", EventRow), ("sessions", SessionRow), ("visuals", VisualRow)):
                result: Any = transaction.execute(sa.delete(table).where(table.person == person))
                erased[name] = int(result.rowcount)
        for path in map(Path, paths):
            for file in (path, path.with_suffix(".json")):
                file.unlink(missing_ok=True)
        return erased


def _with_driver(url: str) -> str:
    for plain in ("postgresql://", "postgres://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url.removeprefix(plain)
    return url


def _prepare_sqlite(connection: Any, _: object) -> None:  # Any: the driver's own connection
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={_BUSY_MS}",
        "secure_delete=ON",  # what is erased is overwritten
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _one_migration_at_a_time(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(7203841)"))
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _fields(record: Event | Key | StoredVisual) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}
