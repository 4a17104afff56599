"""`genrec bench fusion`: what a trial is made on, how it is judged, and that what was made is not made again."""

import csv

import numpy as np
import pytest

from genrec.bench import fusion as bench
from genrec.bench.fusion import bench_fusion, trial
from genrec.bench.fusion.setting import Data, make_setting
from genrec.bench.fusion.trial import judge, run_trial
from genrec.data.ingest import ingest, load_workspace_data
from genrec.errors import InputError

SYSTEMS = ("popularity", "ease", "cease")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "shop"
    ingest("shop", None, folder, seed=8, num_items=60, num_people=60)
    people = load_workspace_data(folder).interactions.user_bounds()
    with (folder / "people.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("user_id", "side"), *((name, i % 2) for i, name in enumerate(people))])
    return folder


@pytest.fixture(scope="module")
def data(shop):
    return Data.open(shop, shop / "people.csv")


@pytest.mark.parametrize("split", ["time", "random"])
def test_no_answer_is_learned_from(data, split):
    setting = make_setting(data, split, "whole")
    stopped_by = {}
    for history, target in setting.events.validation:
        assert target not in history
        stopped_by.setdefault(history.tobytes(), set()).add(target)
    for (known, wanted), trained in zip(setting.asked, setting.events.histories, strict=True):
        assert not set(wanted) & set(trained)
        assert not set(wanted) & set(known)
        assert set(trained) <= set(known)


def test_cold_items_have_no_training_event_and_no_place_in_validation(data):
    setting = make_setting(data, "time", "cold")
    whole = make_setting(data, "time", "whole")
    assert setting.is_cold_N.sum() > whole.is_cold_N.sum()
    for history in setting.events.histories:
        assert not setting.is_cold_N[history].any()
    assert not any(setting.is_cold_N[target] for _, target in setting.events.validation)


def test_variants_leave_out_and_mix_up(data):
    names = set(data.embeddings)
    assert set(make_setting(data, "time", "whole").embeddings) == names
    with pytest.raises(InputError, match="no-text leaves nothing of attributes"):
        make_setting(data, "time", "no-text")
    assert set(make_setting(data, "time", "only-attributes").embeddings) == {"attributes"}
    with pytest.raises(InputError, match="there is no modality 'smell'; choose among attributes"):
        make_setting(data, "time", "only-smell")
    shuffled = make_setting(data, "time", "shuffled").embeddings["attributes"].vectors
    plain = data.embeddings["attributes"].vectors
    assert not np.array_equal(shuffled, plain)
    np.testing.assert_allclose(np.sort(shuffled.sum(axis=1)), np.sort(plain.sum(axis=1)), atol=1e-5)
    weights = make_setting(data, "time", "reweighted", by="side").events.people_weights
    sides = np.array([data.groups["side"][name] for name in make_setting(data, "time", "whole").people])
    assert weights[sides == "0"].sum() == pytest.approx(weights[sides == "1"].sum())


def test_lists_are_judged_as_they_should(data):
    """Scores that know the answers find all of them; the history would come first, and is masked."""
    setting = make_setting(data, "random", "whole")
    answers = {name: wanted for name, (_, wanted) in zip(setting.people, setting.asked, strict=True)}

    def score(people, histories):
        scores = np.zeros((len(people), len(data.catalog)), np.float32)
        for row, (name, history) in enumerate(zip(people, histories, strict=True)):
            scores[row, answers[name][:10]] = 1.0
            scores[row, history] = 2.0
        return scores

    figures = judge(score, setting)
    assert np.nanmin(figures["recall@20"]) == 1.0
    assert np.nanmin(figures["ndcg@10"]) == pytest.approx(1.0)
    nobody = judge(lambda people, histories: -score(people, histories), setting)
    assert np.nanmax(nobody["recall@10"]) == 0.0


def test_cold_items_are_shown_as_often_as_newcomers_are(data):
    """Whatever the scale of the scores, cold items take three times their share of the places, 15 % at most."""
    setting = make_setting(data, "time", "cold")
    rng = np.random.default_rng(0)
    noise = {history.tobytes(): rng.normal(size=len(data.catalog)) for history, _ in setting.events.validation}

    def score(_, histories):
        scores = np.stack([noise[history.tobytes()] for history in histories]).astype(np.float32)
        scores[:, setting.is_cold_N] -= 30
        return scores

    histories = [history for history, _ in setting.events.validation]
    lifted = trial._lifted(score, setting)([""] * len(histories), histories)
    for scores, history in zip(lifted, histories, strict=True):
        scores[history] = -np.inf
    shown = np.argsort(-lifted, axis=1)[:, :10]
    wanted = min(3 * setting.is_cold_N.mean(), 0.15)
    assert setting.is_cold_N[shown].mean() == pytest.approx(wanted, abs=0.02)


def test_what_was_tried_is_kept_and_told(shop, monkeypatch):
    options = {"directory": shop, "systems": SYSTEMS, "splits": ("time",), "people": shop / "people.csv"}
    rows = bench_fusion(7, **options, sheet=shop / "costs.png")
    assert {row["system"] for row in rows} == set(SYSTEMS)
    assert [row["recall@10"] for row in rows] == sorted((row["recall@10"] for row in rows), reverse=True)
    by_name = {row["system"]: row for row in rows}
    assert 0 < by_name["cease"]["recall@10"] < by_name["cease"]["recall@20"] <= 1
    assert by_name["cease"]["ids_recall@10"] > 0
    assert 0 <= by_name["cease"]["p_ease"] <= 1
    assert by_name["popularity"]["gap_side"] >= 0
    assert by_name["ease"]["peak_mb"] > 0
    assert (shop / "costs.png").stat().st_size > 5000
    monkeypatch.setattr(bench, "run_trial", lambda *_, **__: pytest.fail("it was made again"))
    monkeypatch.setattr(bench, "ProcessPoolExecutor", None)
    assert bench_fusion(7, **options) == rows


def test_weights_of_people_reach_the_training(data):
    tried = run_trial(data, "mf", "time", "reweighted", 7, by="side")
    plain = run_trial(data, "mf", "time", "cold", 7)
    assert tried["by"] == "side"
    assert np.isfinite(np.array(plain["figures"]["cold_recall@10"], float)).any()


def test_what_is_unknown_is_refused(shop):
    with pytest.raises(InputError, match="give its folder"):
        bench_fusion(7)
    with pytest.raises(InputError, match="system 'alchemy' is unknown; choose among whitened-concat"):
        bench_fusion(7, directory=shop, systems=("alchemy",))
    with pytest.raises(InputError, match="cannot be split by 'given'; choose among time, random"):
        bench_fusion(7, directory=shop, splits=("given",))
    with pytest.raises(InputError, match="variant 'blurred' is unknown"):
        bench_fusion(7, directory=shop, variants=("blurred",))
    with pytest.raises(InputError, match="people are not grouped by None"):
        make_setting(Data.open(shop), "time", "reweighted")
    with pytest.raises(InputError, match=r"people\.tsv cannot be read"):
        Data.open(shop, shop / "people.tsv")
