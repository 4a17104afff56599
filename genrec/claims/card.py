"""The line that a card has room for: the heaviest claim or two, as short as a person would say them.

"Also a 1990s thriller, like Heat" · "By the director of Se7en" · "Red and made of wood, like Oslo Lamp" · "Chosen by
12 people after Heat". What only repeats the request is said where nothing else can be. Knows claims and labels;
deliberately knows no model, and leaves weighing to its caller.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from genrec.claims.check import is_garbled
from genrec.claims.claims import CO_CHOSEN, POPULARITY, ROLES, SIMILAR, Claim
from genrec.claims.merging import NounPhrase
from genrec.claims.wording import spoken_name, spoken_title
from genrec.data.labels import Label, Labels, enumerated, short_of
from genrec.schema import Item

_EARLIER = "one you chose earlier"  # in place of a title that has no room


def card_line(
    item: Item,
    claims: Sequence[Claim],
    labels: Labels,
    *,
    max_chars: int,
    title_of: Callable[[str], str] = spoken_title,
) -> str:
    """The heaviest claims in at most so many characters; empty where there is none that fits.

    claims: the heaviest first. title_of: the shortest title that still names one item alone.
    """
    for line in _lines(item, claims, labels, title_of):
        if line and len(line) <= max_chars and not is_garbled(line, [claim.source_title for claim in claims]):
            return line[0].upper() + line[1:]
    return ""


def _lines(item: Item, claims: Sequence[Claim], labels: Labels, title_of: Callable[[str], str]) -> Iterator[str]:
    """Lines to choose from, the best first: relations to the history, facts of the item, answers to the request."""
    relations = [claim for claim in claims if ROLES[claim.kind] == "relation"]
    groups: dict[object, list[Claim]] = {}
    for number, claim in enumerate(relations):
        groups.setdefault(claim.source if claim.kind == "history" else number, []).append(claim)
    for name in (title_of, None):
        for group in groups.values():
            first = group[0]
            if first.kind == "range":
                yield f"{short_of(_clause(first))}, {_answer(first)}"
                continue
            title = _EARLIER if name is None else _named(name(first.source_title), item)
            if first.kind == "history":
                yield from _shared_lines(group, labels, title)
            else:
                yield _neighbor_line(first, title)
    facts = [claim for claim in claims if ROLES[claim.kind] == "fact"]
    popularity = [short_of(_clause(claim)) for claim in facts if claim.attribute == POPULARITY]
    stated = [claim for claim in facts if claim.attribute != POPULARITY]
    for count in range(len(stated), 0, -1):
        said = NounPhrase.of(stated[:count], labels).phrase()
        yield from (", ".join([said, *popularity]), said)
    yield from popularity
    for claim in claims:
        if ROLES[claim.kind] == "answer":
            yield f"{short_of(_clause(claim))}, {_answer(claim)}"


def _named(title: str, item: Item) -> str:
    """A title as another item's: the other Strap top, for an item that is called so too."""
    return f"the other {title}" if title.casefold() == spoken_name(item).casefold() else title


def _clause(claim: Claim) -> str:
    """What a claim says of the item alone, without what it is likened to or answers."""
    text = claim.text.removeprefix("it ")
    if claim.kind in ("range", "constraint"):
        return text.rpartition(", ")[0]
    return text.removesuffix(f", like {claim.source_title}") if claim.kind == "history" else text


def _answer(claim: Claim) -> str:
    """What a claim answers: as you asked; a usual range is said to be one's own."""
    said = claim.text.rpartition(", ")[2]
    return re.sub(r"^within the (\S+) to (\S+) usual for you$", r"within your usual \1 to \2", said)


def _neighbor_line(claim: Claim, title: str) -> str:
    if claim.attribute == SIMILAR:
        return f"similar to {title}"
    assert claim.attribute == CO_CHOSEN
    return f"chosen by {claim.said[0]} {'person' if claim.said[0] == '1' else 'people'} after {title}"


def _shared_lines(group: Sequence[Claim], labels: Labels, title: str) -> Iterator[str]:
    """What an item shares with one of the history, as much as there is first."""
    first = group[0]
    if _must_be_named(labels[first.attribute]):
        yield from _named_lines(first, labels[first.attribute], title)
        return
    joined = [claim for claim in group if not _must_be_named(labels[claim.attribute])]
    for count in range(len(joined), 0, -1):
        some = joined[:count]
        label = labels[first.attribute]
        noun = NounPhrase.of(some, labels)
        if count > 1 and not noun.kinds and any(len(claim.said) > 1 for claim in some):
            continue  # a list of lists
        maker = next((claim for claim in some if _is_maker(claim, labels)), None)
        if maker is not None and title != _EARLIER and (count == 1 or noun.kinds):
            others = NounPhrase.of([claim for claim in some if claim is not maker], labels).phrase()
            yield f"{others} {labels[maker.attribute].link} {title}".strip()
        elif count == 1 and label.say == "cast":
            yield f"{short_of(_clause(first))}, as in {title}"
        elif noun.kinds and not noun.stands_alone:
            yield f"the same {label.name_of(len(noun.kinds))} as {title}: {enumerated(noun.kinds)}"
        else:
            yield f"{'also ' if noun.kinds else ''}{noun.phrase()}, like {title}"


def _is_maker(claim: Claim, labels: Labels) -> bool:
    """Whether a claim names the one maker of both: the director of Heat, not one of two of them."""
    return bool(labels[claim.attribute].link) and len(claim.said) == 1 and claim.is_whole


def _must_be_named(label: Label) -> bool:
    """Whether values say nothing without the attribute's name, or stand in another language."""
    is_foreign = not label.is_english and label.say in ("kind", "adjective", "property", "group", "value")
    return is_foreign or (label.say == "value" and not label.is_list)


def _named_lines(claim: Claim, label: Label, title: str) -> Iterator[str]:
    """A shared value after the name of its attribute: the same mood as Heat: dark."""
    name = label.name_of(len(claim.said))
    yield f"the same {name} as {title}: {enumerated(claim.said)}"
    yield f"the same {name} as {title}"
