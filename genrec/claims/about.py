"""What an item is about, in short: the beginning of its longest text, cut where a sentence ends.

Knows sentences alone. Nothing is made up: every word stands so in the catalog.
"""

import re

from genrec.data.labels import Labels
from genrec.schema import Item

MAX_CHARS = 240
_MIN_CHARS = 40  # of a sentence that says something by itself
_TRAILING_DOTS = re.compile(r"\s*(?:\.{2,}|…)+(?=\s|$)")
# A sentence ends with a mark before a space and a capital letter; not after initials and common abbreviations.
_END = re.compile(
    r"(?<!\b[A-Z])(?<!\b(?:Mr|Ms|Dr|St|vs|No|Jr|Sr|ca))(?<!\b(?:Mrs|Inc|Ltd|etc|bzw))(?<!\b(?:z\.B|d\.h|e\.g|i\.e))"
    r"[.!?]+[\"”'’)]*(?=\s+[\"“'‘(]?[^\Wa-z_]|\s*$)|[。！？]"
)


def about(item: Item, labels: Labels, *, max_chars: int = MAX_CHARS) -> str:
    """Whole sentences from the beginning of what an item is about; of a long one its beginning, with an ellipsis.

    Empty where the catalog has no such text.
    """
    text = _TRAILING_DOTS.sub(" …", " ".join(labels.about(item).split()))
    if len(text) <= max_chars:
        return text
    ends = [match.end() for match in _END.finditer(text) if match.end() <= max_chars]
    if ends and ends[-1] >= _MIN_CHARS:
        return text[: ends[-1]]
    cut = text[:max_chars].rpartition(" ")[0] or text[:max_chars]
    return f"{cut.rstrip(' ,;:–-')} …"
