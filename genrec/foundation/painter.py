"""Trains small latent painters: a UNet that reads pictures beside the noise, words and a palette.

genrec-tiny-scene, which paints around an item, is made so: it brings its batches; text tower, palette adapter and UNet
learn together. Velocity prediction (arXiv 2202.00512); weights are averaged as they fall.
"""

# B batch, C latent channels, X channels beside the noise, h, w latent positions, S tokens, A palette numbers

import copy
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, DDPMScheduler, DiffusionPipeline, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from genrec.artifacts import write_file
from genrec.foundation.autoencoder import CodecRecipe
from genrec.pretrained import load_processor
from genrec.runtime import ProgressMeter
from genrec.visualize.families import ADAPTER_FILE

log = logging.getLogger(__name__)
TEXT_TOKENS = 24
PALETTE_NUMBERS = 16
PAINT_PX = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class PainterRecipe:
    """Everything that decides a painter's weights, beside its batches."""

    seed: int = 5
    steps: int = 3600
    batch_size: int = 16
    learning_rate: float = 1.2e-3
    muon_rate: float = 0.01
    warmup_steps: int = 50
    ema_decay: float = 0.997
    channels: tuple[int, ...] = (32, 64, 128)
    latent_channels: int = 4
    channels_beside: int = 5
    text_width: int = 128
    text_layers: int = 2
    drop_all: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Pictures to learn.

    latents: (B, C, h, w); beside: (B, X, h, w); graded: (B, 1, h, w), what counts; palettes: (B, A).
    """

    latents: torch.Tensor
    beside: torch.Tensor
    graded: torch.Tensor
    palettes: torch.Tensor
    texts: list[str]


Batches = Callable[[np.random.Generator, int], Batch]


class Painter(nn.Module):
    """UNet with its palette adapter, and the text tower that learns with it."""

    def __init__(self, recipe: PainterRecipe, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        torch.manual_seed(recipe.seed)
        rest = len(recipe.channels) - 1
        self.unet = UNet2DConditionModel(
            sample_size=PAINT_PX // 4,
            in_channels=recipe.latent_channels + recipe.channels_beside,
            out_channels=recipe.latent_channels,
            block_out_channels=recipe.channels,
            layers_per_block=1,
            down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * rest),
            up_block_types=(*("CrossAttnUpBlock2D",) * rest, "UpBlock2D"),
            cross_attention_dim=recipe.text_width,
            attention_head_dim=4,
            norm_num_groups=8,
        )
        self.unet.set_attn_processor(AttnProcessor())  # plain attention trains twice as fast on a CPU
        add_adapter(self.unet, embedding_size=PALETTE_NUMBERS)
        self.unet.to(memory_format=torch.channels_last)
        self.tokenizer = tokenizer
        self.text = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=recipe.text_width,
                intermediate_size=4 * recipe.text_width,
                num_hidden_layers=recipe.text_layers,
                num_attention_heads=4,
                max_position_embeddings=TEXT_TOKENS,
                hidden_act="gelu",
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )

    def forward(self, noisy: torch.Tensor, times: torch.Tensor, batch: Batch) -> torch.Tensor:
        """The velocity, (B, C, h, w)."""
        tokens = self.tokenizer(
            batch.texts, padding="max_length", truncation=True, max_length=TEXT_TOKENS, return_tensors="pt"
        )
        hidden_BSD = self.text(tokens.input_ids)[0]
        seen = torch.cat([noisy, batch.beside], dim=1).contiguous(memory_format=torch.channels_last)
        conditions = {"image_embeds": [batch.palettes[:, None]]}
        found: torch.Tensor = self.unet(seen, times, hidden_BSD, added_cond_kwargs=conditions).sample
        return found


def painting_loss(painter: Painter, schedule: DDPMScheduler, batch: Batch, *, late_share: float = 0.0) -> torch.Tensor:
    """The velocity error where it is graded, with fresh noise."""
    noise = torch.randn_like(batch.latents)
    # Half of the times are even, half lean to much noise, where colors and places are decided.
    times = torch.rand(len(batch.latents))
    times = torch.where(torch.rand_like(times) < 0.5, times, times.sqrt()).mul(1000).long().clamp(max=999)
    noisy = schedule.add_noise(batch.latents, noise, times)
    velocity = schedule.get_velocity(batch.latents, noise, times)
    with torch.autocast("cpu", torch.bfloat16):
        found = painter(noisy, times, batch)
    errors = (found.float() - velocity).pow(2).mean(dim=1, keepdim=True)
    return (errors * batch.graded).sum() / batch.graded.sum()


def train_painter(
    painter: Painter, batches: Batches, recipe: PainterRecipe, *, label: str, snapshot: Path | None = None
) -> Painter:
    """Train at falling rates; returns the running average of the weights. snapshot: a file of it, as it goes."""
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    average, schedule = copy.deepcopy(painter), noise_schedule()
    matrices = _matrices(painter)
    optimizers = _optimizers(painter, matrices, learning_rate=recipe.learning_rate, muon_rate=recipe.muon_rate)
    paces = [
        torch.optim.lr_scheduler.LambdaLR(o, lambda step: _warm_then_fall(step, recipe.steps, recipe.warmup_steps))
        for o in optimizers
    ]
    meter, start, losses = ProgressMeter(label=label, total=recipe.steps), time.monotonic(), []
    for step in range(recipe.steps):
        loss = painting_loss(painter, schedule, batches(rng, recipe.batch_size))
        painter.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(painter.parameters(), 1.0)
        for weight, matrix in matrices:
            matrix.grad = None if weight.grad is None else _as_matrix(weight.grad)
        for optimizer, pace in zip(optimizers, paces, strict=True):
            optimizer.step()
            pace.step()
        _follow(average, painter, min(recipe.ema_decay, (step + 1) / (step + 10)))
        losses.append(loss.item())
        meter.advance()
        if (step + 1) % 50 == 0:
            log.info("%s step %d loss %.4f, %.0f s", label, step + 1, np.mean(losses[-50:]), time.monotonic() - start)
            if snapshot is not None and (step + 1) % 200 == 0:
                torch.save(average.state_dict(), snapshot)
    meter.close()
    return average.eval()


def latent_mask(mask: torch.Tensor, side: int) -> torch.Tensor:
    """A mask of pictures (B, 1, H, W) at the size of latents, as StableDiffusionInpaintPipeline makes it."""
    return F.interpolate(mask, size=(side, side))


# ---- how the parts learn


def _as_matrix(weight: torch.Tensor) -> torch.Tensor:
    """A weight (out, in, ...) as (out, everything else), sharing memory for linear and channels-last layers."""
    return weight if weight.ndim == 2 else weight.permute(0, 2, 3, 1).flatten(1)


def _matrices(unet: nn.Module) -> list[tuple[nn.Parameter, nn.Parameter]]:
    """The weights inside the blocks, each with a matrix that shares its memory."""
    inner = [p for name, p in unet.named_parameters() if "_block" in name and p.ndim in (2, 4)]
    return [(weight, nn.Parameter(_as_matrix(weight.detach()))) for weight in inner]


def _optimizers(
    model: nn.Module,
    matrices: Sequence[tuple[nn.Parameter, nn.Parameter]],
    *,
    learning_rate: float,
    muon_rate: float,
) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for the matrices inside the blocks, AdamW for everything else."""
    inner = {id(weight) for weight, _ in matrices}
    outer = [p for p in model.parameters() if id(p) not in inner]
    return [
        torch.optim.Muon([matrix for _, matrix in matrices], lr=muon_rate, weight_decay=0.01),
        torch.optim.AdamW(outer, lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.0),
    ]


def _warm_then_fall(step: int, steps: int, warmup_steps: int) -> float:
    return min(1.0, (step + 1) / warmup_steps) * max(0.02, 1.0 - step / steps)


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    for kept, new in zip(average.parameters(), model.parameters(), strict=True):
        kept.lerp_(new, 1.0 - decay)


def add_adapter(unet: UNet2DConditionModel, *, embedding_size: int, num_tokens: int = 4) -> None:
    """Give the UNet an untrained IP-Adapter of the standard layout, ready to train."""
    width = unet.config.cross_attention_dim
    state: dict[str, dict[str, torch.Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    state["image_proj"]["proj.weight"] = torch.randn(num_tokens * width, embedding_size) / 4
    state["image_proj"]["proj.bias"] = torch.zeros(num_tokens * width)
    state["image_proj"]["norm.weight"] = torch.ones(width)
    state["image_proj"]["norm.bias"] = torch.zeros(width)
    for number, module in _text_attentions(unet):
        size = module.to_k.weight.shape[0]
        for part in ("to_k_ip", "to_v_ip"):
            state["ip_adapter"][f"{number}.{part}.weight"] = torch.randn(size, width) / math.sqrt(width)
    unet._load_ip_adapter_weights([state], low_cpu_mem_usage=False)
    unet.requires_grad_(True)


def _text_attentions(unet: UNet2DConditionModel) -> list[tuple[int, Any]]:  # Any: diffusers layers are untyped
    """Attention layers over text with their numbers in IP-Adapter files (odd, in the order of attn_processors)."""
    names = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    return [(2 * n + 1, unet.get_submodule(name.removesuffix(".processor"))) for n, name in enumerate(names)]


def adapter_weights(unet: UNet2DConditionModel) -> dict[str, torch.Tensor]:
    """The adapter's weights under the names of IP-Adapter files."""
    projection = unet.encoder_hid_proj.image_projection_layers[0]
    weights = {
        "image_proj.proj.weight": projection.image_embeds.weight,
        "image_proj.proj.bias": projection.image_embeds.bias,
        "image_proj.norm.weight": projection.norm.weight,
        "image_proj.norm.bias": projection.norm.bias,
    }
    for number, module in _text_attentions(unet):
        weights[f"ip_adapter.{number}.to_k_ip.weight"] = module.processor.to_k_ip[0].weight
        weights[f"ip_adapter.{number}.to_v_ip.weight"] = module.processor.to_v_ip[0].weight
    return {name: tensor.detach().half().contiguous() for name, tensor in weights.items()}


def noise_schedule() -> DDPMScheduler:
    """The cosine schedule (arXiv 2102.09672) with velocity targets."""
    return DDPMScheduler(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", clip_sample=False)


# ---- as files


def assemble(painter: Painter, codec: AutoencoderKL, kind: type[DiffusionPipeline], out: Path) -> None:
    """Save the pipeline (fp16) and, beside it, the adapter in IP-Adapter's file layout."""
    adapter = adapter_weights(painter.unet)
    bare = UNet2DConditionModel.from_config({**painter.unet.config, "encoder_hid_dim_type": None})
    known = bare.state_dict().keys()
    bare.load_state_dict({name: tensor for name, tensor in painter.unet.state_dict().items() if name in known})
    pipeline = kind(
        vae=copy.deepcopy(codec).half(),
        text_encoder=copy.deepcopy(painter.text).eval().half(),
        tokenizer=load_processor(CLIPTokenizer, painter.tokenizer.name_or_path, model_max_length=TEXT_TOKENS),
        unet=bare.half(),
        scheduler=DDIMScheduler.from_config(noise_schedule().config, timestep_spacing="trailing", steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(out)
    with write_file(out / ADAPTER_FILE) as partial:
        save_file(adapter, partial)


def card(name: str, *, what: str, recipe: PainterRecipe, codec: CodecRecipe, minutes: float, data: str) -> str:
    """The model card; its head says what the adapter reads."""
    return f"""---
license: apache-2.0
library_name: diffusers
pipeline_tag: image-to-image
reads: palette
---
# {name}

{what}

`{ADAPTER_FILE}` has IP-Adapter's file layout; it reads a palette: up to four colors in CIELAB with their weights.
`known_words.txt` holds the words that it draws; others have no effect, and genrec says so.

- **Data**: {data}
- **Training**: {minutes:.0f} minutes on one thread of a busy CPU. Settings: {_told(recipe)}. Codec: {_told(codec)}.
- **License**: Apache-2.0, data and weights.
- **Make it again**: `python -m genrec.foundation {name.removeprefix("genrec-tiny-")}`
"""


def _told(recipe: PainterRecipe | CodecRecipe) -> str:
    return ", ".join(f"{name} {value}" for name, value in asdict(recipe).items())
