"""What a person is given of what is stored of them: conversations with photos, drawings with pictures, no paths.

Knows files and records; deliberately reads no database.
"""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from genrec.serve.store.records import PhotoRow, SessionRow, StoredVisual
from genrec.sinks import without_folders

_MACHINES = ("models", "license")  # entries of a record that may name folders of the machine


def exported_session(session: SessionRow, photos: Iterable[PhotoRow]) -> dict[str, object]:
    """A conversation with those of the photos that are its own, as base64 by their names."""
    own = {photo.name: _base64(photo.content) for photo in photos if photo.session_id == session.session_id}
    return {
        "session_id": session.session_id,
        "document": session.document,
        "timestamp": session.timestamp,
        "photos": own,
    }


def exported_visual(visual: StoredVisual) -> dict[str, object]:
    """A drawing with its picture as base64, None where its file is gone; models without the folders they lie in."""
    try:
        picture = None if visual.path is None else _base64(visual.path.read_bytes())
    except OSError:
        picture = None
    return {
        "visual_id": visual.visual_id,
        "person": visual.person,
        "item_id": visual.item_id,
        "timestamp": visual.timestamp,
        "record": shown_record(visual),
        "told": visual.told,
        "picture": picture,
    }


def shown_record(visual: StoredVisual) -> dict[str, object]:
    """How a drawing was made, as people elsewhere may read it."""
    return {name: _without_folders(value) if name in _MACHINES else value for name, value in visual.record.items()}


def _without_folders(value: Any) -> Any:  # Any: JSON
    if isinstance(value, Mapping):
        return {name: _without_folders(entry) for name, entry in value.items()}
    return without_folders(value) if isinstance(value, str) else value


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
