"""The stages `sequence` and `item_head`: what follows what, learned over whole items, and by the language model, too.

Knows what the sequence model is trained on and when it must be again; deliberately knows nothing of the model itself.

Axis legend: N items, D features.
"""

from dataclasses import replace
from pathlib import Path

from genrec import artifacts
from genrec.config import Config
from genrec.data.splits import Split
from genrec.encode.stage import cache_folder, encoded_origin, load_embeddings
from genrec.fusion import Events, make_fuser
from genrec.model.sequence.ensemble import SequenceEnsemble
from genrec.model.sequence.files import FUSER, SEQUENCE_FILE, find_sequence_model, save_sequence_model
from genrec.model.sequence.item_head import ITEM_HEAD_FILE, Backbone, ItemHead, item_head_settings
from genrec.model.sequence.model import SequenceModel, SequenceReport
from genrec.model.sequence.training import train_sequence_model, validation_ndcg
from genrec.runtime import pick_device
from genrec.schema import Catalog, FloatArray
from genrec.settings import stored
from genrec.stages import BuildContext, Stage, foundation_fingerprint

_SEED_STEP = 1_000_003  # from the seed of one model of an ensemble to that of the next


def train_sequence_on(
    catalog: Catalog, split: Split, config: Config, *, content: FloatArray | None, work: Path
) -> tuple[SequenceModel, SequenceReport]:
    """Train the sequence model, or an ensemble, on a split's histories; its validation cases choose the epoch.

    The report of an ensemble is its first member's, with the time of all and the validation of the whole in the end.
    """
    histories = [catalog.rows(history) for history in split.train.histories().values()]
    validation = [(catalog.rows(case.history), catalog.row(case.target)) for case in split.validation]
    num_models = config.sequence.num_models
    trained = [
        train_sequence_model(
            histories,
            len(catalog),
            validation,
            config.sequence,
            content=content,
            device=pick_device(config.device),
            seed=config.seed + _SEED_STEP * number,
            work=_folder(work / f"model-{number}"),
            label="train sequence model" + (f" {number + 1} of {num_models}" if num_models > 1 else "") + ", epochs",
        )
        for number in range(num_models)
    ]
    model, report = trained[0]
    if num_models == 1:
        return model, report
    ensemble = SequenceEnsemble([member for member, _ in trained])
    seconds = sum(other.seconds for _, other in trained)
    quality = validation_ndcg(ensemble, validation)
    return ensemble.eval(), replace(report, seconds=seconds, validation=(*report.validation, quality))


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def learned_item_vectors(root: Path) -> FloatArray | None:
    """The vectors that a workspace's sequence model has for its items, float32 (N, D); None where it does without."""
    model = find_sequence_model(root / SEQUENCE.name, pick_device("cpu"))
    if model is None:
        return None
    vectors_ND: FloatArray = model.item_vectors().detach().numpy()
    return vectors_ND


def _inputs(build: BuildContext) -> dict[str, str]:
    config = build.config
    looks = make_fuser(config.fuse).looks_at_pictures
    return {
        **build.split_inputs(),
        **({"tower": foundation_fingerprint(config.fuse.tower)} if looks else {}),
        "embeddings": encoded_origin(build),
        "fuse": artifacts.fingerprint(stored(config.fuse)),
        "sequence": artifacts.fingerprint(stored(config.sequence)),
    }


def _make(build: BuildContext, directory: Path, key: str) -> dict[str, object]:
    config = build.config
    details: dict[str, object] = {"kind": config.sequence.kind}
    fuser = make_fuser(config.fuse)
    is_off = config.sequence.kind == "off" or not len(build.split.train)
    if is_off and not fuser.learned:
        return details
    work = artifacts.open_work(build.work(SEQUENCE.name), key)
    modalities = load_embeddings(build.folder / "embeddings")
    content = None
    if fuser.learned or any(e.present.any() for e in modalities.values()):
        events = Events.of(build.catalog, build.split, cache=cache_folder(build.root)) if fuser.learned else None
        fuser.fit(modalities, events, seed=config.seed, work=_folder(work / FUSER))
        content = fuser.item_vectors()
        fuser.save(directory / FUSER)  # added items are known by their content
    if is_off:
        return details
    model, report = train_sequence_on(build.catalog, build.split, config, content=content, work=work)
    save_sequence_model(model, report, directory / SEQUENCE_FILE)
    return details | {
        "items": model.num_items,
        "best_epoch": report.best_epoch,
        "validation_ndcg@10": max(report.validation, default=0.0),
        "seconds": round(report.seconds, 1),
    }


def train_item_head_on(
    items: SequenceModel, catalog: Catalog, split: Split, config: Config, *, work: Path
) -> tuple[ItemHead, SequenceReport]:
    """Train the language model's item head over a sequence model's items, on the same histories and validation."""
    settings = item_head_settings(items, config)

    def make() -> ItemHead:
        return ItemHead(items, settings, Backbone.of(config))

    head, report = train_sequence_model(
        [catalog.rows(history) for history in split.train.histories().values()],
        items.num_items,
        [(catalog.rows(case.history), catalog.row(case.target)) for case in split.validation],
        settings,
        device=pick_device(config.device),
        seed=config.seed,
        work=_folder(work),
        label="train item head, epochs",
        make=make,
    )
    assert isinstance(head, ItemHead)
    return head, report


def _head_inputs(build: BuildContext) -> dict[str, str]:
    config = build.config
    return {
        **build.split_inputs(),
        "foundation": foundation_fingerprint(config.tune.base),
        "item_head": artifacts.fingerprint(stored(config.item_head), config.tune.dtype, config.tune.method),
        "sequence": build.manifest("sequence").fingerprint,
    }


def _make_head(build: BuildContext, directory: Path, key: str) -> dict[str, object]:
    config, device = build.config, pick_device(build.config.device)
    items = find_sequence_model(build.folder / SEQUENCE.name, device)
    if items is None or not config.item_head.epochs:
        return {}
    work = artifacts.open_work(build.work(ITEM_HEAD.name), key)
    head, report = train_item_head_on(items, build.catalog, build.split, config, work=work)
    head.save(directory / ITEM_HEAD_FILE)
    return {
        "foundation": config.tune.base,
        "best_epoch": report.best_epoch,
        "validation_ndcg@10": max(report.validation, default=0.0),
        "seconds": round(report.seconds, 1),
    }


SEQUENCE = Stage(name="sequence", inputs=_inputs, make=_make)
ITEM_HEAD = Stage(name="item_head", inputs=_head_inputs, make=_make_head)
