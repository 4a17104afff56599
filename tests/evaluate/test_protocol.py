"""The whole evaluation on toy workspaces whose figures are known."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from genrec.config import Config, SequenceConfig, SplitConfig
from genrec.errors import InputError
from genrec.evaluate import PEERS, evaluate
from genrec.evaluate.contract import Peer
from genrec.evaluate.peers import PeerMakers, Popularity
from genrec.runtime import report_progress_to
from genrec.schema import Catalog, Embeddings, Interactions, Item, Recommendation

NUM_ITEMS = 30


def item_id(number: int) -> str:
    return f"i{number % NUM_ITEMS:02d}"


@dataclass
class Successor:
    """Knows the rule of the toy world: what follows i07 is i08, then i09 and so on."""

    catalog: Catalog
    interactions: Interactions
    vectors: np.ndarray
    config: Config = field(default_factory=Config)
    embeddings: dict[str, Embeddings] = field(default_factory=dict)
    feedback_scheme: str = "every event positive"
    shares: dict[str, float] = field(default_factory=lambda: {"codes": 0.25, "sequence model": 0.75})
    asked: list[tuple[int, bool]] = field(default_factory=list)

    def recommend_batch(
        self,
        histories: Sequence[Sequence[str]],
        *,
        k: int,
        exclude_history: bool,
        disliked: Sequence[Sequence[str]] | None = None,
        sequence_weight: float | None = None,
    ) -> list[list[Recommendation]]:
        self.asked.append((k, exclude_history))
        if sequence_weight == 0.0:  # by itself, the half without the rule goes astray
            histories = [history[:1] for history in histories]
        return [self._recommend(history, k, exclude_history) for history in histories]

    def _recommend(self, history: Sequence[str], k: int, exclude_history: bool) -> list[Recommendation]:
        last = self.catalog.row(history[-1])
        ids = [self.catalog.items[(last + 1 + step) % len(self.catalog)].item_id for step in range(len(self.catalog))]
        legal = [found for found in ids if not (exclude_history and found in history)]
        return [
            Recommendation(rank=rank, item_id=found, title="", semantic_id=(rank,), score_nats=-float(rank))
            for rank, found in enumerate(legal[:k], start=1)
        ]


def walks(starts: dict[str, int], length: int) -> list[tuple[str, str]]:
    """Events of people who each walk through the items one by one."""
    return [(user, item_id(start + step)) for user, start in starts.items() for step in range(length)]


def recommender(events: list[tuple[str, str]], num_items: int = NUM_ITEMS, config: Config | None = None) -> Successor:
    catalog = Catalog(items=tuple(Item(item_id=item_id(number), title="t") for number in range(num_items)))
    log = Interactions.sort(
        user_ids=[user for user, _ in events],
        item_ids=[item for _, item in events],
        timestamps=range(len(events)),
    )
    angle = 2 * np.pi * np.arange(num_items) / num_items
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    return Successor(catalog, log, circle, config or Config())


@pytest.fixture
def walkers() -> Successor:
    return recommender(walks({f"u{start}": start for start in range(20)}, 5))


class TrueWalk:
    """The toy world's truth: the next item surely follows the last."""

    def __init__(self) -> None:
        self.items = [SimpleNamespace(item_id=item_id(number)) for number in range(NUM_ITEMS)]

    def next_probabilities(self, user_id: str, history: Sequence[str], timestamp: int) -> np.ndarray:
        chances = np.zeros(NUM_ITEMS)
        chances[(int(history[-1][1:]) + 1) % NUM_ITEMS] = 1.0
        return chances


def test_a_recommender_that_knows_the_rule_is_always_right(walkers: Successor) -> None:
    report = evaluate(walkers)
    assert report.metrics["recall@5"] == report.metrics["ndcg@10"] == report.metrics["mrr@20"] == 1.0
    assert report.metrics["recall@10_unmasked"] == 1.0
    assert (report.num_users, report.num_items, report.protocol) == (20, NUM_ITEMS, "leave-one-out")
    assert {"popularity", "itemknn", "content-knn", "random"} == set(report.peers)
    assert all(report.peers[name]["ndcg@10"] < 1.0 for name in ("popularity", "itemknn", "random"))
    assert report.p_values["popularity"]["ndcg@10"] < 0.001


def test_each_half_can_be_asked_alone(walkers: Successor) -> None:
    report = evaluate(walkers, alone=True)
    assert report.peers["item scorer alone"]["ndcg@10"] == report.metrics["ndcg@10"]
    assert report.peers["language model alone"]["ndcg@10"] < report.metrics["ndcg@10"]
    assert report.p_values["language model alone"]["ndcg@10"] < 0.05
    assert "language model alone" not in evaluate(walkers).peers


def test_the_oracle_is_the_ceiling_and_ours_a_share_of_it(walkers: Successor) -> None:
    report = evaluate(walkers, world=TrueWalk())
    assert report.oracle is not None
    assert report.oracle["recall@5"] == 1.0
    assert report.share_of_oracle["ndcg@10"] == 1.0
    assert evaluate(walkers).oracle is None


def test_chance_is_the_exact_share_of_legal_items(walkers: Successor) -> None:
    chance = evaluate(walkers).peers["random"]
    assert chance["recall@10"] == pytest.approx(10 / (NUM_ITEMS - 4))
    assert chance["recall@10_unmasked"] == pytest.approx(10 / NUM_ITEMS)


def test_cold_and_tail_slices_hold_the_cases_they_name() -> None:
    # u0 … u19 start at 0 … 19 and walk five steps: item n is trained on by the users who start at n - 2 … n.
    report = evaluate(recommender(walks({f"u{start}": start for start in range(20)}, 5)))
    assert report.slices["cold"].num_users == 2  # i22 and i23 lie beyond every training part
    assert report.slices["cold"].metrics["recall@10"] == 1.0
    assert report.slices["cold"].peers["popularity"]["recall@10"] == 0.0
    # 22 items are trained on; the 11 least popular: i00 and i21 (1 event), i01 and i20 (2), then i02 … i08 by id.
    targets_in_tail = {item_id(n) for n in (0, 21, 1, 20, 2, 3, 4, 5, 6, 7, 8)} & {item_id(n) for n in range(4, 24)}
    assert report.slices["tail"].num_users == len(targets_in_tail)
    assert report.slices["short_history"].num_users == 20


def test_masks_hide_repeats_and_the_unmasked_figures_show_them() -> None:
    events = [("u", item) for item in ("i00", "i01", "i02", "i03", "i01", "i00", "i01")]
    report = evaluate(recommender(events), peers=("popularity",))
    assert report.num_repeat_targets == 1
    assert report.metrics["recall@20"] == 0.0
    assert report.metrics["recall@10_unmasked"] == 1.0
    assert report.peers["random"]["recall@10"] == 0.0
    assert report.peers["popularity"]["recall@10"] == 0.0
    assert report.peers["popularity"]["recall@10_unmasked"] == 1.0


def test_unmasked_figures_have_intervals_and_p_values_of_their_own() -> None:
    report = evaluate(recommender(walks({f"u{start}": start for start in range(20)}, 5)), peers=("popularity",))
    theirs, interval = (of["popularity"]["ndcg@10_unmasked"] for of in (report.peers, report.peers_ci95))
    assert interval.low < theirs < interval.high
    assert set(report.p_values["popularity"]) == {"recall@10", "ndcg@10", "recall@10_unmasked", "ndcg@10_unmasked"}


def test_peers_score_each_case_once_for_both_masks(walkers: Successor) -> None:
    scored: list[int] = []

    class Counting(Popularity):
        def scores(self, histories: Sequence[np.ndarray]) -> np.ndarray:
            scored.append(len(histories))
            return super().scores(histories)

    report = evaluate(walkers, peers=("popularity",), known_peers={"popularity": lambda *_: Counting()})
    assert sum(scored) == report.num_cases
    assert report.peers["popularity"]["recall@10"] != report.peers["popularity"]["recall@10_unmasked"]


def test_peers_that_know_people_are_told_who_asks(walkers: Successor) -> None:
    class Knowing(Popularity):
        """Knows the truth by the name of who asks alone."""

        def scores_for(self, users: Sequence[str], histories: Sequence[np.ndarray]) -> np.ndarray:
            return np.eye(NUM_ITEMS)[[(int(user[1:]) + 4) % NUM_ITEMS for user in users]]

    report = evaluate(walkers, peers=("popularity",), known_peers={"popularity": lambda *_: Knowing()})
    assert report.peers["popularity"]["ndcg@10"] == 1.0


def test_a_catalog_with_fewer_legal_items_than_positions_is_ranked_whole() -> None:
    events = [*((f"u{n}", item_id((n + step) % 8)) for n in range(4) for step in range(4)), ("all", "i00")]
    events += [("all", item_id(step)) for step in range(8)]
    made = recommender(events, num_items=8)
    report = evaluate(made)
    assert {k for k, masked in made.asked if masked} == {5, 1}  # 8 - 3 and, for the one who saw 7 of 8, 1
    assert report.metrics["recall@20"] == 1.0
    assert report.peers["random"]["recall@20"] == 1.0


def test_someone_who_has_seen_everything_is_counted_as_a_miss() -> None:
    events = [*walks({"u0": 0, "u1": 1}, 4), *((("all", item_id(n))) for n in (*range(6), 2))]
    report = evaluate(recommender([(user, item_id(int(item[1:]) % 6)) for user, item in events], num_items=6))
    assert report.num_users == 3
    assert report.metrics["recall@20"] == pytest.approx(2 / 3)
    assert report.metrics["recall@20_unmasked"] == 1.0


def test_validation_asks_about_the_event_before_the_last(walkers: Successor) -> None:
    report = evaluate(walkers, split="validation")
    assert (report.split, report.metrics["recall@5"]) == ("validation", 1.0)


def test_a_sample_of_users_is_drawn_by_the_seed(walkers: Successor) -> None:
    first, again, other = (evaluate(walkers, max_users=7, seed=seed, unmasked=False) for seed in (1, 1, 2))
    assert first.num_users == 7
    assert first.peers["popularity"] == again.peers["popularity"]
    assert first.peers["popularity"] != other.peers["popularity"]
    assert "recall@10_unmasked" not in first.metrics
    assert not any("unmasked" in title for table in first.tables() for title in table[0])


def test_the_order_of_items_in_the_catalog_is_irrelevant_to_the_slices(walkers: Successor) -> None:
    shuffled = Catalog(items=tuple(reversed(walkers.catalog.items)))
    mirrored = Successor(shuffled, walkers.interactions, walkers.vectors[::-1].copy())
    plain, mirror = evaluate(walkers, peers=()), evaluate(mirrored, peers=())
    assert {k: s.num_cases for k, s in plain.slices.items()} == {k: s.num_cases for k, s in mirror.slices.items()}


def test_global_time_reports_cases_and_people_apart(walkers: Successor) -> None:
    config = Config(split=SplitConfig(protocol="global-time", test_share=0.2))
    events = [(user, item) for step in range(5) for user, item in walks({f"u{s}": s for s in range(20)}, 5)[step::5]]
    report = evaluate(recommender(events, config=config))
    assert report.protocol == "global-time"
    assert report.num_cases >= report.num_users > 0


def test_a_workspace_without_test_cases_says_what_to_do(walkers: Successor) -> None:
    walkers.config = Config(split=SplitConfig(protocol="none"))
    with pytest.raises(InputError, match=r"split 'none' has no test case; set split.protocol"):
        evaluate(walkers)


def test_unknown_peers_and_sizes_are_refused_before_anything_is_asked(walkers: Successor) -> None:
    with pytest.raises(InputError, match="peer 'magic' is unknown"):
        evaluate(walkers, peers=("magic",))
    with pytest.raises(InputError, match="max_users is 0"):
        evaluate(walkers, max_users=0)
    assert walkers.asked == []


def test_progress_counts_users(walkers: Successor) -> None:
    seen: list[tuple[str, int, int]] = []
    with report_progress_to(lambda label, done, total, _: seen.append((label, done, total))):
        evaluate(walkers, peers=("popularity",))
    assert ("ours (users)", 20, 20) in seen
    assert ("peer popularity (users)", 20, 20) in seen


def test_json_has_the_shape_of_the_contract(walkers: Successor) -> None:
    found = json.loads(json.dumps(evaluate(walkers, world=TrueWalk()).to_json(), allow_nan=False))
    assert {"protocol", "num_users", "num_items", "metrics", "peers", "slices"} <= set(found)
    assert found["metrics"]["recall@10"] == 1.0
    assert found["peers"]["oracle"]["recall@10"] == 1.0
    assert found["slices"]["cold"]["num_users"] == 2
    assert found["slices"]["cold"]["recall@10"] == 1.0
    assert 0.0 < found["ci95"]["recall@10"]["low"] < found["ci95"]["recall@10"]["high"] == 1.0
    theirs, interval = found["peers"]["popularity"]["ndcg@20"], found["peers_ci95"]["popularity"]["ndcg@20"]
    assert interval["low"] < theirs < interval["high"]
    assert "popularity" in found["slices"]["tail"]["peers_ci95"]
    assert found["machine"]


def test_tables_name_everyone_and_escape_nothing_away(walkers: Successor) -> None:
    report = evaluate(walkers, world=TrueWalk())
    markdown = report.to_markdown()
    assert "100% of the oracle's recall@10" in markdown
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(report.to_rich())
    shown = console.export_text()
    for name in ("genrec", "oracle", "popularity", "itemknn", "content-knn", "random", "cold", "tail"):
        assert name in markdown
        assert name in shown
    narrow = Console(width=80, record=True, file=io.StringIO())
    narrow.print(evaluate(walkers, alone=True).to_rich())
    assert "…" not in narrow.export_text()  # whole words and figures in a terminal of 80 columns
    _, *tables = markdown.strip().split("\n\n")
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1
    recall, ndcg, masks, beside, slices = (table.splitlines() for table in tables)
    assert all(f"recall@{k}" in recall[0] and f"ndcg@{k}" in ndcg[0] for k in (5, 10, 20))
    assert all(name in beside[0] for name in ("mrr @20", "coverage @10", "gini @10", "popularity lift @10"))
    assert masks[0] == "| recommender | recall@10 / ndcg@10 | recall@10 / ndcg@10 unmasked | p, unmasked |"
    assert masks[2] == "| genrec | 1.0000 / 1.0000 | 1.0000 / 1.0000 |  |"
    assert "cold, 2 cases" in slices[0]
    assert next(line for line in ndcg if line.startswith("| popularity")).count("±") == 3  # peers have intervals, too
    assert next(line for line in slices if line.startswith("| genrec")).split(" | ")[1] == "1.0000 / 1.0000"


def test_tables_leave_out_slices_without_a_case() -> None:
    around = walks({f"u{start}": start for start in range(NUM_ITEMS)}, 5)
    report = evaluate(recommender(around))
    assert report.slices["cold"].num_cases == 0
    assert not any("cold" in title for title in report.slice_rows()[0])


def counting_peers(fitted: list[str]) -> PeerMakers:
    """The known peers, of which each is written down when it is made."""

    def counting(name: str) -> Callable[..., Peer]:
        return lambda *settings: fitted.append(name) or PEERS[name](*settings)

    return {name: counting(name) for name in PEERS}


def test_stored_answers_of_peers_serve_the_same_questions_alone(walkers: Successor, tmp_path: Path) -> None:
    peers = ("popularity", "sasrec")
    walkers.config = Config(sequence=SequenceConfig(num_features=8, epochs=2))
    first = evaluate(walkers, peers=peers, keep=tmp_path)
    assert sorted(path.name.split("-")[0] for path in tmp_path.iterdir()) == sorted(peers)  # no checkpoint stays
    fitted: list[str] = []
    known = counting_peers(fitted)
    again = evaluate(walkers, peers=peers, keep=tmp_path, known_peers=known)
    assert not fitted
    assert again.peers == first.peers
    assert again.p_values == first.p_values
    evaluate(walkers, peers=peers, keep=tmp_path, known_peers=known, max_users=5)  # other questions
    assert fitted == ["popularity", "sasrec"]
    walkers.config = Config(sequence=SequenceConfig(num_features=8, epochs=1))  # other settings of the peers
    evaluate(walkers, peers=peers, keep=tmp_path, known_peers=known)
    assert fitted == ["popularity", "sasrec"] * 2
    for path in tmp_path.glob("popularity-*.safetensors"):
        path.write_bytes(b"half")
    again = evaluate(walkers, peers=peers, keep=tmp_path, known_peers=known)
    assert fitted == ["popularity", "sasrec"] * 2 + ["popularity"]
    assert again.peers["popularity"] == first.peers["popularity"]


def test_new_item_vectors_make_only_those_peers_again_that_read_them(walkers: Successor, tmp_path: Path) -> None:
    peers = ("popularity", "content-knn", "sasrec")
    walkers.config = Config(sequence=SequenceConfig(num_features=8, epochs=1))
    evaluate(walkers, peers=peers, keep=tmp_path)
    fitted: list[str] = []
    known = counting_peers(fitted)
    walkers.vectors = np.flip(walkers.vectors, axis=0).copy()
    evaluate(walkers, peers=peers, keep=tmp_path, known_peers=known)
    assert fitted == ["content-knn"]


def test_an_evaluation_says_by_which_scheme_events_are_positive(walkers: Successor) -> None:
    walkers.feedback_scheme = "ratings of 4 and more positive"
    report = evaluate(walkers)
    assert report.to_json()["feedback"] == "ratings of 4 and more positive"
    assert "events: ratings of 4 and more positive" in report.to_markdown()
    stream = io.StringIO()
    Console(file=stream, width=120).print(report.to_rich())
    assert "events: ratings of 4 and more positive" in stream.getvalue()


def test_only_positive_events_are_asked_for(walkers: Successor) -> None:
    signs = np.ones(len(walkers.interactions), np.int8)
    signs[walkers.interactions.user_ids == "u3"] = -1
    walkers.interactions = replace(walkers.interactions, feedback=signs)
    assert evaluate(walkers).num_cases == 19
