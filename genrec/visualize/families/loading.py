"""Which family a model is of, by the class name in its model_index.json, and how its weights are loaded.

What two painters have in common is loaded once. Knows dtypes, offloading and schedulers; knows no order.
"""

import functools
import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

import torch

from genrec.config import VisualizeConfig
from genrec.errors import InputError
from genrec.pretrained import load_errors, load_weights, model_folder
from genrec.runtime import quietly, shown_name
from genrec.visualize.families.adapters import load_adapter
from genrec.visualize.families.driving import Driver, OneAtATime
from genrec.visualize.families.editing import InstructPix2Pix
from genrec.visualize.families.flux import FluxScene, FluxVariation, packed_grid, packed_latents
from genrec.visualize.families.inpainting import StableDiffusionInpainting
from genrec.visualize.families.order import ScenePainter, VariationPainter
from genrec.visualize.families.previews import fit_preview
from genrec.visualize.families.stable_diffusion import StableDiffusionVariation

log = logging.getLogger(__name__)

LORA_FILE, LORAS = "pytorch_lora_weights.safetensors", "visual-loras"
Pipeline: TypeAlias = Any  # diffusers' pipelines are untyped
_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_FLUX = "Flux2KleinPipeline"


def _variation(driver: Driver, config: VisualizeConfig) -> VariationPainter:
    if driver.adapter is None:
        raise InputError(
            f"diffusion model {config.diffusion!r} has no IP-Adapter to see the item with; set visualize.ip_adapter to "
            "a folder or hub name that holds one"
        )
    return StableDiffusionVariation(driver, config, driver.adapter)


def _inpainting(driver: Driver, config: VisualizeConfig) -> ScenePainter:
    return StableDiffusionInpainting(driver, config, driver.adapter)


VARIATIONS: Mapping[str, Callable[[Driver, VisualizeConfig], VariationPainter]] = {
    "StableDiffusionPipeline": _variation,
    "StableDiffusionInstructPix2PixPipeline": lambda driver, config: InstructPix2Pix(driver, config, driver.adapter),
    _FLUX: FluxVariation,
}
SCENES: Mapping[str, Callable[[Driver, VisualizeConfig], ScenePainter]] = {
    "StableDiffusionInpaintPipeline": _inpainting,
    "StableDiffusionPipeline": _inpainting,
    _FLUX: FluxScene,
}


def load_variation_painter(
    config: VisualizeConfig, device: torch.device, *, workspace: Path | None = None
) -> VariationPainter:
    """Load the model of visualize.diffusion. Raises InputError for what cannot be loaded, or cannot draw variations.

    workspace: whose LoRA of the model is taken in, where it has one.
    """
    if config.diffusion is None:
        raise InputError("no model for variations is set; set visualize.diffusion to a folder or hub name")
    kind = _kind_of(config.diffusion, "diffusion", VARIATIONS)
    return VARIATIONS[kind](_load(config.diffusion, kind, "diffusion", config, device, workspace), config)


def load_scene_painter(config: VisualizeConfig, device: torch.device, *, workspace: Path | None = None) -> ScenePainter:
    """Load the model of visualize.scene, likewise. Raises InputError for what cannot be loaded, or cannot paint."""
    if config.scene is None:
        raise InputError("no model for scenes is set; set visualize.scene to a folder or hub name")
    kind = _kind_of(config.scene, "scene", SCENES)
    return SCENES[kind](_load(config.scene, kind, "scene", config, device, workspace), config)


def load_pipeline(
    model: str, known: Collection[str], setting: str, config: VisualizeConfig, device: torch.device
) -> tuple[str, Pipeline]:
    """The class name and the bare pipeline of a model of some known class, without adapters. Raises InputError."""
    kind = _kind_of(model, setting, known)
    pipeline = load_weights(_class_of(kind), model, dtype=_dtype_of(config, kind, device), **_advice(setting))
    pipeline.set_progress_bar_config(disable=True)
    return kind, pipeline


def lora_folder(workspace: Path, model: str) -> Path:
    """Where a workspace keeps its LoRA of a model, whether there is one or not."""
    return workspace / LORAS / shown_name(model).replace("/", "--")


def tuned_lora(workspace: Path, model: str) -> Path | None:
    """The file of a workspace's LoRA of a model; None where it has none."""
    path = lora_folder(workspace, model) / LORA_FILE
    return path if path.is_file() else None


def _advice(setting: str) -> dict[str, str]:
    what = "diffusion model" if setting == "diffusion" else "scene model"
    return {"what": what, "advice": f"set visualize.{setting} to a folder or hub name"}


def _kind_of(model: str, setting: str, known: Collection[str]) -> str:
    import diffusers

    with load_errors(model, **_advice(setting)):
        kind = str(diffusers.DiffusionPipeline.load_config(model_folder(model))["_class_name"])
    if kind not in known:
        raise InputError(
            f"{_advice(setting)['what']} {model!r} is a {kind}; wanted one of {', '.join(known)}: set "
            f"visualize.{setting}"
        )
    return kind


_alive: "WeakValueDictionary[tuple[object, ...], Driver]" = WeakValueDictionary()
_loading = threading.Lock()


def _load(
    model: str, kind: str, setting: str, config: VisualizeConfig, device: torch.device, workspace: Path | None
) -> Driver:
    """A model as some painter has it already, else as it is loaded now."""
    lora = None if workspace is None else tuned_lora(workspace, model)
    settings = (config.ip_adapter, config.lcm_lora, config.item_scale, config.dtype, config.offload)
    key = (model, str(device), config.attention_slicing, lora, lora and lora.stat().st_mtime_ns, *settings)
    with _loading:
        loaded = _alive.get(key)
        if loaded is None:
            loaded = _alive[key] = _load_now(model, kind, setting, config, device, lora)
        return loaded


def _load_now(
    model: str, kind: str, setting: str, config: VisualizeConfig, device: torch.device, lora: Path | None
) -> Driver:
    _, pipeline = load_pipeline(model, {kind}, setting, config, device)
    dtype = pipeline.dtype
    pipeline.tokenizer = OneAtATime(pipeline.tokenizer)
    with quietly():
        is_flux = kind == _FLUX
        adapter = None
        if lora is not None:
            with load_errors(lora, what="LoRA", advice="tune it again (genrec tune-visuals), or remove it"):
                fuse_lora(pipeline, lora.parent)
        if not is_flux:
            _accelerate_by_lora(pipeline, config.lcm_lora)
            adapter = load_adapter(pipeline, model, config.ip_adapter)
            if adapter is not None:
                pipeline.set_ip_adapter_scale(config.item_scale)
        elif config.lcm_lora is not None:
            log.warning("visualize.lcm_lora has no effect on %s, which needs few steps anyway", model)
        if config.attention_slicing:
            slice_attention(pipeline)
        pipeline.to(device)
        encode = functools.partial(packed_latents, pipeline) if is_flux else functools.partial(_latents, pipeline)
        factor = int(pipeline.vae_scale_factor) * (2 if is_flux else 1)
        preview = fit_preview(lambda pixels: encode(pixels.to(device, dtype)), factor=factor)
        offloads = offload(pipeline, config.offload, device)
    grid = functools.partial(packed_grid, pipeline) if is_flux else None
    return Driver(pipeline, preview, adapter=adapter, grid=grid, one_at_a_time=offloads)


def _class_of(kind: str) -> type:
    import diffusers

    if kind == "StableDiffusionInstructPix2PixPipeline":
        from genrec.visualize.families.editing_pipeline import EditingPipeline

        return EditingPipeline
    found: type = getattr(diffusers, kind)
    return found


def _dtype_of(config: VisualizeConfig, kind: str, device: torch.device) -> torch.dtype:
    if config.dtype != "auto":
        return _DTYPES[config.dtype]
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if kind == _FLUX else torch.float16


def _latents(pipeline: Pipeline, pixels: torch.Tensor) -> torch.Tensor:
    latents: torch.Tensor = pipeline.vae.encode(pixels).latent_dist.mode() * pipeline.vae.config.scaling_factor
    return latents


def _accelerate_by_lora(pipeline: Pipeline, source: str | None) -> None:
    """Take an LCM-LoRA (arXiv 2311.05556) into the weights, and the scheduler that it is made for."""
    if source is None:
        return
    from diffusers import LCMScheduler

    advice = f"set visualize.lcm_lora to a folder or hub name that holds {LORA_FILE} for this model, or to none"
    with load_errors(source, what="LCM-LoRA", advice=advice):
        fuse_lora(pipeline, Path(model_folder(source)))
    pipeline.scheduler = LCMScheduler.from_config(pipeline.scheduler.config)


def fuse_lora(pipeline: Pipeline, folder: Path) -> None:
    """Add a LoRA of diffusers' or kohya's layout to a pipeline's weights for good."""
    pipeline.load_lora_weights(str(folder), weight_name=LORA_FILE, use_safetensors=True, local_files_only=True)
    pipeline.fuse_lora()
    pipeline.unload_lora_weights()


def slice_attention(pipeline: Pipeline) -> None:
    """Compute attention in two halves of its heads: slower, in less memory.

    Attention over an adapter's embedding is left as it is: slicing would put the adapter out.
    """
    modules: Iterator[Any] = _denoiser(pipeline).modules()  # Any: diffusers' layers are untyped
    attentions = [module for module in modules if hasattr(module, "sliceable_head_dim")]
    plain = [module for module in attentions if not hasattr(module.processor, "to_k_ip")]
    if not plain:
        log.warning("visualize.attention_slicing has no effect on this model")
    for module in plain:
        module.set_attention_slice(max(1, module.sliceable_head_dim // 2))


def _denoiser(pipeline: Pipeline) -> torch.nn.Module:
    found: torch.nn.Module = pipeline.unet if hasattr(pipeline, "unet") else pipeline.transformer
    return found


def offload(pipeline: Pipeline, how: str, device: torch.device) -> bool:
    """Keep weights in the computer's memory and move them to the device by model or by layer, whether they are moved.

    On a CPU there is nowhere to move them to, which is said.
    """
    if how == "none":
        return False
    if device.type == "cpu":
        log.warning("visualize.offload = %s has no effect on a CPU", how)
        return False
    if how == "model":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.enable_sequential_cpu_offload(device=device)
    return True
