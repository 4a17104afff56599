"""Draws one item as it is wanted: `Visualizer`, the models that paint and the order in which parts are asked.

A scene keeps the item's own pixels and paints a place around them; a variation changes the item; a photo puts the item
into a person's own. How items are cut out, staged, painted and judged is theirs; knows no catalog and writes nothing.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from PIL import Image

from genrec.artifacts import fingerprint_folder
from genrec.config import VisualizeConfig
from genrec.data.images import decode_image
from genrec.errors import InputError, RequestRefused
from genrec.hub import KNOWN
from genrec.runtime import ProgressMeter, foundation_path, pick_device, shown_name
from genrec.schema import FloatArray, Item
from genrec.visualize.change import Change, item_colors, read_change
from genrec.visualize.colors import to_rgb
from genrec.visualize.credentials import Credentials, load_credentials
from genrec.visualize.cutout import Cutout, cut_out
from genrec.visualize.drawn import RECOLORED, STAGED, Drawn
from genrec.visualize.families import (
    DrawingOrder,
    ScenePainter,
    StepHook,
    VariationPainter,
    load_scene_painter,
    load_variation_painter,
    tuned_lora,
)
from genrec.visualize.families.adapters import CREAM
from genrec.visualize.guard import Guard
from genrec.visualize.joining import repainted, usual_place, with_detail, within
from genrec.visualize.places.plan import plan_place
from genrec.visualize.recolor import patterned, recolored, without_pattern
from genrec.visualize.record import Mode, UsedModel
from genrec.visualize.safety import SafetyCheck, load_safety, require_drawable, verdicts
from genrec.visualize.staging import Stage, compose, place_in_photo, stage
from genrec.visualize.taste import Taste
from genrec.visualize.try_on import InstalledTryOn, TryOnOrder, load_try_on, put_on
from genrec.visualize.vocabulary import Vocabulary, vocabulary_of
from genrec.visualize.wanted import Wanted

if TYPE_CHECKING:
    import torch

A = TypeVar("A")
_GROUNDS = ("on an oak table", "on a white sideboard", "on a walnut shelf", "on a pine desk", "on a linen tablecloth")
_ON_WALL = "hung on a wall"
_MAX_DRAFT_PX = 512
_SEED_STEP = 7_919  # between the seeds of candidates


class Visualizer:
    """The models that paint, loaded on first use; any number of threads may draw at once.

    guard: judges what was drawn, and knows which catalog it is for. scenes, variations: what paints them, in place of
    the settings' models. workspace: the folder from which the settings' certificate and key are seen. Raises
    ConfigError where these do not sign.
    """

    def __init__(
        self,
        config: VisualizeConfig,
        device: "torch.device | str" = "auto",
        *,
        guard: Guard | None = None,
        scenes: ScenePainter | None = None,
        variations: VariationPainter | None = None,
        workspace: Path = Path(),
    ) -> None:
        self.config, self._scenes, self._variations, self._workspace = config, scenes, variations, workspace
        self.device = pick_device(device) if isinstance(device, str) else device
        self.guard = guard or Guard()
        self.credentials: Credentials | None = load_credentials(config, workspace)
        self._loaded: dict[str, Any] = {}  # Any: each model is of its own kind
        self._loading = threading.RLock()

    def _once(self, name: str, load: Callable[[], A]) -> A:
        """What is loaded by the first thread that asks for it; others wait, so that no weights are loaded twice."""
        with self._loading:
            if name not in self._loaded:
                self._loaded[name] = load()
            return cast(A, self._loaded[name])

    @property
    def safety(self) -> SafetyCheck | None:
        """What looks at pictures before they are written. Raises InputError when it cannot be loaded."""
        return self._once("safety", lambda: load_safety(self.config.safety, self.device))

    @property
    def scenes(self) -> ScenePainter:
        """What paints surroundings. Raises InputError when it cannot be loaded."""
        return self._once(
            "scenes",
            lambda: self._scenes or load_scene_painter(self.config, self.device, workspace=self._workspace),
        )

    @property
    def variations(self) -> VariationPainter:
        """What changes items. Raises InputError when it cannot be loaded."""
        return self._once(
            "variations",
            lambda: self._variations or load_variation_painter(self.config, self.device, workspace=self._workspace),
        )

    @cached_property
    def scene_words(self) -> Vocabulary:
        """The words that the scene model draws."""
        return vocabulary_of(self.config.scene)

    @cached_property
    def change_words(self) -> Vocabulary:
        """The words that the variation model draws."""
        return vocabulary_of(self.config.diffusion)

    def draw(
        self,
        item: Item,
        wanted: Wanted,
        *,
        taste: Taste | None = None,
        item_vector: FloatArray | None = None,
        liked: Sequence[Path] = (),
        liked_weights: FloatArray | None = None,
        on_step: StepHook | None = None,
    ) -> Drawn:
        """Draw an item as wanted; what cannot be drawn so is shown in a scene, with a note that says why.

        item_vector: unit float32 (D,) in CLIP space. liked: pictures of the history, for models that read
        pictures, most telling first, with their weights. on_step is called after every step. Raises InputError,
        RequestRefused, DrawingStopped.
        """
        require_drawable(wanted.words)
        weights = np.ones(len(liked), dtype=np.float32) if liked_weights is None else liked_weights
        picture = None if item.image is None else decode_image(item.image, keeps_alpha=True)
        order = DrawingOrder(
            title=item.name,
            seed=wanted.seed,
            pictures=[*([] if picture is None else [picture.convert("RGB")]), *map(decode_image, liked)],
            has_picture=picture is not None,
            taste_weights=weights,
            words=wanted.words,
            palette=None if taste is None else taste.palette_K3,
            palette_weights=None if taste is None else taste.weights_K,
            strength=self.config.taste_strength if wanted.strength is None else wanted.strength,
            item_vector=item_vector,
        )
        sitting = _Sitting(self, order, wanted, taste, on_step)
        if picture is None:
            return sitting.without_picture()
        cutout = cut_out(picture)
        if wanted.mode == "photo":
            return sitting.in_photo(cutout) if wanted.try_on is None else sitting.tried_on(cutout, item)
        if wanted.mode == "variation":
            return sitting.variation(cutout, picture.convert("RGB"))
        return sitting.scene(cutout)

    def stage(self, cutout: Cutout, seed: int) -> Stage:
        """Where an item lies on its canvas; never as seen from above, which places painted from the side do not fit."""
        staged = stage(cutout, seed=seed)
        return stage(cutout, seed=seed, pose="hang") if staged.pose == "lie" else staged

    def try_on(self, name: str) -> InstalledTryOn:
        """A painter that somebody installed. Raises InputError for an unknown one, ConfigError for a broken one."""
        return self._once(f"try-on {name}", lambda: load_try_on(name))

    def models(self, mode: Mode, try_on: str | None = None) -> dict[str, UsedModel]:
        """The models that a mode is drawn and judged with, each with its fingerprint where it is a folder."""
        if try_on is not None:
            return {"try_on": self.try_on(try_on).used}
        config = self.config
        named = {"scene": config.scene} if mode != "variation" else {"variation": config.diffusion}
        tuned = [found for name in named.values() if name and (found := tuned_lora(self._workspace, name))]
        named |= {"lora": str(tuned[0].parent) if tuned else None}
        named |= {"ip_adapter": config.ip_adapter, "lcm_lora": config.lcm_lora}
        models = {
            # Once, as what was loaded stays as it was, and weights are large.
            role: UsedModel(name=self._once(f"name of {name}", partial(named_model, name)), license=license_of(name))
            for role, name in named.items()
            if name is not None
        }
        if self.guard.clip is not None:
            clip = self.guard.clip
            name = f"{shown_name(clip.name_or_path)}@{clip.fingerprint}"
            models["clip"] = UsedModel(name=name, license=license_of(clip.name_or_path))
        return models


class _Sitting:
    """One drawing: an order, what paints it, and who watches."""

    def __init__(
        self, visualizer: Visualizer, order: DrawingOrder, wanted: Wanted, taste: Taste | None, on_step: StepHook | None
    ) -> None:
        self._of, self._order, self._wanted, self._taste = visualizer, order, wanted, taste
        self._on_step = on_step
        self._num_candidates = visualizer.config.candidates

    def scene(self, cutout: Cutout, *notes: str) -> Drawn:
        """The item's own pixels in a place painted around them; the best of some places."""
        staged = self._of.stage(cutout, self._wanted.seed)
        order, unknown = self._place(staged, self._wanted.words if self._wanted.mode == "scene" else "")
        canvas, mask = staged.on_neutral(), staged.mask()
        painter = self._of.scenes
        backgrounds = self._candidates(
            painter.num_steps, lambda seed, watch: painter.paint(canvas, mask, replace(order, seed=seed), watch)
        )
        if order.draft is not None:
            backgrounds = [with_detail(background, order.draft) for background in backgrounds]
        judged = [self._of.guard.judge_scene(background, staged, self._taste) for background in backgrounds]
        best = max(range(len(judged)), key=lambda place: judged[place]["fit"])
        return Drawn(
            picture=compose(staged, backgrounds[best]),
            mode="scene",
            prompt=painter.prompt(order),
            scores=judged[best],
            words_not_drawn=unknown,
            notes=notes,
            num_candidates=len(backgrounds),
        )

    def variation(self, cutout: Cutout, picture: Image.Image) -> Drawn:
        """The item changed, within its own outline; a scene where that is not possible or came out badly.

        Colors and patterns are changed pixel by pixel, all else by a model, which sees the item in its new colors.
        """
        guard, words = self._of.guard, self._of.change_words
        if (reason := guard.why_no_variations) is not None:
            return self.scene(cutout, reason)
        if cutout.kind == "whole":
            return self.scene(cutout, "its picture shows nothing apart from a background, so it is not changed")
        change = read_change(self._wanted.words, cutout, words, self._taste, self._order.strength)
        if change.is_empty:
            return self.scene(cutout, f"{change.why_empty}, so the item is shown as it is")
        colored = cutout
        if change.is_plain:
            colored = replace(colored, pixels_HW3=without_pattern(colored, item_colors(cutout)[0]))
        if change.recolors:
            colored = replace(colored, pixels_HW3=recolored(colored, change.recolors))
        if change.pattern is not None and change.palette_K3 is not None:
            pixels = patterned(colored, change.pattern, *change.palette_K3)
            colored = replace(colored, pixels_HW3=pixels)
        picture = within(cutout, picture, Image.fromarray(colored.pixels_HW3))
        drawn = self._changed(cutout, picture, change)
        if isinstance(drawn, str):
            if not change.recolors and not change.is_plain:
                return self.scene(cutout, f"no variation was good enough ({drawn}), so the item is shown as it is")
            note = f"{change.words} is not drawn, because no variation was good enough ({drawn})"
            return Drawn(picture=picture, mode="variation", prompt=self._wanted.words, words_not_drawn=change.not_drawn,
                         notes=(note,), models=RECOLORED, generated=False)  # fmt: skip
        return replace(drawn, words_not_drawn=change.not_drawn)

    def _changed(self, cutout: Cutout, picture: Image.Image, change: Change) -> Drawn | str:
        """The item in its colors, with what else words ask for, such as a material; or why that came out badly."""
        if not change.words:
            scores = self._of.guard.judge_variation(picture, cutout, self._order, change).scores
            return Drawn(picture=picture, mode="variation", prompt=self._wanted.words, scores=scores,
                         models=RECOLORED, generated=False)  # fmt: skip
        order = replace(
            self._order, words=change.words, palette=change.palette_K3, palette_weights=change.weights_K, strength=1.0,
            pictures=[picture, *self._order.liked_pictures],
        )  # fmt: skip
        painter = self._of.variations
        drawn = self._candidates(painter.num_steps, lambda seed, watch: painter.draw(replace(order, seed=seed), watch))
        pictures = [within(cutout, picture, candidate) for candidate in drawn]
        judged = [self._of.guard.judge_variation(shown, cutout, order, change, before=picture) for shown in pictures]
        best = max(range(len(judged)), key=lambda place: judged[place].score)
        if (reason := judged[best].why_bad) is not None:
            return reason
        return Drawn(
            picture=pictures[best],
            mode="variation",
            prompt=painter.prompt(order),
            scores=judged[best].scores,
            num_candidates=len(pictures),
        )

    def in_photo(self, cutout: Cutout) -> Drawn:
        """The item in a person's photo; outside of its place, no pixel changes."""
        photo, where = self._wanted.photo, self._wanted.where
        if photo is None:
            raise InputError("the item is to be shown in a photo, and none is given; give one, or ask for a scene")
        notes = []
        if where is None:
            where = usual_place(photo)
            notes.append("no box was given, so it stands in the lower middle of the photo")
        placed = place_in_photo(cutout, photo, where)
        if not self._of.scene_words.is_open:  # a small model's seams are worse than none; words name no place here
            _, unknown = self._of.scene_words.split(self._wanted.words)
            return Drawn(
                picture=placed.picture, mode="photo", prompt=self._wanted.words, words_not_drawn=unknown,
                notes=tuple(notes), models=STAGED, generated=False,
            )  # fmt: skip
        painter = self._of.scenes
        order = replace(self._order, palette=None, palette_weights=None, strength=0.0)
        picture, ring = placed.picture, placed.mask.getbbox()
        if ring is not None:
            (picture,) = self._candidates(
                painter.num_steps,
                lambda _, watch: repainted(painter, placed.picture, placed.mask, ring, order, watch),
                count=1,
            )
        return Drawn(picture=picture, mode="photo", prompt=painter.prompt(order), notes=tuple(notes))

    def tried_on(self, cutout: Cutout, item: Item) -> Drawn:
        """The item on something that a person's photo shows, by the painter that was asked for."""
        wanted = self._wanted
        if wanted.try_on is None or wanted.photo is None:
            raise InputError("a try-on needs its painter's name and a photo; give both")
        installed = self._of.try_on(wanted.try_on)
        order = TryOnOrder(
            photo=wanted.photo.convert("RGB"), item=item, cutout=cutout, words=wanted.words, seed=wanted.seed
        )
        picture = put_on(installed.painter, order, wanted.where, self._on_step or (lambda *_: True))
        return Drawn(picture=picture, mode="photo", prompt=wanted.words, models={"try_on": installed.used},
                     generated=installed.painter.generates)  # fmt: skip

    def without_picture(self) -> Drawn:
        """An item of which there is no picture: from its words, where the model draws from words alone."""
        if self._wanted.mode == "photo" or not self._of.change_words.is_open:
            raise InputError(
                f"{self._order.title!r} has no picture, and this model shows items by their own; add one, or draw "
                "another item"
            )
        painter = self._of.variations
        (picture,) = self._candidates(painter.num_steps, lambda _, watch: painter.draw(self._order, watch), count=1)
        note = "it has no picture, so it is drawn from its words"
        return Drawn(picture=picture, mode="variation", prompt=painter.prompt(self._order), notes=(note,))

    def _place(self, staged: Stage, words: str) -> tuple[DrawingOrder, tuple[str, ...]]:
        """What the scene model is asked with, and the words that it does not know.

        A model of this project begins from the draft of a plan; any other is told the words and the taste in words.
        Where nothing is said of a place, it is one that the item can stand or hang in.
        """
        is_hung, seed = staged.ground_px is None, self._wanted.seed
        if self._of.scene_words.is_open:
            usual = _ON_WALL if is_hung else _GROUNDS[seed % len(_GROUNDS)]
            return self._with_taste_words(replace(self._order, words=words.strip() or usual)), ()
        palette, taste = [], self._taste
        if taste is not None and self._order.strength > 0:
            faded_K3 = CREAM + self._order.strength * (taste.palette_K3 - CREAM)
            palette = list(zip(map(tuple, to_rgb(faded_K3).tolist()), taste.weights_K.tolist(), strict=True))
        values = taste.values if palette and taste is not None else ()
        plan = plan_place(words, palette=palette, values=values, is_hung=is_hung, seed=seed)
        draft = Image.fromarray(plan.draft(min(_MAX_DRAFT_PX, staged.size_px)))
        return replace(self._order, words=plan.caption, draft=draft), plan.unknown

    def _with_taste_words(self, order: DrawingOrder) -> DrawingOrder:
        """The order with the taste in words: all of them, or what the model knows beside the palette."""
        if self._taste is None or self._order.strength <= 0:
            return order
        return replace(order, taste_words=self._taste.words)

    def _candidates(
        self, num_steps: int, draw: Callable[[int, StepHook], Image.Image], *, count: int | None = None
    ) -> list[Image.Image]:
        """Some pictures by seeds of their own, with the progress of all, but for those that the safety check refuses.

        Raises RequestRefused where that are all.
        """
        count = count or self._num_candidates
        meter = ProgressMeter(label="draw", total=count * num_steps)
        found = []
        for number in range(count):

            def watch(step: int, total: int, preview: Image.Image | None, number: int = number) -> bool:
                meter.advance()
                return self._on_step is None or self._on_step(number * total + step, count * total, preview)

            found.append(draw(self._wanted.seed + number * _SEED_STEP, watch))
        meter.close()
        refusals = verdicts(self._of.safety, found, self._wanted.words)
        if all(reason is not None for reason in refusals):
            raise RequestRefused(f"what was drawn is not shown: {refusals[0]}; ask for something else")
        return [picture for picture, reason in zip(found, refusals, strict=True) if reason is None]


def named_model(name: str) -> str:
    folder = Path(foundation_path(name))
    return f"{shown_name(name)}@{fingerprint_folder(folder)}" if folder.is_dir() else name


def license_of(name: str) -> str:
    """The license its card states, for folders; what is known of hub models."""
    card = Path(foundation_path(name)) / "README.md"
    if card.is_file():
        for line in card.read_text(encoding="utf-8").splitlines():
            if line.startswith("license:"):
                return line.removeprefix("license:").strip()
    return KNOWN[name][1] if name in KNOWN else f"as stated on the card of {shown_name(name)}"
