"""Trains genrec-tiny-clip: a transformers CLIPModel with its own byte-level BPE, from the procedural world's pictures.

Every text counts as a match for every picture it is true of (soft targets), as in UniCL (arXiv 2204.03610); heads that
name the attributes, thrown away afterwards, teach the towers where to look early on. The two held-out domains and
their words are never seen.
"""

# B pictures, T texts, D features of the shared space, F fact fields, S tokens, H, W pixels

import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import CLIPModel, CLIPTokenizer

from genrec.foundation.captions import (
    FIELDS,
    VALUES,
    corpus,
    encode_facts,
    facts_of,
    long_text,
    matches,
    prompt_bank,
    short_text,
)
from genrec.foundation.clip_model import (
    NAME,
    ClipRecipe,
    build_model,
    encode_pixels,
    encode_texts,
    evaluate_zero_shot,
    save_clip,
    to_pixels,
    train_tokenizer,
)
from genrec.foundation.scenes import Scenes, cached_scenes
from genrec.runtime import ProgressMeter, seed_everything
from genrec.shop.vocabulary import BRANDS

log = logging.getLogger(__name__)


def disturb(pixels: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Shift, blur, dim and add noise, so that drawings and photographs that are not quite ours are judged well."""
    batch, _, height, _ = pixels.shape
    reach = 3
    padded = F.pad(pixels, (reach,) * 4, mode="replicate")
    chunks = []
    for part in padded.tensor_split(8):
        dy, dx = rng.integers(0, 2 * reach + 1, size=2)
        chunks.append(part[:, :, dy : dy + height, dx : dx + height])
    shifted = torch.cat(chunks)
    if rng.random() < 0.3:
        small = F.interpolate(shifted, scale_factor=float(rng.uniform(0.5, 0.9)), mode="area")
        shifted = F.interpolate(small, size=(height, height), mode="bilinear", align_corners=False)
    gain = torch.from_numpy(rng.uniform(0.9, 1.1, size=(batch, 1, 1, 1)).astype(np.float32))
    noise = torch.from_numpy(rng.uniform(0.0, 0.12, size=(batch, 1, 1, 1)).astype(np.float32))
    noise = noise * (noise > 0.04)
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    return (shifted * gain + noise * torch.randn(pixels.shape, generator=generator)).clamp(-1, 1)


class Heads(nn.Module):
    """Names attributes from both towers' vectors; for training alone."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.looks = nn.ModuleDict({name: nn.Linear(width, len(VALUES[name])) for name in FIELDS})
        self.brand = nn.Linear(width, len(BRANDS))
        self.price = nn.Linear(width, 1)

    def image_loss(self, vectors_BD: torch.Tensor, facts_BF: torch.Tensor, leans_B: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy over the fields; style only where it shaped the look."""
        losses = []
        for column, name in enumerate(FIELDS):
            loss = F.cross_entropy(self.looks[name](vectors_BD), facts_BF[:, column], reduction="none")
            if name == "style":
                loss = loss * leans_B * 0.5
            losses.append(loss.mean())
        return torch.stack(losses).mean()

    def text_loss(
        self, vectors_TD: torch.Tensor, claims_TF: torch.Tensor, brands_T: torch.Tensor, prices_T: torch.Tensor
    ) -> torch.Tensor:
        """What the text says of looks, maker and price; -1 and NaN mean nothing is said."""
        losses = [
            F.cross_entropy(self.looks[name](vectors_TD), claims_TF[:, column], ignore_index=-1)
            for column, name in enumerate(FIELDS)
            if bool((claims_TF[:, column] >= 0).any())
        ]
        total = torch.stack(losses).mean()
        if bool((brands_T >= 0).any()):
            total = total + 0.15 * F.cross_entropy(self.brand(vectors_TD), brands_T, ignore_index=-1)
        priced = ~prices_T.isnan()
        if bool(priced.any()):
            total = total + 0.1 * F.mse_loss(self.price(vectors_TD)[priced, 0], prices_T[priced])
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Pictures and texts of one step, with what each shows and says."""

    pixels: torch.Tensor
    facts_BF: torch.Tensor
    leans_B: torch.Tensor
    texts: list[str]
    claims_TF: torch.Tensor
    brands_T: torch.Tensor
    prices_T: torch.Tensor
    is_match_TB: torch.Tensor


def sample_batch(scenes: Scenes, recipe: ClipRecipe, rng: np.random.Generator) -> Batch:
    """Half the pictures in the studio, half in rooms; a text about each, prompts for every value, some long texts."""
    rows = rng.integers(len(scenes), size=recipe.batch_size)
    rooms = rng.integers(-recipe.num_rooms, recipe.num_rooms, size=recipe.batch_size)
    pictures = np.stack([scenes.studio[n] if r < 0 else scenes.rooms[n, r] for n, r in zip(rows, rooms, strict=True)])
    walls = [None if r < 0 else scenes.backdrops[n][r] for n, r in zip(rows, rooms, strict=True)]
    facts = encode_facts([facts_of(scenes.items[n], wall) for n, wall in zip(rows, walls, strict=True)])
    said = [
        short_text(scenes.items[n], wall, rng, says_style=bool(scenes.leans[n]))
        for n, wall in list(zip(rows, walls, strict=True))[::2]
    ]
    said += prompt_bank(rng)
    told = rows[: recipe.num_long_texts]
    said += [long_text(scenes.items[n], rng) for n in told]
    claims = encode_facts([s.claims for s in said])
    brands = np.full(len(said), -1)
    prices = np.full(len(said), np.nan, dtype=np.float32)
    for place, n in enumerate(told, start=len(said) - len(told)):
        item, text = scenes.items[n], said[place].text
        if str(item["brand"]).lower() in text.lower():
            brands[place] = list(BRANDS).index(str(item["brand"]))
        if "price" in text:
            prices[place] = math.log(float(item["price"]) / 40.0)
    return Batch(
        pixels=disturb(to_pixels(pictures), rng),
        facts_BF=torch.from_numpy(facts),
        leans_B=torch.from_numpy(scenes.leans[rows]).float(),
        texts=[s.text for s in said],
        claims_TF=torch.from_numpy(claims),
        brands_T=torch.from_numpy(brands),
        prices_T=torch.from_numpy(prices),
        is_match_TB=torch.from_numpy(matches(claims, facts)),
    )


def contrast(
    images_BD: torch.Tensor, texts_TD: torch.Tensor, is_match_TB: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """Soft-target cross-entropy both ways: mass spread evenly over everything that is true."""
    logits_TB = scale * F.normalize(texts_TD, dim=1) @ F.normalize(images_BD, dim=1).T
    targets_TB = is_match_TB.float()
    said = targets_TB.sum(dim=1) > 0
    to_images = targets_TB[said] / targets_TB[said].sum(dim=1, keepdim=True)
    to_texts = targets_TB / targets_TB.sum(dim=0, keepdim=True)
    image_loss = -(to_images * logits_TB[said].log_softmax(dim=1)).sum(dim=1).mean()
    text_loss = -(to_texts * logits_TB.log_softmax(dim=0)).sum(dim=0).mean()
    return (image_loss + text_loss) / 2


def train_clip(
    recipe: ClipRecipe, scenes: Scenes, unseen: Scenes, snapshots: Path | None = None
) -> tuple[CLIPModel, CLIPTokenizer]:
    """Train from scratch; logs the zero-shot figures on `unseen` on the way."""
    seed_everything(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    tokenizer = train_tokenizer(corpus(scenes.items[:3000], recipe.seed), recipe.vocabulary_size)
    model = build_model(recipe, tokenizer)
    heads = Heads(recipe.projection)
    parameters = [*model.parameters(), *heads.parameters()]
    optimizers = _optimizers(model, heads, recipe)
    paces = [torch.optim.lr_scheduler.LambdaLR(o, lambda step: _warm_then_cosine(step, recipe)) for o in optimizers]
    meter, start = ProgressMeter(label="train clip", total=recipe.steps), time.monotonic()
    for step in range(recipe.steps):
        loss = _step_loss(model, heads, tokenizer, sample_batch(scenes, recipe, rng), recipe)
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimizer, pace in zip(optimizers, paces, strict=True):
            optimizer.step()
            pace.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0.0, math.log(50.0))
        meter.advance()
        if (step + 1) % 100 == 0:
            figures = evaluate_zero_shot(model, tokenizer, unseen, seed=recipe.seed)
            spent = time.monotonic() - start
            shown = " ".join(f"{k} {v:.3f}" for k, v in figures.items())
            log.info("step %d loss %.3f %.0f s: %s", step + 1, loss.item(), spent, shown)
            if snapshots is not None:
                torch.save(model.state_dict(), snapshots / "clip.pt")
    meter.close()
    return model.eval(), tokenizer


def _optimizers(model: CLIPModel, heads: Heads, recipe: ClipRecipe) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for the matrices inside the layers, AdamW for everything else."""
    named = dict(model.named_parameters())
    inner = [p for name, p in named.items() if p.ndim == 2 and ".layers." in name]
    outer = [p for name, p in named.items() if not (p.ndim == 2 and ".layers." in name)]
    return [
        torch.optim.Muon(inner, lr=recipe.muon_rate, weight_decay=recipe.weight_decay),
        torch.optim.AdamW([*outer, *heads.parameters()], lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def _warm_then_cosine(step: int, recipe: ClipRecipe) -> float:
    warm = min(1.0, (step + 1) / recipe.warmup_steps)
    return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / recipe.steps))))


def _step_loss(
    model: CLIPModel, heads: Heads, tokenizer: CLIPTokenizer, batch: Batch, recipe: ClipRecipe
) -> torch.Tensor:
    order = sorted(range(len(batch.texts)), key=lambda row: len(batch.texts[row]))
    back = torch.tensor(order).argsort()
    with torch.autocast("cpu", torch.bfloat16):
        images = encode_pixels(model, batch.pixels)
        parts = [order[: 2 * len(order) // 3], order[2 * len(order) // 3 : -recipe.num_long_texts // 2]]
        parts.append(order[-recipe.num_long_texts // 2 :])  # texts of like length together: less padding
        texts = [encode_texts(model, tokenizer, [batch.texts[row] for row in part]) for part in parts]
    images_BD, texts_TD = images.float(), torch.cat(texts).float()[back]
    loss = contrast(images_BD, texts_TD, batch.is_match_TB, model.logit_scale.exp())
    looks = heads.image_loss(images_BD, batch.facts_BF, batch.leans_B)
    words = heads.text_loss(texts_TD, batch.claims_TF, batch.brands_T, batch.prices_T)
    return loss + recipe.head_weight * (looks + words)


def main(out: Path, *, recipe: ClipRecipe | None = None, scratch: Path | None = None) -> dict[str, float]:
    """Draw the pictures, train, measure and save genrec-tiny-clip below `out`; returns the figures."""
    recipe = recipe or ClipRecipe()
    start = time.monotonic()
    scenes = cached_scenes(scratch, num_items=recipe.num_items, num_rooms=recipe.num_rooms, seed=recipe.seed)
    unseen = cached_scenes(scratch, num_items=600, num_rooms=1, seed=99)
    model, tokenizer = train_clip(recipe, scenes, unseen, scratch)
    figures = evaluate_zero_shot(model.half().float(), tokenizer, unseen, seed=99)
    minutes = (time.monotonic() - start) / 60
    save_clip(model, tokenizer, out / NAME, recipe=recipe, figures=figures, minutes=minutes)
    return figures
