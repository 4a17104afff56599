"""The tables, as SQLAlchemy knows them. Their history is in migrations/."""

from sqlalchemy import JSON, BigInteger, Index, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_NAMES = {"ix": "ix_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"}
_COUNTED = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up integers alone


class Base(DeclarativeBase):
    """All tables of the store."""

    metadata = MetaData(naming_convention=_NAMES)


class EventRow(Base):
    """number: the order in which events were taken; event_id: of the client's making, so that repeats count once."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_person_number", "person", "number"),)
    number: Mapped[int] = mapped_column(_COUNTED, primary_key=True, autoincrement=True)
    event_id: Mapped[str] = mapped_column(String(64), unique=True)
    person: Mapped[str] = mapped_column(String(256))
    item_id: Mapped[str] = mapped_column(String(256))
    kind: Mapped[str] = mapped_column(String(16))
    timestamp: Mapped[int] = mapped_column(BigInteger)


class SessionRow(Base):
    """A conversation, whole, as `Session.to_json` writes it."""

    __tablename__ = "sessions"
    session_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    person: Mapped[str | None] = mapped_column(String(256), index=True)
    document: Mapped[str] = mapped_column(Text)
    timestamp: Mapped[int] = mapped_column(BigInteger)


class KeyRow(Base):
    """secret_hash: SHA-256 of a random secret, which needs no salt or stretching."""

    __tablename__ = "keys"
    key_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    rate_per_minute: Mapped[int] = mapped_column(Integer)
    created: Mapped[int] = mapped_column(BigInteger)
    revoked: Mapped[int | None] = mapped_column(BigInteger)


class VisualRow(Base):
    """A drawn picture and how it came about."""

    __tablename__ = "visuals"
    visual_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    person: Mapped[str | None] = mapped_column(String(256), index=True)
    item_id: Mapped[str] = mapped_column(String(256))
    path: Mapped[str] = mapped_column(Text)
    record: Mapped[dict[str, object]] = mapped_column(JSON)
    timestamp: Mapped[int] = mapped_column(BigInteger)
