"""The store of events, sessions, photos, keys and visuals; it exports or erases what belongs to one person.

A call returns after its change is on disk, so whatever was acknowledged survives a kill. Methods may be called from any
thread, and raise StoreError when the database fails. Knows the tables; deliberately knows no recommender and no wire
format.
"""

import contextlib
import hashlib
import secrets
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from genrec.errors import InputError, StoreError
from genrec.schema import NEGATIVE, NEUTRAL, POSITIVE, Interactions
from genrec.serve.store.database import Database
from genrec.serve.store.export import exported_session, exported_visual
from genrec.serve.store.files import VisualFiles
from genrec.serve.store.records import (
    EVENT_KINDS,
    IS_POSITIVE,
    SCOPES,
    Erased,
    Event,
    EventRow,
    Key,
    KeyRow,
    PhotoRow,
    SessionRow,
    StoredVisual,
    VisualRow,
)
from genrec.serve.store.statements import (
    alone_with,
    count_erasure,
    count_erasure_of,
    delete,
    erasures_of,
    events_of,
    is_photo_of,
    keep_photos,
    refuse_erased,
    settle,
)

SECRET_PREFIX = "genrec-"
_SIGNS = {kind: POSITIVE if is_positive else NEGATIVE for kind, is_positive in IS_POSITIVE.items()}
_LATEST_FEEDBACK_OF = (  # made once, as it is asked with nearly every request
    sa.select(EventRow.item_id, EventRow.kind)
    .where(EventRow.person == sa.bindparam("person"), sa.text("is_latest"))  # as the index says it
    .order_by(EventRow.number)
)


class Store:
    """The store of one workspace, opened with `Store.open`, which brings its tables up to date."""

    def __init__(self, database: Database, files: VisualFiles) -> None:
        self._database, self._files = database, files
        self._transaction = database.transaction

    @classmethod
    def open(cls, url: str, directory: Path, *, wait_s: float = 30.0) -> Self:
        """Connect and bring the tables up to date. directory: the workspace, whose drawings the store names.

        wait_s: how long a transaction waits for others. Raises StoreError when the database cannot be used.
        """
        return cls(Database.open(url, directory, wait_s=wait_s), VisualFiles(directory))

    def close(self) -> None:
        """Give all connections back."""
        self._database.close()

    def is_alive(self) -> bool:
        """Whether the database can be written to, and no use of it failed just now."""
        return self._database.is_alive()

    # ---- events

    def add_event(
        self,
        *,
        person: str,
        item_id: str,
        kind: str,
        event_id: str | None = None,
        timestamp: int | None = None,
        begun: int | None = None,
    ) -> Event:
        """Take one event; it is on disk when this returns. The same event_id again gives the event that is there.

        begun: `moment` of the person when what led to the event began. Raises PersonErased where the person was erased
        since, InputError on an unknown kind, or an event_id that stands for something else.
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
                alone_with(transaction, person)
                holds = kind != "undo"
                row = EventRow(**_fields(event), holds=holds, is_latest=False)
                transaction.add(row)
                transaction.flush()
                refuse_erased(transaction, person, begun)
                settle(transaction, row)
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
        with self._transaction() as transaction:
            return events_of(transaction, person)

    def latest_feedback(self, person: str) -> dict[str, bool]:
        """Whether a person's latest feedback on each item that holds is positive; items in the order of that feedback.

        Takes time by the number of items, not of events.
        """
        with self._database.reading() as connection:
            return {
                item_id: IS_POSITIVE[kind]
                for item_id, kind in connection.execute(_LATEST_FEEDBACK_OF, {"person": person})
            }

    def num_events(self) -> int:
        """The number of events."""
        with self._transaction() as transaction:
            return transaction.scalar(sa.select(sa.func.count()).select_from(EventRow)) or 0

    def export_events(self, kinds: Sequence[str] = ("like", "choose", "dislike")) -> Interactions:
        """Events of these kinds that were not taken back, as training wants them; dislikes are negative."""
        with self._transaction() as transaction:
            holding = sa.select(EventRow).where(EventRow.holds, EventRow.kind.in_(kinds)).order_by(EventRow.number)
            exported = [row.value() for row in transaction.scalars(holding)]
        return Interactions.sort(
            user_ids=[event.person for event in exported],
            item_ids=[event.item_id for event in exported],
            timestamps=[event.timestamp for event in exported],
            kinds=[event.kind for event in exported],
            feedback=[_SIGNS.get(event.kind, NEUTRAL) for event in exported],
        )

    # ---- sessions

    def save_session(
        self,
        session_id: str,
        person: str | None,
        document: str,
        *,
        after: str | None,
        photos: Mapping[str, bytes | None] | None = None,
        begun: int | None = None,
    ) -> bool:
        """Store a conversation in place of `after`, the document that was loaded, or None where none was.

        photos: those that the document names, as PNG, or None where they are stored already; its others are deleted.
        begun: as in `add_event`, and so is PersonErased. Returns False, and changes nothing, when another document is
        there by now: another process went on with it.
        """
        values = {"person": person, "document": document, "timestamp": int(time.time())}
        try:
            with self._transaction() as transaction:
                alone_with(transaction, person)
                if after is None:
                    transaction.add(SessionRow(session_id=session_id, **values))
                    transaction.flush()
                else:
                    is_same = (SessionRow.session_id == session_id) & (SessionRow.document == after)
                    changed: Any = transaction.execute(sa.update(SessionRow).where(is_same).values(values))
                    if not changed.rowcount:
                        refuse_erased(transaction, person, begun)
                        return False
                refuse_erased(transaction, person, begun)
                keep_photos(transaction, session_id, photos or {})
                return True
        except IntegrityError:
            return False

    def load_session(self, session_id: str) -> str | None:
        """A stored conversation, or None."""
        with self._transaction() as transaction:
            row = transaction.get(SessionRow, session_id)
            return None if row is None else row.document

    def load_photos(self, session_id: str) -> dict[str, bytes]:
        """The photos of a stored conversation by their names, as PNG."""
        with self._transaction() as transaction:
            rows = transaction.scalars(sa.select(PhotoRow).where(PhotoRow.session_id == session_id))
            return {row.name: row.content for row in rows}

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

    def add_visual(
        self,
        *,
        person: str | None,
        item_id: str,
        path: Path,
        record: dict[str, object],
        told: dict[str, object] | None = None,
        answers: str | None = None,
        begun: int | None = None,
        timestamp: int | None = None,
    ) -> StoredVisual:
        """Remember a drawing of the workspace, by its place there, where `place_visual` puts it.

        told: as in StoredVisual; answers: a fingerprint of the request, for `find_answer`. begun: as in `add_event`,
        and so is PersonErased. Raises InputError on a file that is elsewhere.
        """
        visual = VisualRow(
            visual_id=uuid.uuid4().hex,
            person=person,
            item_id=item_id,
            place=self._files.place_of(path),
            record=record,
            timestamp=int(time.time()) if timestamp is None else timestamp,
            told=told,
            answers=answers,
        )
        with self._transaction() as transaction:
            alone_with(transaction, person)
            transaction.add(visual)
            transaction.flush()
            refuse_erased(transaction, person, begun)
        return self._visual(visual)

    def place_visual(self, visual: StoredVisual, place: Callable[[], None]) -> bool:
        """Run `place`, which puts a drawing's files in their place, while nothing can erase it.

        Returns False, without running it, where the drawing was erased already: so no file is left which nobody erases.
        """
        with self._transaction() as transaction:
            alone_with(transaction, visual.person)
            is_it = VisualRow.visual_id == visual.visual_id
            held: Any = transaction.execute(sa.update(VisualRow).where(is_it).values(place=VisualRow.place))
            if not held.rowcount:
                return False
            place()
            return True

    def find_visual(self, visual_id: str) -> StoredVisual | None:
        """A drawn picture by its id."""
        with self._transaction() as transaction:
            row = transaction.get(VisualRow, visual_id)
            return None if row is None else self._visual(row)

    def find_answer(self, person: str | None, answers: str) -> StoredVisual | None:
        """The latest of a person's drawings, or of nobody's, for an equal request, whose file is there."""
        is_it = (VisualRow.answers == answers) & _is_of(person)
        with self._transaction() as transaction:
            rows = transaction.scalars(sa.select(VisualRow).where(is_it).order_by(VisualRow.timestamp.desc())).all()
            found = (self._visual(row) for row in rows)
            return next((visual for visual in found if visual.path is not None and visual.path.is_file()), None)

    def drop_visuals(self, newest: StoredVisual, *, beyond: int) -> int:
        """Delete the oldest drawings of the newest's person, or of nobody, until so many are left with it.

        Returns how many went.
        """
        others = _is_of(newest.person) & (VisualRow.visual_id != newest.visual_id)
        newest_first = sa.select(VisualRow).where(others).order_by(VisualRow.timestamp.desc())
        with self._transaction() as transaction:
            alone_with(transaction, newest.person)
            old = transaction.scalars(newest_first.offset(beyond - 1)).all()
            for row in old:
                with contextlib.suppress(OSError):  # a file that cannot be deleted is tried again with the next
                    self._files.delete(row.place)
                    transaction.delete(row)
            return len(old)

    def _visual(self, row: VisualRow) -> StoredVisual:
        values = {name: getattr(row, name) for name in StoredVisual.__dataclass_fields__ if name != "path"}
        own = {"path": self._files.find(row.place), "record": dict(row.record), "told": dict(row.told or {})}
        return StoredVisual(**{**values, **own})

    # ---- one person

    def moment(self, person: str) -> int:
        """A number that is another after every erasure of a person. What begins takes it along, to be stored only where
        it is still the same."""
        with self._transaction() as transaction:
            return erasures_of(transaction, person)

    def export_person(self, person: str) -> dict[str, Any]:  # Any: JSON
        """All that is stored of a person, as plain JSON values, without paths of this machine.

        Photos and drawings are in it as base64 of their files; a drawing whose file is gone has None.
        """
        with self._transaction() as transaction:
            sessions = transaction.scalars(sa.select(SessionRow).where(SessionRow.person == person)).all()
            photos = transaction.scalars(sa.select(PhotoRow).where(is_photo_of(person))).all()
            visuals = transaction.scalars(sa.select(VisualRow).where(VisualRow.person == person)).all()
            return {
                "person": person,
                "events": [asdict(event) for event in events_of(transaction, person)],
                "sessions": [exported_session(row, photos) for row in sessions],
                "visuals": [exported_visual(self._visual(row)) for row in visuals],
            }

    def erase_person(self, person: str) -> Erased:
        """Erase all that is stored of a person, from disk too.

        Drawings and their records are deleted first, so that what is cut short can be asked for again, then the rows;
        then the tables are written anew, as deleted rows stay readable in files (`Database.overwrite_what_was_erased`).
        Others wait meanwhile, about two seconds per million events. What this cannot reach: PostgreSQL's write-ahead
        log (until it is recycled, and wherever it is archived), its replicas' logs, the server's own log, and backups
        of either database; expire them as your promise to people says. Raises StoreError.
        """
        with self._transaction() as transaction:
            alone_with(transaction, person)
            count_erasure(transaction)  # first, so that SQLite's one writer is this one from here on
            count_erasure_of(transaction, person)
            for place in transaction.scalars(sa.select(VisualRow.place).where(VisualRow.person == person)).all():
                try:
                    self._files.delete(place)
                except OSError as error:
                    reason = error.strerror or type(error).__name__
                    raise StoreError(
                        f"the drawing {place} cannot be deleted ({reason}); let it be, and ask again"
                    ) from None
            counts = {
                name: delete(transaction, table, condition)
                for name, table, condition in (
                    ("events", EventRow, EventRow.person == person),
                    ("photos", PhotoRow, is_photo_of(person)),
                    ("sessions", SessionRow, SessionRow.person == person),
                    ("visuals", VisualRow, VisualRow.person == person),
                )
            }
        return Erased(**counts, pending=self._database.overwrite_what_was_erased())

    def erase_session(self, session_id: str) -> bool:
        """Erase a conversation and its photos, from disk within minutes of use; False where there is none."""
        with self._transaction() as transaction:
            count_erasure(transaction)
            delete(transaction, PhotoRow, PhotoRow.session_id == session_id)
            is_there = bool(delete(transaction, SessionRow, SessionRow.session_id == session_id))
        self._database.overwrite_later()  # not now: clients of little right may ask for this again and again
        return is_there


def _is_of(person: str | None) -> sa.ColumnElement[bool]:
    return VisualRow.person.is_(None) if person is None else VisualRow.person == person


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _fields(record: Event | Key | StoredVisual) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}
