"""A built workspace's data: catalog, events, vectors and semantic IDs, loaded and checked to belong together.

Knows stage folders and their manifests; deliberately knows no model but those that encode queries, which
are loaded at first use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from genrec.artifacts import Manifest, read_manifest, reading
from genrec.config import CONFIG_FILE, Config
from genrec.data.feedback import scheme_of
from genrec.data.filters import Filter
from genrec.data.ingest import load_data, load_labels
from genrec.data.labels import Labels
from genrec.encode.clip import ClipEncoder
from genrec.encode.stage import load_embeddings
from genrec.errors import IdTableMismatch, UnknownItem
from genrec.fusion import Fuser, load_fuser, make_fuser
from genrec.generations import CATALOG, Generation
from genrec.model.lm.language import read_ids
from genrec.ranking.eligibility import PassingItems
from genrec.runtime import pick_device
from genrec.schema import BoolArray, Catalog, Embeddings, FloatArray, Interactions
from genrec.search.index import SearchIndex
from genrec.search.meaning import Meaning
from genrec.search.spaces import find_meaning
from genrec.search.stage import find_search
from genrec.semids.stage import load_semids
from genrec.semids.table import SemanticIdTable

STAGES = ("embeddings", "semids", "sequence", "experts", "model", "mixture")


@dataclass(frozen=True, kw_only=True, eq=False)
class BuiltData:
    """What a built workspace holds beside its trained models; row *i* of all of it is item *i* of the catalog.

    generation: what it was loaded from, which stays on disk as long as this lives; vectors: fused item vectors, float32
    (N, D), unit rows.
    """

    generation: Generation
    config: Config
    catalog: Catalog
    interactions: Interactions
    embeddings: Mapping[str, Embeddings]
    table: SemanticIdTable
    vectors: FloatArray

    @property
    def directory(self) -> Path:
        """The workspace's folder."""
        return self.generation.root

    @property
    def folder(self) -> Path:
        """The folder of its generation, which holds the stages."""
        return self.generation.folder

    @classmethod
    def load(cls, directory: Path | str) -> "BuiltData":
        """Read the current generation of a built workspace; see `of`."""
        return cls.of(Generation.open(directory))

    @classmethod
    def of(cls, generation: Generation, *, config: Config | None = None) -> "BuiltData":
        """Read a generation; config: in place of its own.

        Raises ArtifactError when a stage is missing, broken or of another version, IdTableMismatch when parts do not
        belong together.
        """
        with reading(generation.folder):
            return cls._of(generation, config)

    @classmethod
    def _of(cls, generation: Generation, config: Config | None) -> "BuiltData":
        folder = generation.folder
        _check_chain({stage: read_manifest(folder / stage, stage) for stage in (CATALOG, *STAGES)})
        loaded = Config.load(folder / CONFIG_FILE) if config is None else config
        catalog, interactions, _ = load_data(folder)
        semantic_ids = load_semids(folder / "semids")
        _check_ids(folder, semantic_ids.table, catalog)
        return cls(
            generation=generation,
            config=loaded,
            catalog=catalog,
            interactions=interactions,
            embeddings=load_embeddings(folder / "embeddings"),
            table=semantic_ids.table,
            vectors=semantic_ids.fused,
        )

    @cached_property
    def clip(self) -> ClipEncoder:
        """The CLIP model that encoded the catalog, loaded when first needed."""
        return ClipEncoder(self.config.encode.clip, pick_device(self.config.device))

    @cached_property
    def looking_fuser(self) -> Fuser | None:
        """The fuser where it looks at pictures itself, loaded when first needed; None of others."""
        return load_fuser(self.folder / "semids" / "fuser") if make_fuser(self.config.fuse).looks_at_pictures else None

    @cached_property
    def labels(self) -> Labels:
        """How the catalog's attributes are spoken, as the catalog and a person's labels.toml say."""
        return load_labels(self.folder, self.catalog)

    @cached_property
    def passing_items(self) -> PassingItems:
        """The catalog rows that pass each filter, worked out once."""
        return PassingItems(self.catalog)

    @cached_property
    def search(self) -> SearchIndex:
        """The words and names of the catalog, read or made when first needed."""
        return find_search(self.folder, self.catalog)

    @cached_property
    def meaning(self) -> Meaning | None:
        """The space in which queries are near to items, loaded and tried when first needed; None where none serves."""
        return find_meaning(self.catalog, self.embeddings, self.config, lambda: self.clip)

    @cached_property
    def search_by_meaning(self) -> SearchIndex:
        """The same beside that space."""
        return self.search.with_meaning(self.meaning)

    @cached_property
    def feedback_scheme(self) -> str:
        """By which events are positive, as ingest said. Raises ArtifactError."""
        return scheme_of(read_manifest(self.folder / CATALOG, CATALOG).details)

    def passing(self, where: Filter | None) -> BoolArray:
        """Which catalog rows pass a filter, bool (N,). Raises FilterError when a value cannot be compared."""
        return self.passing_items.passing(where)

    def history_of(self, user_id: str) -> tuple[str, ...]:
        """All items that one known user judged positively, oldest first. Raises UnknownUser."""
        return self.interactions.history(user_id)

    def aversion_of(self, user_id: str) -> tuple[str, ...]:
        """All items that one known user judged negatively at last. Raises UnknownUser."""
        return self.interactions.aversion(user_id)

    def split_history(self, history: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The items of a history that the catalog has, variants as their items, and those it lacks.

        Raises UnknownItem when a history is given and none of it is known.
        """
        known = tuple(self.catalog.item_id(any_id) for any_id in history if any_id in self.catalog)
        unknown = tuple(item_id for item_id in history if item_id not in self.catalog)
        if unknown and not known:
            raise UnknownItem(
                f"none of the history {list(unknown[:5])} is in the catalog of {len(self.catalog)} items; "
                f"its ids look like {self.catalog.items[0].item_id!r}"
            )
        return known, unknown


def _check_chain(manifests: Mapping[str, Manifest]) -> None:
    """Raises IdTableMismatch when a stage was made from another than stands beside it; its own name is of settings."""
    fitting = {name: {manifest.fingerprint} for name, manifest in manifests.items()}
    fitting["embeddings"].add(str(manifests["embeddings"].details.get("origin")))  # before items were added
    fitting["events"] = {str(manifests[CATALOG].inputs.get("interactions"))}
    for stage, manifest in manifests.items():
        for source, used in manifest.inputs.items():
            if source != stage and source in fitting and used not in fitting[source]:
                raise IdTableMismatch(
                    f"stage {stage!r} was made from {source} {used}, but {', '.join(sorted(fitting[source]))} stand "
                    "beside it; run genrec build again"
                )


def _check_ids(root: Path, table: SemanticIdTable, catalog: Catalog) -> None:
    """Raises IdTableMismatch when model and table, or table and catalog, do not belong together."""
    _, id_space, _ = read_ids(root / "model")
    if id_space != table.id_space:
        raise IdTableMismatch(
            f"the language model was tuned for id space {id_space}, but {table.id_space} is loaded; "
            "run genrec build again"
        )
    if table.item_ids != tuple(item.item_id for item in catalog):
        raise IdTableMismatch(
            f"the id table covers {len(table)} items in another order than the catalog's {len(catalog)}; "
            "run genrec build again"
        )
