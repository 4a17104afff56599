"""Finds a file's encoding and reads it as UTF-8, in blocks of whole lines that end in \\n.

Knows bytes, encodings and line breaks; deliberately knows nothing of cells. What other programs have garbled before
(mojibake) is text like any other here.
"""

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from charset_normalizer import from_bytes

from genrec.data.tables.opening import Bytes, open_bytes

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_PIECE_BYTES = 2**20
_SAMPLE_BYTES, _SAMPLE_LINES = 2**16, 1000
_ESCAPED = re.compile("[\udc80-\udcff]")  # how undecodable bytes come through surrogateescape
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_SHORT_RUN, _MOSTLY, _LEAST_FIT = 3, 0.7, 0.4  # letters beyond ASCII stand alone in Latin script
_WEST = ["äöüß", "éèêëàâçîïôûùœ", "ñáéíóúü", "ãõçáéíóúâêôà", "àèéìòù", "åäöé", "æøåé", "ëïéöü", "ðþýáéíóúöæ"]
_EAST = ["ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čšžćđ", "ăâîşţ"]
_WESTERN = (*((alphabet, 1.0) for alphabet in _WEST), ("äöüßéèêëàâçîïôûùñáíóú", 0.9))  # the last: several languages
_EASTERN = tuple((alphabet, 1.0) for alphabet in _EAST)
_LATIN = {  # the likelier first
    "cp1252": _WESTERN, "latin-1": _WESTERN, "cp1250": _EASTERN, "iso8859_2": _EASTERN, "cp1254": (("çğıöşüâi̇", 1.0),),
    "cp850": _WESTERN, "mac_roman": _WESTERN, "cp852": _EASTERN,
}  # fmt: skip
# Alphabets beside Latin, the commonest letters first, and the encodings that people write them in.
_CYRILLIC = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїєґ"
_GREEK = "αοιετσνηυρπκμλωςδγχόάίέθήφύβώξζψϊϋ"
_HEBREW = "יוהלאתרמבשנקעדםחפגטסזכצןךץף"
_ALPHABETS = {
    "cp1251": _CYRILLIC, "koi8-r": _CYRILLIC, "cp866": _CYRILLIC, "iso8859_5": _CYRILLIC, "mac_cyrillic": _CYRILLIC,
    "cp1253": _GREEK, "iso8859_7": _GREEK, "cp1255": _HEBREW,
}  # fmt: skip
_TURNED, _CAPITALS = 0.8, 0.3  # how little usual a word is with capitals within, and all of capitals
_ALL_OF_IT = 0.95  # of what is not ASCII must be letters of the alphabet
_HIGH_LETTER = re.compile(r"[^\W\d_a-zªº¹²³¼½¾μ]")
_ODD = r"[^\w\x00-\x7f\xa0\xad’‘“”„‚«»–—…°€£¥™®©¿¡×]"  # signs that touch no letter
_INNER = r"(?<=[^\W\d_])[‚„¿¡£¥©®¹²³¼½¾](?=[^\W\d_])"  # signs that stand beside letters, but not amid them
_ODD_SIGN = re.compile(rf"(?<=[^\W\d_]){_ODD}|{_ODD}(?=[^\W\d_])|{_INNER}|[£¥¹²³¼½¾](?=[^\W\d_])|[\x80-\x9f]")
_WIDE = ("cp932", "gb18030", "big5", "cp949")
_SCRIPTS = "\u3005\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3"
_WIDE_LETTER = re.compile(f"[{_SCRIPTS}]")
_WIDE_ALONE = re.compile(f"(?<=[A-Za-z])[{_SCRIPTS}]|(?<![{_SCRIPTS}])[{_SCRIPTS}](?![{_SCRIPTS}])")
_MOST_ALONE = 0.2
_MONEY_SIGNS = {"cp932": "¥", "shift_jis": "¥", "shift_jis_2004": "¥", "cp949": "₩", "euc_kr": "₩", "johab": "₩"}
_BACKSLASH = re.compile(r"\\(?=\d)")
_SHOWN = {"utf-8-sig": "UTF-8", "utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How to decode a file. name: Python's; num_bad: bytes that are not of it, which become U+FFFD."""

    name: str
    num_bad: int = 0
    num_nul: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should be told."""
        found = []
        if not self.name.startswith("utf-8"):
            found.append(f"read as {_SHOWN.get(self.name, self.name)}")
        if self.num_bad:
            found.append(f"{self.num_bad} bytes are not {_SHOWN.get(self.name, self.name)}; they became \ufffd")
        if self.num_nul:
            found.append(f"{self.num_nul} NUL bytes were left out")
        return tuple(found)


def find_encoding(path: Path) -> Encoding:
    """The encoding of a file, after reading it once. Raises SourceError when it cannot be read."""
    with open_bytes(path) as stream:
        return _find(stream)


def _find(stream: Bytes) -> Encoding:
    sample = stream.read(_SAMPLE_BYTES)
    for mark, name in _BOMS:
        if sample.startswith(mark):
            return _counted(sample, stream, name) if name == "utf-8-sig" else Encoding(name=name)
    if b"\x1b$" in sample and sample.isascii():
        return Encoding(name="iso2022_jp")
    wide = _wide(sample)
    return Encoding(name=wide) if wide else _counted(sample, stream, "utf-8")


def _wide(sample: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of most characters is 0."""
    pairs = len(sample) // 2
    if pairs < 2 or b"\0" not in sample:
        return None
    even, odd = sample[: 2 * pairs : 2].count(0), sample[1 : 2 * pairs : 2].count(0)
    if odd > pairs * 0.3 and even < pairs * 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > pairs * 0.3 and odd < pairs * 0.05 else None


def _counted(sample: bytes, stream: Bytes, name: str) -> Encoding:
    """UTF-8, with its bad bytes, or the encoding that explains them where nothing speaks for UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    num_bad = num_good = num_nul = 0
    bad_lines: list[bytes] = []
    num_kept = 0
    piece, tail = sample, b""
    while True:
        more = stream.read(_PIECE_BYTES)
        num_nul += piece.count(0)
        if not piece.isascii() or decoder.getstate()[0]:
            text = decoder.decode(piece, final=not more)
            num_escaped = len(_ESCAPED.findall(text))
            num_bad += num_escaped
            num_good += len(text) - len(text.encode("ascii", "ignore")) - num_escaped
            if num_escaped and num_kept < _SAMPLE_BYTES:
                found = list(islice(_lines_with_high(tail + piece), _SAMPLE_LINES))
                bad_lines += found
                num_kept += sum(map(len, found))
        if not more:
            break
        piece, tail = more, piece[-200:] if num_bad else b""
    if not num_bad:
        return Encoding(name=name, num_nul=num_nul)
    if num_good > num_bad or name == "utf-8-sig":
        return Encoding(name=name, num_bad=num_bad, num_nul=num_nul)
    return Encoding(name=_other(b"\n".join(bad_lines)[:_SAMPLE_BYTES]), num_nul=num_nul)


def _lines_with_high(piece: bytes) -> Iterator[bytes]:
    """The lines, or their beginnings, that are not ASCII."""
    place = 0
    while found := _HIGH_RUN.search(piece, place):
        start = max(piece.rfind(b"\n", place, found.start()) + 1, found.start() - 200, place)
        end = piece.find(b"\n", found.end(), found.end() + 2000)
        place = found.end() + 2000 if end < 0 else end
        yield piece[start:place]


def _other(lines: bytes) -> str:
    """The encoding of lines that are not UTF-8: by alphabets where letters stand among ASCII, else by frequencies."""
    runs = [len(run) for run in _HIGH_RUN.findall(lines)]
    if sum(run for run in runs if run <= _SHORT_RUN) > _MOSTLY * sum(runs):
        likeliest = max(_LATIN, key=lambda name: _fit(lines, name))
        wide = [name for name in _WIDE if _is_wide(lines, name)]
        if wide and _fit(lines, likeliest) < 1:
            best = from_bytes(lines, cp_isolation=wide).best()
            return wide[0] if best is None or len(wide) == 1 else str(best.encoding)
        if _fit(lines, likeliest) >= _LEAST_FIT:
            return likeliest
    likeliest = max(_ALPHABETS, key=lambda name: _usual(lines, name))
    if _usual(lines, likeliest) > 0:
        return likeliest
    best = from_bytes(lines).best()
    return "cp1252" if best is None else str(best.encoding)


def _is_wide(lines: bytes, name: str) -> bool:
    """Whether lines are of words in a script of two bytes a letter, whose second byte may be an ASCII one: letters that
    stand beside others of theirs, not alone amid Latin ones."""
    try:
        text = lines.decode(name)
    except UnicodeDecodeError:
        return False
    own = _WIDE_LETTER.findall(text)
    beside = _WIDE_ALONE.findall(text)
    others = [char for char in text if not char.isascii() and char.isalpha() and not _WIDE_LETTER.fullmatch(char)]
    return len(own) > 1 and not others and len(beside) < _MOST_ALONE * len(own)


def _fit(lines: bytes, name: str) -> float:
    """How much of what is not ASCII belongs to one alphabet of an encoding, or is a sign that stands beside letters."""
    try:
        text = lines.decode(name)
    except UnicodeDecodeError:
        return -1.0
    letters = Counter(_HIGH_LETTER.findall(text.casefold()))
    num_odd = len(_ODD_SIGN.findall(text))
    total = letters.total() + num_odd
    if not total:
        return 1.0
    shares = [weight * sum(letters[letter] for letter in alphabet) / total for alphabet, weight in _LATIN[name]]
    return round(max(shares), 1)  # so that little speaks for the first


def _usual(lines: bytes, name: str) -> float:
    """How usual the letters are that lines are made of in an encoding; 0 where not all are of its alphabet.

    A wrong encoding of the same alphabet turns the case of letters, one of another alphabet makes rare letters common.
    """
    try:
        text = lines.decode(name)
    except UnicodeDecodeError:
        return 0.0
    high = [char for char in text if not char.isascii() and not char.isspace()]
    ranks = {letter: rank for rank, letter in enumerate(_ALPHABETS[name])}
    found = [ranks[char.lower()] for char in high if char.lower() in ranks]
    if not high or len(found) < _ALL_OF_IT * len(high):
        return 0.0
    words = re.findall(r"[^\W\d_]{2,}", "".join(char if not char.isascii() else " " for char in text))
    if not words:
        return 0.0
    turned = sum(_TURNED if not word.isupper() else _CAPITALS for word in words if word[1:] != word[1:].lower())
    return (1 - turned / len(words)) * sum(1 / (rank + 4) for rank in found) / len(found)


def utf8_blocks(path: Path, encoding: Encoding, *, block_bytes: int, max_line_bytes: int) -> Iterator[bytes]:
    """The file as UTF-8 in blocks that end with a line: \\n breaks all of them, also at the end of the file.

    Lines longer than max_line_bytes come as the single byte 0xFF, which no UTF-8 holds, and a line break.
    """
    rest, is_skipping = b"", False
    with open_bytes(path) as stream:
        for piece in _normal_pieces(stream, encoding, block_bytes):
            text = rest + piece
            if is_skipping:
                end = text.find(b"\n")
                if end < 0:
                    rest = b""
                    continue
                text, is_skipping = b"\xff" + text[end:], False
            end = text.rfind(b"\n") + 1
            rest = text[end:]
            if len(rest) > max_line_bytes:
                rest, is_skipping = b"", True
            if end:
                yield _without_long(text[:end], max_line_bytes)
    if is_skipping:
        yield b"\xff\n"
    elif rest:
        yield rest + b"\n"


def utf8_pieces(path: Path, encoding: Encoding, *, piece_bytes: int = _PIECE_BYTES) -> Iterator[bytes]:
    """The file as UTF-8 in pieces of any length, its line breaks \\n."""
    with open_bytes(path) as stream:
        yield from _normal_pieces(stream, encoding, piece_bytes)


def _money(text: str, encoding: str) -> str:
    """A text in which the sign of money that a country writes in place of a backslash is that sign."""
    sign = _MONEY_SIGNS.get(encoding)
    return text if sign is None else _BACKSLASH.sub(sign, text)


def _without_long(block: bytes, max_line_bytes: int) -> bytes:
    if len(block) <= max_line_bytes:
        return block
    lines = block.split(b"\n")
    return b"\n".join(b"\xff" if len(line) > max_line_bytes else line for line in lines)


def _normal_pieces(stream: Bytes, encoding: Encoding, block_bytes: int) -> Iterator[bytes]:
    is_utf8 = encoding.name.startswith("utf-8")
    needs_decoder = not is_utf8 or encoding.num_bad
    decoder = codecs.getincrementaldecoder(encoding.name)("replace") if needs_decoder else None
    is_first, held = True, b""
    while True:
        piece = stream.read(max(block_bytes, len(codecs.BOM_UTF8)))
        is_end = not piece
        if decoder is not None:
            piece = _money(decoder.decode(piece, final=is_end), encoding.name).encode("utf-8", "replace")
        if is_first and piece:
            piece, is_first = piece.removeprefix(codecs.BOM_UTF8), False
        if b"\0" in piece:
            piece = piece.replace(b"\0", b"")
        piece = held + piece
        held = b""
        if piece.endswith(b"\r") and not is_end:  # a line break may be cut in two
            piece, held = piece[:-1], b"\r"
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if piece:
            yield piece
        if is_end:
            return
