"""Likeness of every item of a catalog to photos and other items, in the space of CLIP.

Knows vectors; deliberately knows nothing of requests or of probabilities.

Axis legend: N items, D features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrec.data.images import Picture
from genrec.encode.clip import ClipEncoder
from genrec.schema import Embeddings, FloatArray, IntArray

Likeness = npt.NDArray[np.float64]
_MODALITIES = ("image", "text")
_AWAY = 0.5  # the weight of likeness to refused items: a refusal says less than a wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """A wanted item by what it is like and unlike. photo: as given; like, unlike: catalog rows."""

    photo: Picture | None = None
    like: IntArray
    unlike: IntArray

    @property
    def is_named(self) -> bool:
        """Whether it says what a wanted item is like."""
        return self.photo is not None or bool(len(self.like))

    def __bool__(self) -> bool:
        return self.is_named or bool(len(self.unlike))


def likenesses(aims: Sequence[Aim], embeddings: Mapping[str, Embeddings], clip: ClipEncoder) -> list[Likeness]:
    """Likeness of every item to each aim, float64 (N,), in standard deviations over the catalog.

    Cosines to all that an aim names count alike; those to what it turns down count half, downwards. A photo that cannot
    be decoded raises SourceError.
    """
    shown = {number: aim.photo for number, aim in enumerate(aims) if aim.photo is not None}
    targets: list[list[FloatArray]] = [[] for _ in aims]
    for number, vector in zip(shown, clip.encode_images(list(shown.values())) if shown else (), strict=True):
        targets[number].append(vector)
    modalities = [found for name in _MODALITIES if (found := embeddings.get(name)) is not None and found.present.any()]
    return [_likeness(aim, vectors, modalities) for aim, vectors in zip(aims, targets, strict=True)]


def _likeness(aim: Aim, targets: Sequence[FloatArray], modalities: Sequence[Embeddings]) -> Likeness:
    towards, away = np.zeros(1), np.zeros(1)
    for modality in modalities:
        for target in targets:
            towards = towards + _deviations(modality, target)
        for row in aim.like[modality.present[aim.like]]:
            towards = towards + _deviations(modality, modality.vectors[row])
        for row in aim.unlike[modality.present[aim.unlike]]:
            away = away + _deviations(modality, modality.vectors[row])
    return _scaled(towards) - _AWAY * _scaled(away)


def _deviations(modality: Embeddings, target_D: FloatArray) -> Likeness:
    """Cosines to a vector in standard deviations, 0 for items without this modality."""
    cosine_N = (modality.vectors @ target_D).astype(np.float64)
    seen = cosine_N[modality.present]
    return np.where(modality.present, (cosine_N - seen.mean()) / max(float(seen.std()), 1e-6), 0.0)


def _scaled(values_N: Likeness) -> Likeness:
    return values_N / max(float(values_N.std()), 1e-6)
