"""The language model with its id tokens: decodes items, scores items, and writes text.

Loads any causal language model of transformers by name or folder; a LoRA adapter of peft rides on it. Knows nothing of
catalogs or users: it sees prompts, semantic IDs and tokens.

Axis legend: B batch, T tokens, L levels.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoTokenizer

from genrec.errors import ArtifactError, InputError
from genrec.model.causal_lm import load_causal_lm
from genrec.model.lm.beam_search import Beams, Guide, Watch, score_items, search_beams, unwatched
from genrec.model.lm.best_first import StreamedItem, stream_items
from genrec.model.lm.item_projector import PROJECTOR_FILE, ItemProjector
from genrec.model.lm.prefix_cache import PrefixCache, keeps_all_tokens
from genrec.model.lm.text_decoding import NgramIndex, decode_greedily
from genrec.model.lm.vocabulary import IdVocabulary, PromptTokenizer
from genrec.pretrained import load_lora, load_lora_beside, load_processor
from genrec.prompting import Message
from genrec.runtime import quietly
from genrec.schema import SemanticId
from genrec.semids.trie import Narrowing, Trie

IDS_FILE = "id_tokens.json"
BASE_DIR, ADAPTER_DIR = "base", "adapter"
OWN = "default"  # peft's name for the LoRA that a model was loaded with


def read_ids(directory: Path) -> tuple[IdVocabulary, str, str]:
    """The id tokens, the id space and the foundation's name of a tuned model. Raises ArtifactError."""
    path = directory / BASE_DIR / IDS_FILE
    if not path.is_file():
        raise ArtifactError(f"{directory} has no tuned language model ({path.name} is missing); run genrec build")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        ids = IdVocabulary(tuple(map(int, record["level_sizes"])), int(record["first_token"]))
        return ids, str(record["id_space"]), str(record["foundation"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(f"{path} cannot be read ({error}); run genrec build again") from error


def load_prompts(directory: Path) -> tuple[PromptTokenizer, str]:
    """The prompt tokenizer of a tuned model, and its id space. Raises ArtifactError."""
    ids, id_space, _ = read_ids(directory)
    return PromptTokenizer(load_processor(AutoTokenizer, directory / BASE_DIR), ids), id_space


class LanguageModel:
    """A causal language model that knows the id tokens of one id space."""

    def __init__(
        self, model: Any, prompts: PromptTokenizer, *, id_space: str, item_projector: ItemProjector | None = None
    ) -> None:
        self.model = model
        self.prompts = prompts
        self.id_space = id_space
        self.item_projector = item_projector
        self._offered: dict[str, Path] = {}  # adapters that no request has chosen yet
        self._is_folded = False
        self._prefix: tuple[int, ...] | PrefixCache = ()  # computed when first needed
        self._said_lately = NgramIndex()
        self.pause: Callable[[], None] = lambda: (
            None
        )  # called between the steps of text decoding, so that others may use the model
        if item_projector is not None:
            item_projector.attach(model)
        model.eval()  # the projector too, which would drop item vectors as it does in training

    @classmethod
    @quietly()
    def load(
        cls,
        directory: Path,
        *,
        device: torch.device,
        dtype: str = "float32",
        four_bit: bool = False,
        adapter: Path | None = None,
    ) -> "LanguageModel":
        """Load what tuning saved: base/ with its id rows, and adapter/ if there is one; `adapter` replaces that.

        Raises ArtifactError when the directory holds no tuned model.
        """
        prompts, id_space = load_prompts(directory)
        model = load_causal_lm(str(directory / BASE_DIR), dtype=dtype, four_bit=four_bit, device=device)
        lora = adapter or directory / ADAPTER_DIR
        if adapter is not None or lora.is_dir():
            model = load_lora(model, lora)
        path = directory / PROJECTOR_FILE
        projector = ItemProjector.load(path, prompts.ids, device) if path.is_file() else None
        return cls(model, prompts, id_space=id_space, item_projector=projector)

    @property
    def ids(self) -> IdVocabulary:
        """The id tokens, by level and code."""
        return self.prompts.ids

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.model.parameters()).device

    @property
    def _has_adapters(self) -> bool:
        return hasattr(self.model, "peft_config")

    def fold(self) -> None:
        """Merge the model's own LoRA into the weights, which answers the same in less time, until another is chosen.

        Only in float32: narrower weights would lose digits by it.
        """
        is_alone = self._has_adapters and len(self.model.peft_config) == 1
        if is_alone and not self._is_folded and all(p.dtype == torch.float32 for p in self.model.parameters()):
            self.model.merge_adapter()
            self._is_folded = True

    def _unfold(self) -> None:
        if self._is_folded:
            self.model.unmerge_adapter()
            self._is_folded = False

    def add_adapter(self, name: str, directory: Path) -> None:
        """Offer another LoRA beside the model's own, for `search` to choose by name; it is loaded when first chosen.

        Raises InputError when the model has none of its own, as one tuned with all weights.
        """
        if not self._has_adapters:
            raise InputError(f"adapter {name!r} needs a model tuned by LoRA; this one was tuned with all its weights")
        if name not in self.model.peft_config:
            self._offered[name] = directory

    def _load_chosen(self, adapters: Sequence[str] | None) -> None:
        for name in sorted(self._offered.keys() & set(adapters or ())):
            self._unfold()  # requests with different adapters share a batch only when none is in the weights
            load_lora_beside(self.model, self._offered[name], name)
            del self._offered[name]  # not before: one that cannot be loaded is no less so the next time
            self.model.eval()

    def cache_prefix(self, tokens: Sequence[int]) -> None:
        """Cache the keys and values of a frequent prefix of prompts. The weights must not change after this."""
        self._prefix = tuple(tokens)

    @torch.inference_mode()
    def _cached_prefix(self) -> PrefixCache | None:
        if isinstance(self._prefix, tuple):
            if not self._prefix or not keeps_all_tokens(self.model):
                return None
            self._prefix = PrefixCache(self.model, self._prefix)
        return self._prefix

    def search(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        trie: Trie,
        width: int,
        narrowing: Narrowing | None = None,
        adapters: Sequence[str] | None = None,
        guide: Guide | None = None,
        also_BC: torch.Tensor | None = None,
        watch: Watch = unwatched,
    ) -> Beams:
        """The `width` most likely items after each prompt; narrowing: `trie.narrow` of what each may see, or None.

        adapters: names that `add_adapter` took, one per prompt, `OWN` for the one the model was loaded with. guide,
        also_BC: as for `search_beams`.
        """
        self._load_chosen(adapters)
        tokens_BT, mask_BT = self.prompts.pad_left(prompts, self.device)
        return search_beams(
            self.model,
            tokens_BT=tokens_BT,
            mask_BT=mask_BT,
            trie=trie,
            ids=self.ids,
            width=width,
            narrowing=narrowing,
            adapters=adapters,
            prefix=self._cached_prefix(),
            guide=guide,
            also_BC=also_BC,
            watch=watch,
        )

    def stream(
        self, prompt: Sequence[int], *, trie: Trie, k: int, narrowing: Narrowing | None = None
    ) -> Iterator[StreamedItem]:
        """The k likeliest items after one prompt, one by one; narrowing: of this request alone."""
        tokens_T = torch.tensor(list(prompt), device=self.device)
        return stream_items(self.model, tokens_T=tokens_T, trie=trie, ids=self.ids, k=k, narrowing=narrowing)

    def score(
        self,
        prompts: Sequence[Sequence[int]],
        targets: Sequence[SemanticId],
        *,
        trie: Trie,
        adapter: str | None = None,
        batch_size: int = 64,
    ) -> npt.NDArray[np.float64]:
        """Log-probability in nats of each target after its prompt, float64 (B,), as `search` has it.

        A prompt that comes several times is computed once for all its targets; batch_size: of different prompts.
        """
        places: dict[tuple[int, ...], list[int]] = {}
        for place, prompt in enumerate(prompts):
            places.setdefault(tuple(prompt), []).append(place)
        shared = sorted(places.items(), key=lambda entry: len(entry[1]))  # equally many targets together
        scores_B = np.zeros(len(prompts))
        self._load_chosen(None if adapter is None else [adapter])
        for start in range(0, len(shared), batch_size):
            batch = shared[start : start + batch_size]
            tokens_BT, mask_BT = self.prompts.pad_left([prompt for prompt, _ in batch], self.device)
            width = max(len(theirs) for _, theirs in batch)
            filled_BW = np.array([[*theirs, *[theirs[0]] * (width - len(theirs))] for _, theirs in batch])
            codes_BWL = torch.tensor([[targets[place] for place in row] for row in filled_BW], device=self.device)
            adapters = None if adapter is None else [adapter] * len(batch)
            found_BW = score_items(
                self.model,
                tokens_BT=tokens_BT,
                mask_BT=mask_BT,
                codes_BWL=codes_BWL,
                trie=trie,
                ids=self.ids,
                adapters=adapters,
                prefix=self._cached_prefix(),
            )
            scores_B[filled_BW] = found_BW.double().cpu().numpy()
        return scores_B

    def generate_text(self, message: Message, *, max_new_tokens: int = 64) -> str:
        """The model's greedy answer to one message, in words alone."""
        return self.generate_texts([message], max_new_tokens=max_new_tokens)[0]

    @torch.inference_mode()
    def generate_texts(self, messages: Sequence[Message], *, max_new_tokens: int = 64) -> list[str]:
        """The model's greedy answer to each message; id tokens are never decoded."""
        prompts = [self.prompts.encode_prompt(message) for message in messages]
        tokens_BT, mask_BT = self.prompts.pad_left(prompts, self.device)
        if keeps_all_tokens(self.model):
            decoded = decode_greedily(
                self.model,
                prompts,
                tokens_BT=tokens_BT,
                mask_BT=mask_BT,
                ids=self.ids,
                end=self.prompts.end_of_turn,
                max_new_tokens=max_new_tokens,
                ngrams=self._said_lately,
                pause=self.pause,
            )
            return [self.prompts.decode(row) for row in decoded]
        output = self.model.generate(
            input_ids=tokens_BT,
            attention_mask=mask_BT,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            suppress_tokens=list(range(self.ids.first_token, self.ids.first_token + self.ids.num_tokens)),
            eos_token_id=self.prompts.end_of_turn,
            pad_token_id=self.prompts.tokenizer.pad_token_id,
        )
        return [self.prompts.decode(row) for row in output[:, tokens_BT.shape[1] :].tolist()]
