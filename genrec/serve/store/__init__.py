"""The store of a server: events, sessions, keys and drawn pictures, in SQLite or PostgreSQL."""

from genrec.serve.store.records import Event, Key, StoredVisual
from genrec.serve.store.store import Store, default_url

__all__ = ["Event", "Key", "Store", "StoredVisual", "default_url"]
