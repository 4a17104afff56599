"""labels.toml: what a person changed of how attributes are spoken, kept in the workspace's folder.

The file lists every label that was made, each behind a "# "; a line without it is a person's and stands. Knows how the
file is written, read and checked; deliberately knows nothing of how labels are made.
"""

import re
import string
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import tomli_w

from genrec.artifacts import write_text
from genrec.data.labels.label import Label
from genrec.data.labels.names import SAYS
from genrec.errors import ConfigError

LABELS_FILE = "labels.toml"
Edits: TypeAlias = Mapping[str, Mapping[str, str | bool]]  # of attributes: what is changed of their labels
_KEYS: Mapping[str, type] = {
    "say": str,
    "form": str,
    "name": str,
    "link": str,
    "unit": str,
    "lowers": bool,
    "is_english": bool,
}
_PLACES = {"value", "a", "name"}  # what a form may hold
_HEAD = f"""\
# How attributes are spoken of, one a line, as genrec made it from the catalog. To change one, take the "# " before it
# away, change it, and run genrec build; lines without "# " are yours, and stay.
# say: {", ".join(SAYS)}
# form: what follows "it", such as "is made of {{value}}" or "has {{a}} {{value}} pattern"; link: what leads
# to another item, such as "by the director of"; name, unit: its words.

"""
_NAMED = re.compile(r'^\s*#?\s*("(?:[^"\\\\]|\\\\.)*"|\'[^\']*\'|[\w-]+)\s*=', re.MULTILINE)


def load_edits(path: Path) -> Edits:
    """What a person changed; nothing where there is no file. Raises ConfigError, which says what is wrong with it."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as labels ({error}); mend it, or remove it to begin anew") from error
    return {attribute: _checked(entry, attribute, path) for attribute, entry in document.items()}


def _checked(entry: object, attribute: str, path: Path) -> Mapping[str, str | bool]:
    where = f"{path}: {attribute}"
    if not isinstance(entry, dict):
        raise ConfigError(f'{where} is {entry!r}; wanted a table, such as {{ say = "kind" }}')
    for key, value in entry.items():
        if key not in _KEYS:
            raise ConfigError(f"{where} has the unknown entry {key!r}; choose of {', '.join(_KEYS)}")
        if not isinstance(value, _KEYS[key]):
            raise ConfigError(
                f"{where}: {key} is {value!r}; wanted {'true or false' if _KEYS[key] is bool else 'a text'}"
            )
    if entry.get("say", SAYS[0]) not in SAYS:
        raise ConfigError(f"{where}: say is {entry['say']!r}; choose one of {', '.join(SAYS)}")
    if entry.get("form") and not _is_form(entry["form"]):
        raise ConfigError(
            f'{where}: form is {entry["form"]!r}; wanted words with {{value}}, such as "is made of {{value}}"'
        )
    return entry


def _is_form(form: str) -> bool:
    try:
        places = {name for _, name, _, _ in string.Formatter().parse(form) if name is not None}
    except ValueError:
        return False
    return "value" in places and places <= _PLACES


def edited(label: Label, changes: Mapping[str, Any]) -> Label:  # Any: as the checked file has them
    """A label with what a person changed of it; another role takes the form of the former away."""
    is_other = changes.get("say", label.say) != label.say
    return replace(label, **(({"form": "", "link": ""} if is_other else {}) | dict(changes)))


def write_listing(labels: Iterable[Label], path: Path) -> None:
    """List labels for a person to change. Of a file with changes every line stays, and what it lacks is added."""
    lines = {label.attribute: f"# {_line(label)}" for label in labels}
    try:
        text = path.read_text(encoding="utf-8")
        is_changed = bool(tomllib.loads(text))
    except FileNotFoundError:
        text, is_changed = "", False
    except (OSError, ValueError):
        return  # a build says what is wrong with it
    if not is_changed:
        new = _HEAD + "\n".join(lines.values()) + "\n"
    else:
        there = {next(iter(tomllib.loads(f"{name}=0"))) for name in _NAMED.findall(text)}
        more = [line for attribute, line in lines.items() if attribute not in there]
        new = "\n".join([text.rstrip("\n"), *more]) + "\n"
    if new != text:
        write_text(path, new)


def _line(label: Label) -> str:
    """One label as one line of TOML."""
    entry = {"say": label.say, "form": label.form, "name": label.name, "link": label.link, "unit": label.unit}
    values = (f"{key} = {_text(value)}" for key, value in entry.items() if value)
    return f"{_text(label.attribute)} = {{ {', '.join(values)} }}"


def _text(value: str) -> str:
    return tomli_w.dumps({"x": value}).partition("=")[2].strip()
