"""Trains genrec-tiny-diffusion: a StableDiffusionPipeline with an IP-Adapter that reads an item and a taste.

The adapter's image embedding is [item vector; taste vector] in genrec-tiny-clip's space. Training shows the item in a
room whose wall has the color and pattern that lead in a made-up history; the taste vector is that history's
likeness-weighted centroid. Words about the room in the text outrank the taste. Velocity prediction
(arXiv 2202.00512), at first with min-SNR weights (arXiv 2303.09556); parts of the conditions are dropped for guidance.
"""

# N items, R rooms, B batch, D features of CLIP space, C latent channels, h, w latent positions, S tokens

import copy
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import (
    AutoencoderKL,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from diffusers.models.attention_processor import AttnProcessor
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from genrec.artifacts import write_file, write_text
from genrec.data.shop.drawing import Backdrop
from genrec.data.shop.talk import caption, pick, title
from genrec.data.shop.vocabulary import COLORS, PATTERNS
from genrec.foundation.autoencoder import PATCH_PX, CodecRecipe, PatchBasis, train_codec
from genrec.foundation.captions import FIELDS, NO_WALL, VALUES, encode_facts, facts_of, prompt_for
from genrec.foundation.clip import NAME as CLIP_NAME
from genrec.foundation.clip import encode_pixels, encode_texts, to_pixels
from genrec.foundation.scenes import SIZE_PX, Attributes, Picture, Scenes, cached_scenes
from genrec.runtime import ProgressMeter, progress
from genrec.schema import FloatArray
from genrec.visualize.pipelines import ADAPTER_FILE
from genrec.visualize.taste import taste_vector

log = logging.getLogger(__name__)
NAME = "genrec-tiny-diffusion"
TEXT_TOKENS = 32
Words = Callable[[list[str]], torch.Tensor]  # texts to hidden states (B, S, text_width)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Steps whose rates fall from a share of the recipe's to nothing.

    min_snr: cap of the min-SNR weights, which favor clean pictures; infinity weighs every noise level alike, which
    teaches kinds and colors, decided early in drawing.
    """

    steps: int
    share: float = 1.0
    min_snr: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffusionRecipe:
    """Everything that decides the trained weights, beside the codec's recipe and genrec-tiny-clip."""

    seed: int = 3
    num_items: int = 9000
    num_rooms: int = 2
    rounds: tuple[Round, ...] = (Round(steps=1200, min_snr=5.0), Round(steps=1000, share=0.6))
    batch_size: int = 24
    learning_rate: float = 1.5e-3
    muon_rate: float = 0.01
    warmup_steps: int = 50
    ema_decay: float = 0.997
    channels: tuple[int, ...] = (64, 96)
    drop_all: float = 0.1
    num_features: int = 128  # D of genrec-tiny-clip
    text_width: int = 128
    latent_channels: int = 16


def build_unet(recipe: DiffusionRecipe) -> UNet2DConditionModel:
    """An untrained UNet that attends to text at every level."""
    levels = len(recipe.channels)
    return UNet2DConditionModel(
        sample_size=SIZE_PX // PATCH_PX,
        in_channels=recipe.latent_channels,
        out_channels=recipe.latent_channels,
        block_out_channels=recipe.channels,
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * levels,
        up_block_types=("CrossAttnUpBlock2D",) * levels,
        cross_attention_dim=recipe.text_width,
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


def _text_attentions(unet: UNet2DConditionModel) -> list[tuple[int, nn.Module]]:
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


class Tastes:
    """Makes histories whose leading color and pattern are known, and their taste vectors."""

    def __init__(self, items: Sequence[Attributes], vectors_ND: FloatArray) -> None:
        self.vectors_ND = vectors_ND
        self.colors = np.array([list(COLORS).index(str(item["color"])) for item in items])
        self.patterns = np.array([PATTERNS.index(str(item["pattern"])) for item in items])
        self.by_color = [np.flatnonzero(self.colors == c) for c in range(len(COLORS))]
        self.by_pattern = [np.flatnonzero(self.patterns == p) for p in range(len(PATTERNS))]
        self.by_both = [[np.intersect1d(a, b) for b in self.by_pattern] for a in self.by_color]

    def sample(self, backdrop: Backdrop, item_D: FloatArray, rng: np.random.Generator) -> FloatArray:
        """The taste vector of a random history in which the backdrop's color and pattern lead, float32 (D,)."""
        color, pattern = list(COLORS).index(backdrop.color), PATTERNS.index(backdrop.pattern)
        temperature = float(rng.choice([0.1, 0.2, 0.5, 10.0]))
        for share in (0.4, 0.6, 0.8, 1.0):
            rows = self._history(color, pattern, share, rng)
            weights = np.exp(self.vectors_ND[rows] @ item_D / temperature)
            if self._leads(self.colors[rows], weights, color) and self._leads(self.patterns[rows], weights, pattern):
                break
        return taste_vector(self.vectors_ND[rows], item_D, temperature)

    def _history(self, color: int, pattern: int, share: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        pools = [
            self.by_both[color][pattern],
            self.by_color[color],
            self.by_pattern[pattern],
            np.arange(len(self.colors)),
        ]
        if not len(pools[0]):
            pools[0] = pools[1]
        rest = (1 - share) / 3
        kinds = rng.choice(4, size=int(rng.integers(2, 16)), p=[share, rest, rest, rest])
        return np.array([pools[kind][rng.integers(len(pools[kind]))] for kind in kinds])

    @staticmethod
    def _leads(codes: npt.NDArray[np.int64], weights: FloatArray, code: int) -> bool:
        mass = np.bincount(codes, weights, minlength=code + 1)
        rivals = np.delete(mass, code)
        return bool(mass[code] > 1.3 * (rivals.max() if len(rivals) else 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """What training reads at every step: latents, and CLIP's unit vectors of the items' pictures and titles."""

    scenes: Scenes
    studio_NChw: torch.Tensor
    rooms_NRChw: torch.Tensor
    image_ND: FloatArray
    text_ND: FloatArray
    tastes: Tastes


def prepare(scenes: Scenes, basis: PatchBasis, clip: CLIPModel, tokenizer: CLIPTokenizer, seed: int) -> Materials:
    """Encode every picture and title once."""
    rng = np.random.default_rng(seed)
    titles = [title(item, rng) for item in scenes.items]
    starts = range(0, len(scenes), 200)
    with torch.no_grad():
        images = torch.cat([encode_pixels(clip, to_pixels(scenes.studio[s : s + 200])) for s in starts])
        texts = torch.cat([encode_texts(clip, tokenizer, titles[s : s + 200]) for s in starts])
    image_ND = F.normalize(images, dim=1).numpy()
    rooms = basis.encode(scenes.rooms.reshape(-1, *scenes.rooms.shape[2:])).half()
    return Materials(
        scenes=scenes,
        studio_NChw=basis.encode(scenes.studio).half(),
        rooms_NRChw=rooms.reshape(*scenes.rooms.shape[:2], *rooms.shape[1:]),
        image_ND=image_ND,
        text_ND=F.normalize(texts, dim=1).numpy(),
        tastes=Tastes(scenes.items, image_ND),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One picture to learn: its latents and what is told about it."""

    latents_Chw: torch.Tensor
    embedding_2D: FloatArray
    text: str


def sample_example(materials: Materials, recipe: DiffusionRecipe, rng: np.random.Generator) -> Example:
    """Draw an item, a place and the conditions that explain them."""
    scenes = materials.scenes
    row = int(rng.integers(len(scenes)))
    item_D, item = materials.image_ND[row], scenes.items[row]
    zeros_D = np.zeros_like(item_D)
    words = _item_words(item, rng)
    if rng.random() < 0.2:
        embedded_D = zeros_D if rng.random() < 0.3 else materials.text_ND[row]
        words = words or f"a photo of {title(item, rng)}" if not embedded_D.any() else words
    else:
        embedded_D = item_D
    if rng.random() < 0.2:
        latents, taste_D = materials.studio_NChw[row], zeros_D
    else:
        room = int(rng.integers(scenes.rooms.shape[1]))
        latents = materials.rooms_NRChw[row, room]
        taste_D, said = _place(materials, scenes.backdrops[row][room], item_D, rng)
        words = f"{words} {said}".strip()
    if rng.random() < recipe.drop_all:
        embedded_D, taste_D, words = zeros_D, zeros_D, ""
    return Example(latents_Chw=latents, embedding_2D=np.concatenate([embedded_D, taste_D]), text=words)


def _item_words(item: Attributes, rng: np.random.Generator) -> str:
    chance = rng.random()
    if chance < 0.35:
        return ""
    if chance < 0.75:
        return f"a photo of {title(item, rng)}"
    return caption(item, rng, ("color", "pattern", "category")).removesuffix(" in a studio")


def _place(
    materials: Materials, wall: Backdrop, item_D: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, str]:
    """A taste vector and room words that together call for this wall; what is said may differ from the taste."""
    chance = rng.random()
    if chance < 0.65:
        return materials.tastes.sample(wall, item_D, rng), ""
    says_color, says_pattern = (True, True) if chance < 0.85 else (chance < 0.925, chance >= 0.925)
    if says_color and says_pattern:
        form = pick(rng, ("in front of a {} wall", "in a room with {} walls", "in a {} room"))
        said = form.format(f"{wall.color} {wall.pattern}")
        if rng.random() < 0.4:
            return np.zeros_like(item_D), said
    else:
        said = prompt_for(*(("wall_color", wall.color) if says_color else ("wall_pattern", wall.pattern)), rng)
    other = Backdrop(
        pick(rng, tuple(COLORS)) if says_color else wall.color, pick(rng, PATTERNS) if says_pattern else wall.pattern
    )
    return materials.tastes.sample(other, item_D, rng), said


def start_unet(recipe: DiffusionRecipe) -> UNet2DConditionModel:
    """An untrained UNet with its adapter."""
    torch.manual_seed(recipe.seed)
    unet = build_unet(recipe)
    unet.set_attn_processor(AttnProcessor())  # plain attention trains twice as fast on a CPU
    add_adapter(unet, embedding_size=2 * recipe.num_features)
    return unet.to(memory_format=torch.channels_last)


def train_round(
    unet: UNet2DConditionModel,
    materials: Materials,
    text: Words,
    recipe: DiffusionRecipe,
    number: int,
    snapshot: Path | None = None,
) -> UNet2DConditionModel:
    """Train UNet and adapter for one round of falling rates; returns the running average of the weights."""
    steps, min_snr = recipe.rounds[number].steps, recipe.rounds[number].min_snr
    torch.manual_seed(recipe.seed + number)
    rng = np.random.default_rng(recipe.seed + number)
    average, schedule = copy.deepcopy(unet), noise_schedule()
    matrices = _matrices(unet)
    optimizers = _optimizers(unet, matrices, recipe, recipe.rounds[number].share)
    warm = recipe.warmup_steps
    paces = [torch.optim.lr_scheduler.LambdaLR(o, lambda step: _warm_then_fall(step, steps, warm)) for o in optimizers]
    meter, start, losses = ProgressMeter(label="train diffusion", total=steps), time.monotonic(), []
    for step in range(steps):
        examples = [sample_example(materials, recipe, rng) for _ in range(recipe.batch_size)]
        loss = _denoising_loss(unet, schedule, examples, text, min_snr)
        unet.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        for weight, matrix in matrices:
            matrix.grad = None if weight.grad is None else _as_matrix(weight.grad)
        for optimizer, pace in zip(optimizers, paces, strict=True):
            optimizer.step()
            pace.step()
        _follow(average, unet, min(recipe.ema_decay, (step + 1) / (step + 10)))
        losses.append(loss.item())
        meter.advance()
        if (step + 1) % 50 == 0:
            log.info("step %d loss %.4f, %.0f s", step + 1, np.mean(losses[-50:]), time.monotonic() - start)
            if snapshot is not None:
                torch.save(average.state_dict(), snapshot)
    meter.close()
    return average


def _as_matrix(weight: torch.Tensor) -> torch.Tensor:
    """A weight (out, in, ...) as (out, everything else), sharing memory for linear and channels-last layers."""
    return weight if weight.ndim == 2 else weight.permute(0, 2, 3, 1).flatten(1)


def _matrices(unet: UNet2DConditionModel) -> list[tuple[nn.Parameter, nn.Parameter]]:
    """The weights inside the blocks, each with a matrix that shares its memory."""
    inner = [p for name, p in unet.named_parameters() if "_block" in name and p.ndim in (2, 4)]
    return [(weight, nn.Parameter(_as_matrix(weight.detach()))) for weight in inner]


def _optimizers(
    unet: UNet2DConditionModel,
    matrices: Sequence[tuple[nn.Parameter, nn.Parameter]],
    recipe: DiffusionRecipe,
    share: float,
) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for the matrices inside the blocks, AdamW for everything else."""
    inner = {id(weight) for weight, _ in matrices}
    outer = [p for p in unet.parameters() if id(p) not in inner]
    return [
        torch.optim.Muon([matrix for _, matrix in matrices], lr=share * recipe.muon_rate, weight_decay=0.01),
        torch.optim.AdamW(outer, lr=share * recipe.learning_rate, betas=(0.9, 0.99), weight_decay=0.0),
    ]


def noise_schedule() -> DDPMScheduler:
    """The cosine schedule (arXiv 2102.09672) with velocity targets."""
    return DDPMScheduler(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", clip_sample=False)


def _warm_then_fall(step: int, steps: int, warmup_steps: int) -> float:
    return min(1.0, (step + 1) / warmup_steps) * max(0.02, 1.0 - step / steps)


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    for kept, new in zip(average.parameters(), model.parameters(), strict=True):
        kept.lerp_(new, 1.0 - decay)


def _denoising_loss(
    unet: UNet2DConditionModel,
    schedule: DDPMScheduler,
    examples: Sequence[Example],
    text: Words,
    min_snr: float,
) -> torch.Tensor:
    """Weighted velocity error of one batch."""
    latents = torch.stack([example.latents_Chw for example in examples]).float()
    embeds = torch.from_numpy(np.stack([example.embedding_2D for example in examples]))[:, None]
    hidden_BSD = text([example.text for example in examples])
    noise, times = torch.randn_like(latents), torch.randint(0, schedule.config.num_train_timesteps, (len(examples),))
    noisy = schedule.add_noise(latents, noise, times).contiguous(memory_format=torch.channels_last)
    velocity = schedule.get_velocity(latents, noise, times)
    with torch.autocast("cpu", torch.bfloat16):
        found = unet(noisy, times, hidden_BSD, added_cond_kwargs={"image_embeds": [embeds]}).sample
    signal = schedule.alphas_cumprod[times]
    ratio = signal / (1 - signal)
    weights = torch.ones_like(ratio) if math.isinf(min_snr) else ratio.clamp(max=min_snr) / (ratio + 1)
    errors = (found.float() - velocity).pow(2).mean(dim=(1, 2, 3))
    return (weights * errors).mean() / weights.mean()


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
    scheduler = DPMSolverMultistepScheduler.from_config(
        noise_schedule().config, timestep_spacing="trailing", use_karras_sigmas=False, steps_offset=1
    )
    pipeline = StableDiffusionPipeline(
        vae=copy.deepcopy(codec).half(),
        text_encoder=text_tower(clip).half(),
        tokenizer=CLIPTokenizer.from_pretrained(tokenizer.name_or_path, model_max_length=TEXT_TOKENS),
        unet=bare.half(),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(out)
    with write_file(out / ADAPTER_FILE) as partial:
        save_file(adapter, partial)


def evaluate_drawings(
    pipeline: StableDiffusionPipeline,
    clip: CLIPModel,
    tokenizer: CLIPTokenizer,
    unseen: Scenes,
    *,
    seed: int,
    num_items: int = 100,
    num_steps: int = 12,
    guidance: float = 3.0,
    with_text: bool = True,
) -> tuple[dict[str, float], Picture]:
    """Draw unseen items for made-up tastes and let the CLIP judge name what was drawn.

    Returns the share named right by attribute (walls: against the taste) and the drawings, uint8 (num_items, H, W, 3).
    """
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        vectors = F.normalize(encode_pixels(clip, to_pixels(unseen.studio)), dim=1).numpy()
    tastes = Tastes(unseen.items, vectors)
    walls = [unseen.backdrops[row][0] for row in range(num_items)]
    embeds = np.stack(
        [np.concatenate([vectors[row], tastes.sample(walls[row], vectors[row], rng)]) for row in range(num_items)]
    )
    texts = [f"a photo of {title(unseen.items[row], rng)}" if with_text else "" for row in range(num_items)]
    drawn = []
    for row in progress(range(num_items), label="draw unseen items"):  # the pipeline takes one embedding per call
        image = torch.from_numpy(embeds[row])[None, None]
        output = pipeline(
            texts[row],
            ip_adapter_image_embeds=[torch.cat([torch.zeros_like(image), image])],
            num_inference_steps=num_steps,
            guidance_scale=guidance,
            generator=torch.Generator().manual_seed(seed + row),
            output_type="np",
        )
        drawn.append(output.images[0])
    pictures: Picture = (np.asarray(drawn) * 255).round().astype(np.uint8)
    truth = encode_facts([facts_of(unseen.items[row], walls[row]) for row in range(num_items)])
    figures = {}
    with torch.no_grad():
        seen_BD = F.normalize(encode_pixels(clip, to_pixels(pictures)), dim=1)
        for name in ("category", "color", "pattern", "wall_color"):
            values = [value for value in VALUES[name] if value != NO_WALL]
            prompts_KD = F.normalize(encode_texts(clip, tokenizer, [prompt_for(name, v, rng) for v in values]), dim=1)
            found = (seen_BD @ prompts_KD.T).argmax(dim=1).numpy()
            right = [VALUES[name].index(values[k]) for k in found] == truth[:, FIELDS.index(name)]
            figures[name] = round(float(np.mean(right)), 4)
    return figures, pictures


def load_drawer(folder: Path) -> StableDiffusionPipeline:
    """The saved pipeline with its adapter, fp32, as the visualizer loads it."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
    pipeline.load_ip_adapter(str(folder), subfolder="", weight_name=ADAPTER_FILE, image_encoder_folder=None)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def main(
    out: Path,
    *,
    recipe: DiffusionRecipe | None = None,
    codec_recipe: CodecRecipe | None = None,
    scratch: Path | None = None,
) -> dict[str, float]:
    """Train on genrec-tiny-clip below `out`, measure and save genrec-tiny-diffusion beside it; returns the figures.

    scratch keeps pictures and the codec between runs.
    """
    recipe, codec_recipe = recipe or DiffusionRecipe(), codec_recipe or CodecRecipe()
    start = time.monotonic()
    scenes = cached_scenes(scratch, num_items=recipe.num_items, num_rooms=recipe.num_rooms, seed=1)
    unseen = cached_scenes(scratch, num_items=600, num_rooms=1, seed=99)
    clip = CLIPModel.from_pretrained(out / CLIP_NAME, dtype=torch.float32).eval()
    tokenizer = CLIPTokenizer.from_pretrained(out / CLIP_NAME)
    basis = PatchBasis(scenes.studio[:300], recipe.latent_channels)
    materials = prepare(scenes, basis, clip, tokenizer, recipe.seed)
    unet, text = start_unet(recipe), words_of(text_tower(clip), tokenizer)
    for number in range(len(recipe.rounds)):
        unet = train_round(unet, materials, text, recipe, number)
    unet.eval()
    codec = train_codec(scenes, basis, codec_recipe)
    assemble(unet, codec, clip, tokenizer, out / NAME)
    minutes = (time.monotonic() - start) / 60
    figures, _ = evaluate_drawings(load_drawer(out / NAME), clip, tokenizer, unseen, seed=1234)
    write_text(out / NAME / "README.md", _card(recipe, codec_recipe, figures, minutes, unet))
    return figures


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


def _card(
    recipe: DiffusionRecipe,
    codec_recipe: CodecRecipe,
    figures: Mapping[str, float],
    minutes: float,
    unet: UNet2DConditionModel,
) -> str:
    rows = "\n".join(f"| {name} | {share:.0%} |" for name, share in figures.items())
    settings = ", ".join(f"{name} {value}" for name, value in asdict(recipe).items())
    codec_settings = ", ".join(f"{name} {value}" for name, value in asdict(codec_recipe).items())
    return f"""---
license: apache-2.0
library_name: diffusers
pipeline_tag: text-to-image
---
# {NAME}

A StableDiffusionPipeline that draws 64 x 64 pictures: AutoencoderKL (to 16 x 16 x 8), UNet and IP-Adapter of
{sum(p.numel() for p in unet.parameters()) / 1e6:.2f} M parameters, the text tower of {CLIP_NAME}; fp16.

`{ADAPTER_FILE}` has IP-Adapter's file layout; its image embedding is [item; taste], two unit vectors of {CLIP_NAME}
side by side: the item's plain picture, and the likeness-weighted centroid of a person's history. The item keeps its
kind, color and pattern; the wall behind it takes the taste's leading color and pattern. Zeros stand for "none".

- **Data**: {recipe.num_items:,} items of eight domains of genrec's procedural world in a studio and in
  {recipe.num_rooms} rooms each. Umbrellas and cushions were never seen.
- **Training**: seed {recipe.seed}, {minutes:.0f} minutes on one thread of a busy CPU. Settings: {settings}.
  Codec: {codec_settings}.
- **License**: Apache-2.0, data and weights.
- **Make it again**: `python -m genrec.foundation diffusion`

100 unseen items drawn for made-up tastes with fresh seeds, 12 steps, guidance 3; the share that {CLIP_NAME} names
right (walls: against the taste):

| attribute | right |
|---|---|
{rows}

It draws this world's items and walls and nothing else; scene words beyond wall colors and patterns have no effect.
"""
