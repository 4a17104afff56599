"""Annotated talk, how it is varied, and what the shipped reading model makes of plain messages."""

import numpy as np
import pytest

from genrec.chat.reading.tagger import NONE, ReadingModel, shipped_model
from genrec.foundation.talk import (
    UNREAD,
    Talk,
    TalkConfig,
    everyday_words,
    held_out,
    measure,
    parse_line,
    read_lines,
    read_unread,
    train,
)

LINES = read_lines()
SMALL = TalkConfig(num_steps=60, batch_size=16, warmup_steps=6)


def test_a_line_is_its_words_with_what_they_say():
    line = parse_line("recommend: a [red|want value] lamp, no [plastic|avoid value]!", "en")
    assert line.text == "a red lamp, no plastic!"
    assert [(s.text, s.role, s.type) for s in line.spans if s.role != NONE] == [
        ("red", "want", "value"),
        ("plastic", "avoid", "value"),
    ]


def test_a_line_without_intent_is_refused():
    with pytest.raises(ValueError, match="wanted `intent: words"):
        parse_line("a red lamp", "en")


def test_every_line_says_only_what_the_model_can_say():
    config = shipped_model().config
    for line in LINES:
        assert line.intent in config.intents
        assert {span.role for span in line.spans} <= set(config.roles)
        assert {span.type for span in line.spans} <= set(config.types)


def test_a_message_that_is_varied_says_the_same():
    """Names are others, levels may be said by denying the opposite; roles stay in their order, but for added names."""
    talk = Talk(LINES, [], TalkConfig(denied=0.0, listed=0.0, joined=0.0))
    rng = np.random.default_rng(3)
    for line in LINES[::97]:
        varied = talk._varied(line, rng)
        assert [span.role for span in varied.spans if span.role != NONE] == [
            s.role for s in line.spans if s.role != NONE
        ]


def test_a_level_that_is_denied_turns_around():
    talk = Talk([parse_line("recommend: a [cheap|low price] lamp", "en")], [], TalkConfig(denied=1.0))
    varied = talk._varied(talk.lines[0], np.random.default_rng(0))
    assert [(span.text, span.role) for span in varied.spans if span.role != NONE] == [("cheap", "high")]
    assert any(word in varied.text for word in ("not", "nothing", "n't"))


def test_words_of_names_are_no_everyday_words():
    everyday = everyday_words(LINES)
    assert {"please", "something", "aber", "pour"} <= everyday
    assert not {"spielberg", "matrix", "sneakers"} & everyday


def test_training_learns_what_it_is_shown():
    seen, _ = held_out(LINES, 1)
    talk = Talk(seen, [], SMALL)
    before = measure(ReadingModel(train(seen, [], TalkConfig(num_steps=8, warmup_steps=2), 5)), seen[:80], talk)
    after = measure(ReadingModel(train(seen, [], SMALL, 5)), seen[:80], talk)
    assert after["intent"] > before["intent"]


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "do you have black shoes"), ("de", "haben Sie schwarze Schuhe"), ("fr", "avez-vous des chaussures noires"),
     ("es", "tienen zapatos negros"), (UNREAD, "czy macie czarne buty"), (UNREAD, "avete scarpe nere per favore")],
)  # fmt: skip
def test_the_shipped_model_tells_languages(language, text):
    model = shipped_model()
    line = parse_line(f"recommend: {text}", "en")
    assert model.read([Talk([line], [], SMALL).label(line).words])[0].language == language


def test_unread_messages_are_of_many_languages():
    assert len(read_unread()) > 500
