"""InstructPix2Pix (arXiv 2211.09800): the item changed by words and taste, its picture's latents beside the noise."""

from typing import Any

import torch
from PIL import Image

from genrec.errors import InputError
from genrec.prompting import render
from genrec.visualize.families.adapters import Conditions
from genrec.visualize.families.driving import model_size
from genrec.visualize.families.order import DrawingOrder, StepHook
from genrec.visualize.families.stable_diffusion import StableDiffusion


class InstructPix2Pix(StableDiffusion):
    """Changes the item's own picture, so that shape and parts survive."""

    def prompt(self, order: DrawingOrder) -> str:
        """What to change."""
        plain = self._plain_words(order)
        if plain is not None:
            return plain
        words, taste_words = order.words, order.taste_words
        return str(render("visualize_edit", title=order.title, words=words, taste_words=taste_words)).strip()

    def draw(self, order: DrawingOrder, on_step: StepHook) -> Image.Image:
        """Draw beside the item's picture, or a photo of it."""
        reference = order.photo or order.item_picture
        if reference is None:
            raise InputError(f"{order.title!r} has no picture that could be changed; choose an item with an image")
        size = model_size(reference.size, self.size_px, self._multiple)
        return self._driver.run(
            on_step,
            size=size,
            image=reference.convert("RGB").resize(size, Image.Resampling.LANCZOS),
            image_guidance_scale=self._config.image_guidance,
            **self._options(order, self.prompt(order)),
            **self._adapted(self._conditions(order, size, with_item=False)),  # which the reference shows
        )

    def _adapted(self, conditions: Conditions | None) -> dict[str, Any]:  # Any: keyword arguments of a pipeline
        """As its pipeline takes them: with the conditions first, then twice without."""
        if conditions is None:
            return {}
        embeds = conditions.embeds
        if self._config.guidance > 1.0 and self._config.image_guidance >= 1.0:
            embeds = torch.cat([embeds, torch.zeros_like(embeds), torch.zeros_like(embeds)])
        return {"ip_adapter_image": [embeds], "cross_attention_kwargs": conditions.attention}
