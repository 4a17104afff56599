"""A terminal, or lines piped in, hold the same conversation."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from genrec.chat.session import Session
from genrec.chat.terminal import chat_in_terminal
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


@pytest.fixture
def replace_stdin() -> object:
    """Standard input for one test, as a pipe would give it."""
    before = sys.stdin

    def replace(text: str) -> None:
        sys.stdin = io.StringIO(text)

    yield replace
    sys.stdin = before
