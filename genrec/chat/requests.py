"""Reads a chat message: plain words in, structured wishes over the catalog's real attributes out.

Deterministic and without a model. Each step blanks out the words it understood, so that what is left over is free text
for the recommender. Knows everyday English and whatever the catalog's lexicon holds; deliberately knows no shop. The
grammar of numbers is in numbers, that of references in references.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from genrec.chat.lexicon import Lexicon, Value
from genrec.chat.numbers import read_numbers
from genrec.chat.references import (
    FEEDBACK,
    Reference,
    read_history_reference,
    read_shown_reference,
    read_titles,
)
from genrec.chat.session import Session
from genrec.data.reasons import Constraint, words_of
from genrec.schema import AttributeValue, Catalog, Item

Intent = Literal[
    "recommend", "show", "explain", "like", "dislike", "history", "greet", "thanks", "help", "reset", "other"
]
Relation = Literal["like", "goes_with"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One message, understood.

    where: wishes this message adds. dropped: attributes whose wishes it takes back, "*" for all. query: free words that
    no attribute covers. refers_to: item ids it names, by place, by recency or by title, and relation how the wanted
    items relate to them. liked, disliked: item ids it judges. not_understood: wishes that this catalog cannot express,
    such as a price where items have none.
    """

    text: str
    intent: Intent
    where: tuple[Constraint, ...] = ()
    dropped: tuple[str, ...] = ()
    query: str = ""
    refers_to: tuple[str, ...] = ()
    relation: Relation | None = None
    liked: tuple[str, ...] = ()
    disliked: tuple[str, ...] = ()
    repeats: bool = False
    not_understood: tuple[str, ...] = ()


class RequestReader:
    """Reads messages over one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.lexicon = Lexicon(catalog)

    def read(self, text: str, session: Session) -> ChatRequest:
        """Understand one message in the light of what was shown, chosen and wished before."""
        return _Reading(self.lexicon, text, session).request()


_FOCUS_WORDS = r"(?:that|this|(?:the\s+)?same|these|those|its)"
_TAKE_BACK = (
    r"\b(?:any|whatever|whichever|every|all)\s+({names})\b(?!\s+(?:but|except|other|besides))"
    r"(?:\s+(?:is|are|will|would|works?)?\s*(?:also\s+|perfectly\s+|totally\s+)?(?:fine|ok|okay|good|great|do|works?))?",
    r"\b(?:forget|drop|ignore|remove|skip|never\s*mind|lose|scrap|cancel|lift|clear)\s+(?:about\s+)?"
    r"(?:the\s+|that\s+|my\s+|any\s+)?({names})\b(?:\s+(?:limit|filter|range|constraint|wish))?",
    r"\b({names})\s+(?:limit\s+)?(?:does\s*n[o']t|doesn't|don't|do\s+not|is\s*n[o']t|is\s+not|isn't)\s+"
    r"(?:really\s+)?(?:matter|important|a\s+concern|an?\s+issue)",
    r"\b(?:don't|do\s+not|doesn't)\s+(?:really\s+)?(?:care|mind)\s+(?:about|for)?\s*(?:the\s+|which\s+|what\s+)?({names})\b",
    r"\b(?:no|without\s+(?:a|any)?)\s*({names})\s+(?:limit|range|preference|constraint|filter)",
)
_UNDO = re.compile(
    r"\b(?:(?:forget|drop|ignore|never\s*mind)\s+(?:about\s+)?(?:the\s+)?"
    r"|(?:doesn't|does\s+not|needn't|need\s+not|not)\s+(?:have\s+to\s+be|need\s+to\s+be|be)\s+)([^\W\d_]+(?:\s+[^\W\d_]+)?)"
)
_FREE_MONEY = re.compile(r"\bmoney\s+(?:is\s+no|doesn't|does\s+not|is\s+not)\s+\w+")
_RESET = re.compile(
    r"\b(?:start\s+over|start\s+again|reset|clear\s+(?:all|everything)|(?:forget|drop|remove|ignore)\s+"
    r"(?:all(?:\s+of)?(?:\s+(?:that|it|this|my|the)(?:\s+\w+)?)?|everything|all\s+filters|my\s+wishes|the\s+filters)"
    r"|anything\s+(?:goes|is\s+fine|will\s+do|works)|no\s+preferences?)\b"
)
_CHEAPER = re.compile(
    r"\b(?:(?:not\s+(?:so|as|that|too|very)|less|too|n't\s+(?:so|as|that|too))\s+(?:expensive|pricey|costly|dear|much)"
    r"|too\s+much(?:\s+money)?|cheaper|(?:for|costs?|costing|at)\s+less|lower\s+(?:in\s+)?price[ds]?|less\s+money"
    r"|more\s+affordable|spend\s+less|lower\s+price)\b(?!\s+than\s+[$€£\d])"
)
_DEARER = re.compile(
    r"\b(?:more\s+expensive|pricier|dearer|costlier|(?:bit\s+)?fancier|more\s+(?:luxurious|upscale|premium)|too\s+cheap"
    r"|higher\s+(?:in\s+)?price[ds]?|can\s+(?:pay|spend|afford)\s+more|i'll\s+pay\s+more|less\s+cheap)\b(?!\s+than\s+[$€£\d])"
)
_NEWER = re.compile(r"\b(?:newer|more\s+recent|more\s+modern|too\s+old|not\s+(?:so|that|as)\s+old)\b")
_OLDER = re.compile(r"\b(?:older|more\s+classic|too\s+(?:new|recent|modern)|not\s+(?:so|that)\s+(?:new|recent))\b")
_CHEAP = re.compile(r"\b(?:cheap|inexpensive|affordable|low[\s-]?budget|low[\s-]?cost|budget(?!\s+(?:is|of|:)))\b")
_DEAR = re.compile(r"\b(?:expensive|luxury|luxurious|high[\s-]?end|premium|upscale)\b")
_CHEAP_SHARE = 1 / 3  # "cheap" is the lower third of what fits

_EXPLAIN = re.compile(
    r"\bwhy\b(?!\s+not\b)|\bhow\s+come\b|\bexplain\b|\bwhat\s+makes\s+you\b|\bfor\s+what\s+reason\b|\bwhat's\s+the\s+reason\b"
)
_SHOW = re.compile(
    r"\b(?:draw|visuali[sz]e|picture|photo|image|sketch|render|paint)\b|\bwhat\s+(?:it|they|that|this)\s+looks?\s+like\b"
    r"|\bhow\s+(?:it|they|that|this|does\s+it|do\s+they)\s+looks?\b|\b(?:can|could|may|let)\s+(?:i|me|you)\s+(?:show\s+me|see|have\s+a\s+look)\b"
    r"|^\W*(?:please\s+)?show\s+(?:me|it|them|that|this)\b|\bshow\s+me\s+(?:it|that|this)\b|\bwant\s+to\s+see\b"
)
_MORE = re.compile(
    r"\b(?:more|others?|another|different|something\s+else|anything\s+else|what\s+else|next|new\s+ones|again|alternatives?)\b"
)
_REPEATS = re.compile(r"\b(?:again|same\s+(?:list|ones|items)|show\s+(?:them|those|these)\s+again|back\s+to)\b")
_GREETING = re.compile(
    r"^\W*(?:hi|hello|hey|good\s+(?:morning|day|afternoon|evening)|hiya|howdy|greetings)\b[\s\w]{0,12}\W*$"
)
_THANKS = re.compile(
    r"^\W*(?:thanks?(?:\s+(?:you|a\s+lot|so\s+much))?|thx|great|perfect|cool|nice|ok(?:ay)?|awesome|wonderful|got\s+it)"
    r"(?:\W+(?:thanks?(?:\s+you)?|great|that's\s+all|bye))*\W*$"
)
_HELP = re.compile(r"^\W*(?:help|\?|what\s+can\s+(?:you|i)\s+(?:do|ask|say)|how\s+does\s+this\s+work)\b.*$")
_CUE = re.compile(
    r"\b(?:recommend|suggest|find|looking|look\s+for|want|need|would\s+like|i'd\s+like|something|anything|show|give|get|got"
    r"|buy|search|pick|choose|surprise|similar|like|have\s+you|do\s+you\s+have|in\s+the\s+mood|gift|present|please|for\s+me)\b"
)
_CHITCHAT = re.compile(
    r"\b(?:weather|who\s+are\s+you|are\s+you|your\s+name|how\s+are|capital|president|joke|time\s+is\s+it|meaning\s+of|write\s+"
    r"|tell\s+me\s+about|what\s+is|what's|who\s+is|when\s+did|how\s+old|where\s+is|translate|news|stock)\b"
)
_POLITE = re.compile(r"\bwould\s+(?:really\s+)?(?:like|love)\b(?!\s+it\b)|(?<=\bi'd)\s+(?:like|love)\b")
_LIKE_RELATION = re.compile(
    r"\b(?:like|similar\s+to|in\s+the\s+spirit\s+of|such\s+as|resembl\w+|more\s+of|close\s+to|same\s+as)\b"
)
_MATCH_RELATION = re.compile(
    r"\b(?:go(?:es|ing)?\s+(?:well\s+)?with|match(?:es|ing)?|pair(?:s|ed)?(?:\s+(?:well\s+)?with)?|suits?|complements?|fits?)\b"
)

_NEGATORS = frozenset(
    [
        "not",
        "no",
        "without",
        "except",
        "avoid",
        "never",
        "neither",
        "nor",
        "minus",
        "hate",
        "dislike",
        "excluding",
        "nothing",
        "isn't",
        "don't",
        "doesn't",
    ]
)
_NEGATING_PAIRS = re.compile(
    r"\b(?:anything|everything|any\s+\w+|all)\s+(?:but|except)\b|\bother\s+than\b|\binstead\s+of\b|\brather\s+than\b|\bapart\s+from\b|\bno\s+more\b"
)
_PASS_NEGATION = frozenset(
    [
        "a",
        "an",
        "the",
        "in",
        "any",
        "of",
        "too",
        "so",
        "by",
        "from",
        "made",
        "with",
        "want",
        "like",
        "need",
        "be",
        "to",
        "it",
        "is",
        "one",
        "ones",
        "something",
        "anything",
        "really",
        "very",
        "please",
        "that",
        "this",
        "i",
        "do",
        "does",
        "into",
        "on",
        "for",
        "made",
    ]
)
_FILLER_TEXT = """
neither don't doesn't hate hates dislike forget surprise nothing except without avoid never isn't aren't can't
a about actually after again ah all also am an and another any anything anyway are around as at available be
beautiful been best bit bring but buy by can choose chose color colors come complements cost costing costs
could did different do does doing draw drawing draws else even ever exactly example favorite favourite feel
film films find fine for from get gift give go goes going good got great had has have having hello help here
hey hi hmm how i i'd i'll i'm i've if image in instead interested into is it it's item items its just kind
kinda know last lately latest least less let like little look looking looks lot love loved lovely made make
many matched matches matching may maybe me mean might mine mood more most movie movies much must my myself
need new next nice no nor not now of off offer oh okay on one ones only or other others our out over own paint
pair pairing pairs perfect perhaps photo pick picks picture pictures please possible prefer preferably present
previous price priced product products purchase quite rated rather really recently recommend render resembles
resembling right same say search searching see seen select sell shall she should show similar similarly sketch
so some someone something somewhat sorry sort spirit still stuff such suggest suit suiting suits sure take
tell than thank thanks that that's the them then there these they thing things think this those though to tone
tones too top try two type under up us use very visualise visualize want was way we well what what's when
where which while who why will wish with without would yes yet you your
"""
_FILLER = frozenset(_FILLER_TEXT.split())
_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[,;.!?]")


class _Reading:
    """One message while it is being understood; `text` loses the words that were."""

    def __init__(self, lexicon: Lexicon, text: str, session: Session) -> None:
        self.lexicon, self.session = lexicon, session
        self.original = text
        straight = text.replace("’", "'").replace("‘", "'").casefold()
        self.said = re.sub(r"\s+", " ", _POLITE.sub("want", straight)).strip()
        self.text = self.said
        self.where: list[Constraint] = []
        self.dropped: list[str] = []
        self.not_understood: list[str] = []
        self.reference: Reference | None = None

    def request(self) -> ChatRequest:
        """Every step in order, then what the message wants."""
        plain = self._plain_intent()
        if plain is not None:
            return ChatRequest(text=self.original, intent=plain, dropped=("*",) if plain == "reset" else ())
        self._read_take_backs()
        named = read_titles(self.said, self.text, self.lexicon)
        self.text = named.rest
        self._read_numbers()
        self.reference = self._read_references(named.item_ids)
        self._read_comparatives()
        self._read_attribute_references()
        self._read_values()
        self._read_price_levels()
        return self._decide(named.item_ids, is_feedback_on_titles=named.is_feedback)

    def _plain_intent(self) -> Intent | None:
        """Messages that are nothing but a greeting, thanks, a call for help or a fresh start."""
        if _GREETING.match(self.said):
            return "greet"
        if _THANKS.match(self.said):
            return "thanks"
        if _HELP.match(self.said):
            return "help"
        match = _RESET.search(self.said)
        if match and not any(self.lexicon.meanings((word,)) for word in self.said.replace(match.group(), "").split()):
            return "reset"
        return None

    def _blank(self, pattern: str | re.Pattern[str]) -> list[re.Match[str]]:
        """All matches in the text, which become blanks."""
        found = list(re.finditer(pattern, self.text))
        self.text = re.sub(pattern, lambda match: " " * len(match.group()), self.text)
        return found

    def _read_take_backs(self) -> None:
        if self._blank(_RESET):
            self.dropped.append("*")
        for form in _TAKE_BACK:
            pattern = form.format(names=self.lexicon.attribute_pattern)
            self.dropped += [self.lexicon.attribute_names[match[1]] for match in self._blank(pattern)]
        if self.lexicon.price is not None and self._blank(_FREE_MONEY):
            self.dropped.append(self.lexicon.price)
        for match in _UNDO.finditer(self.text):
            words = words_of(match[1])
            meanings = self.lexicon.meanings(words) or self.lexicon.meanings(words[:1])
            if meanings:
                self.dropped.append(meanings[0].attribute)
                self.text = self.text[: match.start()] + " " * len(match.group()) + self.text[match.end() :]

    def _read_numbers(self) -> None:
        read = read_numbers(self.text, self.lexicon)
        self.where += read.constraints
        self.text = read.rest
        self.not_understood += read.homeless

    def _read_references(self, titled: Sequence[str]) -> Reference | None:
        past = read_history_reference(self.text, self.session)
        if past is not None:
            self.text = past.rest
            return past
        shown = read_shown_reference(self.text, self.session, self.lexicon)
        if shown is not None:
            self.text = shown.rest
            return shown
        return Reference(tuple(titled), self.text, "title") if titled else None

    @property
    def _focus(self) -> list[Item]:
        """The items that "that brand" or "cheaper" speak of."""
        if self.reference is not None and self.reference.item_ids:
            return [self.lexicon.catalog[item_id] for item_id in self.reference.item_ids]
        ids = [self.session.focus] if self.session.focus else self.session.shown[:1]
        return [self.lexicon.catalog[item_id] for item_id in ids]

    def _read_comparatives(self) -> None:
        self._compare(self.lexicon.price, _CHEAPER, _DEARER, ("cheaper", "more expensive"))
        self._compare(self.lexicon.year, _OLDER, _NEWER, ("older", "newer"))

    def _compare(
        self, attribute: str | None, less: re.Pattern[str], more: re.Pattern[str], words: tuple[str, str]
    ) -> None:
        """Less or more than what was shown: the least of the list, or the one that is named."""
        is_less, is_more = bool(self._blank(less)), bool(self._blank(more))
        if not is_less and not is_more:
            return
        if attribute is None:
            self.not_understood.append(words[0] if is_less else words[1])
            return
        shown = self._focus if self.reference else [self.lexicon.catalog[i] for i in self.session.shown]
        found = [item.attributes.get(attribute) for item in shown]
        numbers = [float(v) for v in found if isinstance(v, float | int) and not isinstance(v, bool)]
        if not numbers and attribute == self.lexicon.price:
            self.text += " cheap" if is_less else " expensive"
        elif not numbers:
            self.not_understood.append(words[0] if is_less else words[1])
        else:
            self.dropped.append(attribute)
            bound = Constraint(
                attribute=attribute,
                operator="<" if is_less else ">",
                value=min(numbers) if is_less else max(numbers),
            )
            self.where.append(bound)

    def _read_attribute_references(self) -> None:
        """That brand, another color: values of the item in focus."""
        names = self.lexicon.attribute_pattern
        other = rf"\b(?:another|a\s+different|different|some\s+other|any\s+other|other|(?:not|no|anything\s+but|except|without|but\s+not)\s+(?:from\s+|by\s+|in\s+)?{_FOCUS_WORDS})\s+({names})\b"
        for match in self._blank(other):
            self._add_focus_values(self.lexicon.attribute_names[match[1]], "!=", match.group())
        for match in self._blank(rf"\b{_FOCUS_WORDS}\s+({names})\b"):
            self._add_focus_values(self.lexicon.attribute_names[match[1]], "=", match.group())

    def _add_focus_values(self, attribute: str, operator: Literal["=", "!="], said: str) -> None:
        found = [item.attributes[attribute] for item in self._focus if attribute in item.attributes]
        values = [value for entry in found for value in _texts(entry)]
        if not values:
            self.not_understood.append(said.strip())
            return
        value = values[0] if len(values) == 1 else tuple(dict.fromkeys(values))
        self.where.append(Constraint(attribute=attribute, operator=operator, value=value))

    def _read_values(self) -> None:
        found, self.text = _ValueScanner(self.lexicon, self.text).scan()
        self.where += found

    def _read_price_levels(self) -> None:
        """Cheap and expensive, as thirds of what meets the other wishes."""
        price = self.lexicon.price
        is_cheap, is_dear = bool(self._blank(_CHEAP)), bool(self._blank(_DEAR))
        if price is None or is_cheap == is_dear or any(wish.attribute == price for wish in self.where):
            return
        wishes = [w for w in (*self.session.constraints, *self.where) if w.attribute != price]
        fitting = [item for item in self.lexicon.catalog if all(wish.holds(item) for wish in wishes)]
        found = [item.attributes.get(price) for item in (fitting or self.lexicon.catalog)]
        numbers = [float(v) for v in found if isinstance(v, float | int)]
        if numbers:
            border = float(np.quantile(numbers, _CHEAP_SHARE if is_cheap else 1 - _CHEAP_SHARE, method="nearest"))
            self.where.append(Constraint(attribute=price, operator="<=" if is_cheap else ">=", value=border))

    def _decide(self, titled: Sequence[str], *, is_feedback_on_titles: bool) -> ChatRequest:
        reference = self.reference
        ids = reference.item_ids if reference is not None else ()
        query = self._free_words()
        base = ChatRequest(
            text=self.original,
            intent="recommend",
            where=tuple(dict.fromkeys(self.where)),
            dropped=tuple(dict.fromkeys(self.dropped)),
            query=query,
            refers_to=tuple(ids),
            not_understood=tuple(self.not_understood),
            repeats=bool(_REPEATS.search(self.said)),
        )
        return _with_intent(base, self.said, reference, tuple(titled), is_feedback_on_titles, self.session)

    def _free_words(self) -> str:
        words = [word for word in _TOKEN.findall(self.text) if word[0].isalpha() and word not in _FILLER]
        return " ".join(word for word in words if len(word) > 2 and word not in self.lexicon.attribute_names)


def _with_intent(
    base: ChatRequest,
    said: str,
    reference: Reference | None,
    titled: tuple[str, ...],
    is_feedback_on_titles: bool,
    session: Session,
) -> ChatRequest:
    """What the message wants, from the strongest sign to the weakest."""
    has_wishes = bool(base.where or base.dropped)
    feedback = FEEDBACK.read(said, reference, session)
    if _EXPLAIN.search(said) and not has_wishes:
        return replace(base, intent="explain", query="")
    if feedback is not None:
        ids = base.refers_to or ((session.focus,) if session.focus else ())
        if feedback == "like" and ids and not (has_wishes and said.startswith("like")):
            return replace(base, intent="like", liked=ids, query="")
        if feedback == "dislike" and ids:
            return replace(base, intent="dislike", disliked=ids, query="")
    if titled and is_feedback_on_titles:
        return replace(base, intent="history", liked=titled, refers_to=(), query="" if not has_wishes else base.query)
    wants_list = has_wishes or _MORE.search(said)
    if _SHOW.search(said) and not wants_list and not base.query and (base.refers_to or session.shown):
        return replace(base, intent="show")
    relation: Relation | None = None
    if base.refers_to and reference is not None:
        is_measure = any(wish.operator in ("<", ">") for wish in base.where) and bool(base.dropped)
        relation = (
            None
            if is_measure
            else "goes_with"
            if _MATCH_RELATION.search(said) and not _LIKE_RELATION.search(said)
            else "like"
        )
    is_request = has_wishes or base.refers_to or base.not_understood or _CUE.search(said) or _MORE.search(said)
    if not is_request and (_CHITCHAT.search(said) or said.endswith("?") or not base.query):
        return replace(base, intent="other", query="")
    if _CHITCHAT.search(said) and not has_wishes and not base.refers_to:
        return replace(base, intent="other", query="")
    return replace(base, relation=relation)


def _texts(value: AttributeValue) -> list[str]:
    if isinstance(value, tuple):
        return list(value)
    return [value] if isinstance(value, str) else []


class _ValueScanner:
    """Finds attribute values in words from left to right, and which of them are unwanted."""

    def __init__(self, lexicon: Lexicon, text: str) -> None:
        self.lexicon = lexicon
        marked = _NEGATING_PAIRS.sub(lambda match: " not ", text)
        self.tokens = _TOKEN.findall(marked)
        self.is_negated, self.negated_attribute, self.link = False, "", ""
        self.found: list[tuple[Value, bool, str]] = []  # value, negated, the word that links it to the one before
        self.rest: list[str] = []

    def scan(self) -> tuple[list[Constraint], str]:
        """The wishes, and the words that were none."""
        position = 0
        while position < len(self.tokens):
            size, meanings = self._match(position)
            if meanings:
                self._take(self._choose(meanings, position, size))
            else:
                self._pass(self.tokens[position])
            position += max(size, 1)
        return self._constraints(), " ".join(self.rest)

    def _match(self, position: int) -> tuple[int, tuple[Value, ...]]:
        for size in range(min(self.lexicon.max_words, len(self.tokens) - position), 0, -1):
            words = tuple(self.tokens[position : position + size])
            if size == 1 and words[0] in _FILLER | _NEGATORS:
                continue
            meanings = self.lexicon.meanings(words)
            if meanings:
                return size, meanings
        word = self.tokens[position]
        corrected = None if word in _FILLER else self.lexicon.corrected(word)
        return 1, self.lexicon.meanings((corrected,)) if corrected else ()

    def _choose(self, meanings: tuple[Value, ...], position: int, size: int) -> Value:
        """The attribute named beside the value, else the likeliest."""
        beside = self.tokens[max(0, position - 2) : position] + self.tokens[position + size : position + size + 1]
        named = {self.lexicon.attribute_names[word] for word in beside if word in self.lexicon.attribute_names}
        before = self.tokens[max(0, position - 1) : position]
        for cue, is_cast in (("by", False), ("with", True), ("starring", True)):
            meant = self.lexicon.of_maker(meanings, is_cast=is_cast) if cue in before else None
            if meant is not None:
                return meant
        return next((meaning for meaning in meanings if meaning.attribute in named), meanings[0])

    def _take(self, meant: Value) -> None:
        if self.is_negated and self.negated_attribute:
            same = meant.attribute == self.negated_attribute
            self.is_negated = self.link in ("or", "nor") or (same and self.link in ("and", ","))
        self.found.append((meant, self.is_negated, self.link))
        self.negated_attribute, self.link = meant.attribute if self.is_negated else "", ""

    def _pass(self, word: str) -> None:
        if word in _NEGATORS:
            self.is_negated, self.negated_attribute, self.link = True, "", "and"
        elif word in ("or", "nor", "and", ","):
            self.link = word if self.link in ("", ",") else self.link
        elif word not in _PASS_NEGATION and word not in self.lexicon.attribute_names:
            self.is_negated, self.negated_attribute, self.link = False, "", ""
        self.rest.append(word)

    def _constraints(self) -> list[Constraint]:
        """Wishes over one attribute join: any of them where they exclude each other, all of them for several values."""
        wanted: list[Constraint] = []
        for meant, is_negated, link in self.found:
            last = wanted[-1] if wanted else None
            operator: Literal["=", "!="] = "!=" if is_negated else "="
            earlier = next(
                (w for w in wanted if w.attribute == meant.attribute and w.operator == operator == "="), None
            )
            is_any = link == "or" or not self.lexicon.is_multiple[meant.attribute]
            if earlier is not None and is_any and (last is earlier or not self.lexicon.is_multiple[meant.attribute]):
                value = earlier.value if isinstance(earlier.value, tuple) else (str(earlier.value),)
                joined = tuple(dict.fromkeys((*value, meant.value)))
                place = wanted.index(earlier)
                wanted[place] = Constraint(
                    attribute=meant.attribute, operator="=", value=joined if len(joined) > 1 else joined[0]
                )
            else:
                wanted.append(Constraint(attribute=meant.attribute, operator=operator, value=meant.value))
        return wanted
