"""How often a drawn item keeps its kind and its main color, judged by the CLIP image tower, zero-shot.

    python benchmarks/visuals.py WORKSPACE [--count 100] [--seed 100] [--sheet FILE.png] [--json]

Items and people are drawn at random from a built demo shop; every picture has a fresh seed. The judge is the same
tower whose own accuracy on real pictures of the same items is printed beside it.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from genrec import runtime
from genrec.shop.vocabulary import COLORS, PATTERNS, SEEN_DOMAINS
from genrec.visualize import contact_sheet
from genrec.workspace import Workspace, load

PROMPTS = {
    "category": ("a photo of a {}", SEEN_DOMAINS),
    "color": ("something {}", tuple(COLORS)),
    "pattern": ("something {}", tuple(PATTERNS)),
}


def judge(workspace: Workspace, paths: list[Path]) -> dict[str, list[str]]:
    """The value of each attribute that the tower sees in each picture."""
    images = workspace.clip.encode_images(paths)
    seen = {}
    for name, (prompt, values) in PROMPTS.items():
        texts = workspace.clip.encode_texts([prompt.format(value) for value in values])
        seen[name] = [values[i] for i in (images @ texts.T).argmax(axis=1)]
    return seen


def crop_label(path: Path, out: Path) -> Path:
    """The square picture without the caption strip beneath it."""
    with Image.open(path) as picture:
        side = min(picture.size)
        picture.convert("RGB").crop((0, 0, side, side)).save(out)
    return out


def measure(workspace: Workspace, count: int, seed: int, sheet: Path | None) -> dict[str, float]:
    """Shares of right kind, color and pattern, of drawn and of real pictures."""
    rng = np.random.default_rng(seed)
    users = list(workspace.interactions.user_bounds())
    items = [workspace.catalog.items[i] for i in rng.choice(len(workspace.catalog), count, replace=False)]
    folder = workspace.directory / "visuals" / f"benchmark-{seed}"
    drawn = []
    for number, item in enumerate(runtime.progress(items, label="draw")):
        user = users[int(rng.integers(len(users)))]
        out = folder / f"{number:03d}-{item.item_id}.png"
        visual = workspace.visualize(user=user, item=item.item_id, out=out, seed=seed + number)
        drawn.append(crop_label(visual.path, folder / f"{number:03d}-square.png"))
    figures = {}
    for label, paths in (("drawn", drawn), ("real", [item.image for item in items])):
        seen = judge(workspace, paths)
        for name in PROMPTS:
            right = [value == item.attributes[name] for value, item in zip(seen[name], items, strict=True)]
            figures[f"{label} {name}"] = float(np.mean(right))
    if sheet is not None:
        pictures = [Image.open(path) for item, path in zip(items, drawn, strict=True) for path in (item.image, path)]
        captions = [text for item in items for text in (item.item_id, "drawn")]
        contact_sheet(pictures[:80], captions[:80], columns=10).save(sheet)
    return figures


def main() -> None:
    """Print the table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    runtime.quiet_libraries()
    with runtime.report_progress_to(runtime.print_progress):
        figures = measure(load(options.workspace), options.count, options.seed, options.sheet)
    if options.json:
        print(json.dumps({"count": options.count, "seed": options.seed, **figures}, indent=1))
        return
    print("| picture | attribute | right |\n|---|---|---|")
    for name, share in figures.items():
        picture, attribute = name.split()
        print(f"| {picture} | {attribute} | {share:.1%} |")


if __name__ == "__main__":
    main()
