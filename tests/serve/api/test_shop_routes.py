"""What a shop's own programs ask: recommendations, items, feedback, people."""

import base64
import io
import json
import sys
from pathlib import Path

import pytest
from PIL import Image
from serve_worlds import data_url, encoded, scopes_of

import genrec
from genrec.data.filters import parse_filter
from genrec.serve.api import shop_routes


def recommended(server, **body):
    answer = server.post("/v1/recommendations", **body)
    assert answer.status_code == 200, answer.text
    return [entry["item_id"] for entry in answer.json()["recommendations"]]


def tell(server, person, item, kind, **more):
    answer = server.post("/v1/feedback", user=person, item=item, kind=kind, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_recommendations_are_the_librarys(server, shop):
    history = shop.history_of("user-00003")
    lamp, vase = (next(i.item_id for i in shop.catalog if i.attributes["category"] == c) for c in ("lamp", "vase"))
    for body, arguments in (
        ({"user": "user-00003"}, {"history": history}),
        ({"history": list(history[:3]), "k": 4}, {"history": history[:3], "k": 4}),
        ({"user": "user-00003", "where": "price < 40", "k": 60}, {"history": history, "where": "price < 40", "k": 60}),
        (
            {"user": "user-00003", "like": [lamp], "unlike": [vase]},
            {"history": history, "like": [lamp], "unlike": [vase]},
        ),
        ({"history": [], "query": "a warm red lamp"}, {"history": [], "query": "a warm red lamp"}),
        ({"user": "user-00003", "exclude_history": False}, {"history": history, "exclude_history": False}),
    ):
        answer = server.post("/v1/recommendations", **body).json()
        expected = shop.recommend(**arguments)
        assert [entry["item_id"] for entry in answer["recommendations"]] == [entry.item_id for entry in expected]
        scores = [entry["score_nats"] for entry in answer["recommendations"]]
        assert scores == pytest.approx([entry.score_nats for entry in expected], abs=1e-3)
        first = answer["recommendations"][0]
        assert first["semantic_id"] == list(expected[0].semantic_id)
        assert first["price"] == shop.catalog[first["item_id"]].attributes["price"]


def test_reasons_come_when_asked_for(server, shop):
    answer = server.post("/v1/recommendations", user="user-00003", k=2, explain=True).json()
    for entry in answer["recommendations"]:
        assert entry["explanation"]["text"]
        assert entry["explanation"]["evidence"]
    assert "explanation" not in server.post("/v1/recommendations", user="user-00003", k=1).json()["recommendations"][0]


def test_feedback_changes_the_next_recommendation_at_once(server, shop):
    first, *_ = before = recommended(server, user="stranger", k=5)
    tell(server, "stranger", first, "dislike")
    assert recommended(server, user="stranger", k=5) == [
        entry.item_id for entry in shop.recommend(history=[], disliked=[first], k=5)
    ]
    assert first not in recommended(server, user="stranger", k=40)
    liked = next(item.item_id for item in shop.catalog if item.attributes["category"] == "clock")
    tell(server, "stranger", liked, "like")
    answer = server.post("/v1/recommendations", user="stranger", k=5).json()
    assert answer["history"] == [liked]
    assert [entry["item_id"] for entry in answer["recommendations"]] == [
        entry.item_id for entry in shop.recommend(history=[liked], disliked=[first], k=5)
    ]
    tell(server, "stranger", first, "undo")
    tell(server, "stranger", liked, "undo")
    assert recommended(server, user="stranger", k=5) == before


def test_what_a_history_dislikes_is_given_beside_it_and_stands_in_for_a_person_s_own(server, shop):
    chosen, hated = shop.catalog.items[0].item_id, shop.catalog.items[1].item_id
    wanted = [entry.item_id for entry in shop.recommend(history=[chosen], disliked=[hated], k=5)]
    assert recommended(server, history=[chosen], disliked=[hated], k=5) == wanted
    assert hated not in recommended(server, history=[chosen], disliked=[hated], k=40)
    only = f"item_id = '{hated}'"
    assert recommended(server, history=[chosen], where=only, k=1) == [hated]
    tell(server, "averse", hated, "dislike")
    assert recommended(server, user="averse", disliked=[], where=only, k=1) == [hated]
    answer = server.post("/v1/recommendations", history=[chosen], disliked=["nothing", hated], k=5).json()
    assert answer["unknown"] == ["nothing"]
    assert [entry["item_id"] for entry in answer["recommendations"]] == wanted


def test_feedback_sent_twice_is_one_event(server, shop):
    item = shop.catalog.items[0].item_id
    first = tell(server, "twice", item, "like", event_id="e-twice")
    assert tell(server, "twice", item, "like", event_id="e-twice") == first
    assert len(server.store.events_of("twice")) == 1
    other = server.post("/v1/feedback", user="twice", item=item, kind="dislike", event_id="e-twice")
    assert other.status_code == 400
    assert "was used for another event" in other.json()["error"]["message"]


def test_unknown_items_of_a_history_are_named_and_the_rest_is_used(server, shop):
    known = shop.catalog.items[0].item_id
    answer = server.post("/v1/recommendations", history=["nothing", known], k=1).json()
    assert (answer["history"], answer["unknown"]) == ([known], ["nothing"])


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"user": "u", "history": []}, 400, "both a user and a history"),
        ({"history": ["nothing"]}, 404, "'nothing'"),
        ({"where": "prize < 3"}, 400, "'prize'"),
        ({"where": "price < 0"}, 400, "no item is left"),
        ({"where": "(" * 400}, 400, "filter"),
        ({"where": "x" * 501}, 400, "at most 500"),
        ({"k": 0}, 400, "k: "),
        ({"k": 101}, 400, "k: "),
        ({"k": "3"}, 400, "k: "),
        ({"k": 1e300}, 400, "k: "),
        ({"user": ""}, 400, "user: "),
        ({"user": "a\x00"}, 400, "null character"),
        ({"user": "a" * 257}, 400, "user: "),
        ({"history": ["a"] * 501}, 400, "history: "),
        ({"image": "http://127.0.0.1/x.png"}, 400, "nothing is fetched"),
        ({"model": "other"}, 404, "there are: genrec"),
    ],
)
def test_wrong_use_gets_one_clear_line(server, body, status, message):
    answer = server.post("/v1/recommendations", **body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert message in error["message"]
    assert "\n" not in error["message"]


def test_one_request_that_cannot_be_answered_spoils_no_batch(server):
    from concurrent.futures import ThreadPoolExecutor

    bodies = [{"user": "user-00003", "k": 2}, {"where": "price < 0"}] * 6
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda body: server.post("/v1/recommendations", **body).status_code, bodies))
    assert answers == [200, 400] * 6


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"k": NaN}',
        b'{"k": Infinity}',
        b'{"user": "\\ud800"}',
        b'{"history": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"k": ' + b"9" * 5_000 + b"}",
    ],
)
def test_bodies_that_are_no_sound_json_are_refused(server, content):
    answer = server.http.post("/v1/recommendations", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_items_are_paged_filtered_and_shown_without_paths(server, shop):
    pages = []
    while True:
        page = server.http.get("/v1/items", params={"where": "price < 40", "limit": 7, "offset": 7 * len(pages)}).json()
        pages.append(page)
        if not page["has_more"]:
            break
    shown = [item["id"] for page in pages for item in page["data"]]
    legal = parse_filter("price < 40").mask(shop.catalog)
    assert shown == [item.item_id for item, ok in zip(shop.catalog, legal, strict=True) if ok]
    assert {page["total"] for page in pages} == {len(shown)}
    assert str(shop.directory) not in str(pages)
    one = server.http.get(f"/v1/items/{shown[0]}").json()
    assert one == pages[0]["data"][0]
    assert one["attributes"] == dict(shop.catalog[shown[0]].attributes)
    picture = server.http.get(one["image"])
    assert picture.content == shop.catalog[shown[0]].image.read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "/v1/items/nothing",
        "/v1/items/nothing/image",
        "/v1/items/../../etc/passwd",
        "/v1/items/..%2f..%2f..%2fetc%2fpasswd/image",
        "/v1/items//etc/passwd/image",
        "/v1/visuals/..%2f..%2fstore.db",
        "/v1/visuals/nothing",
        "/v1/models/nothing",
        "/nothing",
    ],
)
def test_what_is_not_there_is_404_with_an_error_body(server, path):
    answer = server.http.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] in ("not_found", "model_not_found")


def test_a_method_that_is_not_there_is_405_with_an_error_body(server):
    answer = server.http.put("/v1/recommendations")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
    assert server.http.put("/v1/people/x").headers["allow"] == "DELETE, GET"


def test_a_person_is_exported_and_erased_everywhere(server, shop):
    item = shop.catalog.items[0].item_id
    fresh = recommended(server, user="leaver", k=3)
    tell(server, "leaver", item, "like")
    said = [{"role": "user", "content": "a red lamp"}]
    server.post("/v1/chat/completions", model="genrec", user="leaver", session="s-leaver", messages=said)
    server.post("/v1/chat/completions", model="genrec", user="leaver", messages=said)
    drawing = server.post("/v1/images/generations", user="leaver", item=item, response_format="url").json()
    link = drawing["data"][0]["url"]
    assert server.http.get(link).status_code == 200
    photo = [{"type": "image_url", "image_url": {"url": data_url(encoded())}}]
    server.post(
        "/v1/chat/completions", model="genrec", user="leaver", session="s-leaver",
        messages=[{"role": "user", "content": photo}],
    )  # fmt: skip
    record = server.http.get("/v1/people/leaver").json()
    assert [event["item_id"] for event in record["events"]] == [item]
    assert [session["session_id"] for session in record["sessions"]] == ["s-leaver"]
    (visual,) = record["visuals"]
    assert base64.b64decode(visual["picture"]) == server.http.get(link).content
    assert visual["record"]["title"] == shop.catalog[item].title
    (content,) = record["sessions"][0]["photos"].values()
    with Image.open(io.BytesIO(base64.b64decode(content))) as shown:
        assert shown.getpixel((3, 3))[0] > 200
    assert "a red lamp" in record["sessions"][0]["document"]
    for path in (shop.directory, Path(sys.prefix), Path(genrec.__file__).parent, Path.home(), Path("/tmp")):
        assert f"{path}/" not in json.dumps(record)
    assert server.http.delete("/v1/people/leaver").json() == {
        "events": 1, "sessions": 1, "photos": 1, "visuals": 1, "pending": None
    }  # fmt: skip
    assert not list((shop.directory / "visuals").glob(f"{visual['visual_id']}*"))
    assert server.http.get(link).status_code == 404
    empty = {"person": "leaver", "events": [], "sessions": [], "visuals": []}
    assert server.http.get("/v1/people/leaver").json() == empty
    assert recommended(server, user="leaver", k=3) == fresh


def test_each_route_needs_its_scope():
    assert scopes_of(shop_routes.router) == {
        ("POST", "/v1/recommendations"): "recommend",
        ("GET", "/v1/items"): "recommend",
        ("GET", "/v1/items/{item_id}/image"): None,  # browsers load pictures without a key
        ("GET", "/v1/items/{item_id}/video"): None,
        ("GET", "/v1/items/{item_id}/audio"): None,
        ("GET", "/v1/items/{item_id}"): "recommend",
        ("POST", "/v1/feedback"): "feedback",
        ("GET", "/v1/people/{person}"): "admin",
        ("DELETE", "/v1/people/{person}"): "admin",
    }


def test_items_cards_and_recommendations_say_how_they_are_sold(sold_server):
    server, lamp = sold_server
    shape = server.http.get(f"/v1/items/{lamp.item_id}").json()
    assert shape["link"] == "https://shop.example/lamp"
    assert (shape["price"], shape["price_upper"], shape["currency"]) == (lamp.price, 999.0, "EUR")
    assert (shape["availability"], shape["available"], shape["removed"]) == ("backorder", True, False)
    assert [variant["attributes"] for variant in shape["variants"]] == [{"size": "S"}, {"size": "L"}]
    assert shape["variants"][1]["availability"] == "out_of_stock"
    assert len(shape["images"]) == 3
    assert shape["images"][0] == shape["image"]
    asked = {"where": f"item_id = '{lamp.item_id}'", "history": [], "k": 1}
    (entry,) = server.post("/v1/recommendations", **asked).json()["recommendations"]
    sale = {name: shape[name] for name in ("price", "price_upper", "currency", "availability", "available", "link",
            "image", "images", "video", "audio", "variants")}  # fmt: skip
    assert {name: entry[name] for name in sale} == sale
    said = [{"role": "user", "content": f"Do you have {lamp.title}?"}]
    answer = server.post("/v1/chat/completions", model="genrec", messages=said).json()
    card = answer["genrec"]["cards"][0]  # what was asked for by its title comes first
    assert {name: card[name] for name in sale} == sale
    told = answer["choices"][0]["message"]["content"]
    assert "](https://shop.example/lamp)**" in told
    assert "–€999.00, back-order" in told
    assert "size S" in told
    assert f"[video]({server.url}" in told.replace("\u2060", "")


def test_every_picture_video_and_sound_of_an_item_is_sent(sold_server):
    server, lamp = sold_server
    shape = server.http.get(f"/v1/items/{lamp.item_id}").json()
    contents = [server.http.get(address).content for address in shape["images"]]
    assert contents == [path.read_bytes() for path in (lamp.image, *lamp.more_images)]
    video = server.http.get(shape["video"])
    assert (video.content, video.headers["content-type"]) == (lamp.video.read_bytes(), "video/mp4")
    assert "sandbox" in video.headers["content-security-policy"]
    assert shape["audio"] is None
    for path in ("audio", "image?n=4", "image?n=0"):
        answer = server.http.get(f"/v1/items/{lamp.item_id}/{path}")
        assert answer.status_code in (400, 404), path
        assert answer.json()["error"]["message"]


def test_a_variants_id_is_taken_for_its_item(sold_server):
    server, lamp = sold_server
    sku = lamp.offer.variants[0].variant_id
    assert server.http.get(f"/v1/items/{sku}").json()["id"] == lamp.item_id
    assert tell(server, "variant person", sku, "like")["item_id"] == lamp.item_id
    answer = server.post("/v1/recommendations", user="variant person", k=100).json()
    assert answer["history"] == [lamp.item_id]
    assert lamp.item_id not in [entry["item_id"] for entry in answer["recommendations"]]
    answer = server.post("/v1/recommendations", history=[sku, "ghost"], k=1).json()
    assert (answer["history"], answer["unknown"]) == ([lamp.item_id], ["ghost"])


def test_removed_items_are_told_of_but_not_listed(sold_server):
    server, _ = sold_server
    gone = server.engine.workspace.catalog.items[1]
    assert server.http.get(f"/v1/items/{gone.item_id}").json()["removed"] is True
    listed = server.http.get("/v1/items?limit=200").json()
    assert listed["total"] == len(server.engine.workspace.catalog) - 1
    assert gone.item_id not in [item["id"] for item in listed["data"]]
    assert gone.item_id not in recommended(server, history=[], k=100, where="category = lamp")


def test_sold_out_items_are_left_out_where_available_is_asked_for(sold_server):
    server, _ = sold_server
    sold_out = server.engine.workspace.catalog.items[2]
    assert sold_out.item_id in recommended(server, history=[], where="not available", k=100)
    assert sold_out.item_id not in recommended(server, history=[], where="available", k=100)
    listed = server.http.get("/v1/items", params={"where": "not available", "limit": 200}).json()
    assert [item["id"] for item in listed["data"]] == [sold_out.item_id]
    assert listed["data"][0]["available"] is False
