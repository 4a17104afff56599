"""Several claims as one: those about one history item in one clause, and all of them as a noun phrase.

"A red lamp made of wood, like Oslo Lamp" · "a 1990s thriller by Michael Mann". Knows the places around a noun;
deliberately weighs nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from genrec.claims.claims import Claim, clause_of
from genrec.data.labels import Labels, enumerated, kind_phrase, short_of, stand_alone


def merge_by_source(claims: Iterable[Claim], labels: Labels | None = None) -> list[Claim]:
    """Claims with those about one history item said as one, which names it once, at the place of the first.

    "it is green, like A", "it has a retro style, like A" become "it is green and has a retro style, like A". labels: to
    say them as one noun phrase where one of them is a noun, "it is a green lamp with a retro style, like A"; without
    them, as wording is practiced, they are only joined. Only texts are merged; numbers and flags stay by themselves.
    """
    groups: dict[object, list[Claim]] = {}
    for number, claim in enumerate(claims):
        is_text = not isinstance(claim.value, float | int)
        groups.setdefault(claim.source if claim.kind == "history" and is_text else number, []).append(claim)
    return [_merged(group, labels) for group in groups.values()]


def _merged(group: Sequence[Claim], labels: Labels | None) -> Claim:
    first = group[0]
    if len(group) == 1:
        return first
    noun = NounPhrase() if labels is None else NounPhrase.of(group, labels)
    clause = f"is {noun.phrase()}" if noun.kinds and noun.stands_alone else _joined(group)
    said = tuple(word for claim in group for word in claim.said)
    return replace(first, value=said, said=said, text=f"it {clause}, like {first.source_title}")


def _joined(group: Sequence[Claim]) -> str:
    clauses: list[str] = []
    verb = ""
    for claim in group:
        clause = claim.text.removeprefix("it ").removesuffix(f", like {claim.source_title}")
        clauses.append(clause.removeprefix(f"{verb} ") if verb else clause)
        verb = clause.split(" ", 1)[0]
    if any(" and " in clause for clause in clauses):  # a list itself: a comedy and a drama, and rated PG
        return f"{', '.join(clauses[:-1])}, and {clauses[-1]}"
    return enumerated(clauses)


@dataclass
class NounPhrase:
    """A noun phrase in the making: a [red] [1990s] [thriller] [made of wood] [and] [by Halden]."""

    before: list[str] = field(default_factory=list)
    decade: str = ""
    kinds: list[str] = field(default_factory=list)
    is_loose: bool = False
    behind: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, claims: Sequence[Claim], labels: Labels) -> "NounPhrase":
        """Sort claims into their places around the noun."""
        noun = cls()
        for claim in claims:
            label = labels[claim.attribute]
            if label.say == "kind" and label.is_english and not noun.kinds:
                noun.kinds, noun.is_loose = list(claim.said), label.is_loose
            elif label.is_decade(claim.value):
                noun.decade = str(claim.value)
            elif label.say == "adjective" and label.is_english and not isinstance(claim.value, tuple):
                noun.before.append(claim.said[0])
            else:
                clause = clause_of(label, claim.value)
                is_word = clause.startswith("is ") and clause.count(" ") == 1 and label.is_english
                (noun.before if is_word else noun.behind).append(short_of(clause))
        return noun

    def phrase(self) -> str:
        """The phrase in words; without a noun what is said of it stands alone: red and made of wood."""
        before = _unlike(self.before)
        if self.kinds:
            said = kind_phrase(self.kinds, is_loose=self.is_loose, before=[*before, *filter(None, [self.decade])])
            return f"{said} {enumerated(self.behind)}".strip()
        behind = [f"from the {self.decade}", *self.behind] if self.decade else self.behind
        if not before:
            return enumerated(behind)
        if behind and behind[0].startswith("with "):  # red with a playful style, but red and made of wood
            return f"{enumerated(before)} {enumerated(behind)}"
        return enumerated([*before, *behind])

    @property
    def stands_alone(self) -> bool:
        """Whether its nouns make a phrase by themselves: a crime drama, not action and crime."""
        return bool(self.before or self.decade) or stand_alone(self.kinds, is_loose=self.is_loose)


def _unlike(words: Sequence[str]) -> list[str]:
    """Adjectives without those that another says already: light beige, but not beige, too."""
    kept: list[str] = []
    for word in words:
        others = (*kept, *(other for other in words if other != word))
        if not any(set(word.split()) <= set(other.split()) for other in others):
            kept.append(word)
    return kept
