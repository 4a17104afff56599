"""The records of the store: frozen values as it hands them out, and the tables that hold them.

Knows each record's columns; deliberately runs no statement. The tables' history is in migrations/.
"""

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import JSON, BigInteger, Boolean, Index, Integer, LargeBinary, MetaData, String, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

IS_POSITIVE = {"like": True, "choose": True, "dislike": False}  # by kind of feedback
EVENT_KINDS = ("like", "dislike", "view", "choose", "undo")
PERSONAL_TABLES = ("events", "photos", "sessions", "visuals")
SCOPES = ("recommend", "chat", "images", "feedback", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing a person did. timestamp: Unix seconds, UTC; undo takes back what the person last did to the item."""

    event_id: str
    person: str
    item_id: str
    kind: str
    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key without its secret, of which the store has only a hash. rate_per_minute: 0 is no limit."""

    key_id: str
    name: str
    scopes: tuple[str, ...]
    rate_per_minute: int
    created: int
    revoked: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVisual:
    """A drawn picture: the path of its file, and the record of how it was drawn.

    path: None where the file is none of the workspace's drawings. told: what its person is told of it beside the
    record: mode, note, words_not_drawn, taste, colors and shaped_by; empty of what was drawn before these were kept.
    """

    visual_id: str
    person: str | None
    item_id: str
    path: Path | None
    record: dict[str, object]
    timestamp: int
    told: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How many of each were erased. pending: what is still to be overwritten on disk and why; None where nothing is."""

    events: int
    sessions: int
    photos: int
    visuals: int
    pending: str | None


# ---- tables

_NAMES = {"ix": "ix_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"}
_COUNTED = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up integers alone


class Base(DeclarativeBase):
    """The base of all tables of the store."""

    metadata = MetaData(naming_convention=_NAMES)


class EventRow(Base):
    """An event. number: the order in which events came; event_id: the client's own, so that repeats count once.

    holds: it is no undo and was not taken back; is_latest: of what holds, it is its person's latest feedback on the
    item. Both are kept as events come, so that reading a profile takes no longer for a long past.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_person_number", "person", "number"),
        Index("ix_events_person_item_id_number", "person", "item_id", "number"),
        Index(
            "ix_events_latest", "person", "number", sqlite_where=text("is_latest"), postgresql_where=text("is_latest")
        ),
    )
    number: Mapped[int] = mapped_column(_COUNTED, primary_key=True, autoincrement=True)
    event_id: Mapped[str] = mapped_column(String(64), unique=True)
    person: Mapped[str] = mapped_column(String(256))
    item_id: Mapped[str] = mapped_column(String(256))
    kind: Mapped[str] = mapped_column(String(16))
    timestamp: Mapped[int] = mapped_column(BigInteger)
    holds: Mapped[bool] = mapped_column(Boolean)
    is_latest: Mapped[bool] = mapped_column(Boolean)

    def value(self) -> Event:
        """The event as the store hands it out."""
        return Event(**{name: getattr(self, name) for name in Event.__dataclass_fields__})


class SessionRow(Base):
    """A conversation, as `Session.to_json` writes it, without what is read again from events."""

    __tablename__ = "sessions"
    session_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    person: Mapped[str | None] = mapped_column(String(256), index=True)
    document: Mapped[str] = mapped_column(Text)
    timestamp: Mapped[int] = mapped_column(BigInteger)


class PhotoRow(Base):
    """A photo that a conversation names: a PNG."""

    __tablename__ = "photos"
    session_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class UpkeepRow(Base):
    """A number that the store keeps of itself."""

    __tablename__ = "upkeep"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)


class KeyRow(Base):
    """A key. secret_hash: SHA-256 of a random secret, which needs no salt or stretching."""

    __tablename__ = "keys"
    key_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    rate_per_minute: Mapped[int] = mapped_column(Integer)
    created: Mapped[int] = mapped_column(BigInteger)
    revoked: Mapped[int | None] = mapped_column(BigInteger)

    def value(self) -> Key:
        """The key as the store hands it out."""
        values = {name: getattr(self, name) for name in Key.__dataclass_fields__}
        return Key(**{**values, "scopes": tuple(self.scopes)})


class VisualRow(Base):
    """A drawn picture and how it was drawn. place: its file in the workspace, such as visuals/3f….png, None where a
    store of before named one that is elsewhere. answers: a fingerprint of all that it was drawn from, by which an equal
    request finds it."""

    __tablename__ = "visuals"
    __table_args__ = (Index("ix_visuals_answers", "answers"),)
    visual_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    person: Mapped[str | None] = mapped_column(String(256), index=True)
    item_id: Mapped[str] = mapped_column(String(256))
    place: Mapped[str | None] = mapped_column("path", Text)
    record: Mapped[dict[str, object]] = mapped_column(JSON)
    timestamp: Mapped[int] = mapped_column(BigInteger)
    told: Mapped[dict[str, object] | None] = mapped_column(JSON)
    answers: Mapped[str | None] = mapped_column(String(64))
