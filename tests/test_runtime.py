"""Progress reaches whoever listens; devices and shipped models are found or named."""

import gc
import logging
import warnings

import pytest

from genrec import runtime
from genrec.errors import InputError
from genrec.runtime import many_objects


def test_progress_tells_the_final_count():
    told = []
    with runtime.report_progress_to(lambda *seen: told.append(seen)):
        assert list(runtime.progress([1, 2, 3], label="count", step=10, total=25)) == [1, 2, 3]
    label, done, total, _ = told[-1]
    assert (label, done, total) == ("count", 25, 25)
    runtime.ProgressMeter(label="nobody listens", total=1).advance()
    assert told[-1][0] == "count"


def test_a_progress_line_has_rate_and_time_left():
    assert runtime.format_rate("encode", 1240, 3200, 4.0) == "encode 1,240/3,200 · 310.0/s · 0:06 left"
    assert runtime.format_rate("read", 50, 0, 2.0) == "read 50 · 25.0/s"
    assert runtime.format_rate("train, epochs", 12, 40, 342.0) == "train, epochs 12/40 · 28.5 s each · 13:18 left"


def test_a_log_gets_a_line_now_and_then_and_one_at_the_end(capsys):
    for seconds in range(1, 41):
        runtime.print_progress("test steps", seconds, 40, float(seconds))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" · ")[0] for line in lines] == ["test steps 15/40", "test steps 30/40", "test steps 40/40"]


def test_shipped_models_are_found_and_others_pass_through():
    assert runtime.foundation_path("some/model") == "some/model"
    assert (runtime.FOUNDATION_DIR / "genrec-tiny-lm").samefile(runtime.foundation_path("genrec-tiny-lm"))
    with pytest.raises(InputError, match="it holds: genrec-tiny-clip"):
        runtime.foundation_path("genrec-tiny-voice")


def test_a_device_that_is_not_there_is_named():
    assert runtime.pick_device("cpu").type == "cpu"
    with pytest.raises(InputError, match="'warp' is unknown"):
        runtime.pick_device("warp")


def test_progress_can_be_silenced_for_a_while():
    told = []
    with runtime.report_progress_to(lambda label, *_: told.append(label)):
        with runtime.silence_progress():
            list(runtime.progress(range(3), label="inside"))
        list(runtime.progress(range(3), label="after"))
    assert set(told) == {"after"}


def test_model_libraries_are_quiet_for_a_while(recwarn):
    from transformers.utils import logging as transformers_logging

    speaker, had_bars = logging.getLogger("diffusers"), transformers_logging.is_progress_bar_enabled()
    level = speaker.level
    try:
        transformers_logging.enable_progress_bar()
        with runtime.quietly(), runtime.quietly():
            assert not transformers_logging.is_progress_bar_enabled()
            assert not speaker.isEnabledFor(logging.WARNING)
            assert speaker.isEnabledFor(logging.ERROR)
            warnings.warn_explicit("a hint", UserWarning, "file.py", 1, module="peft.tuners")
            assert not recwarn.list
        assert transformers_logging.is_progress_bar_enabled()
    finally:
        if not had_bars:
            transformers_logging.disable_progress_bar()
    assert speaker.level == level
    warnings.warn_explicit("a hint", UserWarning, "file.py", 1, module="peft.tuners")
    assert len(recwarn.list) == 1


def test_a_model_is_shown_by_its_name_never_by_its_place(tmp_path, monkeypatch):
    (tmp_path / "org" / "model").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for place in (
        tmp_path / "org/model",
        "../org/model",
        "../org/model/",
        "../gone/model",
        "~/models/model",
        "./model",
    ):
        assert runtime.shown_name(str(place)) == "model"
    for name in ("genrec-tiny-clip", "org/model"):
        assert runtime.shown_name(name) == name
    monkeypatch.chdir(tmp_path)
    assert runtime.shown_name("org/model") == "model"
    assert runtime.shown_name("here/..") == tmp_path.name


def test_the_search_for_garbage_is_as_it_was_after_many_objects_were_made() -> None:
    @many_objects()
    def fail() -> None:
        raise ValueError(gc.isenabled())

    with pytest.raises(ValueError, match="False"):
        fail()
    assert gc.isenabled()
