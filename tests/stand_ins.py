"""Tiny models that stand in for those of the presets: of their classes, dtypes, tokenizer kinds, width relations and
ways to pool, with random weights, saved as the hub delivers them.

What the real ones have that a smaller copy would hide: SmolLM2's tied embeddings, grouped heads, one token that pads
and ends, and a template that speaks first; Qwen3's heads that are wider together than its states, rows without a token,
and turns that think; CLIP's towers of different widths; SigLIP's texts that are padded to the full, without a mask.
"""

import json
from pathlib import Path

import torch
from tokenizers import processors
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTokenizer,
    GemmaTokenizer,
    GPT2Tokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
)

from genrec.runtime import foundation_path

_SPEAKS_FIRST = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}"
    "{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_THINKS = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}"
    "{%- endif %}"
)
_SPARE_ROWS = 37  # of Qwen's embeddings, which no token has


def _word_pieces() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A byte-level BPE without special tokens, so that prompts are about as short as the real ones are."""
    model = json.loads((Path(foundation_path("genrec-tiny-lm")) / "tokenizer.json").read_text())["model"]
    pieces = [piece for piece in sorted(model["vocab"], key=model["vocab"].get) if not piece.startswith("<|")]
    return {piece: place for place, piece in enumerate(pieces)}, [tuple(pair) for pair in model["merges"]]


def save_smollm2(folder: Path, *, dtype: torch.dtype = torch.bfloat16) -> Path:
    """SmolLM2-Instruct: a Llama with tied embeddings and three heads to each key, of GPT-2's tokenizer."""
    vocab, merges = _word_pieces()
    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    vocab = {**{token: place for place, token in enumerate(special)}, **{p: n + 3 for p, n in vocab.items()}}
    tokenizer = GPT2Tokenizer(
        vocab=vocab, merges=merges, unk_token=special[0], bos_token=special[1], eos_token=special[2],
        pad_token=special[2], model_max_length=8192,
    )  # fmt: skip
    tokenizer.chat_template = _SPEAKS_FIRST
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=24,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=3,
        num_key_value_heads=1,
        tie_word_embeddings=True,
        max_position_embeddings=8192,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    LlamaForCausalLM(config).to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _qwen_tokenizer() -> Qwen2Tokenizer:
    vocab, merges = _word_pieces()
    tokenizer = Qwen2Tokenizer(vocab=vocab, merges=merges, pad_token="<|endoftext|>", eos_token="<|im_end|>")
    tokenizer.add_special_tokens({"extra_special_tokens": ["<|im_start|>"]})
    tokenizer.add_tokens(["<think>", "</think>"])
    tokenizer.chat_template = _THINKS
    return tokenizer


def _qwen_config(tokenizer: Qwen2Tokenizer) -> Qwen3Config:
    return Qwen3Config(
        vocab_size=len(tokenizer) + _SPARE_ROWS,
        hidden_size=32,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )


def save_qwen3(folder: Path) -> Path:
    """Qwen3 in bfloat16: heads wider together than the states, rows without a token, a template that thinks."""
    tokenizer = _qwen_tokenizer()
    torch.manual_seed(0)
    Qwen3ForCausalLM(_qwen_config(tokenizer)).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_clip(folder: Path) -> Path:
    """CLIP whose two towers and their common space are of three widths."""
    vocab, _ = _word_pieces()
    letters = [piece for piece in vocab if len(piece) == 1]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={token: n for n, token in enumerate(tokens)}, merges=[], model_max_length=77)
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": 1}
    text = {"hidden_size": 16, "vocab_size": len(tokens), "max_position_embeddings": 77}
    torch.manual_seed(0)
    config = CLIPConfig(
        text_config=layers | ends | text,
        vision_config=layers | {"hidden_size": 24, "image_size": 32, "patch_size": 8},
        projection_dim=12,
    )
    CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    _name_image_processor(folder, "CLIPImageProcessor")
    return folder


def save_siglip2(folder: Path) -> Path:
    """SigLIP 2 of one resolution: SigLIP's class with Gemma's tokenizer, one width everywhere, 64 tokens always."""
    vocab, _ = _word_pieces()
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    tokens = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *(p for p in vocab if len(p) == 1)]
    tokenizer = GemmaTokenizer(
        vocab={token: n for n, token in enumerate(tokens)}, merges=[], padding_side="right", model_max_length=64
    )
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <eos>", pair="$A <eos> $B:1 <eos>:1", special_tokens=[("<eos>", 1)]
    )
    layers = {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(0)
    config = SiglipConfig(
        text_config=layers
        | {"vocab_size": len(tokens), "projection_size": 24, "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0},
        vision_config=layers | {"image_size": 32, "patch_size": 8},
    )
    SiglipModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    _name_image_processor(folder, "SiglipImageProcessor")
    return folder


def _name_image_processor(folder: Path, name: str) -> None:
    """As the hub has it: without naming what decodes."""
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"image_processor_type": name}))


def save_minilm(folder: Path) -> Path:
    """A BERT of sentence-transformers with mean pooling and unit vectors."""
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

    letters = [chr(code) for code in range(97, 123)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    tokenizer = BertTokenizer(vocab={word: n for n, word in enumerate(words)}, model_max_length=128)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48
    )
    return _save_sentence_encoder(folder, BertModel(config), tokenizer, [Pooling(24), Normalize()])


def save_qwen3_embedding(folder: Path) -> Path:
    """Qwen3-Embedding: bfloat16, left padding, the last token's state, and a prompt for queries alone."""
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

    tokenizer = _qwen_tokenizer()
    tokenizer.padding_side = "left"
    config = _qwen_config(tokenizer)
    torch.manual_seed(0)
    pooling = Pooling(config.hidden_size, pooling_mode="lasttoken")
    prompts = {"query": "Instruct: find what answers\nQuery:", "document": ""}
    return _save_sentence_encoder(
        folder, Qwen3Model(config).to(torch.bfloat16), tokenizer, [pooling, Normalize()], prompts=prompts
    )


def _save_sentence_encoder(folder: Path, model, tokenizer, after, *, prompts=None) -> Path:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Transformer

    plain = folder.with_name(f"{folder.name}-plain")
    model.save_pretrained(plain)
    tokenizer.save_pretrained(plain)
    SentenceTransformer(modules=[Transformer(str(plain)), *after], prompts=prompts).save(str(folder))
    return folder
