"""What the store's methods do within a transaction: which feedback holds, whose photos are kept, who was erased since.

Knows the tables; deliberately begins and ends no transaction.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from genrec.errors import PersonErased
from genrec.serve.store.database import ERASURES
from genrec.serve.store.records import IS_POSITIVE, Event, EventRow, PhotoRow, SessionRow, UpkeepRow

_EVENTS_OF = (
    sa.select(*(getattr(EventRow, name) for name in Event.__dataclass_fields__))
    .where(EventRow.person == sa.bindparam("person"))
    .order_by(EventRow.number)
)


# ---- events that hold


def alone_with(transaction: Session, person: str | None) -> None:
    """Let what is written of a person come one after another; SQLite has one writer anyway."""
    if person is not None and transaction.get_bind().dialect.name == "postgresql":
        transaction.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(person, 0))))


def settle(transaction: Session, row: EventRow) -> None:
    """Bring up to date what holds and what is the latest feedback, after an event came: an undo takes back what its
    person last did to the item."""
    is_same = (EventRow.person == row.person) & (EventRow.item_id == row.item_id)
    newest = sa.select(EventRow).where(is_same, EventRow.holds).order_by(EventRow.number.desc()).limit(1)
    latest: EventRow | None = row
    if row.kind == "undo":
        last = transaction.scalars(newest).one_or_none()
        if last is None or not last.is_latest:
            if last is not None:
                last.holds = False
            return
        last.holds = False
        transaction.flush()
        latest = transaction.scalars(newest.where(EventRow.kind.in_(IS_POSITIVE))).one_or_none()
    elif row.kind not in IS_POSITIVE:
        return
    others = sa.update(EventRow).where(is_same, sa.text("is_latest"))
    transaction.execute(others.values(is_latest=False))
    if latest is not None:
        latest.is_latest = True


def events_of(transaction: Session, person: str) -> list[Event]:
    return [Event(**row) for row in transaction.execute(_EVENTS_OF, {"person": person}).mappings()]


# ---- photos, and what is erased


def keep_photos(transaction: Session, session_id: str, photos: Mapping[str, bytes | None]) -> None:
    """Bring the stored photos of a session to those that its document names."""
    is_gone = (PhotoRow.session_id == session_id) & PhotoRow.name.not_in(photos)
    transaction.execute(sa.delete(PhotoRow).where(is_gone))
    for name, content in photos.items():
        if content is not None and transaction.get(PhotoRow, (session_id, name)) is None:
            transaction.add(PhotoRow(session_id=session_id, name=name, content=content))


def is_photo_of(person: str) -> sa.ColumnElement[bool]:
    return PhotoRow.session_id.in_(sa.select(SessionRow.session_id).where(SessionRow.person == person))


def delete(transaction: Session, table: type[Any], condition: sa.ColumnElement[bool]) -> int:  # Any: a table's class
    deleted: Any = transaction.execute(sa.delete(table).where(condition))
    return int(deleted.rowcount)


def count_erasure(transaction: Session) -> None:
    """Remember that tables are to be written anew, whoever lives to do it."""
    is_count = UpkeepRow.name == ERASURES
    transaction.execute(sa.update(UpkeepRow).where(is_count).values(number=UpkeepRow.number + 1))


def erasure_name(person: str) -> str:
    """The row of upkeep that counts a person's erasures: one of 4,096, so that it tells of nobody who is gone."""
    return f"erased {hashlib.sha256(person.encode('utf-8', 'surrogatepass')).hexdigest()[:3]}"


def erasures_of(transaction: Session, person: str) -> int:
    return transaction.scalar(sa.select(UpkeepRow.number).where(UpkeepRow.name == erasure_name(person))) or 0


def count_erasure_of(transaction: Session, person: str) -> None:
    name = erasure_name(person)
    insert = postgresql.insert if transaction.get_bind().dialect.name == "postgresql" else sqlite.insert
    counted = insert(UpkeepRow).values(name=name, number=1)
    again = {"number": UpkeepRow.number + 1}
    transaction.execute(counted.on_conflict_do_update(index_elements=[UpkeepRow.name], set_=again))


def refuse_erased(transaction: Session, person: str | None, begun: int | None) -> None:
    """Raise PersonErased where a person was erased since; asked after something was written, when nobody else can."""
    if person is not None and begun is not None and erasures_of(transaction, person) != begun:
        raise PersonErased("the person was erased while this was answered, so nothing of it is kept; ask again")
