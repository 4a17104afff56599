"""What kinds of events say, in any usual spelling, and how returns cancel purchases.

Axis legend: E events, P pairs of a person and an item, T trades, V different kinds.
"""

import re
import unicodedata
from collections.abc import Mapping

import numpy as np

from genrec.data.feedback.columns import EventColumns, Part, listed
from genrec.schema import NEGATIVE, NEUTRAL, POSITIVE, BoolArray, Column

RETURN = "return"
_KINDS: Mapping[str, float | str] = {  # the strength of a positive kind; else what kinds of that name do
    **dict.fromkeys(("purchase", "buy", "bought", "order", "transaction", "sale", "sold", "paid", "payment"), 4.0),
    **dict.fromkeys(("conversion", "orderplaced", "ordercompleted", "checkoutcompleted", "invoice", "rent"), 4.0),
    **dict.fromkeys(("cart", "addtocart", "cartadd", "addcart", "basket", "addtobasket", "added", "atc", "bag"), 2.5),
    **dict.fromkeys(("checkout", "begincheckout", "checkoutstarted", "addpaymentinfo", "addshippinginfo"), 2.5),
    **dict.fromkeys(("like", "favorite", "favourite", "fav", "love", "heart", "star", "upvote", "thumbsup", "up"), 2.0),
    **dict.fromkeys(("wishlist", "addtowishlist", "bookmark", "save", "collect", "pin", "follow", "subscribe"), 2.0),
    **dict.fromkeys(("watchlist", "toread", "wanttoread", "wanttowatch"), 2.0),
    **dict.fromkeys(("share", "recommend", "recommended", "repost", "retweet", "choose", "complete", "finish"), 2.0),
    **dict.fromkeys(("true", "yes", "positive"), 1.0),
    **dict.fromkeys(("view", "pageview", "pv", "click", "clickout", "select", "open", "visit", "detail", "see"), 1.0),
    **dict.fromkeys(("play", "listen", "stream", "watch", "read", "download", "install", "interaction", "hover"), 1.0),
    **dict.fromkeys(("rating", "rate", "review", "comment", "reply", "interact", "event", "use", "consume"), 1.0),
    **dict.fromkeys(("impression", "exposure", "shown", "show", "display", "recommendationshown", "search"), "neutral"),
    **dict.fromkeys(("removefromcart", "cartremove", "removed", "remove", "removefrombasket"), "neutral"),
    **dict.fromkeys(("removefromwishlist", "unfavorite", "unlike", "unsave", "undo", "none", "neutral"), "neutral"),
    **dict.fromkeys(("dislike", "hate", "downvote", "thumbsdown", "down", "notinterested"), "negative"),
    **dict.fromkeys(("hide", "hidden", "skip", "drop"), "negative"),
    **dict.fromkeys(("block", "mute", "report", "unsubscribe", "unfollow", "reject", "dismiss"), "negative"),
    **dict.fromkeys(("abandon", "false", "no", "notrecommended", "negative"), "negative"),
    **dict.fromkeys(("return", "refund", "cancel", "chargeback", "cancellation", "ordercancelled"), RETURN),
}
_BOUGHT = 4.0
_SIGNS = {"negative": NEGATIVE, "neutral": NEUTRAL, RETURN: NEUTRAL}
_DENIALS = frozenset({"not", "no", "never", "non", "without"})
_TAKEN_AWAY = frozenset({"remove", "removed", "undo"})
_LINKS = frozenset({"to", "from", "in", "on", "the", "a"})
_OF_SIGNS = frozenset({"SIGN", "WHITE", "BLACK", "HEAVY", "MEDIUM", "RED", "SMALL"})
_OF_ANYTHING = frozenset(
    {"item", "items", "product", "products", "page", "user", "event", "video", "song", "track", "movie", "book", "list"}
)


def kind_part(kinds: Column) -> Part:
    """Judged by kinds; events without one are ordinary."""
    present_V = np.bincount(kinds.places_N[kinds.places_N >= 0], minlength=len(kinds.values)) > 0
    meanings = [
        meaning_of(str(value)) if is_there else 1.0 for value, is_there in zip(kinds.values, present_V, strict=True)
    ]
    sign_V = [_SIGNS[meaning] if isinstance(meaning, str) else POSITIVE for meaning in meanings]
    factor_V = [meaning if isinstance(meaning, float) else 1.0 for meaning in meanings]
    names = [str(value) for value, is_there in zip(kinds.values, present_V, strict=True) if is_there]
    unknown = [name for name in names if meaning_of(name) is None]
    notes = [f"kinds of unknown meaning count as positive: {listed(unknown)}"] if unknown else []
    # The last place is of events without a kind.
    return Part(
        feedback=np.array([*sign_V, POSITIVE], np.int8)[kinds.places_N],
        weights=np.array([*factor_V, 1.0], np.float32)[kinds.places_N],
        words=_kind_words(names),
        notes=tuple(notes),
    )


def _kind_words(names: list[str]) -> tuple[str, ...]:
    """What the kinds that occur mean; nothing where all are positive and alike."""
    groups: dict[str, list[str]] = {}
    strengths = {name: meaning for name in names if isinstance(meaning := meaning_of(name) or 1.0, float)}
    for name, strength in sorted(strengths.items(), key=lambda entry: -entry[1]):
        groups.setdefault("positive", []).append(f"{name} ({strength:g})" if len(set(strengths.values())) > 1 else name)
    for name in names:
        if isinstance(group := meaning_of(name), str):
            groups.setdefault("cancelling" if group == RETURN else group, []).append(name)
    if set(groups) <= {"positive"} and len(set(strengths.values())) < 2:
        return ()
    return ("kinds: " + ", ".join(f"{listed(kinds)} {group}" for group, kinds in groups.items()),)


def meaning_of(kind: str) -> float | str | None:
    """The strength or the name of what a kind of event means, None for an unknown one; in any usual spelling.

    Of several known words, a return or a refusal decides, else what is taken away, else the strongest.
    """
    parts, kept = _words_of(kind)
    for spelled in dict.fromkeys(("".join(parts), "".join(kept), "".join(map(_stem, kept)))):
        for word in dict.fromkeys((spelled, _stem(spelled))):
            if word in _KINDS:
                return _KINDS[word]
    if _DENIALS.intersection(parts):
        return None
    stems = [word for part in kept if (word := _stem(part)) in _KINDS]
    found = [_KINDS[word] for word in stems]
    for decisive in (RETURN, "negative"):
        if decisive in found:
            return decisive
    if _TAKEN_AWAY.intersection(stems):
        return "neutral"
    return max((meaning for meaning in found if isinstance(meaning, float)), default=found[0] if found else None)


def says_a_kind(text: str) -> bool:
    """Whether a text names a kind of event and nothing else, as "Added to cart" does and "Duffle bag" does not."""
    _, kept = _words_of(text)
    told = [part for part in kept if part not in _LINKS]
    is_one = "".join(map(_stem, kept)) in _KINDS or "".join(kept) in _KINDS
    return is_one or (bool(told) and all(_stem(part) in _KINDS for part in told))


def _words_of(kind: str) -> tuple[list[str], list[str]]:
    """The words of a kind in any spelling: all, and those that tell kinds apart."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", _spelled(kind))  # addToCart
    parts = [part for part in re.split(r"[\W_]+", spaced.casefold()) if part]
    return parts, [part for part in parts if part not in _OF_ANYTHING] or parts


def _spelled(kind: str) -> str:
    """A kind that is a sign, by the sign's name: a thumb, a heart, a star."""
    if any(map(str.isalnum, kind)):
        return kind
    names = (unicodedata.name(sign, "").split() for sign in kind if unicodedata.category(sign) in ("So", "Sm"))
    words = " ".join(word for name in names for word in name if word not in _OF_SIGNS).lower()
    return words.replace("thumbs ", "thumbs").replace("broken heart", "dislike")


def _stem(word: str) -> str:
    """clicks, clicked: click; liked: like; skipped: skip."""
    if word in _KINDS:
        return word
    for ending in ("ed", "d", "es", "s", "ing"):
        base = word.removesuffix(ending)
        if base != word:
            for stem in (base, base[:-1] if base[-1:] == base[-2:-1] else base, base + "e"):
                if stem in _KINDS:
                    return stem
    return word


def with_returns_cancelled(events: EventColumns, part: Part) -> Part:
    """Purchases that were wholly returned, and the returns themselves, made neutral."""
    is_return = _of_meaning(events.kinds, RETURN, len(events))
    quantities = np.ones(len(events)) if events.quantities is None else np.nan_to_num(events.quantities, nan=1.0)
    is_return |= quantities < 0
    is_empty = quantities == 0
    if not is_return.any() and not is_empty.any():
        return part
    is_bought = ~is_return & (_of_meaning(events.kinds, _BOUGHT, len(events)) if _has_purchases(events) else True)
    pairs_E = events.users * (events.items.max(initial=0) + 1) + events.items
    traded = np.flatnonzero(is_return | is_bought)
    _, pair_T = np.unique(pairs_E[traded], return_inverse=True)
    net_P = np.bincount(pair_T, np.where(is_return, -np.abs(quantities), quantities)[traded])
    is_cancelled = np.zeros(len(events), np.bool_)
    is_cancelled[traded] = net_P[pair_T] <= 0
    num_cancelled = int((is_bought & is_cancelled & ~is_empty).sum())
    feedback = np.where(is_return | (is_bought & (is_cancelled | is_empty)), NEUTRAL, part.feedback).astype(np.int8)
    notes = []
    if num_returns := int(is_return.sum()):
        notes.append(
            f"{num_returns:,} returns, which leave nothing of {num_cancelled:,} purchases, are neutral like them"
        )
    notes += [f"{int(is_empty.sum()):,} events with a quantity of 0 are neutral"] if is_empty.any() else []
    return Part(
        feedback=feedback,
        weights=part.weights,
        words=(*part.words, "returns cancel purchases") if is_return.any() else part.words,
        notes=(*part.notes, *notes),
    )


def _has_purchases(events: EventColumns) -> bool:
    return events.kinds is not None and any(meaning_of(str(value)) == _BOUGHT for value in events.kinds.values)


def _of_meaning(kinds: Column | None, meaning: float | str, num_events: int) -> BoolArray:
    """Which events are of a kind that means this, bool (E,)."""
    if kinds is None:
        return np.zeros(num_events, np.bool_)
    return np.array([*(meaning_of(str(value)) == meaning for value in kinds.values), False])[kinds.places_N]
