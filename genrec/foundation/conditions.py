"""Conditions told to the diffusion model about each training picture: the item, a taste that calls for its room, words.

Tastes are made as people have them: a history in which the room's color and pattern lead, seen through CLIP. Words
about the room outrank the taste; every part is sometimes left out, for classifier-free guidance.
"""

# N items, R rooms, D features of CLIP space, C latent channels, h, w latent positions

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F
from transformers import CLIPModel, CLIPTokenizer

from genrec.foundation.autoencoder import PatchBasis
from genrec.foundation.captions import prompt_for
from genrec.foundation.clip_model import encode_pixels, encode_texts, to_pixels
from genrec.foundation.scenes import Attributes, Scenes
from genrec.schema import FloatArray
from genrec.shop.drawing import Backdrop
from genrec.shop.talk import caption, pick, title
from genrec.shop.vocabulary import COLORS, PATTERNS
from genrec.visualize.draw import taste_vector


class Tastes:
    """Makes histories whose leading color and pattern are known, and their taste vectors."""

    def __init__(self, items: Sequence[Attributes], vectors_ND: FloatArray) -> None:
        self.vectors_ND = vectors_ND
        self.colors = np.array([list(COLORS).index(str(item["color"])) for item in items])
        self.patterns = np.array([PATTERNS.index(str(item["pattern"])) for item in items])
        self.by_color = [np.flatnonzero(self.colors == c) for c in range(len(COLORS))]
        self.by_pattern = [np.flatnonzero(self.patterns == p) for p in range(len(PATTERNS))]
        self.by_both = [[np.intersect1d(a, b) for b in self.by_pattern] for a in self.by_color]

    def sample(self, backdrop: Backdrop, item_D: FloatArray, rng: np.random.Generator) -> FloatArray:
        """The taste vector of a random history in which the backdrop's color and pattern lead, float32 (D,)."""
        color, pattern = list(COLORS).index(backdrop.color), PATTERNS.index(backdrop.pattern)
        temperature = float(rng.choice([0.1, 0.2, 0.5, 10.0]))
        for share in (0.4, 0.6, 0.8, 1.0):
            rows = self._history(color, pattern, share, rng)
            weights = np.exp(self.vectors_ND[rows] @ item_D / temperature)
            if self._leads(self.colors[rows], weights, color) and self._leads(self.patterns[rows], weights, pattern):
                break
        return taste_vector(self.vectors_ND[rows], item_D, temperature)

    def _history(self, color: int, pattern: int, share: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        pools = [
            self.by_both[color][pattern],
            self.by_color[color],
            self.by_pattern[pattern],
            np.arange(len(self.colors)),
        ]
        if not len(pools[0]):
            pools[0] = pools[1]
        rest = (1 - share) / 3
        kinds = rng.choice(4, size=int(rng.integers(2, 16)), p=[share, rest, rest, rest])
        return np.array([pools[kind][rng.integers(len(pools[kind]))] for kind in kinds])

    @staticmethod
    def _leads(codes: npt.NDArray[np.int64], weights: FloatArray, code: int) -> bool:
        mass = np.bincount(codes, weights, minlength=code + 1)
        rivals = np.delete(mass, code)
        return bool(mass[code] > 1.3 * (rivals.max() if len(rivals) else 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """What training reads at every step: latents, and CLIP's unit vectors of the items' pictures and titles."""

    scenes: Scenes
    studio_NChw: torch.Tensor
    rooms_NRChw: torch.Tensor
    image_ND: FloatArray
    text_ND: FloatArray
    tastes: Tastes


def prepare(scenes: Scenes, basis: PatchBasis, clip: CLIPModel, tokenizer: CLIPTokenizer, seed: int) -> Materials:
    """Encode every picture and title once."""
    rng = np.random.default_rng(seed)
    titles = [title(item, rng) for item in scenes.items]
    starts = range(0, len(scenes), 200)
    with torch.no_grad():
        images = torch.cat([encode_pixels(clip, to_pixels(scenes.studio[s : s + 200])) for s in starts])
        texts = torch.cat([encode_texts(clip, tokenizer, titles[s : s + 200]) for s in starts])
    image_ND = F.normalize(images, dim=1).numpy()
    rooms = basis.encode(scenes.rooms.reshape(-1, *scenes.rooms.shape[2:])).half()
    return Materials(
        scenes=scenes,
        studio_NChw=basis.encode(scenes.studio).half(),
        rooms_NRChw=rooms.reshape(*scenes.rooms.shape[:2], *rooms.shape[1:]),
        image_ND=image_ND,
        text_ND=F.normalize(texts, dim=1).numpy(),
        tastes=Tastes(scenes.items, image_ND),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One picture to learn: its latents and what is told about it."""

    latents_Chw: torch.Tensor
    embedding_2D: FloatArray
    text: str


def sample_example(materials: Materials, drop_all: float, rng: np.random.Generator) -> Example:
    """Draw an item, a place and the conditions that explain them."""
    scenes = materials.scenes
    row = int(rng.integers(len(scenes)))
    item_D, item = materials.image_ND[row], scenes.items[row]
    zeros_D = np.zeros_like(item_D)
    words = _item_words(item, rng)
    if rng.random() < 0.2:
        embedded_D = zeros_D if rng.random() < 0.3 else materials.text_ND[row]
        words = words or f"a photo of {title(item, rng)}" if not embedded_D.any() else words
    else:
        embedded_D = item_D
    if rng.random() < 0.2:
        latents, taste_D = materials.studio_NChw[row], zeros_D
    else:
        room = int(rng.integers(scenes.rooms.shape[1]))
        latents = materials.rooms_NRChw[row, room]
        taste_D, said = _place(materials, scenes.backdrops[row][room], item_D, rng)
        words = f"{words} {said}".strip()
    if rng.random() < drop_all:
        embedded_D, taste_D, words = zeros_D, zeros_D, ""
    return Example(latents_Chw=latents, embedding_2D=np.concatenate([embedded_D, taste_D]), text=words)


def _item_words(item: Attributes, rng: np.random.Generator) -> str:
    chance = rng.random()
    if chance < 0.35:
        return ""
    if chance < 0.75:
        return f"a photo of {title(item, rng)}"
    return caption(item, rng, ("color", "pattern", "category")).removesuffix(" in a studio")


def _place(
    materials: Materials, wall: Backdrop, item_D: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, str]:
    """A taste vector and room words that together call for this wall; what is said may differ from the taste."""
    chance = rng.random()
    if chance < 0.65:
        return materials.tastes.sample(wall, item_D, rng), ""
    says_color, says_pattern = (True, True) if chance < 0.85 else (chance < 0.925, chance >= 0.925)
    if says_color and says_pattern:
        form = pick(rng, ("in front of a {} wall", "in a room with {} walls", "in a {} room"))
        said = form.format(f"{wall.color} {wall.pattern}")
        if rng.random() < 0.4:
            return np.zeros_like(item_D), said
    else:
        said = prompt_for(*(("wall_color", wall.color) if says_color else ("wall_pattern", wall.pattern)), rng)
    other = Backdrop(
        pick(rng, tuple(COLORS)) if says_color else wall.color, pick(rng, PATTERNS) if says_pattern else wall.pattern
    )
    return materials.tastes.sample(other, item_D, rng), said
