"""The language model reads vectors where an item's semantic ID ends, and nowhere else."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from workspaces import stages_of

from genrec.config import SequenceConfig
from genrec.errors import ArtifactError
from genrec.model.lm.item_projector import PROJECTOR_FILE, ItemProjector
from genrec.model.lm.language import LanguageModel
from genrec.model.lm.vocabulary import IdVocabulary, history_prompt
from genrec.model.sequence.model import SequenceModel
from genrec.workspace import Workspace, load

IDS = IdVocabulary((3, 4, 2), 10)
CODES = np.array([[2, 3, 1], [0, 0, 0], [1, 2, 1]])
CPU = torch.device("cpu")


@pytest.fixture
def sequence_model() -> SequenceModel:
    torch.manual_seed(0)
    return SequenceModel(3, SequenceConfig(num_features=4, max_history=5)).eval()


@pytest.fixture
def projector(sequence_model) -> ItemProjector:
    projector = ItemProjector.of(sequence_model, CODES, 6, IDS, seed=0).eval()
    for weight in projector.parameters():
        torch.nn.init.normal_(weight)
    return projector


def items(*rows: int) -> list[int]:
    return IDS.tokens([tuple(CODES[row]) for row in rows])


def prompt_of(workspace: Workspace, history: Sequence[str], query: str = "") -> list[int]:
    ids = [workspace.table.semantic_id(item_id) for item_id in history]
    return history_prompt(
        workspace.client.language_model.prompts, ids, max_history=workspace.config.tune.max_history, query=query
    )


def state_of(sequence_model: SequenceModel, *rows: int) -> torch.Tensor:
    return sequence_model.encode(torch.tensor([rows]), sequence_model.item_vectors())[0, -1]


def test_item_and_state_are_added_where_known_ids_end(projector, sequence_model):
    tokens = [1, 2, *items(0), *IDS.tokens([(2, 3, 0)]), *items(2), 1]
    other = [*items(1), *[1] * 9]
    rows = torch.tensor([tokens, other])
    with projector.marking_targets(rows >= IDS.first_token):
        read = projector(rows)
    is_read = projector(rows).abs().sum(dim=2) > 0
    assert [row.nonzero()[:, 0].tolist() for row in is_read] == [[4, 10], [2]]  # nothing is written, all is history
    of_item, of_state, decoding = projector.weight.chunk(3)
    vectors = sequence_model.item_vectors()
    scale = 0.3 / vectors.square().mean().sqrt()
    for place, number, history in ((4, 0, [0]), (10, 0, [0, 2]), (2, 1, [1])):
        state = 0.2 * state_of(sequence_model, *history)
        wanted = vectors[history[-1]] * scale @ of_item + state @ of_state
        torch.testing.assert_close(read[number, place], wanted)
    after_first = 0.2 * state_of(sequence_model, 0) @ decoding
    for place in (5, 6):  # the unknown item's own first codes, and the known one's that comes after it
        torch.testing.assert_close(read[0, place], after_first)
    is_read = read.abs().sum(dim=2) > 0
    assert [row.nonzero()[:, 0].tolist() for row in is_read] == [[4, 5, 6, 10], [2]]


def test_codes_decoded_after_a_prompt_get_its_state(projector, sequence_model):
    prompts = torch.tensor([[1, *items(0, 2)], [1, *items(1), 1, 1, 1]])
    projector(prompts)
    state = projector.last_state_BC
    torch.testing.assert_close(state[0], 0.2 * state_of(sequence_model, 0, 2))
    assert not state[1].any()
    written = torch.tensor([[IDS.offsets[0], IDS.offsets[0] + 1]] * 2)
    with projector.decoding_after(state):
        read = projector(written)
    rows = torch.cat([prompts, written[:, :1]], dim=1)
    with projector.marking_targets((torch.arange(rows.shape[1]) == rows.shape[1] - 1).expand_as(rows)):
        whole = projector(rows)[:, -1]
    torch.testing.assert_close(read[:, 0], whole)
    assert projector(written) is None


def test_states_are_fused_before_the_head_where_they_were_added(projector):
    rows = torch.tensor([[1, *items(0, 2), *items(1)[:2]], [1, 1, 1, 1, *items(1), 1, 1]])
    hidden = torch.randn(2, 9, 6, generator=torch.Generator().manual_seed(0))
    with projector.marking_targets((torch.arange(9) >= 7).expand_as(rows)):
        projector(rows)
    moved = (projector.fuse_states(hidden) - hidden).abs().sum(dim=2) > 0
    assert [row.nonzero()[:, 0].tolist() for row in moved] == [[3, 6, 7, 8], [6, 7, 8]]
    fused = projector.fuse_states(hidden)[0, 7:]
    projector(rows[:, :7])
    with projector.decoding_after(projector.last_state_BC):
        projector(rows[:, 7:])
        torch.testing.assert_close(projector.fuse_states(hidden[:, 7:])[0], fused)
    projector(torch.tensor([[1, 2, 1, 1]]))
    with projector.decoding_after(projector.last_state_BC):  # no item, so no state
        projector(rows[:1, 7:])
        assert torch.equal(projector.fuse_states(hidden[:1, 7:]), hidden[:1, 7:])
    assert projector(torch.tensor([[1, 2]])) is None
    assert torch.equal(projector.fuse_states(hidden), hidden)  # nothing was read in this text


def test_codes_out_of_order_and_short_inputs_name_no_item(projector):
    first, second, third = IDS.tokens([tuple(CODES[1])])
    assert projector(torch.tensor([[second, first, third], [1, first, third], [third, first, second]])) is None
    assert projector(torch.tensor([[first, second]])) is None


def test_training_drops_the_vectors_of_some_rows(projector):
    tokens = torch.tensor([items(0)]).expand(2000, -1)
    is_read = projector.train()(tokens)[:, -1].abs().sum(dim=1) > 0
    assert 0.87 < is_read.float().mean() < 0.93
    assert projector.eval()(tokens)[:, -1].abs().sum(dim=1).all()


def test_a_saved_projector_adds_and_drops_as_before(projector, tmp_path):
    projector.train()(torch.tensor([items(0)]))  # a row is dropped or not
    projector.save(tmp_path / PROJECTOR_FILE)
    tokens = torch.tensor([items(0, 1, 2)])
    loaded = ItemProjector.load(tmp_path / PROJECTOR_FILE, IDS, CPU)
    torch.testing.assert_close(loaded.eval()(tokens), projector.eval()(tokens))
    many = tokens.expand(200, -1)
    assert torch.equal(loaded.train()(many), projector.train()(many))


def test_a_projector_of_an_earlier_layout_says_what_to_do(projector, tmp_path):
    projector.save(tmp_path / PROJECTOR_FILE)
    stored = load_file(tmp_path / PROJECTOR_FILE)
    with safe_open(tmp_path / PROJECTOR_FILE, "pt") as file:
        record = file.metadata()
    save_file({name: part for name, part in stored.items() if name != "saying"}, tmp_path / PROJECTOR_FILE, record)
    with pytest.raises(ArtifactError, match="lacks saying: an earlier genrec wrote it; run genrec build"):
        ItemProjector.load(tmp_path / PROJECTOR_FILE, IDS, CPU)


def test_a_build_trains_the_projector_and_the_model_uses_it(shop_directory):
    workspace = load(shop_directory)
    model, trie = workspace.client.language_model, workspace.client.trie
    assert model.item_projector.weight.abs().mean() > 0.001
    history = workspace.interactions.history("user-00001")
    prompt = prompt_of(workspace, history)
    target = workspace.table.semantic_id(workspace.catalog.items[0].item_id)
    with_vectors = model.score([prompt], [target], trie=trie)
    torch.nn.init.zeros_(model.item_projector.weight)
    assert abs(model.score([prompt], [target], trie=trie) - with_vectors) > 1e-3


def test_a_loaded_model_drops_nothing(shop_directory):
    workspace = load(shop_directory)
    model, trie = workspace.client.language_model, workspace.client.trie
    prompt = prompt_of(workspace, workspace.interactions.history("user-00001"))
    target = workspace.table.semantic_id(workspace.catalog.items[0].item_id)
    scores = model.score([prompt] * 100, [target] * 100, trie=trie)
    assert abs(scores - scores[0]).max() < 1e-4


def test_histories_that_part_from_another_are_read_as_each_alone(shop_directory):
    workspace = load(shop_directory)
    model, trie = workspace.client.language_model, workspace.client.trie
    histories = [history for history in workspace.interactions.histories().values() if len(history) > 9][:3]
    cases = [list(history) for history in histories]
    cases += [history[:place] + history[place + 1 :] for history in cases for place in range(5, len(history))]
    prompts = [prompt_of(workspace, case, "a red lamp") for case in cases]
    target = workspace.table.semantic_id(workspace.catalog.items[0].item_id)
    together = model.score(prompts, [target] * len(prompts), trie=trie)
    alone = [model.score([prompt], [target], trie=trie)[0] for prompt in prompts]
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert np.ptp(alone) > 0.1


def test_a_workspace_without_vectors_reads_tokens_alone(shop_copy):
    (stages_of(shop_copy) / "model" / PROJECTOR_FILE).unlink()
    assert LanguageModel.load(stages_of(shop_copy) / "model", device=CPU).item_projector is None
