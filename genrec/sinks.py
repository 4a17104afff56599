"""Text of others made plain for where it goes: a terminal, Markdown, a cell of CSV.

Titles, ids and messages may hold anything: characters that move a cursor or turn the direction of writing, markup,
formulas. Each sink takes them through one function here, which shows what would otherwise act. HTML is escaped by the
templates that write it, JSON by its own rules. Knows nothing of what the text says.
"""

import json
import logging
import re
from urllib.parse import quote

# Controls (C0, DEL, C1), line separators, what turns the direction of writing or hides, tags, and halves of characters.
# The joiners U+200C and U+200D stay, for words and emoji are written with them, and U+2060, which `markdown` adds.
_ACTING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2061-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_BLANKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_MARKUP = re.compile(r"[\\`*_\[\]<>|&~]")
# Where clients would take a bare https://…, www.… or name@… for a link: before what makes it one.
_ADDRESS = re.compile(r"(?<=\w)(?=:/|\.[^\W\d_])|(?<=\S)(?=@[^\W\d_])|(?<=/)(?=/)")
_WORD_JOINER = "\u2060"  # has no width, and is no part of any address
_BLOCK = re.compile(r"^(\d{0,9})((?<=\d)[.)](?=\s|$)|^#+(?=\s|$)|^[+-](?=\s|$)|^=+$|^-+$)")  # heading, list, rule
# What spreadsheets take for a formula, also wide, and after blanks that they skip.
_FORMULA = re.compile(r"'*(?:[\t\r\n]|[\s\x00-\x1f\x7f\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20])")

_REFERENCE = re.compile(r"&(?=#?\w+;)")  # what Markdown would read as another character

_FOLDERS = re.compile(r"(?<![\w.:/~])(?:~|\.{0,2})/(?:[^\s'\"/]*/)*(?=[^/\s])")


def visible(text: str, *, keep_lines: bool = False) -> str:
    """The text in one line, or in its own, with characters that act on a terminal spelled out: ESC is \\x1b."""
    if keep_lines:
        return "\n".join(map(visible, text.split("\n")))
    return _ACTING.sub(_spelled, _BLANKS.sub(" ", text))


def _spelled(found: "re.Match[str]") -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode("ascii")


def json_text(document: object) -> str:
    """A JSON document for people and programs, in which what acts on a terminal is spelled as JSON spells it."""
    text = json.dumps(document, indent=1, ensure_ascii=False, default=str)
    return "\n".join(_ACTING.sub(lambda found: json.dumps(found[0])[1:-1], line) for line in text.split("\n"))


def markdown(text: str) -> str:
    """The text in one line, which Markdown shows as it is: no markup, no link, not even of a bare address."""
    plain = _ADDRESS.sub(_WORD_JOINER, " ".join(visible(text).split()))
    return _BLOCK.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", plain))


def markdown_link(text: str, address: str | None) -> str:
    """The text as `markdown` shows it, as a link where an address is given; the address must be http or https."""
    shown = markdown(text)
    if address is None or not address.lower().startswith(("http://", "https://")):
        return shown
    target = quote(address, safe="%/:?#[]@!$&*+,;=~-._")
    return f"[{shown}]({_REFERENCE.sub('&amp;', target)})"


def markdown_code(text: str) -> str:
    """The text as code in Markdown, where no backslash helps."""
    return f"`{visible(text).replace('`', chr(39))}`"


def csv_cell(value: object) -> object:
    """A cell of CSV that no spreadsheet takes for a formula: text that begins like one gets an apostrophe before.

    `from_csv_cell` takes it off again, whatever the text was; numbers stay as they are.
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def from_csv_cell(text: str) -> str:
    """The text that `csv_cell` made a cell of."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def without_folders(text: str) -> str:
    """The text with only the last part of each path that begins at a root, a home, or with a point."""
    return _FOLDERS.sub("", text)


class LineFormatter(logging.Formatter):
    """A log format of one line that a terminal shows as it is; a traceback follows in lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The record's line."""
        return visible(super().formatMessage(record))

    def formatException(self, ei: object) -> str:
        """The traceback."""
        return visible(super().formatException(ei), keep_lines=True)  # type: ignore[arg-type]  # as logging types it
