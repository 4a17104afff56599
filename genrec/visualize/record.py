"""What a picture says of itself: one record, written into the PNG, beside it and under its signature, and read back.

Knows fields, their JSON and its version; deliberately knows no pixels, no models and no keys. Files come from anywhere,
so what is read is checked field by field.
"""

import hashlib
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from genrec.data.file_kinds import HEAD_BYTES, kind_of
from genrec.errors import InputError
from genrec.sinks import json_text

RECORD_VERSION = 1
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED, COMPOSITE = f"{_SOURCE_TYPES}trainedAlgorithmicMedia", f"{_SOURCE_TYPES}compositeWithTrainedAlgorithmicMedia"
Mode: TypeAlias = Literal["scene", "variation", "photo", "picture"]
_OF_GENERATED: Mapping[Mode, str] = {"scene": COMPOSITE, "variation": GENERATED, "photo": COMPOSITE}
# Of what is altered without a trained model: of a composite, any element may or may not be of generative AI.
_OF_EDITED: Mapping[Mode, str] = {
    "variation": f"{_SOURCE_TYPES}algorithmicallyEnhanced",
    "photo": f"{_SOURCE_TYPES}composite",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedModel:
    """A model by its name, with the fingerprint of its files where they are a folder, and its license."""

    name: str
    license: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredient:
    """A picture that went in, by its file's SHA-256: the item's own, or a person's photo, whose name is not kept."""

    role: Literal["item", "photo"]
    format: str
    sha256: str

    @classmethod
    def of(cls, role: Literal["item", "photo"], picture: Path | bytes) -> "Ingredient":
        """The ingredient that a picture's file is. picture: the file, or what it holds."""
        content = picture.read_bytes() if isinstance(picture, Path) else picture
        media_type = kind_of(content[:HEAD_BYTES]).media_type or "application/octet-stream"
        return cls(role=role, format=media_type, sha256=hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs, as the certificate names them, and the SHA-256 of that certificate."""

    name: str
    certificate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VisualRecord:
    """All that is said of one picture.

    mode: scene (the item's own pixels in a place around them), variation (the item changed), photo (the item in a
    person's photo) or picture (the item's own, as it is). models: by role, what drew first; generated: whether any of
    it is a trained model, else the picture is edited, if anything. scene: the person's words; words_not_drawn: those of
    them that the model cannot draw. settings: the dials that reproduce it. taste: fingerprint of the taste vector, None
    for none. num_candidates: how many were drawn to choose from. fallback: why this is not what was asked for. safety:
    the check that passed it, None where none is set. label: whether the visible label is on. pixels: SHA-256 of the
    pixels as written. signed: who signs, None for nobody. safety, pixels and signed are filled in as the picture is
    written.
    """

    mode: Mode
    item_id: str
    title: str
    prompt: str
    seed: int
    models: Mapping[str, UsedModel]
    generated: bool = True
    scene: str | None = None
    words_not_drawn: tuple[str, ...] = ()
    settings: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    ingredients: tuple[Ingredient, ...] = ()
    taste: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    num_candidates: int = 1
    fallback: str | None = None
    safety: str | None = None
    label: bool = True
    pixels: str | None = None
    signed: Signer | None = None
    version: int = RECORD_VERSION

    @property
    def is_altered(self) -> bool:
        """Whether it is more than the item's own picture."""
        return self.mode != "picture"

    @property
    def source_type(self) -> str | None:
        """IPTC's digital source type of what is generated or edited; None where nothing is."""
        return (_OF_GENERATED if self.generated else _OF_EDITED).get(self.mode)

    @property
    def has_strip(self) -> bool:
        """Whether the visible label stands beneath it."""
        return self.label and self.is_altered

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """The record as JSON, with what follows from it for those who only read that."""
        return {"digital_source_type": self.source_type, **cast(dict[str, Any], _plain(self))}  # Any: as above

    def to_text(self) -> str:
        """The record as text of several lines, the same for the same record."""
        return json_text(self.to_json())

    @classmethod
    def from_json(cls, document: object) -> "VisualRecord":
        """The record that `to_json` told. Raises InputError, which says what is wrong."""
        if not isinstance(document, Mapping) or not isinstance(document.get("version"), int):
            raise InputError("the record says no version; wanted one that genrec wrote, so draw the picture again")
        if document["version"] != RECORD_VERSION:
            raise InputError(
                f"the record is of version {document['version']}; this genrec reads {RECORD_VERSION}, so read it with "
                "the genrec that wrote it"
            )
        told = {name: value for name, value in document.items() if name != "digital_source_type"}
        return cast(VisualRecord, _typed(told, cls, "record"))

    @classmethod
    def from_text(cls, text: str) -> "VisualRecord":
        """The record that `to_text` told. Raises InputError."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"the record is no JSON ({error}); wanted one that genrec wrote") from error
        return cls.from_json(document)


def _plain(value: object) -> object:
    """The value as JSON can hold it; halves of characters, which no file can, become question marks."""
    if is_dataclass(value):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, Mapping):
        return {_plain(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _typed(value: Any, hint: Any, where: str) -> object:  # Any: JSON; a type as get_type_hints tells it
    """The JSON value as a field of this type holds it. Raises InputError."""
    origin, choices = typing.get_origin(hint), typing.get_args(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(value, hint, where)
    if origin in (typing.Union, types.UnionType):
        hint = next((choice for choice in choices if _fits(value, choice)), choices[0])
        return None if value is None and types.NoneType in choices else _typed(value, hint, where)
    if origin is Literal and value in choices:
        return value
    if origin is tuple and isinstance(value, list):
        return tuple(_typed(entry, choices[0], f"{where}[{place}]") for place, entry in enumerate(value))
    if isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, Mapping):
        return {name: _typed(entry, choices[1], f"{where}.{name}") for name, entry in value.items()}
    if origin is None and _fits(value, hint):
        return float(value) if hint is float else value
    raise InputError(f"the {where} is {str(value)[:60]!r}; wanted {getattr(hint, '__name__', hint)}")


def _dataclass(value: Any, kind: type, where: str) -> object:  # Any: as above
    if not isinstance(value, Mapping):
        raise InputError(f"the {where} is {str(value)[:60]!r}; wanted entries")
    hints = typing.get_type_hints(kind)
    wrong = sorted(hints.keys() ^ value.keys(), key=str)
    if wrong:
        says = "lacks" if wrong[0] in hints else "has an unknown"
        raise InputError(f"the {where} {says} {str(wrong[0])[:60]!r}; wanted {', '.join(hints)}")
    return kind(**{name: _typed(value[name], hint, f"{where}'s {name}") for name, hint in hints.items()})


def _fits(value: object, hint: object) -> bool:
    if is_dataclass(hint) or not isinstance(hint, type):
        return value is not None
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, int | float) if hint is float else isinstance(value, hint)
