"""What a server keeps: events, sessions, keys and drawn pictures, in SQLite or PostgreSQL."""

from genrec.serve.store.records import Event, KeptVisual, Key
from genrec.serve.store.store import Store, default_url

__all__ = ["Event", "KeptVisual", "Key", "Store", "default_url"]
