"""ReDial through the conversation: people's messages are said one by one, and at each asked turn a list is taken.

What a real adviser answered in between counts as shown where it names movies; what the chat itself would have shown in
between does not, for nobody saw it. Where the last message brings no list ("thanks", "I have seen that"), or a short
one, the list is what "show me more" would bring: what meets the wishes, then what the history alone recommends. Movies
named before are left out. Knows turns and conversations; deliberately knows nothing of their words.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from genrec.chat.conversation import Conversation
from genrec.chat.requests import ChatRequest
from genrec.chat.session import Session
from genrec.runtime import progress
from genrec.workspace import Workspace

_YEAR = re.compile(r" ?\(\d{4}\)")
_MAX_WORDS = 15  # of a title
_MARGIN = 20  # shown beyond what is measured, for movies that were named before


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkTurn:
    """An asked turn of a conversation. context: all that was said before, the person's messages and the adviser's by
    turns, the last the person's; named: movies named in it, which are no answer."""

    dialog: str
    context: tuple[str, ...]
    named: tuple[str, ...]


class TitleFinder:
    """Finds movies in a text by their whole titles with the year, as ReDial writes them."""

    def __init__(self, item_ids: Iterable[str]) -> None:
        self.item_ids = frozenset(item_ids)

    def find(self, text: str) -> list[str]:
        """The movies that a text names, in its order; the longest title that ends with each year."""
        found = []
        for match in _YEAR.finditer(text):
            starts = [0, *(m.end() for m in re.finditer(r"\s+", text[: match.start()]))]
            titles = (text[start : match.end()] for start in starts[-_MAX_WORDS:])
            found += [title for title in titles if title in self.item_ids][:1]
        return list(dict.fromkeys(found))


def hold_turns(recommender: Workspace, turns: Sequence[TalkTurn], k: int) -> list[list[str]]:
    """The best k movies of the chat at each turn, in the order of the turns."""
    finder = TitleFinder(item.item_id for item in recommender.catalog)
    numbered = sorted(enumerate(turns), key=lambda entry: (entry[1].dialog, len(entry[1].context)))
    ranked: dict[int, list[str]] = {}
    dialogs = [list(group) for _, group in groupby(numbered, key=lambda entry: entry[1].dialog)]
    for dialog in progress(dialogs, label="hold movie conversations"):
        talk = _Talk(recommender, finder, k)
        for number, turn in dialog:
            ranked[number] = talk.answer(turn)
    return [ranked[number] for number in range(len(turns))]


class _Talk:
    """One conversation as it goes on."""

    def __init__(self, recommender: Workspace, finder: TitleFinder, k: int) -> None:
        self.recommender, self.finder, self.k = recommender, finder, k
        self.talk = Conversation(recommender, Session(), num_shown=k + _MARGIN, gives_reasons=False)
        self.num_said = 0
        self.listed: tuple[str, ...] = ()

    def answer(self, turn: TalkTurn) -> list[str]:
        """Go on to an asked turn; the best k that its conversation did not name."""
        for place in range(self.num_said, len(turn.context)):
            is_persons = (len(turn.context) - place) % 2 == 1
            (self._say if is_persons else self._be_advised)(turn.context[place])
        self.num_said = len(turn.context)
        named = frozenset(turn.named)
        return [item_id for item_id in dict.fromkeys(self._found(named)) if item_id not in named][: self.k]

    def _say(self, text: str) -> None:
        session = self.talk.session
        shown, seen, focus = list(session.shown), list(session.seen), session.focus
        reply = self.talk.say(text) if text.strip() else None
        self.listed = tuple(card.item_id for card in reply.items) if reply is not None and reply.is_list else ()
        session.shown, session.seen, session.focus = shown, seen, focus

    def _be_advised(self, text: str) -> None:
        self.listed = ()
        named = self.finder.find(text)
        if named:
            self.talk.session.show(named)

    def _found(self, named: frozenset[str]) -> Iterator[str]:
        """The last list, then what else meets the wishes, then what the history brings without them."""
        yield from self.listed
        session = self.talk.session
        if sum(item_id not in named for item_id in self.listed) < self.k:
            request = ChatRequest(text="", intent="recommend", is_open=True)
            yield from self.talk.retriever.find(session, request).item_ids
            history = session.context()
            found = self.recommender.recommend(history=history, exclude=sorted(named), k=self.k + _MARGIN)
            yield from (entry.item_id for entry in found)
