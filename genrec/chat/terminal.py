"""The conversation in a terminal, or over lines piped in.

Knows keys and colors alone; what is answered is decided in conversation.
"""

import sys
from pathlib import Path

from rich.console import Console
from rich.style import Style
from rich.text import Text

from genrec.chat.conversation import Conversable, Conversation, Reply
from genrec.chat.session import Session
from genrec.errors import InputError
from genrec.sinks import visible

QUIT = frozenset({"quit", "exit", "bye", "q", "/quit", "/exit"})


def chat_in_terminal(
    recommender: Conversable, *, session_file: Path | None = None, console: Console | None = None
) -> Session:
    """Answer lines of standard input until its end or "quit"; "/user ID" continues as a known user.

    session_file: read before and written after every turn, so that a stopped conversation can be resumed. Returns the
    session. Bad input is answered with its one-line error, and the conversation goes on.
    """
    console = console or Console()
    session = Session() if session_file is None else Session.load(session_file)
    conversation = Conversation(recommender, session)
    if sys.stdin.isatty():
        console.print("[dim]Say hello, or what you are looking for. quit ends, /user ID continues as that user.[/dim]")
    while (line := _read_line(console)) is not None and line.casefold() not in QUIT:
        if not line:
            continue
        try:
            _take_line(conversation, line, console)
        except InputError as error:
            _print(console, (str(error), "red"))
        if session_file is not None:
            conversation.session.save(session_file)
    return conversation.session


def _read_line(console: Console) -> str | None:
    """The next line without its ending; None at the end of the input or on an interrupt."""
    try:
        if sys.stdin.isatty():
            return console.input("[bold]you>[/bold] ").strip()
        line = sys.stdin.readline()
    except (EOFError, KeyboardInterrupt):
        return None
    if not line:
        return None
    _print(console, ("you>", "bold"), (f" {line.strip()}", ""))
    return line.strip()


def _take_line(conversation: Conversation, line: str, console: Console) -> None:
    if line.startswith("/user"):
        user_id = line.removeprefix("/user").strip()
        conversation.follow(user_id)
        count = len(conversation.session.history)
        _print(console, (f"Continuing as {user_id}, with {count} items of history.", "dim"))
        return
    steps = conversation.answer(line)
    print_reply(next(steps), console)
    for reply in steps:
        print_reasons(reply, console)


def print_reply(reply: Reply, console: Console) -> None:
    """Print one answer: its text, then the items of a list or the evidence of a reason, then where a picture is."""
    first, *others = reply.text.split("\n")
    _print(console, ("genrec>", "bold cyan"), (f" {first}", ""))
    for line in others:
        _print(console, (line, ""))
    if reply.is_list:
        for place, card in enumerate(reply.items, 1):
            link = card.item.offer.link if card.item.offer is not None else None
            title = (card.title, Style(bold=True, link=link))
            sale = (f"  {card.sale}" if card.sale else "", "green" if card.item.available else "red")
            _print(console, (f"   {place}. ", "bold"), title, sale)
    for entry in (evidence for card in reply.items for evidence in card.evidence):
        _print(console, (f"   {entry.kind}: {entry.claim} ({entry.weight:+.2f} nats)", "dim"))
    if reply.visual is not None:
        _print(console, (f"   picture: {reply.visual}", "dim"))


def print_reasons(reply: Reply, console: Console) -> None:
    """Print why each item of a list is in it."""
    for place, card in enumerate(reply.items, 1):
        _print(console, (f"   {place}. {card.reason}", "dim"))


def _print(console: Console, *parts: tuple[str, str | Style]) -> None:
    """Print a line of texts, each in a style; what others wrote in them is shown, never acted on."""
    console.print(Text.assemble(*((visible(text), style) for text, style in parts)))
