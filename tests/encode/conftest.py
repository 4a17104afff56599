"""Tiny encoders with random weights, saved as folders that from_pretrained loads."""

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers import pre_tokenizers
from transformers import (
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTokenizer,
)

from genrec.schema import Item

torch.set_num_threads(1)  # tiny models gain nothing from more, and wait on a busy machine
START, END = "<|startoftext|>", "<|endoftext|>"


def byte_tokenizer():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*alphabet, *(f"{byte}</w>" for byte in alphabet), START, END]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=32)


def save_tiny_clip(folder, seed):
    tokenizer = byte_tokenizer()
    layers = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    special = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = CLIPConfig(
        text_config=layers | special | {"vocab_size": len(tokenizer), "max_position_embeddings": 32},
        vision_config=layers | {"image_size": 16, "patch_size": 4},
        projection_dim=12,
    )
    torch.manual_seed(seed)
    CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    size = {"height": 16, "width": 16}
    CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=size).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory):
    return save_tiny_clip(tmp_path_factory.mktemp("clip"), seed=0)


@pytest.fixture(scope="session")
def other_clip_folder(tmp_path_factory):
    return save_tiny_clip(tmp_path_factory.mktemp("other-clip"), seed=1)


def save_tiny_clap(folder, *, fusion=False, seed=0):
    """A CLAP model that hears one second at 8,000 Hz."""
    layers = {"num_attention_heads": [1] * 4, "depths": [1] * 4, "patch_embeds_hidden_size": 8, "hidden_size": 64}
    audio = {**layers, "enable_fusion": fusion, "num_mel_bins": 64, "spec_size": 256, "num_classes": 4}
    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    torch.manual_seed(seed)
    ClapModel(
        ClapConfig(text_config={**text, "vocab_size": 40}, audio_config=audio, projection_dim=12)
    ).save_pretrained(folder)
    extractor = ClapFeatureExtractor(
        sampling_rate=8000, hop_length=80, max_length_s=1, fft_window_size=256, frequency_max=4000,
        truncation="fusion" if fusion else "rand_trunc",
    )  # fmt: skip
    extractor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def clap_folder(tmp_path_factory):
    return save_tiny_clap(tmp_path_factory.mktemp("clap"))


@pytest.fixture(scope="session")
def fused_clap_folder(tmp_path_factory):
    return save_tiny_clap(tmp_path_factory.mktemp("fused-clap"), fusion=True)


@pytest.fixture(scope="session")
def sentence_folder(tmp_path_factory):
    """A sentence-transformers folder: a tiny BERT with mean pooling."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("sentence")
    letters = [chr(code) for code in range(97, 123)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    BertTokenizer(vocab={word: i for i, word in enumerate(words)}).save_pretrained(folder / "bert")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    BertModel(config).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"))
    SentenceTransformer(modules=[transformer, Pooling(8)]).save(str(folder / "model"))
    return folder / "model"


@pytest.fixture(scope="session")
def items(tmp_path_factory):
    """Ten items: item 3 has no image, item 4 no words, 8 and 9 share their words."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    made = []
    for number in range(10):
        path = folder / f"{number}.png"
        Image.fromarray(rng.integers(0, 256, size=(20, 24, 3), dtype=np.uint8)).save(path)
        made.append(
            Item(
                item_id=f"i{number}",
                title="" if number == 4 else f"thing number {min(number, 8)}",
                image=None if number == 3 else path,
            )
        )
    return tuple(made)
