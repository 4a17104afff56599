"""MP4SR: pictures told in the catalog's words, and a pretraining by contrast that tuning starts from."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from worlds import make_world, recall

from genrec.config import FuseConfig
from genrec.data.arrays import unit_rows
from genrec.fusion import training
from genrec.fusion.nets import Inputs
from genrec.fusion.systems.mp4sr import MP4SR, told_in_words
from genrec.schema import Catalog, Embeddings, Item

_CONFIG = FuseConfig(
    fuser="mp4sr", width=16, epochs=30, batch_size=128, max_history=10, learning_rate=0.01, dropout=0.1
)
_COLORS = ("red", "green", "blue", "white", "black", "brown")
_KINDS = ("shoe", "coat", "ring", "vase", "lamp", "tent")


@pytest.fixture
def shop():
    """A catalog, its texts, and what pictures show (N, 2): every other item's text keeps its color to itself.

    Texts are sums of words' vectors around a middle, as in CLIP's space.
    """
    rng = np.random.default_rng(5)
    shown_N2 = rng.integers(6, size=(240, 2))
    words = rng.normal(size=(2, 6, 32))
    items, said = [], []
    for row, (color, kind) in enumerate(shown_N2):
        is_told = row % 2 == 0
        items.append(Item(item_id=f"i{row}", title=f"{_COLORS[color]} {_KINDS[kind]}" if is_told else _KINDS[kind]))
        said.append(words[0, color] * is_told + words[1, kind])
    noise, middle = rng.normal(size=(2, 240, 32)) * 0.2, 2 * rng.normal(size=32)
    texts = Embeddings(name="text", vectors=unit_rows(np.array(said) + noise[0] + middle), present=np.ones(240, bool))
    seen_ND = words[0, shown_N2[:, 0]] + words[1, shown_N2[:, 1]] + noise[1]
    return Catalog(items=tuple(items)), texts, shown_N2, seen_ND


def _images(vectors: np.ndarray) -> Embeddings:
    present = np.arange(len(vectors)) % 7 != 0
    return Embeddings(name="image", vectors=unit_rows(vectors) * present[:, None].astype(np.float32), present=present)


def _share_told(told: Embeddings, shop) -> float:
    """The share of pictures whose description, next to others of their kind, leans to their own color, where no text
    tells it."""
    _, texts, shown_N2, _ = shop
    is_told = np.arange(len(shown_N2)) % 2 == 0
    by_color = np.stack([texts.vectors[is_told & (shown_N2[:, 0] == color)].mean(axis=0) for color in range(6)])
    asked = told.present & ~is_told
    kinds = shown_N2[asked, 1]
    centered = told.vectors[asked] - np.stack([told.vectors[asked][kinds == kind].mean(axis=0) for kind in kinds])
    best = (centered @ unit_rows(by_color - by_color.mean(axis=0)).T).argmax(axis=1)
    return float((best == shown_N2[asked, 0]).mean())


def test_a_picture_tells_a_color_that_no_text_tells(shop):
    catalog, texts, _, seen = shop
    told = told_in_words(_images(seen - 3.0), texts, catalog)  # pictures have a middle of their own
    assert told.name == "text"
    assert told.vectors.shape == texts.vectors.shape
    np.testing.assert_array_equal(told.present, np.arange(240) % 7 != 0)
    assert not told.vectors[~told.present].any()
    assert _share_told(told, shop) > 0.7  # one in six by chance


@pytest.mark.parametrize("width", [32, 20])
def test_pictures_of_another_space_are_told_by_a_learned_map(shop, width):
    """Also where the widths happen to be equal: what a picture is near to tells that it is no shared space."""
    catalog, texts, _, seen = shop
    turned = seen @ np.random.default_rng(1).normal(size=(32, width))
    assert _share_told(told_in_words(_images(turned), texts, catalog), shop) > 0.45


def test_a_catalog_whose_words_no_two_items_share_tells_nothing(shop, caplog):
    _, texts, _, seen = shop
    silent = Catalog(items=tuple(Item(item_id=f"i{row}", title=f"name{row}") for row in range(240)))
    assert told_in_words(_images(seen), texts, silent) is None
    assert "0 words are shared" in caplog.text


def _net(world, config=_CONFIG):
    fuser = MP4SR(config)
    blocks = {name: torch.from_numpy(e.vectors) for name, e in world.modalities.items()}
    present = {name: torch.from_numpy(e.present) for name, e in world.modalities.items()}
    torch.manual_seed(1)
    return fuser.make_net(
        Inputs(
            blocks=blocks,
            present=present,
            is_known_N=torch.from_numpy(world.events.is_known_N),
            events=world.events,
            config=config,
        )
    )


def test_a_pretraining_that_was_killed_ends_as_a_calm_one(tmp_path):
    world = make_world(num_learned=100)
    calm, killed, resumed = (_net(world) for _ in range(3))
    config = replace(_CONFIG, pretraining_epochs=6)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        training.pretrain(calm, calm.pretraining_loss, world.events, config, seed=7)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        short = replace(config, pretraining_epochs=2)
        training.pretrain(killed, killed.pretraining_loss, world.events, short, seed=7, work=tmp_path)
    training.pretrain(resumed, resumed.pretraining_loss, world.events, config, seed=7, work=tmp_path)
    for name, weight in resumed.state_dict().items():
        torch.testing.assert_close(weight, calm.state_dict()[name], msg=name)
    assert not torch.allclose(killed.items.maps["text"].weight, calm.items.maps["text"].weight)


@torch.inference_mode()
def test_a_mixed_history_and_its_complement_show_each_event_once_by_either_modality(monkeypatch):
    """What is read of the two, summed, is text and picture of each event."""
    world = make_world(num_learned=40)
    net = _net(world).eval()
    read = []
    monkeypatch.setattr(net.reader, "forward", lambda x, is_real: read.append(x) or torch.zeros(*x.shape[:2], 16))
    rows = torch.from_numpy(world.events.histories[0])[None]
    batch = training.Batch(rows_BT=rows[:, :-1], targets_BT=rows[:, 1:], is_graded_BT=torch.ones_like(rows[:, 1:]) > 0)
    net.pretraining_loss(batch)
    said, seen = (net._side(names)[rows[:, :-1]] for names in net.sides)
    torch.testing.assert_close(read[0] + read[1], said + seen)
    is_said = torch.isclose(read[0], said).all(dim=-1)
    assert (is_said | torch.isclose(read[0], seen).all(dim=-1)).all()


def test_pretraining_is_a_head_start():
    """After two epochs of tuning, over worlds on which no setting was chosen; after many, both come to the same."""
    warm = {True: 0.0, False: 0.0}
    for seed in (11, 12, 13):
        world = make_world(seed, num_learned=150)
        for is_pretrained in warm:
            config = replace(_CONFIG, epochs=2, without=() if is_pretrained else ("pretraining",))
            fuser = MP4SR(config).fit(world.modalities, world.events)
            warm[is_pretrained] += recall(fuser.scores([history for history, _ in world.test]), world.test) / 3
    assert warm[True] > warm[False] + 0.05, warm
