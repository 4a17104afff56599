"""What a client that shows Markdown makes of titles and reasons that are written as Markdown."""

import re

import pytest
from hostile_texts import ACTING, TITLES

from genrec.chat.conversation import ItemCard, Reply
from genrec.chat.requests import ChatRequest
from genrec.schema import Item
from genrec.serve.api.pictures import Links
from genrec.serve.api.responses import reasons_markdown, reply_markdown
from genrec.sinks import markdown

HOSTILE = "![x](http://evil) <b>*bold*</b> a\nb"
SHOWN = r"!\[x\](http://evil) \<b\>\*bold\*\</b\> a b"
JOINER = "\u2060"


@pytest.mark.parametrize("title", TITLES)
def test_hostile_titles_stay_in_their_place(title):
    card = ItemCard(item=Item(item_id="i1", title=title), price=3.0, reason=title, evidence=())
    reply = Reply(text=title, request=ChatRequest(text="lamps", intent="recommend"), items=(card,))
    told = reply_markdown(reply, None, Links("http://here/"), with_reasons=True)
    shown = markdown(title)
    assert told == f"{shown}\n\n1. **{shown}** · 3  \n   {shown}"
    assert not ACTING.search(told)


def test_titles_and_reasons_are_plain_in_markdown():
    card = ItemCard(item=Item(item_id="i1", title=HOSTILE), price=3.0, reason=HOSTILE, evidence=())
    reply = Reply(text=HOSTILE, request=ChatRequest(text="lamps", intent="recommend"), items=(card,))
    told = reply_markdown(reply, None, Links("http://here/"), with_reasons=True)
    assert "http://" not in told
    assert told.replace(JOINER, "").count(SHOWN) == 3
    assert "evil" not in told.replace(JOINER, "").replace(SHOWN, "")
    assert reasons_markdown(reply).replace(JOINER, "") == f"1. {SHOWN}"


# What GitHub's Markdown, linkify-it and Slack take for an address.
LINKS = re.compile(r"\w+:/|//\w|www\.|[\w.+-]@\w|\w\.(com|org|example)\b", re.IGNORECASE)


@pytest.mark.parametrize(
    "title",
    [
        "see https://evil.example/a?b=c#d", "HTTP://EVIL.example", "www.evil.example", "evil.com", "//evil.example/x",
        "//localhost/x", "ftp://evil.example", "mail a.b-@evil.example", "mailto:a@evil.example", "https://1.2.3.4/x",
        "http://[::1]/x", "[text](https://evil.example)", "<https://evil.example>", "é.example", "a_www.evil.example",
    ],
)  # fmt: skip
def test_addresses_in_titles_do_not_become_links(title):
    card = ItemCard(item=Item(item_id="i1", title=title), price=3.0, reason=title, evidence=())
    reply = Reply(text=title, request=ChatRequest(text="lamps", intent="recommend"), items=(card,))
    told = reply_markdown(reply, None, Links("http://here/"), with_reasons=True)
    assert LINKS.search(title)
    assert not LINKS.search(told)
    assert told.replace(JOINER, "").replace("\\", "").count(title) == 3


def test_words_and_numbers_stay_as_they_are():
    reply = Reply(
        text="4.5 l at 12:30, 3/4 or a/b. Then e.g", request=ChatRequest(text="x", intent="recommend"), items=()
    )
    assert reply_markdown(reply, None, Links("http://here/"), with_reasons=True) == (
        f"4.5 l at 12:30, 3/4 or a/b. Then e{JOINER}.g"
    )
