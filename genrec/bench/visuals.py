"""`genrec bench visuals`: whether pictures keep the item, suit the person, and change as they are asked to.

Scenes are judged by colors alone, because what is asked is whom the surroundings suit: a scene made from the older part
of a person's history is compared with the items of its newer part, and of other people's. Variations are judged by the
CLIP tower, whose own accuracy on the catalog's pictures stands in the same row. Knows pictures; draws by
`genrec.visualize`.
"""

# P people, C values of an attribute, A places of colors

import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from genrec.bench.measure import Row
from genrec.data.images import decode_image
from genrec.errors import InputError
from genrec.runtime import ProgressMeter
from genrec.schema import FloatArray, Item, Visual
from genrec.visualize import Wanted, contact_sheet
from genrec.visualize.colors import NAMED, color_shares, likeness, to_lab
from genrec.visualize.cutout import cut_out
from genrec.visualize.draw import studio_of, visualize
from genrec.visualize.marking import read_picture
from genrec.visualize.staging import Stage
from genrec.workspace import Workspace, load

COUNT, NUM_PERMUTATIONS, MAX_ON_SHEET = 100, 10_000, 60
_HELD_OUT, _MIN_HELD_OUT, _MAX_HELD_OUT = 0.3, 2, 8
PROMPTS: Mapping[str, str] = {"category": "a photo of a {}", "color": "something {}", "pattern": "something {}"}
MEASURES = (
    "dataset", "preset", "mode", "count", "kind_kept", "color_kept", "pattern_kept", "changed_pixels", "item_likeness",
    "taste_likeness", "permutation_p", "permutation_auc", "kid", "images_per_s", "peak_mb",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitter:
    """A person with an item to be shown to them: by the older part of their history, judged by the newer."""

    history: tuple[str, ...]
    newer: tuple[str, ...]
    item: Item


def bench_visuals(
    seed: int, *, directory: Path | None = None, count: int = COUNT, sheet: Path | None = None
) -> list[Row]:
    """One row per mode, and one for scenes of nobody; None where a measure does not fit. sheet: a PNG of some."""
    if directory is None:
        raise InputError("bench visuals measures a workspace; give its folder: genrec bench visuals DIR")
    workspace = load(directory)
    sitters = sample_sitters(workspace, count, seed)
    bench = _Bench(workspace, directory.resolve().name, seed)
    with TemporaryDirectory() as folder:
        bench.folder = Path(folder)
        rows = [bench.scenes(sitters), bench.scenes(sitters, mode="scene of nobody"), bench.variations(sitters)]
        rows.append(bench.photos(sitters))
        if sheet is not None:
            bench.save_sheet(sheet)
    return rows


def sample_sitters(workspace: Workspace, count: int, seed: int) -> list[Sitter]:
    """People with enough events, each with a random item that has a picture. Raises InputError where there are none."""
    rng, catalog = np.random.default_rng(seed), workspace.catalog
    pictured = [item for item in catalog.items if item.image is not None]
    if not pictured:
        raise InputError("no item of this workspace has a picture, so there is nothing to show; ingest some")
    has_picture = {item.item_id for item in pictured}
    histories = list(workspace.interactions.histories().values())
    found = []
    for place in rng.permutation(len(histories)):
        shown = [name for name in histories[place] if name in has_picture]
        held_out = min(_MAX_HELD_OUT, max(_MIN_HELD_OUT, round(_HELD_OUT * len(shown))))
        if len(shown) >= held_out + 3:
            item = pictured[int(rng.integers(len(pictured)))]
            found.append(Sitter(history=tuple(shown[:-held_out]), newer=tuple(shown[-held_out:]), item=item))
        if len(found) == count:
            break
    if len(found) < 2:
        raise InputError("fewer than two people chose five items with pictures, so tastes cannot be compared here")
    return found


class _Bench:
    """The rows of one workspace."""

    def __init__(self, workspace: Workspace, dataset: str, seed: int) -> None:
        self._workspace, self._dataset, self._seed = workspace, dataset, seed
        self._studio = studio_of(workspace)
        self.folder = Path()
        self._shown: list[tuple[str, Image.Image]] = []

    def scenes(self, sitters: Sequence[Sitter], mode: str = "scene") -> Row:
        """How near a scene is to what its person chose later, against what others chose."""
        made, seconds = self._draw(
            [sitter if mode == "scene" else _nobody(sitter) for sitter in sitters], [Wanted()] * len(sitters), mode
        )
        tastes, catalog = self._studio.tastes, self._workspace.catalog
        newer_PA = np.stack([tastes.shares_of(catalog.rows(sitter.newer).tolist()) for sitter in sitters])
        around_PA, changed = [], 0
        for place, (sitter, visual) in enumerate(zip(sitters, made, strict=True)):
            picture, staged = read_picture(visual.path), self._stage(sitter.item, self._seed + place)
            changed += changed_pixels(picture, staged)
            around_PA.append(_around(picture, staged))
        usual_A = tastes.catalog_shares_A
        scores_PP = np.array([[_closeness(a, b, usual_A) for b in newer_PA] for a in around_PA])
        p, auc = permutation_test(scores_PP, np.random.default_rng(self._seed))
        own = float(np.diagonal(scores_PP).mean())
        return self._row(
            mode, made, seconds, changed_pixels=changed, taste_likeness=own, permutation_p=p, permutation_auc=auc
        )

    def variations(self, sitters: Sequence[Sitter]) -> Row:
        """Whether kind, color and pattern are kept, or changed as asked; None where none are offered."""
        reason = self._studio.visualizer.guard.why_no_variations
        rng, wanted, asked = np.random.default_rng(self._seed), [], []
        values = {name: self._values_of(name) for name in PROMPTS}
        for sitter in sitters:
            told = {name: sitter.item.attributes.get(name) for name in PROMPTS}
            kind = int(rng.integers(3))
            if kind != 1 and (colors := [value for value in values["color"] if value in NAMED]):
                told["color"] = str(rng.choice(colors))
            if kind != 0 and values["pattern"]:
                told["pattern"] = str(rng.choice(values["pattern"]))
            said = [str(told["color"])] if kind != 1 and told["color"] else []
            said += [str(told["pattern"])] if kind != 0 and told["pattern"] else []
            wanted.append(Wanted(mode="variation", words=", ".join(said)))
            asked.append(told)
        made, seconds = self._draw(sitters, wanted, "variation")
        drawn = [visual.mode == "variation" for visual in made]
        if reason is not None or not any(drawn):
            refused = 1 - float(np.mean(drawn))
            return self._row("variation", made, seconds, refused=refused)
        kept = self._kept([read_picture(visual.path) for visual in made], asked, values)
        own = self._kept(
            [decode_image(sitter.item.image) for sitter in sitters if sitter.item.image is not None],
            [{name: sitter.item.attributes.get(name) for name in PROMPTS} for sitter in sitters],
            values,
        )
        cosines = [visual.scores["item"] for visual in made if "item" in visual.scores]
        return self._row(
            "variation", made, seconds,
            kind_kept=kept.get("category"), color_kept=kept.get("color"), pattern_kept=kept.get("pattern"),
            item_likeness=float(np.mean(cosines)) if cosines else None, refused=1 - float(np.mean(drawn)),
            judge_on_real=" ".join(f"{name} {share:.2f}" for name, share in own.items()),
        )  # fmt: skip

    def photos(self, sitters: Sequence[Sitter]) -> Row:
        """How many pixels of a made-up photo change outside of the box."""
        rng, wanted, photos = np.random.default_rng(self._seed), [], []
        for _ in sitters:
            noise = rng.integers(0, 256, (24, 32, 3)).astype(np.uint8)
            photo = Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC)
            left, top = int(rng.integers(0, 160)), int(rng.integers(0, 100))
            photos.append(photo)
            wanted.append(Wanted(mode="photo", photo=photo, where=(left, top, 150, 130)))
        made, seconds = self._draw(sitters, wanted, "photo")
        changed = 0
        for visual, photo, order in zip(made, photos, wanted, strict=True):
            assert isinstance(order.where, tuple)
            left, top, width, height = order.where
            apart = (np.asarray(read_picture(visual.path)) != np.asarray(photo)).any(axis=-1)
            apart[top : top + height, left : left + width] = False
            changed += int(apart.sum())
        return self._row("photo", made, seconds, changed_pixels=changed)

    def save_sheet(self, path: Path) -> None:
        """Some pictures of each mode."""
        kinds = dict.fromkeys(kind for kind, _ in self._shown)
        per_kind = max(1, MAX_ON_SHEET // max(len(kinds), 1))
        shown = [entry for kind in kinds for entry in [e for e in self._shown if e[0] == kind][:per_kind]]
        contact_sheet([picture for _, picture in shown], [kind for kind, _ in shown], 10, cell_px=192).save(path)

    def _draw(self, sitters: Sequence[Sitter], wanted: Sequence[Wanted], mode: str) -> tuple[list[Visual], float]:
        made = []
        meter, start = ProgressMeter(label=f"draw {mode}s", total=len(sitters)), time.perf_counter()
        for place, (sitter, order) in enumerate(zip(sitters, wanted, strict=True)):
            out = self.folder / f"{mode.replace(' ', '-')}-{place:04d}.png"
            order = Wanted(
                mode=order.mode, words=order.words, photo=order.photo, where=order.where, seed=self._seed + place
            )
            made.append(
                visualize(self._workspace, history=sitter.history, item_id=sitter.item.item_id, wanted=order, out=out)
            )
            meter.advance()
        meter.close()
        seconds = time.perf_counter() - start
        self._shown += [
            (f"{mode}: {visual.mode} {order.words}", read_picture(visual.path))
            for visual, order in zip(made[:MAX_ON_SHEET], wanted, strict=False)
        ]
        return made, seconds

    def _stage(self, item: Item, seed: int) -> Stage:
        return self._studio.visualizer.stage(cut_out(decode_image(item.image, keeps_alpha=True)), seed)  # type: ignore[arg-type]

    def _values_of(self, attribute: str) -> list[str]:
        found = {item.attributes.get(attribute) for item in self._workspace.catalog.items}
        return sorted(value for value in found if isinstance(value, str))

    def _kept(
        self, pictures: Sequence[Image.Image], asked: Sequence[Mapping[str, object]], values: Mapping[str, list[str]]
    ) -> dict[str, float]:
        clip = self._workspace.clip
        seen_PD, kept = clip.encode_images(list(pictures)), {}
        for name, prompt in PROMPTS.items():
            if not values[name]:
                continue
            texts_CD = clip.encode_texts([prompt.format(value) for value in values[name]])
            found = (seen_PD @ texts_CD.T).argmax(axis=1)
            kept[name] = float(np.mean([values[name][n] == told[name] for n, told in zip(found, asked, strict=True)]))
        return kept

    def _row(self, mode: str, made: Sequence[Visual], seconds: float, **found: object) -> Row:
        row: dict[str, Any] = dict.fromkeys(MEASURES)  # Any: cells of a row, None where a measure does not fit
        row |= {"dataset": self._dataset, "preset": self._workspace.config.preset, "mode": mode, "count": len(made)}
        row |= {
            "images_per_s": len(made) / seconds,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        return row | found


def changed_pixels(picture: Image.Image, staged: Stage) -> int:
    """How many of the item's own pixels a picture shows otherwise."""
    solid = staged.item_SS >= 1.0
    return int((np.asarray(picture)[solid] != staged.pixels_SS3[solid]).any(axis=-1).sum())


def permutation_test(scores_PP: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    """Whether own pairs, on the diagonal, score above others: p by shuffling people, and the AUC against others."""
    own, size = float(np.diagonal(scores_PP).mean()), len(scores_PP)
    shuffled = [float(scores_PP[np.arange(size), rng.permutation(size)].mean()) for _ in range(NUM_PERMUTATIONS)]
    p = (1 + sum(value >= own for value in shuffled)) / (1 + NUM_PERMUTATIONS)
    others = ~np.eye(size, dtype=bool)
    above = [
        (scores_PP[n, n] > scores_PP[n, others[n]]).mean() + 0.5 * (scores_PP[n, n] == scores_PP[n, others[n]]).mean()
        for n in range(size)
    ]
    return p, float(np.mean(above))


def _closeness(around_A: FloatArray, newer_A: FloatArray, usual_A: FloatArray) -> float:
    """How near surroundings are to items, beyond how near they are to the catalog as a whole."""
    return likeness(around_A, newer_A) - likeness(usual_A, newer_A)


def _around(picture: Image.Image, staged: Stage) -> FloatArray:
    """The colors around the item, (A,)."""
    pixels = np.asarray(picture.convert("RGB"))
    return color_shares(to_lab(pixels[staged.alpha_SS <= 0][::7]))


def _nobody(sitter: Sitter) -> Sitter:
    return Sitter(history=(), newer=sitter.newer, item=sitter.item)
