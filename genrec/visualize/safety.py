"""What is not drawn and not shown: a word check on what people ask for, and a check of the pictures that came of it.

Which check looks at pictures is a setting: none, Stable Diffusion's safety checker, or a check that somebody installed
beside genrec. A check that fails lets nothing pass. Knows words and pictures; deliberately runs no code that a
workspace or a model folder brings along.
"""

import json
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from PIL import Image

from genrec.errors import ConfigError, GenrecError, InputError, RequestRefused
from genrec.hub import SAFETY_PLUGINS
from genrec.pretrained import load_errors, load_processor, load_weights, model_folder
from genrec.runtime import quietly, shown_name
from genrec.visualize.plugins import find_plugin, make_plugin

if TYPE_CHECKING:
    import torch

REFUSED_WORDS = Path(__file__).with_name("refused_words.toml")
_CHECKER = "StableDiffusionSafetyChecker"
_ADVICE = "set visualize.safety to a folder or hub name of one, to an installed check, or to none"


class SafetyCheck(Protocol):
    """What looks at pictures before anybody sees them; a plug-in is an installed entry point that makes one."""

    @property
    def name(self) -> str:
        """What the records of pictures call it."""

    def check(self, pictures: Sequence[Image.Image], prompt: str) -> list[str | None]:
        """For each picture None, or in a few words why it is refused."""


# ---- words


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedWords:
    """What of a request is not drawn: the words themselves, and what they are about."""

    words: str
    about: str


def find_refused(request: str) -> RefusedWords | None:
    """The first words of a request that the list refuses; None where there are none, which is no proof of anything."""
    for text in _readings(request):
        for about, pattern in _patterns().items():
            if found := pattern.search(text):
                return RefusedWords(words=found[0], about=about)
    return None


def require_drawable(*requests: str | None) -> None:
    """Raises RequestRefused where any of the words that a person asks with are refused."""
    for request in requests:
        if (found := find_refused(request or "")) is not None:
            raise RequestRefused(
                f"the request says {found.words!r}, and {found.about} is not drawn; ask for something else"
            )


_FIGURES = str.maketrans("013457@$", "oieastas")
_ALONE = re.compile(r"(?<!\w)(?:\w[\W_]+){3,}\w(?!\w)")  # letters told one by one
_BETWEEN = r"[\W_]+"
_BEGINS_NEW = "(?:and|or|for|with|beside|near|und|oder|fur|mit|et|ou|pour|avec|y|o|para|con|e|per|com|en|voor|met)"


def _readings(text: str) -> list[str]:
    """The text as it is matched; then with figures read as letters and with single letters joined, where it has any."""
    plain = _folded(text)
    joined = _ALONE.sub(lambda found: re.sub(_BETWEEN, "", found[0]), plain)
    return list(dict.fromkeys((plain, joined, joined.translate(_FIGURES))))


def _folded(text: str) -> str:
    """Without case, accents, widths and invisible characters."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if unicodedata.category(letter) not in ("Mn", "Cf")).casefold()


@cache
def _patterns() -> Mapping[str, re.Pattern[str]]:
    """One pattern for each thing that is refused, by what it is about."""
    lists = tomllib.loads(REFUSED_WORDS.read_text(encoding="utf-8"))
    patterns = {}
    for told in lists.values():
        entries = [_expression(entry) for language, found in told.items() if language != "about" for entry in found]
        patterns[told["about"]] = re.compile(rf"(?<!\w)(?:{'|'.join(entries)})(?!\w)")
    return patterns


def _expression(entry: str) -> str:
    parts = []
    for word in _folded(entry).split():
        if word == "~":
            parts.append(rf"(?:(?!{_BEGINS_NEW}(?!\w))\w+{_BETWEEN}){{0,2}}")
        else:
            choices = (re.escape(choice).replace(r"\*", r"\w*") for choice in word.split("|"))
            parts.append(f"(?:{'|'.join(choices)}){_BETWEEN}")
    return "".join(parts).removesuffix(_BETWEEN)


# ---- pictures


def load_safety(name: str | None, device: "torch.device") -> SafetyCheck | None:
    """The check that `visualize.safety` names; None where it names none. Raises InputError."""
    if name is None:
        return None
    plugin = find_plugin(SAFETY_PLUGINS, name, what="the safety check")
    return _installed(plugin) if plugin is not None else StableDiffusionCheck(name, device)


def verdicts(check: SafetyCheck | None, pictures: Sequence[Image.Image], prompt: str) -> list[str | None]:
    """For each picture None, or why it is refused; without a check, None for all. Raises InputError where it fails."""
    if check is None:
        return [None] * len(pictures)
    try:
        found = list(check.check(pictures, prompt))
    except GenrecError:
        raise
    except Exception as error:  # of somebody else's code
        raise InputError(
            f"the safety check {check.name!r} failed ({type(error).__name__}: {error}), so nothing is shown; mend it, "
            "or choose another with visualize.safety"
        ) from error
    if len(found) != len(pictures) or not all(entry is None or isinstance(entry, str) for entry in found):
        raise InputError(
            f"the safety check {check.name!r} gave {len(found)} verdicts on {len(pictures)} pictures; wanted for each "
            "None or why it is refused, so nothing is shown"
        )
    return found


def require_safe(check: SafetyCheck | None, picture: Image.Image, prompt: str) -> None:
    """Raises RequestRefused where the check refuses a picture."""
    if (reason := verdicts(check, [picture], prompt)[0]) is not None:
        raise RequestRefused(f"what was drawn is not shown: {reason or 'the safety check refused it'}; draw again with "
                             "another seed, or ask for something else")  # fmt: skip


class StableDiffusionCheck:
    """Stable Diffusion's safety checker: cosines of CLIP to seventeen concepts that its authors keep to themselves.

    name: a folder or hub name of it, or of a pipeline that has it. It finds sexual content alone, takes harmless
    pictures for it at times, and reads no prompt. Raises InputError where it is none, or its weights are not whole.
    """

    def __init__(self, name: str, device: "torch.device") -> None:
        from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
        from transformers import CLIPImageProcessorPil

        message = {"what": "safety check", "advice": _ADVICE}
        with load_errors(name, **message):
            folder = Path(model_folder(name))
            checker, pictures = _parts(folder)
            self._prepare: Any = load_processor(CLIPImageProcessorPil, pictures, **message)  # Any: transformers' own
            loaded, found = load_weights(StableDiffusionSafetyChecker, checker, output_loading_info=True, **message)
        if missing := sorted(found["missing_keys"]):
            raise ConfigError(
                f"safety check {name!r} lacks the weights {missing[0]} (and {len(missing) - 1} more); {_ADVICE}"
            )
        self.name = shown_name(name)
        self._checker: Any = loaded.to(device).eval()  # Any: as above

    def check(self, pictures: Sequence[Image.Image], prompt: str) -> list[str | None]:
        """For each picture None, or why it is refused."""
        import torch

        if not pictures:
            return []
        pixels = self._prepare(images=[picture.convert("RGB") for picture in pictures], return_tensors="pt")[
            "pixel_values"
        ]
        to_blacken = [np.zeros((1, 1, 3)) for _ in pictures]  # in place of pictures, which it would paint over
        with torch.inference_mode(), quietly():
            _, found = self._checker(pixels.to(self._checker.device, self._checker.dtype), to_blacken)
        return [f"{self.name} takes it for sexual content" if is_found else None for is_found in found]


def _parts(folder: Path) -> tuple[Path, Path]:
    """The folders of the checker and of its image processor. Raises InputError where there is none."""
    own = folder / "safety_checker"
    checker, pictures = (own, folder / "feature_extractor") if own.is_dir() else (folder, folder)
    kinds = json.loads((checker / "config.json").read_text(encoding="utf-8")).get("architectures")
    if kinds != [_CHECKER]:
        raise ConfigError(
            f"safety check {folder.name!r} is a {', '.join(kinds or ['model of no kind'])}; wanted a {_CHECKER}"
        )
    return checker, pictures


def _installed(plugin: EntryPoint) -> SafetyCheck:
    """The check of an entry point: what its author installed on this machine, called without anything."""
    made = make_plugin(plugin, what="the safety check", advice="mend it, or choose another with visualize.safety")
    if not callable(getattr(made, "check", None)) or not isinstance(getattr(made, "name", None), str):
        raise ConfigError(f"the safety check {plugin.name!r} of {plugin.value} has no check() and name; wanted both")
    return cast(SafetyCheck, made)
