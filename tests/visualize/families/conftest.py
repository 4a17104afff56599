"""Tiny random pipelines of the real classes, saved as folders that from_pretrained loads."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import pre_tokenizers
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from genrec.foundation.painter import adapter_weights, add_adapter
from genrec.visualize.families import ADAPTER_FILE, PALETTE_WIDTH, DrawingOrder
from genrec.visualize.families.adapters import HUB_ENCODER, HUB_FILE, HUB_FOLDER
from genrec.visualize.families.loading import LORA_FILE

NUM_FEATURES, TEXT_WIDTH = 12, 8
START, END = "<|startoftext|>", "<|endoftext|>"


def byte_tokenizer():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*alphabet, *(f"{byte}</w>" for byte in alphabet), START, END]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=64)


def text_encoder(tokenizer):
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TEXT_WIDTH,
            intermediate_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=64,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def save_stable_diffusion(folder, *, kind="StableDiffusionPipeline", in_channels=4, scheduler=None):
    """A pipeline of a class of Stable Diffusion: 4 latent channels, beside which its UNet reads what it wants."""
    import diffusers

    torch.manual_seed(0)
    tokenizer = byte_tokenizer()
    unet = diffusers.UNet2DConditionModel(
        sample_size=16,
        in_channels=in_channels,
        out_channels=4,
        block_out_channels=(4, 8),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=2,
        norm_num_groups=2,
    )
    codec = diffusers.AutoencoderKL(
        block_out_channels=(4, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=1,
        norm_num_groups=2,
        sample_size=32,
    )
    parts = {"vae": codec, "text_encoder": text_encoder(tokenizer), "tokenizer": tokenizer, "unet": unet}
    pipeline = getattr(diffusers, kind)(
        **parts,
        scheduler=scheduler or diffusers.DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    return unet


def save_adapter(unet, path, *, width):
    """An IP-Adapter for a UNet, far from zero, so that what it reads is seen."""
    torch.manual_seed(2)
    add_adapter(unet, embedding_size=width)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: 2 * tensor.float() for name, tensor in adapter_weights(unet).items()}, path)


def save_card(folder, reads):
    (folder / "README.md").write_text(f"---\nlicense: apache-2.0\nreads: {reads}\n---\n# A model\n")


@pytest.fixture(scope="session")
def own_folder(tmp_path_factory):
    """A pipeline whose adapter beside it reads a palette."""
    folder = tmp_path_factory.mktemp("own")
    save_adapter(save_stable_diffusion(folder), folder / ADAPTER_FILE, width=PALETTE_WIDTH)
    save_card(folder, "palette")
    return folder


@pytest.fixture(scope="session")
def hub_folder(tmp_path_factory):
    """Stable Diffusion 1.5, and in it an adapter laid out as on the hub, which reads by an encoder of its own.

    Its widths are to each other as there: twice the recommender's features are by chance what the adapter reads, and
    the encoder's states are wider than what it projects to.
    """
    from diffusers import PNDMScheduler

    folder = tmp_path_factory.mktemp("hub")
    unet = save_stable_diffusion(
        folder,
        scheduler=PNDMScheduler(skip_prk_steps=True, steps_offset=1, beta_schedule="scaled_linear"),
    )
    save_adapter(unet, folder / HUB_FOLDER / HUB_FILE, width=2 * NUM_FEATURES)
    torch.manual_seed(1)
    config = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
        projection_dim=2 * NUM_FEATURES,
    )
    CLIPVisionModelWithProjection(config).save_pretrained(folder / HUB_FOLDER / HUB_ENCODER)
    return folder


@pytest.fixture(scope="session")
def inpaint_folder(tmp_path_factory):
    """Stable Diffusion inpainting: 9 channels, no adapter of its own."""
    folder = tmp_path_factory.mktemp("inpaint")
    save_stable_diffusion(folder, kind="StableDiffusionInpaintPipeline", in_channels=9)
    return folder


@pytest.fixture(scope="session")
def palette_scene_folder(tmp_path_factory):
    """As the tiny preset's scene model: inpainting with an adapter that reads a palette."""
    folder = tmp_path_factory.mktemp("palette_scene")
    unet = save_stable_diffusion(folder, kind="StableDiffusionInpaintPipeline", in_channels=9)
    save_adapter(unet, folder / ADAPTER_FILE, width=PALETTE_WIDTH)
    save_card(folder, "palette")
    return folder


@pytest.fixture(scope="session")
def edit_folder(tmp_path_factory):
    """As the tiny preset's edit model: reference latents beside the noise, and an adapter that reads a palette."""
    folder = tmp_path_factory.mktemp("edit")
    unet = save_stable_diffusion(folder, kind="StableDiffusionInstructPix2PixPipeline", in_channels=8)
    save_adapter(unet, folder / ADAPTER_FILE, width=PALETTE_WIDTH)
    save_card(folder, "palette")
    return folder


@pytest.fixture(scope="session")
def lcm_folder(tmp_path_factory, hub_folder):
    """An LCM-LoRA in the layout that its publisher chose, kohya's: one matrix pair a layer, scaled by alpha."""
    from diffusers import UNet2DConditionModel

    folder = tmp_path_factory.mktemp("lcm")
    unet = UNet2DConditionModel.from_pretrained(hub_folder / "unet")
    generator = torch.Generator().manual_seed(4)
    weights = {}
    for name, module in unet.named_modules():
        if name.endswith(("to_q", "to_k", "to_v", "to_out.0")):
            layer = f"lora_unet_{name.replace('.', '_')}"
            weights[f"{layer}.lora_down.weight"] = torch.randn(2, module.in_features, generator=generator)
            weights[f"{layer}.lora_up.weight"] = torch.randn(module.out_features, 2, generator=generator)
            weights[f"{layer}.alpha"] = torch.tensor(2.0)
    save_file(weights, folder / LORA_FILE)
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
        taste_weights=np.array([1.0, 0.5], dtype=np.float32),
        pictures=[Image.new("RGB", (80, 80), color) for color in colors],
        has_picture=True,
        palette=np.array([[60.0, 40.0, 30.0], [30.0, 5.0, -40.0]], dtype=np.float32),
        palette_weights=np.array([0.7, 0.3], dtype=np.float32),
        seed=3,
    )
