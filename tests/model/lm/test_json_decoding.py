"""Whatever the scores, decoded JSON fits its schema."""

import json

import pytest
import torch
from jsonschema import Draft202012Validator
from transformers import AutoTokenizer

from genrec.errors import InputError
from genrec.model.lm.json_decoding import JsonGrammar
from genrec.runtime import foundation_path

SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["lamp", "Oak & Fable", "“quoted”"]},
        "price": {"type": "integer", "minimum": 1, "maximum": 40},
        "words": {"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 6}},
    },
    "required": ["kind", "price", "words"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(foundation_path("genrec-tiny-lm"))


@pytest.mark.parametrize("seed", range(5))
def test_random_scores_write_json_that_fits(tokenizer, seed):
    num_tokens, num_ids, prompt = len(tokenizer), 12, [3, 4, 5]
    constraint = JsonGrammar(tokenizer, SCHEMA, first_id_token=num_tokens).constraint(len(prompt))
    generator, tokens = torch.Generator().manual_seed(seed), list(prompt)
    for _ in range(120):
        scores = constraint(torch.tensor([tokens]), torch.randn(1, num_tokens + num_ids, generator=generator))
        assert bool((scores[0, num_tokens:] == -torch.inf).all())
        tokens.append(int(scores.argmax()))
        if tokens[-1] == tokenizer.eos_token_id:
            break
    written = json.loads(tokenizer.decode(tokens[len(prompt) :], skip_special_tokens=True))
    Draft202012Validator(SCHEMA).validate(written)


def test_a_schema_that_cannot_be_decoded_is_refused(tokenizer):
    with pytest.raises(InputError, match="cannot be decoded"):
        JsonGrammar(tokenizer, {"type": "no such type"}, first_id_token=len(tokenizer))
