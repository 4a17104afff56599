"""Tuning: from a foundation language model to one that writes this catalog's semantic IDs.

The vocabulary grows by the id tokens, whose rows start as the mean of the word rows of the items they stand for; rows
and a LoRA adapter are then trained by transformers' Trainer (accelerate beneath). Checkpoints resume after a kill with
the same result; validation chooses the checkpoint whose weights are kept. Saved are base/, the foundation
with its id rows, which any engine can load, and adapter/, a plain LoRA.
"""

import contextlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from peft import LoraConfig, PeftModel, get_peft_model, prepare_model_for_kbit_training
from torch.utils.data import Sampler
from transformers import AutoTokenizer, Trainer, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler

from genrec.artifacts import write_text
from genrec.checkpoints import load_checkpoint
from genrec.config import TuneConfig
from genrec.model.causal_lm import load_causal_lm
from genrec.model.lm.adapters import save_plain_lora
from genrec.model.lm.forward import LmHead
from genrec.model.lm.item_projector import PROJECTOR_FILE, ItemProjector, without_projector
from genrec.model.lm.language import ADAPTER_DIR, BASE_DIR, IDS_FILE, LanguageModel
from genrec.model.lm.vocabulary import PromptTokenizer
from genrec.model.sequence.model import SequenceModel
from genrec.model.training.checkpoint_selection import (
    CHECKPOINTS,
    CheckpointSelection,
    Validate,
    last_checkpoint,
    weights_file,
)
from genrec.model.training.distillation import DistillationDataset, Teacher, code_targets, collate
from genrec.model.training.examples import IGNORE, Example
from genrec.model.training.memory_saving import saving_memory
from genrec.pretrained import load_processor
from genrec.runtime import computes_bfloat16, quietly, seed_everything
from genrec.schema import Catalog, IntArray
from genrec.semids.table import SemanticIdTable
from genrec.semids.trie import Trie


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneReport:
    """A tuning's course. best_step: of the kept weights; validation: at each checkpoint; losses: nats per token.

    num_planned_steps: more than num_steps where `tune.max_minutes` ended the training.
    """

    num_steps: int
    num_planned_steps: int
    best_step: int
    seconds: float
    num_trained_parameters: int
    validation: tuple[tuple[int, float], ...]
    losses: tuple[tuple[int, float], ...]


def prepare_language_model(
    config: TuneConfig,
    *,
    catalog: Catalog,
    table: SemanticIdTable,
    device: torch.device,
    sequence_model: SequenceModel | None = None,
    seed: int = 0,
) -> LanguageModel:
    """Load the foundation and give it id tokens whose rows carry the words of their items.

    sequence_model: what an item projector reads whole items from; None for no projector.
    """
    tokenizer = load_processor(AutoTokenizer, config.base)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = load_causal_lm(config.base, dtype=config.dtype, four_bit=config.method == "qlora", device=device)
    prompts = PromptTokenizer.extend(tokenizer, table.level_sizes)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    rows = initial_id_rows(model, prompts, catalog, table)
    projector = None
    if sequence_model is not None:
        codes_NL = table.codes[: sequence_model.num_items].astype(np.int64)
        projector = ItemProjector.of(sequence_model, codes_NL, rows.shape[1], prompts.ids, seed=seed)
    _write_id_rows(model, prompts, rows)
    return LanguageModel(model, prompts, id_space=table.id_space, item_projector=projector)


@torch.no_grad()
def initial_id_rows(model: Any, prompts: PromptTokenizer, catalog: Catalog, table: SemanticIdTable) -> torch.Tensor:
    """Embedding rows for all id tokens, float32 (num id tokens, D): the mean word row of the items under each code.

    Means are taken against the mean of all items and stretched to the spread of the word rows, so that codes differ.
    """
    words = model.get_input_embeddings().weight[: prompts.ids.first_token].float()
    item_rows = torch.stack(
        [
            words[torch.tensor(prompts.encode_text(item.words[:400]) or [0], device=words.device)].mean(0)
            for item in catalog
        ]
    )
    centered = item_rows - item_rows.mean(0)
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(prompts.ids.num_tokens, words.shape[1], generator=generator).to(words.device) * words.std() * 0.5
    start = 0
    for level, size in enumerate(prompts.ids.level_sizes):
        codes = torch.from_numpy(table.codes[:, level].astype(np.int64)).to(words.device)
        sums = torch.zeros(size, words.shape[1], device=words.device).index_add_(0, codes, centered)
        counts = torch.bincount(codes, minlength=size)[:, None]
        means = sums / counts.clamp(min=1)
        used = counts[:, 0] > 0
        spread = means[used].std().clamp(min=1e-6)
        rows[start : start + size] += means * (words.std() / spread)
        start += size
    return rows


@torch.no_grad()
def _write_id_rows(model: Any, prompts: PromptTokenizer, rows: torch.Tensor) -> None:
    first = prompts.ids.first_token
    for layer in {model.get_input_embeddings(), model.get_output_embeddings()}:
        layer.weight[first : first + len(rows)] = rows.to(layer.weight)


def add_lora(language_model: LanguageModel, config: TuneConfig, *, train_id_rows: bool) -> LanguageModel:
    """Wrap the model by a fresh LoRA on all linear layers; the id rows are trained beside it when asked."""
    model, ids = language_model.model, language_model.ids
    if config.method == "qlora":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    tied = model.get_input_embeddings().weight is model.get_output_embeddings().weight
    tokens = list(range(ids.first_token, ids.first_token + ids.num_tokens))
    layers = ["embed_tokens"] if tied else ["embed_tokens", "lm_head"]
    lora = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        use_rslora=config.rslora,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        trainable_token_indices=dict.fromkeys(layers, tokens) if train_id_rows else None,
    )
    with quietly():
        wrapped, projector = get_peft_model(model, lora), language_model.item_projector
    if projector is not None:
        projector.requires_grad_(True)  # peft freezes all that it finds
    return LanguageModel(wrapped, language_model.prompts, id_space=language_model.id_space, item_projector=projector)


def train(
    language_model: LanguageModel,
    examples: Sequence[Example],
    *,
    config: TuneConfig,
    validate: Validate,
    work: Path,
    seed: int,
    trie: Trie,
    teacher: Teacher | None = None,
) -> TuneReport:
    """Train until the epochs are over, resuming from the last checkpoint in `work`, and load the weights to keep.

    validate: asked at every checkpoint, it tells which to keep: see `latest_good_step`. Determinism: the same seed and
    thread count give the same weights, killed in between or not.
    """
    start = time.monotonic()
    model, projector = language_model.model, language_model.item_projector
    seed_everything(seed)
    checkpoint, validation = last_checkpoint(work, validate.num_cases)
    selection = CheckpointSelection(language_model, validate, work, config.max_minutes, validation)
    arguments = _training_arguments(config, len(examples), work, seed=seed, device=language_model.device)
    pad, num_epochs = language_model.prompts.tokenizer.pad_token_id, max(1, math.ceil(config.epochs))
    trainer = _QuietTrainer(
        model=model,
        args=arguments,
        train_dataset=DistillationDataset(examples, num_epochs, teacher, language_model.ids, seed),
        data_collator=lambda batch: collate(batch, pad),
        callbacks=[selection],
        language_model=language_model,
        trie=trie,
        codes_NL=None if teacher is None else teacher.codes_NL,
    )
    if checkpoint is not None and projector is not None:
        projector.resume(Path(checkpoint) / PROJECTOR_FILE)
    with saving_memory(model, half_precision=arguments.bf16):
        trainer.train(resume_from_checkpoint=checkpoint)
    weights = load_checkpoint(weights_file(work, selection.best_step()))
    assert weights is not None, "written by this run, or read when it began"
    model.load_state_dict(weights, strict=False)
    model.eval()
    return TuneReport(
        num_steps=int(trainer.state.global_step),
        num_planned_steps=int(trainer.state.max_steps),
        best_step=selection.best_step(),
        seconds=time.monotonic() - start,
        num_trained_parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        validation=tuple(sorted(selection.validation.items())),
        losses=tuple((entry["step"], entry["loss"]) for entry in trainer.state.log_history if "loss" in entry),
    )


def _training_arguments(
    config: TuneConfig, num_examples: int, work: Path, *, seed: int, device: torch.device
) -> TrainingArguments:
    """The settings as transformers' Trainer takes them."""
    steps_per_epoch = max(1, -(-num_examples // (config.batch_size * config.gradient_accumulation)))
    num_steps = max(1, round(steps_per_epoch * config.epochs))
    return TrainingArguments(
        output_dir=str(work / CHECKPOINTS),
        max_steps=num_steps,
        per_device_train_batch_size=config.batch_size,
        gradient_accumulation_steps=config.gradient_accumulation,
        learning_rate=config.learning_rate,
        warmup_steps=round(num_steps * config.warmup_share),
        lr_scheduler_type="cosine",
        weight_decay=config.weight_decay,
        logging_steps=max(1, num_steps // 50),
        save_strategy="steps",
        save_steps=max(1, -(-num_steps // config.checkpoints_per_run)),
        save_total_limit=2,  # the newest may be half written when a kill comes
        seed=seed,
        data_seed=seed,
        report_to=[],
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        use_cpu=device.type == "cpu",
        bf16=config.autocast == "auto" and computes_bfloat16(device),
    )


class _QuietTrainer(Trainer):
    """The Trainer without its printing: progress goes through the project's own meter."""

    def __init__(self, *, language_model: LanguageModel, trie: Trie, codes_NL: IntArray | None, **options: Any) -> None:
        from transformers.trainer_callback import PrinterCallback

        super().__init__(**options)
        self.remove_callback(PrinterCallback)
        self._projector, self._ids, self._trie = language_model.item_projector, language_model.ids, trie
        self._codes_NL = None if codes_NL is None else torch.from_numpy(codes_NL).to(language_model.device)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Nats per graded token: words over the vocabulary, items over the codes that can follow in the trie.

        With a teacher its shares grade all codes. The projector is told which tokens are targets: those that are graded
        themselves.
        """
        labels, rows_MK, shares_MK = (inputs.pop(name) for name in ("labels", "target_rows", "target_shares"))
        tokens = inputs["input_ids"]
        projector = self._projector
        with projector.marking_targets(labels == tokens) if projector is not None else contextlib.nullcontext():
            none = torch.zeros(0, dtype=torch.int64, device=tokens.device)
            outputs = model(**inputs, output_hidden_states=True, logits_to_keep=none)
        head = LmHead(self.model)  # of few tokens and few codes only: the whole of it would take a fifth of a step
        hidden, graded = outputs.hidden_states[-1][:, :-1], labels[:, 1:]
        is_word = (graded != IGNORE) & (graded < self._ids.first_token)
        loss = F.cross_entropy(head(hidden[is_word]).float(), graded[is_word], reduction="sum")
        row, start = ((graded >= self._ids.first_token) & (graded < self._ids.offsets[1])).nonzero(as_tuple=True)
        if len(row):
            places = [(row, start + level) for level in range(self._ids.depth)]
            levels = list(zip(places, self._ids.offsets, self._ids.level_sizes, strict=True))
            codes_ML = torch.stack([graded[place] - first for place, first, _ in levels], dim=1)
            logits = [head(hidden[place], first, first + size).float() for place, first, size in levels]
            targets = None
            if self._codes_NL is not None:
                targets = code_targets(self._codes_NL[rows_MK], shares_MK, codes_ML, self._ids.level_sizes)
            loss = loss - self._trie.score_paths(logits, codes_ML, shares_MK=targets).sum()
        loss = loss / ((graded != IGNORE).sum() if num_items_in_batch is None else num_items_in_batch)
        return (loss, outputs) if return_outputs else loss

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        """Batches of like length; asking the data set for lengths would draw all of its labels."""
        dataset = train_dataset or self.train_dataset
        size = self.args.train_batch_size * self.args.gradient_accumulation_steps
        generator = torch.Generator().manual_seed(self.args.data_seed or 0)
        return LengthGroupedSampler(size, lengths=dataset.lengths, generator=generator)


def save_tuned(language_model: LanguageModel, directory: Path, *, config: TuneConfig, report: TuneReport) -> None:
    """Write base/ (foundation with id rows), adapter/ (plain LoRA, unless all weights were trained) and loss.json."""
    model, prompts = language_model.model, language_model.prompts
    is_adapter = isinstance(model, PeftModel)
    if is_adapter:
        plain = load_causal_lm(config.base, dtype=config.dtype, four_bit=False, device=torch.device("cpu"))
        plain.resize_token_embeddings(len(prompts.tokenizer), mean_resizing=False)
        _write_trained_rows(model, plain, prompts)
        save_plain_lora(model, directory / ADAPTER_DIR)
    else:
        plain = model
    if language_model.item_projector is not None:
        language_model.item_projector.save(directory / PROJECTOR_FILE)
    base = directory / BASE_DIR
    plain.save_pretrained(base, state_dict=without_projector(plain.state_dict()))
    prompts.tokenizer.save_pretrained(base)
    record = {
        "id_space": language_model.id_space,
        "level_sizes": list(prompts.ids.level_sizes),
        "first_token": prompts.ids.first_token,
        "foundation": config.base,
    }
    write_text(base / IDS_FILE, json.dumps(record, indent=1))
    write_text(directory / "loss.json", json.dumps(asdict(report), indent=1))


@torch.no_grad()
def _write_trained_rows(tuned: Any, plain: Any, prompts: PromptTokenizer) -> None:
    first, last = prompts.ids.first_token, prompts.ids.first_token + prompts.ids.num_tokens
    for name in ("get_input_embeddings", "get_output_embeddings"):
        wrapped = getattr(tuned.get_base_model(), name)()
        layer = getattr(wrapped, "token_adapter", None)
        weight = layer.get_merged_weights(layer.active_adapters) if layer is not None else wrapped.weight
        getattr(plain, name)().weight[first:last] = weight[first:last].to(plain.dtype).cpu()
