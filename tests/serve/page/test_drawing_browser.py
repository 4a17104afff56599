"""Drawings on the page, in a real browser: as they form, beside the real picture, with what shaped them."""

import base64
import io
import json

import pytest
from browsing import DESKTOP, NEEDS_BROWSER, PATIENCE_MS, PHONE, check_axe, person, press, say
from PIL import Image
from plain_studio import PlainPainter, plain_studio
from serve_worlds import encoded, serving

from genrec.visualize.guard import Guard

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
pytestmark = NEEDS_BROWSER
DONE = ".frame img:not(.forming)"


def liking(server, page, num=3):
    """Have the page's visitor like some items; returns them."""
    items = [item.item_id for item in server.engine.workspace.catalog.items[:num]]
    for item in items:
        server.post("/v1/feedback", user=person(page), item=item, kind="like")
    return items


def orders(page):
    """What the page asks to be drawn from now on."""
    asked = []
    page.on(
        "request",
        lambda request: asked.append(json.loads(request.post_data)) if request.url.endswith("generations") else None,
    )
    return asked


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
def test_a_drawing_stands_beside_the_real_picture_with_what_shaped_it(server, visit, tmp_path, viewport):
    page = visit(server.url, viewport, bypass_csp=True, accept_downloads=True)  # the policy forbids axe-core, too
    liked = liking(server, page)
    say(page, "I want a lamp")
    press(page, "Show me: ")
    page.locator(DONE).wait_for()
    assert page.locator(".pair img").count() == 2
    for picture in page.locator(".pair img").all():
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    assert page.locator(".generated figcaption").text_content().startswith("Generated place")
    assert page.locator(DONE).get_attribute("alt").startswith("Generated picture of")
    assert page.locator(".taste .swatch").count() >= 1
    color = page.locator(".taste .swatch").first
    assert color.evaluate("one => getComputedStyle(one).backgroundColor") != "rgba(0, 0, 0, 0)"
    assert 1 <= page.locator(".shaped li").count() <= len(liked)
    assert page.locator(".shaped img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    assert page.evaluate("document.activeElement.dataset.does") == "again"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=tmp_path / "drawing.png", full_page=True)
    check_axe(page)
    with page.expect_download() as png:
        page.get_by_role("link", name="Download picture").click()
    with Image.open(png.value.path()) as opened:
        assert opened.text["generated"] == "true"
    with page.expect_download() as record:
        page.get_by_role("link", name="Download its record").click()
    told = json.loads(record.value.path().read_text(encoding="utf-8"))
    assert told["record"]["mode"] == "scene"
    assert record.value.suggested_filename.endswith(".json")
    page.locator('[data-does="close"]').click()
    page.locator(".pair").wait_for(state="detached")
    assert page.evaluate("document.activeElement.dataset.does") == "show me"


def test_a_drawing_forms_step_by_step_beside_the_real_picture_and_can_be_canceled(shop, visit, tmp_path):
    painter = PlainPainter()
    painter.gate.clear()
    with serving(shop, tmp_path, studio=plain_studio(shop, painter)) as server:
        page = visit(server.url)
        say(page, "I want a lamp")
        press(page, "Show me: ")
        page.locator(".pair figure > img").wait_for()  # at once
        bar = page.locator('.progress progress[value="1"]')
        bar.wait_for()
        total = shop.config.visualize.candidates * painter.num_steps
        assert bar.get_attribute("max") == str(total)
        assert page.locator(".progress span").text_content() == f"Step 1 of {total}"
        forming = page.locator(".forming")
        assert "blur(" in forming.evaluate("image => getComputedStyle(image).filter")
        assert forming.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
        page.screenshot(path=tmp_path / "forming.png")
        assert page.evaluate("document.activeElement.dataset.does") == "cancel"
        page.keyboard.press("Enter")
        page.locator(".pair").wait_for(state="detached")
        assert page.locator("#status").text_content() == "Drawing canceled."
        assert page.evaluate("document.activeElement.dataset.does") == "show me"
        painter.gate.set()
        press(page, "Show me: ")
        page.locator(DONE).wait_for()
        assert len(painter.drawn) == shop.config.visualize.candidates  # of the second alone


def test_the_slider_words_and_another_draw_again(server, visit):
    page = visit(server.url)
    liking(server, page)
    asked = orders(page)
    say(page, "I want a lamp")
    press(page, "Show me: ")
    page.locator(DONE).wait_for()
    first = page.locator(DONE).get_attribute("src")
    page.locator("input[type=range]").focus()
    page.keyboard.press("Home")
    sync_api.expect(page.locator(DONE)).not_to_have_attribute("src", first, timeout=PATIENCE_MS)
    page.locator(DONE).wait_for()
    assert page.locator("input[type=range]").get_attribute("aria-valuetext") == "the item alone"
    assert asked[-1]["strength"] == 0
    assert page.evaluate("document.activeElement.type") == "range"
    page.locator(".wanted input[type=text]").fill("on a walnut table, beside a wombat")
    page.keyboard.press("Enter")
    page.locator(".story .note", has_text="wombat").wait_for()
    assert asked[-1]["prompt"] == "on a walnut table, beside a wombat"
    second = page.locator(DONE).get_attribute("src")
    page.locator('[data-does="again"]').click()
    sync_api.expect(page.locator(DONE)).not_to_have_attribute("src", second, timeout=PATIENCE_MS)
    page.locator(DONE).wait_for()
    assert [order["seed"] for order in asked] == [0, 0, 0, 1]


def test_a_change_is_offered_only_where_the_models_know_the_catalog(shop, server, visit, tmp_path):
    for knows in (True, False):
        folder = tmp_path / str(knows)
        folder.mkdir()
        with serving(shop, folder, studio=plain_studio(shop, guard=None if knows else Guard())) as own:
            page = visit(own.url)
            asked = orders(page)
            say(page, "I want a lamp")
            press(page, "Show me: ")
            page.locator(DONE).wait_for()
            choice = page.locator(".choices label", has_text="Change it")
            assert choice.is_visible() is knows
            if knows:
                choice.click()
                page.locator(".wanted input[type=text]").fill("red")
                page.locator('[data-does="draw"]').click()
                page.locator(".progress").first.wait_for(state="hidden")
                page.locator(".drawings[aria-busy]").wait_for(state="detached")
                assert (asked[-1]["mode"], asked[-1]["change"]) == ("variation", "red")


def test_an_item_is_put_into_a_photo_where_a_box_is_dragged(server, visit, tmp_path):
    page = visit(server.url, bypass_csp=True)
    asked = orders(page)
    say(page, "I want a lamp")
    press(page, "Show me: ")
    page.locator(DONE).wait_for()
    page.locator(".choices label", has_text="In my photo").click()
    page.locator('[data-does="draw"]').click()
    assert page.locator("#status").text_content() == "Choose a photo first."
    photo = {"name": "room.png", "mimeType": "image/png", "buffer": encoded((400, 300), color="#c8b8a0")}
    page.locator(".photo-place input").set_input_files(files=[photo])
    box = page.locator(".box-picker .box")
    box.wait_for()
    assert box.evaluate("one => one === document.activeElement")
    frame = page.locator(".box-picker img").bounding_box()
    page.mouse.move(frame["x"] + 0.05 * frame["width"], frame["y"] + 0.05 * frame["height"])
    page.mouse.down()
    page.mouse.move(frame["x"] + 0.25 * frame["width"], frame["y"] + 0.35 * frame["height"], steps=4)
    page.mouse.up()
    box.focus()
    for key in ("ArrowRight", "ArrowDown", "Shift+ArrowRight"):
        page.keyboard.press(key)
    assert "Box at 7 % from the left, 7 % from the top, 22 by 30 %" in page.locator("#status").text_content()
    page.screenshot(path=tmp_path / "box.png", full_page=True)
    check_axe(page)
    page.locator('[data-does="draw"]').click()
    page.locator(".generated figcaption", has_text="in your photo").wait_for()
    assert asked[-1]["mode"] == "photo"
    left, top, width, height = asked[-1]["box"]
    assert (left, top) == pytest.approx((0.07 * 400, 0.07 * 300), abs=3)
    assert (width, height) == pytest.approx((0.22 * 400, 0.30 * 300), abs=4)
    with Image.open(io.BytesIO(base64.b64decode(asked[-1]["photo"].split(",")[1]))) as sent:
        assert sent.size == (400, 300)


def test_what_cannot_be_drawn_is_one_line_and_the_picture_before_stays(server, visit):
    page = visit(server.url, expected="503")
    say(page, "I want a lamp")
    press(page, "Show me: ")
    page.locator(DONE).wait_for()
    before = page.locator(DONE).get_attribute("src")
    error = {"message": "8 requests wait already; try again soon", "code": "overloaded"}
    page.route("**/v1/images/generations", lambda route: route.fulfill(status=503, json={"error": error}))
    page.locator('[data-does="again"]').click()
    page.locator("#notice", has_text="8 requests wait already; try again soon").wait_for()
    assert page.locator(DONE).get_attribute("src") == before


def test_a_picture_in_the_chat_stands_beside_the_real_one(server, visit):
    page = visit(server.url)
    say(page, "a red lamp")
    say(page, "show me the first one")
    page.locator(".turn.assistant .generated img").wait_for()
    assert page.locator(".turn.assistant .generated figcaption").text_content().startswith("Generated place")
