"""The contract of fusers: each joins the modalities of an item into one unit vector, also for items that lack some.

A fuser reads content alone or, where it is `learned`, behavior as well: it then knows people by their histories and
ranks items for them. Knows how a fuser is checked and what is stored of it; knows nothing of how modalities are joined.

Axis legend: B histories, N items, D features of a modality, F features of the fused vector.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from genrec.config import FuseConfig
from genrec.data.arrays import unit_rows
from genrec.errors import ConfigError, InputError, ShapeError
from genrec.fitted import Fitted, Record
from genrec.fusion.bridges import check_bridges
from genrec.fusion.events import Events
from genrec.schema import Embeddings, FloatArray, IntArray
from genrec.settings import restored, stored

_OTHERWISE = "set fuse.fuser=whitened-concat, which reads content alone"
_NUM_LAST = 10  # events of a history whose mean stands for a person where nothing was learned of people


class Fuser(Fitted):
    """Fused unit vectors from any subset of the modalities it was fitted on. Fitting is deterministic.

    learned: whether it wants events; looks_at_pictures: whether it reads pictures by `fuse.tower`; parts: what it
    is made of that `fuse.without` may leave out; own_bridges: the graphs that it spreads vectors over where
    `fuse.bridges` names none, empty where it takes none.
    """

    role: ClassVar[str] = "fuser"
    learned: ClassVar[bool] = False
    looks_at_pictures: ClassVar[bool] = False
    parts: ClassVar[tuple[str, ...]] = ()
    own_bridges: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: FuseConfig) -> None:
        if config.num_features < 1:
            raise ConfigError(f"fuse.num_features = {config.num_features}; wanted 1 or more")
        for part in config.without:
            if part not in self.parts:
                known = f"its parts are {', '.join(self.parts)}" if self.parts else "it has no parts to leave out"
                raise ConfigError(f"fuse.without names {part!r}, which the fuser {self.name} does not have; {known}")
        check_bridges(config.bridges, self.name, self.own_bridges)
        self.config = config
        self.widths: dict[str, int] = {}
        self._items_NF: FloatArray | None = None

    @property
    def modalities(self) -> tuple[str, ...]:
        """The names of the modalities it was fitted on, sorted; empty before fitting."""
        return tuple(sorted(self.widths))

    def has(self, part: str) -> bool:
        """Whether one of its parts is in use."""
        return part not in self.config.without

    def fit(
        self,
        embeddings: Mapping[str, Embeddings],
        events: Events | None = None,
        *,
        seed: int = 7,
        work: Path | None = None,
    ) -> Self:
        """Learn from aligned modalities, and from events where it is learned; returns itself.

        A modality that no item has, or whose weight is zero, is left out. work: a folder to resume from after a kill.
        Raises InputError when nothing is left, or events are wanted and there are none, ShapeError when modalities have
        different numbers of rows.
        """
        _check_aligned(embeddings)
        useful = {name: e for name, e in sorted(embeddings.items()) if e.present.any() and self.weight_of(name) > 0.0}
        if not useful:
            raise InputError(
                f"no modality to fuse among {sorted(embeddings) or 'none'}: each is empty or has weight 0; give items "
                "content, or events that several items share a person of, skip less, or raise a weight under fuse"
            )
        self.widths = {name: e.vectors.shape[1] for name, e in useful.items()}
        if self.learned:
            if events is None or not len(events.histories):
                raise InputError(f"the fuser {self.name} learns from events, found none; {_OTHERWISE}")
            events.check(len(next(iter(useful.values())).vectors))
            self._learn(useful, events, seed=seed, work=work)
        else:
            self._fit(useful)
            self.remember(self.transform(useful))
        return self

    def transform(self, embeddings: Mapping[str, Embeddings]) -> FloatArray:
        """Fused vectors of any items, float32 (N, F), unit rows; one without any fitted modality gets a zero row.

        Nothing is fitted again; what was fitted on behavior knows these items by their content. Modalities that were
        not fitted are ignored; fitted ones that are not given count as absent. Raises ShapeError on another width,
        InputError before fitting or when no fitted modality is given.
        """
        if not self.widths:
            raise self._unfitted()
        _check_aligned(embeddings)
        known = {name: embeddings[name] for name in self.modalities if name in embeddings}
        if not known:
            raise InputError(f"found modalities {sorted(embeddings)}, wanted some of {', '.join(self.modalities)}")
        for name, e in known.items():
            if e.vectors.shape[1] != self.widths[name]:
                raise ShapeError(
                    f"modality {name!r} has {e.vectors.shape[1]} features, the fuser was fitted on "
                    f"{self.widths[name]}; use the same encoder, or build again"
                )
        return unit_rows(self._transform(known))

    def remember(self, items_NF: FloatArray) -> None:
        """Take these as the vectors of the fitted items; for a fuser that was stored without them."""
        self._items_NF = items_NF

    def item_vectors(self) -> FloatArray:
        """The items that it was fitted on, float32 (N, F), unit rows. Raises InputError before fitting."""
        if self._items_NF is None:
            raise self._unfitted()
        return self._items_NF

    def user_vector(self, history: IntArray) -> FloatArray:
        """A person, float32 (F,), by the catalog rows of their history, oldest first; zeros for an empty one."""
        recent_TF = self.item_vectors()[history[-_NUM_LAST:]]
        return unit_rows(recent_TF.sum(axis=0, keepdims=True))[0]

    def score(self, history: IntArray) -> FloatArray:
        """How well each item suits a history, float32 (N,), more is better."""
        return self.scores([history])[0]

    def scores(self, histories: Sequence[IntArray]) -> FloatArray:
        """`score` of many histories at once, float32 (B, N)."""
        people_BF = np.stack([self.user_vector(history) for history in histories])
        scores_BN: FloatArray = people_BF @ self.item_vectors().T
        return scores_BN

    def weight_of(self, name: str) -> float:
        """The configured weight of a modality: sentence counts as text, video as image, unknown names as given ones."""
        weights = {
            "image": self.config.image_weight,
            "video": self.config.image_weight,
            "text": self.config.text_weight,
            "sentence": self.config.text_weight,
            "audio": self.config.audio_weight,
            "attributes": self.config.attributes_weight,
            "collaborative": self.config.collaborative_weight,
        }
        return weights.get(name, self.config.given_weight)

    def _fit(self, embeddings: Mapping[str, Embeddings]) -> None:
        """Learn from content; where it is not `learned`."""
        raise NotImplementedError

    def _learn(self, embeddings: Mapping[str, Embeddings], events: Events, *, seed: int, work: Path | None) -> None:
        """Learn from content and behavior, and remember the items; where it is `learned`."""
        raise NotImplementedError

    @abstractmethod
    def _transform(self, embeddings: Mapping[str, Embeddings]) -> FloatArray: ...

    def _unfitted(self) -> InputError:
        return InputError(f"the {self.name} fuser is not fitted yet; call fit, or load a fitted one")

    @property
    def fingerprint(self) -> str:
        """16 hex digits over the kind of fuser, its weights and everything it learned."""
        return self.fingerprint_of(stored(self.config), self.widths)

    def record(self) -> Record:
        return {"config": dict(sorted(stored(self.config).items())), "fuser": self.name, "widths": self.widths}

    @classmethod
    def from_record(cls, record: Record) -> Self:
        fuser = cls(restored(FuseConfig, record["config"]))
        fuser.widths = {name: int(width) for name, width in record["widths"].items()}
        return fuser


def _check_aligned(embeddings: Mapping[str, Embeddings]) -> None:
    rows = {name: len(e.vectors) for name, e in embeddings.items()}
    if len(set(rows.values())) > 1:
        raise ShapeError(f"modalities have different numbers of rows {rows}; wanted one row per item in each")
