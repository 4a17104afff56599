"""Every dial can be set, and wrong dials are named."""

from pathlib import Path

import pytest

from genrec.config import PRESETS, Config
from genrec.errors import ConfigError


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_survives_its_own_file(preset, tmp_path):
    config = Config.for_preset(preset).with_settings(["tune.epochs=2", "encode.skip=image"])
    (tmp_path / "genrec.toml").write_text(config.to_toml())
    assert Config.load(tmp_path / "genrec.toml") == config


@pytest.mark.parametrize(("value", "is_told"), [(320, False), (64, True)])
def test_a_setting_that_is_gone_is_left_out_of_an_older_file_and_told_where_it_was_chosen(
    value: int, is_told: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "genrec.toml").write_text(f'[chat]\nmax_new_tokens = {value}\nunderstanding = "model"\n')
    assert Config.load(tmp_path / "genrec.toml").chat.understanding == "model"
    assert ("chat.max_new_tokens has no effect" in caplog.text) == is_told


def test_settings_take_toml_values_and_bare_words():
    config = Config().with_settings(
        ["tune.base=some/model", "tune.epochs=3", "tune.rslora=true", "encode.skip=['image', 'text']", "seed=11"]
    )
    assert config.tune.base == "some/model"
    assert (config.tune.epochs, config.tune.rslora, config.encode.skip) == (3.0, True, ("image", "text"))
    assert config.seed == 11


@pytest.mark.parametrize(("text", "value"), [(".5", 0.5), ("+.5", 0.5), ("0.5", 0.5), ("-.5", -0.5), (".5e-2", 0.005)])
def test_settings_take_numbers_without_a_zero_before_the_point(text: str, value: float):
    assert Config().with_settings([f"recommend.query_weight={text}"]).recommend.query_weight == value


@pytest.mark.parametrize("text", [".5/model", "./5", ".models"])
def test_names_that_begin_with_a_point_stay_as_they_are(text: str):
    assert Config().with_settings([f"tune.base={text}"]).tune.base == text


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("tune.ephocs=3", r"'tune\.ephocs' is unknown; tune\.has|'tune\.ephocs' is unknown"),
        ("tune=3", "is a section"),
        ("tune.epochs=many", r"tune\.epochs = 'many' has the wrong type; wanted float"),
        ("tune.rank=1.5", r"tune\.rank = 1\.5 has the wrong type; wanted int"),
        ("tune.rank=true", r"wrong type; wanted int"),
        ("tune.method=dora", "choose one of lora, qlora, full"),
        ("tune.rank", "has no '='"),
        ("sequence.num_layers=0", r"sequence\.num_layers = 0 is out of range; wanted at least 1"),
        ("recommend.newcomer_neighbors=-1", "out of range; wanted at least 0"),
        ("seed=" + "9" * 5_000, "an integer of 5,000 characters; wanted one of 64 bits"),
        ("tune.base=" + "1_0" * 2_500, "an integer of 7,500 characters; wanted one of 64 bits"),
        ("seed=0x" + "f" * 5_000, "setting seed is an integer out of range; wanted one of 64 bits"),
        ("tune.base=0x" + "f" * 5_000, "out of range"),
        ("tune.learning_rate=" + "9" * 400, "setting tune.learning_rate is an integer out of range"),
        ("seed=-1", "seed = -1 is out of range; wanted 0 to 2147483647"),
        ("seed=9_000_000_000", "out of range"),
        ("seed=[0x" + "f" * 5_000 + "]", "setting seed = a value of type list has the wrong type; wanted int"),
        ("seed=" + "[" * 100_000, "wrong type"),
        ("tune.learning_rate=inf", "a finite number"),
        ("split.cold_share=1.5", r"split\.cold_share = 1\.5 is out of range; wanted 0 to 1"),
        ("tune.learning_rate=nan", "out of range; wanted at least 0"),
    ],
)
def test_a_wrong_setting_is_named(setting, message):
    with pytest.raises(ConfigError, match=message):
        Config().with_settings([setting])


def test_a_wrong_preset_or_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="choose one of tiny, small, base, large"):
        Config.for_preset("huge")
    (tmp_path / "genrec.toml").write_text("seed = = 3")
    with pytest.raises(ConfigError, match="cannot be read as TOML"):
        Config.load(tmp_path / "genrec.toml")


@pytest.mark.parametrize(
    "text",
    [
        "seed = " + "9" * 5_000,
        "preset = 0x" + "f" * 5_000,
        "seed = 0x" + "f" * 5_000,
        "seed = " + "[" * 100_000,
        "seed = 2024-99-99",
        "preset = ['tiny']",
    ],
)
def test_a_file_with_numbers_and_lists_beyond_reading_is_one_short_line(tmp_path, text):
    (tmp_path / "genrec.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        Config.load(tmp_path / "genrec.toml")
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "former"),
    [
        ("encode.text_encoder", "''"),
        ("tokenize.balance", "0.0"),
        ("tune.max_minutes", "0"),
        ("sequence.max_samples", "0"),
        ("recommend.sequence_weight", "-1"),
        ("recommend.newcomer_exposure", "0.0"),
        ("visualize.ip_adapter", "''"),
    ],
)
def test_none_can_be_said_and_what_said_it_formerly_still_does(name, former, tmp_path):
    section, setting = name.split(".")
    for text in ("none", "'none'", former):
        config = Config().with_settings([f"{name}={text}"])
        assert getattr(getattr(config, section), setting) is None
        (tmp_path / "genrec.toml").write_text(config.to_toml())
        assert f'{setting} = "none"' in config.to_toml()
        assert Config.load(tmp_path / "genrec.toml") == config


def test_a_word_that_only_looks_like_none_stays_a_word():
    assert Config().with_settings(["split.protocol=none", "tune.base=none"]).split.protocol == "none"
    with pytest.raises(ConfigError, match=r"tune\.rank = 'none' has the wrong type"):
        Config().with_settings(["tune.rank=none"])


def test_a_list_of_numbers_is_checked_one_by_one():
    config = Config().with_settings(["mixture.shares=[0, 0.5]", "scorer.likeness_weights=[]", "scorer.window=2"])
    assert (config.mixture.shares, config.scorer.likeness_weights) == ((0.0, 0.5), ())
    with pytest.raises(ConfigError, match=r"mixture\.shares = 2 is out of range; wanted 0 to 1"):
        Config().with_settings(["mixture.shares=[0.5, 2]"])
    with pytest.raises(ConfigError, match=r"mixture\.shares = 'half' has the wrong type; wanted float"):
        Config().with_settings(["mixture.shares=half"])


def test_a_file_with_an_unknown_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "genrec.toml").write_text("[recommend]\nquery_weicht = 1.0\n")
    with pytest.raises(ConfigError, match=r"genrec\.toml: setting 'recommend\.query_weicht' is unknown"):
        Config.load(tmp_path / "genrec.toml")
