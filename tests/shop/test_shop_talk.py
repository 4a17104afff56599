"""Claims about the demo shop's language: whatever is said is true, and the truth is said."""

import re

import numpy as np
import pytest

from genrec.errors import FilterError, InputError
from genrec.shop.requests import ShopRequest, follow_up, request
from genrec.shop.talk import Cause, caption, description, reason, title
from genrec.shop.vocabulary import ALL_DOMAINS, BRANDS, COLORS, PATTERNS, STYLES, sample_attributes, satisfies


def _says(text: str, word: object) -> bool:
    return re.search(rf"\b{re.escape(str(word))}", text, re.IGNORECASE) is not None


def _colors_said(text: str) -> set[str]:
    return {color for color in COLORS if _says(text, color)}


def test_titles_and_descriptions_name_kind_and_color_and_no_other_color() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        look = sample_attributes(rng, ALL_DOMAINS)
        for text in (title(look, rng), description(look, rng)):
            assert _says(text, look["color"])
            assert _colors_said(text.replace("gray day", "")) <= {look["color"], look["accent"]}
        assert _says(title(look, rng), look["category"]) or look["category"] in ("bag", "chair")


def test_descriptions_are_sentences_and_vary() -> None:
    rng = np.random.default_rng(1)
    look = sample_attributes(rng)
    texts = {description(look, rng) for _ in range(200)}
    assert len(texts) > 100
    assert all(2 <= text.count(".") <= 3 and text[0].isupper() and " a o" not in text for text in texts)


@pytest.mark.parametrize("fields", [("color",), ("pattern", "category"), ("color", "accent", "category"), ("style",)])
def test_captions_say_exactly_the_fields_asked_for(fields: tuple[str, ...]) -> None:
    rng = np.random.default_rng(2)
    for _ in range(100):
        look = sample_attributes(rng)
        text = caption(look, rng, fields)
        assert all(_says(text, look[field]) for field in fields if field != "accent")
        assert _says(text, look["category"]) == ("category" in fields)
        assert any(_says(text, style) for style in STYLES) == ("style" in fields)
        assert ("accent" in fields or "pattern" in fields) or not any(_says(text, word) for word in PATTERNS)


def test_captions_refuse_fields_they_cannot_say() -> None:
    look = sample_attributes(np.random.default_rng(0))
    with pytest.raises(InputError, match="price"):
        caption(look, np.random.default_rng(0), ("price",))


def _assert_said(asked: ShopRequest) -> None:
    for name, value in asked.change.items():
        said = f"{value:g}" if isinstance(value, float) else str(value)
        assert _says(asked.text, said), (asked.text, name, value)


def test_every_constraint_of_a_request_is_said_and_its_item_meets_it() -> None:
    rng = np.random.default_rng(3)
    for _ in range(500):
        look = sample_attributes(rng)
        asked = request(rng, item=look, num_history=3)
        _assert_said(asked)
        assert satisfies(look, asked.where)
        forbidden = {str(asked.where.get("color")), str(asked.where.get("not_color"))}
        assert _colors_said(asked.text) <= forbidden
        assert {brand for brand in BRANDS if brand in asked.text} <= {
            asked.where.get("brand"),
            asked.where.get("not_brand"),
        }


def test_requests_refer_to_as_many_items_as_they_say() -> None:
    rng = np.random.default_rng(4)
    counts = set()
    for _ in range(300):
        asked = request(rng, num_history=2)
        counts.add(len(asked.refers_to))
        assert len(asked.refers_to) <= 2
        assert (" two" in asked.text) == (asked.refers_to == (-1, -2))
        assert (asked.relation is None) == (not asked.refers_to)
        assert not request(rng, num_history=0).refers_to
    assert counts == {0, 1, 2}


def test_follow_ups_change_what_they_say() -> None:
    rng = np.random.default_rng(5)
    shown = sample_attributes(rng)
    before = request(rng, item=shown)
    cheaper = follow_up(rng, before, shown, "cheaper")
    assert not satisfies(shown, cheaper.where)
    assert cheaper.where["max_price"] < shown["price"]
    assert not satisfies(shown, follow_up(rng, before, shown, "not_brand").where)
    blue = follow_up(rng, before, shown, "color")
    assert _says(blue.text, blue.where["color"])
    assert blue.where["color"] != shown["color"]
    show = follow_up(rng, before, shown, "show")
    assert (show.intent, dict(show.where)) == ("show", dict(before.where))


def test_follow_ups_never_contradict_themselves() -> None:
    rng = np.random.default_rng(6)
    for _ in range(500):
        shown = sample_attributes(rng)
        after = follow_up(rng, request(rng, item=shown), shown)
        for field in ("color", "brand"):
            assert after.where.get(field, "") != after.where.get(f"not_{field}")
        assert after.where.get("min_price", 0.0) <= after.where.get("max_price", 1e9)
        if "color" in after.where and "warmth" in after.where:
            assert COLORS[str(after.where["color"])].warmth == after.where["warmth"]


def test_constraints_with_an_unknown_name_are_refused() -> None:
    with pytest.raises(FilterError, match="size"):
        satisfies(sample_attributes(np.random.default_rng(0)), {"size": "small"})


def test_reasons_name_their_causes_in_order_and_vary() -> None:
    rng = np.random.default_rng(7)
    causes = [
        Cause(kind="same_color", value="red", source="mug-0001", weight=2.0),
        Cause(kind="brand", value="Zaza", source=None, weight=1.0),
        Cause(kind="price", value=12.5, source=None, weight=0.5),
        Cause(kind="popular", value="", source=None, weight=0.2),
    ]
    texts = {reason(causes, rng, {"mug-0001": "tall red mug"}) for _ in range(100)}
    assert len(texts) > 50
    for text in texts:
        assert text.index("your tall red mug") < text.index("Zaza")
        assert "price" in text
        assert "popular" not in text
    with pytest.raises(InputError, match="no cause"):
        reason([], rng)
