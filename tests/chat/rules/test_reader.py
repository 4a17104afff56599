"""Plain words become exactly the wishes they state, over whatever attributes the catalog has."""

import subprocess
import sys

import numpy as np
import pytest
from chat_worlds import MOVIES, SHOP, shop_catalog, shown_session

from genrec.chat.lexicon import Lexicon
from genrec.chat.rules.reader import RuleReader
from genrec.chat.rules.references import MAX_CHUNKS, MAX_CUES
from genrec.chat.session import Session
from genrec.data.filters import Predicate
from genrec.schema import Catalog, Item
from genrec.shop import follow_up, request

CATALOG = shop_catalog()
READER, MOVIE_READER = RuleReader(CATALOG), RuleReader(MOVIES)


def wishes_of(reader: RuleReader, text: str, session: Session | None = None) -> set[str]:
    read = reader.read(text, session if session is not None else Session())
    return {
        f"{w.attribute} {w.operator} {'|'.join(w.value) if isinstance(w.value, tuple) else w.value}" for w in read.where
    }


def items_meeting(session: Session) -> list[str]:
    return [item.item_id for item in CATALOG if all(wish.holds(item) for wish in session.constraints)]


def test_requests_of_the_world_are_read_as_they_were_meant() -> None:
    rng = np.random.default_rng(3)
    ids = [item.item_id for item in CATALOG]
    for _ in range(150):
        session = Session(history=[ids[n] for n in rng.choice(len(ids), 5, replace=False)])
        target = SHOP.items[int(rng.integers(len(ids)))]
        meant = request(rng, item=target.attributes, num_history=5)
        read = READER.read(meant.text, session)
        assert read.intent == "recommend", meant
        assert read.query == "", meant
        assert read.refers_to == tuple(session.history[offset] for offset in sorted(meant.refers_to)), meant
        assert read.relation == meant.relation, meant
        session.wish(read.where, CATALOG)
        assert all(SHOP.satisfies(item_id, meant.where) for item_id in items_meeting(session)), meant
        shown = SHOP.item(target.item_id)
        session.show([shown.item_id])
        then = follow_up(rng, meant, shown.attributes)
        read = READER.read(then.text, session)
        assert read.intent == (then.intent if then.intent in ("show", "explain") else "recommend"), then
        session.take_back(read.dropped)
        session.wish(read.where, CATALOG)
        found = items_meeting(session)
        assert all(SHOP.satisfies(item_id, then.where) for item_id in found), then
        assert found or not any(SHOP.satisfies(item_id, then.where) for item_id in ids), then


@pytest.mark.parametrize(
    ("text", "wishes"),
    [
        ("red lamps under $40", {"color = red", "category = lamp", "price < 40.0"}),
        ("a lamp, not red, no stripes", {"category = lamp", "color != red", "pattern != striped"}),
        ("no red lamps", {"category = lamp", "color != red"}),
        ("red or blue vases", {"color = red|blue", "category = vase"}),
        ("neither red nor blue", {"color != red", "color != blue"}),
        ("not red but blue", {"color != red", "color = blue"}),
        ("wooden, without stripes or dots", {"material = wood", "pattern != striped", "pattern != dotted"}),
        ("anything except posters", {"category != poster"}),
        ("a strped mug", {"pattern = striped", "category = mug"}),
        ("GREY CLOCKS!!!", {"color = gray", "category = clock"}),
        ("a mug with a red accent", {"category = mug", "accent = red"}),
        ("a purple mug with a touch of red", {"category = mug", "color = purple", "accent = red"}),
        ("my sofa is blue, need a lamp", {"category = lamp"}),
        ("my kitchen walls are green and i want a red clock", {"category = clock", "color = red"}),
        ("I hate stripes", {"pattern != striped"}),
        (
            "I hate stripes, dots and metal. A lamp",
            {"pattern != striped", "pattern != dotted", "material != metal", "category = lamp"},
        ),
        ("can't stand wool, floral, pink", {"material != wool", "pattern != floral", "color != pink"}),
        ("I hate red, metal lamps please", {"color != red", "material = metal", "category = lamp"}),
        ("I don't like yellow and want a lamp", {"color != yellow", "category = lamp"}),
        ("no stripes and metal", {"pattern != striped", "material = metal"}),
        ("don't like them, vases instead", {"category = vase"}),
        ("a mug, and she hates black", {"category = mug", "color != black"}),
        ("I don’t like red", {"color != red"}),
        ("cool colors", {"warmth = cool"}),
        ("something warmer", {"warmth = warm"}),
        ("Oak & Fable chairs", {"brand = Oak & Fable", "category = chair"}),
        ("between twenty and thirty five", {"price >= 20.0", "price <= 35.0"}),
        ("from 40 to 20 bucks", {"price >= 20.0", "price <= 40.0"}),
        ("around 40", {"price >= 32.0", "price <= 48.0"}),
        ("40 quid ish", {"price >= 32.0", "price <= 48.0"}),
        ("posters with zig zags", {"category = poster", "pattern = zigzag"}),
        ("$1,200 or less", {"price <= 1200.0"}),
        ("34,50 € max", {"price <= 34.5"}),
        ("not more than 60", {"price <= 60.0"}),
        ("no less than 60", {"price >= 60.0"}),
        ("my budget is 25", {"price <= 25.0"}),
        ("two hundred at most", {"price <= 200.0"}),
        ("at most two hundred", {"price <= 200.0"}),
        ("less than 20, more than 10", {"price < 20.0", "price > 10.0"}),
        ("chairs for 4 people", {"category = chair"}),
        ("is it made of wood", {"material = wood"}),
        ("a clock, I'd rather not have plastic", {"category = clock", "material != plastic"}),
        ("bags, but leather is out of the question", {"category = bag", "material != leather"}),
        ("I'm not a fan of dots", {"pattern != dotted"}),
        ("I don't care for flowers", {"pattern != floral"}),
        ("a chair, but I'd rather it weren't red", {"category = chair", "color != red"}),
        ("I certainly don't want another mug", {"category != mug"}),
        ("blue is cool, pink is for babies", {"color = blue", "color != pink"}),
        ("red used to be my favorite, nowadays it's green", {"color = green"}),
        ("a lamp for my bedside table", {"category = lamp"}),
        ("posters for less than a tenner", {"category = poster", "price < 10.0"}),
        ("up to 300 in total, so 60 each", {"price <= 60.0"}),
        ("a bag that costs between fifty and ninety", {"category = bag", "price >= 50.0", "price <= 90.0"}),
        ("something to sit on", {"category = chair"}),
        ("a bag, blue with a second color of orange", {"category = bag", "color = blue", "accent = orange"}),
        ("boots, red with black on them", {"shape = boot", "color = red", "accent = black"}),
        ("a hand bag, spare me the pink", {"shape = handbag", "color != pink"}),
        ("these are too orange", {"color != orange"}),
        ("lamps. Plastic still not.", {"category = lamp", "material != plastic"}),
        ("plastic's fine by me but no metal", {"material != metal"}),
        ("it must not be black", {"color != black"}),
        ("wool or some other fabric", {"material = wool|fabric"}),
        ("I can stretch to ninety", {"price <= 90.0"}),
        ("my budget went up, I can do 150 now", {"price <= 150.0"}),
        ("He already has enough clocks.", {"category != clock"}),
        ("a gift for my dad, he likes old-fashioned things", {"style = retro"}),
        ("a burgundy bag", {"color = red", "category = bag"}),
        ("oak or stainless steel, no suede", {"material = wood|metal", "material != leather"}),
        ("stilettos in beige", {"shape = pump", "color = brown"}),
        ("my boots fell apart yesterday, so I need new ones", {"shape = boot"}),
        ("our old clock has finally died. Can you find another?", {"category = clock"}),
        ("my red lamp broke, it was lovely", set()),
        ("a vase for dried flowers", {"category = vase"}),
        ("a mug with flowers", {"category = mug", "pattern = floral"}),
        ("hi red lamps", {"color = red", "category = lamp"}),
        ("no, black", {"color = black"}),
        ("hmm no, light colours actually", {"color != black", "color != brown"}),
        ("a dark vase", {"color = black|brown", "category = vase"}),
        ("mugs, not too dark", {"color != black", "color != brown", "category = mug"}),
        ("a less busy poster", {"pattern = plain", "category = poster"}),
        ("what would 100 get me?", {"price <= 100.0"}),
        ("a clock to fit a minimalist kitchen", {"style = minimal", "category = clock"}),
        ("something for the wall", {"category = poster"}),
        ("mugs, the cheapest first", {"category = mug"}),
        ("I can't stretch past 140", {"price <= 140.0"}),
        ("chairs for around 70 each", {"category = chair", "price >= 56.0", "price <= 84.0"}),
        ("boots, yellow is out", {"shape = boot", "color != yellow"}),
        ("blue accents instead of red", {"accent = blue", "accent != red"}),
        ("anything by Norrvik? I love their mugs", {"category = mug", "brand = Norrvik"}),
        ("a light blue bag", {"color = blue", "category = bag"}),
        ("something to light up my desk", {"category = lamp"}),
        ("a red bag, or if you don't have that, a pink one", {"color = red|pink", "category = bag"}),
        ("less minimalist", {"style != minimal"}),
        ("the red mug that isn't ugly", {"color = red", "category = mug"}),
        ("a bag, nothing patterned", {"category = bag", "pattern = plain"}),
        ("a bag with a nice pattern", {"category = bag", "pattern != plain"}),
        ("heels that match a lavender dress", {"shape = pump"}),
        ("two chairs that go with a wooden table", {"category = chair"}),
    ],
)  # fmt: skip
def test_shop_wishes(text: str, wishes: set[str]) -> None:
    assert wishes_of(READER, text) == wishes


@pytest.mark.parametrize(
    ("text", "wishes"),
    [
        ("comedies from the 90s", {"genres = Comedy", "year >= 1990.0", "year <= 1999.0"}),
        ("a romantic comedy", {"genres = Romance", "genres = Comedy"}),
        ("drama or crime", {"genres = Drama|Crime"}),
        ("animated movies for kids", {"genres = Animation", "genres = Children's"}),
        ("sci-fi before 1980, not horror", {"genres = Sci-Fi", "year < 1980.0", "genres != Horror"}),
        ("science fiction since 1979", {"genres = Sci-Fi", "year >= 1979.0"}),
        ("a crime movie from the forties", {"genres = Crime", "year >= 1940.0", "year <= 1949.0"}),
        ("between 1990 and 1996", {"year >= 1990.0", "year <= 1996.0"}),
        ("not by Woody Allen", {"director != Woody Allen"}),
        ("with Woody Allen", {"actors = Woody Allen"}),
        ("something rated R", {"rated = R"}),
        ("film noir", {"genres = Film-Noir"}),
        ("from 1995", {"year = 1995.0"}),
        ("anything but horror, and nothing before 1980", {"genres != Horror", "year >= 1980.0"}),
        ("not made after 1980", {"year <= 1980.0"}),
    ],
)
def test_movie_wishes(text: str, wishes: set[str]) -> None:
    assert wishes_of(MOVIE_READER, text) == wishes


def test_a_price_is_not_understood_where_items_have_none() -> None:
    read = MOVIE_READER.read("a comedy under 40 dollars, cheaper", shown_session(MOVIES))
    assert {"under 40 dollars", "cheaper"} <= set(read.not_understood)
    assert [w.attribute for w in read.where] == ["genres"]


def test_comparatives_measure_against_what_was_shown() -> None:
    session = shown_session(CATALOG)
    prices = [float(CATALOG[i].attributes["price"]) for i in session.shown]
    assert wishes_of(READER, "cheaper", session) == {f"price < {min(prices)}"}
    assert wishes_of(READER, "too cheap, something fancier", session) == {f"price > {max(prices)}"}
    assert wishes_of(READER, "cheaper than the second one", session) == {f"price < {prices[1]}"}


def test_comparatives_measure_against_the_first_where_too_little_lies_beyond_all() -> None:
    session = shown_session(CATALOG)
    first = float(CATALOG[session.shown[0]].attributes["price"])
    assert wishes_of(READER, "a bit cheaper", session) == {f"price < {first}"}
    cheapest = sorted(CATALOG, key=lambda item: float(item.attributes["price"]))[:4]
    session.show([*session.shown, cheapest[0].item_id])
    assert wishes_of(READER, "cheaper", session) == {f"price < {first}"}
    shown = shown_session(MOVIES).shown
    assert wishes_of(MOVIE_READER, "newer", shown_session(MOVIES)) == {f"year > {MOVIES[shown[0]].attributes['year']}"}


def test_not_too_expensive_turns_nothing_else_down() -> None:
    found = wishes_of(READER, "a lamp with warm colors and not too expensive.")
    assert {"category = lamp", "warmth = warm"} < found
    assert any(wish.startswith("price <=") for wish in found)


def test_cheap_without_a_list_is_the_lower_third_of_what_fits() -> None:
    read = READER.read("a cheap mug", Session())
    bound = next(wish for wish in read.where if wish.attribute == "price")
    mugs = [item for item in CATALOG if item.attributes["category"] == "mug"]
    share = sum(bound.holds(mug) for mug in mugs) / len(mugs)
    assert 0.2 < share < 0.45


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


def test_to_go_with_is_not_to_be_like() -> None:
    session = shown_session(CATALOG)
    assert READER.read("I would like a mug that goes with my last one", session).relation == "goes_with"


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("why?", "explain"),
        ("why did you pick the second one", "explain"),
        ("show me", "show"),
        ("show me the second one", "show"),
        ("can I see it?", "show"),
        ("what does it look like? draw it", "show"),
        ("show me what 2 would look like", "show"),
        ("show me red lamps", "recommend"),
        ("show me pricier ones", "recommend"),
        ("show me more", "recommend"),
        ("I like the second one", "like"),
        ("like 3", "like"),
        ("loved the first! more", "like"),
        ("I want the third one", "like"),
        ("dislike 2", "dislike"),
        ("I don't like the first", "dislike"),
        ("not the second one", "dislike"),
        ("like the second one but in blue", "recommend"),
        ("ok the second then. what would it look like in my room?", "show"),
        ("which of those has the best price", "describe"),
        ("how big is the second one", "describe"),
        ("is the third one made of plastic", "describe"),
        ("how much does a lamp cost?", "browse"),
        ("do they make chairs as well?", "recommend"),
        ("yes the 1st! thanks", "like"),
        ("show me what's new", "recommend"),
        ("undo that", "recommend"),
        ("rugs, curtains?", "browse"),
        ("hello", "greet"),
        ("good morning!", "greet"),
        ("hello, I want a lamp", "recommend"),
        ("Hey there, good morning!", "greet"),
        ("hi Anna, how are you?", "greet"),
        ("hi lamps", "recommend"),
        ("evening!", "greet"),
        ("number 2 is gorgeous, love it", "like"),
        ("thanks a lot", "thanks"),
        ("great thanks a bunch", "thanks"),
        ("cool", "thanks"),
        ("help", "help"),
        ("what did I tell you so far?", "recall"),
        ("What have I said?", "recall"),
        ("what did i like?", "recall"),
        ("what do you know about me", "recall"),
        ("what do you know of my taste?", "recall"),
        ("what are my wishes now?", "recall"),
        ("and what's my history?", "recall"),
        ("show me my likes", "recall"),
        ("which filters are on?", "recall"),
        ("remind me what I asked for", "recall"),
        ("recap please", "recall"),
        ("what did I like? show me more of these", "recommend"),
        ("something like what I chose", "recommend"),
        ("start over", "reset"),
        ("forget everything", "reset"),
        ("what's the weather like today?", "other"),
        ("who are you?", "other"),
        ("tell me a joke", "other"),
        ("when do you open on sundays", "other"),
        ("who won the match last night", "other"),
        ("whats number two like?", "describe"),
        ("is the second made of wood?", "describe"),
        ("does the 3rd have a warm tone?", "describe"),
        ("is it made of wood?", "describe"),
        ("is it made of wood", "describe"),
        ("the third is nice but is it made of wood", "describe"),
        ("does it come in blue?", "recommend"),
        ("is that your cheapest?", "recommend"),
        ("is it ok to return things?", "other"),
        ("do you have gift cards?", "other"),
        ("not keen on the 1st one", "dislike"),
        ("cheers mate", "thanks"),
        ("That's a shame. Thanks anyway, goodbye!", "thanks"),
        ("You're very kind.", "thanks"),
        ("thank you, you've been a great help :)", "thanks"),
        ("Shame. Well, thank you ever so much for your help, bye!", "thanks"),
        ("You're a star, that's a great list", "thanks"),
        ("Not bad at all, you're good at this!", "thanks"),
        ("not nice", "other"),
        ("never used one of these, how does it work?", "help"),
        ("cna i see a pic of the secnd", "show"),
        ("what made you pick the last one?", "explain"),
        ("the first and the third look the same, what's different?", "compare"),
        ("oh wow, I'm in love with the first pair", "like"),
        ("I can't stand any of these", "dislike"),
        ("scrap all of it, let's start from zero", "reset"),
        ("What a lovely shop you have.", "thanks"),
        ("And now, what do you know about me?", "recall"),
        ("Remind me, what did I ask you to avoid?", "recall"),
        ("do you know what I like?", "recall"),
        ("Can I return an item if I don't like it?", "other"),
        ("Who should I vote for in the next election?", "other"),
        ("do you like music?", "other"),
        ("You already showed me these.", "recommend"),
        ("she's 6", "recommend"),
        ("It's for a girl but we don't want pink", "recommend"),
        ("it is possible to see the number two?", "show"),
        ("can you sort them by price?", "recommend"),
        ("more", "recommend"),
        ("surprise me", "recommend"),
        ("whats trending", "recommend"),
        ("", "other"),
        ("🙂", "other"),
    ],
)
def test_intents(text: str, intent: str) -> None:
    assert READER.read(text, shown_session(CATALOG)).intent == intent


@pytest.mark.parametrize(
    ("text", "wishes", "query"),
    [
        ("i bought a red lamp last week, anything that would go with it?", set(), "red lamp"),
        ("I just got a red lamp and want something to match", set(), "red lamp"),
        ("I have a red lamp, what chair would match it", {"category = chair"}, "red lamp"),
        ("what chairs under 30 go with my red lamp?", {"category = chair", "price < 30.0"}, "red lamp"),
    ],
)
def test_what_one_has_is_what_the_wanted_is_near_to(text: str, wishes: set[str], query: str) -> None:
    assert wishes_of(READER, text) == wishes
    assert READER.read(text, Session()).query == query


def test_greetings_and_occasions_describe_no_item() -> None:
    text = "hiya, im looking for a birthday present for my sister, she likes yellow stuff"
    assert READER.read(text, Session()).query == ""


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


@pytest.mark.parametrize(
    ("text", "dropped"),
    [
        ("any brand is fine", ("brand",)),
        ("forget the price", ("price",)),
        ("the colour doesn't matter", ("color",)),
        ("I don't care about the budget", ("price",)),
        ("no price limit", ("price",)),
        ("money is no object", ("price",)),
        ("it doesn't have to be red", ("color",)),
        ("forget the stripes", ("pattern",)),
        ("any brand but Halden", ()),
    ],
)
def test_wishes_are_taken_back(text: str, dropped: tuple[str, ...]) -> None:
    read = READER.read(text, shown_session(CATALOG))
    assert read.dropped == dropped
    assert all(w.attribute not in dropped for w in read.where)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("We just moved and the hallway looks rather bare, so a poster, something plain and not too bright", ""),
        ("I was wondering whether you might happen to have something retro", ""),
        ("My grandmother turns 90 and adores flowers", ""),
        ("it must be comfortable, a green chair", "comfortable"),
        ("a lamp with tassels and fringes", "tassels fringes"),
        ("something cosy", "cosy"),
        ("which chairs are comfy?", "comfy"),
        ("something rustic, earthy, please", "earthy"),
        ("I need a lamp, my living room is so dark", ""),
        ("a present for my mother in law", ""),
        ("tassels and fringes", "tassels fringes"),
    ],
)
def test_stories_around_a_wish_are_not_searched_for(text: str, query: str) -> None:
    assert READER.read(text, Session()).query == query


@pytest.mark.parametrize(
    ("text", "missing", "query"),
    [
        ("a mug for my sister and a bowl for me", ("bowl",), ""),
        ("I need a bowl", ("bowl",), "bowl"),
        ("a cozy lamp", (), "cozy"),
        ("a lamp for a nursery", (), "nursery"),
        ("rugs, curtains or lamps?", ("rugs", "curtains"), ""),
    ],
)
def test_kinds_that_the_catalog_lacks_are_told(text: str, missing: tuple[str, ...], query: str) -> None:
    read = READER.read(text, Session())
    assert (read.missing, read.query) == (missing, query)


def test_of_two_values_one_can_be_taken_back() -> None:
    session = Session(constraints=[Predicate(attribute="category", operator="=", value=("lamp", "poster"))])
    read = READER.read("let's forget about the lamp", session)
    assert read.where == (Predicate(attribute="category", operator="=", value="poster"),)
    session.constraints = list(read.where)
    again = READER.read("let's forget about the lamp", session)
    assert (again.intent, again.dropped, again.where) == ("recommend", (), ())


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


def test_other_words_stay_as_the_query() -> None:
    assert READER.read("a cozy lamp for reading at night", Session()).query == "cozy reading night"
    assert READER.read("red lamp please", Session()).query == ""


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("give me the three cheapest vases", 3),
        ("show me two red lamps", 2),
        ("can you suggest 4 options?", 4),
        ("show me 2", None),
        ("show me two in blue", None),
        ("chairs for two", None),
        ("like 3 and 4", None),
    ],
)
def test_how_many_are_asked_for(text: str, limit: int | None) -> None:
    assert READER.read(text, shown_session(CATALOG)).limit == limit


@pytest.mark.parametrize(
    ("text", "wishes", "later"),
    [
        ("I need a red mug and a blue vase", {"color = red", "category = mug"}, ("a blue vase",)),
        ("a wooden chair plus a lamp under 80", {"material = wood", "category = chair", "price < 80.0"}, ("a lamp",)),
        (
            "a red mug, a blue vase and a wooden clock",
            {"color = red", "category = mug"},
            ("a blue vase", "a wooden clock"),
        ),
        ("red mugs and blue vases", {"color = red", "category = mug"}, ("blue vases",)),
        ("a black mug and a vase in blue", {"color = black", "category = mug"}, ("a vase in blue",)),
        ("red mugs and vases", {"color = red", "category = mug|vase"}, ()),
        ("a lamp and a chair in red", {"category = lamp|chair", "color = red"}, ()),
        ("a red mug and a blue one", {"color = red|blue", "category = mug"}, ()),
    ],
)
def test_things_that_cannot_be_in_one_list_wait(text: str, wishes: set[str], later: tuple[str, ...]) -> None:
    assert wishes_of(READER, text) == wishes
    assert READER.read(text, Session()).later == later


def test_titles_that_are_strung_together_do_not_wait() -> None:
    mug = next(item for item in CATALOG if item.attributes["category"] == "mug")
    vase = next(
        i for i in CATALOG if i.attributes["category"] == "vase" and i.attributes["color"] != mug.attributes["color"]
    )
    read = READER.read(f"I recently bought {mug.title} and {vase.title}", Session())
    assert read.liked == (mug.item_id, vase.item_id)
    assert read.later == ()


def test_of_a_color_that_is_wished_no_other_shade_is_known() -> None:
    session = Session(constraints=[Predicate(attribute="color", operator="=", value="red")])
    read = READER.read("darker please", session)
    assert not read.where
    assert read.not_understood == ("darker",)
    session.constraints = [Predicate(attribute="color", operator="=", value="black")]
    assert wishes_of(READER, "that's too dark", session) == {"color != black", "color != brown"}


@pytest.mark.parametrize(
    "text",
    [
        "which one would you pick?",
        "what's your favourite of these",
        "I can't decide",
        "which of the last two do you recommend?",
    ],
)
def test_advice_is_among_what_was_shown(text: str) -> None:
    shown = [item.item_id for item in CATALOG][:3]
    read = READER.read(text, Session(shown=shown, seen=shown))
    assert (read.intent, read.is_advice) == ("explain", True)
    assert len(read.refers_to) == 1
    assert not READER.read(text, Session()).is_advice


def test_things_turned_down_that_no_word_of_the_catalog_names_are_told() -> None:
    assert READER.read("blue mugs with no animals on them", Session()).refused == ("animals",)
    assert READER.read("blue mugs, no stripes", Session()).refused == ()
    assert READER.read("we have no stairs, show me a blue mug", Session()).refused == ()


def test_a_bound_that_stands_can_be_changed_by_its_number_alone() -> None:
    at_most = Session(constraints=[Predicate(attribute="price", operator="<", value=50.0)])
    assert wishes_of(READER, "make that 60", at_most) == {"price < 60.0"}
    at_least = Session(constraints=[Predicate(attribute="price", operator=">=", value=50.0)])
    assert wishes_of(READER, "make it 60, please", at_least) == {"price >= 60.0"}
    assert wishes_of(READER, "make that 60", Session()) == {"price <= 60.0"}


def test_words_that_say_more_than_a_value_go_on_describing() -> None:
    assert READER.read("a burgundy bag", Session()).query == "burgundy"
    assert READER.read("ankle boots", Session()).query == "ankle"
    assert READER.read("a violet bag, no oak", Session()).query == ""
    own = Catalog(items=tuple(Item(item_id=c, title=c, attributes={"color": c}) for c in ("red", "burgundy")))
    read = RuleReader(own).read("something burgundy", Session())
    assert wishes_of(RuleReader(own), "something burgundy") == {"color = burgundy"}
    assert read.query == ""


def test_nothing_of_the_shop_is_hard_coded() -> None:
    wines = [("Merlot", "dry"), ("Riesling", "sweet"), ("Shiraz", "dry"), ("Malbec", "medium")]
    catalog = Catalog(
        items=tuple(
            Item(item_id=g, title=f"Wine {n}", attributes={"grape": g, "sweetness": s, "weight": 1.0 + n})
            for n, (g, s) in enumerate(wines)
        )
    )
    reader = RuleReader(catalog)
    assert wishes_of(reader, "a dry merlot, not sweet") == {"grape = Merlot", "sweetness = dry", "sweetness != sweet"}
    assert wishes_of(reader, "weight under 3") == {"weight < 3.0"}
    assert wishes_of(reader, "dryer than that, any grape") == {"sweetness = dry"}
    assert wishes_of(reader, "sweeter rieslings") == {"sweetness = sweet", "grape = Riesling"}


def test_odd_messages_are_read_quickly_and_never_fail() -> None:
    session = shown_session(CATALOG)
    for text in (
        "like " + "1" * 400 + "x",
        "a " * 2000,
        "'\"“(",
        "((((",
        "{{ x }}",
        "%s %d \\d+",
        "不 红色",
        "not " * 300,
        "<" * 99,
    ):
        assert READER.read(text, session).intent


def test_values_join_only_where_they_exclude_each_other() -> None:
    read = MOVIE_READER.read("action and crime, with Al Pacino or Tom Hanks", Session())
    assert Predicate(attribute="actors", operator="=", value=("Al Pacino", "Tom Hanks")) in read.where
    assert {w.value for w in read.where if w.attribute == "genres"} == {"Action", "Crime"}


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


def test_messages_are_read_without_a_model_library() -> None:
    code = "import sys, genrec.chat.rules.reader; print(*{'torch', 'transformers'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
