"""Settings that follow from the data: how many codes, which sequence model, how long to train.

Rules of thumb that give what measured best on Amazon Beauty, MovieLens-1M and the demo (`benchmarks/RESULTS.md`), and
something between for what lies between. Knows numbers of items and events, and who has the last word; deliberately
knows nothing of what the settings do.
"""

import logging
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from genrec.config import CONFIG_FILE, Config, TuneConfig
from genrec.data.ingest import load_events
from genrec.data.splits import is_training
from genrec.errors import ConfigError
from genrec.schema import IntArray

log = logging.getLogger(__name__)
_LONG_HISTORY = 50  # events of a person on average, from which on histories are long
_MANY_ITEMS = 5_000
_FEW_EVENTS = 20  # an item: too few to tell by counting what is chosen together
_MANY_EVENTS = 100_000
_STEPS_PER_ITEM = 0.2  # of the language model
_READ_EVENTS = 15_000_000  # by a sequence model in all its epochs
_READ_BY_HEAD = 4_000_000  # by the language model's item head, which learns in fewer


def resolve_config(root: Path, folder: Path, *, preset: str | None = None, settings: Iterable[str] = ()) -> Config:
    """A build's configuration: the workspace's own unless a preset is named; else that, or tiny, as suits the data.

    folder: the generation that holds the data. Settings come on top. Raises ConfigError, ArtifactError.
    """
    settings = list(settings)
    stored = _stored(root, folder) if preset is None else None
    if stored is not None:
        return stored.with_settings(settings)
    interactions, num_items = load_events(folder)
    given = {"split": {"protocol": "given"}} if interactions.parts is not None else {}  # the source's own split
    asked = Config.for_preset(preset or "tiny", given).with_settings(settings)
    trains = is_training(interactions, asked.split)
    lengths = np.add.reduceat(trains, interactions.user_starts(), dtype=np.int64) if len(trains) else np.zeros(0, int)
    defaults = given | data_defaults(num_items, lengths[lengths > 0])
    log.info("settings that suit %d items and %d events: %s", num_items, len(interactions), in_words(defaults))
    return Config.for_preset(asked.preset, defaults).with_settings(settings)


def _stored(root: Path, folder: Path) -> Config | None:
    """The workspace's own settings, else those of the generation; None where neither has any that can be read."""
    if (root / CONFIG_FILE).exists():
        return Config.load(root / CONFIG_FILE)
    try:
        return Config.load(folder / CONFIG_FILE)
    except ConfigError as error:
        if (folder / "model").exists():  # it was built by some
            log.warning("the settings of %s are lost (%s); those that suit the data are taken", root, error)
    return None


def data_defaults(num_items: int, lengths: IntArray) -> dict[str, dict[str, object]]:
    """Sections and their settings for so many items and training histories of these lengths; empty without events."""
    num_events = int(lengths.sum())
    if not num_events or not num_items:
        return {}
    is_long = num_events >= _LONG_HISTORY * len(lengths)
    has_many_events = num_events >= _MANY_EVENTS
    sequence: dict[str, object] = {
        "kind": "sasrec" if is_long else "bsarec",
        "num_models": 2 if has_many_events and not is_long else 1,
        "epochs": int(np.clip(_READ_EVENTS // num_events, 5, 40)),
        "batch_size": int(np.clip(2 ** math.floor(math.log2(num_events / 512)), 256, 1024)),
    }
    if is_long:
        sequence |= {"max_history": 100, "dropout": 0.3}
    batch_size = 64 if has_many_events else 32
    tune = TuneConfig()
    num_windows = np.maximum(1, -(-(lengths - 1) // tune.max_history)).sum()
    epochs = _STEPS_PER_ITEM * num_items * batch_size * (1 - tune.alignment_share) / num_windows
    return {
        "fuse": {
            "num_features": 256 if num_items >= _MANY_ITEMS else 64,
            "collaborative": "sequence" if num_events < _FEW_EVENTS * num_items else "events",
        },
        "tokenize": {"num_codes": int(np.clip(2 ** math.ceil(math.log2(2 * math.sqrt(num_items))), 16, 1024))},
        "sequence": sequence,
        "item_head": {
            "epochs": int(np.clip(_READ_BY_HEAD // num_events, 3, 5)),
            "batch_size": sequence["batch_size"],
        },
        "tune": {"batch_size": batch_size, "epochs": float(np.clip(round(2 * epochs) / 2, 1, 15))},
    }


def in_words(defaults: Mapping[str, Mapping[str, object]]) -> str:
    """The settings as one would give them."""
    return " ".join(f"{section}.{name}={value}" for section, table in defaults.items() for name, value in table.items())
