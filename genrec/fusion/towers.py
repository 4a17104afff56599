"""Aligns the towers of a CLIP model to a catalog: its words and its pictures, in pairs, under SigLIP's loss.

What is trained: the projections into the shared space, and a LoRA (Hu et al. 2021, 2106.09685) on the linear layers and
the words' table of both towers, merged when done. Pictures are shown cropped and mirrored, and words whole or in part,
so that short queries find pictures, too. Knows pairs; deliberately knows nothing of workspaces.

Axis legend: B pairs, D features of the shared space.
"""

import logging
import math
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import nn

from genrec.checkpoints import drop, load_checkpoint, save_checkpoint
from genrec.config import AlignConfig
from genrec.data.images import decode_image
from genrec.encode.clip import NUM_DECODING_THREADS, ClipEncoder
from genrec.fusion.joint_space import recall_of_pairs
from genrec.fusion.losses import siglip
from genrec.pretrained import model_folder
from genrec.runtime import ProgressMeter, computes_bfloat16, quietly
from genrec.schema import Item, format_attribute

log = logging.getLogger(__name__)

_CHECKPOINT = "towers.pt"
_PROJECTIONS = ("visual_projection", "text_projection", "text_model.head", "vision_model.head")  # CLIP's, SigLIP's
_WORDS = "token_embedding"
_LEAST_SHOWN = 0.7  # of a picture's sides
_IN_PART = 0.75  # of texts, which makes them short, and a step of training cheap
_MORE_PARTS = 2.0  # on average, beside one
_NUM_LENGTHS = 4  # parts of a batch's texts
_WARM_UP = 0.1  # of all steps
_CARRIED = {".json", ".txt", ".model", ".jinja"}  # files of a tokenizer and an image processor
_NOT_CARRIED = {"config.json", "model.safetensors.index.json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A picture and what is said of it. parts: what its words are made of: title, description, attributes."""

    picture: Path
    words: str
    parts: tuple[str, ...]

    @classmethod
    def of(cls, item: Item) -> "Pair | None":
        """An item's main picture and its words as they are encoded; None where it lacks either."""
        if item.image is None or not item.words:
            return None
        values = (f"{name}: {format_attribute(value)}" for name, value in item.attributes.items())
        return cls(picture=item.image, words=item.words, parts=tuple(filter(None, (item.title, item.text, *values))))

    def some_words(self, rng: np.random.Generator) -> str:
        """All of its words, or a few parts of them in any order."""
        if rng.random() >= _IN_PART:
            return self.words
        return ". ".join(rng.permutation(self.parts)[: 1 + rng.poisson(_MORE_PARTS)].tolist())


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedTowers:
    """The course of an alignment. best_epoch: whose weights are kept, 0 for those that it began with; validation:
    Recall@10 from words to pictures before the first epoch and after each."""

    best_epoch: int
    validation: tuple[float, ...]
    num_parameters: int


def picture_recall(encoder: ClipEncoder, pairs: Sequence[Pair]) -> float:
    """The share of texts whose own picture is among the ten nearest, of the pictures of these pairs."""
    words_BD = encoder.encode_texts([pair.words for pair in pairs])
    return recall_of_pairs(words_BD, encoder.encode_images([pair.picture for pair in pairs]))


def align_towers(
    name: str,
    pairs: Sequence[Pair],
    validation: Sequence[Pair],
    config: AlignConfig,
    out: Path,
    *,
    device: torch.device | str = "auto",
    seed: int = 7,
    work: Path | None = None,
) -> AlignedTowers:
    """Tune the model of a name on pairs, and write it to the folder `out` in float32, as from_pretrained loads it.

    The weights of the epoch stay that finds most pictures of `validation`. work: a folder to resume from after a kill.
    Raises InputError where the model cannot be loaded.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        run = _Run(ClipEncoder(name, device), pairs, validation, config, seed)
        checkpoint = None if work is None else work / _CHECKPOINT
        run.resume(checkpoint)
        meter = ProgressMeter(label="align towers, steps", total=config.epochs * run.steps_per_epoch)
        meter.advance(run.num_epochs * run.steps_per_epoch)
        while run.num_epochs < config.epochs:
            run.train_epoch(meter)
            run.record(checkpoint)
        meter.close()
    run.save(out)
    return AlignedTowers(
        best_epoch=run.best_epoch, validation=tuple(run.recalls), num_parameters=sum(w.numel() for w in run.trained)
    )


class _Run:
    """Towers in training: what of them is trained, the optimizer, and what validation said so far."""

    def __init__(
        self, encoder: ClipEncoder, pairs: Sequence[Pair], validation: Sequence[Pair], config: AlignConfig, seed: int
    ) -> None:
        self._encoder, self._validation, self._config, self._seed = encoder, validation, config, seed
        groups: dict[str, list[Pair]] = {}
        for pair in pairs:  # of equal words one alone is in a batch, for the others would be taken for strangers
            groups.setdefault(pair.words, []).append(pair)
        self._groups = list(groups.values())
        self._steps_per_epoch = max(1, round(len(pairs) / min(config.batch_size, len(self._groups))))
        self._adapted = _with_lora(encoder.model, config.rank)
        self._scale = nn.Parameter(torch.tensor(math.log(10.0), device=encoder.device))
        self._bias = nn.Parameter(torch.tensor(-10.0, device=encoder.device))
        self._named = {n: w for n, w in encoder.model.named_parameters() if w.requires_grad}
        self.trained = list(self._named.values())
        rate = config.learning_rate
        self._optimizer = torch.optim.AdamW(
            [{"params": self.trained, "lr": rate}, {"params": [self._scale, self._bias], "lr": 10 * rate}],
            weight_decay=0.01,
        )
        self._pace = torch.optim.lr_scheduler.LambdaLR(self._optimizer, self._share_of_rate)
        self.recalls: list[float] = []
        self._best: dict[str, Any] = {"epoch": 0, "weights": self._weights()}  # Any: torch's state

    @property
    def steps_per_epoch(self) -> int:
        return self._steps_per_epoch

    @property
    def num_epochs(self) -> int:
        return max(0, len(self.recalls) - 1)

    @property
    def best_epoch(self) -> int:
        return int(self._best["epoch"])

    def _share_of_rate(self, step: int) -> float:
        total = self._config.epochs * self.steps_per_epoch
        return min(1.0, (step + 1) / max(1.0, _WARM_UP * total)) * 0.5 * (1 + math.cos(math.pi * min(1, step / total)))

    def train_epoch(self, meter: ProgressMeter) -> None:
        """As many steps as it takes to see as many pairs as there are."""
        rng = np.random.default_rng([self._seed, self.num_epochs])
        size = min(self._config.batch_size, len(self._groups))
        for _ in range(self.steps_per_epoch):
            numbers = rng.choice(len(self._groups), size=size, replace=False).tolist()
            self._step([group[rng.integers(len(group))] for group in map(self._groups.__getitem__, numbers)], rng)
            meter.advance()

    def _step(self, pairs: Sequence[Pair], rng: np.random.Generator) -> None:
        with ThreadPoolExecutor(NUM_DECODING_THREADS) as pool:
            whole = list(pool.map(decode_image, [pair.picture for pair in pairs]))
        pictures = [_disturbed(picture, rng) for picture in whole]
        texts = [pair.some_words(rng) for pair in pairs]
        device = self._encoder.device
        self._encoder.model.train()
        with torch.autocast(device.type, torch.bfloat16, enabled=computes_bfloat16(device)):
            images_BD = self._encoder.image_features(pictures)
            words_BD = self._text_features(texts)
        loss = siglip(words_BD.float(), images_BD.float(), self._scale.exp(), self._bias)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.trained, 1.0)
        self._optimizer.step()
        self._pace.step()

    def _text_features(self, texts: Sequence[str]) -> torch.Tensor:
        """The longer and the shorter half apart, for a batch is padded to its longest."""
        order_B = np.argsort([len(text) for text in texts], kind="stable")
        halves = [
            self._encoder.text_features([texts[n] for n in half]) for half in np.array_split(order_B, 2) if len(half)
        ]
        return torch.cat(halves)[torch.from_numpy(np.argsort(order_B))]

    def _judge(self) -> None:
        self._encoder.model.eval()
        self.recalls.append(picture_recall(self._encoder, self._validation))
        log.info("align towers: Recall@10 of validation %.4f after %d epochs", self.recalls[-1], self.num_epochs)

    def record(self, checkpoint: Path | None) -> None:
        """End an epoch: keep its weights if validation finds more by them than ever, and write the checkpoint."""
        best = max(self.recalls)
        self._judge()
        if self.recalls[-1] > best:
            self._best = {"epoch": self.num_epochs, "weights": self._weights()}
        if checkpoint is not None:
            state = {"weights": self._weights(), "scale": self._scale.detach(), "bias": self._bias.detach()}
            state |= {"optimizer": self._optimizer.state_dict(), "pace": self._pace.state_dict()}
            save_checkpoint(checkpoint, state | {"recalls": self.recalls, "best": self._best})

    def resume(self, checkpoint: Path | None) -> None:
        """Go on where a checkpoint left off, if there is one of this training, else judge what it begins with."""
        state = None if checkpoint is None else load_checkpoint(checkpoint)
        if checkpoint is not None and state is not None:
            try:
                self._put(state["weights"])
                self._scale.data.copy_(state["scale"])
                self._bias.data.copy_(state["bias"])
                self._optimizer.load_state_dict(state["optimizer"])
                self._pace.load_state_dict(state["pace"])
                self.recalls, self._best = list(state["recalls"]), dict(state["best"])
                return
            except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:  # as torch raises them
                drop(checkpoint, error)
        self._judge()

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: weight.detach().cpu().clone() for name, weight in self._named.items()}

    def _put(self, weights: dict[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self._named.items():
                weight.copy_(weights[name])

    def save(self, out: Path) -> None:
        """Write the towers with the best epoch's weights, and what prepares their inputs. Training ends here."""
        self._put(self._best["weights"])
        out.mkdir(parents=True, exist_ok=True)
        with quietly():
            model = self._encoder.model if self._adapted is None else self._adapted.merge_and_unload()
            model.save_pretrained(out)
        for path in sorted(Path(model_folder(self._encoder.name_or_path)).iterdir()):
            if path.suffix in _CARRIED and path.name not in _NOT_CARRIED:
                shutil.copyfile(path, out / path.name)


def _with_lora(model: nn.Module, rank: int | None) -> Any:  # Any: a model of peft
    """Let a model's projections be trained, and a LoRA on everything else; None without one."""
    model.requires_grad_(False)
    adapted = None
    if rank is not None:
        from peft import LoraConfig, get_peft_model

        targets = [name for name, module in model.named_modules() if _takes_lora(name, module)]
        with quietly():
            adapted = get_peft_model(model, LoraConfig(r=rank, lora_alpha=rank, target_modules=targets))
    for name, weight in model.named_parameters():
        if name.startswith(_PROJECTIONS):
            weight.requires_grad_(True)
    return adapted


def _takes_lora(name: str, module: nn.Module) -> bool:
    is_words = isinstance(module, nn.Embedding) and name.endswith(_WORDS)
    return (isinstance(module, nn.Linear) or is_words) and not name.startswith(_PROJECTIONS)


def _disturbed(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A part of a picture, in half of the cases mirrored."""
    width, height = (max(1, round(side * rng.uniform(_LEAST_SHOWN, 1.0))) for side in picture.size)
    left, top = (int(rng.integers(side + 1)) for side in (picture.width - width, picture.height - height))
    part = picture.crop((left, top, left + width, top + height))
    return ImageOps.mirror(part) if rng.random() < 0.5 else part
