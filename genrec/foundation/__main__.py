"""Remakes the shipped tiny models: python -m genrec.foundation [clip|lm|reader|scene|all] [--out DIR]."""

import argparse
import logging
import sys
from pathlib import Path

from genrec.runtime import FOUNDATION_DIR, print_progress, report_progress_to

PARTS = ("clip", "lm", "reader", "scene")


def main(arguments: list[str] | None = None) -> int:
    """Train the parts asked for, in the order they build on each other."""
    parser = argparse.ArgumentParser(prog="python -m genrec.foundation", description="Remake the shipped tiny models.")
    parser.add_argument("part", nargs="?", default="all", choices=[*PARTS, "all"])
    parser.add_argument("--out", type=Path, default=FOUNDATION_DIR, help="folder that holds the model folders")
    parser.add_argument("--scratch", type=Path, default=None, help="folder to keep training pictures in between runs")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads for torch; 0 leaves its default")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    if chosen.threads:
        import torch

        torch.set_num_threads(chosen.threads)
    if chosen.scratch is not None:
        chosen.scratch.mkdir(parents=True, exist_ok=True)
    with report_progress_to(print_progress):
        for part in PARTS if chosen.part == "all" else (chosen.part,):
            _remake(part, chosen.out, chosen.scratch)
    return 0


def _remake(part: str, out: Path, scratch: Path | None) -> None:
    if part == "clip":
        from genrec.foundation import clip

        clip.main(out, scratch=scratch)
    elif part == "lm":
        from genrec.foundation import language

        language.main(out)
    elif part == "reader":
        from genrec.foundation import talk

        talk.main(out)
    else:
        from genrec.foundation import scene_model

        scene_model.main(out)


if __name__ == "__main__":
    sys.exit(main())
