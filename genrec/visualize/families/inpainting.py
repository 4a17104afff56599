"""Stable Diffusion inpainting: surroundings painted where a mask is white, in the taste that an IP-Adapter reads.

Its UNet reads noise, mask and the masked picture's latents (9 channels); one of 4 channels, which was made to draw from
noise, is put back to the picture outside the mask after every step.
"""

import math

from PIL import Image

from genrec.config import VisualizeConfig
from genrec.errors import InputError
from genrec.prompting import render
from genrec.visualize.families.adapters import ImageAdapter
from genrec.visualize.families.driving import Driver, check_mask, model_size
from genrec.visualize.families.order import DrawingOrder, StepHook
from genrec.visualize.families.stable_diffusion import StableDiffusion

_CHANNELS = (4, 9)


class StableDiffusionInpainting(StableDiffusion):
    """Paints what surrounds an item, or a part of a photo."""

    def __init__(self, driver: Driver, config: VisualizeConfig, adapter: ImageAdapter | None) -> None:
        super().__init__(driver, config, adapter)
        channels = driver.pipeline.unet.config.in_channels
        if channels not in _CHANNELS or driver.pipeline.vae.config.latent_channels != 4:
            raise InputError(
                f"visualize.scene {config.scene!r} has a UNet of {channels} channels; wanted 9 (inpainting) or 4, over "
                "latents of 4"
            )

    def prompt(self, order: DrawingOrder) -> str:
        """The place, in the words of the request and of the taste; the item is not named, lest it be painted again."""
        plain = self._plain_words(order)
        if plain is not None:
            return plain
        return str(render("visualize_scene", words=order.words, taste_words=order.taste_words)).strip()

    def paint(self, picture: Image.Image, mask: Image.Image, order: DrawingOrder, on_step: StepHook) -> Image.Image:
        """Paint where the mask is white."""
        from diffusers import StableDiffusionInpaintPipeline

        check_mask(picture, mask)
        size = model_size(picture.size, self.size_px, self._multiple)
        return self._driver.run(
            on_step,
            size=size,
            kind=StableDiffusionInpaintPipeline,
            image=(order.draft or picture).convert("RGB").resize(size, Image.Resampling.LANCZOS),
            mask_image=mask.convert("L").resize(size, Image.Resampling.BOX),
            width=size[0],
            height=size[1],
            strength=1.0 if order.draft is None else self._config.draft_strength,
            **self._options(order, self.prompt(order)) | self._draft_steps(order),
            **self._adapted(self._conditions(order, size, with_item=False)),
        )

    def _draft_steps(self, order: DrawingOrder) -> dict[str, int]:
        """Of a draft the last share of the steps is painted; with so many, that share is as many as are set."""
        if order.draft is None:
            return {}
        return {"num_inference_steps": math.ceil(self._config.steps / self._config.draft_strength)}
