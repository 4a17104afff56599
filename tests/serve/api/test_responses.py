"""What a client that shows Markdown makes of titles and reasons that are written as Markdown."""

import pytest
from hostile_texts import ACTING, TITLES

from genrec.chat.conversation import ItemCard, Reply
from genrec.chat.requests import ChatRequest
from genrec.serve.api.pictures import Links
from genrec.serve.api.responses import reasons_markdown, reply_markdown
from genrec.sinks import markdown

HOSTILE = "![x](http://evil) <b>*bold*</b> a\nb"
SHOWN = r"!\[x\](http\://evil) \<b\>\*bold\*\</b\> a b"


@pytest.mark.parametrize("title", TITLES)
def test_hostile_titles_stay_in_their_place(title):
    card = ItemCard(item_id="i1", title=title, price=3.0, reason=title, evidence=(), image=None)
    reply = Reply(text=title, request=ChatRequest(text="lamps", intent="recommend"), items=(card,))
    told = reply_markdown(reply, None, Links("http://here/"), with_reasons=True)
    shown = markdown(title)
    assert told == f"{shown}\n\n1. **{shown}** · 3  \n   {shown}"
    assert not ACTING.search(told)


def test_titles_and_reasons_are_plain_in_markdown():
    card = ItemCard(item_id="i1", title=HOSTILE, price=3.0, reason=HOSTILE, evidence=(), image=None)
    reply = Reply(text=HOSTILE, request=ChatRequest(text="lamps", intent="recommend"), items=(card,))
    told = reply_markdown(reply, None, Links("http://here/"), with_reasons=True)
    assert told.count(SHOWN) == 3
    assert "evil" not in told.replace(SHOWN, "")
    assert reasons_markdown(reply) == f"1. {SHOWN}"
