"""Suggestions of what to say next are understood, and something in the catalog meets them."""

from dataclasses import replace

import pytest

from genrec.chat.conversation import Conversation
from genrec.chat.lexicon import Lexicon
from genrec.chat.reading.reader import Reader
from genrec.chat.session import Session
from genrec.data.filters import Predicate
from genrec.search import SearchIndex
from genrec.serve.page.critique import chips, starters


def shown_session(server, *wishes):
    reader = server.engine.reader
    fitting = [item.item_id for item in reader.catalog if all(wish.holds(item) for wish in wishes)]
    session = Session(constraints=list(wishes))
    session.show(fitting[:5])
    return reader, session


WISHED = [
    (),
    (Predicate(attribute="color", operator="=", value="red"),),
    (
        Predicate(attribute="price", operator="<", value=40.0),
        Predicate(attribute="color", operator="!=", value="red"),
    ),
]


@pytest.mark.parametrize("wishes", WISHED)
def test_every_chip_is_understood_and_leaves_items(server, wishes):
    reader, session = shown_session(server, *wishes)
    offered = chips(reader, session)
    assert len(offered) >= 4
    assert len({chip.say for chip in offered}) == len(offered)
    for chip in offered:
        conversation = Conversation(server.engine.workspace, Session.from_json(session.to_json()))
        request = reader.read(chip.say, session)
        assert chip.attribute in {wish.attribute for wish in request.where}, chip
        conversation.session.wish(request.where, reader.catalog)
        refused = set(session.disliked)
        wanted = conversation.session.constraints
        assert any(all(w.holds(i) for w in wanted) for i in reader.catalog if i.item_id not in refused), chip


def test_chips_speak_of_what_is_not_settled(server):
    reader, session = shown_session(server, WISHED[1][0])
    assert "color" not in {chip.attribute for chip in chips(reader, session)}
    assert chips(reader, Session()) == []


def test_starters_name_what_the_catalog_holds(server):
    reader = server.engine.reader
    offered = starters(reader)
    assert len(offered) == 4
    for words in offered[:2]:
        wishes = reader.read(words, Session()).where
        assert wishes
        assert any(all(wish.holds(item) for wish in wishes) for item in reader.catalog)


def test_starters_need_no_attributes(server):
    catalog = server.engine.reader.catalog
    bare = type(catalog)(items=tuple(replace(item, attributes={}) for item in catalog.items[:3]))
    assert starters(Reader(Lexicon(bare), SearchIndex.of(bare))) == ["Surprise me", "What can I ask?"]
