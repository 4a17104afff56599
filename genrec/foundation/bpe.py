"""The tokenizer of genrec-tiny-lm: byte-level BPE in which a word has the same pieces with and without a space before.

Merges are learned inside words alone; a leading space joins a word only as a last merge, and only for frequent whole
words. So an unknown name falls into the same pieces at the start of a line and in the middle of a sentence, which
makes it easy to copy. Digits come in pairs. Every text survives encoding and decoding unchanged.
"""

import json
from collections import Counter
from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

END_OF_TEXT, START_OF_TURN, END_OF_TURN = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIAL_TOKENS: tuple[str, ...] = (END_OF_TEXT, START_OF_TURN, END_OF_TURN)
NUM_PIECES = 1480  # specials, bytes and pieces inside words; the rest of the vocabulary is words with their space
NUM_TOKENS = 2048
CONTEXT_TOKENS = 2048
CHAT_TEMPLATE = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
_SPACE = "Ġ"  # how byte-level BPE writes a space
_PIECES = Regex(r" ?\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]|\s")
_BARE_PIECES = Regex(r"\p{L}+|\p{N}{1,2}|[^\s\p{L}\p{N}]|\s")


def _byte_level(pattern: Regex) -> pre_tokenizers.PreTokenizer:
    split = pre_tokenizers.Split(pattern, behavior="isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Learn the tokenizer of 2,048 tokens from texts; the same texts give the same tokenizer."""
    texts = list(texts)
    learned = Tokenizer(models.BPE())
    learned.pre_tokenizer = _byte_level(_BARE_PIECES)
    digits = [f"{number:02d}" for number in range(100)]
    trainer = trainers.BpeTrainer(
        vocab_size=NUM_PIECES,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    learned.train_from_iterator([*texts, *digits * 50], trainer)
    model = json.loads(learned.to_str())["model"]
    vocabulary = {str(token): int(index) for token, index in model["vocab"].items()}
    merges = [(str(left), str(right)) for left, right in model["merges"]]
    for word in _frequent_words(texts, learned, NUM_TOKENS - len(vocabulary)):
        vocabulary[_SPACE + word] = len(vocabulary)
        merges.append((_SPACE, word))
    return _finish(vocabulary, merges)


def _frequent_words(texts: Iterable[str], learned: Tokenizer, num_words: int) -> list[str]:
    """The most frequent pieces after a space that are one token each, most frequent first."""
    counts: Counter[str] = Counter()
    split = _byte_level(_PIECES)
    for text in texts:
        counts.update(piece[1:] for piece, _ in split.pre_tokenize_str(text) if piece.startswith(_SPACE))
    whole = [word for word, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])) if word]
    known = learned.get_vocab()
    return [word for word in whole if word in known and word not in SPECIAL_TOKENS][:num_words]


def _finish(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = _byte_level(_PIECES)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIAL_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END_OF_TURN,
        pad_token=END_OF_TEXT,
        extra_special_tokens=[START_OF_TURN],
        chat_template=CHAT_TEMPLATE,
        model_max_length=CONTEXT_TOKENS,
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )
