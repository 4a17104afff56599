"""What suits the data: the recipes that measured best for data of their size, and sense at the edges."""

from dataclasses import asdict

import numpy as np
import pytest
from workspaces import stages_of

from genrec.config import Config
from genrec.data.ingest import ingest, load_workspace_data
from genrec.data.splits import split_interactions
from genrec.data_defaults import data_defaults, in_words, resolve_config


def of_mean(num_people: int, mean: int, shortest: int = 3) -> np.ndarray:
    """Lengths of training histories, skewed as they are: most are short, few are long."""
    return shortest + np.random.default_rng(7).geometric(1 / (mean - shortest), num_people) - 1


def test_few_events_of_many_items_ask_for_finer_ids_and_for_the_sequence_model_s_vectors():
    suited = data_defaults(12_101, of_mean(22_363, 7))
    assert suited["fuse"] == {"num_features": 256, "collaborative": "sequence"}
    assert suited["tokenize"] == {"num_codes": 256}
    assert suited["tune"] == {"batch_size": 64, "epochs": 6.0}
    assert suited["sequence"] == {"kind": "bsarec", "num_models": 2, "epochs": 40, "batch_size": 256}


def test_long_histories_ask_for_a_sasrec_that_reads_far_back():
    suited = data_defaults(3_416, of_mean(6_040, 164))
    assert suited["fuse"] == {"num_features": 64, "collaborative": "events"}
    assert suited["tokenize"] == {"num_codes": 128}
    assert suited["sequence"] == {
        "kind": "sasrec",
        "num_models": 1,
        "epochs": 15,
        "batch_size": 1024,
        "max_history": 100,
        "dropout": 0.3,
    }
    assert suited["tune"] == {"batch_size": 64, "epochs": 1.0}


def test_a_shop_of_the_demo_s_size_has_the_defaults():
    suited = data_defaults(880, np.full(3_200, 13))
    assert asdict(Config.for_preset("tiny", suited)) == asdict(Config.for_preset("tiny"))


@pytest.mark.parametrize("num_items", [1, 2, 12, 1_000_000, 100_000_000])
@pytest.mark.parametrize("lengths", [[1], [2, 1], [400], [3] * 50])
def test_whatever_there_is_the_settings_are_in_range(num_items: int, lengths: list[int]):
    suited = data_defaults(num_items, np.array(lengths))
    config = Config.for_preset("tiny").with_settings(in_words(suited).split())
    assert 16 <= config.tokenize.num_codes <= 1024
    assert 1 <= config.tune.epochs <= 15
    assert 5 <= config.sequence.epochs <= 40
    assert config == Config.for_preset("tiny", suited)


def test_without_events_nothing_is_said():
    assert data_defaults(40, np.zeros(0, np.int64)) == {}


def test_presets_and_the_user_have_the_last_word(tmp_path, caplog):
    ingest("shop", None, tmp_path, seed=7, num_items=64, num_people=60)
    catalog, events, _ = load_workspace_data(tmp_path)
    lengths = [len(h) for h in split_interactions(events, Config().split).train.histories().values()]
    wanted = data_defaults(len(catalog), np.array(lengths))
    caplog.set_level("INFO", "genrec.data_defaults")
    tiny = resolve_config(tmp_path, stages_of(tmp_path), settings=["tune.batch_size=8"])
    assert tiny.tokenize.num_codes == wanted["tokenize"]["num_codes"] == 16
    assert (tiny.tune.epochs, tiny.tune.batch_size) == (wanted["tune"]["epochs"], 8)
    assert f"settings that suit 64 items and {len(events)} events: {in_words(wanted)}" in caplog.text
    base = resolve_config(tmp_path, stages_of(tmp_path), preset="base")
    assert (base.tokenize.num_codes, base.tune.epochs) == (256, 3.0)
    (tmp_path / "genrec.toml").write_text("[tokenize]\nnum_codes = 12\n")
    assert resolve_config(tmp_path, stages_of(tmp_path)).tokenize.num_codes == 12
    assert resolve_config(tmp_path, stages_of(tmp_path), preset="tiny").tokenize.num_codes == 16


def test_lost_settings_are_told_and_those_that_suit_the_data_taken(tmp_path, caplog):
    ingest("shop", None, tmp_path, seed=7, num_items=64, num_people=60)
    folder = stages_of(tmp_path)
    (folder / "genrec.toml").write_text("[tokenize]\nnum_codes = 12\n")
    assert resolve_config(tmp_path, folder).tokenize.num_codes == 12
    (folder / "genrec.toml").write_text("[")
    (folder / "model").mkdir()
    assert resolve_config(tmp_path, folder).tokenize.num_codes == 16
    assert "are lost" in caplog.text
