"""What an IP-Adapter (arXiv 2308.06721) reads, and how a taste becomes it.

There are two kinds, told by a mark and never by a width: adapters of others read pictures, by an image encoder of
their own; those of this project have `reads: palette` (a `palette_vector`) in the head of the model card beside them.
The strength of the taste is given with each call, as a mask over the adapter's attention, because scales that are set
on a model are shared by all threads.
"""

# A features the adapter reads, P pictures

from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np
import torch
from PIL import Image

from genrec.errors import InputError
from genrec.hub import card_entry
from genrec.pretrained import load_errors, load_weights, model_folder
from genrec.runtime import quietly
from genrec.schema import FloatArray
from genrec.visualize.families.order import DrawingOrder
from genrec.visualize.families.palette import PALETTE_WIDTH, palette_vector

Reads: TypeAlias = Literal["pictures", "palette"]
ADAPTER_FILE = "ip_adapter.safetensors"  # beside a pipeline that brings its own
HUB_FOLDER, HUB_FILE, HUB_ENCODER = "models", "ip-adapter_sd15.safetensors", "image_encoder"  # of h94/IP-Adapter
MARK = "reads"  # the entry of a model card
CREAM = np.array((93.0, 1.0, 5.0), dtype=np.float32)  # CIELAB, of the walls that palettes tint
LARGEST_TASTE_SHARE = 0.5  # of an embedding that holds the item, too


class ImageAdapter:
    """The IP-Adapter of one pipeline."""

    def __init__(self, pipeline: Any, reads: Reads) -> None:  # Any: diffusers pipelines are untyped
        self._pipeline, self.reads = pipeline, reads
        layer = getattr(pipeline.unet.encoder_hid_proj.image_projection_layers[0], "image_embeds", None)
        if layer is None:
            raise InputError("an IP-Adapter of another layout (plus, full or face) is here; wanted a plain one")
        self.width = int(layer.in_features)
        encoder = pipeline.image_encoder if reads == "pictures" else None
        found = {"palette": PALETTE_WIDTH, "pictures": encoder and int(encoder.config.projection_dim)}.get(reads)
        if found is not None and found != self.width:
            raise InputError(
                f"the IP-Adapter reads {self.width} numbers, its {reads} have {found}; wanted the encoder that it was "
                "trained with"
            )

    def conditions(self, order: DrawingOrder, *, with_item: bool, size: tuple[int, int]) -> "Conditions":
        """What the pipeline is called with. with_item: whether the item itself is to be seen in what is drawn."""
        strength = order.strength
        if self.reads == "palette":
            vector_A, strength = palette_vector(_faded(order.palette, strength), order.palette_weights), 1.0
        else:
            vector_A, strength = self._of_pictures(order, with_item=with_item)
        embeds = torch.from_numpy(vector_A)[None, None].to(self._pipeline._execution_device, self._pipeline.dtype)
        if strength == 1.0:
            return Conditions(embeds, None)
        return Conditions(embeds, torch.full((1, 1, size[1], size[0]), strength))

    def _of_pictures(self, order: DrawingOrder, *, with_item: bool) -> tuple[FloatArray, float]:
        """The embedding of pictures, and the strength that remains to be given to the adapter."""
        liked, weights_P = list(order.liked_pictures), order.taste_weights[: len(order.liked_pictures)]
        if not with_item:
            if not liked or not weights_P.sum() > 0:
                return np.zeros(self.width, dtype=np.float32), 0.0
            return mix_pictures(None, self._encode(liked), weights_P, share=1.0), order.strength
        if order.item_picture is None:
            raise InputError(
                f"{order.title!r} has no picture, and this model's IP-Adapter reads nothing else; choose an item with "
                "an image"
            )
        vectors_PA = self._encode([order.item_picture, *liked])
        return mix_pictures(vectors_PA[0], vectors_PA[1:], weights_P, share=LARGEST_TASTE_SHARE * order.strength), 1.0

    def _encode(self, pictures: list[Image.Image]) -> FloatArray:
        from transformers import CLIPImageProcessorPil

        encoder = self._pipeline.image_encoder
        side = encoder.config.image_size
        processor = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
        pixels = processor(images=pictures, return_tensors="pt")["pixel_values"]
        with torch.no_grad():
            vectors = encoder(pixels.to(self._pipeline._execution_device, encoder.dtype)).image_embeds
        return cast(FloatArray, vectors.float().cpu().numpy())


class Conditions:
    """An image embedding (1, 1, A) and the mask of its strength, as pipelines take them."""

    def __init__(self, embeds: torch.Tensor, mask: torch.Tensor | None) -> None:
        self.embeds, self._mask = embeds, mask

    @property
    def attention(self) -> dict[str, Any]:  # Any: keyword arguments of attention processors
        """For `cross_attention_kwargs`."""
        return {} if self._mask is None else {"ip_adapter_masks": [self._mask]}


def _faded(palette_K3: FloatArray | None, strength: float) -> FloatArray | None:
    """A palette nearer to cream, the less strength it has."""
    return None if palette_K3 is None else (CREAM + strength * (palette_K3 - CREAM)).astype(np.float32)


def mix_pictures(item_A: FloatArray | None, liked_PA: FloatArray, weights_P: FloatArray, *, share: float) -> FloatArray:
    """One plain embedding (A,) of pictures: liked ones by weight with a share, the item the rest; its length stays."""
    total = float(weights_P.sum())
    if item_A is None:
        return (weights_P @ liked_PA / total).astype(np.float32)
    if total <= 0 or share <= 0:
        return item_A.astype(np.float32)
    mixed_A = (1 - share) * item_A + share * (weights_P @ liked_PA / total)
    length = float(np.linalg.norm(item_A)) / max(float(np.linalg.norm(mixed_A)), 1e-12)
    return (mixed_A * length).astype(np.float32)


def load_adapter(pipeline: Any, model: str, source: str | None) -> ImageAdapter | None:  # Any: as above
    """Load the IP-Adapter that lies beside a pipeline, else that of `source`; None where there is neither.

    model: the pipeline's hub name, folder or shipped name. Raises InputError.
    """
    beside = Path(model_folder(model))
    if (beside / ADAPTER_FILE).is_file():
        reads = _mark_of(beside, model)
        place = (beside, "", ADAPTER_FILE, beside / HUB_ENCODER)
    elif source is not None:
        with load_errors(source, what="IP-Adapter", advice="set visualize.ip_adapter to a folder or hub name"):
            folder = Path(model_folder(source))
        reads, place = "pictures", (folder, HUB_FOLDER, HUB_FILE, folder / HUB_FOLDER / HUB_ENCODER)
    else:
        return None
    folder, below, weights, encoder = place
    if reads == "pictures" and getattr(pipeline, "image_encoder", None) is None:
        from transformers import CLIPVisionModelWithProjection

        advice = f"wanted {encoder.relative_to(folder)} beside it, which reads pictures for it"
        loaded = load_weights(
            CLIPVisionModelWithProjection, encoder, what="image encoder", advice=advice, dtype=pipeline.dtype
        )
        pipeline.register_modules(image_encoder=loaded.to(pipeline.device))
    advice = f"set visualize.ip_adapter to a folder or hub name that holds {HUB_FOLDER}/{HUB_FILE}"
    with load_errors(source or model, what="IP-Adapter", advice=advice), quietly():
        pipeline.load_ip_adapter(str(folder), subfolder=below, weight_name=weights, image_encoder_folder=None)
    return ImageAdapter(pipeline, reads)


def _mark_of(folder: Path, model: str) -> Reads:
    mark = card_entry(folder, MARK)
    if mark not in get_args(Reads):
        said = "does not say" if mark is None else f"says {mark[:40]!r} of"
        wanted = " or ".join(f"'{MARK}: {known}'" for known in get_args(Reads))
        raise InputError(f"the model card of {model!r} {said} what its {ADAPTER_FILE} reads; wanted {wanted}")
    return cast(Reads, mark)
