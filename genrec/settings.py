"""Settings, told, read and checked: dataclasses of typed fields, from TOML tables and from `a.b=c`.

Knows fields, ranges and spellings; deliberately knows no setting. Unknown names, ill-typed values and numbers out of
range are errors. TOML has no null, so an optional setting that is None is told by a word: `max_minutes = "none"`.

What is read and stored must agree with what an earlier genrec wrote, so a field's metadata may say two things. former:
what said None before there was None, as 0 did; it is still read so. added: artifacts of an earlier genrec do not know
the setting, which had its default's value then; that default must stay.
"""

import math
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, Union

from genrec.errors import ConfigError

# Numbers with their least and their greatest value.
Count: TypeAlias = Annotated[int, 1, None]
Number: TypeAlias = Annotated[int, 0, None]
Share: TypeAlias = Annotated[float, 0, 1]
Amount: TypeAlias = Annotated[float, 0, None]

NONE = "none"
_LEAST, _GREATEST = -(2**63), 2**63 - 1  # of integers, as TOML has them
_INTEGERS = "one of 64 bits"
_INTEGER = re.compile(r"[+-]?[\d_]+")
_MAX_SHOWN = 80  # characters of a value in a message
ADDED: Mapping[str, object] = {"added": True}
S = TypeVar("S")


def stored(section: Any) -> dict[str, Any]:  # Any: sections and their values are of many types
    """A section as artifacts hold it and as fingerprints cover it, equal for equal meaning, whichever genrec wrote it.

    None is spelled as it was before there was None; settings that were added since are left out at their defaults.
    """
    entries = {}
    for setting in fields(section):
        value = getattr(section, setting.name)
        if not (setting.metadata.get("added") and value == setting.default):
            entries[setting.name] = setting.metadata.get("former") if value is None else value
    return entries


def restored(kind: type[S], entries: Mapping[str, Any]) -> S:  # Any: as above
    """The section that `stored` told. Raises ConfigError."""
    section: S = merge(kind(), entries)
    return section


def spelled(entries: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: as above
    """The entries of a dataclass as TOML can say them."""
    return {name: NONE if value is None else value for name, value in entries}


def assignment(text: str) -> dict[str, object]:
    """The table that `a.b=value` says, the value in TOML or bare words. Raises ConfigError."""
    path, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--set {shown_value(text)} has no '='; wanted section.name=value")
    *sections, name = path.strip().split(".")
    table: dict[str, object] = {name: _parse_value(value.strip())}
    for section in reversed(sections):
        table = {section: table}
    return table


def _parse_value(text: str) -> object:
    number = re.sub(r"^([+-]?)\.(?=\d)", r"\g<1>0.", text)  # .5, to which TOML wants a zero before
    try:
        return tomllib.loads(f"value = {number}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    except (ValueError, RecursionError):  # a number that Python reads no more, lists in lists without end
        if _INTEGER.fullmatch(text):
            raise ConfigError(f"a setting has an integer of {len(text):,} characters; wanted {_INTEGERS}") from None
        return text


def merge(section: Any, table: Mapping[str, Any], prefix: str = "") -> Any:  # Any: as above
    """A dataclass of settings with a table's entries in their fields' places. Raises ConfigError.

    prefix: where the section stands, such as `tune.`, for messages.
    """
    hints = typing.get_type_hints(type(section), include_extras=True)
    known = {f.name: f for f in fields(section)}
    changes: dict[str, object] = {}
    for name, value in table.items():
        path = f"{prefix}{name}"
        if name not in known:
            raise ConfigError(
                f"setting {path!r} is unknown; {prefix or 'the top level '}has {', '.join(sorted(known))}"
            )
        current = getattr(section, name)
        if is_dataclass(current):
            if not isinstance(value, Mapping):
                raise ConfigError(
                    f"setting {path!r} is a section; set one of its fields, such as {path}.{fields(current)[0].name}"
                )
            changes[name] = merge(current, value, f"{path}.")
        elif _says_none(value, hints[name], known[name].metadata.get("former")):
            changes[name] = None
        else:
            changes[name] = _coerce(value, hints[name], path)
    return replace(section, **changes)


def _says_none(value: object, hint: object, former: object) -> bool:
    return _is_optional(hint) and not isinstance(value, bool) and value in (None, NONE, former)


def _is_optional(hint: object) -> bool:
    return typing.get_origin(hint) in (Union, types.UnionType)


def shown_value(value: object) -> str:
    """A value as a message shows it, cut where it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # numbers have more digits than Python writes
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _coerce(value: object, hint: object, path: str) -> object:
    if isinstance(value, int) and not _LEAST <= value <= _GREATEST:
        raise ConfigError(f"setting {path} is an integer out of range; wanted {_INTEGERS}")
    origin, choices = typing.get_origin(hint), typing.get_args(hint)
    if _is_optional(hint):
        return _coerce(value, choices[0], path)
    if origin is Annotated:
        plain, least, greatest = choices
        number = _coerce(value, plain, path)
        if number == math.inf:
            raise ConfigError(f"setting {path} = inf is out of range; wanted a finite number")
        if not least <= number <= (math.inf if greatest is None else greatest):  # type: ignore[operator]
            wanted = f"at least {least}" if greatest is None else f"{least} to {greatest}"
            raise ConfigError(f"setting {path} = {shown_value(value)} is out of range; wanted {wanted}")
        return number
    if origin is Literal:
        if value in choices:
            return value
        raise ConfigError(
            f"setting {path} = {shown_value(value)} is unknown; choose one of {', '.join(map(str, choices))}"
        )
    if origin is tuple:
        values = value if isinstance(value, list | tuple) else [value] if value != "" else []
        return tuple(_coerce(entry, choices[0], path) for entry in values)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    assert isinstance(hint, type)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ConfigError(f"setting {path} = {shown_value(value)} has the wrong type; wanted {hint.__name__}")
    return value
