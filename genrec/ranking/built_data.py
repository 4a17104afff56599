"""A built workspace's data: catalog, events, vectors and semantic IDs, loaded and checked to belong together.

Knows stage folders and their manifests; deliberately knows no model but CLIP, which is loaded at first use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from genrec.artifacts import read_manifest
from genrec.config import Config
from genrec.data.filters import Filter
from genrec.data.ingest import load_workspace_data
from genrec.encode.clip import ClipEncoder
from genrec.encode.stage import load_embeddings
from genrec.errors import IdTableMismatch, UnknownItem
from genrec.model.lm.language import read_ids
from genrec.ranking.eligibility import PassingItems
from genrec.runtime import pick_device
from genrec.schema import BoolArray, Catalog, Embeddings, FloatArray, Interactions
from genrec.semids.stage import load_semids
from genrec.semids.table import SemanticIdTable

STAGES = ("embeddings", "semids", "sequence", "experts", "model", "mixture")


@dataclass(frozen=True, kw_only=True, eq=False)
class BuiltData:
    """What a built workspace holds beside its trained models; row *i* of all of it is item *i* of the catalog.

    vectors: fused item vectors, float32 (N, D), unit rows.
    """

    directory: Path
    config: Config
    catalog: Catalog
    interactions: Interactions
    embeddings: Mapping[str, Embeddings]
    table: SemanticIdTable
    vectors: FloatArray

    @classmethod
    def load(cls, directory: Path | str, *, config: Config | None = None) -> "BuiltData":
        """Read a built workspace; config: in place of its own.

        Raises ArtifactError when a stage is missing, unfinished or of another version, IdTableMismatch when the
        language model and the semantic IDs, or these and the catalog, do not belong together.
        """
        root = Path(directory)
        loaded = Config.of_workspace(root) if config is None else config
        catalog, interactions, _ = load_workspace_data(root)
        for stage in STAGES:
            read_manifest(root / stage, stage)
        semantic_ids = load_semids(root / "semids")
        _check_ids(root, semantic_ids.table, catalog)
        return cls(
            directory=root,
            config=loaded,
            catalog=catalog,
            interactions=interactions,
            embeddings=load_embeddings(root / "embeddings"),
            table=semantic_ids.table,
            vectors=semantic_ids.fused,
        )

    @cached_property
    def clip(self) -> ClipEncoder:
        """The CLIP model that encoded the catalog, loaded when first needed."""
        return ClipEncoder(self.config.encode.clip, pick_device(self.config.device))

    @cached_property
    def passing_items(self) -> PassingItems:
        """The catalog rows that pass each filter, worked out once."""
        return PassingItems(self.catalog)

    def passing(self, where: Filter | None) -> BoolArray:
        """Which catalog rows pass a filter, bool (N,). Raises FilterError when a value cannot be compared."""
        return self.passing_items.passing(where)

    def history_of(self, user_id: str) -> tuple[str, ...]:
        """All items of one known user, oldest first. Raises UnknownUser."""
        return self.interactions.history(user_id)

    def split_history(self, history: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The items of a history that the catalog has, and those it lacks.

        Raises UnknownItem when a history is given and none of it is known.
        """
        known = tuple(item_id for item_id in history if item_id in self.catalog)
        unknown = tuple(item_id for item_id in history if item_id not in self.catalog)
        if unknown and not known:
            raise UnknownItem(
                f"none of the history {list(unknown[:5])} is in the catalog of {len(self.catalog)} items; "
                f"its ids look like {self.catalog.items[0].item_id!r}"
            )
        return known, unknown


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
