"""One text for people: without markup, entities, mojibake or control characters, and whether it is code.

What is HTML is decided by known tag names, so that "a < b" and "Vase <rot>" stay. Good text is never changed, but for
blanks, control characters and NFC. Knows no columns.
"""

import html
import re
import unicodedata
from dataclasses import dataclass

import ftfy
import lxml.html
from ftfy.badness import is_bad
from lxml import etree

_TAGS = (
    "a abbr acronym address area article aside audio b base bdi bdo big blockquote body br button caption center "
    "cite code col colgroup dd del details dfn div dl dt em embed fieldset figcaption figure font footer form frame "
    "h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label legend li link main map mark meta nav "
    "noscript object ol option p param picture pre q s samp script section select small source span strike strong "
    "style sub summary sup svg table tbody td textarea tfoot th thead time title tr tt u ul var video wbr"
)
_NAMED = "|".join(sorted(_TAGS.split(), key=len, reverse=True))
_TAG = re.compile(rf"<(?:/\s*(?:{_NAMED})\s*>|(?:{_NAMED})(?:\s*/?>|\s+[A-Za-z_:@-][\w:.-]*\s*=[^<]*>)|!--)", re.I)
_NO_TAG = re.compile(rf"<(?!/?(?:{_NAMED})(?=[\s/>])|!--|!doctype)", re.I)
_UNSEEN = ("script", "style", "meta", "head", "title", "noscript", "template", "svg", "iframe", "object")
_INLINE_TAGS = (
    "a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd label mark q s samp small span strike strong "
    "sub sup tt u var wbr time"
)
_INLINE = frozenset(_INLINE_TAGS.split())
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.S)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_DATA_ADDRESS = re.compile(r"\bdata:[\w.+-]+/[\w.+-]+(?:;[\w=.-]+)*[;,][A-Za-z0-9+/=%_,-]*", re.I)
# Bytes of UTF-8 read in another encoding: a letter of that one, and then another of its characters.
_MAY_BE_MOJIBAKE = re.compile("[\u00c2-\u04ff][\u0080-\u04ff\u2000-\u2122 ]|\u00a0|\ufffd")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")  # which JSON can spell, and no file can hold
_UNSEEN_CHARS = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
_WRITTEN_BREAK = re.compile(r"(?<![A-Za-z]:)(?<![\\/\w])\\r?\\?n|(?<=[.!?,;:>)\w])\\n(?=[A-Z<\s\\•*-]|$)|\\r\\n")
_CODE_SIGNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\bfunction\b\s*\w*\s*\([^)]*\)\s*\{",
        r"(?:^|[;{\s])(?:var|let|const)\s+[\w$]+\s*=\s*\S",
        r"(?:^|[\s};,])[.#@]?[\w-]+(?:[\s.#:>+~,\w-]*)\{\s*[\w-]+\s*:[^{}]*\}?",  # a rule of CSS
        r"(?:^|\s)[.#][\w-]+\s*\{",
        r"\b(?:document|window|console|jQuery|\$)\s*[.(]\s*\w+",
        r"\bnew\s+[A-Z]\w*\s*\(",
        r"\bif\s*\(.{1,80}\)\s*\{|\breturn\b[^.]{0,80};|=>\s*\{|===|!==|&&",
        r"\w+\.\w+\([^)]*\)\s*[;.]",
        r"<\?php|\bimport\s+\w+\s+from\b|@media\b|@import\b",
        r";\s*(?:\}|$)",
    )
)
_PLAIN = re.compile(r"[\w ,.!?'%/#*+:-]*", re.ASCII)  # in which nothing is to be cleaned but blanks
_CODE_CHARS = frozenset("{}();=<>[]#")
_CODE_SHARE = 0.04  # of the characters of code that are these


@dataclass(slots=True)
class Cleaned:
    """What became of a text."""

    text: str = ""
    is_mended: bool = False
    is_code: bool = False
    is_cut: bool = False
    had_markup: bool = False


def clean(text: str, limit_chars: int | None = None) -> Cleaned:
    """A text as one line for people."""
    if _PLAIN.fullmatch(text) and (limit_chars is None or len(text) <= limit_chars):
        return Cleaned(text=" ".join(text.split()))
    found = Cleaned()
    if not text.isascii():
        if _HALF_CHARACTER.search(text):
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if _MAY_BE_MOJIBAKE.search(text) and is_bad(text):
            mended = ftfy.fix_encoding(text)
            found.is_mended, text = mended != text, mended
    if "data:" in text:
        text = _DATA_ADDRESS.sub(" ", text)
    text, found.had_markup = _without_markup(text)
    if "\\" in text:
        text = _WRITTEN_BREAK.sub(" ", text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", _UNSEEN_CHARS.sub("", text))
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text)
    text = " ".join(text.split())
    found.is_code = is_code(text)
    found.text, found.is_cut = cut(text, limit_chars)
    return found


def _without_markup(text: str) -> tuple[str, bool]:
    """Text without tags and entities, also where it was encoded twice."""
    given = text
    if "<![CDATA[" in text:
        text = _CDATA.sub(r"\1", text)
    for _ in range(3):
        before = text
        if "<" in text and _TAG.search(text):
            text = _strip_tags(text)
        if "&" in text:
            text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
        if text == before:
            break
    return text, text != given


def _strip_tags(text: str) -> str:
    source = _NO_TAG.sub("&lt;", re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", " ", text))
    source = re.sub(r"\\r\\n|\\n", " ", source)
    try:
        root = lxml.html.fragment_fromstring(source, create_parent="div")
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, RecursionError, AssertionError):
        return re.sub(r"<[^<>]*>", " ", source)
    parts: list[str] = []
    skipped = 0
    for event, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        is_unseen = not isinstance(element.tag, str) or element.tag in _UNSEEN
        is_block = not is_unseen and element.tag not in _INLINE
        if event == "start":
            skipped += is_unseen
            parts += [" "] * is_block + ([element.text or ""] if not skipped else [])
        else:
            skipped -= is_unseen and event == "end"
            parts += [" "] * (is_block or is_unseen) + ([element.tail or ""] if not skipped else [])
    return "".join(parts)


def cut(text: str, limit_chars: int | None) -> tuple[str, bool]:
    """Text of a limited length, cut between words where there are any."""
    if limit_chars is None or len(text) <= limit_chars:
        return text, False
    head = text[:limit_chars]
    place = head.rfind(" ")
    return (head[:place] if place > limit_chars // 2 else head).rstrip(), True


def is_code(text: str) -> bool:
    """Whether a text looks like a script or a style sheet: by two signs of one, and by its characters."""
    if len(text) < 12 or not ("{" in text or ";" in text or "(" in text):
        return False
    head = text[:2000]
    if sum(map(head.count, _CODE_CHARS)) < max(3, _CODE_SHARE * len(head)):
        return False
    return sum(sign.search(head) is not None for sign in _CODE_SIGNS) >= 2
