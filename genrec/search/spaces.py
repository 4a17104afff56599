"""Which spaces of a workspace may tell meaning, and who encodes queries into them.

Knows encoders and settings; deliberately knows nothing of how nearness is told, nor whether it serves.
"""

import logging
from collections.abc import Callable, Mapping

from genrec.config import Config
from genrec.encode.clip import ClipEncoder
from genrec.encode.text import SentenceEncoder
from genrec.errors import InputError
from genrec.runtime import pick_device
from genrec.schema import Catalog, Embeddings
from genrec.search.meaning import Meaning, Space

log = logging.getLogger(__name__)


def find_meaning(
    catalog: Catalog, embeddings: Mapping[str, Embeddings], config: Config, clip: Callable[[], ClipEncoder]
) -> Meaning | None:
    """The spaces of a workspace that serve: of texts the given vectors' or the text encoder's, else CLIP's; of pictures
    CLIP's. None where none does.

    clip: loads the CLIP model of the embeddings. Raises InputError when a configured encoder cannot be loaded.
    """
    if config.search.meaning == "off":
        return None

    def by_clip(name: str) -> Space | None:
        found = embeddings.get(name)
        return None if found is None else Space.tried(found, lambda texts: clip().encode_texts(texts), catalog)

    spaces = (_sentences(catalog, embeddings, config) or by_clip("text"), by_clip("image"))
    serving = tuple(space for space in spaces if space is not None)
    return Meaning(serving) if serving else None


def _sentences(catalog: Catalog, embeddings: Mapping[str, Embeddings], config: Config) -> Space | None:
    """The space of a sentence encoder, where the settings name one. Raises InputError."""
    settings = config.search
    given = settings.vectors is not None
    name, encoder = settings.vectors or "sentence", settings.encoder if given else config.encode.text_encoder
    if given and (name not in embeddings or encoder is None):
        raise InputError(
            f"search.vectors is {name!r} and search.encoder is {encoder or 'none'}; wanted vectors among "
            f"{', '.join(embeddings) or 'none that are here'}, and the sentence encoder that made them"
        )
    if encoder is None or name not in embeddings:
        return None
    encode = SentenceEncoder(encoder, pick_device(config.device), batch_size=config.encode.batch_size).encode_texts
    found = Space.tried(embeddings[name], encode, catalog)
    if found is None:
        log.warning("%s finds few items by their titles among the vectors %r, which are not searched", encoder, name)
    return found
