"""An ensemble of sequence models is one wide sequence model, whose scores are the mean of its members'."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from genrec.config import Config, SequenceConfig
from genrec.data.splits import EvaluationCase, Split
from genrec.model.sequence.ensemble import SequenceEnsemble
from genrec.model.sequence.files import find_sequence_model, save_sequence_model, stored_sequence_model
from genrec.model.sequence.model import SequenceModel, pad_histories
from genrec.model.sequence.stage import train_sequence_on
from genrec.model.sequence.training import validation_ndcg
from genrec.runtime import report_progress_to
from genrec.schema import Catalog, Interactions, Item

CPU = torch.device("cpu")
NUM_ITEMS, NUM_CONTENT = 20, 4
CONFIG = SequenceConfig(
    num_features=16, max_history=8, epochs=3, batch_size=64, dropout=0.1, learning_rate=1e-2, repeats="expected"
)
HISTORIES = [np.array([1]), np.arange(5), np.arange(12)]


def member(seed, num_content=0):
    torch.manual_seed(seed)
    model = SequenceModel(NUM_ITEMS, CONFIG, num_content)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return model.eval()


@pytest.fixture
def members():
    return [member(seed, NUM_CONTENT) for seed in range(3)]


def test_scores_are_the_mean_of_the_members(members):
    ensemble = SequenceEnsemble(members).eval()
    rows = pad_histories([history[-8:] for history in HISTORIES], NUM_ITEMS)
    last = torch.tensor([min(len(history), 8) - 1 for history in HISTORIES])
    with torch.no_grad():
        scores = [m.score(m.encode(rows, m.item_vectors(), last_B=last), m.item_vectors()) for m in members]
    wanted = torch.stack(scores).mean(dim=0).log_softmax(dim=1)
    np.testing.assert_allclose(ensemble.log_probabilities(HISTORIES), wanted.numpy(), atol=1e-4)
    one = SequenceEnsemble(members[:1])
    np.testing.assert_allclose(
        one.log_probabilities(HISTORIES), members[0].log_probabilities(HISTORIES), rtol=1e-5, atol=1e-4
    )


def test_along_a_history_it_expects_what_the_events_up_to_it_say(members):
    ensemble = SequenceEnsemble(members)
    beginnings = [history[: place + 1] for history in HISTORIES[:2] for place in range(len(history))]
    along = np.concatenate(list(ensemble.log_probabilities_along(HISTORIES[:2], 4)))
    np.testing.assert_allclose(along, ensemble.log_probabilities(beginnings), rtol=1e-4, atol=1e-4)
    assert ensemble.item_vectors().shape == (NUM_ITEMS, 3 * CONFIG.num_features)


def test_new_items_are_known_by_their_content_and_known_ones_can_be_hidden(members):
    ensemble = SequenceEnsemble(members)
    content = torch.randn(2, NUM_CONTENT)
    without = ensemble.without(np.array([3]), content[:1])
    ensemble.admit(content[:1])
    assert ensemble.num_items == NUM_ITEMS + 1
    assert ensemble.log_probabilities(HISTORIES).shape == (3, NUM_ITEMS + 1)
    torch.testing.assert_close(without.item_vectors()[3], ensemble.item_vectors()[NUM_ITEMS])
    assert not ensemble.is_known_N[NUM_ITEMS]
    assert not without.is_known_N[3]
    assert bool(ensemble.is_known_N[3])


def catalog_and_split():
    catalog = Catalog(items=tuple(Item(item_id=f"i{n}", title=f"item {n}") for n in range(NUM_ITEMS)))
    people = [[(start + step) % NUM_ITEMS for step in range(6)] for start in range(NUM_ITEMS)]
    train = Interactions.sort(
        user_ids=[f"u{n}" for n, items in enumerate(people) for _ in items],
        item_ids=[f"i{row}" for items in people for row in items],
    )
    cases = tuple(
        EvaluationCase(user_id=f"u{n}", history=tuple(f"i{r}" for r in items[:5]), target=f"i{items[5]}", timestamp=9)
        for n, items in enumerate(people)
    )
    return catalog, Split(protocol="leave-one-out", train=train, validation=cases, test=())


def test_it_is_trained_from_different_beginnings_resumed_and_saved(tmp_path):
    catalog, split = catalog_and_split()
    config = replace(Config(), device="cpu", sequence=replace(CONFIG, num_models=2))
    content = np.random.default_rng(0).standard_normal((NUM_ITEMS, NUM_CONTENT)).astype(np.float32)
    calm, report = train_sequence_on(catalog, split, config, content=content, work=tmp_path / "calm")
    assert isinstance(calm, SequenceEnsemble)
    first, second = calm.members
    assert not torch.equal(first.items.weight, second.items.weight)
    cases = [(catalog.rows(case.history), catalog.row(case.target)) for case in split.validation]
    assert report.validation[-1] == pytest.approx(validation_ndcg(calm, cases))

    def die_at_the_second(label, *_):
        if label == "train sequence model 2 of 2, epochs":
            raise KeyboardInterrupt

    with report_progress_to(die_at_the_second), pytest.raises(KeyboardInterrupt):
        train_sequence_on(catalog, split, config, content=content, work=tmp_path / "killed")
    assert [path.name for path in (tmp_path / "killed").glob("*/checkpoint.pt")] == ["checkpoint.pt"]
    resumed, _ = train_sequence_on(catalog, split, config, content=content, work=tmp_path / "killed")
    np.testing.assert_array_equal(resumed.log_probabilities(HISTORIES), calm.log_probabilities(HISTORIES))

    save_sequence_model(calm, report, tmp_path / "sequence.safetensors")
    for loaded in (stored_sequence_model(tmp_path / "sequence.safetensors", CPU), find_sequence_model(tmp_path, CPU)):
        np.testing.assert_array_equal(loaded.log_probabilities(HISTORIES), calm.log_probabilities(HISTORIES))
