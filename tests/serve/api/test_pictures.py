"""Photos of requests: read when they are sound, few and small enough together; refused with one line otherwise."""

import asyncio
import base64
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from serve_worlds import PATIENT, data_url, encoded

from genrec.serve.api.pictures import Links, PictureReader, picture_tag, send_picture
from genrec.serve.errors import ApiError

LIMITS = replace(PATIENT, max_picture_pixels=10_000, max_photos=3, max_photos_pixels=25_000)


@pytest.fixture(scope="module")
def reader():
    opened = PictureReader(LIMITS)
    yield opened
    opened.close()


def read(reader: PictureReader, *urls: str) -> list[Image.Image]:
    return asyncio.run(reader.read(urls, param="image"))


def refusal(reader: PictureReader, *urls: str) -> ApiError:
    with pytest.raises(ApiError) as caught:
        read(reader, *urls)
    return caught.value


def test_photos_are_read_in_their_order(reader: PictureReader) -> None:
    pictures = read(reader, data_url(encoded((40, 30))), data_url(encoded((20, 10), "JPEG"), "jpeg"))
    assert [(picture.mode, picture.size) for picture in pictures] == [("RGB", (40, 30)), ("RGB", (20, 10))]
    assert read(reader) == []


def test_base64_alone_is_read_and_the_size_before_is_told(reader: PictureReader) -> None:
    content = base64.b64encode(encoded((90, 60))).decode()
    (decoded,) = asyncio.run(reader.decode([("photo", content)]))
    assert (decoded.image.size, decoded.full_size) == ((90, 60), (90, 60))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://example.org/x.png", "nothing is fetched"),
        ("file:///etc/passwd", "nothing is fetched"),
        ("data:text/html;base64,PGI+", "nothing is fetched"),
        ("", "it is empty"),
        ("my room.png", "not valid base64"),
        ("data:image/png;base64,***", "not valid base64"),
        ("data:image/png;base64,é", "not valid base64"),
        (data_url(b""), "cannot be decoded"),
        (data_url(encoded((101, 100))), "101 × 100 pixels; at most 10,000 are read"),
    ],
)
def test_what_is_no_sound_picture_is_refused(reader: PictureReader, url: str, message: str) -> None:
    refused = refusal(reader, url)
    assert (refused.status, refused.code, refused.param) == (400, "invalid_image", "image")
    assert message in refused.message
    assert "\n" not in refused.message


def test_more_photos_than_one_request_may_hold_are_refused_before_any_is_decoded(reader: PictureReader) -> None:
    assert "4 photos were sent, replayed ones among them; at most 3 are read" in refusal(reader, *["x"] * 4).message


def test_the_pixels_of_all_photos_of_a_request_count_together(reader: PictureReader) -> None:
    url = data_url(encoded((100, 90)))
    assert len(read(reader, url, url)) == 2
    assert (
        "at most 7,000 are read (all photos of a request may have 25,000 pixels)"
        in refusal(reader, url, url, url).message
    )


def test_photos_end_within_the_time_of_their_request() -> None:
    reader = PictureReader(replace(LIMITS, time_limit_s=0.001))
    try:
        with pytest.raises(TimeoutError):
            read(reader, data_url(encoded()))
    finally:
        reader.close()


def test_a_picture_is_addressed_by_its_content(tmp_path: Path) -> None:
    image, links = tmp_path / "one.png", Links("http://here/")
    image.write_bytes(encoded((4, 4)))
    address = links.item("a/b", image)
    assert address == f"http://here/v1/items/a%2Fb/image?v={picture_tag(image)}"
    sent = send_picture(image, otherwise="gone", tag=picture_tag(image))
    assert sent.headers["Cache-Control"].endswith("immutable")
    assert send_picture(image, otherwise="gone").headers["Cache-Control"] == "private, no-cache"
    copy = tmp_path / "copy.png"
    copy.write_bytes(image.read_bytes())
    assert picture_tag(copy) == picture_tag(image)  # another server's links hold here
    image.write_bytes(encoded((5, 4)))
    assert links.item("a/b", image) != address
    with pytest.raises(ApiError, match="gone"):  # and not another picture under its address
        send_picture(image, otherwise="gone", tag=picture_tag(copy))
    image.unlink()
    assert links.item("a/b", image) == "http://here/v1/items/a%2Fb/image"
    assert links.item("a/b", None) is None
