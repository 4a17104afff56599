"""Items are spoken of by place, by recency, as it, or by title."""

import pytest
from chat_worlds import MOVIES, shown_session
from rule_readers import CATALOG, MOVIE_READER, READER, wishes_of

from genrec.chat.lexicon import Lexicon
from genrec.chat.rules.reader import RuleReader
from genrec.chat.rules.references import MAX_CHUNKS, MAX_CUES
from genrec.chat.session import Session


def test_attribute_references_speak_of_the_item_in_focus() -> None:
    session = shown_session(CATALOG)
    first, second = (CATALOG[i].attributes for i in session.shown[:2])
    assert wishes_of(READER, "not that brand", session) == {f"brand != {first['brand']}"}
    assert wishes_of(READER, "that brand again", session) == {f"brand = {first['brand']}"}
    assert wishes_of(READER, "another color", session) == {f"color != {first['color']}"}
    assert wishes_of(READER, "the same brand as the second one", session) == {f"brand = {second['brand']}"}
    assert READER.read("not that brand", Session()).not_understood


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("why the third one?", (2,)),
        ("show me number 2", (1,)),
        ("more like the first", (0,)),
        ("compare the first 2", (0, 1)),
        ("the cheapest ones first", ()),
        ("the second one looks uncomfortable", (1,)),
        ("the last one", (4,)),
        ("like 3", (2,)),
        ("nr 3 looks great", (2,)),
        ("whats number two like?", (1,)),
        ("show me what 4 would look like", (3,)),
        ("I like 2 and 4", (1, 3)),
        ("draw it", (0,)),
        ("I hate them all", (0, 1, 2, 3, 4)),
        ("the 9th one", ()),
    ],
)
def test_places_in_the_list(text: str, places: tuple[int, ...]) -> None:
    session = shown_session(CATALOG)
    assert READER.read(text, session).refers_to == tuple(session.shown[place] for place in places)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("like my last two", 2),
        ("similar to the last three things I chose", 3),
        ("something like what I bought last", 1),
        ("like my three latest picks", 3),
        ("in the spirit of my last pick", 1),
        ("like the last couple of movies I watched", 2),
    ],
)
def test_the_latest_items_of_the_history(text: str, count: int) -> None:
    session = shown_session(CATALOG)
    read = READER.read(text, session)
    assert read.refers_to == tuple(session.history[-count:])
    assert read.relation == "like"


def test_a_history_that_is_not_there_is_admitted() -> None:
    read = READER.read("a lamp like my last two", Session())
    assert (read.refers_to, read.not_understood) == ((), ("my last two",))


@pytest.mark.parametrize(
    "text", ["I love my red lamp, what goes with it?", "what goes with my red lamp?", "I have a red lamp, more like it"]
)
def test_it_is_what_was_just_said_to_be_owned(text: str) -> None:
    read = READER.read(text, shown_session(CATALOG))
    assert read.intent == "recommend"
    assert read.query == "red lamp" or {wish.value for wish in read.where} == {"red", "lamp"}
    assert not read.refers_to
    assert not read.liked


def test_judgements_name_their_items() -> None:
    session = shown_session(CATALOG)
    assert READER.read("I love the second one", session).liked == (session.shown[1],)
    assert READER.read("hate it", session).disliked == (session.shown[0],)


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("I loved The Matrix and Fargo", {"2", "7"}),
        ("I have seen Toy Story, Heat and the godfather", {"1", "4", "3"}),
        ("i liked the matrx and shawshank redemption", {"2", "9"}),
        ("my favorites are You've Got Mail and annie hal", {"8", "5"}),
    ],
)
def test_a_new_person_types_a_history(text: str, titles: set[str]) -> None:
    read = MOVIE_READER.read(text, Session())
    assert (read.intent, set(read.liked)) == ("history", titles)


def test_titles_can_be_what_the_wanted_is_like() -> None:
    read = MOVIE_READER.read("something like Star Wars: Episode IV - A New Hope but newer", Session())
    assert (read.refers_to, read.relation) == (("10",), None)
    assert {f"{w.attribute} {w.operator} {w.value}" for w in read.where} == {"year > 1977.0"}
    assert MOVIE_READER.read("similar to Alien", Session()).refers_to == ("6",)
    assert MOVIE_READER.read('like "Gone With The Wind"', Session()).not_understood == ("gone with the wind",)


def test_a_whole_list_is_spoken_of_and_nothing_must_be_like_it() -> None:
    session = shown_session(CATALOG)
    assert READER.read("these are too expensive, up to 30", session).relation is None
    assert READER.read("more like these", session).relation == "like"
    assert READER.read("keep it below 30", session).relation is None


def test_titles_after_a_dislike_are_refused() -> None:
    first, second = [item for item in CATALOG if len(item.title.split()) >= 4 and "," not in item.title][:2]
    read = READER.read(f"I loved the {first.title}, but I hated the {second.title}.", Session())
    assert (read.intent, read.liked, read.disliked) == ("history", (first.item_id,), (second.item_id,))


def test_short_titles_can_be_judged_and_asked_for() -> None:
    read = MOVIE_READER.read("I hated Heat but loved Alien", Session())
    assert (read.intent, read.liked, read.disliked) == ("history", ("6",), ("4",))
    for text, item_id in (("is Fargo any good?", "7"), ("do you have The Matrix?", "2"), ("tell me about heat", "4")):
        read = MOVIE_READER.read(text, shown_session(MOVIES))
        assert (read.intent, read.refers_to) == ("describe", (item_id,))
    assert MOVIE_READER.read("what should I watch tonight?", Session()).intent == "recommend"
    assert MOVIE_READER.read("is heat a thing in summer for old people like me", Session()).refers_to == ()


@pytest.mark.parametrize("words", ["I don't like {}", "I hate the {}", "less like {}", "no more {}"])
def test_an_item_can_be_turned_down_by_its_title(words: str) -> None:
    item = next(item for item in CATALOG if len(item.title.split()) >= 4)
    read = READER.read(words.format(item.title), Session())
    assert (read.intent, read.disliked) == ("dislike", (item.item_id,))


class CountingLexicon(Lexicon):
    """A lexicon that finds no title, and counts how often one was looked for."""

    num_asked = 0

    def find_title(self, text: str) -> str | None:
        self.num_asked += 1
        return None


def test_one_message_asks_for_few_titles() -> None:
    reader = RuleReader(CATALOG)
    reader.lexicon = lexicon = CountingLexicon(CATALOG)
    reader.read("! how like tassels and fringes, wagons and trains " * 80, Session())
    assert 0 < lexicon.num_asked <= MAX_CUES * MAX_CHUNKS
