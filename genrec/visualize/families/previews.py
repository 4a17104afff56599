"""Small pictures of what a drawing will be, from its latents by a linear map that is fitted to the codec once.

A decoder costs as much as a step or two; a linear map costs nothing and shows colors and places, which is what can be
known halfway. Knows codecs as functions; knows no pipeline.
"""

# B pictures, C channels, h, w positions of the latents, n all positions

import functools
from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch.nn import functional as F

Encode = Callable[[torch.Tensor], torch.Tensor]  # pixels (B, 3, H, W) in -1..1 to latents (B, C, h, w)
_SIDE, _TILE, _NUM_MOSAICS = 16, 4, 4  # in positions of the latents: enough equations for the widest codecs
_RIDGE = 1e-3


class LatentPreview:
    """A linear map from latents to RGB."""

    def __init__(self, weights_C3: torch.Tensor, bias_3: torch.Tensor) -> None:
        self._weights_C3, self._bias_3 = weights_C3, bias_3

    def show(self, latents_Chw: torch.Tensor) -> Image.Image:
        """The picture that latents stand for, one pixel a position."""
        flat = torch.einsum("chw,cr->hwr", latents_Chw.detach().float().cpu(), self._weights_C3) + self._bias_3
        pixels = ((flat.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        return Image.fromarray(pixels.numpy(), mode="RGB")


@torch.no_grad()
def fit_preview(encode: Encode, *, factor: int) -> LatentPreview:
    """Fit the map to mosaics of plain colors. factor: pixels a position of the latents, in each direction."""
    generator = torch.Generator().manual_seed(0)
    tiles = torch.rand(_NUM_MOSAICS, 3, _SIDE // _TILE, _SIDE // _TILE, generator=generator) * 2 - 1
    pixels = F.interpolate(tiles, scale_factor=float(_TILE * factor), mode="nearest")
    colors_n3 = F.interpolate(tiles, scale_factor=float(_TILE), mode="nearest").permute(0, 2, 3, 1).flatten(0, 2)
    latents_nC = encode(pixels).float().cpu().permute(0, 2, 3, 1).flatten(0, 2)
    mean_C, mean_3 = latents_nC.mean(dim=0), colors_n3.mean(dim=0)
    centered = latents_nC - mean_C
    gram = centered.T @ centered / len(centered)
    gram += _RIDGE * gram.diagonal().mean() * torch.eye(len(gram))
    weights_C3 = torch.linalg.solve(gram, centered.T @ (colors_n3 - mean_3) / len(centered))
    return LatentPreview(weights_C3, mean_3 - mean_C @ weights_C3)


def watch(scheduler: Any) -> Callable[[], torch.Tensor | None]:  # Any: diffusers' schedulers are untyped
    """From now on, keep what each step takes the finished latents for, where its scheduler says so.

    scheduler: one of a single drawing. Returns what tells the last of them; None where the scheduler does not say.
    """
    plain, seen = scheduler.step, {}

    @functools.wraps(plain)  # pipelines look up what a step takes
    def step(model_output: torch.Tensor, timestep: Any, sample: torch.Tensor, *rest: Any, **options: Any) -> Any:
        result = plain(model_output, timestep, sample, *rest, **options)
        if isinstance(result, tuple) and len(result) > 1:
            seen["clean"] = result[1]
        elif "use_dynamic_shifting" in scheduler.config:  # flow matching, which predicts noise minus picture
            seen["clean"] = sample - scheduler.sigmas[scheduler.step_index - 1].to(sample.device) * model_output
        return result

    scheduler.step = step
    return lambda: seen.get("clean")
