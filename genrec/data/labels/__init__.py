"""Labels: how a catalog's attributes are spoken, and which of them is the category, the price, the maker."""

from genrec.data.labels.files import LABELS_FILE, Edits, load_edits, write_listing
from genrec.data.labels.label import Label, enumerated, format_number, kind_phrase, short_of, stand_alone
from genrec.data.labels.labels import Labels
from genrec.data.labels.names import SAYS, Say, plural, singular

__all__ = [
    "LABELS_FILE",
    "SAYS",
    "Edits",
    "Label",
    "Labels",
    "Say",
    "enumerated",
    "format_number",
    "kind_phrase",
    "load_edits",
    "plural",
    "short_of",
    "singular",
    "stand_alone",
    "write_listing",
]
