"""words.toml: other words by which people name what a catalog holds, kept in the workspace's folder.

    [attributes]            [values]                     [sorts]
    price = ["cost"]        gray = ["grey"]              red = ["burgundy", "scarlet"]

Each entry names an attribute or a value of the catalog, with words that mean it; sorts are finer than the catalog tells
apart, so such a word goes on describing what is wanted. What the catalog does not hold is left alone. Knows no talk.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from genrec.artifacts import write_text
from genrec.errors import ConfigError

WORDS_FILE = "words.toml"
_TABLES = ("attributes", "values", "sorts")


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherWords:
    """Words by what they mean."""

    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sorts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def load_words(file: Path) -> OtherWords:
    """Read a words.toml; none is no words. Raises ConfigError on anything else."""
    if not file.is_file():
        return OtherWords()
    wanted = f"wanted the tables {', '.join(_TABLES)}, each of names with a list of words"
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file} cannot be read as TOML ({' '.join(str(error).split())}); {wanted}") from error
    for name, table in tables.items():
        if name not in _TABLES or not isinstance(table, dict):
            raise ConfigError(f"{file} has {name!r}; {wanted}")
        for meant, words in table.items():
            if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
                raise ConfigError(f"{file}: {name}.{meant} is no list of words; {wanted}")
    return OtherWords(
        **{name: {meant: tuple(words) for meant, words in table.items()} for name, table in tables.items()}
    )


def provide_words(source: Path | None, out: Path) -> None:
    """Give a workspace the words.toml that a source's folder has, where it has none yet. Raises ConfigError."""
    folder = None if source is None else source if source.is_dir() else source.parent
    found = None if folder is None else folder / WORDS_FILE
    if found is not None and found.is_file() and not (out / WORDS_FILE).exists():
        load_words(found)
        write_text(out / WORDS_FILE, found.read_text(encoding="utf-8"))
