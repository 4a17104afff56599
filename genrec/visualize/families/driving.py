"""A loaded pipeline that any thread may draw with: weights are shared, and all that a drawing changes is its own.

Knows how diffusers' pipelines are called, watched and stopped; knows no family of models and no order.
"""

# C channels, h, w positions of the latents

import contextlib
import copy
import math
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from PIL import Image

from genrec.errors import InputError
from genrec.runtime import quietly
from genrec.visualize.families.adapters import ImageAdapter
from genrec.visualize.families.order import DrawingStopped, PictureWithheld, StepHook
from genrec.visualize.families.previews import LatentPreview, watch

Pipeline: TypeAlias = Any  # diffusers' pipelines and schedulers are untyped
_OFFLOADING = ("_all_hooks", "_offload_device", "_offload_gpu_id")  # what diffusers keeps of it on a pipeline
_WHITE = 128  # of a mask's grey: from here on it paints
_WIDEST = 2.0  # width to height of what is painted, or the other way round; longer canvases are squeezed


class Driver:
    """One loaded pipeline, with its IP-Adapter where it has one, and the map for its previews.

    grid: how latents, as the pipeline holds them, become (C, h, w), given the picture's width and height.
    one_at_a_time: where weights move between devices.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        preview: LatentPreview,
        *,
        adapter: ImageAdapter | None = None,
        grid: Callable[[torch.Tensor, tuple[int, int]], torch.Tensor] | None = None,
        one_at_a_time: bool = False,
    ) -> None:
        self.pipeline, self.adapter, self._preview = pipeline, adapter, preview
        self._grid = grid or (lambda latents, _size: latents[0])
        self._turn: contextlib.AbstractContextManager[Any] = (
            threading.Lock() if one_at_a_time else contextlib.nullcontext()
        )

    @property
    def device(self) -> torch.device:
        """Where the pipeline computes."""
        return torch.device(self.pipeline._execution_device)

    def run(
        self,
        on_step: StepHook,
        *,
        size: tuple[int, int],
        seed: int,
        kind: type | None = None,
        **options: Any,  # Any: keyword arguments of the pipeline
    ) -> Image.Image:
        """Call the pipeline, as another class on the same weights where a kind is given.

        size: width and height of the picture. Raises DrawingStopped, PictureWithheld.
        """
        with self._turn:
            fresh = renewed(self.pipeline, kind)
            last_clean = watch(fresh.scheduler)

            def after_step(pipeline: Pipeline, step: int, _time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
                clean = last_clean()
                latents = self._grid(tensors["latents"] if clean is None else clean, size)
                if not on_step(step + 1, pipeline.num_timesteps, self._preview.show(latents)):
                    raise DrawingStopped("the drawing was stopped as asked; draw again to get it")
                return tensors

            generator = torch.Generator("cpu").manual_seed(seed)
            try:
                output = fresh(generator=generator, callback_on_step_end=after_step, **options)
            except DrawingStopped:
                fresh.maybe_free_model_hooks()
                raise
        if any(getattr(output, "nsfw_content_detected", None) or ()):
            raise PictureWithheld(
                "the model's own safety checker withheld the picture; choose another seed, other words or another item"
            )
        picture: Image.Image = output.images[0]
        return picture.convert("RGB")


class OneAtATime:
    """A tokenizer that threads may share.

    Padding and truncation are settings of a fast tokenizer that every call changes before it reads: two calls at once
    read each other's.
    """

    def __init__(self, tokenizer: Pipeline) -> None:
        self._tokenizer, self._turn = tokenizer, threading.Lock()

    def __call__(self, *texts: Any, **options: Any) -> Any:  # Any: as its own
        """What the tokenizer says."""
        with self._turn:
            return self._tokenizer(*texts, **options)

    def tokenize(self, *texts: Any, **options: Any) -> Any:  # Any: as above
        """What the tokenizer says."""
        with self._turn:
            return self._tokenizer.tokenize(*texts, **options)

    def apply_chat_template(self, *messages: Any, **options: Any) -> Any:  # Any: as above
        """What the tokenizer says."""
        with self._turn:
            return self._tokenizer.apply_chat_template(*messages, **options)

    def __getattr__(self, name: str) -> Any:  # Any: as above
        if name.startswith("__") or name == "_tokenizer":
            raise AttributeError(name)  # while it is copied
        return getattr(self._tokenizer, name)


def renewed(pipeline: Pipeline, kind: type | None = None) -> Pipeline:
    """The same weights with a scheduler of its own, since schedulers carry state; maybe as another pipeline class.

    Not by `from_pipe` alone, which turns the shared weights to float32 unless it is told their dtype.
    """
    scheduler = renewed_scheduler(pipeline.scheduler)
    if kind is None or isinstance(pipeline, kind):
        fresh = copy.copy(pipeline)
        fresh.scheduler = scheduler
        return fresh
    with quietly():
        fresh = kind.from_pipe(pipeline, scheduler=scheduler, dtype=pipeline.dtype)  # type: ignore[attr-defined]
    fresh.__dict__.update({name: value for name, value in vars(pipeline).items() if name in _OFFLOADING})
    fresh.set_progress_bar_config(disable=True)
    return fresh


def renewed_scheduler(scheduler: Pipeline) -> Pipeline:
    """A scheduler of the same settings, at its start."""
    with quietly():
        return type(scheduler).from_config(scheduler.config)


def count_steps(scheduler: Pipeline, steps: int) -> int:
    """How many steps a scheduler makes of those asked for; some make more. Raises InputError where it makes none."""
    fresh = renewed_scheduler(scheduler)
    try:
        fresh.set_timesteps(steps)
    except ValueError as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"visualize.steps = {steps} cannot be drawn with ({reason}); choose fewer") from error
    return len(fresh.timesteps)


def model_size(size: tuple[int, int], side_px: int, multiple: int) -> tuple[int, int]:
    """Width and height that a model paints for a picture of a size: its proportions, about the area the model knows.

    multiple: of pixels, that both must be. Proportions beyond 2 to 1 are squeezed to that.
    """
    ratio = min(_WIDEST, max(1 / _WIDEST, size[0] / size[1]))
    sides = (side_px * math.sqrt(ratio), side_px / math.sqrt(ratio))
    width, height = (max(multiple, round(side / multiple) * multiple) for side in sides)
    return width, height


def check_mask(picture: Image.Image, mask: Image.Image) -> None:
    """Raises InputError for a mask of another size, or one that paints nothing."""
    if mask.size != picture.size:
        raise InputError(
            f"the mask is {mask.width} × {mask.height} pixels, the picture {picture.width} × {picture.height}; "
            "wanted one of the same size"
        )
    if max(place for place, count in enumerate(mask.convert("L").histogram()) if count) < _WHITE:
        raise InputError("the mask has no white, so nothing would be painted; wanted white where it may change")
