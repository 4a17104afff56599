"""Stable Diffusion 1.x with an IP-Adapter: the item drawn from noise, or into a photo. What its relatives share."""

import math
from typing import Any

import torch
from PIL import Image, ImageOps

from genrec.config import VisualizeConfig
from genrec.prompting import render
from genrec.visualize.families.adapters import Conditions, ImageAdapter
from genrec.visualize.families.driving import Driver, count_steps
from genrec.visualize.families.order import DrawingOrder, StepHook


class StableDiffusion:
    """What pipelines with a UNet, a CLIP text encoder and perhaps an IP-Adapter have in common."""

    def __init__(self, driver: Driver, config: VisualizeConfig, adapter: ImageAdapter | None) -> None:
        self._driver, self._config, self.adapter = driver, config, adapter
        pipeline = driver.pipeline
        self.num_steps = count_steps(pipeline.scheduler, config.steps)
        factor = int(pipeline.vae_scale_factor)
        self.size_px = int(pipeline.unet.config.sample_size * factor)
        self._multiple = factor * 2 ** (len(pipeline.unet.config.block_out_channels) - 1)

    def _plain_words(self, order: DrawingOrder) -> str | None:
        """The words alone, for a model of this project, which reads its taste as a palette; None for others."""
        if self.adapter is None or self.adapter.reads != "palette":
            return None
        tokenizer = self._driver.pipeline.tokenizer
        parts = ", ".join(filter(None, (order.words, order.taste_words))).split(", ")
        while len(parts) > 1 and len(tokenizer.tokenize(", ".join(parts))) > tokenizer.model_max_length - 2:
            parts.pop()  # whole phrases, the last first, in place of the end of one
        return ", ".join(parts)

    def _options(self, order: DrawingOrder, prompt: str) -> dict[str, Any]:  # Any: keyword arguments of a pipeline
        unwanted = ", ".join(filter(None, (order.unwanted, self._config.negative)))
        options = {"prompt": prompt, "guidance_scale": self._config.guidance, "seed": order.seed}
        return options | {"num_inference_steps": self._config.steps, "negative_prompt": unwanted or None}

    def _conditions(self, order: DrawingOrder, size: tuple[int, int], *, with_item: bool) -> Conditions | None:
        return None if self.adapter is None else self.adapter.conditions(order, with_item=with_item, size=size)

    def _adapted(self, conditions: Conditions | None) -> dict[str, Any]:  # Any: as above
        """Keyword arguments for the adapter: without the conditions first, where guidance compares the two."""
        if conditions is None:
            return {}
        embeds = conditions.embeds
        if self._config.guidance > 1.0:
            embeds = torch.cat([torch.zeros_like(embeds), embeds])
        return {"ip_adapter_image_embeds": [embeds], "cross_attention_kwargs": conditions.attention}


class StableDiffusionVariation(StableDiffusion):
    """Draws the item from noise, by its words and its IP-Adapter alone: shape and parts are only alike."""

    def prompt(self, order: DrawingOrder) -> str:
        """A photo of the item, as asked for, in the taste's words."""
        words, taste_words = order.words, order.taste_words
        return str(render("visualize", title=order.title, words=words, taste_words=taste_words)).strip()

    def draw(self, order: DrawingOrder, on_step: StepHook) -> Image.Image:
        """Draw from noise, or start from the order's photo."""
        size = (self.size_px, self.size_px)
        options = self._options(order, self.prompt(order))
        options |= self._adapted(self._conditions(order, size, with_item=True))
        if order.photo is None:
            return self._driver.run(on_step, size=size, width=size[0], height=size[1], **options)
        from diffusers import StableDiffusionImg2ImgPipeline

        strength = self._config.photo_strength
        options["num_inference_steps"] = math.ceil(self._config.steps / strength)  # of which the last share is run
        photo = ImageOps.fit(order.photo, size, Image.Resampling.LANCZOS)
        kind = StableDiffusionImg2ImgPipeline
        return self._driver.run(on_step, size=size, kind=kind, image=photo, strength=strength, **options)
