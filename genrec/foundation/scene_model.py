"""Trains genrec-tiny-scene: a StableDiffusionInpaintPipeline that paints a place around whatever stands in it.

What stands there is told by its mask and pixels alone, so any catalog's item will do; the place follows words and a
palette. The same model fills gaps in a picture of a place.
"""

# N places, B batch, C latent channels, h, w latent positions, H, W pixels

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionInpaintPipeline
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from transformers import CLIPTokenizer

from genrec.artifacts import write_text
from genrec.foundation.autoencoder import CodecRecipe, PatchBasis, train_codec
from genrec.foundation.clip_model import NAME as CLIP_NAME
from genrec.foundation.painter import (
    PAINT_PX,
    Batch,
    Painter,
    PainterRecipe,
    assemble,
    card,
    latent_mask,
    train_painter,
)
from genrec.foundation.places import PlaceCase, palette_numbers, sample_case
from genrec.pretrained import load_processor
from genrec.runtime import progress
from genrec.shop.drawing import Pose, draw_item
from genrec.shop.shapes import build_parts
from genrec.shop.vocabulary import DOMAINS, sample_attributes
from genrec.visualize.places.rooms import draw_place
from genrec.visualize.places.words import known_words
from genrec.visualize.vocabulary import WORDS_FILE

NAME = "genrec-tiny-scene"
NUM_PLACES, NUM_THINGS = 10_000, 400
RECIPE = PainterRecipe(seed=5, steps=2950, latent_channels=4, channels_beside=5)
CODEC = CodecRecipe(steps=1000, batch_size=8, latent_channels=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """Something that stands or hangs in a place: its pixels uint8 (H, W, 3) and its coverage, cut to its box."""

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    is_flat: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Pictures of places and what they are called: uint8 (N, H, W, 3), latents float16 (N, C, h, w)."""

    cases: tuple[PlaceCase, ...]
    pictures: NDArray[np.uint8]
    latents: torch.Tensor
    palettes: torch.Tensor
    things: tuple[Thing, ...]
    basis: PatchBasis


def draw_places(num_places: int, seed: int) -> tuple[tuple[PlaceCase, ...], NDArray[np.uint8]]:
    """Places with their words, and their pictures."""
    rng = np.random.default_rng(seed)
    cases = tuple(sample_case(rng) for _ in range(num_places))
    return cases, np.stack([draw_place(case.place, PAINT_PX) for case in progress(cases, label="draw places")])


def draw_things(num_things: int, seed: int) -> tuple[Thing, ...]:
    """Things of the shop by their outlines, and pictures, garments, people as rough shapes filled with anything."""
    rng = np.random.default_rng(seed)
    return tuple(_thing(rng) for _ in progress(range(num_things), label="draw things"))


def prepare(num_places: int, latent_channels: int, seed: int, *, num_things: int = NUM_THINGS) -> Places:
    """All that a batch is made of."""
    cases, pictures = draw_places(num_places, seed)
    basis = PatchBasis(pictures[:400], latent_channels)
    latents = basis.encode(pictures).half()
    palettes = torch.from_numpy(np.stack([palette_numbers(case.palette) for case in cases]))
    return Places(
        cases=cases,
        pictures=pictures,
        latents=latents,
        palettes=palettes,
        things=draw_things(num_things, seed),
        basis=basis,
    )


def sample_batch(places: Places, recipe: PainterRecipe, rng: np.random.Generator, size: int) -> Batch:
    """Places with a thing in them, or with a gap, and what is told of each."""
    rows = rng.integers(len(places.cases), size=size)
    known, masks, palettes, texts = [], [], [], []
    for row in rows:
        case = places.cases[row]
        if rng.random() < 0.2:
            mask = _gap(rng)
            pixels = places.pictures[row]
        else:
            pixels, mask = _standing(case, places.things[int(rng.integers(len(places.things)))], rng)
        told = rng.random() >= recipe.drop_all
        known.append(np.where(mask[..., None] > 127, np.uint8(128), pixels))
        masks.append(mask)
        palettes.append(places.palettes[row] * told)
        texts.append(case.caption if told else "")
    mask_B1HW = torch.from_numpy(np.stack(masks)[:, None] > 127).float()
    beside = places.basis.encode(np.stack(known))
    graded = latent_mask(mask_B1HW, beside.shape[-1])
    return Batch(
        latents=places.latents[torch.from_numpy(rows)].float(),
        beside=torch.cat([graded, beside], dim=1),
        graded=graded + 0.02,
        palettes=torch.stack(palettes),
        texts=texts,
    )


def _standing(case: PlaceCase, thing: Thing, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The place's size of canvas with a thing on it, and what is to be painted: all around."""
    size, horizon = PAINT_PX, case.place.horizon
    is_hung = not case.place.is_outdoors and horizon > 0.8
    high = rng.uniform(0.3, 0.72) * size
    scale = high / thing.alpha.shape[0]
    wide = thing.alpha.shape[1] * scale
    if wide > 0.84 * size:
        scale *= 0.84 * size / wide
    shape = (max(2, round(thing.alpha.shape[1] * scale)), max(2, round(thing.alpha.shape[0] * scale)))
    left = round(size / 2 - shape[0] / 2 + rng.normal(0, 0.06) * size)
    if is_hung:
        top = round(rng.uniform(0.05, 0.25) * size)
    else:
        base = rng.uniform(horizon + 0.06, 0.97) * size
        top = round(base - shape[1])
    canvas = Image.new("RGB", (size, size), (128, 128, 128))
    alpha = Image.fromarray(thing.alpha).resize(shape, Image.Resampling.BILINEAR)
    canvas.paste(Image.fromarray(thing.pixels).resize(shape, Image.Resampling.BILINEAR), (left, top), alpha)
    painted = Image.new("L", (size, size), 255)
    painted.paste(0, (left, top), alpha.point(lambda value: 255 if value > 127 else 0))
    return np.asarray(canvas), np.asarray(painted)


def _gap(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A box or a ring to be filled in an otherwise known picture."""
    mask = Image.new("L", (PAINT_PX, PAINT_PX), 0)
    pen = ImageDraw.Draw(mask)
    wide, high = rng.uniform(0.2, 0.8, 2) * PAINT_PX
    left, top = rng.uniform(0, PAINT_PX - wide), rng.uniform(0, PAINT_PX - high)
    pen.rectangle((left, top, left + wide, top + high), fill=255)
    if rng.random() < 0.5:
        rim = rng.uniform(4, 12)
        pen.rectangle((left + rim, top + rim, left + wide - rim, top + high - rim), fill=0)
    return np.asarray(mask)


def _thing(rng: np.random.Generator) -> Thing:
    kind = rng.random()
    attributes = sample_attributes(rng, tuple(DOMAINS))
    picture = draw_item(attributes, size_px=PAINT_PX, rng=np.random.default_rng(pose_seed := int(rng.integers(2**32))))
    mask = Image.new("L", picture.size, 0)
    pen = ImageDraw.Draw(mask)
    if kind < 0.5:
        pose = Pose.sample(np.random.default_rng(pose_seed), mirrors=False)
        for part in build_parts(str(attributes["category"]), str(attributes["shape"])):
            points = ((pose.place(part.points_P2) + 1) * PAINT_PX / 2).ravel().tolist()
            if part.width is None:
                pen.polygon(points, fill=255)
            else:
                pen.line(points, fill=255, width=max(2, round(part.width * PAINT_PX / 2)))
        is_flat = False
    elif kind < 0.75:  # a poster, a cover, a photograph
        inset = rng.uniform(0, 0.3, 2) * PAINT_PX
        pen.rectangle((inset[0], inset[1], PAINT_PX - inset[0] - 1, PAINT_PX - inset[1] - 1), fill=255)
        is_flat = True
    else:  # a garment or another soft outline
        middle, half = PAINT_PX / 2, rng.uniform(0.12, 0.4) * PAINT_PX
        right = [
            (middle + half * rng.uniform(0.4, 1.2), y) for y in np.linspace(4, PAINT_PX - 4, int(rng.integers(4, 9)))
        ]
        left = [(2 * middle - x + rng.normal(0, 3), y) for x, y in reversed(right)]
        pen.polygon([*right, *left], fill=255)
        is_flat = False
    pixels = np.asarray(picture)
    if rng.random() < 0.4:  # anything at all may stand there
        tint = rng.uniform(0, 255, 3)
        pixels = np.clip(pixels * rng.uniform(0.2, 0.8) + tint * 0.4 + rng.normal(0, 12, pixels.shape), 0, 255).astype(
            np.uint8
        )
    box = mask.getbbox() or (0, 0, PAINT_PX, PAINT_PX)
    left_px, top_px, right_px, low_px = box
    return Thing(pixels=pixels[top_px:low_px, left_px:right_px], alpha=np.asarray(mask.crop(box)), is_flat=is_flat)


def sample_pictures(places: Places, rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """Pictures for the codec: places, and gray canvases with a part of one, as inpainting shows them."""
    shown = places.pictures[rng.integers(len(places.pictures), size=size)].copy()
    for picture in shown:
        if rng.random() < 0.25:
            (top, low), (left, right) = np.sort(rng.integers(0, PAINT_PX, (2, 2)), axis=1)
            kept = picture[top:low, left:right].copy()
            picture[:] = 128
            picture[top:low, left:right] = kept
    return shown


def main(
    out: Path, *, num_places: int = NUM_PLACES, recipe: PainterRecipe = RECIPE, codec: CodecRecipe = CODEC
) -> None:
    """Train and save genrec-tiny-scene below `out`, with the tokenizer of genrec-tiny-clip there."""
    start, folder = time.monotonic(), out / NAME
    places = prepare(num_places, recipe.latent_channels, seed=1)
    painter = Painter(recipe, load_processor(CLIPTokenizer, out / CLIP_NAME))
    painter = train_painter(painter, partial(sample_batch, places, recipe), recipe, label="train scenes")
    trained = train_codec(partial(sample_pictures, places), places.basis, codec)
    assemble(painter, trained, StableDiffusionInpaintPipeline, folder)
    save_card(folder, recipe, codec, (time.monotonic() - start) / 60)


def save_card(folder: Path, recipe: PainterRecipe, codec: CodecRecipe, minutes: float) -> None:
    """What the model is, and the words that it knows."""
    write_text(folder / WORDS_FILE, "\n".join(known_words()) + "\n")
    about = card(
        NAME,
        what=f"A StableDiffusionInpaintPipeline that paints a place around an item, {PAINT_PX} x {PAINT_PX} pixels.",
        recipe=recipe, codec=codec, minutes=minutes,
        data=f"{NUM_PLACES:,} rooms, tables, shelves and places outdoors of genrec's made world, with {NUM_THINGS} "
        "outlines standing or hanging in them.",
    )  # fmt: skip
    write_text(folder / "README.md", about)
