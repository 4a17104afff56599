"""What is false of items is found: values, numbers, titles, counts of others; what is true passes."""

from dataclasses import replace

import numpy as np
import pytest
from films import films, lexicon_of

from genrec.bench.talk.truth import Moment, Truth
from genrec.chat.conversation import Conversation, ItemCard, Reply
from genrec.chat.requests import ChatRequest, Extreme, Question
from genrec.chat.session import Session
from genrec.data.filters import Predicate
from genrec.schema import Evidence
from genrec.workspace import Workspace

HISTORIES = [["f0-0", "f1-0"], ["f0-0", "f2-0", "f1-0"], ["f1-0", "f0-0"]]


@pytest.fixture(scope="module")
def truth() -> Truth:
    vectors = np.eye(8, dtype=np.float32)
    vectors[1], vectors[6] = vectors[0], vectors[5]
    return Truth(films(), lexicon_of(films()), HISTORIES, vectors)


def card(item_id, reason="", *evidence):
    return ItemCard(item=films()[item_id], price=None, reason=reason, evidence=evidence)


def claim(kind, source, text):
    return Evidence(kind=kind, source=source, claim=text, weight=0.0)


@pytest.mark.parametrize(
    ("item_id", "evidence", "holds"),
    [
        ("f1-0", claim("history", "f0-0", "it is a crime film by Michael Mann, like Heat (1995)"), True),
        ("f1-0", claim("history", "f0-0", "it is by Ridley Scott, like Heat (1995)"), False),
        ("f2-0", claim("history", "f0-0", "it is by Ridley Scott, like Heat (1995)"), False),
        ("f1-0", claim("history", "f2-0", "it is by Michael Mann, like Alien (1979)"), False),
        ("f1-0", claim("neighbor", "f0-0", "it was chosen by 2 people after Heat (1995)"), True),
        ("f1-0", claim("neighbor", "f0-0", "it was chosen by 3 people after Heat (1995)"), False),
        ("f1-0", claim("neighbor", "f0-0", "it is close to Heat (1995) in looks and words"), True),
        ("f5-0", claim("neighbor", "f0-0", "it is close to Heat (1995) in looks and words"), False),
        ("f1-0", claim("attribute", "year", "it is from 2004"), True),
        ("f1-0", claim("attribute", "year", "it is from 2005"), False),
        ("f1-0", claim("attribute", "popularity", "it was chosen by 3 people"), True),
        ("f1-0", claim("attribute", "genres", "it is a horror film"), False),
    ],
)
def test_claims_hold_by_the_catalog_and_the_events(truth, item_id, evidence, holds):
    history = ["f0-0"] if evidence.source == "f0-0" else ["f0-0", "f3-0"]
    assert truth.holds(item_id, history, evidence) == holds


def test_what_is_usual_is_counted(truth):
    usual = claim("attribute", "minutes", "it runs 120 minutes, within the 109 to 135 usual for you")
    assert truth.holds("f1-0", ["f4-0", "f5-0", "f7-0"], usual)
    assert not truth.holds("f1-0", ["f0-0", "f6-0"], usual)


@pytest.mark.parametrize(
    "reason",
    [
        "A thriller by Ridley Scott.",
        "From 2005.",
        "By Michael Mann, as you asked.",
        "It goes with what you chose: by Michael Mann.",
        "In the spirit of Lady Bird (2017).",
        "By the director of …....",
    ],
)
def test_reasons_say_nothing_of_others(truth, reason):
    evidence = (claim("attribute", "director", "it is directed by Michael Mann"),)
    assert truth.unsupported("f1-0", "A crime thriller by Michael Mann, from 2004.", evidence) == []
    assert truth.unsupported("f1-0", reason, evidence)


def moment_of(wishes=(), seen=()):
    session = Session(constraints=list(wishes), seen=list(seen))
    return Moment.of(session, films())


CRIME = Predicate(attribute="genres", operator="=", value="Crime")


def listed(text, *item_ids, **kept):
    request = ChatRequest(text="", intent="recommend", where=(CRIME,))
    return Reply(text=text, request=request, items=tuple(map(card, item_ids)), **kept)


@pytest.mark.parametrize(
    ("reply", "is_true"),
    [
        (listed("Here are 2 for you (genres Crime):", "f0-0", "f1-0"), True),
        (listed("Here are 3 for you (genres Crime):", "f0-0", "f1-0"), False),
        (listed("Here are 2 for you (genres Crime):", "f0-0", "f2-0"), False),
        (listed("Here are 2 for you (genres Crime, year under 2000):", "f0-0", "f1-0"), False),
        (listed("Here are 2 for you, like Lady Bird (2017):", "f0-0", "f1-0"), False),
        (
            listed(
                "Nothing more meets all your wishes, so I left out genres Crime; these come nearest. "
                "Here is one for you:",
                "f2-0",
                relaxed=(CRIME,),
            ),
            False,
        ),
        (listed("Nothing new meets your wishes, so these were shown before. Here is one for you:", "f0-0"), False),
    ],
)
def test_lists_are_what_they_are_said_to_be(truth, reply, is_true):
    assert (truth.falsehoods(reply, moment_of([CRIME])) == []) == is_true


def asked(text, question, *item_ids, intent="describe", shown=None):
    request = ChatRequest(text="", intent=intent, refers_to=item_ids, question=question)
    return Reply(text=text, request=request, items=tuple(map(card, item_ids if shown is None else shown)))


@pytest.mark.parametrize(
    ("reply", "is_true"),
    [
        (asked("Heat (1995) is directed by Michael Mann.", Question(attributes=("director",)), "f0-0"), True),
        (asked("Heat (1995) is directed by Ridley Scott.", Question(attributes=("director",)), "f0-0"), False),
        (asked("Heat (1995) is from 1996.", Question(attributes=("year",)), "f0-0"), False),
        (asked("Yes: Heat (1995) is a crime film.", Question(conditions=(CRIME,)), "f0-0"), True),
        (asked("No: Heat (1995) is a thriller.", Question(conditions=(CRIME,)), "f0-0"), False),
        (asked("There are 3 items (genres Crime).", Question(scope=(CRIME,), is_count=True), intent="browse"), True),
        (asked("There are 4 items (genres Crime).", Question(scope=(CRIME,), is_count=True), intent="browse"), False),
        (
            asked(
                "There are 2 director (genres Crime): Michael Mann (2), Ridley Scott (1).",
                Question(scope=(CRIME,), attributes=("director",)),
                intent="browse",
            ),
            True,
        ),
        (
            asked(
                "There are 2 director (genres Crime): Michael Mann (1), Ridley Scott (2).",
                Question(scope=(CRIME,), attributes=("director",)),
                intent="browse",
            ),
            False,
        ),
        (asked("Year is from 1979 to 2019.", Question(attributes=("year",)), intent="browse"), True),
        (asked("Year is from 1980 to 2019.", Question(attributes=("year",)), intent="browse"), False),
        (
            asked(
                "Heat (1995) is the newest of these 2: it is from 1995.",
                Question(extreme=Extreme(attribute="year", is_most=True)),
                "f0-0",
                "f1-0",
                shown=("f0-0",),
            ),
            False,
        ),
    ],
)
def test_answers_are_counted_again(truth, reply, is_true):
    assert (truth.falsehoods(reply, moment_of(seen=reply.request.refers_to)) == []) == is_true


def test_cards_are_what_the_catalog_holds(truth):
    reply = listed("Here is one for you (genres Crime):", "f0-0")
    for wrong in (
        replace(reply.items[0], price=3.0),
        replace(reply.items[0], item=replace(reply.items[0].item, title="Cold")),
        replace(reply.items[0], item=replace(reply.items[0].item, item_id="no-such-item")),
    ):
        assert truth.falsehoods(replace(reply, items=(wrong,)), moment_of([CRIME]))


def test_the_shop_says_the_truth_and_a_changed_reply_does_not(shop_recommender: Workspace):
    talk, truth = Conversation(shop_recommender, Session(), num_shown=3), Truth.of(shop_recommender)
    talk.follow(next(iter(shop_recommender.interactions.user_bounds())))
    before = Moment.of(talk.session, shop_recommender.catalog)
    reply = talk.say("blue things under 90")
    moment = before.after(talk.session, reply, shop_recommender.catalog)
    assert reply.is_list
    assert truth.falsehoods(reply, moment) == []
    first, *rest = reply.items
    other = next(item for item in shop_recommender.catalog if item.attributes["color"] == "red")
    for wrong in (
        replace(first, reason=f"{first.reason} It costs 3."),
        replace(first, item=other, price=other.price, reason="", evidence=()),
        replace(first, reason=f"Like {other.title}."),
    ):
        assert truth.falsehoods(replace(reply, items=(wrong, *rest)), moment)
