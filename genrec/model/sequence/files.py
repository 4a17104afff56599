"""Sequence models in files: weights, settings and report in one.

Axis legend: M items that were added since training.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from genrec.artifacts import write_file
from genrec.config import SequenceConfig
from genrec.fusion import load_fuser
from genrec.model.sequence.ensemble import SequenceEnsemble
from genrec.model.sequence.model import SequenceModel, SequenceReport
from genrec.schema import Embeddings, FloatArray
from genrec.settings import restored, stored

SEQUENCE_FILE = "sequence.safetensors"
FUSER = "fuser"  # the folder of what joins an item's content, where there is any
_STORED = "sequence."  # before the names of weights in files


def save_sequence_model(model: SequenceModel, report: SequenceReport, path: Path) -> None:
    """Write weights, settings and report into one safetensors file."""
    with write_file(path) as partial:
        save_file(sequence_weights(model), partial, metadata={"genrec": sequence_record(model, report)})


def sequence_weights(model: SequenceModel) -> dict[str, torch.Tensor]:
    """The weights as they are stored, by name."""
    return {_STORED + name: weight.detach().cpu().contiguous() for name, weight in model.state_dict().items()}


def sequence_record(model: SequenceModel, report: SequenceReport | None = None) -> str:
    """The record beside the weights, as JSON: all that it takes to make the model again."""
    num_content = 0 if model.content_map is None else model.content_map.in_features
    num_members = len(model.members) if isinstance(model, SequenceEnsemble) else 0
    record = {"config": stored(model.config), "num_items": model.num_items, "num_content": num_content}
    record |= {"num_members": num_members}
    return json.dumps(record if report is None else record | {"report": asdict(report)})


def stored_sequence_model(path: Path, device: torch.device) -> SequenceModel:
    """The model in a file that holds its weights and its record, maybe among others."""
    with safe_open(path, framework="pt") as stored:
        record = json.loads(stored.metadata()["genrec"])
    shape = record["num_items"], restored(SequenceConfig, record["config"]), record["num_content"]
    num_members = record.get("num_members", 0)
    model = (
        SequenceEnsemble([SequenceModel(*shape) for _ in range(num_members)]) if num_members else SequenceModel(*shape)
    )
    weights = {name.removeprefix(_STORED): w for name, w in load_file(path).items() if name.startswith(_STORED)}
    model.load_state_dict(weights)
    return model.to(device).eval()


def content_vectors(directory: Path, embeddings: Mapping[str, Embeddings], num_items: int) -> FloatArray:
    """The items' content as a stage directory's model was trained on it, float32 (N, C), unit rows, zero without any;
    C is 0 where no item had any content.
    """
    if not (directory / FUSER).is_dir():
        return np.zeros((num_items, 0), np.float32)
    return load_fuser(directory / FUSER).transform(embeddings)


def find_sequence_model(
    directory: Path, device: torch.device, embeddings: Mapping[str, Embeddings] | None = None
) -> SequenceModel | None:
    """The model of a stage directory; None where the workspace has none.

    embeddings: of the catalog as it is now; items that were added since training are admitted by their content.
    """
    path = directory / SEQUENCE_FILE
    if not path.is_file():
        return None
    model = stored_sequence_model(path, device)
    known = model.num_items
    num_items = max((len(e.vectors) for e in (embeddings or {}).values()), default=known)
    if num_items > known and model.content_map is not None and embeddings is not None:
        added = {
            name: Embeddings(name=name, vectors=e.vectors[known:], present=e.present[known:])
            for name, e in embeddings.items()
        }
        model.admit(torch.from_numpy(content_vectors(directory, added, num_items - known)))
    return model
