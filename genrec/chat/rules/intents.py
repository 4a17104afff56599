"""Intents, what a message wants done: a list, a reason, a picture, a comparison, small talk. Words and signs alone.

Knows the everyday English of asking; what was wished and spoken of is read elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from genrec.chat.constraints import extremes_of
from genrec.chat.lexicon import Lexicon
from genrec.chat.requests import ChatRequest, Intent, Relation
from genrec.chat.rules import phrases
from genrec.chat.rules.questions import read_catalog_question, read_extremes, read_item_question
from genrec.chat.rules.references import Reference, TitlesRead, read_feedback
from genrec.chat.rules.words import BESIDE_COURTESY, BESIDE_GREETING, COURTESY
from genrec.chat.session import Session
from genrec.claims.wording import words_of


def plain_intent(said: str, lexicon: Lexicon) -> Intent | None:
    """Messages that are nothing but a greeting, thanks, a call for help, a look back or a fresh start."""
    if _is_greeting(said, lexicon):
        return "greet"
    if _is_courtesy(said):
        return "thanks"
    if phrases.HELP.match(said) or (phrases.HELP_WITH_THIS.search(said) and said.endswith("?")):
        return "help"
    if phrases.RECALL.match(said):
        return "recall"
    match = phrases.RESET.search(said)
    others = words_of(said.replace(match.group(), " ")) if match else ()
    if match and not any(lexicon.meanings((word,)) or word in lexicon.attribute_names for word in others):
        return "reset"
    return None


def takes_what_comes(said: str, session: Session) -> bool:
    """Whether anything is welcome, or what was shown or asked is turned down in a word: others are to be shown.

    "Anything goes" takes wishes back where there are any.
    """
    has_wishes = bool(session.constraints or session.query)
    if session.shown and phrases.ADVISE.search(said):
        return False
    if phrases.OPEN.match(said):
        return not (has_wishes and phrases.RESET.search(said))
    return bool(phrases.DECLINED.match(said)) and (bool(session.shown) or session.has_asked)


def _is_greeting(said: str, lexicon: Lexicon) -> bool:
    """A greeting and nothing else, but for one word that may be a name: "hi Anna, how are you?"."""
    if not phrases.GREETING.match(said):
        return False
    left = phrases.WELL_WISHED.sub(" ", said).rstrip(" ?!." if phrases.WELL_WISHED.search(said) else " !.")
    others = [word for word in words_of(left) if word not in BESIDE_GREETING]
    return "?" not in left and len(others) <= 1 and lexicon.words.isdisjoint(others)


def _is_courtesy(said: str) -> bool:
    """Thanks, praise or a goodbye and nothing else: "what a lovely shop you have", "not bad at all, bye!"."""
    words = words_of(said)
    is_polite = not COURTESY.isdisjoint(words) and BESIDE_COURTESY.issuperset(words)
    return is_polite and not said.endswith("?") and phrases.DISPRAISE.search(said) is None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentCues:
    """What tells the intent of a message beside its wishes. is_on_topic: it is about the list, though nothing else
    in it says so: the shown was seen before."""

    said: str
    titles: TitlesRead
    reference: Reference | None
    session: Session
    lexicon: Lexicon
    is_on_topic: bool = False


def decide(base: ChatRequest, cues: IntentCues) -> ChatRequest:
    """The request with its intent, from the strongest sign to the weakest."""
    said, titles, session = cues.said, cues.titles, cues.session
    if phrases.EXPLAIN.search(said) and not base.has_wishes:
        return replace(base, intent="explain", query="")
    if phrases.ADVISE.search(said) and session.shown and not base.has_wishes and base.extreme is None:
        named = [item_id for item_id in session.shown if item_id in base.refers_to]
        return replace(base, intent="explain", is_advice=True, query="", refers_to=tuple(named or session.shown)[:1])
    if phrases.UNSURE.search(said) and not base.has_wishes:
        return replace(base, query="", refers_to=())
    if _is_of_service(base, cues):
        return replace(base, intent="other", query="")
    asked = read_item_question(
        base, said, reference=cues.reference, session=session, lexicon=cues.lexicon
    ) or _comparison(base, cues)
    judged = _judgement(base, said, cues.reference, session)
    if asked is not None:
        if judged is None or asked.question is None or not phrases.TAKEN_AT_ONCE.search(said):
            return asked
        return replace(asked, intent=judged.intent, liked=judged.liked)
    asks_of_title = titles.item_ids and not titles.is_feedback and phrases.TITLE_ASKED.search(said) and "?" in said
    if (asks_of_title or phrases.DESCRIBE.search(said)) and _speaks_of_items(base, cues) and not base.where:
        return replace(base, intent="describe", query="")
    if titles.disliked:
        liked = titles.item_ids if titles.is_feedback else ()
        intent: Intent = "history" if liked else "dislike"
        return replace(base, intent=intent, liked=liked, disliked=titles.disliked, refers_to=(), query="")
    if judged is not None:
        return judged
    if titles.item_ids and titles.is_feedback:
        query = base.query if base.has_wishes else ""
        return replace(base, intent="history", liked=titles.item_ids, refers_to=(), query=query)
    if _wants_picture(base, said, session.shown):
        return replace(base, intent="show")
    browsed = read_catalog_question(base, said, session=session, lexicon=cues.lexicon)
    if browsed is not None:
        return browsed
    if _is_off_topic(base, said) and not cues.is_on_topic:
        return replace(base, intent="other", query="")
    return replace(base, relation=_relation(base, cues))


def _is_of_service(base: ChatRequest, cues: IntentCues) -> bool:
    """Whether it asks what no catalog tells: delivery, returns, who won a cup."""
    is_of_items = base.where or (cues.reference is not None and cues.reference.kind != "it")
    is_service = phrases.SERVICE.search(cues.said) and not is_of_items
    return cues.said.rstrip(" !.").endswith("?") and bool(phrases.TRIVIA.search(cues.said) or is_service)


def _comparison(base: ChatRequest, cues: IntentCues) -> ChatRequest | None:
    """The cheapest and the dearest, or the first two shown are compared where none is named, unless other wishes are
    said."""
    if not phrases.COMPARE.search(cues.said):
        return None
    shown = [cues.lexicon.catalog[item_id] for item_id in cues.session.shown]
    ends = [extremes_of(extreme, shown)[:1] for extreme in read_extremes(cues.said, cues.lexicon)]
    of_ends = tuple(item.item_id for found in ends for item in found) if len(ends) > 1 else ()
    first = () if base.where and not base.dropped else tuple(cues.session.shown[:2])
    compared = base.refers_to or of_ends or first
    if not compared:
        return None
    intent: Intent = "compare" if len(compared) > 1 else "describe"
    return replace(base, intent=intent, refers_to=compared, where=(), dropped=(), query="")


def _speaks_of_items(base: ChatRequest, cues: IntentCues) -> bool:
    is_named = cues.reference is not None and cues.reference.kind != "history"
    return is_named and bool(base.refers_to) and not base.dropped


def _judgement(base: ChatRequest, said: str, reference: Reference | None, session: Session) -> ChatRequest | None:
    feedback, ids = read_feedback(said, reference, session), base.refers_to
    is_of_values = any(wish.operator == "!=" for wish in base.where)  # "it's a gift, but we don't want pink"
    if feedback == "dislike" and reference is not None and reference.kind == "it" and is_of_values:
        return None
    if feedback == "like" and ids and not (base.has_wishes and said.startswith("like")):
        return replace(base, intent="like", liked=ids, query="")
    is_shown = reference is not None and reference.kind == "shown"
    if phrases.AGREED.match(said) and ids and is_shown and not (base.has_wishes or base.query or said.endswith("?")):
        return replace(base, intent="like", liked=ids, query="")
    if feedback == "dislike" and ids:
        return replace(base, intent="dislike", disliked=ids, query="")
    return None


def _wants_picture(base: ChatRequest, said: str, shown: Sequence[str]) -> bool:
    asks_how = phrases.HOW_IT_LOOKS.search(said)
    asks_more = phrases.MORE.search(said) or phrases.WELL_LIKED.search(said)
    wants_list = base.has_wishes or asks_more or (base.query and not asks_how)
    says_so = asks_how or phrases.SHOW.search(said) or phrases.SHOW_FIRST.search(said)
    return bool(says_so and not wants_list and (base.refers_to or shown))


def _is_off_topic(base: ChatRequest, said: str) -> bool:
    if base.has_wishes or base.refers_to or base.not_understood or base.image or base.is_new or base.extreme:
        return False
    if base.refused or base.is_undo or base.limit:
        return False
    if phrases.WORLDLY.match(said) and said.endswith("?"):
        return True
    if phrases.WELL_LIKED.search(said):
        return False
    if phrases.CHITCHAT.search(said) or phrases.SERVICE.search(said):
        return True
    asks = phrases.CUE.search(said) or phrases.MORE.search(said)
    return not asks and (said.endswith("?") or not base.query)


_SAME_BUT = phrases.any_of(
    "(?:that|this) one|more|same|another"
    "|(?:have|got|get|make|sell|comes?|available)(?: (?:it|that|this))?(?: also)? in"
    "|(?:that|this|it)(?: one)?,? but"
)


def _relation(base: ChatRequest, cues: IntentCues) -> Relation | None:
    """How the wanted items relate to those spoken of; None when these only set a measure, as in "cheaper than".

    Of a whole list ("these are too dear", "any of those in red") nothing is to be like, unless that is said.
    """
    said = cues.said
    is_measure = bool(base.dropped) and any(wish.operator in ("<", ">") for wish in base.where)
    is_like = bool(phrases.LIKE_RELATION.search(said))
    is_to_match = bool(phrases.MATCH_RELATION.search(said)) and not is_like
    is_list = len(base.refers_to) > 1 and set(base.refers_to) == set(cues.session.shown)
    is_vague = is_list or (cues.reference is not None and cues.reference.kind == "it" and not _SAME_BUT.search(said))
    if not base.refers_to or is_measure or (is_vague and not is_like and not is_to_match):
        return None
    return "goes_with" if is_to_match else "like"
