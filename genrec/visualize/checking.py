"""Whether a picture is still what was written: its record, its signature and its pixels, held against each other.

Knows what may be told from a file alone; deliberately trusts nothing in it that is not signed, and looks nothing up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from PIL import Image

from genrec.errors import ConfigError, InputError, SourceError
from genrec.visualize.credentials import Signature, read_signature
from genrec.visualize.marking import RECORD_CHUNK, fingerprint_pixels
from genrec.visualize.record import VisualRecord

Pixels: TypeAlias = Literal["unchanged", "changed", "unknown"]
T = TypeVar("T")
_MAX_BYTES = 2**28
_RECOLORS = {"gamma", "icc_profile", "chromaticity", "srgb", "transparency"}  # what shows equal values otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class VisualReport:
    """What a picture says of itself, and what of it holds.

    record: as signed, else as written into the file; None where there is none. pixels: against the record. faults: what
    was changed or cannot be read, each in a line; notes: what else to know.
    """

    record: VisualRecord | None
    signature: Signature | None
    pixels: Pixels
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def check_visual(path: Path, anchors: Path | None = None) -> VisualReport:
    """Read a PNG's record and signature, and say whether its pixels were changed since.

    anchors: certificates (PEM) of those whose signatures are trusted. Raises SourceError where the file is no PNG,
    ConfigError where the anchors cannot be read.
    """
    content = _content(path)
    picture, text = _decoded(content, path)
    faults: list[str] = []
    signature = _told(faults, lambda: read_signature(content, anchors))
    written = _told(faults, lambda: None if text is None else VisualRecord.from_text(text))
    signed_json = None if signature is None else signature.record
    signed = _told(faults, lambda: None if signed_json is None else VisualRecord.from_json(signed_json))
    record = written if signed is None or signed == written else signed
    pixels = _pixels(picture, record, signature)
    faults += _signature_faults(signature, record, pixels)
    faults += _record_faults(path, written, signed)
    if pixels == "changed":
        faults.append("its pixels are not those that were written")
    notes = _notes(record, signature)
    return VisualReport(record=record, signature=signature, pixels=pixels, faults=tuple(faults), notes=notes)


def _told(faults: list[str], read: Callable[[], T | None]) -> T | None:
    """What is read; None, and a fault, where it cannot be."""
    try:
        return read()
    except ConfigError:
        raise
    except InputError as error:
        faults.append(str(error))
        return None


def _pixels(picture: Image.Image, record: VisualRecord | None, signature: Signature | None) -> Pixels:
    if signature is not None and signature.covers_file:
        return "unchanged"
    if record is None or record.pixels is None:
        return "unknown"
    is_plain = picture.mode == "RGB" and getattr(picture, "n_frames", 1) == 1 and not _RECOLORS & picture.info.keys()
    return "unchanged" if is_plain and fingerprint_pixels(picture) == record.pixels else "changed"


def _signature_faults(signature: Signature | None, record: VisualRecord | None, pixels: Pixels) -> list[str]:
    signer = None if record is None else record.signed
    if signature is None:
        gone = "taken off, or lost when the picture was saved anew"
        return (
            []
            if signer is None
            else [f"its record says that {signer.name} signed it, and no signature is there: {gone}"]
        )
    faults = [f"its signature does not hold ({fault})" for fault in signature.faults]
    if signature.trust != "broken" and not signature.covers_file:
        what = ", though not its pixels" if pixels == "unchanged" else ""
        faults.append(f"the file was changed after {signature.signer} signed it{what}")
    if signature.record is not None and (signer is None or signer.name != signature.signer):
        said = "nobody" if signer is None else signer.name
        faults.append(f"its record names {said} as signing, and {signature.signer} did")
    return faults


def _record_faults(path: Path, written: VisualRecord | None, signed: VisualRecord | None) -> list[str]:
    faults = []
    if signed is not None and signed != written:
        was = "was taken out of its text" if written is None else "in its text is not the one that was signed"
        faults.append(f"the record {was}")
    beside = path.with_suffix(".json")
    try:
        told = VisualRecord.from_text(beside.read_text(encoding="utf-8")) if beside.is_file() else None
    except (OSError, ValueError):  # no record, but somebody's own file
        told = None
    record = signed or written
    if told is not None and record is not None and told != record:
        faults.append(f"the record beside it, {beside.name}, says otherwise")
    return faults


def _notes(record: VisualRecord | None, signature: Signature | None) -> tuple[str, ...]:
    if signature is None:
        if record is None:
            return ("it carries no record and no signature, so nothing here says how it was made",)
        return ("nobody signed it: who can write the file can change record and pixels together",)
    notes = []
    if signature.trust == "unknown":
        notes.append(f"nobody here vouches for {signature.signer}: --trust FILE names whose certificates are trusted")
    if signature.record is None and signature.trust != "broken":
        notes.append(f"{signature.signer} signed it with a program that keeps no record of genrec's")
    return tuple(notes)


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():  # a pipe would be waited for
            raise FileNotFoundError("no such file")
        if path.stat().st_size > _MAX_BYTES:
            raise SourceError(f"{path} has more than {_MAX_BYTES:,} bytes; wanted a picture that genrec wrote")
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error}); name a PNG that genrec wrote") from error


def _decoded(content: bytes, path: Path) -> tuple[Image.Image, str | None]:
    """The picture, and the text of its record. Raises SourceError."""
    try:
        with Image.open(BytesIO(content), formats=("PNG",)) as opened:
            opened.load()
            text = opened.info.get(RECORD_CHUNK)
            return opened, None if text is None else str(text)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())
        raise SourceError(f"{path} cannot be read as a PNG ({reason}); name a PNG that genrec wrote") from error
