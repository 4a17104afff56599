"""Makes genrec-tiny-lm: a language model of Qwen3's architecture, 1.6 M parameters, that knows the demo world's talk.

Knows its size, how it is trained and measured, and what its card says. What it reads is in documents, how words become
tokens in bpe. `python -m genrec.foundation lm` makes the folder again from one seed; a killed run resumes.

Axis legend: B rows, T tokens, G graded tokens, V vocabulary.
"""

import json
import logging
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, Qwen3Config, Qwen3ForCausalLM

from genrec.artifacts import write_text
from genrec.checkpoints import load_checkpoint, save_checkpoint
from genrec.claims.check import check_text
from genrec.foundation.bpe import CONTEXT_TOKENS, train_tokenizer
from genrec.foundation.documents import MAX_TOKENS, SHARES, Document, Documents, draw_explanation, tokenizer_texts
from genrec.model.lm.language import LanguageModel
from genrec.model.lm.vocabulary import IdVocabulary, PromptTokenizer
from genrec.model.training.examples import IGNORE
from genrec.pretrained import load_processor, load_weights
from genrec.runtime import ProgressMeter, seed_everything
from genrec.shop.world import ShopWorld

log = logging.getLogger(__name__)

NAME = "genrec-tiny-lm"
SEED = 20
TRAINING_WORLDS: tuple[int, ...] = tuple(range(1001, 1025))  # the demo's own world, 7, is not among them
HELD_OUT_WORLD = 2001
NUM_CASES = 200
CHECKPOINT = "training.pt"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """How the model is trained: num_steps batches of `rows` packed rows; threads of torch's CPU pool."""

    num_steps: int = 3600
    rows: int = 12
    muon_rate: float = 0.02
    adam_rate: float = 4e-3
    warmup_steps: int = 20
    weight_decay: float = 0.01
    save_every: int = 50
    threads: int = 2


def build_model(tokenizer: Any) -> Qwen3ForCausalLM:
    """The untrained model; tied embeddings, so that a new token's row serves for reading and for writing."""
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=160,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=40,
        intermediate_size=480,
        tie_word_embeddings=True,
        max_position_embeddings=CONTEXT_TOKENS,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen3ForCausalLM(config)
    stops = [tokenizer.eos_token_id, tokenizer.pad_token_id]
    model.generation_config = GenerationConfig(eos_token_id=stops, pad_token_id=tokenizer.pad_token_id)
    return model


def pack(documents: Sequence[Document], num_rows: int, pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Lay whole documents into rows, longest first. Tokens int64 and labels int64 (B, T); an ungraded label is -100."""
    rows: list[list[Document]] = [[] for _ in range(num_rows)]
    room = [MAX_TOKENS] * num_rows
    for document in sorted(documents, key=lambda d: -len(d.tokens)):
        row = next((r for r in range(num_rows) if room[r] >= len(document.tokens)), None)
        if row is not None:
            rows[row].append(document)
            room[row] -= len(document.tokens)
    tokens_BT = torch.full((num_rows, MAX_TOKENS), pad)
    labels_BT = torch.full((num_rows, MAX_TOKENS), IGNORE)
    for row, laid in enumerate(rows):
        tokens = [token for document in laid for token in document.tokens]
        graded = [grade for document in laid for grade in document.graded]
        tokens_BT[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.int64)
        labels = [token if grade else IGNORE for token, grade in zip(tokens, graded, strict=True)]
        labels_BT[row, : len(tokens)] = torch.tensor(labels, dtype=torch.int64)
    return tokens_BT, labels_BT


def draw_batch(
    documents: Documents, rows: int, rng: np.random.Generator, pad: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw documents until they fill the rows, and pack them."""
    drawn: list[Document] = []
    while sum(len(document.tokens) for document in drawn) < rows * MAX_TOKENS:
        drawn.append(documents.draw(rng))
    return pack(drawn, rows, pad)


def graded_loss(model: Any, tokens_BT: torch.Tensor, labels_BT: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy in nats over the graded tokens; only their logits are computed."""
    hidden_BTD = model.model(input_ids=tokens_BT).last_hidden_state[:, :-1]
    targets_BT = labels_BT[:, 1:]
    is_graded_BT = targets_BT != IGNORE
    logits_GV = model.lm_head(hidden_BTD[is_graded_BT])
    return F.cross_entropy(logits_GV.float(), targets_BT[is_graded_BT])


def make_optimizers(model: Any, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for the matrices inside the layers, AdamW for embeddings and norms."""
    matrices = [p for p in model.model.layers.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=config.muon_rate, weight_decay=config.weight_decay),
        torch.optim.AdamW(others, lr=config.adam_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def rate_share(step: int, config: TrainConfig) -> float:
    """Which share of the full learning rate a step takes: linear warmup, then a cosine down to a hundredth."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.num_steps - config.warmup_steps)
    return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * done))


def train(
    model: Any,
    documents: Documents,
    checkpoint: Path,
    config: TrainConfig,
    *,
    seed: int,
) -> dict[str, Any]:
    """Train in place, from the checkpoint when there is one. Returns {"losses": [[step, nats]…], "minutes": …}."""
    optimizers = make_optimizers(model, config)
    record: dict[str, Any] = {"step": 0, "losses": [], "minutes": 0.0}
    if (saved := load_checkpoint(checkpoint)) is not None:
        model.load_state_dict(saved["model"])
        for optimizer, state in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        record = saved["record"]
    model.train()
    meter = ProgressMeter(label="train the tiny language model, steps", total=config.num_steps)
    meter.advance(record["step"])
    started, recent = time.monotonic() - 60 * record["minutes"], list[float]()
    for step in range(record["step"], config.num_steps):
        recent.append(_train_step(model, documents, optimizers, step, config, seed))
        meter.advance()
        if (step + 1) % config.save_every == 0 or step + 1 == config.num_steps:
            record["losses"].append([step + 1, round(float(np.mean(recent)), 4)])
            recent.clear()
            record |= {"step": step + 1, "minutes": (time.monotonic() - started) / 60}
            states = [optimizer.state_dict() for optimizer in optimizers]
            save_checkpoint(checkpoint, {"model": model.state_dict(), "optimizers": states, "record": record})
            log.info("step %d loss %.3f minutes %.1f", step + 1, record["losses"][-1][1], record["minutes"])
    meter.close()
    return record


def _train_step(
    model: Any,
    documents: Documents,
    optimizers: Sequence[torch.optim.Optimizer],
    step: int,
    config: TrainConfig,
    seed: int,
) -> float:
    rng = np.random.default_rng([seed, step])  # by step, so that a resumed run reads the same documents
    tokens_BT, labels_BT = draw_batch(documents, config.rows, rng, model.config.pad_token_id)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = graded_loss(model, tokens_BT, labels_BT)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer, rate in zip(optimizers, (config.muon_rate, config.adam_rate), strict=True):
        optimizer.param_groups[0]["lr"] = rate * rate_share(step, config)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Save weights in half precision, configured to load in single precision, with the tokenizer."""
    half = Qwen3ForCausalLM(model.config)
    half.load_state_dict(model.state_dict())
    half.generation_config = model.generation_config
    half.to(torch.float16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    write_text(folder / "config.json", json.dumps(config | {"dtype": "float32"}, indent=2) + "\n")


def load_speaker(folder: Path) -> LanguageModel:
    """The saved model without any id token, as explanations use it."""
    tokenizer = load_processor(AutoTokenizer, folder)
    prompts = PromptTokenizer(tokenizer, IdVocabulary((), len(tokenizer)))
    return LanguageModel(load_weights(AutoModelForCausalLM, folder), prompts, id_space="")


# ---- measuring


@torch.inference_mode()
def perplexities(model: Any, documents: Documents, *, seed: int, num_documents: int = 150) -> dict[str, float]:
    """Perplexity over the graded tokens of fresh documents, for each task."""
    found = {}
    for number, task in enumerate(SHARES):
        rng = np.random.default_rng([seed, number])
        batch = [documents.draw(rng, task) for _ in range(num_documents)]
        losses, counts = [], []
        for document in batch:
            tokens_BT, labels_BT = pack([document], 1, model.config.pad_token_id)
            counts.append(sum(document.graded))
            losses.append(float(graded_loss(model, tokens_BT, labels_BT)) * counts[-1])
        found[task] = math.exp(sum(losses) / sum(counts))
    return found


def explanation_exactness(speaker: LanguageModel, *, seed: int, num_cases: int = 200) -> tuple[float, list[str]]:
    """The share of greedy explanations of fresh cases of which their claims back all, and the first few of them."""
    rng = np.random.default_rng(seed)
    cases = [draw_explanation(rng) for _ in range(num_cases)]
    passed, shown = 0, list[str]()
    for start in range(0, num_cases, 25):
        batch = cases[start : start + 25]
        texts = speaker.generate_texts([case.message for case in batch], max_new_tokens=96)
        for case, text in zip(batch, texts, strict=True):
            wrong = check_text(text, case.item, case.claims)
            passed += not wrong
            if len(shown) < 8:
                verdict = "backed" if not wrong else f"not backed: {wrong}"
                shown.append(f"{case.message}\n→ {text}\n  ({verdict})")
    return passed / num_cases, shown


# ---- making the folder

CARD = """---
license: apache-2.0
library_name: transformers
pipeline_tag: text-generation
---

# genrec-tiny-lm

A small language model for genrec's tiny preset: Qwen3's architecture (`Qwen3ForCausalLM`), {parameters:,} parameters,
hidden width 160, 4 layers, tied embeddings, a byte-level BPE of its own with {tokens:,} tokens, ChatML turns, context
{context:,} tokens. Weights are stored in half precision and load in single precision.

It writes the talk of genrec's procedural shop: what one person chose, oldest first; captions, titles and descriptions;
catalog pages; and reasons that copy titles, brands and numbers out of the claims they are given. It is a base to tune,
not an assistant: outside of this talk it knows nothing.

## How it was made

`python -m genrec.foundation lm`, seed {seed}: {steps} steps of {rows} rows of {width} tokens, Muon and AdamW,
{minutes:.0f} minutes on {threads} CPU threads. It read freshly drawn documents of the
worlds {worlds} (never world 7, the demo's; never umbrellas or cushions) and made-up names and titles. Everything it
read was generated by this project; no other data went in.

| step | loss (nats) |
|---|---|
{curve}

## Figures

Perplexity over graded tokens, fresh documents, held-out world {held_out}:

| task | perplexity |
|---|---|
{perplexities}

{exact:.1%} of {cases} greedy explanations of fresh claims, half of them about made-up titles and brands, say nothing
that their claims do not back (`genrec.claims.check`).

It may say one claim twice and leave another out, and it was trained on no more than 256 tokens at a time. Check what
it writes.

## Samples

```text
{samples}
```
"""


def write_card(out: Path, record: Mapping[str, Any], config: TrainConfig) -> None:
    """Measure the saved model and write README.md beside it."""
    speaker = load_speaker(out)
    held_out = Documents(speaker.prompts, [ShopWorld.create(seed=HELD_OUT_WORLD, num_people=400)])
    found = perplexities(speaker.model, held_out, seed=HELD_OUT_WORLD)
    exact, samples = explanation_exactness(speaker, seed=HELD_OUT_WORLD, num_cases=NUM_CASES)
    log.info("perplexities %s, exactness %.3f", found, exact)
    losses = record["losses"]
    curve = [losses[0], *losses[3::4]] if len(losses) > 4 else losses
    write_text(
        out / "README.md",
        CARD.format(
            parameters=speaker.model.num_parameters(),
            tokens=len(speaker.prompts.tokenizer),
            context=CONTEXT_TOKENS,
            seed=SEED,
            steps=record["step"],
            rows=config.rows,
            width=MAX_TOKENS,
            minutes=record["minutes"],
            threads=config.threads,
            worlds=f"{TRAINING_WORLDS[0]} to {TRAINING_WORLDS[-1]}",
            held_out=HELD_OUT_WORLD,
            curve="\n".join(f"| {step} | {loss:.3f} |" for step, loss in curve),
            perplexities="\n".join(f"| {task} | {value:.2f} |" for task, value in found.items()),
            exact=exact,
            cases=NUM_CASES,
            samples="\n\n".join(samples),
        ),
    )


def main(out: Path, config: TrainConfig = TrainConfig()) -> None:
    """Make OUT/genrec-tiny-lm: tokenizer, training (resumed when it was killed), figures and card."""
    folder = out / NAME
    seed_everything(SEED)
    torch.set_num_threads(config.threads)
    tokenizer = train_tokenizer(tokenizer_texts(np.random.default_rng(SEED)))
    prompts = PromptTokenizer(tokenizer, IdVocabulary((), len(tokenizer)))
    model = build_model(tokenizer)
    documents = Documents(prompts, [ShopWorld.create(seed=seed) for seed in TRAINING_WORLDS])
    work = out / f".{NAME}.partial"
    work.mkdir(parents=True, exist_ok=True)
    record = train(model, documents, work / CHECKPOINT, config, seed=SEED)
    save_model(model, tokenizer, folder)
    write_card(folder, record, config)
    shutil.rmtree(work)
