"""The language model reads a vector where an item's semantic ID ends, and nowhere else."""

import numpy as np
import pytest
import torch

from genrec.model.item_reader import READER_FILE, ItemReader
from genrec.model.language import LanguageModel
from genrec.model.vocabulary import IdVocabulary
from genrec.workspace import load

IDS = IdVocabulary((3, 4, 2), 10)
CODES = np.array([[2, 3, 1], [0, 0, 0], [1, 2, 1]])
VECTORS = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float32)


@pytest.fixture
def reader() -> ItemReader:
    reader = ItemReader.of(CODES, VECTORS, 4, IDS).eval()
    torch.nn.init.normal_(reader.weight)
    return reader


def test_vectors_stand_where_known_ids_end(reader):
    known, unknown = IDS.tokens([tuple(CODES[0])]), IDS.tokens([(2, 3, 0)])
    tokens = torch.tensor([[1, 2, *known, *unknown, *IDS.tokens([tuple(CODES[2])])]])
    read = reader(tokens)[0]
    scale = np.sqrt(np.mean(VECTORS**2))
    for place, row in ((4, 0), (10, 2)):
        torch.testing.assert_close(read[place], torch.tensor(VECTORS[row] / scale) @ reader.weight)
    assert not read[[0, 1, 2, 3, 5, 6, 7, 8, 9]].any()


def test_codes_out_of_order_and_short_inputs_name_no_item(reader):
    first, second, third = IDS.tokens([tuple(CODES[1])])
    assert not reader(torch.tensor([[second, first, third], [1, first, third], [third, first, second]])).any()
    assert reader(torch.tensor([[first, second]])) is None


def test_training_reads_some_rows_by_their_tokens_alone(reader):
    tokens = torch.tensor([IDS.tokens([tuple(CODES[0])])]).expand(2000, -1)
    torch.manual_seed(0)
    is_read = reader.train()(tokens)[:, -1].abs().sum(dim=1) > 0
    assert 0.87 < is_read.float().mean() < 0.93
    assert reader.eval()(tokens)[:, -1].abs().sum(dim=1).all()


def test_saving_keeps_what_is_read(reader, tmp_path):
    reader.save(tmp_path / READER_FILE)
    tokens = torch.tensor([IDS.tokens([tuple(codes) for codes in CODES])])
    torch.testing.assert_close(ItemReader.load(tmp_path / READER_FILE, IDS).eval()(tokens), reader(tokens))


def test_a_build_trains_the_reader_and_the_model_uses_it(shop_directory):
    workspace = load(shop_directory)
    assert workspace.model.reader.weight.abs().mean() > 0.001
    history = workspace.interactions.history("user-00001")
    prompt = workspace._prompt(history, "")
    target = workspace.table.semantic_id(workspace.catalog.items[0].item_id)
    with_vectors = workspace.model.score([prompt], [target])
    torch.nn.init.zeros_(workspace.model.reader.weight)
    assert abs(workspace.model.score([prompt], [target]) - with_vectors) > 1e-3


def test_a_workspace_without_vectors_reads_tokens_alone(shop_copy):
    (shop_copy / "model" / READER_FILE).unlink()
    assert LanguageModel.load(shop_copy / "model", device=torch.device("cpu")).reader is None
