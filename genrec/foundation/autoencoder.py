"""Makes the picture codec of the tiny painter: diffusers' AutoencoderKL, to a quarter of the side.

Its latents are fixed before any training: the leading principal components of 4 x 4 patches, loud ones softened. So the
UNet can learn to draw while encoder and decoder still learn to make the components and to turn them into sharp
pictures. Pixels and their differences between neighbors are compared, so that edges stay sharp.
"""

# B pictures, H, W pixels, C latent channels, h, w latent positions, P patches, E = 48 entries of a patch

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import nn
from torch.nn import functional as F

from genrec.foundation.clip_model import to_pixels
from genrec.foundation.scenes import Picture
from genrec.runtime import ProgressMeter

Sample = Callable[[np.random.Generator, int], Picture]  # some pictures, uint8 (B, H, W, 3)
log = logging.getLogger(__name__)
PATCH_PX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecRecipe:
    """Everything that decides the codec's weights, beside the pictures."""

    seed: int = 2
    steps: int = 1400
    batch_size: int = 16
    learning_rate: float = 2e-3
    noise: float = 0.06  # added to latents in training, so that generated ones are decoded well
    edge_weight: float = 1.0
    channels: tuple[int, ...] = (16, 32, 64)
    latent_channels: int = 16
    size_px: int = 128


class PatchBasis:
    """The latent space: principal components of 4 x 4 patches, each scaled by its spread to the power of -1/2.

    weight: float32 (C, 3, 4, 4); bias: float32 (C,). Latents have zero mean and unit variance over all channels.
    """

    def __init__(self, pictures: Picture, latent_channels: int) -> None:
        patches = F.unfold(to_pixels(pictures), PATCH_PX, stride=PATCH_PX).transpose(1, 2).flatten(0, 1)
        mean_E = patches.mean(dim=0)
        values, vectors = torch.linalg.eigh((patches - mean_E).T @ (patches - mean_E) / len(patches))
        spread_C = values.flip(0)[:latent_channels].sqrt()
        axes_CE = vectors.flip(1)[:, :latent_channels].T / spread_C.sqrt()[:, None]
        axes_CE = axes_CE / spread_C.mean().sqrt()
        self.weight = axes_CE.reshape(latent_channels, 3, PATCH_PX, PATCH_PX).contiguous()
        self.bias = -(axes_CE @ mean_E)

    def encode(self, pictures: Picture) -> torch.Tensor:
        """Latents float32 (B, C, h, w)."""
        parts = [F.conv2d(to_pixels(part), self.weight, self.bias, stride=PATCH_PX) for part in _chunks(pictures)]
        return torch.cat(parts)


def train_codec(sample: Sample, basis: PatchBasis, recipe: CodecRecipe) -> AutoencoderKL:
    """Train encoder and decoder for the given latents."""
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    codec = build_codec(recipe)
    optimizer = torch.optim.AdamW(codec.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=1e-3)
    pace = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=recipe.learning_rate, total_steps=recipe.steps, pct_start=0.05
    )
    meter, start = ProgressMeter(label="train codec", total=recipe.steps), time.monotonic()
    errors = []
    for step in range(recipe.steps):
        loss, error = _loss(codec, basis, sample(rng, recipe.batch_size), recipe)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(codec.parameters(), 1.0)
        optimizer.step()
        pace.step()
        errors.append(error)
        meter.advance()
        if (step + 1) % 50 == 0:
            spent = time.monotonic() - start
            log.info("codec step %d: mean error %.4f of 2, %.0f s", step + 1, np.mean(errors[-50:]), spent)
    meter.close()
    return codec.eval()


def build_codec(recipe: CodecRecipe) -> AutoencoderKL:
    """An untrained codec of the recipe's size whose latents hardly vary around their mean."""
    depth = len(recipe.channels)
    codec = AutoencoderKL(
        block_out_channels=recipe.channels,
        down_block_types=("DownEncoderBlock2D",) * depth,
        up_block_types=("UpDecoderBlock2D",) * depth,
        layers_per_block=1,
        latent_channels=recipe.latent_channels,
        norm_num_groups=8,
        sample_size=recipe.size_px,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )
    with torch.no_grad():
        codec.quant_conv.weight[recipe.latent_channels :] = 0.0
        codec.quant_conv.bias[recipe.latent_channels :] = -8.0
    return codec.to(memory_format=torch.channels_last)


def _loss(
    codec: AutoencoderKL, basis: PatchBasis, pictures: Picture, recipe: CodecRecipe
) -> tuple[torch.Tensor, float]:
    pixels = to_pixels(pictures).contiguous(memory_format=torch.channels_last)
    latents = basis.encode(pictures)
    noisy = latents + recipe.noise * torch.rand(len(latents), 1, 1, 1) * torch.randn_like(latents)
    with torch.autocast("cpu", torch.bfloat16):
        encoded = codec.encode(pixels).latent_dist.mean.float()
        drawn = codec.decode(noisy.contiguous(memory_format=torch.channels_last)).sample.float()
    error = (drawn - pixels).abs().mean()
    across = (drawn.diff(dim=3) - pixels.diff(dim=3)).abs().mean()
    down = (drawn.diff(dim=2) - pixels.diff(dim=2)).abs().mean()
    missed = (encoded - latents).abs().mean()
    return error + recipe.edge_weight * (across + down) + missed, float(error.detach())


def _chunks(pictures: Picture, size: int = 256) -> list[Picture]:
    return [pictures[start : start + size] for start in range(0, len(pictures), size)]
