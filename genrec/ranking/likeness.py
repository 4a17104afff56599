"""Likeness of every item of a catalog to photos and other items, in the space of CLIP; to items without picture and
words, in that of the fused vectors, which know by whom they are chosen.

Knows vectors; deliberately knows nothing of requests or of probabilities.

Axis legend: N items, D features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from genrec.data.images import Picture
from genrec.encode.clip import ClipEncoder
from genrec.errors import InputError
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


def likenesses(
    aims: Sequence[Aim], embeddings: Mapping[str, Embeddings], clip: ClipEncoder, fused_ND: FloatArray
) -> list[Likeness]:
    """Likeness of every item to each aim, float64 (N,), in standard deviations over the catalog.

    Cosines to all that an aim names count alike; those to what it turns down count half, downwards. A photo that cannot
    be decoded raises SourceError, one where no item has a picture or words InputError.
    """
    shown = {number: aim.photo for number, aim in enumerate(aims) if aim.photo is not None}
    targets: list[list[FloatArray]] = [[] for _ in aims]
    modalities = [found for name in _MODALITIES if (found := embeddings.get(name)) is not None and found.present.any()]
    if shown and not modalities:
        raise InputError("a photo is compared with pictures and words, and no item here has any; leave the photo out")
    for number, vector in zip(shown, clip.encode_images(list(shown.values())) if shown else (), strict=True):
        targets[number].append(vector)
    fused = Embeddings(name="fused", vectors=fused_ND, present=np.asarray(fused_ND.any(axis=1), dtype=bool))
    return [_likeness(aim, vectors, modalities, fused) for aim, vectors in zip(aims, targets, strict=True)]


def _likeness(aim: Aim, targets: Sequence[FloatArray], modalities: Sequence[Embeddings], fused: Embeddings) -> Likeness:
    towards, away = np.zeros(len(fused.vectors)), np.zeros(len(fused.vectors))
    is_seen_N = np.logical_or.reduce([modality.present for modality in modalities], axis=0)
    others = replace(fused, present=fused.present & ~is_seen_N)
    for row in aim.like[others.present[aim.like]]:
        towards = towards + _deviations(fused, fused.vectors[row])
    for row in aim.unlike[others.present[aim.unlike]]:
        away = away + _deviations(fused, fused.vectors[row])
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
