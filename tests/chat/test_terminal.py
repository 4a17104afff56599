"""A terminal, or lines piped in, hold the same conversation."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_texts import ACTING, TITLES
from rich.console import Console

from genrec.chat.conversation import ItemCard, Reply
from genrec.chat.requests import ChatRequest
from genrec.chat.session import Session
from genrec.chat.terminal import chat_in_terminal, print_reasons, print_reply
from genrec.schema import Item
from genrec.sinks import visible
from genrec.workspace import Workspace


def test_the_terminal_answers_piped_lines(
    shop_recommender: Workspace, tmp_path: Path, replace_stdin: Callable[[str], None]
) -> None:
    user = next(iter(shop_recommender.interactions.user_bounds()))
    replace_stdin(f"/user {user}\nclocks under 90\n\n/user nobody\nquit\nnever read\n")
    output = io.StringIO()
    session_file = tmp_path / "session.json"
    chat_in_terminal(shop_recommender, session_file=session_file, console=Console(file=output, width=100))
    said = output.getvalue()
    assert "price under 90" in said
    assert "'nobody' has no events" in said
    assert "never read" not in said
    assert Session.load(session_file).messages[0].text == "clocks under 90"


@pytest.mark.parametrize("title", TITLES)
def test_titles_are_shown_and_never_acted_on(title: str) -> None:
    card = ItemCard(item=Item(item_id="i", title=title), price=3.0, reason=f"because {title}", evidence=())
    reply = Reply(text=f"Here is {title}", request=ChatRequest(text="lamps", intent="recommend"), items=(card,))
    output = io.StringIO()
    console = Console(file=output, width=300)
    print_reply(reply, console)
    print_reasons(reply, console)
    said = output.getvalue()
    assert f"genrec> Here is {visible(title, keep_lines=True)}\n" in said
    assert f"   1. {visible(title)}  3\n" in said
    assert f"because {visible(title)}\n" in said
    assert not ACTING.search(said)


def test_an_error_is_shown_and_never_acted_on(
    shop_recommender: Workspace, replace_stdin: Callable[[str], None]
) -> None:
    replace_stdin("/user [/b]\x1b[2J:smile:\nquit\n")
    output = io.StringIO()
    chat_in_terminal(shop_recommender, console=Console(file=output, width=200))
    assert "'[/b]" in output.getvalue()
    assert ":smile:" in output.getvalue()
    assert "\x1b" not in output.getvalue()


@pytest.fixture
def replace_stdin() -> object:
    """Standard input for one test, as a pipe would give it."""
    before = sys.stdin

    def replace(text: str) -> None:
        sys.stdin = io.StringIO(text)

    yield replace
    sys.stdin = before
