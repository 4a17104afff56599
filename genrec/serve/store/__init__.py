"""The store of a server: events, sessions, photos, keys and drawn pictures, in SQLite or PostgreSQL."""

from genrec.serve.store.address import chosen_address, default_url
from genrec.serve.store.export import shown_record
from genrec.serve.store.files import UnfinishedDrawings
from genrec.serve.store.records import Erased, Event, Key, StoredVisual
from genrec.serve.store.store import Store

__all__ = [
    "Erased",
    "Event",
    "Key",
    "Store",
    "StoredVisual",
    "UnfinishedDrawings",
    "chosen_address",
    "default_url",
    "shown_record",
]
