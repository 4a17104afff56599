"""What is stored of settings means the same to every genrec, so that what was built stays fresh."""

from dataclasses import replace

import pytest

from genrec import artifacts
from genrec.config import (
    EncodeConfig,
    FuseConfig,
    MixtureConfig,
    ScorerConfig,
    SequenceConfig,
    SplitConfig,
    TokenizeConfig,
    TuneConfig,
)
from genrec.settings import restored, stored


def test_artifacts_spell_none_as_ever_so_that_what_was_built_stays_fresh():
    tune = TuneConfig(max_minutes=None)
    assert stored(tune)["max_minutes"] == 0.0
    assert stored(replace(tune, max_minutes=5.0)) == stored(tune) | {"max_minutes": 5.0}
    assert restored(TuneConfig, stored(tune)) == tune
    assert artifacts.fingerprint(stored(SequenceConfig(max_samples=None))) == "68701bd14b63091a"


@pytest.mark.parametrize(
    ("section", "fingerprint"),
    [
        (SplitConfig(), "7c4c1715fab63a4f"),
        (EncodeConfig(), "5e2f58a650a878cb"),
        (FuseConfig(), "c7d31cae01be2421"),
        (TokenizeConfig(), "4b09388c412a8637"),
        (SequenceConfig(), "b8f649d321625785"),
        (TuneConfig(), "50b58ce0212fc0b4"),
    ],
)
def test_a_new_setting_at_its_default_makes_no_stage_stale(section, fingerprint):
    """A section that a stage stores whole; what is added to it is `ADDED`."""
    assert artifacts.fingerprint(stored(section)) == fingerprint


def test_settings_that_were_added_are_silent_at_their_defaults_so_that_what_was_built_stays_fresh():
    assert stored(ScorerConfig()) == stored(MixtureConfig()) == {}
    assert stored(ScorerConfig(window=3)) == {"window": 3}
    assert stored(FuseConfig(shrinkage=0.5)) == stored(FuseConfig()) | {"shrinkage": 0.5}
    assert restored(FuseConfig, stored(FuseConfig(shrinkage=0.5))).shrinkage == 0.5
