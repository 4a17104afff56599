"""Conversations made from a catalog hold by that catalog, in four languages, and are none of the reader's own lines."""

import re
import tomllib
from importlib import resources

import pytest
from films import films

from genrec.bench.talk.catalog_grammar import make_conversations
from genrec.bench.talk.form import EXAMPLE, Unanswerable, scripts_of
from genrec.bench.talk.telling import LANGUAGES, Material
from genrec.schema import Catalog, Item
from genrec.workspace import Workspace

TASKS = {
    "wish", "negation", "alternatives", "change of mind", "bounds", "comparison", "judgement by place", "like by title",
    "find by title", "person", "fact by title", "fact by place", "count", "extreme", "unknown word",
}  # fmt: skip


def made(catalog, language, count=64, seed=7):
    return make_conversations(Material(catalog), count, language, seed)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_task_is_made_of_a_catalog_that_has_its_matter(language):
    catalog = films(6)
    conversations = made(catalog, language)
    assert {turn["task"] for talk in conversations for turn in talk["turns"]} == TASKS
    shown = [item.item_id for item in catalog][:5]
    for script in scripts_of({"conversation": conversations}, catalog, 7, source="a test"):
        for number, entry in enumerate(script.turns):
            turn = script.next_turn(number, (), shown)
            assert "{" not in turn.say
            if turn.where is not None and entry["task"] != "comparison":
                assert turn.where.mask(catalog).any(), entry
            for wanted in (*turn.first, *turn.shows):
                assert wanted.mask(catalog).any(), entry


def test_the_shop_and_the_films_are_asked_in_their_own_words(shop_recommender: Workspace):
    talk = made(shop_recommender.catalog, "en")
    said = " ".join(turn["say"] for entry in talk for turn in entry["turns"])
    assert "lamps" in said
    assert "{" not in said
    assert made(shop_recommender.catalog, "en") == talk
    assert made(shop_recommender.catalog, "en", seed=8) != talk


def test_counts_and_extremes_are_the_catalogs():
    catalog = films(6)
    for entry in made(catalog, "en", 128):
        turn = entry["turns"][-1]
        if turn["task"] == "count":
            assert int(turn["says"]) in {6 * n for n in (1, 2, 3, 4)}
        if turn["task"] == "unknown word":
            assert not any(turn["says"] in item.text for item in catalog)


def test_a_catalog_without_kinds_makes_none():
    assert made(Catalog(items=(Item(item_id="a", title="Alpha Beta", text="x"),)), "en") == []


def test_places_where_nothing_was_shown_are_unanswerable():
    catalog = films(6)
    placed = [talk for talk in made(catalog, "en") if talk["turns"][-1]["task"] == "fact by place"]
    (script, *_) = scripts_of({"conversation": placed}, catalog, 7, source="a test")
    with pytest.raises(Unanswerable):
        script.next_turn(1, (), ())


def test_no_wording_is_a_line_that_the_reader_was_trained_on():
    lines = [
        line
        for file in resources.files("genrec.foundation").joinpath("talk_lines").iterdir()
        if file.name.endswith(".talk")
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    trained = {_bare(re.sub(r"\[([^|\]]*)\|[^\]]*\]", "*", line.partition(": ")[2])) for line in lines}
    wordings = tomllib.loads(EXAMPLE.with_name("wordings.toml").read_text(encoding="utf-8"))
    ours = {
        _bare(re.sub(r"\{\w+\}", "*", text))
        for table in wordings.values()
        for texts in table.values()
        for text in texts
    }
    assert len(trained) > 1000
    assert not {text for text in ours & trained if text.replace("*", "").strip()}


def _bare(text: str) -> str:
    return " ".join(re.findall(r"\w+|\*", text.casefold()))
