"""Wording of the conversation: wishes, lists, facts and invitations in words, all of it from the catalog.

Knows sentences alone; what to say is decided in conversation.
"""

import re
from collections.abc import Iterable, Sequence

from genrec.chat.lexicon import Lexicon
from genrec.chat.retrieval import Retrieved
from genrec.chat.session import AVOIDED, LIKENESS, PHOTO, WORDS, Session
from genrec.claims.about import about
from genrec.claims.wording import BOUND_WORDS, say_value
from genrec.data.filters import Predicate
from genrec.data.labels import Labels, format_number
from genrec.data.labels.names import spoken_name
from genrec.schema import AttributeValue, Catalog, Item

NUM_EXAMPLES = 3
NUM_RECALLED = 5
NUM_NAMED = 2  # of the items that a list is like


def describe(wish: Predicate) -> str:
    """A wish in words: color red, price under 40, not brand Halden."""
    name = spoken_name(wish.attribute)
    if isinstance(wish.value, float | int):
        sign = BOUND_WORDS.get(wish.operator, "" if wish.operator == "=" else "not")
        return " ".join(f"{name} {sign} {format_number(wish.value)}".split())
    said = wish.value if isinstance(wish.value, str) else " or ".join(wish.value)
    return f"{'not ' if wish.operator == '!=' else ''}{name} {said}"


def described(wishes: Sequence[Predicate]) -> list[str]:
    """Wishes in words; a lower and an upper bound of one number are said as one: price from 20 to 30."""
    said = []
    for wish in wishes:
        upper = next((other for other in wishes if (other.attribute, other.operator) == (wish.attribute, "<=")), None)
        lower = next((other for other in wishes if (other.attribute, other.operator) == (wish.attribute, ">=")), None)
        if upper is None or lower is None or wish not in (lower, upper):
            said.append(describe(wish))
        elif wish is lower:
            low, high = (format_number(float(bound.value)) for bound in (lower, upper))  # type: ignore[arg-type]
            said.append(f"{spoken_name(wish.attribute)} from {low} to {high}")
    return said


def _some_titles_of(item_ids: Sequence[str], catalog: Catalog) -> str:
    """The titles of two items; of more, the first and how many others."""
    if len(item_ids) <= NUM_NAMED:
        return titles_of(item_ids, catalog)
    return f"{titles_of(item_ids[:1], catalog)} and {len(item_ids) - 1} others"


def titles_of(item_ids: Iterable[str], catalog: Catalog) -> str:
    """The titles of some items in words."""
    items = [catalog[item_id] for item_id in item_ids]
    return say_value(tuple(item.name for item in items))


def notes_on(found: Retrieved) -> list[str]:
    """What must be admitted of the items that were found."""
    match found.kind:
        case "seen":
            return ["Nothing new meets your wishes, so these were shown before."]
        case "used up":
            return ["You have liked, chosen or refused every item; take something back, or start over."]
        case "nothing":
            return ["Nothing is left to show."]
        case "nearest":
            left_out = " and ".join(describe(wish) for wish in found.relaxed)
            return [f"Nothing more meets all your wishes, so I left out {left_out}; these come nearest."]
    return []


def headline(found: Retrieved, session: Session, catalog: Catalog) -> str:
    """What a list is: how many, which wishes all of it meets, what it is like."""
    wishes = described([wish for wish in session.constraints if wish not in found.relaxed])
    count = len(found.item_ids)
    said = f"Here {'is one' if count == 1 else f'are {count}'} for you"
    if wishes:
        said += f" ({', '.join(wishes)})"
    if session.refers_to:
        link = "to go with" if session.relation == "goes_with" else "like"
        said += f", {link} {_some_titles_of(session.refers_to, catalog)}"
    if session.query:
        said += f", nearest to the words “{session.query}”"
    if session.photo is not None:
        said += f"{' and' if session.query else ', nearest to'} your photo"
    if session.avoided:
        said += f", none of which names {' or '.join(f'“{words}”' for words in session.avoided)}"
    return f"{said}:"


def standing_wishes(session: Session, catalog: Catalog) -> list[tuple[str, str]]:
    """Every wish that stands, each with what `Session.take_back` takes for it, and in words."""
    wishes = [(wish.attribute, describe(wish)) for wish in session.constraints]
    if session.query:
        wishes.append((WORDS, f"“{session.query}”"))
    if session.avoided:
        wishes.append((AVOIDED, f"without {' or '.join(f'“{words}”' for words in session.avoided)}"))
    if session.photo is not None:
        wishes.append((PHOTO, "like your photo"))
    if session.refers_to:
        link = "to go with" if session.relation == "goes_with" else "like"
        wishes.append((LIKENESS, f"{link} {_some_titles_of(session.refers_to, catalog)}"))
    return wishes


def courtesy(said: str) -> str:
    """The short answer to thanks, praise or a goodbye."""
    if re.search(r"\b(?:bye|goodbye|see you|good night)\b", said, re.IGNORECASE):
        return "Goodbye, and welcome back any time."
    thanked = "You are welcome. " if re.search(r"\b(?:thanks?|thx|cheers|ta)\b", said, re.IGNORECASE) else ""
    return f"{thanked}Tell me what to change, or ask why or show me."


def recall(session: Session, catalog: Catalog, lexicon: Lexicon) -> str:
    """What is known of a person: wishes, words, what they chose and what they refused, the latest of each."""
    wanted = described(session.constraints)
    if session.query:
        wanted.append(f"near the words “{session.query}”")
    if session.refers_to:
        link = "to go with" if session.relation == "goes_with" else "like"
        wanted.append(f"{link} {_some_titles_of(session.refers_to, catalog)}")
    if session.photo is not None:
        wanted.append("near your photo")
    wanted += [f"without “{words}”" for words in session.avoided]
    told = [f"You want it {'; '.join(wanted)}."] if wanted else []
    for item_ids, said in ((session.history, "chosen or liked"), (session.disliked, "refused")):
        if item_ids:
            latest = titles_of(item_ids[: -NUM_RECALLED - 1 : -1], catalog)
            some = "" if len(item_ids) <= NUM_RECALLED else f" {len(item_ids)} things, lately"
            told.append(f"You have {said}{some} {latest}.")
    return " ".join(told) or f"So far I know nothing of you. {invitation(lexicon)}"


def facts(items: Sequence[Item], labels: Labels) -> str:
    """What the catalog says of one item, or how several compare."""
    known = [{labels.name(name): value for name, value in labels.said(item).items()} for item in items]
    if len(items) == 1:
        told = about(items[0], labels)
        if not known[0] and not told:
            more = "that can be said in words" if items[0].attributes else "than who chose it"
            return f"Nothing more is known of {items[0].name} {more}."
        return f"{items[0].name}: {_listing(known[0])}.{told and f' {told}'}"
    shared = {name: value for name, value in known[0].items() if all(entry.get(name) == value for entry in known)}
    sentences = [f"In common: {_listing(shared)}."] if shared else ["They have nothing in common."]
    for item, attributes in zip(items, known, strict=True):
        own = {name: value for name, value in attributes.items() if name not in shared}
        sentences.append(f"{item.name}: {_listing(own) or 'no more than that'}.")
    return " ".join(sentences)


def _listing(attributes: dict[str, AttributeValue]) -> str:
    return ", ".join(f"{name} {say_value(value)}" for name, value in attributes.items())


def examples(lexicon: Lexicon) -> str:
    """What can be asked by, in the catalog's own words: category (bag, chair …), color (red, blue …), price."""
    names = (*lexicon.text_attributes[:2], *([lexicon.price] if lexicon.price else lexicon.numeric[:1]))
    return ", ".join(examples_of(name, lexicon) for name in names)


def examples_of(attribute: str, lexicon: Lexicon) -> str:
    """An attribute with its most frequent values, a number by its name alone."""
    name = spoken_name(attribute)
    if attribute in lexicon.numeric:
        return name
    return f"{name} ({', '.join(str(value) for value in lexicon.values[attribute][:NUM_EXAMPLES])} …)"


def invitation(lexicon: Lexicon) -> str:
    """What can be asked here."""
    named = examples(lexicon)
    has_words = bool(named or lexicon.titles) or any(item.words for item in lexicon.catalog)
    own = "Ask in your own words; " if has_words else "No item here has words to ask by; "
    asked = f"Ask by {named}; " if named else own
    return f"{asked}name things you like, or say “more like the second” or “why?”."


def question(lexicon: Lexicon) -> str:
    """The one question to a request that is too open, for a person who is not known yet."""
    first = lexicon.text_attributes[:1]
    values = [str(value) for value in lexicon.values[first[0]][: 2 * NUM_EXAMPLES]] if first else []
    some = f" – {', '.join(values)} …" if values else ""
    return f"What are you after{some}, or which things did you like before?"
