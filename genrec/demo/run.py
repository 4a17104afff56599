"""The demo: a small shop is made, built, asked, explained and drawn, and shown in one page and one picture.

Walks the same stages as any workspace. A second run finds everything fresh and only shows it again.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.text import Text

from genrec import artifacts, runtime
from genrec.data.ingest import ingest
from genrec.demo.report import CONTACT_SHEET, REPORT, draw_loss_curve, write_report
from genrec.demo.result import DemoItem, DemoPerson, DemoPick, DemoResult, DemoVisual, SameItemDrawn
from genrec.evaluate.oracle import load_world
from genrec.evaluate.protocol import evaluate
from genrec.evaluate.report import EvaluationReport
from genrec.generations import CATALOG, Generation, is_ingested, writing
from genrec.pipeline import build
from genrec.schema import Visual
from genrec.sinks import visible
from genrec.workspace import Workspace, load

SEED = 7
NUM_SHOWN = 3  # people in the transcript
NUM_PICKS = 4
NUM_HISTORY_CARDS = 8
NUM_CANDIDATES = 200  # people among whom those with the most different tastes are looked for
TASTE_ATTRIBUTES = ("color", "pattern", "style")
SUMMARY, TRANSCRIPT = "summary.json", "transcript.txt"


def run_demo(directory: Path, *, settings: Sequence[str], console: Console) -> Path:
    """Make or refresh the demo's workspace, print its transcript and return the report's path. Raises WorkspaceBusy."""
    with writing(directory, "genrec demo"):
        return _run(directory, settings=settings, console=console)


def _run(directory: Path, *, settings: Sequence[str], console: Console) -> Path:
    stages: dict[str, float] = {}
    if not is_ingested(directory):
        with _timed(stages, "ingest"):
            ingest("shop", None, directory, seed=SEED)
    stages |= build(directory, settings=settings).seconds
    key = workspace_fingerprint(directory)
    summary_file = directory / SUMMARY
    if not _is_shown(summary_file, key):
        result, evaluation = _show(load(directory), stages)
        write_report(directory, result)
        artifacts.write_text(directory / TRANSCRIPT, _transcript(result, evaluation))
        artifacts.write_text(summary_file, json.dumps(_summary(result, evaluation, key), indent=1, default=str))
    transcript = (directory / TRANSCRIPT).read_text(encoding="utf-8")
    console.print(Text(visible(transcript, keep_lines=True)))
    files = json.loads(summary_file.read_text(encoding="utf-8"))["files"]
    console.print(Text("\n".join(visible(f"{label}: {path}") for label, path in files.items())))
    return directory / REPORT


@contextmanager
def _timed(stages: dict[str, float], name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    stages[name] = time.monotonic() - start


def workspace_fingerprint(directory: Path) -> str:
    """16 hex digits of all that a run shows: it is shown again while they stay."""
    folder = Generation.open(directory).folder
    prints = [artifacts.read_manifest(folder / name, name).fingerprint for name in (CATALOG, "semids", "mixture")]
    return artifacts.fingerprint(*prints)


def _is_shown(summary_file: Path, key: str) -> bool:
    files = [summary_file] + [summary_file.parent / name for name in (REPORT, CONTACT_SHEET, TRANSCRIPT)]
    if not all(path.is_file() for path in files):
        return False
    return bool(json.loads(summary_file.read_text(encoding="utf-8")).get("key") == key)


def _show(workspace: Workspace, stages: dict[str, float]) -> tuple[DemoResult, EvaluationReport]:
    root, folder = workspace.directory, workspace.data.folder
    with _timed(stages, "evaluate"):
        evaluation = evaluate(workspace, world=load_world(root), unmasked=False)
    with _timed(stages, "recommend, explain, visualize"):
        users = _most_different(workspace)
        people = tuple(_person(workspace, user) for user in users)
        same_item = _draw_same_item(workspace, users[:2])
    losses = json.loads((folder / "model" / "loss.json").read_text(encoding="utf-8"))["losses"]
    result = DemoResult(
        title="A small shop, recommended, explained and drawn",
        people=people,
        num_items=len(workspace.catalog),
        num_users=len(workspace.interactions.user_bounds()),
        num_events=len(workspace.interactions),
        stages=stages,
        evaluation=evaluation,
        same_item=same_item,
        loss_curve=draw_loss_curve([{"step": s, "loss": v} for s, v in losses], root / "loss_curve.png"),
        code_map=folder / "semids" / "code_map.png",
        files={
            "report": str(root / REPORT),
            "contact sheet": str(root / CONTACT_SHEET),
            "transcript": str(root / TRANSCRIPT),
            "visuals": str(root / "visuals"),
            "summary": str(root / SUMMARY),
        },
        machine=evaluation.machine,
    )
    return result, evaluation


def _most_different(workspace: Workspace) -> list[str]:
    """People whose histories look least alike: the two at opposite ends first, then whoever is far from both."""
    image = workspace.embeddings["image"].vectors
    histories = list(workspace.interactions.histories().items())[:NUM_CANDIDATES]
    centers = np.stack([_unit(image[workspace.catalog.rows(history[-6:])].mean(axis=0)) for _, history in histories])
    centers = centers - centers.mean(axis=0)
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    cosines = centers @ centers.T
    chosen = [int(i) for i in np.unravel_index(cosines.argmin(), cosines.shape)]
    while len(chosen) < NUM_SHOWN:
        nearest = cosines[:, chosen].max(axis=1)
        nearest[chosen] = np.inf
        chosen.append(int(nearest.argmin()))
    return [histories[i][0] for i in chosen]


def _unit(vector: np.ndarray[tuple[int], np.dtype[np.float32]]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _taste_words(workspace: Workspace, history: Sequence[str]) -> str:
    """The values that a history repeats most, such as "red, green · striped · retro"."""
    words = []
    for name in TASTE_ATTRIBUTES:
        values = Counter(str(workspace.catalog[i].attributes[name]) for i in history[-NUM_HISTORY_CARDS:])
        words.append(", ".join(value for value, count in values.most_common(2) if count > 1))
    return " · ".join(word for word in words if word)


def _person(workspace: Workspace, user: str) -> DemoPerson:
    history = workspace.history_of(user)
    found = workspace.recommend(user=user, k=NUM_PICKS)
    picks = []
    for number, entry in enumerate(found):
        item = workspace.catalog[entry.item_id]
        explanation = workspace.explain(user=user, item=entry.item_id)
        visual = _draw(workspace, user, entry.item_id) if number < 2 else None
        picks.append(DemoPick.of(entry, item, reason=explanation.text, evidence=explanation.evidence, visual=visual))
    return DemoPerson(
        user_id=user,
        history=tuple(DemoItem.of(workspace.catalog[item_id]) for item_id in history[-NUM_HISTORY_CARDS:]),
        picks=tuple(picks),
        taste=_taste_words(workspace, history),
    )


def _draw(workspace: Workspace, user: str, item_id: str) -> DemoVisual:
    out = workspace.directory / "visuals" / f"{user}-{item_id}.png"
    visual: Visual = workspace.visualize(user=user, item=item_id, out=out, seed=SEED)
    return DemoVisual(path=visual.path, prompt=visual.prompt, seed=visual.seed, scores=visual.scores)


def _draw_same_item(workspace: Workspace, users: Sequence[str]) -> SameItemDrawn:
    """One item that neither person has, drawn for both."""
    seen = {item_id for user in users for item_id in workspace.history_of(user)}
    item = next(item for item in workspace.catalog if item.item_id not in seen and item.image is not None)
    drawn = tuple(
        (user, _taste_words(workspace, workspace.history_of(user)), _draw(workspace, user, item.item_id))
        for user in users
    )
    return SameItemDrawn(item=DemoItem.of(item), drawn=drawn)


def _transcript(result: DemoResult, evaluation: EvaluationReport) -> str:
    lines = [f"{result.num_items:,} items, {result.num_users:,} people, {result.num_events:,} events"]
    for person in result.people:
        lines += ["", f"{person.user_id} (likes {person.taste}) chose, oldest first:"]
        lines += [f"    {card.title}, {card.price}" for card in person.history]
        lines += ["  and is recommended:"]
        for pick in person.picks:
            lines.append(f"  {pick.rank}. {pick.item.title}, {pick.item.price}")
            lines.append(f"     {pick.reason}")
            lines += [f"       · {e.claim} ({e.source}, {e.weight:+.2f} nats)" for e in pick.evidence]
            if pick.visual is not None:
                lines.append(f"     drawn for this person: {pick.visual.path} (generated)")
    lines += ["", "Test split, whole catalog ranked, items of the history masked:"]
    rows: Mapping[str, Mapping[str, float]] = {"genrec": evaluation.metrics, **evaluation.peers}
    for name, figures in rows.items():
        lines.append(f"  {name:<12} Recall@10 {figures['recall@10']:.3f}   NDCG@10 {figures['ndcg@10']:.3f}")
    return "\n".join(lines)


def _summary(result: DemoResult, evaluation: EvaluationReport, key: str) -> dict[str, object]:
    document = evaluation.to_json()
    return {
        "key": key,
        "stages": dict(result.stages),
        "metrics": document["metrics"],
        "oracle": dict(evaluation.oracle or {}),
        "evaluation": document,
        "peak_memory_mb": round(runtime.peak_memory_mb(), 1),
        "files": dict(result.files),
    }
