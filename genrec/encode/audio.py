"""Sounds as vectors, by any CLAP model that transformers loads (arXiv 2211.06687).

A long sound is heard in windows as long as the model's, whose mean stands for it, and never in one that chance chooses.
Knows how sounds are prepared and batched; knows nothing of items or caches.

Axis legend: B sounds, W windows, D features.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from genrec.data.sounds import decode_windows
from genrec.encode.vector_cache import model_fingerprint
from genrec.pretrained import load_processor, load_weights
from genrec.runtime import pick_device
from genrec.schema import FloatArray

MAX_WINDOWS = 6  # of a sound, spread over it evenly
_BATCH = 8  # windows, which are larger than pictures
_MESSAGE = {"what": "CLAP model", "advice": "set encode.audio to a folder or hub name, or to none"}


class ClapEncoder:
    """A CLAP model by hub name or folder; loaded on first use, then kept.

    Raises InputError when the model cannot be loaded, or what decodes a sound is not installed.
    """

    def __init__(
        self, name_or_path: str, device: torch.device | str = "auto", *, dtype: torch.dtype = torch.float32
    ) -> None:
        self.name_or_path, self.dtype = name_or_path, dtype
        self.device = pick_device(device) if isinstance(device, str) else device

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of the model and of how sounds are heard; does not load it."""
        return f"{model_fingerprint(self.name_or_path)}-{MAX_WINDOWS}"

    @property
    def num_features(self) -> int:
        """D, the width of the space."""
        return int(self._model.config.projection_dim)

    def encode_sounds(self, paths: Sequence[Path]) -> FloatArray:
        """Unit vectors of sounds, float32 (B, D). Raises SourceError that names a file it cannot decode."""
        return (
            np.stack([self._encode(path) for path in paths]) if paths else np.zeros((0, self.num_features), np.float32)
        )

    def _encode(self, path: Path) -> FloatArray:
        extractor = self._extractor
        windows = decode_windows(
            path,
            rate_hz=extractor.sampling_rate,
            num_samples=extractor.nb_max_samples,
            max_windows=MAX_WINDOWS,
        )
        rows = [self._encode_windows(windows[at : at + _BATCH]) for at in range(0, len(windows), _BATCH)]
        mean_D = functional.normalize(torch.cat(rows).mean(dim=0), dim=0)
        vector: FloatArray = mean_D.float().cpu().numpy()
        return vector

    def _encode_windows(self, windows: Sequence[FloatArray]) -> torch.Tensor:
        """Unit vectors of windows (W, D)."""
        inputs = self._extractor(list(windows), sampling_rate=self._extractor.sampling_rate, return_tensors="pt")
        features = inputs["input_features"].to(self.device, self.dtype)
        is_longer = torch.zeros((len(windows), 1), dtype=torch.bool, device=self.device)  # else one by chance is
        with torch.inference_mode():
            output = self._model.get_audio_features(input_features=features, is_longer=is_longer)
        return functional.normalize(output.pooler_output, dim=-1)

    @cached_property
    def _model(self) -> Any:  # Any: transformers models are untyped
        from transformers import ClapModel

        model = load_weights(ClapModel, self.name_or_path, dtype=self.dtype, **_MESSAGE)
        return model.to(self.device).eval()

    @cached_property
    def _extractor(self) -> Any:  # Any: as above
        from transformers import ClapFeatureExtractor

        return load_processor(ClapFeatureExtractor, self.name_or_path, **_MESSAGE)
