"""One class per family of diffusion pipelines: how each is loaded, and how an item and a taste reach it.

Stable Diffusion reads them as IP-Adapter embeddings (arXiv 2308.06721); FLUX.2 klein reads reference pictures.
A pipeline's own class name, as its model_index.json says, picks the family. Knows nothing of catalogs or files written.
"""

# D features of the recommender's CLIP space, A features the adapter reads, P pictures

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image, ImageOps

from genrec.config import VisualizeConfig
from genrec.errors import InputError, ShapeError
from genrec.pretrained import load_errors, load_weights, model_folder
from genrec.prompting import render
from genrec.runtime import quietly
from genrec.schema import FloatArray

ADAPTER_FILE = "ip_adapter.safetensors"
HUB_ADAPTER = (
    "models",
    "ip-adapter_sd15.safetensors",
    "image_encoder",
)  # folder, weights and encoder in h94/IP-Adapter
ITEM_SHARE = 0.65  # of the mixed embedding, where an adapter reads one plain CLIP vector
MAX_REFERENCES = 4
StepHook = Callable[[], bool]  # called after every denoising step; False stops the drawing


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawingOrder:
    """All that one drawing needs.

    item_vector, taste_vector: unit (D,) in the recommender's CLIP space; pictures: the item's picture first when there
    is one (has_picture), then pictures of liked items, whose weights are taste_weights; photo: a person's own, to draw
    into.
    """

    title: str
    item_vector: FloatArray
    taste_vector: FloatArray | None
    taste_weights: FloatArray
    pictures: Sequence[Image.Image]
    has_picture: bool
    scene: str | None
    photo: Image.Image | None
    seed: int


class Family(Protocol):
    """One way to draw."""

    num_steps: int

    def prompt(self, order: DrawingOrder) -> str:
        """The words the pipeline reads."""

    def draw(self, order: DrawingOrder, on_step: StepHook) -> Image.Image:
        """Draw; the hook is called after every step."""


def picture_embeds(item_D: FloatArray, taste_D: FloatArray | None, adapter_width: int) -> FloatArray | None:
    """The adapter's image embedding from ready vectors, float32 (A,); None when the adapter reads another space.

    This is the one place that decides how item and taste share an IP-Adapter: adapters of this project read
    [item; taste] side by side (A = 2 D, zeros for no taste). Adapters that read one plain CLIP vector get a mix, which
    `mix_pictures` makes in their own encoder's space.
    """
    if adapter_width != 2 * len(item_D):
        return None
    return np.concatenate([item_D, np.zeros_like(item_D) if taste_D is None else taste_D]).astype(np.float32)


def mix_pictures(vectors_PA: FloatArray, weights_P: FloatArray, *, has_item: bool) -> FloatArray:
    """One plain embedding (A,) of pictures: a fixed share for the item, the rest by weight; the item's length stays."""
    if not has_item or len(vectors_PA) == 1:
        weights = weights_P if not has_item else np.ones(1, dtype=np.float32)
        return (weights @ vectors_PA / weights.sum()).astype(np.float32)
    liked_A = weights_P @ vectors_PA[1:] / weights_P.sum()
    mixed_A = ITEM_SHARE * vectors_PA[0] + (1 - ITEM_SHARE) * liked_A
    length = np.linalg.norm(vectors_PA[0]) / max(float(np.linalg.norm(mixed_A)), 1e-12)
    return (mixed_A * length).astype(np.float32)


class StableDiffusionFamily:
    """Stable Diffusion 1.x with an IP-Adapter: from noise, or into a photo."""

    def __init__(self, pipeline: Any, config: VisualizeConfig) -> None:  # Any: diffusers pipelines are untyped
        self._pipeline, self._config, self.num_steps = pipeline, config, config.steps
        self._load_adapter()
        layer = pipeline.unet.encoder_hid_proj.image_projection_layers[0].image_embeds
        self.adapter_width = int(layer.in_features)
        self.size_px = int(pipeline.unet.config.sample_size * pipeline.vae_scale_factor)

    def _load_adapter(self) -> None:
        source = self._config.ip_adapter
        try:
            if source is not None:
                folder, weights, encoder = HUB_ADAPTER
                self._pipeline.load_ip_adapter(
                    model_folder(source), subfolder=folder, weight_name=weights, image_encoder_folder=encoder
                )
            else:
                path = model_folder(self._config.diffusion)
                self._pipeline.load_ip_adapter(path, subfolder="", weight_name=ADAPTER_FILE, image_encoder_folder=None)
        except (OSError, ValueError) as error:
            where = source or f"{ADAPTER_FILE} in {self._config.diffusion}"
            raise InputError(
                f"IP-Adapter {where} cannot be loaded ({_first_line(error)}); set visualize.ip_adapter to a folder or "
                f"hub name that holds {HUB_ADAPTER[0]}/{HUB_ADAPTER[1]}"
            ) from error
        self._pipeline.set_ip_adapter_scale(self._config.item_scale)

    def prompt(self, order: DrawingOrder) -> str:
        """A photo of the item, in the scene."""
        return str(render("visualize", title=order.title, scene=order.scene or "")).strip()

    def draw(self, order: DrawingOrder, on_step: StepHook) -> Image.Image:
        """Draw from noise, or start from the order's photo."""
        embedding = picture_embeds(order.item_vector, order.taste_vector, self.adapter_width)
        if embedding is None:
            embedding = self._encode_and_mix(order)
        guided = self._config.guidance > 1.0
        image_embeds = torch.from_numpy(embedding)[None, None].to(self._pipeline.device, self._pipeline.dtype)
        if guided:
            image_embeds = torch.cat([torch.zeros_like(image_embeds), image_embeds])
        options: dict[str, Any] = {  # Any: keyword arguments of a diffusers pipeline
            "prompt": self.prompt(order),
            "ip_adapter_image_embeds": [image_embeds],
            "guidance_scale": self._config.guidance,
            "generator": torch.Generator("cpu").manual_seed(order.seed),
            "callback_on_step_end": _step_callback(on_step),
        }
        if order.photo is None:
            size = {"height": self.size_px, "width": self.size_px}
            drawn = _renewed(self._pipeline)(num_inference_steps=self.num_steps, **size, **options)
        else:
            from diffusers import StableDiffusionImg2ImgPipeline

            photo = ImageOps.fit(order.photo, (self.size_px, self.size_px), Image.Resampling.LANCZOS)
            editor = _renewed(self._pipeline, StableDiffusionImg2ImgPipeline)
            strength = self._config.photo_strength
            steps = math.ceil(self.num_steps / strength)  # of which only the last share is run
            drawn = editor(image=photo, strength=strength, num_inference_steps=steps, **options)
        return _first_image(drawn)

    def _encode_and_mix(self, order: DrawingOrder) -> FloatArray:
        encoder = self._pipeline.image_encoder
        if encoder is None or encoder.config.projection_dim != self.adapter_width:
            raise ShapeError(
                f"the IP-Adapter reads vectors of {self.adapter_width} features, the item's have "
                f"{len(order.item_vector)} and no encoder of its own is beside it; choose encode.clip to match"
            )
        if not order.pictures:
            raise InputError(
                "neither the item nor the history has a picture, and this IP-Adapter reads nothing else; "
                "choose an item with an image"
            )
        from transformers import CLIPImageProcessorPil

        side = encoder.config.image_size
        processor = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
        pixels = processor(images=list(order.pictures), return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            vectors = encoder(pixels.to(encoder.device, encoder.dtype)).image_embeds
        return mix_pictures(vectors.float().cpu().numpy(), order.taste_weights, has_item=order.has_picture)


class FluxKleinFamily:
    """FLUX.2 klein: the item's picture, a photo and liked pictures are references that the words speak of."""

    def __init__(self, pipeline: Any, config: VisualizeConfig) -> None:  # Any: as above
        self._pipeline, self._config, self.num_steps = pipeline, config, config.steps
        self.size_px = min(1024, int(pipeline.default_sample_size * pipeline.vae_scale_factor))
        self.text_layers: tuple[int, ...] = (9, 18, 27)
        depth = int(pipeline.text_encoder.config.num_hidden_layers)
        if depth < max(self.text_layers):  # a smaller text encoder than the released one
            self.text_layers = tuple(max(1, round(layer * depth / 36)) for layer in self.text_layers)

    def prompt(self, order: DrawingOrder) -> str:
        """An instruction: what to keep of the first picture and what to take from the others."""
        num_liked = len(self._references(order)) - order.has_picture - (order.photo is not None)
        title = order.title
        scene = order.scene or ("the room in the last picture" if order.photo is not None else "")
        return str(render("visualize_reference", title=title, num_liked=num_liked, scene=scene)).strip()

    def _references(self, order: DrawingOrder) -> list[Image.Image]:
        pictures = [*order.pictures[:MAX_REFERENCES], *([order.photo] if order.photo is not None else [])]
        return [ImageOps.fit(p, (self.size_px, self.size_px), Image.Resampling.LANCZOS) for p in pictures]

    def draw(self, order: DrawingOrder, on_step: StepHook) -> Image.Image:
        """Draw from noise beside the reference pictures."""
        drawn = _renewed(self._pipeline)(
            image=self._references(order) or None,
            prompt=self.prompt(order),
            height=self.size_px,
            width=self.size_px,
            num_inference_steps=self.num_steps,
            guidance_scale=self._config.guidance,
            generator=torch.Generator("cpu").manual_seed(order.seed),
            callback_on_step_end=_step_callback(on_step),
            text_encoder_out_layers=self.text_layers,
        )
        return _first_image(drawn)


FAMILIES: Mapping[str, Callable[[Any, VisualizeConfig], Family]] = {  # Any: as above
    "StableDiffusionPipeline": StableDiffusionFamily,
    "Flux2KleinPipeline": FluxKleinFamily,
}


def load_family(config: VisualizeConfig, device: torch.device) -> Family:
    """Load the configured pipeline, fp32 on a CPU and fp16 or bf16 elsewhere.

    Raises InputError when the model cannot be loaded or is of a family that is not known here.
    """
    import diffusers

    message = {"what": "diffusion model", "advice": "set visualize.diffusion to a folder or hub name"}
    dtype = torch.float32 if device.type == "cpu" else torch.float16
    with load_errors(config.diffusion, **message):
        kind = str(diffusers.DiffusionPipeline.load_config(model_folder(config.diffusion))["_class_name"])
    if kind not in FAMILIES:
        raise InputError(f"diffusion model {config.diffusion!r} is a {kind}; wanted one of {', '.join(FAMILIES)}")
    if kind == "Flux2KleinPipeline" and dtype == torch.float16:
        dtype = torch.bfloat16
    pipeline = load_weights(getattr(diffusers, kind), config.diffusion, dtype=dtype, **message)
    pipeline.set_progress_bar_config(disable=True)
    with quietly():
        return FAMILIES[kind](pipeline.to(device), config)


def _renewed(pipeline: Any, kind: Any = None) -> Any:  # Any: as above
    """The same weights with a scheduler of its own, since schedulers carry state; maybe as another pipeline class."""
    scheduler = type(pipeline.scheduler).from_config(pipeline.scheduler.config)
    with quietly():
        fresh = (kind or type(pipeline)).from_pipe(pipeline, scheduler=scheduler)
    fresh.set_progress_bar_config(disable=True)
    return fresh


def _step_callback(on_step: StepHook) -> Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]:  # Any: diffusers'
    def call(pipeline: Any, _step: int, _time: Any, tensors: dict[str, Any]) -> dict[str, Any]:  # Any: as above
        if not on_step():
            pipeline._interrupt = True
        return tensors

    return call


def _first_image(output: Any) -> Image.Image:  # Any: a diffusers output
    image: Image.Image = output.images[0]
    return image.convert("RGB")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
