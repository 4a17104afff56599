"""What a message wants done is told from its words, the strongest first."""

import pytest
from chat_worlds import shown_session
from rule_readers import CATALOG, READER

from genrec.chat.session import Session


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
