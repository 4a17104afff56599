"""Pictures and words in one space, by any model of CLIP's kind that transformers loads, such as CLIP or SigLIP.

Knows how inputs are decoded, prepared as each kind was trained on them, and batched; knows nothing of items or caches.

Axis legend: B inputs, D features, P patches, R regions.
"""

import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from genrec.data.arrays import unit_rows
from genrec.data.images import Picture, decode_image
from genrec.data.videos import decode_frames
from genrec.encode.vector_cache import model_fingerprint
from genrec.errors import InputError
from genrec.pretrained import load_processor, load_weights
from genrec.runtime import pick_device
from genrec.schema import FloatArray, HalfArray

NUM_DECODING_THREADS = 4
NUM_FRAMES = 8  # of a video
_MESSAGE = {"what": "CLIP model", "advice": "set encode.clip to a folder or hub name"}
# Trained on lower-case texts that fill their whole context, the state after the last padding being the text's, and
# without a mask (arXiv 2303.15343); a shorter or masked text gets another vector.
_FILLS_CONTEXT = {"siglip", "siglip2"}


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
        return self.encode_texts(["width"]).shape[1]  # families name it differently

    def encode_images(self, images: Sequence[Picture]) -> FloatArray:
        """Unit vectors of pictures, float32 (B, D). Raises SourceError that names a file it cannot decode."""
        batches = []
        for start in range(0, len(images), self.batch_size):
            pictures = self._decoded(images[start : start + self.batch_size])
            with torch.inference_mode():
                batches.append(_to_unit_rows(self.image_features(pictures)))
        return np.concatenate(batches) if batches else np.zeros((0, self.num_features), dtype=np.float32)

    def encode_videos(self, paths: Sequence[Path]) -> FloatArray:
        """Unit vectors of videos, float32 (B, D): the means of some frames', spread evenly.

        Raises SourceError that names a file it cannot decode, InputError where what decodes videos is not installed.
        """
        means = [self.encode_images(decode_frames(path, NUM_FRAMES)).mean(axis=0) for path in paths]
        return unit_rows(np.stack(means)) if means else np.zeros((0, self.num_features), dtype=np.float32)

    def encode_regions(self, images: Sequence[Picture], grid: int) -> HalfArray:
        """Unit vectors of the parts of pictures, float16 (B, R, D), in the space that pictures and texts share.

        R: cells of at most grid x grid that the picture is divided into, row by row from the upper left; the patches of
        a cell are averaged. Only what the model sees of a picture is divided (`crop`). Raises InputError for a model
        without a square of patches, SourceError for a broken picture.
        """
        batches = []
        for start in range(0, len(images), self.batch_size):
            inputs = self._prepared(self._decoded(images[start : start + self.batch_size]))
            with torch.inference_mode():
                output = self.model.vision_model(**inputs)
                patches_BPD = self._project_patches(output.last_hidden_state)
                batches.append(_to_unit_rows(self._pooled(patches_BPD, grid)).astype(np.float16))
        return np.concatenate(batches) if batches else np.zeros((0, 1, self.num_features), dtype=np.float16)

    @property
    def crop(self) -> float | None:
        """The side of the square in a picture's middle that the model sees, as a share of the picture's shorter side;
        None where it sees all of it, squeezed to a square."""
        processor = self._image_processor
        shortest = (processor.size or {}).get("shortest_edge") if processor.do_resize else None
        if not getattr(processor, "do_center_crop", False) or shortest is None:
            return None
        return float(min(1.0, processor.crop_size["height"] / shortest))

    def pixels(self, images: Sequence[Picture]) -> torch.Tensor:
        """Pictures as the tower takes them, (B, 3, H, W)."""
        found: torch.Tensor = self._prepared(self._decoded(images))["pixel_values"]
        return found

    def _prepared(self, pictures: Sequence[Image.Image]) -> Any:  # Any: a BatchFeature of transformers
        return self._image_processor(images=list(pictures), return_tensors="pt").to(self.device, self.dtype)

    def _decoded(self, images: Sequence[Picture]) -> list[Image.Image]:
        with ThreadPoolExecutor(NUM_DECODING_THREADS) as pool:
            return list(pool.map(decode_image, images))

    def _project_patches(self, states_BPH: torch.Tensor) -> torch.Tensor:
        """Each patch as if the picture were it alone: through what makes a vector of the whole, (B, P, D)."""
        tower = self.model.vision_model
        if hasattr(tower, "head"):  # SigLIP's, which attends to patches: here to one
            alone = states_BPH.reshape(-1, 1, states_BPH.shape[-1])
            headed: torch.Tensor = tower.head(alone)
            return headed.reshape(*states_BPH.shape[:2], -1)
        projected: torch.Tensor = self.model.visual_projection(tower.post_layernorm(states_BPH[:, 1:]))
        return projected

    def _pooled(self, patches_BPD: torch.Tensor, grid: int) -> torch.Tensor:
        side = math.isqrt(patches_BPD.shape[1])
        if side * side != patches_BPD.shape[1]:
            raise InputError(
                f"CLIP model {self.name_or_path} cuts pictures into {patches_BPD.shape[1]} patches, wanted a square of "
                "them; name another model, such as genrec-tiny-clip"
            )
        square_BDSS = patches_BPD.transpose(1, 2).unflatten(2, (side, side))
        return functional.adaptive_avg_pool2d(square_BDSS, min(grid, side)).flatten(2).transpose(1, 2)

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Unit vectors of texts, float32 (B, D); text beyond the model's context is cut off."""
        batches = []
        for start in range(0, len(texts), self.batch_size):
            with torch.inference_mode():
                batches.append(_to_unit_rows(self.text_features(texts[start : start + self.batch_size])))
        return np.concatenate(batches) if batches else np.zeros((0, self.num_features), dtype=np.float32)

    def image_features(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
        """What the image tower makes of decoded pictures, (B, D), of any length, with gradients where they are on."""
        features_BD: torch.Tensor = self.model.get_image_features(**self._prepared(pictures)).pooler_output
        return features_BD

    def text_features(self, texts: Sequence[str]) -> torch.Tensor:
        """What the text tower makes of texts, likewise."""
        tokens = self._tokenize(texts)
        mask = None if self._fills_context else tokens["attention_mask"].to(self.device)
        ids = tokens["input_ids"].to(self.device)
        features_BD: torch.Tensor = self.model.get_text_features(input_ids=ids, attention_mask=mask).pooler_output
        return features_BD

    def count_tokens(self, texts: Sequence[str]) -> int:
        """The number of tokens of the texts that are encoded."""
        return int(self._tokenize(texts)["attention_mask"].sum()) if texts else 0

    def _tokenize(self, texts: Sequence[str]) -> Any:  # Any: a BatchEncoding of transformers
        context = self.model.config.text_config.max_position_embeddings
        with self._lock:
            return self._tokenizer(
                [text.lower() for text in texts] if self._fills_context else list(texts),
                padding="max_length" if self._fills_context else True,
                padding_side="right",
                truncation=True,
                max_length=min(context, self._tokenizer.model_max_length),
                return_attention_mask=True,
                return_tensors="pt",
            )

    @property
    def _fills_context(self) -> bool:
        return self.model.config.model_type in _FILLS_CONTEXT

    @cached_property
    def model(self) -> Any:  # Any: transformers models are untyped
        """Both towers, loaded when first asked for; whoever tunes them keeps this encoder to themselves."""
        from transformers import AutoModel

        model = load_weights(AutoModel, self.name_or_path, dtype=self.dtype, **_MESSAGE)
        return model.to(self.device).eval()

    @cached_property
    def _image_processor(self) -> Any:  # Any: as above
        from transformers import AutoImageProcessor

        return load_processor(AutoImageProcessor, self.name_or_path, backend="pil", **_MESSAGE)

    @cached_property
    def _tokenizer(self) -> Any:  # Any: as above
        from transformers import AutoTokenizer

        return load_processor(AutoTokenizer, self.name_or_path, **_MESSAGE)


def _to_unit_rows(features_BD: torch.Tensor) -> FloatArray:
    vectors: FloatArray = functional.normalize(features_BD, dim=-1).float().cpu().numpy()
    return vectors
