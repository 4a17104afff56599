"""Whatever a language model writes, the request is legal, supported by the message, and holds all the reader found."""

import json
from collections.abc import Mapping

import numpy as np
import pytest
from chat_worlds import MOVIES, shop_catalog, shown_session
from jsonschema import Draft202012Validator

from genrec.chat.model_reader import ModelReader, ReadingModel, reconcile, request_schema
from genrec.chat.requests import INTENTS
from genrec.chat.rules.reader import RuleReader
from genrec.chat.session import Session
from genrec.data.filters import Predicate
from genrec.prompting import Message
from genrec.workspace import Workspace

CATALOG = shop_catalog()
READER = RuleReader(CATALOG)
MESSAGES = (
    "a red lamp under 40, not striped",
    "the ceramic ones always break, so something sturdier for 30",
    "hm",
    "like the second but blue",
    "any brand is fine",
    "what's the weather?",
)
NOTHING = {"intent": "recommend", "wishes": [], "taken_back": [], "shown": [], "latest": 0, "query": ""}


class Scripted:
    """A model that says what it is told to."""

    def __init__(self, **claims: object) -> None:
        self.answer: object = {**NOTHING, **claims}

    def read(self, message: Message, schema: object, *, max_new_tokens: int) -> object:
        return self.answer


def wish(attribute: str, operator: str, value: str | float) -> dict[str, object]:
    return {"attribute": attribute, "operator": operator, "value": value}


def understood(text: str, session: Session | None = None, **claims: object):
    model = Scripted(**claims)
    reader = ModelReader(model, READER, max_new_tokens=64)
    return reader.read(text, Session() if session is None else session)


@pytest.mark.parametrize("catalog", [CATALOG, MOVIES], ids=["shop", "movies"])
def test_the_schema_is_one_and_holds_the_catalogs_values(catalog):
    schema = request_schema(RuleReader(catalog).lexicon)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid(NOTHING)
    first = catalog.items[0]
    for name, value in first.attributes.items():
        operator = "<=" if isinstance(value, float) else "="
        entry = wish(name, operator, value[0] if isinstance(value, tuple) else value)
        assert validator.is_valid({**NOTHING, "wishes": [entry]}), name
        assert not validator.is_valid({**NOTHING, "wishes": [{**entry, "value": "no such value"}]})
    assert not validator.is_valid({**NOTHING, "wishes": [wish("horsepower", "=", "red")]})


def test_what_the_reader_overlooks_the_model_can_add():
    text = "our wooden one broke, ceramic would be better"
    assert not any(w.value == "wood" for w in READER.read(text, Session()).where)
    read = understood(text, wishes=[wish("material", "!=", "wood")])
    assert Predicate(attribute="material", operator="=", value="ceramic") in read.where


def test_a_value_or_number_that_was_not_said_is_dropped():
    claims = [wish("color", "=", "red"), wish("price", "<=", 35.0), wish("brand", "!=", "Zaza")]
    assert understood("something nice for the kitchen", wishes=claims).where == ()
    said = understood("thirty five coins is what I have for zaza", wishes=[wish("price", "<=", 35.0)])
    assert Predicate(attribute="price", operator="<=", value=35.0) in said.where


def test_the_reader_is_never_contradicted():
    text = "a purple lamp, no wait, a pink one, under 40"
    read = READER.read(text, Session())
    claims = [wish("color", "=", "purple"), wish("color", "!=", "pink"), wish("price", "<", 400.0)]
    assert understood(text, wishes=claims, intent="reset", taken_back=["color", "price"]) == read


def test_wishes_are_taken_back_only_where_they_stand_and_are_spoken_of():
    session = Session()
    session.wish([Predicate(attribute="color", operator="=", value="red")], CATALOG)
    assert understood("the color bores me", session, taken_back=["color"]).dropped == ("color",)
    assert understood("that bores me", session, taken_back=["color"]).dropped == ()
    assert understood("the brand bores me", session, taken_back=["brand"]).dropped == ()


def test_items_are_spoken_of_only_by_numbers_that_are_said():
    session = shown_session(CATALOG)
    said = understood("go for two", session, intent="like", shown=[2, 4])
    assert said.refers_to in ((), (session.shown[1],))
    assert understood("hm", session, intent="like", shown=[2]).liked == ()


def test_an_intent_that_cannot_be_done_is_not_taken():
    for intent in INTENTS:
        read = understood("hm", Session(), intent=intent)
        assert read.intent not in (
            "show",
            "explain",
            "compare",
            "describe",
            "like",
            "dislike",
            "history",
            "reset",
            "browse",
        )


def test_an_answer_that_is_not_whole_adds_nothing():
    reader = ModelReader(Scripted(), READER, max_new_tokens=64)
    reader.model.answer = None
    for text in MESSAGES:
        assert reader.read(text, Session()) == READER.read(text, Session())


def random_claims(rng: np.random.Generator) -> dict[str, object]:
    values = [(name, value) for name in READER.lexicon.text_attributes for value in READER.lexicon.values[name]]
    wishes = [wish(*values[n][:1], ("=", "!=")[n % 2], values[n][1]) for n in rng.choice(len(values), 4)]
    wishes += [wish("price", ("<", ">=")[int(rng.integers(2))], float(rng.integers(1, 60)))]
    names = [*READER.lexicon.text_attributes, "price"]
    return {
        "intent": INTENTS[int(rng.integers(len(INTENTS)))],
        "wishes": wishes,
        "taken_back": [str(name) for name in rng.choice(names, 2)],
        "shown": [int(n) for n in rng.integers(1, 9, 2)],
        "latest": int(rng.integers(4)),
        "query": "sturdier bananas",
    }


@pytest.mark.parametrize("text", MESSAGES)
def test_of_any_claims_only_supported_ones_stay_and_nothing_read_is_lost(text: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(40):
        session = shown_session(CATALOG)
        session.wish([Predicate(attribute="brand", operator="=", value="Zaza")], CATALOG)
        read, claims = READER.read(text, session), random_claims(rng)
        got = reconcile(read, claims, session, READER.lexicon)
        assert set(read.where) <= set(got.where)
        assert set(read.dropped) <= set(got.dropped)
        assert set(read.refers_to) <= set(got.refers_to)
        assert set(got.query.split()) <= set(text.replace(",", "").split())
        for added in set(got.where) - set(read.where):
            said = f" {text.replace(',', ' ')} ".casefold()
            values = [str(added.value), f"{added.value:g}" if isinstance(added.value, float) else ""]
            known = [*values, *(f"{value}s" for value in values), "ceramic", "striped"]
            assert any(f" {value} " in said for value in known if value), added


class Recording:
    """A model whose answers are kept."""

    def __init__(self, model: ReadingModel) -> None:
        self.model = model
        self.answers: list[object] = []

    def read(self, message: Message, schema: Mapping[str, object], *, max_new_tokens: int) -> object:
        self.answers.append(self.model.read(message, schema, max_new_tokens=max_new_tokens))
        return self.answers[-1]


@pytest.mark.parametrize("text", MESSAGES[:2])
def test_the_tiny_model_writes_json_that_fits_and_harms_nothing(shop_recommender: Workspace, text: str) -> None:
    reader, model = RuleReader(shop_recommender.catalog), Recording(shop_recommender.client)
    model_reader = ModelReader(model, reader, max_new_tokens=320)
    session = shown_session(shop_recommender.catalog)
    got, read = model_reader.read(text, session), reader.read(text, session)
    assert len(model.answers) == 1
    if model.answers[0] is not None:
        Draft202012Validator(model_reader.schema).validate(model.answers[0])
        json.dumps(model.answers[0])
    assert set(read.where) <= set(got.where)
    assert got.intent in INTENTS
