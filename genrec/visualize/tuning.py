"""Tunes a diffusion model on a catalog's own pictures: a LoRA (arXiv 2106.09685) of its UNet's attention.

Every class of Stable Diffusion is tuned at what it does: to draw a picture from words; to fill a part of it
(inpainting); or to draw it from its grey copy (editing). All that a step draws at random follows from the seed and the
step's number, so a training that is resumed is the one that was never broken. Knows pictures with their words; of
catalogs only where `tune_visuals` reads one.
"""

# B batch, C latent channels, h, w latent positions, H, W pixels

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from PIL import Image, ImageOps
from torch.nn import functional as F

from genrec.artifacts import fingerprint, write_text
from genrec.checkpoints import State, drop, load_checkpoint, save_checkpoint
from genrec.config import CONFIG_FILE, Config, TuneVisualsConfig, VisualizeConfig
from genrec.data.catalog import load_catalog
from genrec.data.images import decode_image
from genrec.errors import InputError
from genrec.generations import CATALOG, Generation, writing
from genrec.prompting import render
from genrec.runtime import ProgressMeter, pick_device, quietly, shown_name
from genrec.visualize.families.driving import renewed_scheduler
from genrec.visualize.families.loading import LORA_FILE, load_pipeline, lora_folder
from genrec.visualize.marking import contact_sheet

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.pt"
TUNABLE = (
    "StableDiffusionPipeline",
    "StableDiffusionInpaintPipeline",
    "StableDiffusionInstructPix2PixPipeline",
)
Pipeline: TypeAlias = Any  # diffusers' pipelines are untyped
_TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
_HELD_OUT, _MOST_HELD_OUT = 10, 64  # one of ten pictures, and no more than these, is never trained on


@dataclass(frozen=True, slots=True, kw_only=True)
class Captioned:
    """A picture's file with its words."""

    path: Path
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VisualTuneReport:
    """What a tuning did. Losses are of held-out pictures, at the same noise before and after."""

    path: Path
    model: str
    steps: int
    num_pictures: int
    loss_before: float
    loss_after: float
    seconds: float


def tune_visuals(directory: Path | str, *, settings: Sequence[str] = ()) -> VisualTuneReport:
    """Tune the model of visualize.diffusion or visualize.scene on a workspace's pictures, as `tune_visuals.model` says.

    The LoRA lies in DIR/visual-loras/MODEL, where `load_variation_painter` and `load_scene_painter` find it; sheets of
    samples lie beside it as it goes. After a kill it goes on from its last checkpoint. Raises ArtifactError,
    WorkspaceBusy, and InputError for a model that cannot be tuned or a catalog without pictures.
    """
    root = Path(directory)
    generation = Generation.open(root)
    config = Config.load(generation.folder / CONFIG_FILE).with_settings(settings)
    with writing(root, "genrec tune-visuals"):
        items = [item for item in load_catalog(generation.folder / CATALOG) if item.image is not None]
        pictures = [Captioned(path=item.image, words=item.name) for item in items if item.image is not None]
        visual, tuning = config.visualize, config.tune_visuals
        model = visual.diffusion if tuning.model == "diffusion" else visual.scene
        if model is None:
            raise InputError("no model for scenes is set; set visualize.scene to a folder or hub name")
        folder = lora_folder(root, model)
        return tune_on_pictures(model, pictures, visual, tuning, folder, seed=config.seed, device=config.device)


def tune_on_pictures(
    model: str,
    pictures: Sequence[Captioned],
    visual: VisualizeConfig,
    tuning: TuneVisualsConfig,
    folder: Path,
    *,
    seed: int,
    device: str = "auto",
    on_step: Callable[[int], None] | None = None,
) -> VisualTuneReport:
    """Tune a model on pictures with their words; the LoRA and its samples lie in `folder`. Raises InputError.

    on_step: told after each step how many there were.
    """
    if not pictures:
        raise InputError("no item has a picture, so there is nothing to tune on; choose a catalog with pictures")
    began, kind_device = time.monotonic(), pick_device(device)
    kind, pipeline = load_pipeline(model, TUNABLE, tuning.model, visual, kind_device)
    num_held_out = min(_MOST_HELD_OUT, max(1, len(pictures) // _HELD_OUT))
    order = np.random.default_rng(seed).permutation(len(pictures))
    shuffled = [pictures[place] for place in order]
    held_out, trained = shuffled[:num_held_out], shuffled[num_held_out:] or shuffled
    run = _TuningRun(pipeline.to(kind_device), kind, tuning, folder / CHECKPOINT, seed)
    identity = fingerprint([model, asdict(tuning), seed, [(str(p.path), p.words) for p in shuffled]])
    run.resume(identity, lambda: run.mean_loss(held_out))
    meter = ProgressMeter(label="tune visuals", total=tuning.steps)
    meter.advance(run.num_steps)
    for step in range(run.num_steps, tuning.steps):
        run.train_step(trained, step)
        meter.advance()
        is_last = step + 1 == tuning.steps
        if is_last or (step + 1) % tuning.checkpoint_every == 0:
            run.save(identity)
        if is_last or (step + 1) % tuning.sample_every == 0:
            run.save_samples(held_out[: tuning.num_samples], visual, folder / "samples" / f"{step + 1:06d}.png")
        if on_step is not None:
            on_step(step + 1)
    meter.close()
    run.save_lora(folder)
    report = VisualTuneReport(
        path=folder / LORA_FILE,
        model=shown_name(model),
        steps=tuning.steps,
        num_pictures=len(trained),
        loss_before=round(run.loss_before, 5),
        loss_after=round(run.mean_loss(held_out), 5),
        seconds=round(time.monotonic() - began, 1),
    )
    write_text(folder / "README.md", _card(report, tuning))
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return report


class _TuningRun:
    """A pipeline whose UNet has a LoRA in training."""

    def __init__(self, pipeline: Pipeline, kind: str, tuning: TuneVisualsConfig, checkpoint: Path, seed: int) -> None:
        from diffusers import DDPMScheduler
        from diffusers.training_utils import cast_training_params
        from peft import LoraConfig

        self._pipeline, self._kind, self._tuning = pipeline, kind, tuning
        self._checkpoint, self._seed = checkpoint, seed
        self.num_steps, self.loss_before = 0, 0.0
        for part in (pipeline.vae, pipeline.text_encoder, pipeline.unet):
            part.requires_grad_(False)
        torch.manual_seed(seed)
        with quietly():
            rank = tuning.rank
            pipeline.unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=list(_TARGETS)))
            cast_training_params(pipeline.unet, dtype=torch.float32)
            self._noising = DDPMScheduler.from_config(pipeline.scheduler.config)
        self._trained = {name: w for name, w in pipeline.unet.named_parameters() if w.requires_grad}
        self._optimizer = torch.optim.AdamW(self._trained.values(), lr=tuning.learning_rate, weight_decay=0.01)
        self._side_px = int(pipeline.unet.config.sample_size * pipeline.vae_scale_factor)

    def resume(self, identity: str, measure: Callable[[], float]) -> None:
        """Go on from the checkpoint if it is of this training, else measure the loss that it begins with."""
        state = load_checkpoint(self._checkpoint)
        if state is not None and state.get("identity") == identity:
            with torch.no_grad():
                for name, weight in self._trained.items():
                    weight.copy_(state["weights"][name])
            self._optimizer.load_state_dict(state["optimizer"])
            self.num_steps, self.loss_before = int(state["step"]), float(state["loss_before"])
            return
        if state is not None:
            drop(self._checkpoint, "it is of other settings, another model or other pictures")
        self.loss_before = measure()

    def save(self, identity: str) -> None:
        """Write the checkpoint."""
        weights = {name: weight.detach().cpu() for name, weight in self._trained.items()}
        state: State = {"identity": identity, "step": self.num_steps, "loss_before": self.loss_before}
        self._checkpoint.parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(self._checkpoint, state | {"weights": weights, "optimizer": self._optimizer.state_dict()})

    def train_step(self, pictures: Sequence[Captioned], step: int) -> None:
        """Train on one batch."""
        tuning, rng = self._tuning, np.random.default_rng([self._seed, step])
        batch = [pictures[place] for place in rng.integers(len(pictures), size=tuning.batch_size)]
        words = ["" if rng.random() < tuning.drop_words else one.words for one in batch]
        loss = self._loss([one.path for one in batch], words, rng)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._trained.values(), 1.0)
        self._optimizer.step()
        self.num_steps = step + 1

    @torch.no_grad()
    def mean_loss(self, pictures: Sequence[Captioned]) -> float:
        """The loss on pictures, at noise that is the same whenever it is asked."""
        losses = []
        for place, one in enumerate(pictures):
            for repeat in range(4):
                rng = np.random.default_rng([self._seed, place, repeat])
                losses.append(float(self._loss([one.path], [one.words], rng)))
        return float(np.mean(losses))

    def _loss(self, paths: Sequence[Path], words: Sequence[str], rng: np.random.Generator) -> torch.Tensor:
        """The squared error of what the model predicts, noise or velocity or the picture."""
        pipeline, schedule = self._pipeline, self._noising
        device, dtype = pipeline.device, pipeline.vae.dtype
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        pixels = torch.stack([_pixels(path, self._side_px) for path in paths]).to(device, dtype)
        with torch.no_grad():
            latents = self._latents(pixels).float()
            hidden = self._hidden(words)
            beside = self._beside(pixels, generator)
        noise = torch.randn(latents.shape, generator=generator).to(device)
        times = torch.randint(schedule.config.num_train_timesteps, (len(paths),), generator=generator).to(device)
        noisy = schedule.add_noise(latents, noise, times)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            found = pipeline.unet(torch.cat([noisy, beside], dim=1).to(dtype), times, hidden).sample
        wanted = {
            "epsilon": lambda: noise,
            "v_prediction": lambda: schedule.get_velocity(latents, noise, times),
            "sample": lambda: latents,
        }[schedule.config.prediction_type]()
        return F.mse_loss(found.float(), wanted)

    def _latents(self, pixels: torch.Tensor) -> torch.Tensor:
        codec = self._pipeline.vae
        latents: torch.Tensor = codec.encode(pixels).latent_dist.mode()
        return latents * codec.config.scaling_factor

    def _hidden(self, words: Sequence[str]) -> torch.Tensor:
        tokenizer, encoder = self._pipeline.tokenizer, self._pipeline.text_encoder
        texts = [str(render("visualize", title=one, words="", taste_words="")).strip() if one else "" for one in words]
        length = tokenizer.model_max_length
        tokens = tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
        hidden: torch.Tensor = encoder(tokens.input_ids.to(encoder.device))[0]
        return hidden

    def _beside(self, pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """What stands beside the noise: nothing, a mask with the picture's rest, or the latents of a grey copy."""
        if self._kind == "StableDiffusionInpaintPipeline" and self._pipeline.unet.config.in_channels == 9:
            mask = torch.stack([_random_box(self._side_px, generator) for _ in pixels]).to(pixels)
            rest = self._latents(pixels * (mask < 0.5))
            return torch.cat([F.interpolate(mask, size=rest.shape[-2:]), rest], dim=1)
        if self._kind == "StableDiffusionInstructPix2PixPipeline":
            grey = pixels.mean(dim=1, keepdim=True).expand_as(pixels)
            return self._latents(grey) / self._pipeline.vae.config.scaling_factor  # as its pipeline leaves them
        side = self._pipeline.unet.config.sample_size
        return pixels.new_zeros(len(pixels), 0, side, side)

    def save_samples(self, pictures: Sequence[Captioned], visual: VisualizeConfig, path: Path) -> None:
        """Write a sheet: held-out pictures, each beside what the model makes of its words now."""
        shown, captions = [], []
        for place, one in enumerate(pictures):
            real = ImageOps.fit(decode_image(one.path), (self._side_px, self._side_px), Image.Resampling.LANCZOS)
            shown += [real, self._sample(real, one.words, visual, seed=self._seed + place)]
            captions += [one.words, f"after {self.num_steps:,} steps"]
        path.parent.mkdir(parents=True, exist_ok=True)
        contact_sheet(shown, captions, 4, heading="generated beside the real").save(path)

    def _sample(self, real: Image.Image, words: str, visual: VisualizeConfig, *, seed: int) -> Image.Image:
        pipeline, options = self._pipeline, {}
        pipeline.scheduler = renewed_scheduler(pipeline.scheduler)
        if self._kind == "StableDiffusionInpaintPipeline":
            mask = Image.new("L", real.size)
            mask.paste(255, (real.width // 2, 0, real.width, real.height))
            options = {"image": real, "mask_image": mask}
        elif self._kind == "StableDiffusionInstructPix2PixPipeline":
            options = {"image": real.convert("L").convert("RGB")}
        drawn = pipeline(
            prompt=str(render("visualize", title=words, words="", taste_words="")).strip(),
            num_inference_steps=max(visual.steps, 20) if visual.lcm_lora else visual.steps,
            guidance_scale=visual.guidance,
            generator=torch.Generator("cpu").manual_seed(seed),
            **options,
        )
        image: Image.Image = drawn.images[0]
        return image

    def save_lora(self, folder: Path) -> None:
        """Write the LoRA as diffusers loads it."""
        from diffusers import StableDiffusionPipeline
        from diffusers.utils import convert_state_dict_to_diffusers
        from peft.utils import get_peft_model_state_dict

        weights = convert_state_dict_to_diffusers(get_peft_model_state_dict(self._pipeline.unet))
        folder.mkdir(parents=True, exist_ok=True)
        StableDiffusionPipeline.save_lora_weights(folder, unet_lora_layers=weights, safe_serialization=True)


def _pixels(path: Path, side_px: int) -> torch.Tensor:
    """A picture's middle as float32 (3, H, W) in -1..1. Raises SourceError."""
    picture = ImageOps.fit(decode_image(path), (side_px, side_px), Image.Resampling.LANCZOS)
    return torch.tensor(np.asarray(picture)).permute(2, 0, 1) / 127.5 - 1


def _random_box(side_px: int, generator: torch.Generator) -> torch.Tensor:
    """A mask (1, H, W) of a box that covers a third to all of each side."""
    mask = torch.zeros(1, side_px, side_px)
    shares = torch.rand(4, generator=generator)
    sizes = [int(side_px * (1 / 3 + 2 / 3 * float(share))) for share in shares[:2]]
    top, left = (int((side_px - size) * float(share)) for size, share in zip(sizes, shares[2:], strict=True))
    mask[:, top : top + sizes[0], left : left + sizes[1]] = 1
    return mask


def _card(report: VisualTuneReport, tuning: TuneVisualsConfig) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in asdict(tuning).items())
    return f"""---
base_model: {report.model}
---
# LoRA of {report.model} for this catalog

Trained for {report.steps:,} steps on {report.num_pictures:,} pictures of the catalog. {settings}.
Loss on held-out pictures: {report.loss_before:.4f} before, {report.loss_after:.4f} after. Whose pictures these are
decides who may use it.
"""
