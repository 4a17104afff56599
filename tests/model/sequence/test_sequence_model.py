"""Sequence models learn what follows what, whatever is padded, and come back from disk and from a kill as they were."""

import numpy as np
import pytest
import torch

from genrec.checkpoints import save_checkpoint
from genrec.config import SequenceConfig
from genrec.model.sequence.files import save_sequence_model, stored_sequence_model
from genrec.model.sequence.layers import Dropout, Filter
from genrec.model.sequence.model import SequenceModel, pad_histories
from genrec.model.sequence.training import CHECKPOINT, HistoryWindows, train_sequence_model, validation_ndcg

CPU = torch.device("cpu")
QUICK = {"num_features": 16, "max_history": 8, "epochs": 12, "batch_size": 64, "dropout": 0.1, "learning_rate": 1e-2}


def chains(num_people=300, num_items=30, length=7, seed=0):
    """Histories in which item n is followed by item n + 1."""
    rng = np.random.default_rng(seed)
    return [(int(start) + np.arange(length)) % num_items for start in rng.integers(0, num_items, num_people)]


@pytest.mark.parametrize("kind", ["sasrec", "bsarec"])
def test_what_follows_is_learned_and_validation_chooses(kind):
    histories = chains()
    cases = [(history, int(history[-1] + 1) % 30) for history in histories[:50]]
    config = SequenceConfig(kind=kind, **QUICK)
    model, report = train_sequence_model(histories, 30, cases, config, device=CPU, seed=1)
    assert validation_ndcg(model, cases) > 0.95
    assert report.best_epoch == 1 + int(np.argmax(report.validation))
    assert report.losses[-1] < 0.3 * report.losses[0]
    log_probabilities = model.log_probabilities([np.array([4, 5]), np.array([], dtype=np.int64)])
    assert log_probabilities.shape == (2, 30)
    np.testing.assert_allclose(np.exp(log_probabilities).sum(axis=1), 1.0, rtol=1e-4)
    assert int(log_probabilities[0].argmax()) == 6


def test_without_validation_all_epochs_are_trained_and_the_last_is_kept():
    model, report = train_sequence_model(chains(), 30, (), SequenceConfig(**QUICK), device=CPU, seed=1)
    assert report.best_epoch == len(report.losses) == QUICK["epochs"]
    assert int(model.log_probabilities([np.array([4, 5])])[0].argmax()) == 6


def test_single_equals_batch_and_only_the_newest_items_count():
    torch.manual_seed(0)
    model = SequenceModel(20, SequenceConfig(**QUICK)).eval()
    histories = [np.array([1]), np.arange(5), np.arange(12)]
    together = model.log_probabilities(histories)
    for history, row in zip(histories, together, strict=True):
        np.testing.assert_allclose(model.log_probabilities([history])[0], row, atol=1e-5)
    np.testing.assert_allclose(model.log_probabilities([np.arange(4, 12)])[0], together[2], atol=1e-5)
    assert pad_histories([np.array([3, 4]), np.arange(3)], 20).tolist() == [[3, 4, 20], [0, 1, 2]]


@pytest.mark.parametrize("positions", ["relative", "absolute"])
@pytest.mark.parametrize("kind", ["sasrec", "bsarec"])
def test_one_pass_answers_for_every_prefix(kind, positions):
    torch.manual_seed(0)
    model = SequenceModel(20, SequenceConfig(kind=kind, positions=positions, **QUICK)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    histories = [np.arange(8) * 2 % 20, np.array([3]), np.arange(6)]
    lengths = [len(history) for history in histories]
    starts = np.repeat(np.cumsum([0, *lengths[:-1]]), lengths)
    vectors = model.item_vectors()
    with torch.no_grad():
        states = model.states(torch.from_numpy(np.concatenate(histories)), torch.from_numpy(starts), batch_size=2)
        prefixes = [history[:count] for history in histories for count in range(1, len(history) + 1)]
        for prefix, state in zip(prefixes, states, strict=True):
            torch.testing.assert_close(state, model.encode(torch.from_numpy(prefix)[None], vectors)[0, -1])
        last = torch.tensor([len(prefix) - 1 for prefix in prefixes])
        torch.testing.assert_close(model.encode(pad_histories(prefixes, 20), vectors, last_B=last), states)


def test_long_histories_are_read_in_windows_with_half_of_one_before_each_event():
    model = SequenceModel(50, SequenceConfig(**QUICK)).eval()
    history = torch.randperm(50, generator=torch.Generator().manual_seed(0))[:21]
    states = model.states(history, torch.zeros(21, dtype=torch.int64), batch_size=2)
    with torch.no_grad():
        for place in range(21):
            first = max(0, place // 4 - 1) * 4  # windows of eight, one every four
            alone = model.encode(history[None, first : place + 1], model.item_vectors())[0, -1]
            torch.testing.assert_close(states[place], alone)


@pytest.mark.parametrize("repeats", ["expected", "left-out"])
def test_along_a_history_it_expects_after_each_event_what_the_events_up_to_it_say(repeats):
    torch.manual_seed(3)
    model = SequenceModel(20, SequenceConfig(repeats=repeats, **QUICK)).eval()
    torch.nn.init.normal_(model.items.weight)
    histories = [np.arange(5), np.array([7]), np.array([3, 9])]
    parts = list(model.log_probabilities_along(histories, 3))
    assert [len(part) for part in parts] == [3, 3, 2]
    beginnings = [history[: place + 1] for history in histories for place in range(len(history))]
    np.testing.assert_allclose(np.concatenate(parts), model.log_probabilities(beginnings), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("repeated", "repeats"), [(0, "left-out"), (9, "expected")])
def test_items_come_again_where_they_did_in_training(repeated, repeats):
    histories = [np.arange(10)] * 20 + [np.zeros(repeated + 1, dtype=np.int64)]
    model, _ = train_sequence_model(histories, 10, [], SequenceConfig(**QUICK), device=CPU, seed=1)
    assert model.config.repeats == repeats
    probabilities = np.exp(model.log_probabilities([np.array([0, 3])])[0])
    assert bool(probabilities[[0, 3]].all()) == (repeats == "expected")
    np.testing.assert_allclose(probabilities.sum(), 1, rtol=1e-4)


def test_every_event_but_the_first_is_graded_once_an_epoch():
    histories = [np.arange(30), np.array([5]), np.arange(4), np.arange(40, 49)]
    windows = HistoryWindows(histories, 8)
    for epoch in range(5):
        batches = windows.batches(16, None, np.random.default_rng(epoch))
        graded = sorted(int(item) for batch in batches for window in batch for item in window[1:])
        assert graded == sorted([*range(1, 30), *range(1, 4), *range(41, 49)])
        assert max(len(window) for batch in batches for window in batch) <= 9
    few = windows.batches(16, 10, np.random.default_rng(0))
    assert 10 <= sum(len(window) - 1 for batch in few for window in batch) < 10 + 8


def test_a_place_is_filtered_as_bsarec_filters_the_last_one():
    """The Fourier transform with its high frequencies cut, as the paper has it, for the end of each prefix."""
    x_BTD = torch.randn(2, 8, 3)
    layer = Filter(8, 3, num_low=5, dropout=0.0)
    places = torch.arange(8)
    filtered_BTD = layer(x_BTD, x_BTD, places[:, None] - places)
    for end in range(1, 9):
        prefix_BTD = torch.zeros(2, 8, 3)
        prefix_BTD[:, 8 - end :] = x_BTD[:, :end]
        spectrum = torch.fft.rfft(prefix_BTD, dim=1, norm="ortho")
        spectrum[:, 5 // 2 + 1 :] = 0
        low_BD = torch.fft.irfft(spectrum, n=8, dim=1, norm="ortho")[:, -1]
        own_BD = x_BTD[:, end - 1]
        mixed_BD = low_BD + layer.weight_of_high.square() * (own_BD - low_BD)
        torch.testing.assert_close(filtered_BTD[:, end - 1], layer.norm(own_BD + mixed_BD), atol=1e-4, rtol=1e-4)


def test_dropout_drops_its_share_and_keeps_the_mean():
    layer = Dropout(0.3)
    x = layer(torch.ones(100_003))
    assert abs(float((x == 0).float().mean()) - 0.3) < 0.01
    assert abs(float(x.mean()) - 1.0) < 0.01
    assert torch.equal(layer.eval()(x), x)


def test_a_killed_training_ends_as_one_that_was_not(tmp_path):
    histories = chains()
    cases = [(history, int(history[-1] + 1) % 30) for history in histories[:50]]
    config = SequenceConfig(**{**QUICK, "epochs": 4})
    calm, _ = train_sequence_model(histories, 30, cases, config, device=CPU, seed=1)
    epochs = []

    def die_after_the_second(num_epochs):
        epochs.append(num_epochs)
        if num_epochs == 2:
            raise KeyboardInterrupt

    options = {"device": CPU, "seed": 1, "work": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        train_sequence_model(histories, 30, cases, config, on_epoch=die_after_the_second, **options)
    resumed, report = train_sequence_model(histories, 30, cases, config, on_epoch=epochs.append, **options)
    assert epochs == [1, 2, 3, 4]
    assert len(report.losses) == 4
    for name, weight in calm.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


@pytest.mark.parametrize("kind", ["broken", "another's", "code"])
def test_a_training_whose_checkpoint_cannot_be_used_begins_anew(tmp_path, caplog, kind):
    histories, config = chains(), SequenceConfig(**{**QUICK, "epochs": 3})
    calm, _ = train_sequence_model(histories, 30, (), config, device=CPU, seed=1)
    if kind == "another's":  # of more features: every weight has another shape
        other = SequenceConfig(**{**QUICK, "epochs": 1, "num_features": 32})
        train_sequence_model(histories, 30, (), other, device=CPU, seed=1, work=tmp_path)
    elif kind == "broken":
        (tmp_path / CHECKPOINT).write_bytes(b"PK\x03\x04 and so on" * 10)
    else:
        ran = tmp_path / "ran"
        save_checkpoint(tmp_path / CHECKPOINT, {"epoch": _Opens(ran)})
    resumed, report = train_sequence_model(histories, 30, (), config, device=CPU, seed=1, work=tmp_path)
    assert not (tmp_path / "ran").exists()
    assert [record.message.split(" (")[0] for record in caplog.records] == [
        f"checkpoint {tmp_path / CHECKPOINT} is dropped"
    ]
    assert len(report.losses) == 3
    for name, weight in calm.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


class _Opens:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_saved_model_answers_as_before(tmp_path):
    content = np.random.default_rng(0).standard_normal((30, 8)).astype(np.float32)
    config = SequenceConfig(**{**QUICK, "epochs": 1})
    model, report = train_sequence_model(chains(), 30, [], config, content=content, device=CPU, seed=1)
    save_sequence_model(model, report, tmp_path / "sequence.safetensors")
    loaded = stored_sequence_model(tmp_path / "sequence.safetensors", CPU)
    histories = [np.arange(3), np.arange(5)]
    np.testing.assert_array_equal(loaded.log_probabilities(histories), model.log_probabilities(histories))


def content_world(num_kinds=6, num_items=60, num_people=500, seed=0):
    """People stay within one kind of item; content names the kind. The last item of each kind has no events."""
    rng = np.random.default_rng(seed)
    kinds = np.arange(num_items) % num_kinds
    is_cold = np.arange(num_items) >= num_items - num_kinds
    histories = [
        rng.choice(np.flatnonzero((kinds == rng.integers(num_kinds)) & ~is_cold), 5, replace=False)
        for _ in range(num_people)
    ]
    content = np.eye(num_kinds, dtype=np.float32)[kinds] + 0.05 * rng.standard_normal((num_items, num_kinds))
    return histories, kinds, is_cold, content.astype(np.float32)


def test_items_without_events_are_known_by_their_content(tmp_path):
    histories, kinds, is_cold, content = content_world()
    config = SequenceConfig(**QUICK | {"epochs": 20})
    cases = [(history[:-1], int(history[-1])) for history in histories[:100]]
    num_known = len(kinds) - 3
    model, report = train_sequence_model(
        histories, num_known, cases, config, content=content[:num_known], device=CPU, seed=1
    )
    assert validation_ndcg(model, cases) == pytest.approx(max(report.validation))
    save_sequence_model(model, report, tmp_path / "s.safetensors")
    model = stored_sequence_model(tmp_path / "s.safetensors", CPU)
    before = model.log_probabilities(histories[:20])
    model.admit(torch.from_numpy(content[num_known:]))
    log_probabilities = model.log_probabilities(histories[:20])
    assert log_probabilities.shape == (20, len(kinds))
    shift = log_probabilities[:, :num_known] - before
    like_all = np.median(shift, axis=1, keepdims=True).repeat(num_known, axis=1)  # but for the new rivals
    np.testing.assert_allclose(shift, like_all, atol=2e-3)  # float32 has no more digits where nothing is expected
    for history, row in zip(histories[:20], log_probabilities, strict=True):
        best_cold = np.flatnonzero(is_cold)[row[is_cold].argmax()]
        assert kinds[best_cold] == kinds[history[0]]


def test_without_content_items_without_events_are_never_expected():
    histories, kinds, is_cold, _ = content_world()
    model, _ = train_sequence_model(histories, len(kinds), [], SequenceConfig(**QUICK), device=CPU, seed=1)
    assert np.exp(model.log_probabilities(histories[:20])[:, is_cold]).max() < 1e-20
