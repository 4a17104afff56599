"""What a message wants done: a list, a reason, a picture, a comparison, small talk. Words and signs alone.

Knows the everyday English of asking; what was wished and spoken of is read elsewhere.
"""

from collections.abc import Sequence
from dataclasses import replace

from genrec.chat import phrases
from genrec.chat.lexicon import Lexicon
from genrec.chat.references import Reference, TitlesRead, read_feedback
from genrec.chat.requests import ChatRequest, Intent, Relation
from genrec.chat.session import Session


def plain_intent(said: str, lexicon: Lexicon) -> Intent | None:
    """Messages that are nothing but a greeting, thanks, a call for help, a look back or a fresh start."""
    if phrases.GREETING.match(said):
        return "greet"
    if phrases.THANKS.match(said):
        return "thanks"
    if phrases.HELP.match(said):
        return "help"
    if phrases.RECALL.match(said):
        return "recall"
    match = phrases.RESET.search(said)
    if match and not any(lexicon.meanings((word,)) for word in said.replace(match.group(), "").split()):
        return "reset"
    return None


def decide(
    base: ChatRequest, said: str, *, titles: TitlesRead, reference: Reference | None, session: Session
) -> ChatRequest:
    """The request with its intent, from the strongest sign to the weakest."""
    if phrases.EXPLAIN.search(said) and not base.has_wishes:
        return replace(base, intent="explain", query="")
    if phrases.COMPARE.search(said) and (compared := base.refers_to or tuple(session.shown[:2])):
        intent: Intent = "compare" if len(compared) > 1 else "describe"
        return replace(base, intent=intent, refers_to=compared, where=(), query="")
    if _asks_of_item(base, said, reference):
        return replace(base, intent="describe", where=(), query="")
    judged = _judgement(base, said, reference, session)
    if judged is not None:
        return judged
    if titles.item_ids and titles.is_feedback:
        query = base.query if base.has_wishes else ""
        return replace(base, intent="history", liked=titles.item_ids, refers_to=(), query=query)
    if _wants_picture(base, said, session.shown):
        return replace(base, intent="show")
    if _is_off_topic(base, said):
        return replace(base, intent="other", query="")
    return replace(base, relation=_relation(base, said))


def _asks_of_item(base: ChatRequest, said: str, reference: Reference | None) -> bool:
    """Whether it asks what an item is like: tell me more about the second, is it made of wood?"""
    if reference is None or reference.kind == "history" or not base.refers_to or base.dropped:
        return False
    asks = phrases.ASKS_OF_ITEM.match(said) and (said.endswith("?") or phrases.INVERTED.search(said))
    is_question = asks and not phrases.SHOW.search(said)
    return bool(is_question or (phrases.DESCRIBE.search(said) and not base.where))


def _judgement(base: ChatRequest, said: str, reference: Reference | None, session: Session) -> ChatRequest | None:
    feedback, ids = read_feedback(said, reference, session), base.refers_to
    if feedback == "like" and ids and not (base.has_wishes and said.startswith("like")):
        return replace(base, intent="like", liked=ids, query="")
    if feedback == "dislike" and ids:
        return replace(base, intent="dislike", disliked=ids, query="")
    return None


def _wants_picture(base: ChatRequest, said: str, shown: Sequence[str]) -> bool:
    wants_list = base.has_wishes or phrases.MORE.search(said) or base.query
    says_so = phrases.SHOW.search(said) or phrases.SHOW_FIRST.search(said)
    return bool(says_so and not wants_list and (base.refers_to or shown))


def _is_off_topic(base: ChatRequest, said: str) -> bool:
    if base.has_wishes or base.refers_to or base.not_understood or base.image or base.is_new:
        return False
    if phrases.WELL_LIKED.search(said):
        return False
    if phrases.CHITCHAT.search(said) or phrases.SERVICE.search(said):
        return True
    asks = phrases.CUE.search(said) or phrases.MORE.search(said)
    return not asks and (said.endswith("?") or not base.query)


def _relation(base: ChatRequest, said: str) -> Relation | None:
    """How the wanted items relate to those spoken of; None when these only set a measure, as in "cheaper than"."""
    is_measure = bool(base.dropped) and any(wish.operator in ("<", ">") for wish in base.where)
    if not base.refers_to or is_measure:
        return None
    matches = phrases.MATCH_RELATION.search(said) and not phrases.LIKE_RELATION.search(said)
    return "goes_with" if matches else "like"
