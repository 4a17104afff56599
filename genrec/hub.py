"""Models of others: which of them a configuration wants, what of them is on this machine, and how they are fetched.

Nothing is fetched by the way: a model is here, or is asked for by `fetch_model`, after its size and license could be
seen. What was fetched is read from its folder in the hub's cache, so that nobody is asked again. Knows names, files,
sizes and licenses; deliberately knows no architecture and loads nothing.
"""

import contextlib
import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal, TypeAlias

from genrec.config import Config
from genrec.errors import InputError
from genrec.runtime import ProgressMeter, foundation_path

MAIN = "main"
_REPOSITORY = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_CONVERTED = ("SFconvertbot", "Adding `safetensors` variant of this model")  # who offers weights, and as what
_CARD_ENTRY = re.compile(r"^(\w+):[ \t]*['\"]?([^'\"\n]+)", re.MULTILINE)
_LOOK_EVERY_S = 0.5
Place: TypeAlias = Literal["shipped", "folder", "hub cache"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Which files of a repository a model is made of: patterns, in which * stands for any folders, too."""

    wanted: tuple[str, ...]
    unwanted: tuple[str, ...] = ()


_PARTS = ("json", "safetensors", "txt", "model", "jinja")
_OTHER_COPIES = ("*.fp16.*", "*.non_ema.*", "onnx/*", "openvino/*")  # of weights that are there anyway
MODEL = Files(wanted=(*(f"*.{part}" for part in _PARTS), "README.md"), unwanted=_OTHER_COPIES)
PIPELINE = Files(  # whose weights at the top are all parts once more
    wanted=("model_index.json", *(f"*/*.{part}" for part in _PARTS), "README.md"), unwanted=_OTHER_COPIES
)
ADAPTER = Files(
    wanted=("models/ip-adapter_sd15.safetensors", "models/image_encoder/*.json", "models/image_encoder/*.safetensors")
)
LORA = Files(wanted=("pytorch_lora_weights.safetensors", "README.md"))
SAFETY = Files(  # of its own, or in a pipeline
    wanted=("config.json", "model.safetensors", "preprocessor_config.json", "safety_checker/config.json",
            "safety_checker/model.safetensors", "feature_extractor/*.json", "README.md")
)  # fmt: skip
SAFETY_PLUGINS = "genrec.safety"  # the group of entry points that are checks, which are no models
FILES: Mapping[str, Files] = {
    "encode.clip": MODEL,
    "encode.text_encoder": MODEL,
    "encode.audio": MODEL,
    "tune.base": MODEL,
    "visualize.diffusion": PIPELINE,
    "visualize.scene": PIPELINE,
    "visualize.ip_adapter": ADAPTER,
    "visualize.lcm_lora": LORA,
    "visualize.safety": SAFETY,
}
_NEEDED_TO_BUILD = ("encode.clip", "encode.text_encoder", "encode.audio", "tune.base")

# Megabytes that are fetched, and the license, of what the presets name; as of November 2026.
KNOWN: Mapping[str, tuple[int, str]] = {
    "openai/clip-vit-base-patch32": (609, "mit"),  # OpenAI's own repository says so; the hub's card says nothing
    "sentence-transformers/all-MiniLM-L6-v2": (92, "apache-2.0"),
    "HuggingFaceTB/SmolLM2-135M-Instruct": (273, "apache-2.0"),
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2": (485, "apache-2.0"),
    "Qwen/Qwen3-0.6B": (1519, "apache-2.0"),
    "stable-diffusion-v1-5/stable-diffusion-v1-5": (5483, "creativeml-openrail-m"),
    "stable-diffusion-v1-5/stable-diffusion-inpainting": (5483, "creativeml-openrail-m"),
    "latent-consistency/lcm-lora-sdv1-5": (135, "openrail++"),
    "h94/IP-Adapter": (2573, "apache-2.0"),
    "google/siglip2-so400m-patch14-384": (4583, "apache-2.0"),
    "Qwen/Qwen3-Embedding-0.6B": (1207, "apache-2.0"),
    "Qwen/Qwen3-4B": (8061, "apache-2.0"),
    "black-forest-labs/FLUX.2-klein-4B": (15980, "apache-2.0"),
}
# Of what is part of one of these, megabytes where that alone is fetched.
_PARTS_MB: Mapping[tuple[str, str], int] = {("visualize.safety", "stable-diffusion-v1-5/stable-diffusion-v1-5"): 1216}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """A model that a setting names.

    place, path: where it is; None where it is not here. megabytes: of what is here, else of what would be fetched;
    these and the license are None where they are unknown.
    """

    setting: str
    name: str
    place: Place | None
    path: Path | None
    megabytes: int | None
    license: str | None


def wanted_models(config: Config) -> list[ModelState]:
    """The models that a configuration names, by setting. Raises InputError for a shipped one that is not installed."""
    return [model_state(setting, name) for setting, name in _named(config).items()]


def _named(config: Config) -> dict[str, str]:
    names = {}
    for setting in FILES:
        section, _, field = setting.partition(".")
        name = getattr(getattr(config, section), field)
        is_plugin = setting == "visualize.safety" and bool(entry_points(group=SAFETY_PLUGINS, name=name or ""))
        if name is not None and not is_plugin:
            names[setting] = name
    return names


def model_state(setting: str, name: str) -> ModelState:
    """What is known of one model on this machine."""
    path = find_model(name, FILES[setting])
    whole, terms = KNOWN.get(name, (None, None))
    megabytes = _PARTS_MB.get((setting, name), whole)
    place: Place | None = None
    if path is not None:
        is_shipped, is_folder = foundation_path(name) != name, Path(name).is_dir()
        place = "shipped" if is_shipped else "folder" if is_folder else "hub cache"
        megabytes = round(sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6)
        terms = _card_license(path) or terms
    return ModelState(setting=setting, name=name, place=place, path=path, megabytes=megabytes, license=terms)


def _card_license(folder: Path) -> str | None:
    """The license that a model's card names in its head."""
    return card_entry(folder, "license_name") or card_entry(folder, "license")


def card_entry(folder: Path, name: str) -> str | None:
    """What the head of a model's card says of a name; None where it says nothing, or there is no card."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8", errors="replace")[:20_000]
    except OSError:
        return None
    head = text.split("---", 2)[1] if text.startswith("---") and text.count("---") > 1 else ""
    return next((said.strip() for entry, said in _CARD_ENTRY.findall(head) if entry == name), None)


def find_model(name: str, files: Files | None = None) -> Path | None:
    """The folder of a shipped model, a folder itself, or what was fetched from the hub; None where it is not here.

    files: what must be whole of it; None for whatever is there. Weights are safetensors, or it is as if not here.
    """
    folder = Path(foundation_path(name))
    if folder.is_dir():
        return folder
    if not is_repository(name):
        return None
    return next((found for found in _snapshots(name, files) if any(found.rglob("*.safetensors"))), None)


def is_repository(name: str) -> bool:
    """Whether a name can be one of the hub."""
    return _REPOSITORY.fullmatch(name) is not None


def _snapshots(name: str, files: Files | None) -> Iterator[Path]:
    """The folders of a repository's revisions in the cache, the main one first."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    storage = _storage(name)
    refs = [path for path in (storage / "refs").rglob("*") if path.is_file()]
    revisions = sorted((path.relative_to(storage / "refs").as_posix() for path in refs), key=lambda ref: ref != MAIN)
    for revision in revisions:
        commit = (storage / "refs" / revision).read_text(encoding="utf-8").strip()
        folder = storage / "snapshots" / commit
        if files is not None:
            try:  # which knows the list of files of a repository
                snapshot_download(name, revision=revision, local_files_only=True, **_options(files))
            except LocalEntryNotFoundError:
                continue
        if folder.is_dir():
            yield folder


def _storage(name: str) -> Path:
    return hub_cache() / f"models--{name.replace('/', '--')}"


def hub_cache() -> Path:
    """Where the hub's files lie: HF_HUB_CACHE or HF_HOME of the environment, else in the home folder."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()


def _options(files: Files) -> dict[str, Any]:  # Any: keyword arguments of huggingface_hub
    patterns = {"allow_patterns": list(files.wanted), "ignore_patterns": list(files.unwanted)}
    return {"cache_dir": hub_cache(), **patterns}


def require_models(config: Config, workspace: Path) -> None:
    """Raises InputError where a model that a build needs is not here: which, and how to get it."""
    skipped = {"encode.text_encoder": "sentence", "encode.audio": "audio"}
    missing = [
        state
        for state in wanted_models(config)
        if state.setting in _NEEDED_TO_BUILD and state.path is None and is_repository(state.name)
        if skipped.get(state.setting) not in config.encode.skip
    ]
    if not missing:
        return
    listed = ", ".join(f"{state.setting} {state.name}{_size_and_terms(state)}" for state in missing)
    raise InputError(
        f"not on this machine: {listed}; run genrec models {workspace} --fetch, or name a folder that holds it, as "
        f"--set {missing[0].setting}=FOLDER"
    )


def _size_and_terms(state: ModelState) -> str:
    known = [f"{state.megabytes:,} MB" if state.megabytes else "", state.license or ""]
    return f" ({', '.join(filter(None, known))})" if any(known) else ""


def fetch_model(setting: str, name: str, *, endpoint: str | None = None) -> Path:
    """Fetch what is missing of a model from the hub, with progress; a fetch that broke off goes on where it was.

    endpoint: the hub's address; None for the usual one. Where a repository has no safetensors, the hub's own conversion
    of its weights is taken. Raises InputError.
    """
    from huggingface_hub import snapshot_download

    files = FILES[setting]
    if not is_repository(name) or foundation_path(name) != name:
        raise InputError(f"{setting} {name!r} is no name of the hub; wanted one such as org/model")
    with _hub_errors(name):
        options = {**_options(files), "endpoint": endpoint, "revision": MAIN}
        planned = snapshot_download(name, dry_run=True, **options)
        if not any(file.filename.endswith(".safetensors") for file in planned):
            options["revision"] = _conversion(name, endpoint)
            planned = snapshot_download(name, dry_run=True, **options)
        num_bytes = sum(file.file_size for file in planned)
        _check_room(name, sum(file.file_size for file in planned if file.will_download))
        with _watched(name, num_bytes):
            snapshot_download(name, **options)
    found = find_model(name, files)
    if found is None:
        raise InputError(f"{name} has no weights as safetensors; wanted a model that has, or a folder")
    return found


def _conversion(name: str, endpoint: str | None) -> str:
    """The branch in which the hub's own service offers a repository's weights as safetensors. Raises InputError."""
    from huggingface_hub import HfApi

    offers = HfApi(endpoint=endpoint).get_repo_discussions(
        name, discussion_type="pull_request", discussion_status="open"
    )
    found = [f"refs/pr/{offer.num}" for offer in offers if (offer.author, offer.title) == _CONVERTED]
    if not found:
        raise InputError(f"{name} has no weights as safetensors, which alone are read; choose another model")
    return found[0]


def _check_room(name: str, num_bytes: int) -> None:
    folder = hub_cache()
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < num_bytes:
        raise InputError(
            f"{name} needs {num_bytes / 1e6:,.0f} MB in {folder}, where {free / 1e6:,.0f} MB are free; make room, or "
            "set HF_HOME to a folder elsewhere"
        )


@contextlib.contextmanager
def _watched(name: str, num_bytes: int) -> Iterator[None]:
    """Tell the progress of a download by what lies on the disk, what an earlier one left included."""
    meter, ended = ProgressMeter(label=f"fetch {name}, MB", total=max(1, round(num_bytes / 1e6))), threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_EVERY_S):
            meter.done = min(meter.total, round(sum(_sizes(_storage(name) / "blobs")) / 1e6))
            meter.advance(0)

    watcher = threading.Thread(target=watch, name="fetch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
    meter.done = meter.total
    meter.close()


def _sizes(folder: Path) -> Iterator[int]:
    for path in folder.glob("*"):
        with contextlib.suppress(OSError):  # one that was renamed when it was whole
            yield path.stat().st_size


@contextlib.contextmanager
def _hub_errors(name: str) -> Iterator[None]:
    """Turn what the hub's library raises into one line."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # it raises almost anything where a network fails
        cause = error.__cause__ or error  # which it words at length
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status == 403:
            advice = f"ask for it at https://huggingface.co/{name}, then set HF_TOKEN"
        elif status in (401, 404):  # 401 is said of unknown names, too
            advice = "the hub has no such model, or not for everyone: check the name, or set HF_TOKEN"
        else:
            advice = "go online and fetch again, which goes on where it broke off, or name a folder that holds it"
        reason = next(iter(str(cause).strip().splitlines()), "") or type(cause).__name__
        raise InputError(f"{name} cannot be fetched ({reason.rstrip('.')}); {advice}") from error
