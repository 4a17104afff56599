"""FLUX.2 klein: the item's picture and liked ones are references that the words speak of."""

from typing import Any

import torch
from PIL import Image, ImageOps

from genrec.config import VisualizeConfig
from genrec.prompting import render
from genrec.visualize.families.driving import Driver, check_mask, model_size
from genrec.visualize.families.order import DrawingOrder, StepHook

_LARGEST_PX = 1024
_RELEASED_LAYERS, _RELEASED_DEPTH = (9, 18, 27), 36  # whose states of its language model are read


class FluxKlein:
    """What both ways to draw have in common; they may share a driver."""

    def __init__(self, driver: Driver, config: VisualizeConfig) -> None:
        self._driver, self._config, self.num_steps = driver, config, config.steps
        pipeline = driver.pipeline
        self._multiple = 2 * int(pipeline.vae_scale_factor)
        self.size_px = min(_LARGEST_PX, int(pipeline.default_sample_size * pipeline.vae_scale_factor))
        depth = int(pipeline.text_encoder.config.num_hidden_layers)
        self._text_layers: tuple[int, ...] = _RELEASED_LAYERS
        if depth < max(_RELEASED_LAYERS):  # a smaller text encoder than the released one
            self._text_layers = tuple(max(1, round(layer * depth / _RELEASED_DEPTH)) for layer in _RELEASED_LAYERS)

    def _instruction(self, template: str, order: DrawingOrder, words: str) -> str:
        """Words of an instruction; what is unwanted is said, since nothing else tells this model."""
        words = ", ".join(filter(None, (words, order.unwanted and f"without {order.unwanted}")))
        values = {"title": order.title, "words": words, "taste_words": order.taste_words}
        return str(render(template, num_liked=len(self._liked(order)), **values)).strip()

    def _liked(self, order: DrawingOrder) -> list[Image.Image]:
        """Pictures that carry the taste; none where it has no strength, since references cannot be weighed."""
        return list(order.liked_pictures) if order.strength > 0 else []

    def _options(self, order: DrawingOrder, size: tuple[int, int]) -> dict[str, Any]:  # Any: keyword arguments
        return {
            "size": size,
            "width": size[0],
            "height": size[1],
            "num_inference_steps": self.num_steps,
            "guidance_scale": self._config.guidance,
            "seed": order.seed,
            "text_encoder_out_layers": self._text_layers,
        }


class FluxVariation(FluxKlein):
    """Draws the item from noise, beside its picture and those of liked items."""

    def prompt(self, order: DrawingOrder) -> str:
        """An instruction: what to keep of the first picture and what to take from the others."""
        words = order.words or ("in the room in the last picture" if order.photo is not None else "")
        return self._instruction("visualize_reference", order, words)

    def draw(self, order: DrawingOrder, on_step: StepHook) -> Image.Image:
        """Draw from noise beside the reference pictures."""
        own = [order.item_picture] if order.item_picture is not None else []
        shown = [*own, *self._liked(order), *([order.photo] if order.photo is not None else [])]
        size = (self.size_px, self.size_px)
        options = self._options(order, size) | {"prompt": self.prompt(order)}
        return self._driver.run(on_step, image=_fitted(shown, size), **options)


class FluxScene(FluxKlein):
    """Paints what surrounds an item, or a part of a photo: the picture and those of liked items are references."""

    def prompt(self, order: DrawingOrder) -> str:
        """An instruction: what stays of the first picture, and what is painted around it."""
        return self._instruction("visualize_scene_reference", order, order.words)

    def paint(self, picture: Image.Image, mask: Image.Image, order: DrawingOrder, on_step: StepHook) -> Image.Image:
        """Paint where the mask is white."""
        from diffusers import Flux2KleinInpaintPipeline

        check_mask(picture, mask)
        size = model_size(picture.size, self.size_px, self._multiple)
        return self._driver.run(
            on_step,
            kind=Flux2KleinInpaintPipeline,
            prompt=self.prompt(order),
            image=picture.convert("RGB").resize(size, Image.Resampling.LANCZOS),
            mask_image=mask.convert("L").resize(size, Image.Resampling.BOX),
            image_reference=_fitted(self._liked(order), size),
            strength=1.0,
            **self._options(order, size),
        )


def _fitted(pictures: list[Image.Image], size: tuple[int, int]) -> list[Image.Image] | None:
    return [ImageOps.fit(picture.convert("RGB"), size, Image.Resampling.LANCZOS) for picture in pictures] or None


def packed_grid(pipeline: Any, latents: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:  # Any: a pipeline
    """Latents (1, h w, C), patches in rows, as (C, h, w) of a picture's width and height."""
    patch = 2 * pipeline.vae_scale_factor
    return latents[0].unflatten(0, (size[1] // patch, size[0] // patch)).permute(2, 0, 1)


def packed_latents(pipeline: Any, pixels: torch.Tensor) -> torch.Tensor:  # Any: as above
    """Latents (B, C, h, w) of pixels as its transformer sees them."""
    latents: torch.Tensor = pipeline._encode_vae_image(pixels, generator=None)
    return latents
