"""Pictures and words in one space, by any CLIP model that transformers loads.

Knows how inputs are decoded, prepared and batched; knows nothing of items or caches.

Axis legend: B inputs, D features.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from genrec.data.images import Picture, decode_image
from genrec.encode.vector_cache import model_fingerprint
from genrec.pretrained import load_processor, load_weights
from genrec.runtime import pick_device
from genrec.schema import FloatArray

NUM_DECODING_THREADS = 4
_MESSAGE = {"what": "CLIP model", "advice": "set encode.clip to a folder or hub name"}


class ClipEncoder:
    """A CLIP model by hub name, folder or shipped name; loaded on first use, then kept.

    dtype: what it computes in; in float64, vectors are the same on every processor but for a rare last bit.
    Raises InputError when the model cannot be loaded.
    """

    def __init__(
        self,
        name_or_path: str,
        device: torch.device | str = "auto",
        *,
        batch_size: int = 64,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.name_or_path, self.dtype = name_or_path, dtype
        self.device = pick_device(device) if isinstance(device, str) else device
        if dtype == torch.float64 and self.device.type == "mps":  # which has none
            self.device = torch.device("cpu")
        self.batch_size = batch_size
        self._lock = threading.Lock()  # a tokenizer must not be used by two threads at once

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of the model, and what it computes in unless that is float32; does not load it."""
        found = model_fingerprint(self.name_or_path)
        return found if self.dtype == torch.float32 else f"{found}-{str(self.dtype).removeprefix('torch.')}"

    @property
    def num_features(self) -> int:
        """D, the width of the shared space."""
        return int(self._model.config.projection_dim)

    def encode_images(self, images: Sequence[Picture]) -> FloatArray:
        """Unit vectors of pictures, float32 (B, D). Raises SourceError that names a file it cannot decode."""
        batches = []
        with ThreadPoolExecutor(NUM_DECODING_THREADS) as pool:
            for start in range(0, len(images), self.batch_size):
                pictures = list(pool.map(decode_image, images[start : start + self.batch_size]))
                pixels = self._image_processor(images=pictures, return_tensors="pt")["pixel_values"]
                with torch.inference_mode():
                    output = self._model.get_image_features(pixel_values=pixels.to(self.device, self.dtype))
                batches.append(_to_unit_rows(output.pooler_output))
        return np.concatenate(batches) if batches else np.zeros((0, self.num_features), dtype=np.float32)

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Unit vectors of texts, float32 (B, D); text beyond the model's context is cut off."""
        batches = []
        for start in range(0, len(texts), self.batch_size):
            tokens = self._tokenize(texts[start : start + self.batch_size])
            with torch.inference_mode():
                output = self._model.get_text_features(
                    input_ids=tokens["input_ids"].to(self.device),
                    attention_mask=tokens["attention_mask"].to(self.device),
                )
            batches.append(_to_unit_rows(output.pooler_output))
        return np.concatenate(batches) if batches else np.zeros((0, self.num_features), dtype=np.float32)

    def count_tokens(self, texts: Sequence[str]) -> int:
        """The number of tokens of the texts that are encoded."""
        return int(self._tokenize(texts)["attention_mask"].sum()) if texts else 0

    def _tokenize(self, texts: Sequence[str]) -> Any:  # Any: a BatchEncoding of transformers
        with self._lock:
            return self._tokenizer(
                list(texts),
                padding=True,
                truncation=True,
                max_length=self._model.config.text_config.max_position_embeddings,
                return_tensors="pt",
            )

    @cached_property
    def _model(self) -> Any:  # Any: transformers models are untyped
        from transformers import CLIPModel

        model = load_weights(CLIPModel, self.name_or_path, dtype=self.dtype, **_MESSAGE)
        return model.to(self.device).eval()

    @cached_property
    def _image_processor(self) -> Any:  # Any: as above
        from transformers import CLIPImageProcessorPil

        return load_processor(CLIPImageProcessorPil, self.name_or_path, **_MESSAGE)

    @cached_property
    def _tokenizer(self) -> Any:  # Any: as above
        from transformers import AutoTokenizer

        return load_processor(AutoTokenizer, self.name_or_path, **_MESSAGE)


def _to_unit_rows(features_BD: torch.Tensor) -> FloatArray:
    vectors: FloatArray = functional.normalize(features_BD, dim=-1).float().cpu().numpy()
    return vectors
