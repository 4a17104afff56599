"""Whether two demo workspaces hold the same answers, so that a refactoring can show that it changed none.

    python benchmarks/same_answers.py OLD NEW [--json]

OLD and NEW are folders that `genrec demo --dir` wrote. Compared are semantic IDs, item vectors, the weights and chosen
numbers of each stage, the figures of summary.json, the transcript, and the drawn pictures with their records. Times,
memory, machine, fingerprints of inputs, and the folders' own names are left out. Exit 1 when anything differs, with the
first difference of each part named; exit 2 when a folder is no finished demo. Nothing is written.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image
from safetensors import deserialize

from genrec.artifacts import MANIFEST
from genrec.generations import GENERATIONS, current_number

SUMMARY = "summary.json"
TRANSCRIPT = "transcript.txt"
NO_ANSWERS = {"files", "key", "machine", "origin", "peak_memory_mb", "seconds", "stages", "users_per_second"}

Entries = Mapping[str, object]  # what a part holds, by the name that a difference is told under


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One part of two workspaces. difference: the first entry that is not equal, None when all are."""

    part: str
    num_entries: int
    difference: str | None


def semantic_ids(root: Path) -> Entries:
    """The codes of each item."""
    rows = pq.read_table(_stages(root) / "semids" / "table.parquet").to_pylist()
    return {row["item_id"]: [code for name, code in row.items() if name.startswith("level_")] for row in rows}


def vectors(root: Path) -> Entries:
    """The arrays of embeddings and fused vectors."""
    return {name: _array(np.load(path)) for name, path in _files(_stages(root), "*.npy")}


def weights(root: Path) -> Entries:
    """The tensors of every stage, without the metadata of their files."""
    return {
        f"{name}: {tensor}": f"{entry['dtype']} {entry['shape']} {_digest(entry['data'])}"
        for name, path in _files(_stages(root), "*.safetensors")
        for tensor, entry in sorted(deserialize(path.read_bytes()))
    }


def stage_details(root: Path) -> Entries:
    """What each stage chose, as its manifest tells."""
    manifests = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in _files(_stages(root), MANIFEST)}
    return dict(_leaves({name: manifest["details"] for name, manifest in manifests.items()}))


def figures(root: Path) -> Entries:
    """The metrics and the evaluation of summary.json."""
    return dict(_leaves(_summary(root)))


def transcript(root: Path) -> Entries:
    """The lines of the transcript, the folder's own name left out."""
    folder = Path(_summary(root)["files"]["transcript"]).parent
    text = (root / TRANSCRIPT).read_text(encoding="utf-8").replace(f"{folder}/", "")
    return {f"line {number}": line for number, line in enumerate(text.splitlines(), start=1)}


def visuals(root: Path) -> Entries:
    """The pixels and the record of each drawn picture."""
    pictures = {}
    for name, path in _files(root / "visuals", "*.png"):
        with Image.open(path) as picture:
            pictures[name] = _array(np.asarray(picture))
    records = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in _files(root / "visuals", "*.json")}
    return {**pictures, **dict(_leaves(records))}


PARTS: Mapping[str, Callable[[Path], Entries]] = {
    "semantic IDs": semantic_ids,
    "item vectors": vectors,
    "weights": weights,
    "stage details": stage_details,
    "figures": figures,
    "transcript": transcript,
    "visuals": visuals,
}


def compare(old: Path, new: Path) -> list[Comparison]:
    """Compare every part of two finished demos."""
    return [compare_part(part, read(old), read(new)) for part, read in PARTS.items()]


def compare_part(part: str, old: Entries, new: Entries) -> Comparison:
    """A part that holds nothing is not equal to anything: then nothing was compared."""
    difference = None if old else "nothing found"
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            difference = f"{name} is missing in NEW"
        elif name not in old:
            difference = f"{name} is missing in OLD"
        elif old[name] != new[name]:
            difference = f"{name}: {old[name]!r} → {new[name]!r}"
        if difference:
            break
    return Comparison(part=part, num_entries=len(old), difference=difference)


def _stages(root: Path) -> Path:
    """Where the stages lie: in the current generation, or in the workspace itself where an earlier genrec wrote it."""
    number = current_number(root)
    return root / GENERATIONS / str(number) if number else root


def _files(root: Path, pattern: str) -> Iterable[tuple[str, Path]]:
    """Files by their path inside a folder, caches and work in progress left out."""
    for path in sorted(root.rglob(pattern)):
        name = path.relative_to(root)
        if not any(folder.startswith(".") for folder in name.parts):
            yield name.as_posix(), path


def _leaves(value: object, path: str = "") -> Iterable[tuple[str, object]]:
    """The single values of nested tables and lists, each under its path."""
    if isinstance(value, Mapping):
        for name, entry in value.items():
            if name not in NO_ANSWERS:
                yield from _leaves(entry, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _leaves(entry, f"{path}[{index}]")
    else:
        yield path, value


def _array(values: np.ndarray) -> str:
    return f"{values.dtype} {values.shape} {_digest(np.ascontiguousarray(values).tobytes())}"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _summary(root: Path) -> dict[str, dict[str, str]]:
    return json.loads((root / SUMMARY).read_text(encoding="utf-8"))


def main(words: Sequence[str] | None = None) -> None:
    """Print one line a part. words: the command line without its first word; None takes this process's own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, metavar="OLD")
    parser.add_argument("new", type=Path, metavar="NEW")
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args(words)
    for root in (options.old, options.new):
        if not (root / SUMMARY).is_file():
            parser.error(f"{root} has no {SUMMARY}; wanted a folder that genrec demo --dir has finished")
    found = compare(options.old, options.new)
    if options.as_json:
        print(json.dumps([asdict(comparison) for comparison in found]))
    else:
        for comparison in found:
            verdict = comparison.difference or "equal"
            print(f"{comparison.part:<14}{comparison.num_entries:>8,}  {verdict}")
    sys.exit(any(comparison.difference for comparison in found))


if __name__ == "__main__":
    main()
