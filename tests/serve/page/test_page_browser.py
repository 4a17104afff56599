"""The page in a real browser: the main journeys, seen, heard and pressed; nothing from another host, no error told to
the console, no serious violation that axe-core finds."""

import json

import pytest
from browsing import DESKTOP, NEEDS_BROWSER, PHONE, answered, check_axe, person, press, say
from serve_worlds import PATIENT, encoded, serving

pytestmark = NEEDS_BROWSER


def test_a_conversation_from_a_starter_to_evidence_and_critique(server, visit, tmp_path):
    page = visit(server.url, bypass_csp=True)  # the policy forbids axe-core, too
    page.locator("#starters button").first.click()
    page.locator("details.reason").first.wait_for()
    answered(page)
    assert page.locator(".card").count() == 5
    assert page.locator(".card > img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    assert "1: " in page.locator("#status").text_content()
    assert not page.locator(".evidence li").first.is_visible()
    page.locator("details.reason summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator(".evidence li").first.is_visible()
    before = page.locator(".card h3").all_text_contents()
    chip = page.locator("#chips button").first  # what helps depends on what is shown
    said = chip.text_content()
    chip.click()
    page.locator(".turn.user").nth(1).wait_for()
    answered(page)
    assert page.locator(".turn.user p").last.text_content() == said
    after = page.locator(".turn.assistant").last.locator(".card h3").all_text_contents()
    assert after
    assert after != before
    page.locator("#wishes .chip").nth(1).wait_for()
    page.screenshot(path=tmp_path / "desktop.png")
    check_axe(page)
    page.reload()
    assert page.locator(".turn").count() == 4


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
def test_a_card_sells_its_item(sold_server, visit, tmp_path, viewport):
    server, lamp = sold_server
    page = visit(server.url, viewport, bypass_csp=True, locale="de-DE")
    say(page, f"Do you have {lamp.title}?")
    card = page.locator(f'.card[data-item="{lamp.item_id}"]')
    title = card.locator("h3 a")
    assert title.get_attribute("href") == "https://shop.example/lamp"
    assert title.get_attribute("rel") == "noopener noreferrer"
    price = card.locator(".price").text_content()
    assert "999,00\xa0€" in price
    assert "Back-order" in price
    assert card.locator(".variants dt").all_text_contents() == ["size"]
    assert card.locator(".variants li").all_text_contents() == ["S", "L (sold out)"]
    assert card.locator(".media a").get_attribute("href") == f"/v1/items/{lamp.item_id}/video"
    views, shown = card.locator(".views button"), card.locator("> img")
    assert views.count() == 3
    first = shown.get_attribute("src")
    views.nth(2).click()
    assert shown.get_attribute("src") != first
    assert "n=3" in shown.get_attribute("src")
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    assert [views.nth(place).get_attribute("aria-pressed") for place in range(3)] == ["false", "false", "true"]
    sold_out = server.engine.workspace.catalog.items[2]
    say(page, f"Do you have {sold_out.title}?")
    assert page.locator(f'.card.gone[data-item="{sold_out.item_id}"] .sold-out').text_content() == "Sold out"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=tmp_path / "sold.png", full_page=True)
    check_axe(page)


def test_what_is_liked_and_refused_is_seen_and_taken_back(server, visit):
    page = visit(server.url)
    say(page, "I want a lamp")
    like = page.locator(".judge.like").first
    like.click()
    page.locator("#history .plain").first.wait_for()
    taste = server.engine.profiles.find(person(page))
    liked = page.locator(".card").first.get_attribute("data-item")
    assert taste.history == (liked,)
    assert like.get_attribute("aria-pressed") == "true"
    page.locator(".judge.dislike").nth(1).click()
    page.locator("#refused .plain").first.wait_for()
    press(page, "Allow: ")
    page.locator("#refused .empty").wait_for()
    press(page, "Remove: ")
    page.locator("#history .empty").wait_for()
    assert like.get_attribute("aria-pressed") == "false"
    taste = server.engine.profiles.find(person(page))
    assert (taste.history, taste.refused) == ((), ())
    page.locator("#find").fill("red mug")
    page.keyboard.press("Enter")
    press(page, "Add: ")
    page.locator("#history .plain").first.wait_for()
    assert len(server.engine.profiles.find(person(page)).history) == 1


def test_more_and_less_like_a_card_are_said_in_words(server, visit):
    page = visit(server.url)
    say(page, "I want a lamp")
    first, second = (page.locator(".card").nth(place).get_attribute("data-item") for place in (0, 1))
    press(page, "More like this: ", 1)
    page.locator(".turn.user").nth(1).wait_for()
    answered(page)
    assert page.locator(".turn.user p").last.text_content() == "More like the second one"
    session = page.evaluate("JSON.parse(localStorage.getItem('genrec')).session")
    assert json.loads(server.store.load_session(session))["refers_to"] == [second]
    press(page, "Less like this: ", 0)  # of the older list, so by its title
    page.locator(".turn.user").nth(2).wait_for()
    answered(page)
    page.locator("#refused .plain").first.wait_for()
    refused = server.engine.profiles.find(person(page)).refused
    titles = {server.engine.workspace.catalog[item_id].title for item_id in refused}
    assert titles == {server.engine.workspace.catalog[first].title}


def test_an_answer_to_a_question_is_no_list_to_count_in(server, visit):
    page = visit(server.url)
    say(page, "I want a lamp")
    assert page.locator(".card .place").count() == page.locator(".card").count() > 1
    say(page, "which of these is the cheapest?")
    answer = page.locator(".turn.assistant").last
    assert "cheapest of these" in answer.locator(".said").text_content()
    assert answer.locator(".card").count() >= 1
    assert answer.locator(".card .place").count() == 0
    title = answer.locator(".card h3").first.text_content()
    answer.get_by_role("button", name=f"More like this: {title}").click()
    page.locator(".turn.user").nth(2).wait_for()
    answered(page)
    assert page.locator(".turn.user p").last.text_content() == f"More like “{title}”"


def test_an_answer_can_be_stopped_and_a_photo_sent(server, visit):
    page = visit(server.url)
    page.locator("#photo").set_input_files(files=[{"name": "a.png", "mimeType": "image/png", "buffer": encoded()}])
    page.locator("#photo-shown img").wait_for()
    page.locator("#send").click()
    answered(page)
    assert page.locator(".sent-photo").count() == 1
    assert page.locator(".card").count() == 5
    page.route("**/v1/chat/completions", lambda route: None)
    page.locator("#words").fill("another")
    page.keyboard.press("Enter")
    page.locator("#stop").click()
    page.locator(".ended", has_text="Stopped.").wait_for()
    assert page.evaluate("document.activeElement.id") == "words"


def event_of(title):
    card = {"item_id": "x", "title": title, "price": None, "image": None, "reason": title}
    evidence = [{"kind": "history", "source": title, "claim": title, "weight": 1}]
    request = {"intent": "recommend", "liked": [], "disliked": []}
    answer = {"text": title, "cards": [{**card, "evidence": evidence}], "request": request, "visual": None}
    return f"data: {json.dumps({'choices': [], 'genrec': answer})}\n\ndata: [DONE]\n\n"


def test_markup_in_messages_titles_and_reasons_stays_text(server, visit):
    evil = '<img src="/nothing" onerror="alert(1)"><script>alert(2)</script><b>bold</b> [a](javascript:alert(3))'
    page = visit(server.url)
    page.locator("#starters button").first.wait_for()
    page.route(
        "**/v1/chat/completions", lambda route: route.fulfill(content_type="text/event-stream", body=event_of(evil))
    )
    say(page, evil)
    for place in (".turn.user p", ".said", ".card h3", ".reason summary", ".evidence li"):
        assert evil in page.locator(place).text_content()
    assert page.locator('img[src="/nothing"], #turns script, #turns b').count() == 0
    page.reload()
    assert page.locator(".card h3").text_content().endswith(evil)
    assert page.locator('img[src="/nothing"], #turns script, #turns b').count() == 0


def test_a_key_is_asked_for_once_and_kept_in_its_tab(shop, visit, tmp_path):
    with serving(shop, tmp_path, PATIENT, is_open=False) as guarded:
        _, secret = guarded.store.create_key("page", ("chat", "recommend", "feedback", "images"))
        page = visit(guarded.url, expected="401")
        page.locator("#key").fill("wrong")
        page.keyboard.press("Enter")
        page.locator("#notice", has_text="no valid key").wait_for()
        page.locator("#key").fill(secret)
        page.keyboard.press("Enter")
        page.locator("#starters button").first.wait_for()
        assert page.locator("#notice").is_hidden()
        assert page.evaluate("sessionStorage.getItem('genrec-key')") == secret
        assert secret not in page.evaluate("JSON.stringify(localStorage)")
        page.reload()
        page.locator("#starters button").first.wait_for()
        assert not page.locator("#key-dialog").is_visible()


def test_a_lost_connection_is_told_and_found_again(server, visit):
    page = visit(server.url, expected="ERR_INTERNET_DISCONNECTED")
    page.locator("#starters button").first.wait_for()
    page.context.set_offline(True)
    page.locator("#words").fill("I want a lamp")
    page.keyboard.press("Enter")
    page.locator("#notice", has_text="cannot be reached").wait_for()
    page.context.set_offline(False)
    page.locator("#notice", has_text="Connected again").wait_for()
    press(page, "Say it again")
    page.locator(".card").first.wait_for()
    answered(page)
    said = page.locator(".turn.user p").all_text_contents()
    assert said[-1] == "I want a lamp"
    kinds = [server.engine.workspace.catalog[card.get_attribute("data-item")] for card in page.locator(".card").all()]
    assert {item.attributes["category"] for item in kinds} == {"lamp"}


def test_errors_are_one_clear_line(server, visit):
    page = visit(server.url, expected="429")
    page.locator("#starters button").first.wait_for()
    page.route(
        "**/v1/chat/completions",
        lambda route: route.fulfill(status=429, headers={"Retry-After": "7"}, json={"error": {"message": "spent"}}),
    )
    page.locator("#words").fill("I want a lamp")
    page.keyboard.press("Enter")
    notice = page.locator("#notice", has_text="Too many requests; try again in 7 s.")
    notice.wait_for()
    assert notice.inner_text().splitlines() == ["Too many requests; try again in 7 s.", "Say it again", "Dismiss"]
    assert page.locator(".card").count() == 0


def test_the_chosen_adapter_answers(server, visit):
    page = visit(server.url)
    adapter = next(name for name in server.engine.models if name != "genrec")
    page.locator("#model").select_option(adapter)
    page.locator("#words").fill("I want a lamp")
    with page.expect_request("**/v1/chat/completions") as asked:
        page.keyboard.press("Enter")
    assert asked.value.post_data_json["model"] == adapter
    answered(page)
    assert page.locator(".card").count() == 5


def test_words_quicker_than_the_list_of_models_wait_for_it(server, visit):
    page = visit(server.url)
    page.locator("#starters button").first.wait_for()
    page.evaluate("localStorage.clear()")
    held = []
    page.route("**/v1/models", lambda route: held.append(route))
    with page.expect_request("**/v1/models"):
        page.reload()
    page.locator("#words").fill("I want a lamp")
    page.keyboard.press("Enter")
    page.locator(".turn.user").wait_for()
    with page.expect_request("**/v1/chat/completions") as asked:
        for route in held:
            route.continue_()
    assert asked.value.post_data_json["model"] == "genrec"
    answered(page)
    assert page.locator(".card").count() == 5


def test_the_page_fits_a_phone_in_the_dark_and_is_reached_by_keys(server, visit, tmp_path):
    page = visit(server.url, PHONE, color_scheme="dark", bypass_csp=True)
    page.locator("#starters button").first.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.type("I want a lamp")
    page.keyboard.press("Enter")
    answered(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 25, 26)"
    page.screenshot(path=tmp_path / "phone.png")
    check_axe(page)
    page.locator("#panel-toggle").focus()
    page.keyboard.press("Enter")
    assert page.locator("#panel").is_visible()
    check_axe(page)
    page.keyboard.press("Escape")
    assert not page.locator("#panel").is_visible()
    assert page.evaluate("document.activeElement.id") == "panel-toggle"
    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(250, 248, 244)"
