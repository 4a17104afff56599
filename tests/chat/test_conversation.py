"""A conversation meets wishes, keeps them, and says so when it cannot."""

from dataclasses import replace
from pathlib import Path

import pytest

from genrec.chat.conversation import Conversation, Reply
from genrec.chat.session import Session
from genrec.chat.wording import describe
from genrec.data.filters import Predicate
from genrec.data.labels import format_number
from genrec.errors import UnknownUser
from genrec.schema import Interactions
from genrec.shop import satisfies
from genrec.workspace import Workspace

NUM_PHOTOS = 24


@pytest.fixture
def conversation(shop_recommender: Workspace) -> Conversation:
    """A fresh conversation with a person of the shop, without reasons."""
    talk = Conversation(shop_recommender, num_shown=3, gives_reasons=False)
    talk.follow(next(iter(shop_recommender.interactions.user_bounds())))
    return talk


def looks(conversation: Conversation, reply: Reply) -> list[dict[str, str | float]]:
    catalog = conversation.recommender.catalog
    return [dict(catalog[card.item_id].attributes) for card in reply.items]


def test_wishes_last_over_turns(conversation: Conversation) -> None:
    first = conversation.say("mugs")
    assert first.items
    second = conversation.say("not red, under 30")
    assert second.items
    wanted = {"category": "mug", "not_color": "red", "max_price": 30.0}
    assert all(satisfies(look, wanted) for look in looks(conversation, second))
    third = conversation.say("forget the price")
    assert {wish.attribute for wish in conversation.session.constraints} == {"category", "color"}
    assert all(look["category"] == "mug" for look in looks(conversation, third))


def test_what_was_shown_is_not_shown_again(conversation: Conversation) -> None:
    first = {card.item_id for card in conversation.say("lamps").items}
    second = {card.item_id for card in conversation.say("more").items}
    assert first
    assert second
    assert not first & second


def test_disliked_items_never_return_and_likes_join_the_history(conversation: Conversation) -> None:
    shown = [card.item_id for card in conversation.say("vases").items]
    reply = conversation.say("I don't like the first one")
    assert shown[0] not in {card.item_id for card in reply.items}
    reply = conversation.say("vases again")
    assert shown[0] not in {card.item_id for card in reply.items}
    liked = reply.items[0].item_id
    conversation.say("I like the first one")
    assert conversation.session.history[-1] == liked


def test_nothing_fits_is_said_and_never_hidden(conversation: Conversation) -> None:
    conversation.gives_reasons = True
    reply = conversation.say("a chair under 2")
    assert reply.items
    assert [describe(wish) for wish in reply.relaxed] == ["price under 2"]
    assert "left out price under 2" in reply.text
    assert all(look["category"] == "chair" for look in looks(conversation, reply))
    assert all("under your" not in evidence.claim for card in reply.items for evidence in card.evidence)
    prices = sorted(
        float(item.attributes["price"])  # type: ignore[arg-type]
        for item in conversation.recommender.catalog
        if item.attributes["category"] == "chair" and item.item_id not in conversation.session.history
    )
    assert max(float(look["price"]) for look in looks(conversation, reply)) <= prices[2]  # type: ignore[arg-type]


@pytest.mark.parametrize("attribute", ["weight", "brand"])
def test_a_wish_that_the_catalog_cannot_compare_gives_way(conversation: Conversation, attribute: str) -> None:
    """As one that was kept before the catalog changed."""
    stale = Predicate(attribute=attribute, operator="<", value=3.0)
    conversation.session.constraints.append(stale)
    reply = conversation.say("a red lamp")
    assert reply.relaxed == (stale,)
    assert reply.items
    assert all(look["category"] == "lamp" for look in looks(conversation, reply))


def test_wishes_no_attribute_can_carry_are_admitted(conversation: Conversation) -> None:
    reply = conversation.say("something newer than that lamp")
    assert "“newer”" in reply.text


def test_reasons_are_shown_with_evidence(conversation: Conversation) -> None:
    conversation.gives_reasons = True
    reply = conversation.say("a bag under 200")
    assert all(card.reason and card.evidence and card.price is not None for card in reply.items)
    why = conversation.say("why the second one?")
    assert why.request.intent == "explain"
    assert [card.item_id for card in why.items] == [reply.items[1].item_id]
    assert why.text == why.items[0].why


def test_like_my_last_two_speaks_of_these_alone(conversation: Conversation) -> None:
    conversation.gives_reasons = True
    latest = conversation.session.history[-2:]
    reply = conversation.say("something like my last two, but warmer")
    assert conversation.session.refers_to == latest
    assert all(look["warmth"] == "warm" for look in looks(conversation, reply))
    evidence = [entry for card in reply.items for entry in card.evidence if entry.kind == "history"]
    assert evidence
    assert all(entry.source in latest for entry in evidence)


def test_a_new_person_types_a_history(shop_recommender: Workspace) -> None:
    talk = Conversation(shop_recommender, num_shown=2, gives_reasons=False)
    items = shop_recommender.catalog.items
    reply = talk.say(f"I loved {items[3].title} and {items[20].title.lower()}")
    assert talk.session.history == [items[3].item_id, items[20].item_id]
    assert len(reply.items) == 2


@pytest.mark.parametrize(
    ("text", "word"),
    [("hello", "Hello"), ("help", "category"), ("who are you?", "cannot"), ("why?", "Nothing was")],
)
def test_small_talk_needs_no_recommendation(shop_recommender: Workspace, text: str, word: str) -> None:
    reply = Conversation(shop_recommender).say(text)
    assert word in reply.text
    assert not reply.items


def test_what_was_said_and_judged_is_told_on_request(shop_recommender: Workspace) -> None:
    conversation = Conversation(shop_recommender, num_shown=3, gives_reasons=False)
    assert "I know nothing of you" in conversation.say("what did I tell you so far?").text
    shown = [card.title for card in conversation.say("red mugs under 90").items]
    conversation.say("I love the first one")
    conversation.say("not the second one")
    reply = conversation.say("what do you know about me?")
    assert not reply.items
    for part in ("category mug", "color red", "price under 90", f"chosen or liked {shown[0]}.", "refused "):
        assert part in reply.text
    liked = conversation.session.history[-1]
    conversation.follow(
        next(
            user
            for user in shop_recommender.interactions.user_bounds()
            if liked not in shop_recommender.history_of(user)
        )
    )
    count = len(conversation.session.history)
    assert f"chosen or liked {count} things, lately {shown[0]}, " in conversation.say("what did I choose?").text


def test_what_a_known_user_disliked_counts_unless_they_like_it_by_now(shop_recommender: Workspace) -> None:
    log = shop_recommender.interactions
    others = [item.item_id for item in shop_recommender.catalog if item.item_id not in log.history("user-00003")]
    judged = Interactions.sort(
        user_ids=[*log.user_ids, "user-00003", "user-00003"],
        item_ids=[*log.item_ids, *others[:2]],
        timestamps=[*log.timestamps, 2**33, 2**33],
        feedback=[*log.feedback, -1, -1],
    )
    talk = Conversation(Workspace(replace(shop_recommender.data, interactions=judged), shop_recommender.client))
    talk.session.like([others[0]])
    talk.follow("user-00003")
    assert talk.session.disliked == [others[1]]
    assert others[1] not in talk.session.history


def test_a_conversation_continues_after_a_restart(conversation: Conversation, tmp_path: Path) -> None:
    conversation.say("red chairs")
    conversation.session.save(tmp_path / "s.json")
    session = Session.load(tmp_path / "s.json")
    resumed = Conversation(conversation.recommender, session, num_shown=3, gives_reasons=False)
    assert resumed.session == conversation.session
    assert resumed.say("cheaper") == conversation.say("cheaper")


def test_a_new_person_is_asked_once_and_then_shown_things(shop_recommender: Workspace) -> None:
    talk = Conversation(shop_recommender, num_shown=3, gives_reasons=False)
    first = talk.say("I'm new here")
    assert not first.items
    assert first.text.count("?") == 1
    second = talk.say("just recommend me something")
    assert "?" not in second.text
    assert len(second.items) == 3


def test_what_is_known_of_a_person_spares_them_the_question(conversation: Conversation) -> None:
    assert conversation.say("recommend me something").items


def test_a_comparison_says_what_is_common_and_what_is_not(conversation: Conversation) -> None:
    shown = conversation.say("lamps").items
    reply = conversation.say("compare 1 and 3")
    first, third = (conversation.recommender.catalog[shown[place].item_id] for place in (0, 2))
    assert [card.item_id for card in reply.items] == [first.item_id, third.item_id]
    assert "category lamp" in reply.text.partition(f"{first.title}:")[0]
    told = reply.text.partition(f"{first.title}: ")[2].partition(f"{third.title}: ")
    for item, text in ((first, told[0]), (third, told[2])):
        assert format_number(float(item.attributes["price"])) in text  # type: ignore[arg-type]
    assert conversation.session.shown == [card.item_id for card in shown]


def test_one_item_is_described_by_what_the_catalog_says(conversation: Conversation) -> None:
    shown = conversation.say("chairs").items
    reply = conversation.say("is the second one dishwasher safe?")
    item = conversation.recommender.catalog[shown[1].item_id]
    assert reply.request.intent == "describe"
    assert all(str(value) in reply.text for value in item.attributes.values() if isinstance(value, str))


def test_a_photo_is_what_the_wanted_looks_like(shop_recommender: Workspace) -> None:
    catalog = shop_recommender.catalog
    kinds = {i.attributes["category"] for i in catalog if i.attributes["color"] == "red"}
    others = [i for i in catalog if i.attributes["color"] != "red" and i.attributes["category"] in kinds]
    photos = others[:: len(others) // NUM_PHOTOS][:NUM_PHOTOS]
    num_of_its_kind = 0
    for item in photos:
        talk = Conversation(shop_recommender, num_shown=2, gives_reasons=False)
        reply = talk.say("this, but red", image=item.image)
        assert reply.items
        assert all(look["color"] == "red" for look in looks(talk, reply))
        num_of_its_kind += item.attributes["category"] in [look["category"] for look in looks(talk, reply)]
    assert num_of_its_kind > 0.65 * NUM_PHOTOS  # two of five kinds by chance


def test_a_photo_lasts_until_it_is_let_go(shop_recommender: Workspace) -> None:
    talk = Conversation(shop_recommender, num_shown=2, gives_reasons=False)
    assert "your photo" in talk.say("this, but red", image=shop_recommender.catalog.items[0].image).text
    assert "your photo" in talk.say("under 1000").text
    talk.say("start over")
    assert talk.session.photo is None
    assert "your photo" not in talk.say("a lamp").text


def test_a_list_comes_before_its_reasons(conversation: Conversation) -> None:
    conversation.gives_reasons = True
    first, second = conversation.answer("mugs")
    assert [card.item_id for card in first.items] == [card.item_id for card in second.items]
    assert not any(card.reason for card in first.items)
    assert all(card.reason for card in second.items)


def test_a_value_that_is_fine_too_widens_the_wish(conversation: Conversation) -> None:
    conversation.say("a red mug, not striped, not dotted")
    conversation.say("blue works too")
    conversation.say("stripes are fine")
    wishes = {describe(wish) for wish in conversation.session.constraints}
    assert wishes == {"color red or blue", "category mug", "not pattern dotted"}


def test_a_refusal_is_taken_back_while_another_stands(conversation: Conversation) -> None:
    conversation.say("a mug, not black, not gray")
    conversation.say("black is fine too")
    wishes = {describe(wish) for wish in conversation.session.constraints}
    assert wishes == {"category mug", "not color gray"}


def test_dislike_of_all_is_remembered(conversation: Conversation) -> None:
    shown = {card.item_id for card in conversation.say("posters").items}
    reply = conversation.say("I dont like any of these")
    assert shown <= set(conversation.session.disliked)
    assert not shown & {card.item_id for card in reply.items}


def test_unknown_users_are_refused(shop_recommender: Workspace) -> None:
    with pytest.raises(UnknownUser):
        Conversation(shop_recommender).follow("nobody")


def test_questions_are_answered_without_a_new_list(conversation: Conversation) -> None:
    shown = [card.item_id for card in conversation.say("lamps").items]
    wishes = list(conversation.session.constraints)
    cheapest = conversation.say("which of these is the cheapest?")
    prices = {i: float(conversation.recommender.catalog[i].attributes["price"]) for i in shown}  # type: ignore[arg-type]
    assert {prices[card.item_id] for card in cheapest.items} == {min(prices.values())}
    below = conversation.say(f"are they all under {max(prices.values()):.0f}?")
    assert set(below.request.refers_to) == set(shown)
    counted = conversation.say("how many lamps do you have?")
    lamps = [i for i in conversation.recommender.catalog if i.attributes["category"] == "lamp"]
    assert counted.text == f"There are {len(lamps)} items (category lamp)."
    taken = conversation.say("I'll take the second. Is it wooden?")
    assert conversation.session.liked == [shown[1]]
    assert ("Yes: " in taken.text) == (conversation.recommender.catalog[shown[1]].attributes["material"] == "wood")
    assert conversation.session.shown == shown
    assert conversation.session.constraints == wishes
    assert not any(reply.is_list for reply in (cheapest, below, counted, taken))


def test_the_cheapest_come_first(conversation: Conversation) -> None:
    reply = conversation.say("your cheapest mugs please")
    mugs = [i for i in conversation.recommender.catalog if i.attributes["category"] == "mug"]
    prices = sorted(float(item.attributes["price"]) for item in mugs)  # type: ignore[arg-type]
    assert [card.price for card in reply.items] == prices[: len(reply.items)]


def test_of_an_armchair_that_is_not_there_a_chair_is_left(conversation: Conversation) -> None:
    catalog = conversation.recommender.catalog
    armchairs = [item for item in catalog if item.attributes["shape"] == "armchair"]
    missing = next(
        m
        for m in dict.fromkeys(str(item.attributes["material"]) for item in catalog)
        if not any(item.attributes["material"] == m for item in armchairs)
    )
    reply = conversation.say(f"an armchair made of {missing}")
    assert reply.relaxed
    assert {catalog[card.item_id].attributes["category"] for card in reply.items} == {"chair"}


def test_a_kind_that_is_not_sold_is_told(conversation: Conversation) -> None:
    asked = conversation.say("do you sell pianos?")
    assert "“pianos”" in asked.text
    assert not asked.items


def test_two_old_wishes_give_way_before_the_kind_that_is_asked_for_now(conversation: Conversation) -> None:
    catalog = conversation.recommender.catalog
    dearest = {
        kind: max(i.attributes["price"] for i in catalog if i.attributes["category"] == kind)
        for kind in dict.fromkeys(str(i.attributes["category"]) for i in catalog)
    }
    cheap = min(dearest, key=dearest.__getitem__)
    theirs = {item.attributes["brand"] for item in catalog if item.attributes["category"] == cheap}
    others = (item.attributes for item in catalog if item.attributes["price"] > dearest[cheap])
    brand = next(attributes["brand"] for attributes in others if attributes["brand"] not in theirs)
    conversation.say(f"something by {brand}")
    conversation.say(f"over {dearest[cheap]:.2f}")
    reply = conversation.say(f"show me {cheap}s")
    assert "brand" in {wish.attribute for wish in reply.relaxed}
    assert {catalog[card.item_id].attributes["category"] for card in reply.items} == {cheap}


def test_words_for_one_kind_are_not_said_of_another(conversation: Conversation) -> None:
    assert "“tea”" in conversation.say("a mug for tea").text
    assert "“tea”" in conversation.say("a red one").text
    assert "“tea”" not in conversation.say("do you have a chair").text


def test_the_kind_that_is_named_outweighs_one_that_a_shape_suggests(conversation: Conversation) -> None:
    catalog = conversation.recommender.catalog
    kinds_of = {item.attributes["shape"]: item.attributes["category"] for item in catalog}
    shape = next(shape for shape, kind in kinds_of.items() if kind == "mug")
    reply = conversation.say(f"a {shape} vase")
    assert [wish.attribute for wish in reply.relaxed] == ["shape"]
    assert {catalog[card.item_id].attributes["category"] for card in reply.items} == {"vase"}


def test_as_many_are_shown_as_are_asked_for(conversation: Conversation) -> None:
    kinds = [str(item.attributes["category"]) for item in conversation.recommender.catalog]
    kind = max(kinds, key=kinds.count)
    usual = conversation.retriever.num_shown
    assert len(conversation.say(f"show me two {kind}s").items) == 2 < usual
    assert len(conversation.say("more").items) == usual
    assert len(conversation.say(f"show me seven {kind}s").items) == 7
    assert len(conversation.say(f"the two cheapest {kind}s").items) == 2


def test_what_was_counted_is_what_they_are(conversation: Conversation) -> None:
    catalog = conversation.recommender.catalog
    assert "under 50" in conversation.say("how many bags do you have under 50?").text
    shown = [catalog[card.item_id].attributes for card in conversation.say("show them").items]
    assert all(attributes["category"] == "bag" and float(attributes["price"]) < 50 for attributes in shown)  # type: ignore[arg-type]


def test_the_last_wish_can_be_taken_back_as_a_whole(conversation: Conversation) -> None:
    conversation.say("a red mug under 30")
    conversation.say("rather blue, something cosy")
    conversation.say("undo that")
    assert [describe(wish) for wish in conversation.session.constraints] == [
        "color red",
        "category mug",
        "price under 30",
    ]
    assert conversation.session.query == ""
    assert "There is nothing to take back." in conversation.say("undo that").text


def test_a_word_that_was_searched_for_can_be_refused(conversation: Conversation) -> None:
    assert "“crazy”" in conversation.say("can you show me something crazy").text
    assert "crazy" not in conversation.say("lol too crazy").text


def test_the_span_of_prices_is_told(conversation: Conversation) -> None:
    prices = [
        float(item.attributes["price"])  # type: ignore[arg-type]
        for item in conversation.recommender.catalog
        if item.attributes["category"] == "chair"
    ]
    reply = conversation.say("what is the price range of your chairs?")
    assert f"from {min(prices):g} to {max(prices):g} (category chair)" in reply.text
    assert not reply.items


def test_a_question_of_one_more_value_claims_that_value_alone(conversation: Conversation) -> None:
    conversation.say("a red mug")
    assert conversation.say("is the first one blue as well?").text.startswith("No:")


def test_the_dearest_first_keeps_what_was_wished(conversation: Conversation) -> None:
    conversation.say("mugs under 10")
    reply = conversation.say("the most expensive ones first")
    prices = [look["price"] for look in looks(conversation, reply)]
    assert all(look["category"] == "mug" for look in looks(conversation, reply))
    assert prices == sorted(prices, reverse=True)
    assert prices[0] < 10


def test_how_many_there_are_is_counted_among_what_is_wished(conversation: Conversation) -> None:
    conversation.say("mugs under 10")
    count = sum(
        item.attributes["category"] == "mug" and item.attributes["price"] < 10
        for item in conversation.recommender.catalog
    )
    assert f" {count} " in conversation.say("how many are there?").text


LEFT = [
    "how many are left?",
    "how many do you still have?",
    "wie viele sind noch übrig?",
    "il en reste combien ?",
    "cuántas hay en stock?",
    "cuántos quedan?",
    "combien sont disponibles ?",
]


@pytest.mark.parametrize("text", LEFT)
def test_how_many_are_left_is_told_of_the_wishes_and_never_of_the_whole_catalog(
    conversation: Conversation, text: str
) -> None:
    unknown = "This catalog does not tell how many of each are left."
    assert conversation.say(text).text == unknown
    conversation.say("mugs under 10")
    count = sum(
        item.attributes["category"] == "mug" and item.attributes["price"] < 10
        for item in conversation.recommender.catalog
    )
    said = conversation.say(text).text
    assert said.endswith(unknown)
    assert f"There are {count} items (" in said


OTHER_COUNTS = [
    "how many customers do you have?",
    "how many have I seen?",
    "how many can I return?",
    "how many people bought this?",
    "how many did you show me?",
    "how many reviews do the red lamps have?",
    "combien de clients avez-vous ?",
    "combien en ai-je vu ?",
    "cuántas personas trabajan aquí?",
    "cuántos he visto ya?",
    "wie viele Mitarbeiter habt ihr?",
    "wieviele habe ich schon gesehen",
    "wie viele Kunden haben eine rote Lampe gekauft?",
]


@pytest.mark.parametrize("text", OTHER_COUNTS)
def test_the_size_of_the_catalog_answers_no_other_count(conversation: Conversation, text: str) -> None:
    said = conversation.say(text).text
    assert str(len(conversation.recommender.catalog)) not in said
    assert not said.startswith("There ")


BARE_COUNTS = [
    "how many do you have?",
    "how many products are in your catalog?",
    "wie viele Treffer sind das genau?",
    "combien d'articles avez-vous ?",
    "ça fait combien de résultats ?",
    "cuántos artículos hay en total?",
]


@pytest.mark.parametrize("text", BARE_COUNTS)
def test_a_count_of_items_is_the_size_of_the_catalog(conversation: Conversation, text: str) -> None:
    size = len(conversation.recommender.catalog)
    assert conversation.say(text).text == f"There are {size} items in the whole catalog."


def test_the_whole_catalog_is_counted_as_such_where_it_is_asked_for(conversation: Conversation) -> None:
    whole = f"There are {len(conversation.recommender.catalog)} items in the whole catalog."
    assert conversation.say("how many items do you have?").text == whole
    conversation.say("mugs under 10")
    assert conversation.say("how many items do you have in total?").text == whole


def test_of_these_is_counted_among_these(conversation: Conversation) -> None:
    cards = conversation.say("lamps").items
    red = sum(card.item.attributes["color"] == "red" for card in cards)
    reply = conversation.say("how many of these are red?")
    assert set(reply.request.refers_to) == {card.item_id for card in cards}
    assert reply.text.startswith({0: f"None of the {len(cards)}: ", len(cards): "Yes, all "}.get(red, f"{red} of "))


@pytest.mark.parametrize("text", ["how many lamps without blue do you have?", "how many lamps are not blue?"])
def test_what_is_denied_is_not_counted(conversation: Conversation, text: str) -> None:
    lamps = [i for i in conversation.recommender.catalog if i.attributes["category"] == "lamp"]
    count = sum(item.attributes["color"] != "blue" for item in lamps)
    assert conversation.say(text).text == f"There are {count} items (category lamp, not color blue)."


def test_how_many_colors_there_are_is_told(conversation: Conversation) -> None:
    colors = {item.attributes["color"] for item in conversation.recommender.catalog}
    for text in ("how many colors are there?", "combien de couleurs avez-vous ?"):
        assert conversation.say(text).text.startswith(f"There are {len(colors)} colors")


def test_advice_names_one_of_the_shown_and_says_why(conversation: Conversation) -> None:
    shown = conversation.say("vases").items
    reply = conversation.say("which one would you take?")
    assert reply.text.startswith(f"I would take {shown[0].title}. ")
    assert conversation.session.focus == shown[0].item_id


@pytest.mark.parametrize("text", ["surprise me", "you choose", "Hmm, whatever you recommend", "anything goes"])
def test_whoever_takes_what_comes_is_asked_nothing(shop_recommender: Workspace, text: str) -> None:
    assert Conversation(shop_recommender, gives_reasons=False).say(text).is_list


@pytest.mark.parametrize("text", ["Anything goes for the colour", "any color is fine", "for the color, whatever"])
def test_what_is_open_is_the_attribute_that_is_named(conversation: Conversation, text: str) -> None:
    conversation.say("a red mug")
    conversation.say(text)
    assert [wish.attribute for wish in conversation.session.constraints] == ["category"]


@pytest.mark.parametrize("text", ["is the first one waterproof?", "is the second dishwasher safe?", "how heavy is it?"])
def test_what_no_attribute_tells_is_admitted(conversation: Conversation, text: str) -> None:
    conversation.say("vases")
    reply = conversation.say(text)
    assert reply.text.startswith("I found no field that answers this.")
    assert conversation.say("how many people own this?").request.intent != "browse"


def test_numbers_that_begin_a_sentence_are_judged(conversation: Conversation) -> None:
    shown = [card.item_id for card in conversation.say("chairs").items]
    conversation.say("1 and 3 are nice")
    assert conversation.session.liked == [shown[0], shown[2]]
    shown = [card.item_id for card in conversation.say("lamps").items]
    conversation.say("numbers 2 and 3 are ugly")
    assert conversation.session.disliked == shown[1:3]


def test_a_place_in_a_list_that_nobody_saw_is_admitted(shop_recommender: Workspace) -> None:
    reply = Conversation(shop_recommender, gives_reasons=False).say("something like the second one but in wood")
    assert "“second one”" in reply.text
    assert reply.is_list


def test_as_few_are_shown_as_are_asked_for_afterwards(conversation: Conversation) -> None:
    assert len(conversation.say("mugs").items) == 3
    assert len(conversation.say("only two").items) == 2


def test_what_was_shown_before_comes_once_more_when_it_is_asked_for_again(conversation: Conversation) -> None:
    blue = [card.item_id for card in conversation.say("blue mugs").items]
    conversation.say("make that green")
    again = conversation.say("show me the blue ones again")
    assert [card.item_id for card in again.items] == blue
    assert again.is_list
    assert again.text == "Once more, as shown before (color blue):"
    asked = conversation.say("what was the first one you showed?")
    assert [card.item_id for card in asked.items] == blue[:1]
    second = conversation.say("the second one again please")
    assert [card.item_id for card in second.items] == [conversation.session.seen[1]]


def test_several_things_are_answered_one_after_the_other_each_by_its_own_wishes(conversation: Conversation) -> None:
    reply = conversation.say("a blue mug and a wooden lamp")
    found = looks(conversation, reply)
    kinds = [look["category"] for look in found]
    assert kinds == sorted(kinds, key=["mug", "lamp"].index)
    assert set(kinds) == {"mug", "lamp"}
    assert all(look["color"] == "blue" for look in found if look["category"] == "mug")
    assert all(look["material"] == "wood" for look in found if look["category"] == "lamp")
    assert conversation.session.shown == [card.item_id for card in reply.items]
    later = conversation.say("and the lamp?")
    assert later.items
    assert {look["category"] for look in looks(conversation, later)} == {"lamp"}


def test_a_bound_for_several_things_holds_for_all(conversation: Conversation) -> None:
    reply = conversation.say("a mug and a vase under 40")
    assert {look["category"] for look in looks(conversation, reply)} == {"mug", "vase"}
    assert all(float(look["price"]) < 40 for look in looks(conversation, reply))


def test_alternatives_stay_one_wish(conversation: Conversation) -> None:
    assert conversation.say("a mug or a lamp").request.parts == ()


@pytest.mark.parametrize("text", ["what does a clock cost on average?", "was kostet eine Uhr im Durchschnitt?"])
def test_an_average_is_that_of_what_meets_the_scope(conversation: Conversation, text: str) -> None:
    catalog = conversation.recommender.catalog
    prices = [float(i.attributes["price"]) for i in catalog if i.attributes["category"] == "clock"]  # type: ignore[arg-type]
    mean = format_number(round(sum(prices) / len(prices), 2))
    assert f"{mean} on average" in conversation.say(text).text


def test_the_average_of_what_is_shown_is_that_of_these(conversation: Conversation) -> None:
    cards = conversation.say("lamps").items
    prices = [float(card.item.attributes["price"]) for card in cards]  # type: ignore[arg-type]
    reply = conversation.say("what do these cost on average?")
    assert f"is {format_number(round(sum(prices) / len(prices), 2))}, from" in reply.text


def test_what_no_value_is_called_is_not_counted(conversation: Conversation) -> None:
    reply = conversation.say("how many bikinis do you have?")
    assert reply.text == "No value here is called “bikinis”. So I cannot count that."


def test_what_the_text_of_an_item_says_is_quoted_and_nothing_else(conversation: Conversation) -> None:
    card = conversation.say("mugs").items[0]
    word = next(word for word in ("hand", "tea", "coffee", "morning") if word in card.item.text)
    told = conversation.say(f"does the first one have anything about {word}?")
    quoted = told.text.partition("“")[2].partition("”")[0]
    assert quoted == "" or quoted in card.item.text


@pytest.mark.parametrize("text", ["jag vill se en rolig vas", "vicces lámpát keresek ide", "cerco una borsa rossa"])
def test_a_message_in_no_language_for_sure_is_not_half_read(conversation: Conversation, text: str) -> None:
    assert conversation.say(text).request.intent == "unread"
    assert not conversation.session.constraints
