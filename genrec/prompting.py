"""Finds, checks and renders the messages in prompts/.

Text is never code: templates run in Jinja's immutable sandbox with strict undefined names, and every value that comes
from outside reaches the caller as its own segment, apart from the template's words, so that the tokenizer can treat it
as plain text. Knows nothing of tokenizers or models.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from genrec.errors import PromptError
from genrec.schema import SemanticId

# Private-use characters frame the number of a value while a template is rendered; values themselves never pass through.
_OPEN, _CLOSE = "\ue000", "\ue001"
_SLOT = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


@dataclass(frozen=True, slots=True)
class Words:
    """The template's own words: role markers and special tokens inside count."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """Text from outside: nothing inside it is special."""

    text: str


@dataclass(frozen=True, slots=True)
class Ids:
    """Semantic IDs, oldest first."""

    semantic_ids: tuple[SemanticId, ...]


Segment = Words | Text | Ids


def prompt_directory() -> Path:
    """prompts/ inside the installed package, or beside it in a checkout. Raises PromptError."""
    here = Path(__file__).parent
    for folder in (here / "prompts", here.parent / "prompts"):
        if folder.is_dir():
            return folder
    raise PromptError(f"no prompts folder at {here / 'prompts'} nor beside the package; install genrec again")


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(prompt_directory()),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )


def prompt_names() -> tuple[str, ...]:
    """The names of all messages, sorted."""
    return tuple(sorted(path.stem for path in prompt_directory().glob("*.jinja")))


def prompt_variables(name: str) -> frozenset[str]:
    """The variables one message reads. Raises PromptError."""
    environment = _environment()
    try:
        source = environment.loader.get_source(environment, f"{name}.jinja")[0]  # type: ignore[union-attr]
    except TemplateError as error:
        raise PromptError(f"prompt {name!r} does not exist; prompts/ has {', '.join(prompt_names())}") from error
    return _variables_of(source)


@cache
def _variables_of(source: str) -> frozenset[str]:
    return frozenset(meta.find_undeclared_variables(_environment().parse(source)))


@dataclass(frozen=True, slots=True)
class Message:
    """One rendered message: a text with numbered slots, and the values that belong into them."""

    framed: str
    values: tuple[Text | Ids, ...]

    def segments(self, framed: str | None = None) -> tuple[Segment, ...]:
        """Split a framed text, such as this message inside a chat template, into words and values."""
        parts = _SLOT.split(self.framed if framed is None else framed)
        found: list[Segment] = []
        for position, part in enumerate(parts):
            if position % 2:
                found.append(self.values[int(part)])
            elif part:
                found.append(Words(part))
        return tuple(found)

    def __str__(self) -> str:
        return "".join(
            s.text if isinstance(s, Words | Text) else " ".join(str(list(i)) for i in s.semantic_ids)
            for s in self.segments()
        )


def render(name: str, **variables: object) -> Message:
    """Render prompts/NAME.jinja.

    variables: str (text from outside), semantic IDs (Ids), numbers and truth values (used by the template's logic), and
    lists or mappings of these. Raises PromptError on a missing, unknown or misspelt variable.
    """
    wanted = prompt_variables(name)
    unknown, missing = sorted(set(variables) - wanted), sorted(wanted - set(variables))
    if unknown or missing:
        raise PromptError(f"prompt {name!r} reads {sorted(wanted)}; unknown: {unknown}, missing: {missing}")
    values: list[Text | Ids] = []
    try:
        framed = (
            _environment().get_template(f"{name}.jinja").render({k: _frame(v, values) for k, v in variables.items()})
        )
    except TemplateError as error:
        raise PromptError(f"prompt {name!r} cannot be rendered: {error}") from error
    return Message(framed, tuple(values))


def _frame(value: object, values: list[Text | Ids]) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | Ids):
        if not (value if isinstance(value, str) else value.semantic_ids):
            return ""
        values.append(Text(value) if isinstance(value, str) else value)
        return f"{_OPEN}{len(values) - 1}{_CLOSE}"
    if isinstance(value, Mapping):
        return {key: _frame(entry, values) for key, entry in value.items()}
    if isinstance(value, Sequence):
        return [_frame(entry, values) for entry in value]
    raise PromptError(
        f"a prompt variable has type {type(value).__name__}; wanted text, numbers, ids, lists or mappings"
    )
