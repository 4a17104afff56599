"""The benches run at small size and print what the contracts name."""

import numpy as np
import pytest
import torch

from genrec.bench import bench
from genrec.bench.decode import LEVEL_SIZES, NUM_WORDS, RandomCatalog, bench_decode, tiny_model
from genrec.bench.measure import table_lines
from genrec.bench.recommend import bench_recommend
from genrec.bench.score import bench_score, each_score, exactly
from genrec.bench.serve import COMPARED_CLIENTS, bench_serve
from genrec.bench.tokenize import bench_tokenize
from genrec.errors import InputError
from genrec.model.lm.vocabulary import IdVocabulary


def test_decode_rows_hold_what_the_contract_names():
    rows = bench_decode(7, catalog_sizes=(300,), repeats=1, batches=(1, 2))
    assert [(row["width"], row["batch"]) for row in rows] == [(10, 1), (10, 2), (50, 1), (50, 2)]
    wanted = "items width batch ours_ms transformers_ms ratio constraint_share step_ms trie_bytes build_s"
    for row in rows:
        assert set(wanted.split()) <= set(row)
        assert row["ratio"] == pytest.approx(row["transformers_ms"] / row["ours_ms"])
        assert 0 < row["constraint_share"] < 1
    columns, cells = table_lines(rows)
    assert len(cells) == 4
    assert len(cells[0]) == len(columns)


def test_score_rows_compare_equal_work():
    (row,) = bench_score(7, catalog_sizes=(300,), repeats=1, num_candidates=12, prompt_lengths=(9,))
    assert row["ratio"] == pytest.approx(row["transformers_ms"] / row["ours_ms"])
    ids, catalog = IdVocabulary(LEVEL_SIZES, NUM_WORDS), RandomCatalog.random(300, 7)
    model, prompt = tiny_model(NUM_WORDS + ids.num_tokens), torch.tensor([[3, 5, 7]])
    rows = torch.arange(40, 60)
    found = exactly(model, ids, catalog, prompt, rows)()
    codes = torch.from_numpy(catalog.codes_NL[rows.numpy()].astype(np.int64))
    scores = dict(zip(rows.tolist(), each_score(model, ids, prompt, codes).tolist(), strict=True))
    assert sorted(found.row[0].tolist()) == rows.tolist()
    assert [scores[row] for row in found.row[0].tolist()] == pytest.approx(found.score_nats[0].tolist(), abs=1e-3)


def test_the_reference_is_given_the_codes_that_exist():
    catalog = RandomCatalog.random(400, 3)
    codes = np.stack(np.unravel_index(catalog.sorted_N, LEVEL_SIZES), axis=1)
    for path in ((), tuple(codes[7, :1]), tuple(codes[9, :2]), tuple(codes[9, :3])):
        under = codes[(codes[:, : len(path)] == path).all(axis=1)]
        assert catalog.next_codes(path) == sorted(set(under[:, len(path)].tolist()))


def test_tokenize_rows_tell_speed_and_memory():
    (row,) = bench_tokenize(7, shapes=((3000, 16),))
    assert row["items"] == 3000
    assert row["encode_items_per_s"] == pytest.approx(3000 / row["encode_s"])
    assert row["peak_mb"] > 10


def test_recommend_rows_split_the_time():
    rows = bench_recommend(7, num_items=60, num_people=40, num_requests=6)
    assert {(row["kind"], row["batch"]) for row in rows} >= {("history", 1), ("history and words", 32)}
    for row in rows:
        shares = [value for name, value in row.items() if name.endswith("_share")]
        assert sum(shares) == pytest.approx(1)
        assert min(shares) >= 0
        assert row["p50_ms"] <= row["p95_ms"]


@pytest.mark.slow
def test_serve_rows_hold_what_the_contract_names(shop_directory):
    rows = bench_serve(7, directory=shop_directory, seconds=0.5, clients=(1, COMPARED_CLIENTS))
    kinds = [(row["kind"], row["clients"]) for row in rows]
    assert kinds == [
        ("recommend", 1), ("recommend", 16), ("chat", 1), ("chat", 16), ("recommend, one at a time", 16)
    ]  # fmt: skip
    wanted = "clients seconds requests errors p50_ms p95_ms first_ms requests_per_s rss_mb_start rss_mb_end"
    for row in rows:
        assert set(wanted.split()) <= set(row)
        assert row["errors"] == 0
        assert row["requests"] >= row["clients"]
        assert 0 < row["first_ms"] <= row["first_p95_ms"] <= row["p95_ms"]
    batched, alone = rows[1], rows[-1]
    assert batched["ratio"] == pytest.approx(batched["requests_per_s"] / alone["requests_per_s"])


def test_an_option_that_a_bench_lacks_is_named():
    with pytest.raises(InputError, match="bench decode takes no seconds"):
        bench("decode", seconds=3)


def test_an_unknown_bench_is_named():
    with pytest.raises(InputError, match="'serve2' is unknown; choose one of"):
        bench("serve2")
