"""What the store hands out: plain frozen values, no rows of a database."""

from dataclasses import dataclass

EVENT_KINDS = ("like", "dislike", "view", "choose", "undo")
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
    """An API key as it is kept: a hash of the secret, never the secret. rate_per_minute: 0 is no limit."""

    key_id: str
    name: str
    scopes: tuple[str, ...]
    rate_per_minute: int
    created: int
    revoked: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVisual:
    """A drawn picture: where it lies and its whole record."""

    visual_id: str
    person: str | None
    item_id: str
    path: str
    record: dict[str, object]
    timestamp: int
