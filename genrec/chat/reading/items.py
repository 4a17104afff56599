"""Which items a span speaks of: by title, by place in the shown list, as what is in focus, or as chosen before.

Knows lists and titles; deliberately knows nothing of what is said of the items.
"""

from dataclasses import dataclass

from genrec.chat.reading.amounts import read_count, read_places
from genrec.chat.reading.links import Linker
from genrec.chat.reading.spans import POINTING, Span
from genrec.chat.session import Session

_DEFAULT_HISTORY = 3  # of the latest choices, where "what I usually buy" names no number


@dataclass(frozen=True, slots=True)
class Pointed:
    """Items that a span speaks of, or its words where there are none."""

    item_ids: tuple[str, ...] = ()
    missing: str | None = None


def point(span: Span, session: Session, linker: Linker, language: str) -> Pointed:
    """The items of a span whose type points at some."""
    assert span.type in POINTING, "only some types point at items"
    match span.type:
        case "title":
            linked = next((link.item_id for link in span.links if link.item_id is not None), None)
            item_id = linked or linker.title(span.text)
            return (
                Pointed() if not span.words else Pointed(missing=span.text) if item_id is None else Pointed((item_id,))
            )
        case "place":
            places = read_places(span.text, language, len(session.shown))
            ids = tuple(session.shown[place] for place in places)
            return Pointed(ids) if ids else Pointed(missing=span.text)
        case "these":
            return Pointed(tuple(session.shown))
        case "history":
            count = read_count(span.text, language) or (1 if _is_one(span) else _DEFAULT_HISTORY)
            ids = tuple(session.history[-count:])
            return Pointed(ids) if ids else Pointed(missing=span.text)
        case _:
            return Pointed(() if session.focus is None else (session.focus,))


def _is_one(span: Span) -> bool:
    """Whether one thing is spoken of: my last purchase, not my last purchases."""
    return len(span.words) < 4 and not span.words[-1].endswith(("s", "n", "x"))
