"""What all fusers that learn from events share: content in, a trained net, and what is kept of it.

Kept are the items' vectors, the reader of histories, and a linear map from content to an item's vector, by which new
items get theirs. The net itself, and its graphs, are not.

Axis legend: B histories, M new items, N items, I features as which a history's items are read, F features of an item.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from torch import nn

from genrec.config import FuseConfig
from genrec.data.arrays import unit_rows
from genrec.encode.collaborative import NAME as COLLABORATIVE
from genrec.errors import InputError
from genrec.fitted import Arrays, Record
from genrec.fusion.contract import Fuser
from genrec.fusion.events import Events
from genrec.fusion.nets import FusionNet, Inputs
from genrec.fusion.training import TrainingReport, last_states, pretrain, train_net
from genrec.fusion.whitened import WhitenedConcat, fit_predictor
from genrec.schema import Embeddings, FloatArray, IntArray

_READER, _SCORER, _INPUTS = "reader.", "scorer.", "inputs."
_SCORED_AT_ONCE = 256


class LearnedFuser(Fuser):
    """A fuser trained on content and events; vectors by co-consumption, which come of the same events, are not read.

    report: the course of the training, once fitted.
    """

    learned: ClassVar[bool] = True
    report: TrainingReport | None = None

    def __init__(self, config: FuseConfig) -> None:
        super().__init__(config)
        self._whitened = WhitenedConcat(replace(config, fuser=WhitenedConcat.name, without=()))
        self._table_NF = torch.zeros(0)  # as they are scored, not of length one
        self._read_NI = torch.zeros(0)
        self._shape: dict[str, int] = {}
        self._reader: nn.Module = nn.Identity()
        self._scorer: nn.Module | None = None
        self._content_map: FloatArray = np.zeros((0, 0), np.float32)

    @abstractmethod
    def make_net(self, inputs: Inputs) -> FusionNet:
        """The untrained net; its reader is what `make_reader` makes."""

    @abstractmethod
    def make_reader(self, width_in: int, *, has_order: bool) -> nn.Module:
        """An untrained reader of histories; width_in: I."""

    def make_scorer(self, shape: Mapping[str, int]) -> nn.Module | None:
        """An unfilled scorer for a stored fuser; None where scores are products. shape: what `shape_of` told."""
        return None

    def shape_of(self, net: FusionNet) -> dict[str, int]:
        """What else must be known to make a scorer again."""
        return {}

    def _learn(self, embeddings: Mapping[str, Embeddings], events: Events, *, seed: int, work: Path | None) -> None:
        content = {name: e for name, e in embeddings.items() if name != COLLABORATIVE}
        self.widths = {name: width for name, width in self.widths.items() if name in content}
        if not content:
            raise InputError(f"the fuser {self.name} wants content of the items, found events alone; skip less")
        self._whitened.fit(content)
        blocks = {name: self.weight_of(name) * block for name, block in self._whitened.blocks(content).items()}
        inputs = Inputs(
            blocks={name: torch.from_numpy(block) for name, block in blocks.items()},
            present={name: torch.from_numpy(e.present) for name, e in content.items()},
            is_known_N=torch.from_numpy(events.is_known_N),
            events=events,
            config=self.config,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = self.make_net(inputs)
            if net.is_pretrained:
                loss = net.pretraining_loss
                pretrain(net, loss, events, self.config, seed=seed, work=work, label=self.name)
            self.report = train_net(net, events, self.config, seed=seed, work=work, label=self.name)
        with torch.inference_mode():
            self._keep(net, inputs, blocks)

    def _keep(self, net: FusionNet, inputs: Inputs, blocks: Mapping[str, FloatArray]) -> None:
        """Take from the net what answers, and learn the map by which new items get vectors."""
        has_content_N = np.logical_or.reduce([mask.numpy() for mask in inputs.present.values()])
        table_NF, read_NI = (table.float().clone() for table in net.tables())
        taught_N = has_content_N if net.reads_content else has_content_N & inputs.is_known_N.numpy()
        joined_NP = np.concatenate([blocks[name] for name in self.modalities], axis=1)
        target_NF = net.content_items().float().numpy() if net.reads_content else table_NF.numpy()
        self._content_map = fit_predictor(joined_NP[taught_N], target_NF[taught_N])
        if not net.reads_content:  # what no event names is known by its likeness to what they do
            for row in np.flatnonzero(~inputs.is_known_N.numpy()):
                vector = self._mapped(joined_NP[[row]])[0] * has_content_N[row]
                table_NF[row] = torch.from_numpy(vector)
                if read_NI.shape == table_NF.shape:
                    read_NI[row] = torch.from_numpy(vector)
        self._table_NF = table_NF
        self._read_NI = table_NF if torch.equal(read_NI, table_NF) else read_NI
        self._reader, self._scorer = net.reader.eval(), net.scorer
        self._shape = {"read": int(read_NI.shape[1]), "has_order": int(inputs.events.has_order), **self.shape_of(net)}
        self.remember(unit_rows(table_NF.numpy()))

    def _mapped(self, joined_MP: FloatArray) -> FloatArray:
        mapped_MF: FloatArray = (joined_MP @ self._content_map[:-1] + self._content_map[-1]).astype(np.float32)
        return mapped_MF

    def _transform(self, embeddings: Mapping[str, Embeddings]) -> FloatArray:
        num_items = len(next(iter(embeddings.values())).vectors)
        given = {
            name: embeddings.get(name) or Embeddings.absent(name, num_items, self.widths[name])
            for name in self.modalities
        }
        blocks = self._whitened.blocks(given)
        joined_MP = np.concatenate([self.weight_of(name) * blocks[name] for name in self.modalities], axis=1)
        has_content_M = np.logical_or.reduce([e.present for e in given.values()])
        return self._mapped(joined_MP) * has_content_M[:, None]

    @torch.inference_mode()
    def user_vector(self, history: IntArray) -> FloatArray:
        found_F: FloatArray = self._people([history])[0].numpy()
        return found_F

    @torch.inference_mode()
    def scores(self, histories: Sequence[IntArray]) -> FloatArray:
        if self._items_NF is None:
            raise self._unfitted()
        parts = []
        for start in range(0, len(histories), _SCORED_AT_ONCE):
            people_BF = self._people(histories[start : start + _SCORED_AT_ONCE])
            score = self._scorer or _product
            parts.append(score(people_BF, self._table_NF).numpy())
        return np.concatenate(parts) if parts else np.zeros((0, len(self._table_NF)), np.float32)

    def _people(self, histories: Sequence[IntArray]) -> torch.Tensor:
        return last_states(self._reader, self._read_NI, histories, self.config.max_history)

    def arrays(self) -> Arrays:
        learned = {f"content.{name}": array for name, array in self._whitened.arrays().items()}
        learned |= {"content_map": self._content_map, "table": self._table_NF.numpy()}
        if self._read_NI is not self._table_NF:
            learned["read"] = self._read_NI.numpy()
        for prefix, module in ((_READER, self._reader), (_SCORER, self._scorer)):
            if module is not None:
                learned |= {prefix + name: weight.numpy() for name, weight in module.state_dict().items()}
        return learned

    def restore(self, arrays: Arrays) -> None:
        self._whitened.widths = dict(self.widths)
        self._whitened.restore({k.removeprefix("content."): v for k, v in arrays.items() if k.startswith("content.")})
        self._content_map = np.asarray(arrays["content_map"], np.float32)
        self._table_NF = torch.from_numpy(np.asarray(arrays["table"], np.float32))
        self._read_NI = torch.from_numpy(np.asarray(arrays["read"], np.float32)) if "read" in arrays else self._table_NF
        self._reader = self.make_reader(self._shape["read"], has_order=bool(self._shape["has_order"]))
        self._scorer = self.make_scorer(self._shape)
        for prefix, module in ((_READER, self._reader), (_SCORER, self._scorer)):
            if module is not None:
                of_module = {name: array for name, array in arrays.items() if name.startswith(prefix)}
                module.load_state_dict({k.removeprefix(prefix): torch.from_numpy(v) for k, v in of_module.items()})
                module.eval()
        self.remember(unit_rows(self._table_NF.numpy()))

    def record(self) -> Record:
        return super().record() | {"shape": self._shape}

    @classmethod
    def from_record(cls, record: Record) -> Self:
        fuser = super().from_record(record)
        fuser._shape = {name: int(size) for name, size in record["shape"].items()}
        return fuser


def _product(people_BF: torch.Tensor, items_NF: torch.Tensor) -> torch.Tensor:
    return people_BF @ items_NF.T
