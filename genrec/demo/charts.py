"""The loss curve as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from genrec.artifacts import write_file
from genrec.errors import InputError

_TRAIN, _EVAL = "#4f46e5", "#e11d48"


def draw_loss_curve(history: Sequence[Mapping[str, float]], path: Path) -> Path:
    """Draw training and validation loss over steps as a PNG.

    history: entries as a Trainer logs them, each with `step` and `loss` or `eval_loss` (nats per token); entries with
    neither are passed over. Raises InputError when nothing can be drawn.
    """
    from matplotlib.figure import Figure

    lines = {
        name: [(e["step"], e[name]) for e in history if name in e and "step" in e] for name in ("loss", "eval_loss")
    }
    if not any(lines.values()):
        raise InputError(f"the training history of {len(history)} entries has no loss; train first, then draw")
    figure = Figure(figsize=(6.4, 3.4), dpi=160, layout="constrained")
    axes = figure.subplots()
    for name, label, color in (("loss", "training", _TRAIN), ("eval_loss", "validation", _EVAL)):
        if lines[name]:
            steps, losses = zip(*lines[name], strict=True)
            marker = "o" if name == "eval_loss" or len(steps) == 1 else None
            axes.plot(steps, losses, color=color, label=label, linewidth=1.8, marker=marker, markersize=4)
    axes.set_xlabel("step")
    axes.set_ylabel("loss (nats per token)")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    with write_file(path) as partial:
        figure.savefig(partial, format="png")
    return path
