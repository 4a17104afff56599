"""Tiny random pipelines of the real classes, saved as folders that from_pretrained loads."""

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers import pre_tokenizers
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from genrec.foundation.drawer import adapter_weights, add_adapter
from genrec.visualize.pipelines import ADAPTER_FILE, HUB_ADAPTER, DrawingOrder

NUM_FEATURES = 12
START, END = "<|startoftext|>", "<|endoftext|>"


def byte_tokenizer():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*alphabet, *(f"{byte}</w>" for byte in alphabet), START, END]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=64)


def save_stable_diffusion(folder, *, adapter_width, adapter_path):
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from safetensors.torch import save_file

    torch.manual_seed(0)
    tokenizer = byte_tokenizer()
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    unet = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(4, 8),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=8,
        attention_head_dim=2,
        norm_num_groups=2,
    )
    codec = AutoencoderKL(
        block_out_channels=(4, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=1,
        norm_num_groups=2,
        sample_size=32,
    )
    pipeline = StableDiffusionPipeline(
        vae=codec,
        text_encoder=CLIPTextModel(text),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    add_adapter(unet, embedding_size=adapter_width)
    adapter_path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.float() for name, tensor in adapter_weights(unet).items()}, adapter_path)
    return folder


@pytest.fixture(scope="session")
def own_folder(tmp_path_factory):
    """A pipeline whose adapter beside it reads [item; taste]."""
    folder = tmp_path_factory.mktemp("own")
    return save_stable_diffusion(folder, adapter_width=2 * NUM_FEATURES, adapter_path=folder / ADAPTER_FILE)


@pytest.fixture(scope="session")
def hub_folder(tmp_path_factory):
    """A pipeline, and in it an adapter laid out as on the hub: plain vectors of an encoder of its own."""
    folder = tmp_path_factory.mktemp("hub")
    where, weights, encoder = HUB_ADAPTER
    save_stable_diffusion(folder, adapter_width=20, adapter_path=folder / where / weights)
    torch.manual_seed(1)
    config = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
        projection_dim=20,
    )
    CLIPVisionModelWithProjection(config).save_pretrained(folder / where / encoder)
    return folder


@pytest.fixture(scope="session")
def klein_folder(tmp_path_factory):
    """FLUX.2 klein in miniature."""
    from diffusers import (
        AutoencoderKLFlux2,
        FlowMatchEulerDiscreteScheduler,
        Flux2KleinPipeline,
        Flux2Transformer2DModel,
    )
    from tokenizers import Tokenizer, models
    from transformers import Qwen2TokenizerFast, Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("klein")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = {token: place for place, token in enumerate([*alphabet, "<|endoftext|>", "<|im_start|>", "<|im_end|>"])}
    byte_level = Tokenizer(models.BPE(vocab=tokens, merges=[]))
    byte_level.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = Qwen2TokenizerFast(tokenizer_object=byte_level, pad_token="<|endoftext|>")
    tokenizer.chat_template = "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}"
    language = Qwen3Config(
        vocab_size=len(tokens),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
    )
    transformer = Flux2Transformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=48,
        timestep_guidance_channels=16,
        axes_dims_rope=(4, 4, 4, 4),
    )
    codec = AutoencoderKLFlux2(
        block_out_channels=(4, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=2,
        sample_size=32,
    )
    pipeline = Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=codec,
        text_encoder=Qwen3ForCausalLM(language),
        tokenizer=tokenizer,
        transformer=transformer,
        is_distilled=True,
    )
    pipeline.save_pretrained(folder)
    return folder


def unit(values):
    vector = np.asarray(values, dtype=np.float32)
    return vector / np.linalg.norm(vector)


@pytest.fixture
def order():
    """An order for a red mug with two liked pictures; use dataclasses.replace to vary it."""
    rng = np.random.default_rng(0)
    colors = ((200, 40, 40), (40, 40, 200), (40, 200, 40))
    return DrawingOrder(
        title="a red mug",
        item_vector=unit(rng.normal(size=NUM_FEATURES)),
        taste_vector=unit(rng.normal(size=NUM_FEATURES)),
        taste_weights=np.array([1.0, 0.5], dtype=np.float32),
        pictures=[Image.new("RGB", (80, 80), color) for color in colors],
        has_picture=True,
        scene=None,
        photo=None,
        seed=3,
    )
