"""Pretrained models: the one door through which models of others come in, as weights and settings, never as code.

Weights are safetensors; a folder or a hub model that wants code of its own to be run, or offers pickled weights alone,
is refused with one line, and nothing is asked on a terminal, nor of the hub: what it offers is fetched before. Knows
how the model libraries load; knows no model.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genrec.errors import ArtifactError, InputError
from genrec.hub import find_model, is_repository
from genrec.runtime import quietly

LORA_CONFIG, LORA_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_HUB_ADVICE = "give a folder that holds it, or the name of one that was fetched"
_LORA_SETTINGS = {"r", "lora_alpha", "use_rslora", "target_modules", "task_type", "lora_dropout", "inference_mode",
                  "fan_in_fan_out"}  # fmt: skip
_LORA_ORIGINS = {"peft_version", "base_model_name_or_path", "revision"}  # which decide nothing here


def model_folder(name: str | Path) -> str:
    """The folder of a model by its hub name, folder or shipped name. Raises FileNotFoundError where it is not here."""
    found = find_model(str(name))
    if found is None and is_repository(str(name)):
        raise FileNotFoundError("it is no folder, and was not fetched: genrec models --fetch does")
    return str(name if found is None else found)


def load_weights(kind: Any, name: str | Path, *, what: str = "model", advice: str = _HUB_ADVICE, **options: Any) -> Any:
    """What `kind.from_pretrained` makes of a model: a hub name, a folder or a shipped name.

    kind: a class of transformers or diffusers; what, advice: for the message. Raises InputError.
    """
    with load_errors(name, what=what, advice=advice), quietly():
        return kind.from_pretrained(model_folder(name), trust_remote_code=False, use_safetensors=True, **options)


def load_processor(
    kind: Any, name: str | Path, *, what: str = "model", advice: str = _HUB_ADVICE, **options: Any
) -> Any:
    """A tokenizer or an image processor, as `load_weights` loads a model. Raises InputError."""
    with load_errors(name, what=what, advice=advice), quietly():
        return kind.from_pretrained(model_folder(name), trust_remote_code=False, **options)


def load_sentence_encoder(name: str, *, device: str, what: str, advice: str) -> Any:
    """A sentence-transformers model, likewise, in float32 whatever it was saved in. Raises InputError."""
    from sentence_transformers import SentenceTransformer

    options = {"use_safetensors": True, "dtype": "float32"}
    with load_errors(name, what=what, advice=advice), quietly():
        return SentenceTransformer(model_folder(name), device=device, trust_remote_code=False, model_kwargs=options)


def load_lora(model: Any, folder: Path, **options: Any) -> Any:
    """A model with the LoRA of a folder upon it. Raises InputError."""
    from peft import PeftModel  # not for who only writes prompts

    read_lora_config(folder)
    with load_errors(folder, what="LoRA", advice="train it again"):
        return PeftModel.from_pretrained(model, folder, use_safetensors=True, **options)


def read_lora_config(folder: Path) -> dict[str, Any]:
    """The settings of a plain LoRA. Raises InputError where they ask for anything beyond.

    peft has many kinds of adapters and settings, some of which import modules by name; those are refused here.
    """
    from peft import LoraConfig

    path = folder / LORA_CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        kind = config["peft_type"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({_reason(error)}); wanted the settings of a LoRA") from error
    if kind != "LORA":
        raise InputError(f"{path} is of type {str(kind)[:40]!r}; wanted LORA")
    usual: dict[str, Any] = json.loads(json.dumps(LoraConfig().to_dict(), default=sorted))
    for name, value in config.items():
        if name in _LORA_SETTINGS | _LORA_ORIGINS | {"peft_type"}:
            continue
        if value not in (None, False, {}, [], usual.get(name)):
            raise InputError(f"{path} sets {name[:40]!r}, which no plain LoRA does; leave it out")
    targets = config.get("target_modules")
    if not isinstance(targets, list) or not targets or not all(isinstance(name, str) for name in targets):
        raise InputError(f"{path} has target_modules {str(targets)[:60]!r}; wanted a list of names of layers")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if type(rank) is not int or rank < 1 or type(alpha) not in (int, float):
        raise InputError(f"{path} has r {str(rank)[:20]} and lora_alpha {str(alpha)[:20]}; wanted a rank and a number")
    return dict(config)


def load_lora_beside(model: Any, folder: Path, name: str) -> None:
    """Load another LoRA beside a model's own, under a name. Raises InputError, and then nothing of it stays."""
    read_lora_config(folder)
    try:
        with load_errors(folder, what="LoRA", advice="choose another"), quietly():
            model.load_adapter(str(folder), adapter_name=name, use_safetensors=True)
    except InputError:
        if name in model.peft_config:
            model.delete_adapter(name)
        raise


def check_lora(folder: Path, own: Path) -> None:
    """Raises InputError unless a folder holds a plain LoRA over layers of the model whose own LoRA lies in `own`.

    Every layer that it is for must be there, in the shapes of the model's, with finite numbers.
    """
    config, path = read_lora_config(folder), folder / LORA_WEIGHTS
    found, wanted, rank = _shapes(path), {}, config["r"]
    for name, (rows, columns) in _shapes(own / LORA_WEIGHTS).items():
        layer, _, part = name.removesuffix(".weight").rpartition(".")
        if any(layer.endswith(f".{target}") for target in config["target_modules"]):
            wanted[name] = [rank, columns] if part == "lora_A" else [rows, rank]
    if not wanted:
        raise InputError(f"{folder / LORA_CONFIG} is for {config['target_modules'][:3]}, which this model has not")
    if missing := sorted(wanted.keys() - found.keys()):
        raise InputError(f"{path} lacks {missing[0]} (and {len(missing) - 1} more); wanted a LoRA of this model")
    if unknown := sorted(found.keys() - wanted.keys()):
        raise InputError(f"{path} has {unknown[0][:120]!r}, which this model has not; wanted a LoRA of this model")
    for name, shape in wanted.items():
        if found[name] != shape:
            raise InputError(f"{path} has {name} of shape {found[name]}; wanted {shape}, as in this model")
    _check_finite(path)


def _shapes(path: Path) -> dict[str, list[int]]:
    from safetensors import safe_open

    with load_errors(path, what="weights file", advice="wanted safetensors"), safe_open(path, framework="pt") as file:
        return {name: list(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


def _check_finite(path: Path) -> None:
    from safetensors.torch import load_file

    for name, weight in load_file(path).items():
        if not weight.is_floating_point() or not bool(weight.isfinite().all()):
            raise InputError(f"{path} has {name} of {weight.dtype} with values that are not finite numbers")


@contextlib.contextmanager
def load_errors(name: str | Path, *, what: str = "model", advice: str = _HUB_ADVICE) -> Iterator[None]:
    """Turn a library's failure over a model into one clear ArtifactError."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # the libraries raise almost anything over files that others made
        reason = "it wants code of its own to be run, which is never done" if _wants_code(error) else _reason(error)
        raise ArtifactError(f"{what} {str(name)!r} cannot be loaded ({reason}); {advice}") from error


def _wants_code(error: Exception) -> bool:
    return "trust_remote_code" in str(error)


def _reason(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
