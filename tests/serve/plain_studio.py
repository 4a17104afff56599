"""A studio whose painters paint plain colors, step by step: what is served can be seen without any model's weights."""

import threading
import time
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from genrec.visualize import DrawingStopped, Studio, Visualizer
from genrec.visualize.families import DrawingOrder, StepHook
from genrec.visualize.guard import Guard
from genrec.visualize.taste import Tastes
from genrec.visualize.vocabulary import Vocabulary
from genrec.workspace import Workspace

NUM_STEPS = 4
KNOWN_WORDS = Vocabulary(frozenset(["on", "an", "oak", "walnut", "table", "wall", "red", "blue", "evening"]))


@dataclass
class PlainPainter:
    """Paints surroundings in a color of the seed, and draws items as they are.

    pause_s: of each step; gate: each step waits until it is set; drawn: the orders that came to their end.
    """

    num_steps: int = NUM_STEPS
    pause_s: float = 0.0
    gate: threading.Event = field(default_factory=threading.Event)
    drawn: list[DrawingOrder] = field(default_factory=list)
    num_at_once: int = 0
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.gate.set()
        self._lock = threading.Lock()

    def prompt(self, order: DrawingOrder) -> str:
        """The words of the order."""
        return ", ".join(filter(None, (order.title, order.words, order.taste_words)))

    def paint(self, picture: Image.Image, mask: Image.Image, order: DrawingOrder, on_step: StepHook) -> Image.Image:
        """A picture of one color."""
        painted = Image.new("RGB", (128, 128), tuple(np.random.default_rng(order.seed).integers(90, 200, 3).tolist()))
        self._step(order, on_step, painted)
        return painted

    def draw(self, order: DrawingOrder, on_step: StepHook) -> Image.Image:
        """The item's own picture."""
        own = order.item_picture or Image.new("RGB", (128, 128))
        self._step(order, on_step, own)
        return own

    def _step(self, order: DrawingOrder, on_step: StepHook, preview: Image.Image) -> None:
        with self._lock:
            self.num_at_once += 1
            self.most_at_once = max(self.most_at_once, self.num_at_once)
        try:
            for step in range(1, self.num_steps + 1):
                if not on_step(step, self.num_steps, preview.resize((16, 16))):
                    raise DrawingStopped("the drawing was stopped")
                assert self.gate.wait(60)
                time.sleep(self.pause_s)
        finally:
            with self._lock:
                self.num_at_once -= 1
        self.drawn.append(order)


_MEASURED: dict[int, tuple[Guard, Tastes]] = {}  # of each workspace, once for all its servers


def plain_studio(workspace: Workspace, painter: PlainPainter | None = None, guard: Guard | None = None) -> Studio:
    """A studio of one workspace; guard: one that judges otherwise."""
    paints = painter or PlainPainter()
    if id(workspace.catalog) not in _MEASURED:
        judge = Guard(clip=workspace.clip, catalog=workspace.catalog, image=workspace.embeddings.get("image"))
        _MEASURED[id(workspace.catalog)] = judge, Tastes(workspace.catalog)  # which keeps the catalog, and so its id
    judge, tastes = _MEASURED[id(workspace.catalog)]

    class PlainVisualizer(Visualizer):
        scene_words = change_words = KNOWN_WORDS

    config = workspace.config.visualize
    visualizer = PlainVisualizer(
        config, "cpu", guard=guard or judge, scenes=paints, variations=paints, workspace=workspace.directory
    )
    return Studio(visualizer=visualizer, tastes=tastes)
