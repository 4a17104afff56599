"""A pretrained encoder whose states the reading model may read."""

import logging

import pytest
import torch
from stand_ins import save_minilm

from genrec.chat.reading.backbone import Backbone
from genrec.chat.reading.tagger import reading_model, shipped_model
from genrec.chat.words import split_words
from genrec.config import Config
from genrec.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_minilm(tmp_path_factory.mktemp("stand-in") / "encoder")


def test_states_are_of_each_word_however_many_pieces_it_has(folder):
    backbone = Backbone(str(folder), (1, 2))
    messages = [split_words("a red lamp, please"), split_words("extraordinarily red")]
    states_BTH = backbone.read(messages)
    assert states_BTH.shape == (2, len(messages[0]), backbone.num_features)
    assert torch.count_nonzero(states_BTH[1, len(messages[1]) :]) == 0
    alone = backbone.read(messages[1:])
    assert torch.allclose(states_BTH[1, : len(messages[1])], alone[0], atol=1e-5)


def test_another_encoder_is_refused(folder):
    backbone = Backbone(str(folder), (1, 2))
    backbone.check(backbone.probe())
    with pytest.raises(InputError, match="not the one"):
        backbone.check([number + 1 for number in backbone.probe()])


def test_without_its_encoder_messages_are_read_by_the_words_alone_and_that_is_said(folder, caplog):
    config = Config().with_settings(["chat.understanding=model", f"encode.text_encoder={folder}"])
    with caplog.at_level(logging.WARNING):
        assert reading_model(config) is shipped_model()
    assert "without a sentence encoder" in caplog.text


def test_the_shipped_model_reads_by_itself_where_the_settings_say_so():
    assert reading_model(Config()) is shipped_model()
