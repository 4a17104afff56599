"""Drawings of one item for one person, each with the record that reproduces it.

Knows how an item, its vector, a taste and a scene become a marked PNG with its scores. How pipelines are driven is in
pipelines; where items and histories come from is the caller's, or `visualize`'s, which reads a Recommender.
"""

# H history pictures, D features

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image

from genrec.artifacts import fingerprint, fingerprint_folder
from genrec.config import Config, VisualizeConfig
from genrec.data.images import decode_image
from genrec.encode.clip import ClipEncoder
from genrec.errors import GenrecError, InputError, ShapeError
from genrec.runtime import ProgressMeter, foundation_path, pick_device, shown_name
from genrec.schema import Catalog, Embeddings, FloatArray, Item, Visual
from genrec.visualize.credentials import Credentials, load_credentials
from genrec.visualize.marking import write_visual
from genrec.visualize.pipelines import MAX_REFERENCES, DrawingOrder, Family, load_family
from genrec.visualize.record import Ingredient, UsedModel, VisualRecord
from genrec.visualize.safety import SafetyCheck, load_safety, require_drawable

if TYPE_CHECKING:
    import torch

KNOWN_LICENSES: Mapping[str, str] = {
    "stable-diffusion-v1-5/stable-diffusion-v1-5": "CreativeML OpenRAIL-M",
    "black-forest-labs/FLUX.2-klein-4B": "Apache-2.0",
}


class Shop(Protocol):
    """What `visualize` reads of a Recommender."""

    @property
    def catalog(self) -> Catalog: ...

    @property
    def embeddings(self) -> Mapping[str, Embeddings]: ...

    @property
    def config(self) -> Config: ...

    @property
    def clip(self) -> ClipEncoder: ...

    @property
    def directory(self) -> Path: ...

    def chosen_history(self, user: str | None, history: Sequence[str] | None) -> tuple[str, ...]:
        """A user's events, or the history as given. Raises UnknownUser, InputError on both."""


class DrawingStopped(GenrecError):
    """The caller asked to stop a drawing; nothing was written."""


class Visualizer:
    """A diffusion pipeline, loaded on first use, that draws items for people; one drawing at a time.

    clip: scores drawings in the space of the vectors it is given; without it there are no scores. workspace: the folder
    from which the settings' certificate and key are seen. Raises ConfigError where these do not sign.
    """

    def __init__(
        self,
        config: VisualizeConfig,
        device: "torch.device | str" = "auto",
        *,
        clip: ClipEncoder | None = None,
        workspace: Path = Path(),
    ) -> None:
        self.config = config
        self.device = pick_device(device) if isinstance(device, str) else device
        self.clip = clip
        self.credentials: Credentials | None = load_credentials(config, workspace)
        self._lock = threading.Lock()

    @cached_property
    def safety(self) -> SafetyCheck | None:
        """What looks at pictures before they are written. Raises InputError when it cannot be loaded."""
        return load_safety(self.config.safety, self.device)

    @cached_property
    def family(self) -> Family:
        """The loaded pipeline. Raises InputError when it cannot be loaded."""
        return load_family(self.config, self.device)

    @cached_property
    def models(self) -> dict[str, str]:
        """The models that draw and that score, each with its fingerprint where it is a folder."""
        named = {"diffusion": self.config.diffusion, "ip_adapter": self.config.ip_adapter}
        models = {role: _named_model(name) for role, name in named.items() if name is not None}
        if self.clip is not None:
            models["clip"] = f"{shown_name(self.clip.name_or_path)}@{self.clip.fingerprint}"
        return models

    def draw(
        self,
        item: Item,
        item_vector: FloatArray,
        taste: FloatArray | None,
        *,
        scene: str | None = None,
        photo: Path | None = None,
        seed: int,
        out: Path,
        liked: Sequence[Path] = (),
        liked_weights: FloatArray | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Visual:
        """Draw the item before a backdrop of this taste (or into `photo`), as a marked PNG at `out`.

        item_vector, taste: unit float32 (D,) in CLIP space, taste None for a neutral picture; liked: pictures of the
        history, most telling first, for pipelines that read pictures instead of vectors, with their weights.
        should_stop is asked after every step. Raises InputError for an unreadable photo or an `out` that is no .png,
        DrawingStopped when asked to stop.
        """
        if out.suffix.lower() != ".png":
            raise InputError(f"drawings are written as PNG, got {out.name!r}; choose a name that ends in .png")
        require_drawable(scene)
        order = self._order(item, item_vector, taste, scene, photo, seed, liked, liked_weights)
        picture = self._drawn(order, should_stop)
        prompt = self.family.prompt(order)
        scores = self._scores(picture, item_vector, taste, prompt)
        visual = Visual(
            path=out,
            item_id=item.item_id,
            seed=seed,
            models=self.models,
            prompt=prompt,
            scores=scores,
            license=_license_of(self.config.diffusion),
        )
        record = self._record(visual, order, item, photo)
        write_visual(picture, record, out, credentials=self.credentials, safety=self.safety)
        return visual

    def _order(
        self,
        item: Item,
        item_vector: FloatArray,
        taste: FloatArray | None,
        scene: str | None,
        photo: Path | None,
        seed: int,
        liked: Sequence[Path],
        liked_weights: FloatArray | None,
    ) -> DrawingOrder:
        own = [item.image] if item.image is not None else []
        weights = np.ones(len(liked), dtype=np.float32) if liked_weights is None else liked_weights
        return DrawingOrder(
            title=item.name,
            item_vector=item_vector,
            taste_vector=taste,
            taste_weights=weights[:MAX_REFERENCES],
            pictures=[decode_image(path) for path in (*own, *liked[:MAX_REFERENCES])],
            has_picture=bool(own),
            scene=scene,
            photo=None if photo is None else decode_image(photo),
            seed=seed,
        )

    def _drawn(self, order: DrawingOrder, should_stop: Callable[[], bool] | None) -> Image.Image:
        stopped = False

        def on_step() -> bool:
            nonlocal stopped
            meter.advance()
            stopped = stopped or (should_stop is not None and should_stop())
            return not stopped

        with self._lock:
            meter = ProgressMeter(label="draw", total=self.family.num_steps)
            picture = self.family.draw(order, on_step)
            meter.close()
        if stopped:
            raise DrawingStopped(f"the drawing of {order.title!r} was stopped as asked; draw again to get it")
        return picture

    def _scores(
        self, picture: Image.Image, item_vector: FloatArray, taste: FloatArray | None, prompt: str
    ) -> dict[str, float]:
        """Cosines of the drawing to the item, the taste (when there is one) and the words."""
        if self.clip is None:
            return {}
        drawn_D = self.clip.encode_images([picture])[0]
        wanted = {"item": item_vector, "text": self.clip.encode_texts([prompt])[0]}
        if taste is not None:
            wanted["taste"] = taste
        return {name: round(float(drawn_D @ vector), 4) for name, vector in sorted(wanted.items())}

    def _record(self, visual: Visual, order: DrawingOrder, item: Item, photo: Path | None) -> VisualRecord:
        own = [Ingredient.of("item", item.image)] if item.image is not None else []
        dials = ("steps", "guidance", "item_scale", "taste_temperature")
        return VisualRecord(
            mode="variation" if photo is None else "photo",
            item_id=visual.item_id,
            title=order.title,
            prompt=visual.prompt,
            scene=order.scene,
            seed=visual.seed,
            settings={name: getattr(self.config, name) for name in dials},
            models={role: UsedModel(name=name, license=self._license(role)) for role, name in visual.models.items()},
            ingredients=(*([] if photo is None else [Ingredient.of("photo", photo)]), *own),
            taste=None if order.taste_vector is None else fingerprint(order.taste_vector.tobytes()),
            scores=dict(visual.scores),
            label=self.config.label,
        )

    def _license(self, role: str) -> str:
        named = {"diffusion": self.config.diffusion, "ip_adapter": self.config.ip_adapter}
        name = named.get(role) or (self.clip.name_or_path if self.clip is not None else "")
        return _license_of(name)


def taste_vector(history_HD: FloatArray, item_D: FloatArray, temperature: float) -> FloatArray:
    """The likeness-weighted centroid of a history in CLIP space, float32 (D,), unit length.

    history_HD: unit rows (H, D), H >= 1; item_D: unit vector (D,). Weights are softmax(cosine / temperature): a low
    temperature listens to history items like the item, a high one to all alike.
    Raises ShapeError when the history is empty or of another width.
    """
    if history_HD.ndim != 2 or not len(history_HD) or history_HD.shape[1:] != item_D.shape:
        raise ShapeError(
            f"taste needs history vectors (H >= 1, {item_D.shape[-1]}) like the item's, got {history_HD.shape}; "
            "encode history and item with the same model"
        )
    likeness_H = history_HD @ item_D / max(temperature, 1e-6)
    weights_H = np.exp(likeness_H - likeness_H.max())
    centroid_D = weights_H @ history_HD / weights_H.sum()
    length = float(np.linalg.norm(centroid_D))
    return (centroid_D / max(length, 1e-12)).astype(np.float32)


def _named_model(name: str) -> str:
    folder = Path(foundation_path(name))
    return f"{shown_name(name)}@{fingerprint_folder(folder)}" if folder.is_dir() else name


def _license_of(name: str) -> str:
    """The license its card states, for folders; what is known of hub models."""
    card = Path(foundation_path(name)) / "README.md"
    if card.is_file():
        for line in card.read_text(encoding="utf-8").splitlines():
            if line.startswith("license:"):
                return line.removeprefix("license:").strip()
    return KNOWN_LICENSES.get(name, f"as stated on the card of {shown_name(name)}")


@lru_cache(maxsize=2)
def _visualizer(config: VisualizeConfig, device: str, clip: ClipEncoder, workspace: Path) -> Visualizer:
    return Visualizer(config, device, clip=clip, workspace=workspace)


def visualize(
    recommender: Shop,
    *,
    user: str | None = None,
    history: Sequence[str] | None = None,
    item_id: str,
    scene: str | None = None,
    photo: Path | None = None,
    seed: int,
    out: Path,
    should_stop: Callable[[], bool] | None = None,
) -> Visual:
    """Draw a catalog item for a known user, or for whoever chose `history`; with neither, in a neutral room.

    An item without a picture is drawn from its words. Raises UnknownItem, UnknownUser, InputError for an item of which
    nothing is known, and what Visualizer.draw raises.
    """
    catalog, config = recommender.catalog, recommender.config.visualize
    item, image = catalog[item_id], recommender.embeddings.get("image")
    chosen = catalog.rows(recommender.chosen_history(user, history))
    if image is not None and image.present[catalog.row(item_id)]:
        item_vector: FloatArray = image.vectors[catalog.row(item_id)]
    elif item.is_drawable:
        item_vector = recommender.clip.encode_texts([item.words])[0]
    else:
        raise InputError(
            f"nothing is known of {item.name!r} to draw: it has neither a picture nor words; draw another item"
        )
    taste, liked, weights = None, [], np.zeros(0, dtype=np.float32)
    seen = chosen[image.present[chosen]] if image is not None else chosen[:0]
    if image is not None and len(seen):
        taste = taste_vector(image.vectors[seen], item_vector, config.taste_temperature)
        seen = seen[np.argsort(-(image.vectors[seen] @ item_vector), kind="stable")]
        shown = [(row, path) for row in seen if (path := catalog.items[row].image) is not None]
        liked = [path for _, path in shown]
        likeness = np.array([float(image.vectors[row] @ item_vector) for row, _ in shown], dtype=np.float32)
        weights = np.exp((likeness - 1.0) / config.taste_temperature).astype(np.float32)
    return _visualizer(config, recommender.config.device, recommender.clip, recommender.directory).draw(
        item,
        item_vector,
        taste,
        scene=scene,
        photo=photo,
        seed=seed,
        out=out,
        liked=liked,
        liked_weights=weights,
        should_stop=should_stop,
    )
