"""Trains genrec-tiny-clip: a transformers CLIPModel with its own byte-level BPE, from the procedural world's pictures.

Every text counts as a match for every picture it is true of (soft targets), as in UniCL (arXiv 2204.03610); heads that
name the attributes, thrown away afterwards, teach the towers where to look early on. The two held-out domains and
their words are never seen.
"""

# B pictures, T texts, D features of the shared space, F fact fields, S tokens, H, W pixels

import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import nn
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

from genrec.artifacts import write_text
from genrec.data.shop.vocabulary import BRANDS
from genrec.foundation.captions import (
    FIELDS,
    VALUES,
    corpus,
    encode_facts,
    facts_of,
    long_text,
    matches,
    prompt_bank,
    prompt_for,
    short_text,
)
from genrec.foundation.scenes import SIZE_PX, Picture, Scenes, cached_scenes
from genrec.runtime import ProgressMeter, seed_everything

log = logging.getLogger(__name__)
NAME = "genrec-tiny-clip"
MEAN = STD = 0.5
MAX_TOKENS = 112
START, END = "<|startoftext|>", "<|endoftext|>"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRecipe:
    """Everything that decides the trained weights."""

    seed: int = 1
    num_items: int = 9000
    num_rooms: int = 2
    vocabulary_size: int = 1600
    steps: int = 750
    batch_size: int = 80
    num_long_texts: int = 12
    learning_rate: float = 2e-3
    muon_rate: float = 0.02
    weight_decay: float = 0.01
    warmup_steps: int = 40
    vision_width: int = 128
    vision_layers: int = 4
    text_width: int = 128
    text_layers: int = 3
    projection: int = 128
    head_weight: float = 3.0


def train_tokenizer(texts: Sequence[str], vocabulary_size: int) -> CLIPTokenizer:
    """A byte-level BPE with CLIP's own splitting rules, learned from `texts`."""
    pattern = r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size - 2 - len(alphabet),
        end_of_word_suffix="</w>",
        initial_alphabet=alphabet,
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    learned = json.loads(learner.to_str())["model"]
    vocabulary = dict(learned["vocab"])
    for token in [*(f"{byte}</w>" for byte in alphabet), START, END]:
        vocabulary.setdefault(token, len(vocabulary))
    merges = [tuple(pair) for pair in learned["merges"]]
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_TOKENS)


def build_model(recipe: ClipRecipe, tokenizer: CLIPTokenizer) -> CLIPModel:
    """An untrained model of the recipe's size; exact gelu and plain attention are the fastest on a CPU."""
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": recipe.text_width,
        "intermediate_size": 4 * recipe.text_width,
        "num_hidden_layers": recipe.text_layers,
        "num_attention_heads": 4,
        "max_position_embeddings": MAX_TOKENS,
        "projection_dim": recipe.projection,
        "hidden_act": "gelu",
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        "hidden_size": recipe.vision_width,
        "intermediate_size": 4 * recipe.vision_width,
        "num_hidden_layers": recipe.vision_layers,
        "num_attention_heads": 4,
        "image_size": SIZE_PX,
        "patch_size": 8,
        "projection_dim": recipe.projection,
        "hidden_act": "gelu",
    }
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=recipe.projection)
    return CLIPModel._from_config(config, attn_implementation="eager")


def image_processor() -> CLIPImageProcessorPil:
    """Pictures to 64 x 64 in -1..1."""
    size = {"height": SIZE_PX, "width": SIZE_PX}
    return CLIPImageProcessorPil(
        size={"shortest_edge": SIZE_PX}, crop_size=size, image_mean=[MEAN] * 3, image_std=[STD] * 3
    )


def to_pixels(pictures: Picture) -> torch.Tensor:
    """uint8 (B, H, W, 3) to float32 (B, 3, H, W) in -1..1, as the image processor does."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div(127.5).sub(1.0)


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


def encode_texts(model: CLIPModel, tokenizer: CLIPTokenizer, texts: Sequence[str]) -> torch.Tensor:
    """Projected text vectors (T, D), not normalized."""
    tokens = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
    return model.get_text_features(**tokens).pooler_output


def encode_pixels(model: CLIPModel, pixels: torch.Tensor) -> torch.Tensor:
    """Projected picture vectors (B, D), not normalized."""
    return model.get_image_features(pixel_values=pixels).pooler_output


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


def evaluate_zero_shot(
    model: CLIPModel,
    tokenizer: CLIPTokenizer,
    scenes: Scenes,
    *,
    seed: int,
    fields: Sequence[str] = ("category", "color", "pattern", "material"),
) -> dict[str, float]:
    """Share of pictures whose attribute is the nearest prompt's, by field; `room ...`: pictures with backdrops."""
    rng = np.random.default_rng(seed)
    was_training = model.training
    model.eval()
    figures: dict[str, float] = {}
    with torch.no_grad():
        for prefix, pictures in (("", scenes.studio), ("room ", scenes.rooms[:, 0])):
            images_BD = F.normalize(torch.cat([encode_pixels(model, to_pixels(p)) for p in _chunks(pictures)]), dim=1)
            for name in fields:
                prompts = [prompt_for(name, value, rng) for value in VALUES[name]]
                prompts_KD = F.normalize(encode_texts(model, tokenizer, prompts), dim=1)
                found = (images_BD @ prompts_KD.T).argmax(dim=1)
                truth = torch.tensor([VALUES[name].index(str(item[name])) for item in scenes.items])
                figures[prefix + name] = round(float((found == truth).float().mean()), 4)
    model.train(was_training)
    return figures


def _chunks(pictures: Picture, size: int = 200) -> list[Picture]:
    return [pictures[start : start + size] for start in range(0, len(pictures), size)]


def save_clip(
    model: CLIPModel,
    tokenizer: CLIPTokenizer,
    out: Path,
    *,
    recipe: ClipRecipe,
    figures: Mapping[str, float],
    minutes: float,
) -> None:
    """Write model (fp16), tokenizer, image processor and card into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(out)
    tokenizer.save_pretrained(out)
    image_processor().save_pretrained(out)
    num_parameters = sum(p.numel() for p in model.parameters())
    model.float()
    write_text(out / "README.md", _card(recipe, figures, minutes, num_parameters))


def _card(recipe: ClipRecipe, figures: Mapping[str, float], minutes: float, num_parameters: int) -> str:
    rows = "\n".join(f"| {name} | {share:.1%} |" for name, share in figures.items())
    settings = ", ".join(f"{name} {value}" for name, value in asdict(recipe).items())
    return f"""---
license: apache-2.0
library_name: transformers
pipeline_tag: zero-shot-image-classification
---
# {NAME}

A CLIPModel of {num_parameters / 1e6:.2f} M parameters for pictures of {SIZE_PX} x {SIZE_PX}, fp16, with its own
byte-level BPE.

- **Data**: {recipe.num_items:,} items of eight domains of genrec's procedural world, each drawn in a studio and in
  {recipe.num_rooms} rooms, with texts generated from their true attributes. Umbrellas and cushions, and their words,
  were never seen.
- **Training**: seed {recipe.seed}, {recipe.steps:,} steps of {recipe.batch_size} pictures, {minutes:.0f} minutes on one
  thread of a busy CPU. Settings: {settings}.
- **License**: Apache-2.0, data and weights.
- **Make it again**: `python -m genrec.foundation clip`

Zero-shot: the share of unseen items of seen domains whose attribute is that of the nearest prompt
("a photo of a lamp", "something red", "a striped thing"); `room` pictures have a colored, patterned backdrop.

| attribute | right |
|---|---|
{rows}

Good at naming what this world holds. It knows nothing of photographs.
"""


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
