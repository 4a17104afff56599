"""MP4SR, also MSM4SR: multimodal pretraining for sequences, by contrast (Zhang et al., TORS 2024, arXiv 2303.11879).

Pictures are told in words: each by the words of the catalog that are nearest to it, whose vectors in text's space then
stand for it, so that both modalities are read in one space. Pretrained is without free vectors: histories in which each
event is shown by its text or by its picture, at random, and their complements, are read side by side. Both shall tell
the next item in each modality, and be nearer to one another than to other people. Then items get free vectors, and all
is tuned as every fuser is trained.

Ours: the text tower is not at hand, so a word's vector is the mean of those of the items that have it in their title,
text or attributes. Where pictures and text come of one tower such as CLIP, which shows in pictures lying nearer to
their own item's text than to others', words are found in that space; else a linear map, learned from items that have
both, brings pictures into text's. What words do not tell of a picture is kept, too, by a map of its own. The next item
is told from all known ones, by the product that will rank it, instead of from a batch. Other modalities than text and
image join the side of pictures.

Axis legend: B histories, T history positions, E graded events, N items, W words, K words of a picture, D features of
text, P principal axes, F features of an item.
"""

import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from scipy.special import softmax
from torch import nn

from genrec.config import FuseConfig
from genrec.data.arrays import unit_rows
from genrec.fusion.events import Events
from genrec.fusion.learned import LearnedFuser
from genrec.fusion.losses import info_nce
from genrec.fusion.nets import Attentive, Batch, FusionNet, Inputs, ItemTable
from genrec.fusion.training import read
from genrec.fusion.whitened import MIN_ROWS_TO_PREDICT, fit_predictor
from genrec.schema import BoolArray, Catalog, Embeddings, FloatArray, Item

log = logging.getLogger(__name__)

_TOLD = "image in words"
_NUM_WORDS = 10  # that tell a picture
_TEMPERATURE = 0.1  # of their weights, nearer words having more to say
_MOST_WORDS = 5000
_MOST_COMMON = 0.5  # a word that more of the items have tells nothing
_CONTRAST_WEIGHT = 0.1  # of who is who; people of one taste are no strangers, and as much as the next item it harms
_SURE = 5.0  # standard errors by which own texts must be nearer, for pictures and text to be of one space


class MP4SR(LearnedFuser):
    """parts: words (pictures told in them), mixup (else histories are read by one modality each), the two contrasts
    of the pretraining, and pretraining itself, without which it starts from scratch.
    """

    name: ClassVar[str] = "mp4sr"
    parts: ClassVar[tuple[str, ...]] = ("words", "mixup", "next-item", "cross-modality", "pretraining")

    def __init__(self, config: FuseConfig) -> None:
        super().__init__(config)
        self._told: Embeddings | None = None  # while it is fitted

    def _learn(self, embeddings: Mapping[str, Embeddings], events: Events, *, seed: int, work: Path | None) -> None:
        text = next((embeddings[name] for name in ("text", "sentence") if name in embeddings), None)
        if self.has("words") and text is not None and "image" in embeddings:
            self._told = told_in_words(embeddings["image"], text, events.catalog)
        super()._learn(embeddings, events, seed=seed, work=work)
        self._told = None

    def make_net(self, inputs: Inputs) -> FusionNet:
        if self._told is not None:
            block_NP = self._whitened.blocks({self._told.name: self._told})[self._told.name]
            block_NP = block_NP * self.weight_of("image")
            inputs = replace(inputs, blocks={**inputs.blocks, _TOLD: torch.from_numpy(block_NP)})
        reader = self.make_reader(self.config.width, has_order=inputs.events.has_order)
        return _Net(inputs, reader, [part for part in self.parts if self.has(part)])

    def make_reader(self, width_in: int, *, has_order: bool) -> nn.Module:
        return Attentive(width_in, self.config, has_order=has_order)


class _Net(FusionNet):
    def __init__(self, inputs: Inputs, reader: nn.Module, parts: Sequence[str]) -> None:
        super().__init__()
        self.reader, self.items, self.parts = reader, ItemTable(inputs), parts
        assert self.items.ids is not None
        nn.init.zeros_(self.items.ids)  # tuning begins with what pretraining knows
        names = list(self.items.blocks)
        spoken = [name for name in names if name in ("text", "sentence")] or names[:1]
        self.sides = [spoken, [name for name in names if name not in spoken] or spoken]
        if _TOLD in names:
            self.items.maps[_TOLD] = self.items.maps[spoken[0]]  # both are text's space
        contrasts = {"next-item", "cross-modality"} & set(parts)
        self.is_pretrained = "pretraining" in parts and bool(contrasts)
        self.unknown_N = ~inputs.is_known_N

    def tables(self) -> tuple[torch.Tensor, torch.Tensor]:
        items_NF = self.items()
        return items_NF, items_NF

    def content_items(self) -> torch.Tensor:
        return torch.as_tensor(self.items.content())

    def pretraining_loss(self, batch: Batch) -> torch.Tensor:
        """By what is said and what is seen, mixed: tell the next item in both, and who is who."""
        said_NF, seen_NF = (self._side(names) for names in self.sides)
        is_swapped_BT = torch.zeros(batch.rows_BT.shape, dtype=torch.bool)
        if "mixup" in self.parts:
            share_B1 = torch.rand(len(batch.rows_BT), 1) / 2
            is_swapped_BT = torch.rand(batch.rows_BT.shape) < share_B1
        both_2NF = torch.cat([said_NF, seen_NF])
        num_items = len(said_NF)
        is_real_BT = batch.rows_BT < num_items
        loss = said_NF.new_zeros(())
        states = []
        for is_seen_BT in (is_swapped_BT, ~is_swapped_BT):
            rows_BT = torch.where(is_real_BT, batch.rows_BT + num_items * is_seen_BT, 2 * num_items)
            states.append(read(self.reader, both_2NF, rows_BT))
        if "next-item" in self.parts:
            targets_E = batch.targets_BT[batch.is_graded_BT]
            for states_BTF in states:
                for items_NF in (said_NF, seen_NF):
                    scores_EN = self.score(states_BTF[batch.is_graded_BT], items_NF)
                    loss = loss + F.cross_entropy(scores_EN.masked_fill(self.unknown_N, -torch.inf), targets_E) / 4
        if "cross-modality" in self.parts:
            last_B = is_real_BT.sum(dim=1) - 1
            left_BF, right_BF = (states_BTF[torch.arange(len(last_B)), last_B] for states_BTF in states)
            loss = loss + _CONTRAST_WEIGHT * info_nce(left_BF, right_BF)
        return loss

    def _side(self, names: Sequence[str]) -> torch.Tensor:
        """Items by some of their modalities, (N, F), by all where they have none of those."""
        side_NF = torch.stack([self.items.of_modality(name) for name in names]).sum(dim=0)
        is_known_N1 = torch.stack([self.items.blocks[name].any(dim=1) for name in names]).any(dim=0)[:, None]
        return torch.where(is_known_N1, side_NF, self.content_items())


def told_in_words(image: Embeddings, text: Embeddings, catalog: Catalog) -> Embeddings | None:
    """Pictures as the weighted mean of their nearest words' vectors, in text's space; None, with a warning, if none."""
    both_N = image.present & text.present
    words_WD = _words(text, catalog)
    if both_N.sum() < MIN_ROWS_TO_PREDICT or not len(words_WD):
        log.warning(
            "pictures are not told in words: %d items have both picture and text, %d words are shared by items",
            both_N.sum(),
            len(words_WD),
        )
        return None
    middle_D = text.vectors[text.present].mean(axis=0)
    pictures_ND = _in_the_space_of_text(image, text, both_N)
    cosines_NW = pictures_ND @ words_WD.T
    nearest_NK = np.argsort(-cosines_NW, axis=1, kind="stable")[:, :_NUM_WORDS]
    weights_NK = softmax(np.take_along_axis(cosines_NW, nearest_NK, axis=1) / _TEMPERATURE, axis=1)
    told_ND = np.einsum("nk,nkd->nd", weights_NK, words_WD[nearest_NK]) + middle_D
    told_ND *= image.present[:, None]
    return Embeddings(name=text.name, vectors=told_ND.astype(np.float32), present=image.present)


def _in_the_space_of_text(image: Embeddings, text: Embeddings, both_N: BoolArray) -> FloatArray:
    """Pictures among texts whose mean was taken away, unit rows; zeros where absent."""
    said_BD = text.vectors[both_N] - text.vectors[text.present].mean(axis=0)
    seen_ND = (image.vectors - image.vectors[image.present].mean(axis=0)) * image.present[:, None]
    if seen_ND.shape[1] == said_BD.shape[1]:  # each modality has a mean of its own even in CLIP
        cosines_BB = unit_rows(seen_ND[both_N]) @ unit_rows(said_BD).T
        nearer_B = np.diag(cosines_BB) - cosines_BB.mean(axis=1)
        if nearer_B.mean() > _SURE * nearer_B.std() / np.sqrt(len(nearer_B)):
            return unit_rows(seen_ND)
    learned = fit_predictor(seen_ND[both_N], said_BD)
    return unit_rows((seen_ND @ learned[:-1] + learned[-1]) * image.present[:, None])


def _words(text: Embeddings, catalog: Catalog) -> FloatArray:
    """The catalog's words that tell items apart, as unit rows (W, D) around the middle of all texts."""
    said = [_said(item) if present else set() for item, present in zip(catalog, text.present, strict=True)]
    counts = Counter(word for words in said for word in words)
    most = _MOST_COMMON * text.present.sum()
    kept = [word for word, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])) if 1 < count <= most]
    number_of = {word: number for number, word in enumerate(kept[:_MOST_WORDS])}
    pairs = [(number_of[word], row) for row, words in enumerate(said) for word in sorted(words) if word in number_of]
    numbers, rows = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    has_WN = sp.csr_matrix((np.ones(len(rows)), (numbers, rows)), shape=(len(number_of), len(said)))
    centered_ND = text.vectors - text.vectors[text.present].mean(axis=0)
    return unit_rows(np.asarray(has_WN @ centered_ND))


def _said(item: Item) -> set[str]:
    """An item's words, and its attributes' values whole."""
    values = [
        value
        for given in item.attributes.values()
        for value in (given if isinstance(given, tuple) else (given,))
        if isinstance(value, str)
    ]
    words = re.findall(r"\w\w+", " ".join((item.title, item.text, *values)).casefold())
    return {*words, *(value.casefold() for value in values)}
