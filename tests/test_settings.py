"""What is stored of settings means the same to every genrec, so that what was built stays fresh."""

from dataclasses import replace

from genrec import artifacts
from genrec.config import FuseConfig, MixtureConfig, ScorerConfig, SequenceConfig, TuneConfig
from genrec.settings import restored, stored


def test_artifacts_spell_none_as_ever_so_that_what_was_built_stays_fresh():
    tune = TuneConfig(max_minutes=None)
    assert stored(tune)["max_minutes"] == 0.0
    assert stored(replace(tune, max_minutes=5.0)) == stored(tune) | {"max_minutes": 5.0}
    assert restored(TuneConfig, stored(tune)) == tune
    assert artifacts.fingerprint(stored(tune)) == "50b58ce0212fc0b4"
    assert artifacts.fingerprint(stored(SequenceConfig(max_samples=None))) == "68701bd14b63091a"


def test_settings_that_were_added_are_silent_at_their_defaults_so_that_what_was_built_stays_fresh():
    assert artifacts.fingerprint(stored(FuseConfig())) == "c7d31cae01be2421"
    assert stored(ScorerConfig()) == stored(MixtureConfig()) == {}
    assert stored(ScorerConfig(window=3)) == {"window": 3}
    assert stored(FuseConfig(shrinkage=0.5)) == stored(FuseConfig()) | {"shrinkage": 0.5}
    assert restored(FuseConfig, stored(FuseConfig(shrinkage=0.5))).shrinkage == 0.5
