"""Trains genrec-tiny-edit: a StableDiffusionInstructPix2PixPipeline that changes an item's color, pattern or material.

It sees the item's picture as latents beside the noise (arXiv 2211.09800), so shape and parts survive. The palette names
the main color and the accent, words the pattern and the material; what neither names stays as it is.
"""

# N items, V versions of each, B batch, C latent channels, h, w latent positions, H, W pixels

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionInstructPix2PixPipeline
from numpy.typing import NDArray
from transformers import CLIPTokenizer

from genrec.artifacts import write_text
from genrec.foundation.autoencoder import CodecRecipe, PatchBasis, train_codec
from genrec.foundation.clip_model import NAME as CLIP_NAME
from genrec.foundation.painter import PAINT_PX, Batch, Painter, PainterRecipe, assemble, card, train_painter
from genrec.foundation.places import any_color, palette_numbers
from genrec.pretrained import load_processor
from genrec.runtime import progress
from genrec.shop.drawing import draw_item
from genrec.shop.vocabulary import COLORS, DOMAINS, PATTERNS, accents_for, sample_attributes
from genrec.visualize.colors import to_lab
from genrec.visualize.vocabulary import WORDS_FILE

NAME = "genrec-tiny-edit"
NUM_ITEMS, NUM_VERSIONS = 4_000, 4
RECIPE = PainterRecipe(
    seed=6, steps=3000, latent_channels=16, channels_beside=16, channels=(48, 80, 128), late_share=0.7
)
CODEC = CodecRecipe(steps=1000, batch_size=8, latent_channels=16)
MIN_CONTRAST = 22.0  # CIELAB, between a pattern and what it is on
Rgb = tuple[int, int, int]
PATTERN_WORDS = {
    "plain": ("plain", "without a pattern", "solid color", "no pattern", "unpatterned"),
    "striped": ("striped", "with stripes", "stripes"),
    "dotted": ("dotted", "with dots", "polka dots", "dots"),
    "checked": ("checked", "checkered", "plaid", "with checks"),
    "zigzag": ("zigzag", "with zigzags", "chevron", "zigzags"),
    "floral": ("floral", "with flowers", "flowery", "flowers"),
}
MATERIAL_WORDS = {
    "wood": ("wooden", "made of wood", "in wood"),
    "metal": ("metal", "made of metal", "steel"),
    "ceramic": ("ceramic", "porcelain", "made of ceramic"),
    "glass": ("glass", "made of glass"),
    "fabric": ("fabric", "cloth", "cotton"),
    "leather": ("leather", "in leather"),
    "paper": ("paper", "on paper"),
    "plastic": ("plastic", "made of plastic"),
    "wool": ("wool", "knitted", "woolen"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """How one version of an item is painted."""

    paints: tuple[Rgb, Rgb]
    pattern: str
    material: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """Items in several versions each, at one pose: latents float16 (N, V, C, h, w)."""

    versions: tuple[tuple[Version, ...], ...]
    pictures: NDArray[np.uint8]
    latents: torch.Tensor
    basis: PatchBasis


def prepare(num_items: int, latent_channels: int, seed: int, *, num_versions: int = NUM_VERSIONS) -> Edits:
    """All that a batch is made of."""
    rng = np.random.default_rng(seed)
    pictures = np.empty((num_items, num_versions, PAINT_PX, PAINT_PX, 3), dtype=np.uint8)
    versions = []
    for row in progress(range(num_items), label="draw versions"):
        item, pose_seed = sample_attributes(rng, tuple(DOMAINS)), int(rng.integers(2**32))
        own = DOMAINS[str(item["category"])]
        item = item | {"shape": _pick(rng, own.shapes)}
        theirs = []
        for number in range(num_versions):
            version = _version(own.materials, theirs[0] if theirs else None, rng)
            theirs.append(version)
            looks = item | {"pattern": version.pattern, "material": version.material}
            picture = draw_item(looks, size_px=PAINT_PX, paints=version.paints, rng=np.random.default_rng(pose_seed))
            pictures[row, number] = np.asarray(picture)
        versions.append(tuple(theirs))
    basis = PatchBasis(pictures[:400, 0], latent_channels)
    latents = basis.encode(pictures.reshape(-1, PAINT_PX, PAINT_PX, 3)).half()
    return Edits(
        versions=tuple(versions),
        pictures=pictures,
        latents=latents.reshape(num_items, num_versions, *latents.shape[1:]),
        basis=basis,
    )


def sample_batch(edits: Edits, recipe: PainterRecipe, rng: np.random.Generator, size: int) -> Batch:
    """One version of an item to see, another to draw, and what is told of the difference."""
    rows, latents, beside, palettes, texts = rng.integers(len(edits.versions), size=size), [], [], [], []
    for row in rows:
        before, after = rng.choice(len(edits.versions[row]), size=2, replace=rng.random() < 0.08)
        numbers, text = told(edits.versions[row][before], edits.versions[row][after], rng)
        chance = rng.random()
        if chance < recipe.drop_all:
            numbers, text = np.zeros_like(numbers), ""
        latents.append(edits.latents[row, after])
        seen = edits.latents[row, before]
        beside.append(torch.zeros_like(seen) if chance < recipe.drop_all / 2 else seen)
        palettes.append(numbers)
        texts.append(text)
    target = torch.stack(latents).float()
    return Batch(
        latents=target,
        beside=torch.stack(beside).float(),
        graded=torch.ones(size, 1, *target.shape[2:]),
        palettes=torch.from_numpy(np.stack(palettes)),
        texts=texts,
    )


def told(before: Version, after: Version, rng: np.random.Generator) -> tuple[NDArray[np.float32], str]:
    """What says how to come from one version to another: palette numbers and words."""
    palette: list[tuple[Sequence[float], float]] = []
    is_patterned = after.pattern != "plain"
    has_new_paint = before.paints[0] != after.paints[0]
    has_new_accent = is_patterned and (before.pattern == "plain" or before.paints[1] != after.paints[1])
    if has_new_paint or has_new_accent or rng.random() < 0.3:
        tells_accent = is_patterned or before.paints[1] != after.paints[1]  # buttons and laces have the accent, too
        palette = [(after.paints[0], 0.7), (after.paints[1], 0.3)] if tells_accent else [(after.paints[0], 1.0)]
    words = []
    if after.pattern != before.pattern or rng.random() < 0.2:
        words.append(_pick(rng, PATTERN_WORDS[after.pattern]))
    if after.material != before.material or rng.random() < 0.1:
        words.append(_pick(rng, MATERIAL_WORDS[after.material]))
    order = rng.permutation(len(words))
    return palette_numbers(palette), ", ".join(words[n] for n in order)


def _version(materials: Sequence[str], first: Version | None, rng: np.random.Generator) -> Version:
    """Any look, or one that differs from the first in some ways alone."""
    color, pattern, material = _any_paint(rng), _pick(rng, PATTERNS), _pick(rng, materials)
    if rng.random() < 0.3:
        pattern = "plain"
    if first is not None:
        keeps = rng.random(3) < (0.35, 0.45, 0.7)
        color = first.paints[0] if keeps[0] else color
        pattern = first.pattern if keeps[1] else pattern
        material = first.material if keeps[2] else material
        if keeps[0] and keeps[1]:
            return Version(paints=first.paints, pattern=pattern, material=material)
        if rng.random() < 0.5 and _stands_out(first.paints[1], color):
            return Version(paints=(color, first.paints[1]), pattern=pattern, material=material)
    return Version(paints=(color, _accent(color, rng)), pattern=pattern, material=material)


def _any_paint(rng: np.random.Generator) -> Rgb:
    return COLORS[_pick(rng, tuple(COLORS))].rgb if rng.random() < 0.45 else any_color(rng)


def _accent(color: Rgb, rng: np.random.Generator) -> Rgb:
    """A color that stands out on the main one."""
    named = [name for name, value in COLORS.items() if value.rgb == color]
    if named and rng.random() < 0.7:
        return COLORS[_pick(rng, accents_for(named[0]))].rgb
    for _ in range(20):
        accent = _any_paint(rng)
        if _stands_out(accent, color):
            return accent
    return (250, 249, 246) if float(to_lab(color)[0]) < 60 else (38, 38, 44)


def _stands_out(accent: Rgb, color: Rgb) -> bool:
    return float(np.linalg.norm(to_lab(accent) - to_lab(color))) >= MIN_CONTRAST


def _pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]


def known_words() -> list[str]:
    """Every word of patterns and materials that the model is told, sorted."""
    phrases = [phrase for group in (PATTERN_WORDS, MATERIAL_WORDS) for found in group.values() for phrase in found]
    return sorted({word for phrase in phrases for word in phrase.split()})


def main(out: Path, *, num_items: int = NUM_ITEMS, recipe: PainterRecipe = RECIPE, codec: CodecRecipe = CODEC) -> None:
    """Train and save genrec-tiny-edit below `out`, with the tokenizer of genrec-tiny-clip there."""
    start, folder = time.monotonic(), out / NAME
    edits = prepare(num_items, recipe.latent_channels, seed=1)
    painter = Painter(recipe, load_processor(CLIPTokenizer, out / CLIP_NAME))
    painter = train_painter(painter, partial(sample_batch, edits, recipe), recipe, label="train edits")
    pictures = edits.pictures.reshape(-1, PAINT_PX, PAINT_PX, 3)
    trained = train_codec(lambda rng, size: pictures[rng.integers(len(pictures), size=size)], edits.basis, codec)
    assemble(painter, trained, StableDiffusionInstructPix2PixPipeline, folder)
    save_card(folder, recipe, codec, (time.monotonic() - start) / 60)


def save_card(folder: Path, recipe: PainterRecipe, codec: CodecRecipe, minutes: float) -> None:
    """What the model is, and the words that it knows."""
    write_text(folder / WORDS_FILE, "\n".join(known_words()) + "\n")
    about = card(
        NAME,
        what="A StableDiffusionInstructPix2PixPipeline that changes an item's colors, pattern and material, "
        f"{PAINT_PX} x {PAINT_PX} pixels. Its palette is the main color and the accent.",
        recipe=recipe, codec=codec, minutes=minutes,
        data=f"{NUM_ITEMS:,} items of genrec's made world in {NUM_VERSIONS} versions each, at one pose.",
    )  # fmt: skip
    write_text(folder / "README.md", about)
