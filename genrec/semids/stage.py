"""The stage `semids`: from item vectors to semantic IDs, and back from disk.

Knows what is fused and tokenized, and what new items get; deliberately knows nothing of the sequence model, whose item
vectors it is handed.

Axis legend: N items, D features, L levels.
"""

import hashlib
import logging
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genrec.artifacts import fingerprint, write_file
from genrec.config import TokenizeConfig
from genrec.encode.collaborative import NAME as COLLABORATIVE
from genrec.encode.collaborative import collaborative_embeddings, count_pairs
from genrec.encode.stage import load_embeddings
from genrec.errors import ArtifactError, IdTableMismatch, ShapeError
from genrec.fusion import Fuser, is_learned, load_fuser, make_fuser
from genrec.schema import Catalog, Embeddings, FloatArray, IntArray
from genrec.semids.quantizers import Graph, Quantizer, load_quantizer, make_quantizer
from genrec.semids.quantizers.contract import CodeArray
from genrec.semids.report import TokenReport, make_report
from genrec.semids.table import SemanticIdTable
from genrec.settings import stored
from genrec.stages import BuildContext, Stage

log = logging.getLogger(__name__)
FUSED_FILE, TABLE_FILE, REPORT_FILE, MAP_FILE = "fused.npy", "table.parquet", "report.json", "code_map.png"
NUM_CHECKED = 64  # rows that are quantized again on loading, to see that codebooks and table belong together


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticIds:
    """Everything that gives items their IDs. fused: float32 (N, D), unit rows, row by row as in the table."""

    fused: FloatArray
    fuser: Fuser
    quantizer: Quantizer
    table: SemanticIdTable

    def append(self, item_ids: Sequence[str], embeddings: Mapping[str, Embeddings]) -> "SemanticIds":
        """These and new items, encoded by the same encoders; nothing is fitted again, no existing ID changes.

        embeddings: modalities of the new items alone, (M, D) each; missing modalities are predicted where possible.
        Raises ShapeError on other row counts, IdTableMismatch for an item that has an ID, ConfigError on a full path.
        """
        vectors = self.fuser.transform(embeddings)
        if len(vectors) != len(item_ids):
            raise ShapeError(f"{len(item_ids)} new items with {len(vectors)} rows of embeddings; wanted one row each")
        return SemanticIds(
            fused=np.concatenate([self.fused, vectors]),
            fuser=self.fuser,
            quantizer=self.quantizer,
            table=self.table.append(item_ids, code_paths(self.quantizer, vectors, item_ids)),
        )


def tokenize(
    vectors_ND: FloatArray,
    catalog: Catalog,
    config: TokenizeConfig,
    seed: int,
    *,
    graph: Graph | None = None,
    popularity: IntArray | None = None,
) -> tuple[Quantizer, SemanticIdTable, TokenReport]:
    """Fit the configured quantizer on the items' fused vectors and give every item its semantic ID.

    vectors_ND: float32 (N, D), row by row as the catalog; graph, popularity: from training events, for the quantizers
    and tie orders that want them. Where more items share a path than there are tie codes, there are more of these.
    Raises ShapeError on another number of rows, ConfigError on unknown settings.
    """
    if len(vectors_ND) != len(catalog):
        raise ShapeError(f"{len(vectors_ND)} vectors for a catalog of {len(catalog)} items; wanted one per item")
    quantizer = make_quantizer(config).fit(vectors_ND, seed, graph)
    item_ids = [item.item_id for item in catalog]
    paths = code_paths(quantizer, vectors_ND, item_ids)
    table = SemanticIdTable.build(
        item_ids,
        paths,
        num_tie_codes=_num_tie_codes(paths, config),
        level_sizes=quantizer.level_sizes,
        popularity=popularity if config.tie_order == "popularity" else None,
        # What the codes mean is told by the items they were fitted on, not by the last bits of the codebooks: the same
        # data give the same fingerprint on another processor, so that adapters can travel.
        codebook_fingerprint=fingerprint("code paths", sorted(zip(item_ids, paths.tolist(), strict=True))),
    )
    return quantizer, table, make_report(vectors_ND, quantizer, table)


def _num_tie_codes(paths_NL: CodeArray, config: TokenizeConfig) -> int:
    """As many tie codes as the settings say, or, with a warning, as the fullest path needs, and room for new items."""
    most = int(np.unique(paths_NL, axis=0, return_counts=True)[1].max())
    if most <= config.num_tie_codes:
        return config.num_tie_codes
    num_tie_codes = 2 ** most.bit_length()
    log.warning(
        "%d items share a code path, so there are %d tie codes, not the %d of tokenize.num_tie_codes; more "
        "tokenize.num_codes, or longer training, may tell these items apart",
        *(most, num_tie_codes, config.num_tie_codes),
    )
    return num_tie_codes


def code_paths(quantizer: Quantizer, vectors_ND: FloatArray, item_ids: Sequence[str]) -> CodeArray:
    """The code path of every item, int32 (N, L).

    Items of which nothing is known have no vector, and would share one path: theirs are drawn by a hash of their ids.
    """
    paths_NL = quantizer.encode(vectors_ND)
    for row in np.flatnonzero(~vectors_ND.any(axis=1)).tolist():
        drawn = np.random.default_rng(list(hashlib.sha256(item_ids[row].encode("utf-8", "surrogatepass")).digest()))
        paths_NL[row] = drawn.integers(quantizer.level_sizes)
    return paths_NL


def save_semids(
    directory: Path,
    fused_ND: FloatArray,
    fuser: Fuser,
    quantizer: Quantizer,
    table: SemanticIdTable,
    report: TokenReport,
) -> None:
    """Write fused.npy, fuser/, quantizer/, table.parquet, report.json and code_map.png."""
    from genrec.semids.code_map import draw_code_map  # matplotlib takes half a second, and only building draws

    directory.mkdir(parents=True, exist_ok=True)
    with write_file(directory / FUSED_FILE) as partial:
        np.save(partial, np.ascontiguousarray(fused_ND, dtype=np.float32), allow_pickle=False)
    fuser.save(directory / "fuser")
    quantizer.save(directory / "quantizer")
    table.save(directory / TABLE_FILE)
    report.save(directory / REPORT_FILE)
    draw_code_map(fused_ND, table.codes[:, :-1], directory / MAP_FILE)


def load_semids(directory: Path) -> SemanticIds:
    """Read what save_semids wrote.

    Raises ArtifactError when a part is missing or broken, IdTableMismatch when the parts are of different builds.
    """
    table = SemanticIdTable.load(directory / TABLE_FILE)
    quantizer = load_quantizer(directory / "quantizer")
    try:
        fused: FloatArray = np.load(directory / FUSED_FILE, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ArtifactError(f"{directory / FUSED_FILE} cannot be read ({error}); run genrec build again") from error
    if fused.shape != (len(table), quantizer.num_features):
        raise IdTableMismatch(
            f"{directory / FUSED_FILE} has shape {fused.shape}, its table and codebooks want "
            f"{(len(table), quantizer.num_features)}; run genrec build again"
        )
    known = np.flatnonzero(fused.any(axis=1))
    sample = known[np.linspace(0, len(known) - 1, min(len(known), NUM_CHECKED), dtype=np.int64)]
    if (quantizer.encode(fused[sample]) != table.codes[sample, :-1]).any():
        raise IdTableMismatch(
            f"{directory} holds codebooks that do not give the codes of its id table; run genrec build again"
        )
    fuser = load_fuser(directory / "fuser")
    fuser.remember(fused)
    return SemanticIds(fused=fused, fuser=fuser, quantizer=quantizer, table=table)


def semids_details(table: SemanticIdTable) -> dict[str, object]:
    """What the stage says of itself."""
    return {
        "id_space": table.id_space,
        "id_table": table.fingerprint,
        "items": len(table),
        "level_sizes": list(table.level_sizes),
    }


def semids_stage(learned_item_vectors: Callable[[Path], FloatArray | None]) -> Stage:
    """The stage, given what finds the item vectors (N, D) that a workspace's sequence model has learned, if any."""

    def make(build: BuildContext, directory: Path, _: str) -> dict[str, object]:
        config, train = build.config, build.split.train
        fuser = _fitted_fuser(build, learned_item_vectors)
        fused = fuser.item_vectors()
        quantizer, table, report = tokenize(
            fused,
            build.catalog,
            config.tokenize,
            config.seed,
            graph=count_pairs(build.catalog, train, config.fuse.collaborative_window),
            popularity=np.bincount(build.catalog.rows(train.item_ids), minlength=len(build.catalog)),
        )
        save_semids(directory, fused, fuser, quantizer, table, report)
        return semids_details(table)

    return Stage(name="semids", inputs=_inputs, make=make)


def _inputs(build: BuildContext) -> dict[str, str]:
    config = build.config
    inputs = {
        **build.split_inputs(),
        "embeddings": build.manifest("embeddings").fingerprint,
        "fuse": fingerprint(stored(config.fuse)),
        "tokenize": fingerprint(stored(config.tokenize)),
    }
    if config.fuse.collaborative == "sequence" or is_learned(config.fuse):
        inputs["sequence"] = build.manifest("sequence").fingerprint
    return inputs


def _fitted_fuser(build: BuildContext, learned_item_vectors: Callable[[Path], FloatArray | None]) -> Fuser:
    """The configured fuser with its items' vectors; one that learns from events was fitted before, for the sequence."""
    if is_learned(build.config.fuse):
        return load_fuser(build.folder / "sequence" / "fuser")
    modalities = dict(load_embeddings(build.folder / "embeddings"))
    if len(build.split.train):
        modalities[COLLABORATIVE] = _collaborative(build, learned_item_vectors)
    return make_fuser(build.config.fuse).fit(modalities)


def _collaborative(build: BuildContext, learned_item_vectors: Callable[[Path], FloatArray | None]) -> Embeddings:
    """Vectors that are alike for items chosen together, from training events alone; absent for items without any."""
    catalog, config = build.catalog, build.config.fuse
    num_features = max(1, min(config.num_features, len(catalog) - 1))
    counted = collaborative_embeddings(
        catalog, build.split.train, num_features, config.collaborative_window, build.config.seed
    )
    learned_ND = learned_item_vectors(build.folder) if config.collaborative == "sequence" else None
    if learned_ND is None:
        return counted
    chosen = np.flatnonzero(counted.present)
    vectors = np.zeros((len(catalog), learned_ND.shape[1]), np.float32)
    vectors[chosen] = learned_ND[chosen] / np.linalg.norm(learned_ND[chosen], axis=1, keepdims=True)
    return Embeddings(name=COLLABORATIVE, vectors=vectors, present=counted.present)
