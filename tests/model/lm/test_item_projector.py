"""The language model reads vectors where an item's semantic ID ends, and nowhere else."""

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from genrec.config import SequenceConfig
from genrec.errors import ArtifactError
from genrec.model.lm.item_projector import PROJECTOR_FILE, ItemProjector
from genrec.model.lm.language import LanguageModel
from genrec.model.lm.vocabulary import IdVocabulary
from genrec.model.sequence.model import SequenceModel
from genrec.workspace import load

IDS = IdVocabulary((3, 4, 2), 10)
CODES = np.array([[2, 3, 1], [0, 0, 0], [1, 2, 1]])
CPU = torch.device("cpu")


@pytest.fixture
def sequence_model() -> SequenceModel:
    torch.manual_seed(0)
    return SequenceModel(3, SequenceConfig(num_features=4, max_history=5)).eval()


@pytest.fixture
def reader(sequence_model) -> ItemProjector:
    reader = ItemProjector.of(sequence_model, CODES, 6, IDS, seed=0).eval()
    for weight in reader.parameters():
        torch.nn.init.normal_(weight)
    return reader


def items(*rows: int) -> list[int]:
    return IDS.tokens([tuple(CODES[row]) for row in rows])


def state_of(sequence_model: SequenceModel, *rows: int) -> torch.Tensor:
    return sequence_model.encode(torch.tensor([rows]), sequence_model.item_vectors())[0, -1]


def test_item_and_state_stand_where_known_ids_end(reader, sequence_model):
    tokens = [1, 2, *items(0), *IDS.tokens([(2, 3, 0)]), *items(2), 1]
    other = [*items(1), *[1] * 9]
    rows = torch.tensor([tokens, other])
    with reader.writing(rows >= IDS.first_token):
        read = reader(rows)
    is_read = reader(rows).abs().sum(dim=2) > 0
    assert [row.nonzero()[:, 0].tolist() for row in is_read] == [[4, 10], [2]]  # nothing is written, all is history
    of_item, of_state, following = reader.weight.chunk(3)
    vectors = sequence_model.item_vectors()
    scale = 0.3 / vectors.square().mean().sqrt()
    for place, number, history in ((4, 0, [0]), (10, 0, [0, 2]), (2, 1, [1])):
        state = 0.2 * state_of(sequence_model, *history)
        wanted = vectors[history[-1]] * scale @ of_item + state @ of_state
        torch.testing.assert_close(read[number, place], wanted)
    after_first = 0.2 * state_of(sequence_model, 0) @ following
    for place in (5, 6):  # the unknown item's own first codes, and the known one's that comes after it
        torch.testing.assert_close(read[0, place], after_first)
    is_read = read.abs().sum(dim=2) > 0
    assert [row.nonzero()[:, 0].tolist() for row in is_read] == [[4, 5, 6, 10], [2]]


def test_codes_written_after_a_prompt_get_its_state(reader, sequence_model):
    prompts = torch.tensor([[1, *items(0, 2)], [1, *items(1), 1, 1, 1]])
    reader(prompts)
    state = reader.last_state_BC
    torch.testing.assert_close(state[0], 0.2 * state_of(sequence_model, 0, 2))
    assert not state[1].any()
    written = torch.tensor([[IDS.offsets[0], IDS.offsets[0] + 1]] * 2)
    with reader.following(state):
        read = reader(written)
    rows = torch.cat([prompts, written[:, :1]], dim=1)
    with reader.writing((torch.arange(rows.shape[1]) == rows.shape[1] - 1).expand_as(rows)):
        whole = reader(rows)[:, -1]
    torch.testing.assert_close(read[:, 0], whole)
    assert reader(written) is None


def test_states_are_heard_before_the_head_where_they_were_read(reader):
    rows = torch.tensor([[1, *items(0, 2), *items(1)[:2]], [1, 1, 1, 1, *items(1), 1, 1]])
    thought = torch.randn(2, 9, 6, generator=torch.Generator().manual_seed(0))
    with reader.writing((torch.arange(9) >= 7).expand_as(rows)):
        reader(rows)
    moved = (reader.hear(thought) - thought).abs().sum(dim=2) > 0
    assert [row.nonzero()[:, 0].tolist() for row in moved] == [[3, 6, 7, 8], [6, 7, 8]]
    heard = reader.hear(thought)[0, 7:]
    reader(rows[:, :7])
    with reader.following(reader.last_state_BC):
        reader(rows[:, 7:])
        torch.testing.assert_close(reader.hear(thought[:, 7:])[0], heard)
    reader(torch.tensor([[1, 2, 1, 1]]))
    with reader.following(reader.last_state_BC):  # no item, so no state
        reader(rows[:1, 7:])
        assert torch.equal(reader.hear(thought[:1, 7:]), thought[:1, 7:])
    assert reader(torch.tensor([[1, 2]])) is None
    assert torch.equal(reader.hear(thought), thought)  # nothing was read in this text


def test_codes_out_of_order_and_short_inputs_name_no_item(reader):
    first, second, third = IDS.tokens([tuple(CODES[1])])
    assert reader(torch.tensor([[second, first, third], [1, first, third], [third, first, second]])) is None
    assert reader(torch.tensor([[first, second]])) is None


def test_training_reads_some_rows_by_their_tokens_alone(reader):
    tokens = torch.tensor([items(0)]).expand(2000, -1)
    is_read = reader.train()(tokens)[:, -1].abs().sum(dim=1) > 0
    assert 0.87 < is_read.float().mean() < 0.93
    assert reader.eval()(tokens)[:, -1].abs().sum(dim=1).all()


def test_saving_keeps_what_is_read(reader, tmp_path):
    reader.train()(torch.tensor([items(0)]))  # a coin is thrown
    reader.save(tmp_path / PROJECTOR_FILE)
    tokens = torch.tensor([items(0, 1, 2)])
    loaded = ItemProjector.load(tmp_path / PROJECTOR_FILE, IDS, CPU)
    torch.testing.assert_close(loaded.eval()(tokens), reader.eval()(tokens))
    many = tokens.expand(200, -1)
    assert torch.equal(loaded.train()(many), reader.train()(many))


def test_a_reader_of_an_earlier_layout_says_what_to_do(reader, tmp_path):
    reader.save(tmp_path / PROJECTOR_FILE)
    stored = load_file(tmp_path / PROJECTOR_FILE)
    with safe_open(tmp_path / PROJECTOR_FILE, "pt") as file:
        record = file.metadata()
    save_file({name: part for name, part in stored.items() if name != "saying"}, tmp_path / PROJECTOR_FILE, record)
    with pytest.raises(ArtifactError, match="lacks saying: an earlier genrec wrote it; run genrec build"):
        ItemProjector.load(tmp_path / PROJECTOR_FILE, IDS, CPU)


def test_a_build_trains_the_reader_and_the_model_uses_it(shop_directory):
    workspace = load(shop_directory)
    model, trie = workspace.client.language_model, workspace.client.trie
    assert model.reader.weight.abs().mean() > 0.001
    history = workspace.interactions.history("user-00001")
    prompt = workspace.client.hybrid._prompt(history, "")
    target = workspace.table.semantic_id(workspace.catalog.items[0].item_id)
    with_vectors = model.score([prompt], [target], trie=trie)
    torch.nn.init.zeros_(model.reader.weight)
    assert abs(model.score([prompt], [target], trie=trie) - with_vectors) > 1e-3


def test_a_loaded_model_reads_every_row(shop_directory):
    workspace = load(shop_directory)
    model, trie = workspace.client.language_model, workspace.client.trie
    prompt = workspace.client.hybrid._prompt(workspace.interactions.history("user-00001"), "")
    target = workspace.table.semantic_id(workspace.catalog.items[0].item_id)
    scores = model.score([prompt] * 100, [target] * 100, trie=trie)
    assert abs(scores - scores[0]).max() < 1e-4


def test_histories_that_part_from_another_are_read_as_each_alone(shop_directory):
    workspace = load(shop_directory)
    model, trie = workspace.client.language_model, workspace.client.trie
    histories = [history for history in workspace.interactions.histories().values() if len(history) > 9][:3]
    cases = [list(history) for history in histories]
    cases += [history[:place] + history[place + 1 :] for history in cases for place in range(5, len(history))]
    prompts = [workspace.client.hybrid._prompt(case, "a red lamp") for case in cases]
    target = workspace.table.semantic_id(workspace.catalog.items[0].item_id)
    together = model.score(prompts, [target] * len(prompts), trie=trie)
    alone = [model.score([prompt], [target], trie=trie)[0] for prompt in prompts]
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert np.ptp(alone) > 0.1


def test_a_workspace_without_vectors_reads_tokens_alone(shop_copy):
    (shop_copy / "model" / PROJECTOR_FILE).unlink()
    assert LanguageModel.load(shop_copy / "model", device=CPU).reader is None
