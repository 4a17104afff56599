"""diffusers' InstructPix2Pix pipeline, which drops ready IP-Adapter embeddings, taught to take them.

It hands embeddings to its UNet only where `ip_adapter_image` is given (diffusers 0.42): here those are the embeddings.
"""

from typing import Any

import torch
from diffusers import StableDiffusionInstructPix2PixPipeline


class EditingPipeline(StableDiffusionInstructPix2PixPipeline):
    """Its `ip_adapter_image` is a list of ready embeddings, (1 or 3, N, A): with conditions, then twice without."""

    def prepare_ip_adapter_image_embeds(self, ip_adapter_image: Any, *_: Any, **__: Any) -> list[torch.Tensor]:
        """The embeddings as they were given."""
        return list(ip_adapter_image)
