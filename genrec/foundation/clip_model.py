"""genrec-tiny-clip as a model: its recipe, tokenizer, towers, files, and how well it names what it sees.

Knows nothing of how it is trained.
"""

# B pictures, T texts, D features of the shared space, K prompts, H, W pixels

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

from genrec.artifacts import write_text
from genrec.foundation.captions import VALUES, prompt_for
from genrec.foundation.scenes import SIZE_PX, Picture, Scenes

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


def encode_texts(model: CLIPModel, tokenizer: CLIPTokenizer, texts: Sequence[str]) -> torch.Tensor:
    """Projected text vectors (T, D), not normalized."""
    tokens = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
    return model.get_text_features(**tokens).pooler_output


def encode_pixels(model: CLIPModel, pixels: torch.Tensor) -> torch.Tensor:
    """Projected picture vectors (B, D), not normalized."""
    return model.get_image_features(pixel_values=pixels).pooler_output


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
