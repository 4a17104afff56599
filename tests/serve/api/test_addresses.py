"""Links lead back to what they were made for, whatever its id holds."""

from types import SimpleNamespace
from urllib.parse import quote

import httpx2
import hypothesis
import pytest
from fastapi import FastAPI
from hypothesis import strategies as st
from serve_worlds import encoded, listening

from genrec.schema import MAX_ID_CHARS, Catalog, Item, why_no_id
from genrec.serve.access import Access
from genrec.serve.api import shop_routes
from genrec.serve.api.pictures import Links
from genrec.serve.api.responses import item_shape
from genrec.serve.errors import ApiError
from genrec.serve.middleware import QuotedPath
from genrec.serve.service import InService, PinGeneration

ODD = (
    "a/b", "a/image", "image", "a/image/image", "/", "//evil.example", "a/../b", "../../etc/passwd", "...", "%2F", "%",
    "%252F",
    "a%2Fimage", "?", "a?b=c#d", "#", "a b", " ", "日本語", "e\u0301", "\u202e", "𝕏", "+", "&;=", "'\"<>", "\\",
    "a\\..\\b", "x" * MAX_ID_CHARS, "𝕏" * MAX_ID_CHARS, "a/", "/a", "~", ":", "http://x/y", "{item_id}", "_.-~",
)  # fmt: skip
UNFIT = ("", ".", "..", "x" * (MAX_ID_CHARS + 1), "a\nb", "a\x00b", "\x1b[31m", "\x7f", "\x85", "\u2028", "\ud800")


def test_ids_are_what_an_address_can_hold():
    assert [identifier for identifier in ODD if why_no_id(identifier)] == []
    assert [identifier for identifier in UNFIT if not why_no_id(identifier)] == []


class Engine:
    """As much of an engine as these routes ask."""

    def __init__(self):
        self.workspace = SimpleNamespace(catalog=None)
        self.store = SimpleNamespace(export_person=lambda person: {"person": person})


@pytest.fixture(scope="module")
def engine():
    return Engine()


@pytest.fixture(scope="module")
def http(engine, tmp_path_factory):
    app = FastAPI()
    app.include_router(shop_routes.router)
    app.state.access = Access(None, is_open=True)
    app.add_middleware(PinGeneration, service=SimpleNamespace(now=InService(engine, None)))
    app.add_middleware(QuotedPath)
    app.add_exception_handler(ApiError, lambda _, error: error.response())
    with listening(app) as url, httpx2.Client(base_url=url, timeout=60) as client:
        yield client


def check_links(engine, http, folder, item_ids):
    images = [folder / f"{number}.png" for number in range(len(item_ids))]
    for number, image in enumerate(images):
        image.write_bytes(encoded((number % 250 + 1, 1)))
    items = [Item(item_id=item_id, image=image) for item_id, image in zip(item_ids, images, strict=True)]
    engine.workspace.catalog = Catalog(items=tuple(items))
    for item in items:
        shape = item_shape(item, Links(str(http.base_url)))
        assert http.get(shape["image"]).content == item.image.read_bytes(), item.item_id
        assert http.get(shape["image"].rpartition("/image?")[0]).json() == shape, item.item_id
        person = http.get(f"/v1/people/{quote(item.item_id, safe='')}")
        assert person.json() == {"person": item.item_id}


def test_odd_ids_are_reached_by_the_links_of_the_server(engine, http, tmp_path):
    check_links(engine, http, tmp_path, ODD)


@hypothesis.settings(max_examples=60, deadline=None, derandomize=True, database=None)
@hypothesis.given(
    item_ids=st.lists(
        st.one_of(st.text(min_size=1, max_size=12), st.text("/.%image?#2F ", min_size=1, max_size=12)).filter(
            lambda text: why_no_id(text) is None
        ),
        min_size=1,
        max_size=4,
        unique=True,
    )
)
def test_any_id_is_reached_by_the_links_of_the_server(engine, http, tmp_path_factory, item_ids):
    check_links(engine, http, tmp_path_factory.mktemp("links"), item_ids)


def test_slashes_that_were_not_quoted_still_lead_to_an_item(engine, http, tmp_path):
    check_links(engine, http, tmp_path, ["B/1"])
    assert http.get("/v1/items/B/1").json()["id"] == "B/1"
    assert http.get("/v1/items/B/1/image").headers["content-type"] == "image/png"
