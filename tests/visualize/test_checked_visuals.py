import io
import json
import shutil
import struct
import zlib
from dataclasses import replace

import pytest
from certificates import SIGNER, Authority
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from test_credentials import RECORD
from test_marking import noise

from genrec.config import VisualizeConfig
from genrec.errors import SourceError
from genrec.visualize.checking import check_visual
from genrec.visualize.credentials import load_credentials
from genrec.visualize.marking import write_visual


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """A folder with a signed drawing and its record, and the authority's certificate."""
    folder = tmp_path_factory.mktemp("signed")
    credentials = load_credentials(VisualizeConfig(**Authority().give(folder)), folder)
    write_visual(noise((256, 100)), RECORD, folder / "a.png", credentials=credentials, safety=None)
    return folder


@pytest.fixture
def drawing(signed, tmp_path):
    """Copies of the signed drawing and its record, to be changed."""
    for name in ("a.png", "a.json", "ca.pem"):
        shutil.copy(signed / name, tmp_path / name)
    return tmp_path / "a.png"


@pytest.fixture
def unsigned(tmp_path):
    path = tmp_path / "unsigned" / "a.png"
    write_visual(noise((256, 100)), RECORD, path, credentials=None, safety=None)
    return path


def chunks_of(path):
    content, place, found = path.read_bytes(), 8, []
    while place < len(content):
        size = struct.unpack(">I", content[place : place + 4])[0]
        found.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + size]))
        place += size + 12
    return found


def write_chunks(path, chunks):
    head = b"\x89PNG\r\n\x1a\n"
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    path.write_bytes(head + b"".join(parts))


def paint_pixel(path):
    """Change one pixel and leave all else, the manifest too, as it was."""
    chunks = chunks_of(path)
    rows = bytearray(zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT")))
    rows[40] ^= 1
    others = [(kind, data) for kind, data in chunks if kind != b"IDAT"]
    write_chunks(path, [*others[:-1], (b"IDAT", zlib.compress(bytes(rows))), others[-1]])


def says(report, words):
    return any(words in fault for fault in report.faults)


def test_a_signed_drawing_is_as_it_was_written(drawing):
    report = check_visual(drawing)
    assert (report.pixels, report.faults) == ("unchanged", ())
    assert report.record.signed.name == report.signature.signer == SIGNER
    assert any("vouches" in note for note in report.notes)
    trusted = check_visual(drawing, drawing.with_name("ca.pem"))
    assert (trusted.signature.trust, trusted.notes) == ("trusted", ())


def test_one_pixel_is_told(drawing):
    paint_pixel(drawing)
    report = check_visual(drawing)
    assert report.pixels == "changed"
    assert says(report, f"changed after {SIGNER} signed it")
    assert says(report, "pixels are not those")


def test_another_record_in_the_text_is_told_and_the_signed_one_believed(drawing):
    forged = replace(RECORD, mode="picture").to_text()
    chunks = [
        (kind, data[: data.index(b"\0\0\0\0\0") + 5] + forged.encode() if data.startswith(b"genrec\0") else data)
        for kind, data in chunks_of(drawing)
    ]
    write_chunks(drawing, chunks)
    report = check_visual(drawing)
    assert (report.pixels, report.record.mode) == ("unchanged", "scene")
    assert says(report, "though not its pixels")
    assert says(report, "in its text is not the one that was signed")


def test_a_record_that_was_taken_out_is_told(drawing):
    write_chunks(drawing, [(kind, data) for kind, data in chunks_of(drawing) if not data.startswith(b"genrec\0")])
    report = check_visual(drawing)
    assert report.record.item_id == RECORD.item_id
    assert says(report, "was taken out of its text")


def test_colors_that_are_to_be_shown_otherwise_are_told(drawing):
    chunks = chunks_of(drawing)
    write_chunks(drawing, [chunks[0], (b"gAMA", struct.pack(">I", 220_000)), *chunks[1:]])
    assert check_visual(drawing).pixels == "changed"


def test_a_changed_manifest_is_told(drawing):
    chunks = [
        (k, d.replace(b"genrec-tiny-scene", b"somebodys-camera0") if k == b"caBX" else d) for k, d in chunks_of(drawing)
    ]
    write_chunks(drawing, chunks)
    report = check_visual(drawing)
    assert report.signature.trust == "broken"
    assert says(report, "signature does not hold")
    assert report.record.models["diffusion"].name.startswith("genrec-tiny-scene")


def test_a_manifest_of_garbage_is_told_and_the_rest_read(drawing):
    write_chunks(drawing, [(k, b"\0" * len(d) if k == b"caBX" else d) for k, d in chunks_of(drawing)])
    report = check_visual(drawing)
    assert report.pixels == "unchanged"
    assert report.faults
    assert report.record is not None


def test_a_signature_that_was_taken_off_is_told(drawing):
    with Image.open(drawing, formats=("PNG",)) as opened:
        text, info = opened.text, PngInfo()
        info.add_itxt("genrec", text["genrec"])
        opened.save(drawing, format="PNG", pnginfo=info)
    report = check_visual(drawing)
    assert report.pixels == "unchanged"
    assert says(report, "no signature is there")


def test_a_signature_of_another_name_than_the_record_says_is_told(signed, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    credentials = load_credentials(VisualizeConfig(**Authority().give(folder, name="Somebody")), folder)
    posing = replace(credentials, signer=replace(credentials.signer, name=SIGNER))
    write_visual(noise((256, 100)), RECORD, folder / "a.png", credentials=posing, safety=None)
    assert says(check_visual(folder / "a.png"), f"names {SIGNER} as signing, and Somebody did")


def test_another_record_beside_it_is_told_and_a_foreign_file_is_not(drawing):
    beside = drawing.with_suffix(".json")
    told = json.loads(beside.read_text(encoding="utf-8"))
    beside.write_text(json.dumps({**told, "seed": 8}), encoding="utf-8")
    assert says(check_visual(drawing), "the record beside it, a.json, says otherwise")
    beside.write_text('{"width": 256}', encoding="utf-8")
    assert check_visual(drawing).faults == ()


def test_an_unsigned_drawing_is_held_against_its_own_record(unsigned):
    report = check_visual(unsigned)
    assert (report.pixels, report.faults, report.signature) == ("unchanged", (), None)
    assert report.record.signed is None
    assert any("nobody signed it" in note for note in report.notes)
    paint_pixel(unsigned)
    assert check_visual(unsigned).pixels == "changed"


def test_a_picture_of_others_says_nothing(tmp_path):
    noise().save(tmp_path / "a.png")
    report = check_visual(tmp_path / "a.png")
    assert (report.pixels, report.record, report.faults) == ("unknown", None, ())
    assert any("nothing here says how it was made" in note for note in report.notes)


def test_a_record_of_a_later_version_is_told(tmp_path):
    info = PngInfo()
    info.add_itxt("genrec", json.dumps({**RECORD.to_json(), "version": 9}))
    noise().save(tmp_path / "a.png", pnginfo=info)
    assert says(check_visual(tmp_path / "a.png"), "version 9")


def spoiled(kind):
    stream = io.BytesIO()
    noise().save(stream, format="JPEG" if kind == "jpeg" else "PNG")
    content = stream.getvalue()
    return {"empty": b"", "text": b"no picture", "cut": content[: len(content) // 2], "jpeg": content}[kind]


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "jpeg"])
def test_what_is_no_png_is_refused_with_one_line(tmp_path, kind):
    (tmp_path / "a.png").write_bytes(spoiled(kind))
    with pytest.raises(SourceError, match="cannot be read as a PNG") as told:
        check_visual(tmp_path / "a.png")
    assert "\n" not in str(told.value)


def test_what_is_not_there_is_refused(tmp_path):
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(SourceError, match="cannot be read"):
            check_visual(path)


def test_a_text_that_unpacks_without_end_is_refused(tmp_path):
    noise().save(tmp_path / "a.png")
    chunks = chunks_of(tmp_path / "a.png")
    bomb = b"genrec\0\1\0\0\0" + zlib.compress(b"0" * 2**24)
    write_chunks(tmp_path / "a.png", [chunks[0], (b"iTXt", bomb), *chunks[1:]])
    with pytest.raises(SourceError, match="cannot be read as a PNG"):
        check_visual(tmp_path / "a.png")


def test_the_command_reads_a_drawing_and_exits_2_where_it_was_changed(genrec, drawing):
    code, out, _ = genrec("check-visual", drawing, "--trust", drawing.with_name("ca.pem"))
    assert code == 0
    assert f"signed by {SIGNER}: trusted" in out
    assert "pixels: unchanged" in out
    code, out, _ = genrec("check-visual", drawing, "--json")
    told = json.loads(out)
    assert (code, told["pixels"], told["record"]["seed"], told["signature"]["trust"]) == (0, "unchanged", 7, "unknown")
    paint_pixel(drawing)
    code, out, _ = genrec("check-visual", drawing)
    assert code == 2
    assert "CHANGED: its pixels" in out
    code, out, err = genrec("check-visual", drawing.with_name("none.png"))
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
