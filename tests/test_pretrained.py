"""Models of others come in as weights and settings: what wants to run code, or is pickled, is refused with one line."""

import io
import json
import shutil
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from genrec.encode.clip import ClipEncoder
from genrec.encode.text import SentenceEncoder
from genrec.errors import InputError
from genrec.pretrained import LORA_CONFIG, LORA_WEIGHTS, check_lora, load_processor, load_weights, read_lora_config
from genrec.runtime import foundation_path

CODE = "from pathlib import Path\nPath({marker!r}).touch()\n"


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "ran"


@pytest.fixture
def yes(monkeypatch):
    """Whoever asks on the terminal is told yes."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 50))


def folder_with_code(tmp_path, marker, *, model_type="strange"):
    """A language model whose settings name modules of its own."""
    folder = tmp_path / "model"
    shutil.copytree(foundation_path("genrec-tiny-lm"), folder)
    code = CODE.format(marker=str(marker))
    (folder / "strange.py").write_text(code)
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate" / "generate.py").write_text(code)
    config = json.loads((folder / "config.json").read_text())
    names = {"AutoConfig": "strange.Config", "AutoModelForCausalLM": "strange.Model", "AutoModel": "strange.Model"}
    (folder / "config.json").write_text(json.dumps(config | {"model_type": model_type, "auto_map": names}))
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    tokens = {"AutoTokenizer": ["strange.Tokenizer", "strange.Tokenizer"]}
    (folder / "tokenizer_config.json").write_text(
        json.dumps(tokenizer | {"tokenizer_class": "Tokenizer", "auto_map": tokens})
    )
    return folder


@pytest.mark.parametrize(("kind", "load"), [(AutoModelForCausalLM, load_weights), (AutoTokenizer, load_processor)])
def test_a_folder_that_wants_code_is_refused_though_stdin_says_yes(tmp_path, marker, yes, kind, load):
    folder = folder_with_code(tmp_path, marker)
    with pytest.raises(InputError) as refused:
        load(kind, folder)
    assert not marker.exists()
    assert "\n" not in str(refused.value)
    assert "wants code of its own" in str(refused.value)


def test_code_beside_a_known_model_is_passed_over(tmp_path, marker, yes):
    load_weights(AutoModelForCausalLM, folder_with_code(tmp_path, marker, model_type="qwen3"))
    assert not marker.exists()


def test_encoders_run_no_code_either(tmp_path, marker, yes):
    folder = folder_with_code(tmp_path, marker)
    modules = [{"idx": 0, "name": "0", "path": "", "type": "strange.Model"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(InputError, match=r"text encoder .* cannot be loaded"):
        SentenceEncoder(str(folder)).encode_texts(["a"])
    with pytest.raises(InputError, match=r"CLIP model .* cannot be loaded"):
        ClipEncoder(str(folder)).encode_texts(["a"])
    assert not marker.exists()


def test_pickled_weights_are_refused(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(foundation_path("genrec-tiny-lm"), folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"model\.safetensors") as refused:
        load_weights(AutoModelForCausalLM, folder)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("broken", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'{"model_type": 3}', b"[]"])
def test_broken_settings_are_one_line(tmp_path, broken):
    folder = tmp_path / "model"
    shutil.copytree(foundation_path("genrec-tiny-lm"), folder)
    (folder / "config.json").write_bytes(broken)
    with pytest.raises(InputError, match="cannot be loaded") as refused:
        load_weights(AutoModelForCausalLM, folder)
    assert "\n" not in str(refused.value)


# ---- LoRA


@pytest.fixture
def own(tmp_path):
    """A model's own LoRA over two kinds of layers."""
    folder = tmp_path / "own"
    write_lora(folder)
    return folder


def write_lora(folder, *, rank=4, config=None, weights=None):
    folder.mkdir(exist_ok=True)
    settings = {"peft_type": "LORA", "r": rank, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]}
    (folder / LORA_CONFIG).write_text(json.dumps(settings | (config or {})))
    tensors = {}
    for name, (rows, columns) in {"layers.0.q_proj": (6, 10), "layers.0.v_proj": (2, 10)}.items():
        tensors[f"base_model.model.{name}.lora_A.weight"] = torch.ones(rank, columns)
        tensors[f"base_model.model.{name}.lora_B.weight"] = torch.ones(rows, rank)
    tensors |= weights or {}
    save_file({name: weight for name, weight in tensors.items() if weight is not None}, folder / LORA_WEIGHTS)


def test_a_lora_of_another_rank_or_of_fewer_layers_fits(tmp_path, own):
    write_lora(tmp_path / "wide", rank=7)
    check_lora(tmp_path / "wide", own)
    only = {f"base_model.model.layers.0.v_proj.lora_{part}.weight": None for part in "AB"}
    write_lora(tmp_path / "less", config={"target_modules": ["q_proj"]}, weights=only)
    check_lora(tmp_path / "less", own)


Q_A, Q_B = (f"base_model.model.layers.0.q_proj.lora_{part}.weight" for part in "AB")


@pytest.mark.parametrize(
    ("config", "weights", "message"),
    [
        ({}, {Q_A: torch.ones(4, 11)}, r"shape \[4, 11\]; wanted \[4, 10\]"),
        ({}, {Q_B: torch.ones(6, 3)}, "shape"),
        ({"r": 5}, {}, "shape"),
        ({}, {Q_B: None}, "lacks"),
        ({}, {"base_model.model.layers.9.q_proj.lora_A.weight": torch.ones(4, 10)}, "which this model has not"),
        ({}, {Q_A: torch.full((4, 10), float("nan"))}, "not finite"),
        ({}, {Q_A: torch.ones(4, 10, dtype=torch.int64)}, "int64"),
        ({"target_modules": ["none_such"]}, {}, "which this model has not"),
        ({"target_modules": "(a+)+$"}, {}, "wanted a list"),
        ({"target_modules": []}, {}, "wanted a list"),
        ({"peft_type": "LOHA"}, {}, "wanted LORA"),
        ({"peft_type": None}, {}, "wanted LORA"),
        ({"megatron_config": {"a": 1}, "megatron_core": "strange"}, {}, "no plain LoRA"),
        ({"megatron_core": "strange"}, {}, "megatron_core"),
        ({"auto_mapping": {"base_model_class": "X", "parent_library": "strange"}}, {}, "auto_mapping"),
        ({"of_a_later_peft": "on"}, {}, "of_a_later_peft"),
        ({"r": "4"}, {}, "wanted a rank"),
        ({"r": True}, {}, "wanted a rank"),
        ({"lora_alpha": None}, {}, "wanted a rank"),
    ],
)
def test_a_lora_that_does_not_fit_is_refused_with_the_reason(tmp_path, own, config, weights, message):
    write_lora(tmp_path / "other", config=config, weights=weights)
    with pytest.raises(InputError, match=message) as refused:
        check_lora(tmp_path / "other", own)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("broken", ["", "{", "[" * 100_000, "[]", "3", "null"])
def test_broken_lora_settings_are_refused(tmp_path, own, broken):
    (own / LORA_CONFIG).write_text(broken)
    with pytest.raises(InputError, match="cannot be read"):
        read_lora_config(own)


def test_broken_lora_weights_are_refused(tmp_path, own):
    write_lora(tmp_path / "other")
    (tmp_path / "other" / LORA_WEIGHTS).write_bytes(b"\xff" * 100)
    with pytest.raises(InputError, match="cannot be loaded"):
        check_lora(tmp_path / "other", own)
    (tmp_path / "other" / LORA_WEIGHTS).unlink()
    with pytest.raises(InputError, match="cannot be loaded"):
        check_lora(tmp_path / "other", own)
