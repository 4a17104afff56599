"""Readers over both catalogs, and what they read, for the tests of the rules."""

from chat_worlds import MOVIES, shop_catalog

from genrec.chat.rules.reader import RuleReader
from genrec.chat.session import Session

CATALOG = shop_catalog()
READER, MOVIE_READER = RuleReader(CATALOG), RuleReader(MOVIES)


def wishes_of(reader: RuleReader, text: str, session: Session | None = None) -> set[str]:
    read = reader.read(text, session if session is not None else Session())
    return {
        f"{w.attribute} {w.operator} {'|'.join(w.value) if isinstance(w.value, tuple) else w.value}" for w in read.where
    }


def items_meeting(session: Session) -> list[str]:
    return [item.item_id for item in CATALOG if all(wish.holds(item) for wish in session.constraints)]
