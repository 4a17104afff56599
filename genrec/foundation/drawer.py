"""The network of genrec-tiny-diffusion as files that diffusers loads: UNet, IP-Adapter, text tower, pipeline folder.

Knows how the parts are built and saved. How they are trained is in diffusion.
"""

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from genrec.artifacts import write_file
from genrec.foundation.autoencoder import PATCH_PX
from genrec.foundation.scenes import SIZE_PX
from genrec.pretrained import load_processor, load_weights
from genrec.visualize.families import ADAPTER_FILE

TEXT_TOKENS = 32
Words = Callable[[list[str]], torch.Tensor]  # texts to hidden states (B, S, text_width)


def build_unet(channels: tuple[int, ...], *, latent_channels: int, text_width: int) -> UNet2DConditionModel:
    """An untrained UNet that attends to text at every level."""
    levels = len(channels)
    return UNet2DConditionModel(
        sample_size=SIZE_PX // PATCH_PX,
        in_channels=latent_channels,
        out_channels=latent_channels,
        block_out_channels=channels,
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * levels,
        up_block_types=("CrossAttnUpBlock2D",) * levels,
        cross_attention_dim=text_width,
        attention_head_dim=4,
        norm_num_groups=8,
    )


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


def words_of(text_encoder: CLIPTextModel, tokenizer: CLIPTokenizer) -> Words:
    """Hidden states as the pipeline makes them: padded to TEXT_TOKENS."""

    def encode(texts: list[str]) -> torch.Tensor:
        tokens = tokenizer(texts, padding="max_length", truncation=True, max_length=TEXT_TOKENS, return_tensors="pt")
        with torch.no_grad():
            hidden: torch.Tensor = text_encoder(tokens.input_ids)[0]
        return hidden

    return encode


def text_tower(clip: CLIPModel) -> CLIPTextModel:
    """The CLIP's text tower as the pipeline's text encoder."""
    encoder = CLIPTextModel(clip.config.text_config)
    own = encoder.state_dict().keys()
    weights = dict(clip.text_model.state_dict())
    prefix = "" if next(iter(own)) in weights else "text_model."
    encoder.load_state_dict({prefix + name: tensor for name, tensor in weights.items()})
    return encoder.eval()


def assemble(
    unet: UNet2DConditionModel,
    codec: AutoencoderKL,
    clip: CLIPModel,
    tokenizer: CLIPTokenizer,
    out: Path,
) -> None:
    """Save the pipeline (fp16) and, beside it, the adapter in IP-Adapter's file layout."""
    adapter = adapter_weights(unet)
    bare = UNet2DConditionModel.from_config({**unet.config, "encoder_hid_dim_type": None})
    known = bare.state_dict().keys()
    bare.load_state_dict({name: tensor for name, tensor in unet.state_dict().items() if name in known})
    scheduler = DDIMScheduler.from_config(noise_schedule().config, timestep_spacing="trailing", steps_offset=1)
    pipeline = StableDiffusionPipeline(
        vae=copy.deepcopy(codec).half(),
        text_encoder=text_tower(clip).half(),
        tokenizer=load_processor(CLIPTokenizer, tokenizer.name_or_path, model_max_length=TEXT_TOKENS),
        unet=bare.half(),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(out)
    with write_file(out / ADAPTER_FILE) as partial:
        save_file(adapter, partial)


def load_drawer(folder: Path) -> StableDiffusionPipeline:
    """The saved pipeline with its adapter, fp32, as the visualizer loads it."""
    pipeline = load_weights(StableDiffusionPipeline, folder, dtype=torch.float32)
    pipeline.load_ip_adapter(str(folder), subfolder="", weight_name=ADAPTER_FILE, image_encoder_folder=None)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
