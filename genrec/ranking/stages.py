"""The stages that join the two models: `experts`, the item scorer; `model`, the language model that it teaches; and
`mixture`, how much each has to say.

Knows what is learned from which events and when it must be again; deliberately knows nothing of how either is asked.
"""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from genrec import artifacts
from genrec.encode.stage import encoded_origin, load_embeddings
from genrec.encode.taste_axes import learn_axis_weights
from genrec.model.lm.item_projector import LAYOUT
from genrec.model.lm.language import LanguageModel
from genrec.model.sequence.files import content_vectors
from genrec.model.sequence.item_head import find_headed_model, without_head
from genrec.model.training.tuning import add_lora, prepare_language_model, save_tuned
from genrec.ranking.aversion import learn_aversion
from genrec.ranking.item_scorer import ItemScorer
from genrec.ranking.mixing import Shares
from genrec.ranking.scorer_files import (
    SCORER_FILE,
    SCORER_LAYOUT,
    find_fuser_scores,
    find_item_scorer,
    save_item_scorer,
)
from genrec.ranking.training import ValidationJudge, tune_on
from genrec.runtime import pick_device, seed_everything
from genrec.semids.stage import load_semids
from genrec.settings import stored
from genrec.stages import BuildContext, Stage, foundation_fingerprint, section_input


def _scorer_inputs(build: BuildContext) -> dict[str, str]:
    return {
        **build.split_inputs(),
        **section_input("scorer", build.config.scorer),
        "embeddings": encoded_origin(build),
        "item_head": build.manifest("item_head").fingerprint,
        "layout": str(SCORER_LAYOUT),
        "sequence": build.manifest("sequence").fingerprint,
    }


def _make_scorer(build: BuildContext, directory: Path, _: str) -> dict[str, object]:
    config, folder, catalog = build.config, build.folder, build.catalog
    modalities = load_embeddings(folder / "embeddings")
    sequence_model = find_headed_model(folder, pick_device(config.device), modalities)
    if sequence_model is None:
        return {}
    content = content_vectors(folder / "sequence", modalities, len(catalog))
    validation = build.split.validation
    chosen = np.random.default_rng(config.seed).permutation(len(validation))
    cases = [(catalog.rows(validation[n].history), catalog.row(validation[n].target)) for n in chosen]
    train = build.split.train
    rows = catalog.rows(train.item_ids)
    histories = [rows[start:end] for start, end in train.user_bounds().values()]
    counts = np.bincount(rows, minlength=len(catalog))
    axes = learn_axis_weights(content, histories, counts, config.seed)
    fuser = find_fuser_scores(folder, content, counts, config)
    item_scorer = ItemScorer.of(sequence_model, train, catalog, content, axes, config, fuser=fuser).weighed(cases)
    save_item_scorer(item_scorer, directory / SCORER_FILE)
    return asdict(item_scorer.weights)


def _model_inputs(build: BuildContext) -> dict[str, str]:
    tune = build.config.tune
    return {
        **build.split_inputs(),
        "experts": build.manifest("experts").fingerprint,
        "foundation": foundation_fingerprint(tune.base),
        "id_space": str(build.manifest("semids").details["id_space"]),
        "tune": artifacts.fingerprint(stored(tune), LAYOUT),
    }


def _make_model(build: BuildContext, directory: Path, key: str) -> dict[str, object]:
    config, folder, tune = build.config, build.folder, build.config.tune
    table = load_semids(folder / "semids").table
    work = artifacts.open_work(build.work(MODEL.name), key)
    device = pick_device(config.device)
    seed_everything(config.seed)  # the LoRA starts at random
    item_scorer = find_item_scorer(folder, device, load_embeddings(folder / "embeddings"), config)
    language_model = prepare_language_model(
        tune,
        catalog=build.catalog,
        table=table,
        device=device,
        sequence_model=without_head(item_scorer.sequence_model) if item_scorer and tune.read_items else None,
        seed=config.seed,
    )
    if tune.method != "full":
        language_model = add_lora(language_model, tune, train_id_rows=True)
    report = tune_on(language_model, build.catalog, table, build.split, config, work, item_scorer)
    save_tuned(language_model, directory, config=tune, report=report)
    return {
        "id_space": table.id_space,
        "foundation": tune.base,
        "method": tune.method,
        "steps": report.num_steps,
        "planned_steps": report.num_planned_steps,  # more where tune.max_minutes ended the training
        "best_step": report.best_step,
        "validation_recall@10": dict(report.validation)[report.best_step],
        "seconds": round(report.seconds, 1),
    }


def _mixture_inputs(build: BuildContext) -> dict[str, str]:
    recommend = build.config.recommend
    exposure = stored(recommend)["newcomer_exposure"]
    asked = (recommend.beam_width, exposure, recommend.cold_likeness, recommend.cold_places)
    return {
        **build.split_inputs(),
        **section_input("mixture", build.config.mixture),
        "embeddings": encoded_origin(build),
        "experts": build.manifest("experts").fingerprint,
        "model": build.manifest("model").fingerprint,
        "recommend": artifacts.fingerprint(*asked),
    }


def _make_mixture(build: BuildContext, _directory: Path, _key: str) -> dict[str, object]:
    """Weigh the item scorer against the beams on validation cases, and what tells dislikes on judgments."""
    config, folder = build.config, build.folder
    device = pick_device(config.device)
    item_scorer = find_item_scorer(folder, device, load_embeddings(folder / "embeddings"), config)
    if item_scorer is None:
        return {"sequence_weight": 0.0, "lift": None, **_aversion(build)}
    language_model = LanguageModel.load(
        folder / "model", device=device, dtype=config.tune.dtype, four_bit=config.tune.method == "qlora"
    )
    language_model.fold()
    judge = ValidationJudge(
        build.catalog,
        load_semids(folder / "semids").table,
        build.split.validation,
        config.tune.max_history,
        config.seed,
        max_cases=config.mixture.max_cases,
    )
    mixture = judge.mix(language_model, item_scorer, config)
    return {
        "sequence_weight": mixture.share,
        "head_share": mixture.head_share,
        "lift": mixture.cold_bonus,
        "shares": Shares.of(mixture.share, mixture.head_share).told(item_scorer.weights.item_head),
        "validation_ndcg@10": dict(mixture.validation),
        **_aversion(build),
    }


def _aversion(build: BuildContext) -> dict[str, object]:
    """The coefficients of aversion, where people dislike enough to tell; else none, and the usual ones serve."""
    vectors = load_semids(build.folder / "semids").fused
    histories, aversions = build.split.train.histories(), build.interactions.aversions()
    weights = learn_aversion(build.catalog, vectors, histories, aversions)
    return {} if weights is None else {"aversion": asdict(weights)}


ITEM_SCORER = Stage(name="experts", inputs=_scorer_inputs, make=_make_scorer)
MODEL = Stage(name="model", inputs=_model_inputs, make=_make_model)
MIXTURE = Stage(name="mixture", inputs=_mixture_inputs, make=_make_mixture)
