"""Evidence is weighed by the score itself, and nothing unsupported is ever shown."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from genrec.claims.check import check_text
from genrec.claims.claims import attribute_claims
from genrec.config import Config, ExplainConfig, SplitConfig
from genrec.data.filters import Predicate
from genrec.errors import UnknownItem, UnknownUser, WriterBusy
from genrec.explain import EvidenceIndex, explain, explain_batch
from genrec.prompting import Message
from genrec.ranking.attribution import leave_one_out
from genrec.ranking.client import Attribution, Case
from genrec.schema import Catalog, Interactions, Item
from genrec.search import SearchIndex

COLORS, KINDS, BRANDS = ("red", "blue", "green", "black"), ("lamp", "mug", "chair"), ("Halden", "Popsy", "Zaza")


def make_catalog(num_items: int = 36) -> Catalog:
    """Items whose attributes run through all combinations; each title is unique and says nothing."""
    return Catalog(
        items=tuple(
            Item(
                item_id=f"i{n}",
                title=f"Thing Number {n}",
                attributes={
                    "color": COLORS[n % 4],
                    "category": KINDS[n % 3],
                    "brand": BRANDS[n // 12 % 3],
                    "price": 10.0 + n,
                    "note": f"a text of its own for item {n} that no reason may quote at all",
                },
            )
            for n in range(num_items)
        )
    )


class Says:
    """A writer with a known answer to every message."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        self.answer = answer

    def write(self, messages: Sequence[Message], *, max_new_tokens: int) -> list[str]:
        return [self.answer(str(message)) for message in messages]


class Busy(Says):
    """A writer who has no time after some messages."""

    def __init__(self, num_before: int, answer: Callable[[str], str]) -> None:
        super().__init__(answer)
        self.num_left = num_before

    def write(self, messages: Sequence[Message], *, max_new_tokens: int) -> list[str]:
        self.num_left -= 1
        if self.num_left < 0:
            raise WriterBusy("too much else to say")
        return super().write(messages, max_new_tokens=max_new_tokens)


class KnownRecommender:
    """A recommender whose log-probability is known: nats for each history item that shares the target's color."""

    def __init__(self, writer: Says, *, nats: float = 1.5, config: Config | None = None) -> None:
        self.catalog = make_catalog()
        self.config = config or Config(split=SplitConfig(protocol="leave-one-out"))
        users = [(f"u{u}", (u + step * 4) % 36) for u in range(24) for step in range(5)]
        self.interactions = Interactions.sort(user_ids=[u for u, _ in users], item_ids=[f"i{n}" for _, n in users])
        angles = np.arange(36) / 36 * 2 * np.pi
        self.vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
        self.evidence = EvidenceIndex.of(self.catalog, self.interactions, self.vectors, self.config.split)
        self.search = SearchIndex.of(self.catalog)
        self.client = KnownModels(self.catalog, writer, nats)

    def chosen_history(self, user: str | None, history: Sequence[str] | None) -> tuple[str, ...]:
        return self.interactions.history(user) if user is not None else tuple(history or ())


class KnownModels:
    """Nats for each history item that shares the target's color, and words of a known writer."""

    def __init__(self, catalog: Catalog, writer: Says, nats: float) -> None:
        self.catalog, self.nats, self.write = catalog, nats, writer.write

    def attributions(self, cases: Sequence[Case]) -> list[Attribution]:
        color = {item.item_id: item.attributes["color"] for item in self.catalog}

        def score(histories: Sequence[Sequence[str]], numbers: Sequence[int]) -> np.ndarray:
            nats = [
                sum(
                    self.nats + 0.01 * self.catalog.row(past)
                    for past in history
                    if color[past] == color[cases[n].item_id]
                )
                for history, n in zip(histories, numbers, strict=True)
            ]
            return np.array(nats, dtype=np.float64)

        return leave_one_out([case.history for case in cases], score)


SILENT = Says(lambda message: "")
LIAR = Says(lambda message: "It is purple and made of gold, and 4000 people chose it after Thing Number 99.")


def first_claim(message: str) -> str:
    """A writer that is always right: the first claim of the prompt, as a sentence."""
    claim = next(line for line in message.splitlines() if line.startswith("- "))[2:]
    return claim[0].upper() + claim[1:] + "."


HONEST = Says(first_claim)


def test_evidence_names_the_history_item_that_the_score_rests_on() -> None:
    explanation = explain(KnownRecommender(SILENT), history=["i1", "i2", "i4", "i3"], item_id="i8")
    assert explanation.evidence
    assert {e.source for e in explanation.evidence} == {"i4"}
    assert explanation.evidence[0].weight == pytest.approx(1.54)
    assert "it is red, like Thing Number 4" in {e.claim for e in explanation.evidence}


def test_history_without_influence_is_never_named() -> None:
    explanation = explain(KnownRecommender(SILENT, nats=-1.0), history=["i4", "i0", "i12"], item_id="i8")
    assert explanation.evidence
    assert {e.kind for e in explanation.evidence} == {"attribute"}
    assert "like" not in explanation.text


@pytest.mark.parametrize("writer", [SILENT, LIAR], ids=["silent", "liar"])
def test_an_unsupported_text_is_replaced_by_the_template(writer: Says) -> None:
    recommender = KnownRecommender(writer)
    explanation = explain(recommender, user="u3", item_id="i3")
    assert explanation.phrased_by == "template"
    assert "purple" not in explanation.text
    assert explanation.text.strip()


@pytest.mark.parametrize("num_before", [0, 1])
def test_what_the_model_has_no_time_for_is_said_by_the_template(num_before: int) -> None:
    asked = {"user": "u3", "item_id": "i3"}
    busy = explain(KnownRecommender(Busy(num_before, lambda message: "It is purple.")), **asked)
    assert busy == explain(KnownRecommender(LIAR), **asked)
    assert busy.phrased_by == "template"


def test_a_supported_text_of_the_model_is_shown_as_written() -> None:
    explanation = explain(KnownRecommender(HONEST), user="u0", item_id="i24")
    assert explanation.phrased_by == "model"
    assert any(claim.claim[3:] in explanation.text for claim in explanation.evidence)


def test_a_model_that_manages_fewer_claims_says_the_heaviest() -> None:
    def overwhelmed(message: str) -> str:
        return first_claim(message) if message.count("\n- ") == 1 else "It is all of that and 77 more."

    explanation = explain(KnownRecommender(Says(overwhelmed)), history=["i0", "i12", "i24", "i4"], item_id="i8")
    assert len(explanation.evidence) > 1
    assert explanation.phrased_by == "model"
    assert explanation.text == "It" + explanation.evidence[0].claim[2:] + "."


def test_every_claim_is_true_of_the_catalog_and_the_training_events() -> None:
    recommender = KnownRecommender(SILENT)
    index = recommender.evidence
    users = [f"u{n}" for n in range(24)]
    histories = [recommender.chosen_history(user, None) for user in users]
    targets = [f"i{(n + 20) % 36}" for n in range(24)]
    for history, item_id, explanation in zip(
        histories, targets, explain_batch(recommender, histories, targets), strict=True
    ):
        item = recommender.catalog[item_id]
        for evidence in explanation.evidence:
            if evidence.kind == "history":
                past = recommender.catalog[evidence.source]
                shared = [v for k, v in item.attributes.items() if past.attributes[k] == v and str(v) in evidence.claim]
                assert past.item_id in history
                assert past.title in evidence.claim
                assert shared
            elif evidence.kind == "neighbor" and "chosen by" in evidence.claim:
                assert f" {index.num_chosen_after(evidence.source, item_id)} people" in evidence.claim


def test_followers_are_counted_over_training_events_alone() -> None:
    recommender = KnownRecommender(SILENT)
    index = recommender.evidence
    # u0 chose i0 i4 i8 i12 i16 in this order; the last two are its validation and test events.
    assert index.num_chosen_after("i0", "i8") == 1
    assert index.num_chosen_after("i8", "i12") == 2  # u4 and u8; for u0 the choice of i12 is a validation event
    assert index.num_chosen_after("i12", "i8") == 0


def test_evidence_is_limited_and_differs_in_attribute() -> None:
    for limit in (1, 2, 3):
        recommender = KnownRecommender(SILENT, config=Config(explain=ExplainConfig(max_evidence=limit)))
        evidence = explain(recommender, history=["i0", "i12", "i24"], item_id="i4").evidence
        assert 0 < len(evidence) <= limit
        assert len({e.claim.split(",")[0] for e in evidence}) == len(evidence)


def test_an_empty_history_is_explained_by_the_item_alone() -> None:
    explanation = explain(KnownRecommender(SILENT), history=[], item_id="i5")
    assert {e.kind for e in explanation.evidence} == {"attribute"}
    assert all(e.weight == 0 for e in explanation.evidence)
    assert "no reason may quote" not in explanation.text


def test_a_met_wish_is_said_and_an_unmet_one_is_not() -> None:
    met = Predicate(attribute="price", operator="<", value=40.0)
    unmet = Predicate(attribute="price", operator="<", value=12.0)
    recommender = KnownRecommender(SILENT)
    explanation = explain(recommender, history=["i1"], item_id="i5", constraints=[met])
    assert "it costs 15, under your 40" in {e.claim for e in explanation.evidence}
    explanation = explain(recommender, history=["i1"], item_id="i5", constraints=[unmet])
    assert not any("under your" in e.claim for e in explanation.evidence)


def test_words_of_the_query_are_answered() -> None:
    explanation = explain(KnownRecommender(SILENT), history=[], item_id="i5", query="a Blue chair")
    assert any(e.claim.endswith("as you asked") for e in explanation.evidence)


def test_shown_texts_pass_the_check_whoever_wrote_them() -> None:
    for writer in (SILENT, LIAR, HONEST):
        recommender = KnownRecommender(writer)
        explanation = explain(recommender, user="u5", item_id="i9")
        backing = " ".join(e.claim for e in explanation.evidence)
        titles = {item.title for item in recommender.catalog if item.title in explanation.text}
        assert titles <= {t for t in titles if t in backing} | {"Thing Number 9"}
        assert "gold" not in explanation.text


def test_single_equals_batch() -> None:
    recommender = KnownRecommender(SILENT)
    histories = [recommender.chosen_history(f"u{n}", None) for n in range(6)]
    targets = [f"i{n + 9}" for n in range(6)]
    batch = explain_batch(recommender, histories, targets)
    assert batch == [explain(recommender, history=h, item_id=i) for h, i in zip(histories, targets, strict=True)]


def test_unknown_names_are_refused() -> None:
    recommender = KnownRecommender(SILENT)
    with pytest.raises(UnknownItem, match="nothing"):
        explain(recommender, history=["i1"], item_id="nothing")
    with pytest.raises(UnknownItem, match="gone"):
        explain(recommender, history=["gone"], item_id="i1")
    with pytest.raises(UnknownUser):
        explain(recommender, user="nobody", item_id="i1")


def test_the_check_refuses_the_liar() -> None:
    recommender = KnownRecommender(LIAR)
    item = recommender.catalog["i1"]
    assert check_text(LIAR.answer(""), item, attribute_claims(item, recommender.evidence.labels))
