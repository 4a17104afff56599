"""Judges what was drawn, by floors that the catalog itself sets, and says what of it is not good enough.

Whether the CLIP tower knows this catalog is measured on its own titles and pictures; where it does not, nothing that it
says of a drawing can be trusted, so no variations are offered. Knows vectors and colors; draws nothing.
"""

# N items of a sample, D features, A places of colors

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image

from genrec.encode.clip import ClipEncoder
from genrec.schema import Catalog, Embeddings, FloatArray
from genrec.visualize.change import Change
from genrec.visualize.colors import color_shares, likeness, to_lab
from genrec.visualize.cutout import Cutout
from genrec.visualize.families import DrawingOrder
from genrec.visualize.staging import Stage
from genrec.visualize.taste import Taste

_SAMPLE = 300
_KNOWS = 0.8  # an own picture must rank above so many of others, in the mean, for the tower to know the catalog
_STRAY_SHARE = 0.9  # of random pairs of the catalog's pictures that a drawing must be nearer to its item than
_COLOR_ERROR = 26.0  # ΔE, of the main color against what was asked for
_CONTRAST = 14.0  # ΔE, of an item against what lies around it


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Of one candidate. score: what candidates are compared by; why_bad: which floor it missed, None for none."""

    scores: Mapping[str, float]
    score: float
    why_bad: str | None


class Guard:
    """The judge of one catalog's pictures.

    clip: the tower that judges; image: its vectors of the catalog's pictures. Without them colors alone are judged.
    """

    def __init__(
        self, *, clip: ClipEncoder | None = None, catalog: Catalog | None = None, image: Embeddings | None = None
    ) -> None:
        self.clip, self._catalog = clip, catalog
        self.image = (
            image if clip is not None and image is not None and image.vectors.shape[1] == clip.num_features else None
        )

    @cached_property
    def knowledge(self) -> float:
        """How well the tower knows the catalog: the mean share of other items' pictures that an own title ranks below.

        Half is chance. 0 where there is nothing to measure by.
        """
        rows = self._sampled(lambda row: bool(self._catalog and self._catalog.items[row].title))
        if self.clip is None or self.image is None or self._catalog is None or len(rows) < 8:
            return 0.0
        titles_ND = self.clip.encode_texts([self._catalog.items[row].title for row in rows])
        cosines_NN = titles_ND @ self.image.vectors[rows].T
        own_N1 = np.diagonal(cosines_NN)[:, None]
        return float(((cosines_NN < own_N1).sum(axis=1) / (len(rows) - 1)).mean())

    @property
    def why_no_variations(self) -> str | None:
        """Why variations cannot be trusted here; None where they can."""
        if self.knowledge >= _KNOWS:
            return None
        return (
            f"the image model does not know this catalog (it tells pictures by their titles with {self.knowledge:.0%}, "
            f"where {_KNOWS:.0%} are wanted and 50% is chance), so items are not changed but shown as they are"
        )

    @cached_property
    def item_floor(self) -> float:
        """The cosine that nine in ten random pairs of the catalog's pictures stay below."""
        rows = self._sampled(lambda _: True)
        if self.image is None or len(rows) < 2:
            return -1.0
        vectors = self.image.vectors[rows]
        pairs = (vectors @ vectors.T)[np.triu_indices(len(rows), 1)]
        return float(np.quantile(pairs, _STRAY_SHARE))

    def judge_scene(self, background: Image.Image, staged: Stage, taste: Taste | None) -> dict[str, float]:
        """How well a place suits: fit, of its likeness to the taste's colors and how far the item stands out."""
        size = background.width
        around = np.asarray(staged.mask(size)) > 127
        shares_A = color_shares(to_lab(np.asarray(background.convert("RGB"))[around]))
        scores = {"contrast": round(_contrast(background, staged), 2)}
        if taste is not None:
            scores["taste"] = round(likeness(shares_A, taste.shares_A), 4)
        hidden = max(0.0, 1 - scores["contrast"] / _CONTRAST)
        scores["fit"] = round(scores.get("taste", 0.5) - hidden, 4)
        return scores

    def judge_variation(
        self,
        candidate: Image.Image,
        cutout: Cutout,
        order: DrawingOrder,
        change: Change,
        *,
        before: Image.Image | None = None,
    ) -> Judgement:
        """Whether it is still the item, and changed as it was to be. before: the picture without what words ask for."""
        scores, why, error, cosine, gain = {}, None, 0.0, 1.0, 0.0
        size = (cutout.alpha_HW.shape[1], cutout.alpha_HW.shape[0])
        drawn = np.asarray(candidate.convert("RGB").resize(size, Image.Resampling.BICUBIC))
        if change.recolors and change.palette_K3 is not None:
            error = _nearest_share_error(to_lab(drawn[cutout.solid_HW]), change.palette_K3[0])
            scores["color_error"] = round(error, 2)
            if error > _COLOR_ERROR:
                why = f"its color is {error:.0f} from what was asked for, {_COLOR_ERROR:.0f} is allowed"
        if self.clip is not None and order.item_vector is not None:
            shown_D = self.clip.encode_images([candidate])[0]
            cosine = float(shown_D @ order.item_vector)
            scores["item"] = round(cosine, 4)
            if before is not None:
                words_D = self.clip.encode_texts([change.words])[0]
                gain = float((shown_D - self.clip.encode_images([before])[0]) @ words_D)
                scores["words"] = round(gain, 4)
                if gain <= 0:
                    why = f"it looks no more like {change.words} than before"
                if cosine < self.item_floor:
                    why = f"it is less like the item, {cosine:.2f}, than other items are, {self.item_floor:.2f}"
        return Judgement(scores=scores, score=cosine + gain - error / 100, why_bad=why)

    def _sampled(self, wanted: Callable[[int], bool]) -> npt.NDArray[np.int64]:
        if self.image is None:
            return np.zeros(0, dtype=np.int64)
        rows = np.array([row for row in np.flatnonzero(self.image.present) if wanted(int(row))], dtype=np.int64)
        return rows[:: max(1, len(rows) // _SAMPLE)][:_SAMPLE]


def _contrast(background: Image.Image, staged: Stage) -> float:
    """How far the item's rim stands out from what lies around it, in ΔE."""
    import cv2

    size = 96
    alpha = cv2.resize(staged.alpha_SS, (size, size), interpolation=cv2.INTER_AREA)
    item = to_lab(np.asarray(cv2.resize(staged.pixels_SS3, (size, size), interpolation=cv2.INTER_AREA), np.uint8))
    behind = to_lab(np.asarray(background.convert("RGB").resize((size, size), Image.Resampling.BOX)))
    kernel = np.ones((5, 5), np.uint8)
    solid = (alpha > 0.9).astype(np.uint8)
    rim = (solid - cv2.erode(solid, kernel)) > 0
    ring = (cv2.dilate((alpha > 0.05).astype(np.uint8), kernel) > 0) & (alpha < 0.05)
    if not rim.any() or not ring.any():
        return _CONTRAST
    return float(np.linalg.norm(np.median(item[rim], axis=0) - np.median(behind[ring], axis=0)))


def _nearest_share_error(pixels_N3: FloatArray, color_3: FloatArray) -> float:
    """How far the color is that a quarter of the pixels come nearest to it with, in ΔE; shade counts for half."""
    apart = (pixels_N3 - color_3) * np.array((0.5, 1.0, 1.0), dtype=np.float32)
    return float(np.quantile(np.linalg.norm(apart, axis=1), 0.25))
