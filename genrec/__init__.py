"""genrec: a generative multimodal recommender. Nothing heavy is imported until it is used."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_PUBLIC = {
    "load": "genrec.workspace",
    "build": "genrec.pipeline",
    "ingest": "genrec.data.ingest",
    "add_items": "genrec.new_items",
    "Recommender": "genrec.ranking.recommender",
    "Config": "genrec.config",
    "Item": "genrec.schema",
    "Catalog": "genrec.schema",
    "Interactions": "genrec.schema",
    "Recommendation": "genrec.schema",
    "Explanation": "genrec.schema",
    "Visual": "genrec.schema",
    "GenrecError": "genrec.errors",
}

__all__ = ["__version__", *_PUBLIC]

if TYPE_CHECKING:
    from genrec.config import Config as Config
    from genrec.errors import GenrecError as GenrecError
    from genrec.schema import Catalog as Catalog
    from genrec.schema import Explanation as Explanation
    from genrec.schema import Interactions as Interactions
    from genrec.schema import Item as Item
    from genrec.schema import Recommendation as Recommendation
    from genrec.schema import Visual as Visual


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'genrec' has no attribute {name!r}; it has {', '.join(sorted(_PUBLIC))}")
    return getattr(import_module(_PUBLIC[name]), name)
