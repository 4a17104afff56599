"""JSON from a language model: greedy decoding that cannot leave a JSON schema, by llguidance's grammar masks.

Knows tokens and schemas alone. What it returns parses and fits the schema, unless the model ran out of tokens.

Axis legend: B batch (always one here), T tokens, V vocabulary.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer
from transformers import LogitsProcessor

from genrec.errors import InputError

Schema = Mapping[str, object]


class JsonGrammar:
    """One schema over one tokenizer, compiled once; `constraint` starts a fresh text.

    Tokens that the tokenizer itself does not hold as text, such as id tokens, are never allowed.
    """

    def __init__(self, tokenizer: Any, schema: Schema, *, first_id_token: int) -> None:  # Any: transformers' tokenizers
        """Raises InputError when the schema is not one that can be decoded."""
        self.tokenizer = _grammar_tokenizer(tokenizer)
        self.first_id_token, self.end_token = first_id_token, int(tokenizer.eos_token_id)
        # No free white space: an untrained model would write nothing else.
        self.grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides={"whitespace_flexible": False})
        problem = LLMatcher.validate_grammar(self.grammar, self.tokenizer)
        if problem:
            raise InputError(f"the JSON schema cannot be decoded ({problem}); simplify it")

    def constraint(self, prompt_length: int) -> "JsonConstraint":
        """A logits processor for one text that begins after so many tokens."""
        return JsonConstraint(self, prompt_length)


@lru_cache(maxsize=4)
def _grammar_tokenizer(tokenizer: Any) -> LLTokenizer:  # Any: transformers' tokenizers are untyped here
    return from_tokenizer(tokenizer, n_vocab=len(tokenizer))


class JsonConstraint(LogitsProcessor):
    """Forbids every token that would leave the schema; follows one text, token by token."""

    def __init__(self, grammar: JsonGrammar, prompt_length: int) -> None:
        self.matcher = LLMatcher(grammar.tokenizer, grammar.grammar)
        self.first_id_token, self.end_token = grammar.first_id_token, grammar.end_token
        self.num_read = prompt_length

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores (1, V) with forbidden tokens at minus infinity."""
        for token in input_ids[0, self.num_read :].tolist():
            assert self.matcher.consume_token(token), self.matcher.get_error()
        self.num_read = input_ids.shape[1]
        allowed_V = np.zeros(scores.shape[-1], dtype=np.bool_)
        if self.matcher.is_stopped():
            allowed_V[self.end_token] = True
        else:
            bits = np.frombuffer(self.matcher.compute_bitmask(), dtype=np.uint8)
            known = np.unpackbits(bits, bitorder="little")[: self.first_id_token].astype(np.bool_)
            allowed_V[: len(known)] = known
        return scores.masked_fill(~torch.from_numpy(allowed_V).to(scores.device), -torch.inf)
