"""A session remembers, changes its mind, and survives a restart."""

import json
from pathlib import Path

import pytest
from chat_worlds import shop_catalog, shown_session

from genrec.chat.session import ChatMessage, Session
from genrec.data.filters import Predicate
from genrec.errors import InputError

CATALOG = shop_catalog()


def wish(attribute: str, operator: str, value: str | float | tuple[str, ...]) -> Predicate:
    return Predicate(attribute=attribute, operator=operator, value=value)  # type: ignore[arg-type]


def test_a_session_survives_a_restart(tmp_path: Path) -> None:
    session = shown_session(CATALOG)
    session.messages.append(ChatMessage(role="user", text="red or blue, “like my last” — ünder 40 🙂"))
    session.wish([wish("color", "=", ("red", "blue")), wish("price", "<", 40.0), wish("brand", "!=", "Zaza")], CATALOG)
    session.like(session.shown[:1])
    session.dislike(session.shown[1:2])
    session.remember_wishes()
    session.save(tmp_path / "deep" / "session.json")
    assert Session.load(tmp_path / "deep" / "session.json") == session


def test_a_missing_file_is_a_new_session_and_a_foreign_one_is_refused(tmp_path: Path) -> None:
    assert Session.load(tmp_path / "none.json") == Session()
    for number, text in enumerate(("", "[]", "{}", '{"format": 99}', '{"format": 1, "messages": 3}')):
        path = tmp_path / f"{number}.json"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match="does not hold a chat session"):
            Session.load(path)


def test_wishes_are_written_as_attribute_operator_and_value() -> None:
    session = Session(constraints=[wish("color", "=", ("red", "blue")), wish("price", "<", 40.0)])
    written = json.loads(session.to_json())
    assert written["constraints"] == [
        {"attribute": "color", "operator": "=", "value": ["red", "blue"]},
        {"attribute": "price", "operator": "<", "value": 40.0},
    ]
    assert Session.from_json(json.dumps(written)) == session
    written["constraints"][0]["operator"] = "like"
    with pytest.raises(InputError, match=r"not a chat session .*'like' is unknown"):
        Session.from_json(json.dumps(written))


def test_a_new_wish_takes_the_place_of_the_old_one() -> None:
    session = Session()
    session.wish([wish("color", "=", "red"), wish("price", "<", 40.0)], CATALOG)
    session.wish([wish("color", "=", "blue")], CATALOG)
    session.wish([wish("price", "<=", 20.0)], CATALOG)
    assert session.constraints == [wish("color", "=", "blue"), wish("price", "<=", 20.0)]
    session.wish([wish("color", "!=", "blue")], CATALOG)
    assert session.constraints == [wish("price", "<=", 20.0), wish("color", "!=", "blue")]


def test_bounds_stand_together_unless_they_exclude_each_other() -> None:
    session = Session()
    session.wish([wish("price", ">", 20.0)], CATALOG)
    session.wish([wish("price", "<", 40.0)], CATALOG)
    assert len(session.constraints) == 2
    session.wish([wish("price", "<", 10.0)], CATALOG)
    assert session.constraints == [wish("price", "<", 10.0)]


def test_a_color_gives_way_to_the_opposite_warmth_and_nothing_else_does() -> None:
    session = Session()
    session.wish([wish("category", "=", "lamp"), wish("color", "=", "blue")], CATALOG)
    assert session.wish([wish("warmth", "=", "warm")], CATALOG) == [wish("color", "=", "blue")]
    assert session.constraints == [wish("category", "=", "lamp"), wish("warmth", "=", "warm")]
    assert session.wish([wish("price", "<", 0.5)], CATALOG) == []


def test_wishes_are_taken_back_by_attribute_or_all() -> None:
    session = Session()
    session.wish([wish("color", "=", "red"), wish("price", "<", 40.0), wish("brand", "!=", "Zaza")], CATALOG)
    assert session.take_back(["price"]) == [wish("price", "<", 40.0)]
    assert len(session.take_back(["*"])) == 2
    assert session.constraints == []


def test_likes_join_the_history_and_dislikes_leave_it() -> None:
    session = shown_session(CATALOG)
    before, item = list(session.history), session.shown[2]
    session.like([item, item])
    assert session.history == [*before, item]
    session.dislike([item])
    assert (session.history, session.liked, session.disliked) == (before, [], [item])
    session.dislike(before[:1])
    assert session.history == before
    session.like([item])
    assert (session.liked, session.disliked) == ([item], before[:1])


def test_items_that_left_the_catalog_leave_the_session() -> None:
    session = shown_session(CATALOG)
    session.history.append("gone")
    session.shown.append("gone")
    session.focus = "gone"
    assert session.drop_unknown(CATALOG) == ["gone"]
    assert "gone" not in session.history + session.shown
    assert session.focus is None
