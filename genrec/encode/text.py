"""Text embeddings by any sentence-transformers model, in a space of its own.

Axis legend: B texts, D features.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch

from genrec.encode.vector_cache import model_fingerprint
from genrec.pretrained import load_sentence_encoder
from genrec.runtime import pick_device
from genrec.schema import FloatArray


class SentenceEncoder:
    """A sentence-transformers model by hub name or folder; loaded on first use, then kept.

    Raises InputError when the model cannot be loaded.
    """

    def __init__(self, name_or_path: str, device: torch.device | str = "auto", *, batch_size: int = 64) -> None:
        self.name_or_path = name_or_path
        self.device = pick_device(device) if isinstance(device, str) else device
        self.batch_size = batch_size

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of the model; does not load it."""
        return model_fingerprint(self.name_or_path)

    @property
    def num_features(self) -> int:
        """D, the width of the vectors."""
        return int(self._model.get_embedding_dimension())

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Unit vectors of texts, float32 (B, D); text beyond the model's context is cut off."""
        return self._encode(texts, "encode_document")

    def encode_queries(self, queries: Sequence[str]) -> FloatArray:
        """Unit vectors of what people look for, likewise, with the words that a model wants before a query."""
        return self._encode(queries, "encode_query")

    def _encode(self, texts: Sequence[str], method: str) -> FloatArray:
        if not texts:
            return np.zeros((0, self.num_features), dtype=np.float32)
        vectors = getattr(self._model, method)(
            list(texts),
            batch_size=self.batch_size,
            convert_to_numpy=True,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, dtype=np.float32)

    @cached_property
    def _model(self) -> Any:  # Any: sentence-transformers models are untyped here
        return load_sentence_encoder(
            self.name_or_path,
            device=str(self.device),
            what="text encoder",
            advice="set encode.text_encoder to a folder or hub name, or leave it empty",
        )
