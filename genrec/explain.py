"""Why an item is recommended: evidence first, weighed by the recommendation's own score, then words that are checked.

Leave-one-out attribution: each history item is taken away and the item is scored again; the drop in nats is what that
history item is worth, and what is said about it inherits the worth. The language model only phrases the chosen claims;
a text that says anything else is replaced by a template of the same claims. Knows nothing of how recommendations are
searched for.
"""

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from genrec.claims.card import card_line
from genrec.claims.check import check_text
from genrec.claims.claims import (
    CO_CHOSEN,
    POPULARITY,
    ROLES,
    SIMILAR,
    Claim,
    ClaimRole,
    candidate_claims,
)
from genrec.claims.merging import merge_by_source
from genrec.claims.template import phrase
from genrec.claims.wording import spoken_title, words_of
from genrec.config import Config, ExplainConfig, SplitConfig
from genrec.data.filters import Predicate
from genrec.data.labels import Labels, Say
from genrec.data.splits import split_interactions
from genrec.errors import WriterBusy
from genrec.fusion.eyes import Eyes
from genrec.prompting import Message, render
from genrec.ranking.client import Attribution, Case
from genrec.schema import (
    AttributeValue,
    Catalog,
    Evidence,
    EvidenceKind,
    Explanation,
    FloatArray,
    Interactions,
    Item,
)
from genrec.search.index import SearchIndex
from genrec.search.names import NameMatch

MIN_PEOPLE = 3  # fewer people than this are no pattern worth naming
NEAR_SHARE = 0.01  # "close to" means among this share of the catalog that is nearest
USUAL_SURPRISE = 0.7  # a number in the usual range: about half of the items have one
# How much of a taste it tells that values of these roles are shared; of all others 1.
_OF_TASTE: Mapping[Say, float] = {"time": 0.7, "truth": 0.7, "value": 0.7, "group": 0.4, "number": 0.5, "rating": 0.3}
_YEAR_AT_END = re.compile(r"\s*\(\d{4}\)$")


class ExplainingModels(Protocol):
    """What explanations ask of a `ModelClient`."""

    def attributions(self, cases: Sequence[Case]) -> list[Attribution]:
        """By how many nats each case's score falls without each item of its history."""

    def write(self, messages: Sequence[Message], *, max_new_tokens: int) -> list[str]:
        """Claims put into words. Raises WriterBusy."""


class Explainable(Protocol):
    """What a recommender must offer to be explained."""

    @property
    def catalog(self) -> Catalog: ...
    @property
    def evidence(self) -> "EvidenceIndex": ...
    @property
    def client(self) -> ExplainingModels: ...
    @property
    def config(self) -> Config: ...
    @property
    def search(self) -> SearchIndex: ...
    def chosen_history(self, user: str | None, history: Sequence[str] | None) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WeighedClaim:
    """A claim, the nats by which the score falls without its source, and how telling it is (nats of surprise).

    topic: what it speaks of, which is spoken of once.
    """

    claim: Claim
    weight: float
    surprise: float
    topic: str


class EvidenceIndex:
    """What the catalog and the training events say, counted once: how common values are, who chose what when."""

    def __init__(
        self,
        catalog: Catalog,
        train: Interactions,
        vectors: FloatArray,
        labels: Labels | None = None,
        eyes: Eyes | None = None,
    ) -> None:
        """labels: how attributes are spoken; made from the catalog where none are given. eyes: where people look, if
        the fuser tells."""
        self.catalog, self.vectors, self.eyes = catalog, vectors, eyes
        self.labels = Labels.of(catalog) if labels is None else labels
        self._num_with: Counter[tuple[str, str]] = Counter()
        self._num_titled: Counter[str] = Counter()
        for item in catalog:
            self._num_titled[_yearless(item.title)] += 1
            for name, value in self.labels.said(item).items():
                self._num_with.update(_attribute_keys(name, value))
                decade = self.labels[name].decade(value)
                if decade is not None:
                    self._num_with[name, decade] += 1
        self._visits: dict[str, dict[str, tuple[int, int]]] = {}
        for user, (start, end) in train.user_bounds().items():
            for position in range(start, end):
                visits = self._visits.setdefault(train.item_ids[position], {})
                visits[user] = (visits.get(user, (position, position))[0], position)
        self.num_users = len(train.user_bounds())

    @classmethod
    def of(
        cls,
        catalog: Catalog,
        interactions: Interactions,
        vectors: FloatArray,
        config: SplitConfig,
        labels: Labels | None = None,
        eyes: Eyes | None = None,
    ) -> "EvidenceIndex":
        """Count the training events of a split of these interactions."""
        return cls(catalog, split_interactions(interactions, config).train, vectors, labels, eyes)

    def shortest_title(self, title: str) -> str:
        """A title without its year, where no other item is called so."""
        return spoken_title(_yearless(title)) if self._num_titled[_yearless(title)] <= 1 else spoken_title(title)

    def num_people(self, item_id: str) -> int:
        """How many people chose the item in the training events."""
        return len(self._visits.get(item_id, {}))

    def num_chosen_after(self, past_id: str, item_id: str) -> int:
        """How many people chose the item at some time after this one."""
        past, item = self._visits.get(past_id, {}), self._visits.get(item_id, {})
        return sum(1 for user in past.keys() & item.keys() if past[user][0] < item[user][1])

    def is_telling(self, claim: Claim) -> bool:
        """Whether a claim is worth saying.

        A fact of the item alone is where another item shares it; a shared value is where the attribute is of taste; a
        shared number where it says for whom it is, such as up to 4 players.
        """
        label = self.labels[claim.attribute]
        if claim.kind == "attribute":
            return claim.attribute == POPULARITY or all(self._num_with[key] > 1 for key in _value_keys(claim))
        if claim.kind == "range":
            return label.say in ("price", "number")
        if claim.kind == "history" and isinstance(claim.value, float | int) and not isinstance(claim.value, bool):
            return label.form.startswith("is for ")
        return claim.kind != "history" or label.is_taste

    def nearest(self, item_id: str, others: Sequence[str]) -> list[str]:
        """Those of `others` that are among the item's nearest NEAR_SHARE of the catalog by fused vectors.

        None of an item without a vector, of which nothing is known.
        """
        row = self.catalog.row(item_id)
        scores_N = self.vectors @ self.vectors[row]
        scores_N[row] = -np.inf
        num_near = max(1, int(NEAR_SHARE * len(self.catalog)))
        border = max(np.partition(scores_N, -num_near)[-num_near], np.finfo(np.float32).tiny)
        return [other for other in others if scores_N[self.catalog.row(other)] >= border]

    def surprise(self, item_id: str, claim: Claim) -> float:
        """How telling a claim is, in nats: -log of the share of items of which it would be true.

        For followers, by how much people who chose the other item choose this one more than people do at all.
        """
        if claim.attribute == POPULARITY:
            return 0.0
        if claim.kind == "range":
            return USUAL_SURPRISE
        if claim.attribute == SIMILAR:
            return -0.5 * float(np.log(NEAR_SHARE))
        if claim.attribute == CO_CHOSEN:
            share_after = float(claim.value) / max(self.num_people(claim.source), 1)  # type: ignore[arg-type]
            share = self.num_people(item_id) / max(self.num_users, 1)
            return max(0.0, float(np.log(share_after / share)))
        counts = [max(self._num_with[key], 1) for key in _value_keys(claim)]
        told = float(sum(np.log(len(self.catalog) / count) for count in counts))
        return told * _OF_TASTE.get(self.labels.role(claim.attribute), 1.0)


def _value_keys(claim: Claim) -> list[tuple[str, str]]:
    """(attribute, value) pairs that count as equal; each of several values is a pair."""
    return _attribute_keys(claim.attribute, claim.value)


def _attribute_keys(attribute: str, value: AttributeValue) -> list[tuple[str, str]]:
    return [(attribute, str(entry)) for entry in (value if isinstance(value, tuple) else (value,))]


def _yearless(title: str) -> str:
    return _YEAR_AT_END.sub("", title) or title


def explain(
    recommender: Explainable,
    *,
    user: str | None = None,
    history: Sequence[str] | None = None,
    item_id: str,
    query: str = "",
    constraints: Sequence[Predicate] = (),
) -> Explanation:
    """Why an item suits a user or a history (item ids, oldest first), and the words or wishes of a request.

    Raises UnknownItem for an item or a history item that the catalog lacks, UnknownUser, and InputError when both a
    user and a history are given.
    """
    return explain_batch(
        recommender, [recommender.chosen_history(user, history)], [item_id], query=query, constraints=constraints
    )[0]


def explain_batch(
    recommender: Explainable,
    histories: Sequence[Sequence[str]],
    item_ids: Sequence[str],
    *,
    query: str = "",
    constraints: Sequence[Predicate] = (),
) -> list[Explanation]:
    """`explain` for many pairs of a history and an item at once: one batch of scores, one batch of words."""
    index, catalog = recommender.evidence, recommender.catalog
    items = [catalog[item_id] for item_id in item_ids]
    shown = [visible_history(history, recommender) for history in histories]
    cases = zip(shown, item_ids, strict=True)
    attributions = recommender.client.attributions(
        [Case(history=past, item_id=item_id, query=query) for past, item_id in cases]
    )
    named = recommender.search.names(query) if query else ()
    chosen = []
    for item, past, drop in zip(items, shown, attributions, strict=True):
        asked = [*constraints, *_asked_values(item, catalog.row(item.item_id), named, index.labels)]
        candidates = weigh_claims(index, item, [catalog[i] for i in past], drop, constraints=asked)
        chosen.append(choose_claims(candidates, recommender.config.explain))
    said = [merge_by_source((weighed.claim for weighed in claims), index.labels) for claims in chosen]
    texts = _phrase(recommender, items, said)
    max_chars = recommender.config.explain.max_reason_chars
    return [
        Explanation(
            item_id=item.item_id,
            text=text,
            evidence=(*(_evidence(weighed) for weighed in claims), *_seen(recommender, past, item)),
            phrased_by="model" if is_model else "template",
            reason=card_line(
                item,
                [weighed.claim for weighed in sorted(claims, key=_worth, reverse=True)],
                index.labels,
                max_chars=max_chars,
                title_of=index.shortest_title,
            ),
        )
        for item, past, claims, (text, is_model) in zip(items, shown, chosen, texts, strict=True)
    ]


def visible_history(history: Sequence[str], recommender: Explainable) -> tuple[str, ...]:
    """What the model's prompt shows of a history; older items cannot be a reason. Raises UnknownItem."""
    return tuple(recommender.catalog[item_id].item_id for item_id in history)[-recommender.config.tune.max_history :]


def weigh_claims(
    index: EvidenceIndex,
    item: Item,
    history: Sequence[Item],
    attributions: Mapping[str, float],
    *,
    constraints: Iterable[Predicate] = (),
) -> list[WeighedClaim]:
    """Every candidate claim that tells something, with its weight and its surprise."""
    past_ids = [past.item_id for past in history if past.item_id != item.item_id]
    after = {past: index.num_chosen_after(past, item.item_id) for past in dict.fromkeys(past_ids)}
    num_people = index.num_people(item.item_id)
    claims = candidate_claims(
        item,
        history,
        index.labels,
        num_chosen_after={past: count for past, count in after.items() if count >= MIN_PEOPLE},
        similar=index.nearest(item.item_id, past_ids),
        num_people=num_people if num_people >= MIN_PEOPLE else 0,
        constraints=list(constraints),
    )
    weighed = []
    for claim in claims:
        if index.is_telling(claim):
            weight = _claim_weight(claim, history, attributions)
            surprise, topic = index.surprise(item.item_id, claim), index.labels.topic(claim.attribute)
            weighed.append(WeighedClaim(claim=claim, weight=weight, surprise=surprise, topic=topic))
    return weighed


def _claim_weight(claim: Claim, history: Sequence[Item], attributions: Mapping[str, float]) -> float:
    """The drop that a claim inherits: of its history item, of the one with the nearest number for a range, or the
    largest among those that share the value; an answer to a wish rests on the wish alone and weighs 0."""
    if claim.kind == "constraint":
        return 0.0
    if claim.source_title:
        return attributions.get(claim.source, 0.0)
    if claim.kind == "range":
        numbers = [(past, past.attributes.get(claim.attribute)) for past in history]
        gaps = [(abs(v - claim.value), past) for past, v in numbers if isinstance(v, float | int)]  # type: ignore[operator]
        return attributions.get(min(gaps, key=lambda gap: gap[0])[1].item_id, 0.0)
    name, keys = claim.attribute, set(_value_keys(claim))
    with_it = [past for past in history if name in past.attributes]
    sharing = [past for past in with_it if not keys.isdisjoint(_attribute_keys(name, past.attributes[name]))]
    return max((attributions.get(past.item_id, 0.0) for past in sharing), default=0.0)


def _asked_values(item: Item, row: int, named: Iterable[NameMatch], labels: Labels) -> list[Predicate]:
    """The item's own values that a request names whole, as it spells them."""
    sayable = labels.said(item)
    return [
        Predicate(attribute=name.attribute, operator="=", value=name.value)
        for name in named
        if name.attribute is not None and name.attribute in sayable and name.is_whole and row in name.rows
    ]


def choose_claims(candidates: Sequence[WeighedClaim], config: ExplainConfig) -> list[WeighedClaim]:
    """The most telling claims whose removal the score feels, different in attribute, spread over history items.

    At most one answers the request; facts of the item alone and its popularity fill in only when the history gives no
    reason. Heaviest first.
    """
    by_role: dict[ClaimRole, list[WeighedClaim]] = {"answer": [], "relation": [], "fact": []}
    for candidate in candidates:
        by_role[ROLES[candidate.claim.kind]].append(candidate)
    asked, facts = by_role["answer"], by_role["fact"]
    related = [c for c in by_role["relation"] if c.weight > config.min_weight_nats]
    chosen = sorted(asked, key=lambda c: -c.surprise)[:1]
    for pool in (related, facts):
        if pool is facts and any(c in related for c in chosen):
            break
        while len(chosen) < config.max_evidence:
            taken = {c.topic for c in chosen}
            left = [c for c in pool if c.topic not in taken and not _is_said(c.claim, chosen)]
            if not left:
                break
            sources = Counter(c.claim.source for c in chosen)
            chosen.append(max(left, key=lambda c: _worth(c) * config.repeated_source ** sources[c.claim.source]))
    return sorted(chosen, key=lambda c: -c.weight)


def _is_said(claim: Claim, chosen: Sequence[WeighedClaim]) -> bool:
    """Whether words of a claim say no more, or no less, than those of one that was chosen: beige beside light beige."""
    mine = [set(words_of(said)) for said in claim.said]
    theirs = [set(words_of(said)) for weighed in chosen for said in weighed.claim.said]
    return any(one <= other or other <= one for one in mine for other in theirs)


def _worth(candidate: WeighedClaim) -> float:
    """What claims are ranked by; one that moves no score counts by its surprise, below all that do."""
    return candidate.weight * candidate.surprise if candidate.weight > 0 else 1e-6 * candidate.surprise


def _phrase(
    recommender: Explainable, items: Sequence[Item], claims: Sequence[Sequence[Claim]]
) -> list[tuple[str, bool]]:
    """A checked text for each item, and whether the model wrote it.

    The model may say all claims, else the two heaviest, else the heaviest; the template says all when it fails, or has
    no time.
    """
    texts: dict[int, str] = {}
    said = list(claims)
    tried = [n for n, theirs in enumerate(said) if theirs]
    while tried:
        try:
            answers = _write(recommender, [items[n] for n in tried], [said[n] for n in tried])
        except WriterBusy:
            break
        for n, text in zip(tried, answers, strict=True):
            if not check_text(text, items[n], said[n]):
                texts[n] = text.strip()
        tried = [n for n in tried if n not in texts and len(said[n]) > 1]
        for n in tried:
            said[n] = said[n][: min(2, len(said[n]) - 1)]
    seed = recommender.config.seed
    return [
        (texts[n], True) if n in texts else (_template(item, theirs, seed), False)
        for n, (item, theirs) in enumerate(zip(items, claims, strict=True))
    ]


def _write(recommender: Explainable, items: Sequence[Item], claims: Sequence[Sequence[Claim]]) -> list[str]:
    """What the model says when asked to say exactly these claims."""
    messages = [
        render("explain", title=item.name, claims=[claim.text for claim in theirs])
        for item, theirs in zip(items, claims, strict=True)
    ]
    limit = recommender.config.explain.max_new_tokens
    return recommender.client.write(messages, max_new_tokens=limit) if messages else []


def _template(item: Item, claims: Sequence[Claim], seed: int) -> str:
    """The same claims from the grammar, equal words for equal cases."""
    if not claims:
        return f"Nothing in this history or in what is known of {item.name} explains it."
    case = zlib.crc32("\n".join([item.item_id, *(claim.text for claim in claims)]).encode())
    return phrase(item, claims, np.random.default_rng([seed, case]), plainly=True)


def _seen(recommender: Explainable, past: Sequence[str], item: Item) -> Iterator[Evidence]:
    """What the person looks at in the item's picture, where the fuser tells; shown, and not said in the text."""
    eyes, config = recommender.evidence.eyes, recommender.config.explain
    found = None if eyes is None else eyes.evidence(past, item, min_weight_nats=config.min_weight_nats)
    if found is not None:
        yield found


def _evidence(weighed: WeighedClaim) -> Evidence:
    kinds: Mapping[str, EvidenceKind] = {"history": "history", "neighbor": "neighbor"}
    kind = kinds.get(weighed.claim.kind, "attribute")
    return Evidence(kind=kind, source=weighed.claim.source, claim=weighed.claim.text, weight=weighed.weight)
