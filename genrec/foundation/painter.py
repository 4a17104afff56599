"""Trains small latent painters: a UNet that reads pictures beside the noise, words and a palette.

Both tiny models that paint at 128 x 128 are made so: genrec-tiny-scene (paints around an item) and genrec-tiny-edit
(changes one). Each brings its own batches; text tower, palette adapter and UNet learn together. Velocity prediction
(arXiv 2202.00512); weights are averaged as they fall.
"""

# B batch, C latent channels, X channels beside the noise, h, w latent positions, S tokens, A palette numbers

import copy
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import nn
from torch.nn import functional as F
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from genrec.foundation.diffusion import as_matrix, follow, matrices_of, optimizers_of, warm_then_fall
from genrec.foundation.drawer import add_adapter, noise_schedule
from genrec.runtime import ProgressMeter

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
    """Pictures to learn. latents: (B, C, h, w); beside: (B, X, h, w); graded: (B, 1, h, w), what counts; palettes: (B, A)."""

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


def painting_loss(painter: Painter, schedule: DDPMScheduler, batch: Batch) -> torch.Tensor:
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
    matrices = matrices_of(painter)
    optimizers = optimizers_of(painter, matrices, learning_rate=recipe.learning_rate, muon_rate=recipe.muon_rate)
    paces = [
        torch.optim.lr_scheduler.LambdaLR(o, lambda step: warm_then_fall(step, recipe.steps, recipe.warmup_steps))
        for o in optimizers
    ]
    meter, start, losses = ProgressMeter(label=label, total=recipe.steps), time.monotonic(), []
    for step in range(recipe.steps):
        loss = painting_loss(painter, schedule, batches(rng, recipe.batch_size))
        painter.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(painter.parameters(), 1.0)
        for weight, matrix in matrices:
            matrix.grad = None if weight.grad is None else as_matrix(weight.grad)
        for optimizer, pace in zip(optimizers, paces, strict=True):
            optimizer.step()
            pace.step()
        follow(average, painter, min(recipe.ema_decay, (step + 1) / (step + 10)))
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
