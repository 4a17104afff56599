"""Pictures of one item for one person, each with the record that reproduces it: `visualize`.

Knows how a workspace's item and a person's history become what a `Visualizer` draws, and how that is recorded and
written; deliberately knows no pixels and no models.
"""

# H history pictures, D features

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from genrec.artifacts import fingerprint
from genrec.config import Config, VisualizeConfig
from genrec.encode.clip import ClipEncoder
from genrec.errors import InputError
from genrec.schema import Catalog, Embeddings, FloatArray, Item, Visual
from genrec.visualize.drawn import Drawn
from genrec.visualize.families import StepHook
from genrec.visualize.guard import Guard
from genrec.visualize.marking import fit_square, write_visual
from genrec.visualize.record import Ingredient, VisualRecord
from genrec.visualize.taste import Taste, Tastes
from genrec.visualize.visualizer import Visualizer
from genrec.visualize.wanted import Wanted


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """What draws for one workspace: the models, the tastes of its people, the judge of its catalog."""

    visualizer: Visualizer
    tastes: Tastes


@lru_cache(maxsize=2)
def _studio(config: VisualizeConfig, device: str, clip: ClipEncoder, directory: Path, catalog: "_Known") -> Studio:
    guard = Guard(clip=clip, catalog=catalog.shop.catalog, image=catalog.shop.embeddings.get("image"))
    return Studio(
        visualizer=Visualizer(config, device, guard=guard, workspace=directory), tastes=Tastes(catalog.shop.catalog)
    )


class _Known:
    """A shop as a cache knows it: by its catalog, which is one object for all views of a workspace."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and other.shop.catalog is self.shop.catalog

    def __hash__(self) -> int:
        return id(self.shop.catalog)


def studio_of(recommender: Shop) -> Studio:
    """What draws for this workspace; made once."""
    config = recommender.config
    return _studio(config.visualize, config.device, recommender.clip, recommender.directory, _Known(recommender))


def visualize(
    recommender: Shop,
    *,
    user: str | None = None,
    history: Sequence[str] | None = None,
    disliked: Sequence[str] = (),
    item_id: str,
    wanted: Wanted | None = None,
    out: Path,
    on_step: StepHook | None = None,
    studio: Studio | None = None,
) -> Visual:
    """Show a catalog item to a known user, or to whoever chose `history`, in a PNG; with neither, in a neutral place.

    disliked: items whose looks are taken from the taste. studio: what draws, the workspace's own unless given.
    on_step(step, total, preview) is called after every step and stops the drawing by False. Raises UnknownItem,
    UnknownUser, and InputError for an `out` that is no .png, an item without a picture where the model needs one, and
    what else cannot be drawn.
    """
    if out.suffix.lower() != ".png":
        raise InputError(f"drawings are written as PNG, got {out.name!r}; choose a name that ends in .png")
    wanted = wanted or Wanted()
    catalog, config = recommender.catalog, recommender.config.visualize
    row, item, studio = catalog.row(item_id), catalog[item_id], studio or studio_of(recommender)
    chosen = catalog.rows(recommender.chosen_history(user, history))
    chosen = chosen[chosen != row]  # an item says nothing of its own surroundings
    image = studio.visualizer.guard.image  # vectors of the tower that judges
    item_vector: FloatArray | None = None
    vectors_HD: FloatArray | None = None
    if image is not None and image.present[row]:
        item_vector, vectors_HD = image.vectors[row], image.vectors[chosen]
    taste = studio.tastes.read(
        chosen, vectors_HD=vectors_HD, item_D=item_vector, temperature=config.taste_temperature,
        disliked=catalog.rows(tuple(disliked)) if disliked else None,
    )  # fmt: skip
    shaped_by = [] if taste is None else [(catalog[name], share) for name, share in taste.shaped_by]
    liked = [(entry.image, share) for entry, share in shaped_by if entry.image is not None]
    drawn = studio.visualizer.draw(
        item,
        wanted,
        taste=taste,
        item_vector=item_vector,
        liked=[path for path, _ in liked],
        liked_weights=np.array([share for _, share in liked], dtype=np.float32),
        on_step=on_step,
    )
    record = _record(studio.visualizer, drawn, item, wanted, taste)
    visualizer, picture = studio.visualizer, drawn.picture
    if wanted.size_px is not None:
        picture = fit_square(picture, wanted.size_px, has_strip=record.has_strip)
    told = write_visual(picture, record, out, credentials=visualizer.credentials, safety=visualizer.safety)
    return Visual(
        path=out,
        item_id=item.item_id,
        seed=wanted.seed,
        models={role: used.name for role, used in told.models.items()},
        prompt=told.prompt,
        scores=dict(told.scores),
        license=next(iter(told.models.values())).license,
        mode=drawn.mode,
        note="; ".join(_notes(drawn)),
        words_not_drawn=drawn.words_not_drawn,
        taste="" if taste is None else taste.words,
        colors=() if taste is None else taste.hex_colors,
        shaped_by=tuple(entry.item_id for entry, _ in shaped_by),
        generated=told.generated,
    )


def _notes(drawn: Drawn) -> list[str]:
    unknown = [f"not drawn, because the model does not know it: {', '.join(drawn.words_not_drawn)}"]
    return [*drawn.notes, *(unknown if drawn.words_not_drawn else [])]


def _record(visualizer: Visualizer, drawn: Drawn, item: Item, wanted: Wanted, taste: Taste | None) -> VisualRecord:
    config = visualizer.config
    ingredients = [Ingredient.of("item", item.image)] if item.image is not None else []
    if drawn.mode == "photo" and wanted.photo is not None:
        ingredients.insert(0, Ingredient.of("photo", wanted.photo_file or _as_png(wanted.photo)))
    dials = ("steps", "guidance", "image_guidance", "item_scale", "taste_temperature", "taste_strength", "candidates")
    settings = {name: getattr(config, name) for name in dials}
    if wanted.strength is not None:
        settings["taste_strength"] = wanted.strength
    if wanted.size_px is not None:
        settings["size_px"] = wanted.size_px
    return VisualRecord(
        mode=drawn.mode,
        generated=drawn.generated,
        item_id=item.item_id,
        title=item.name,
        prompt=drawn.prompt,
        scene=wanted.words or None,
        words_not_drawn=drawn.words_not_drawn,
        seed=wanted.seed,
        settings=settings,
        models=visualizer.models(drawn.mode) if drawn.models is None else drawn.models,
        ingredients=tuple(ingredients),
        taste=None if taste is None else fingerprint(taste.palette_K3.tobytes() + repr(taste.values).encode()),
        scores=dict(drawn.scores),
        num_candidates=drawn.num_candidates,
        fallback="; ".join(drawn.notes) or None,
        label=config.label,
    )


def _as_png(picture: Image.Image) -> bytes:
    stream = BytesIO()
    picture.save(stream, format="PNG")
    return stream.getvalue()
