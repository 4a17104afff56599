"""NOVA: what items look like and say steers attention, and is no part of what attention finds."""

import pytest
import torch
from torch import nn

from genrec.config import FuseConfig
from genrec.fusion.systems.nova import NonInvasive

_CONFIG = FuseConfig(fuser="nova", width=16, max_history=10)


@pytest.fixture
def history():
    """Free vectors (B, T, F) of 4 histories of 6 events, and two modalities beside them, twice."""
    generator = torch.Generator().manual_seed(3)
    ids, sides, others = (torch.randn(4, 6, width, generator=generator) for width in (16, 32, 32))
    return ids, sides, others


def _reader(num_streams: int = 3, *, is_invasive: bool = False) -> NonInvasive:
    torch.manual_seed(5)
    return NonInvasive(num_streams * 16, _CONFIG, has_order=True, is_invasive=is_invasive).eval()


def _read(reader: NonInvasive, *streams: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
    """People, and the queries and the values of each layer."""
    queries, values = [], []

    def note(_: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        queries.append(given[1])
        values.append(given[3])

    hooks = [layer.register_forward_pre_hook(note) for layer in reader.layers]
    x = torch.cat(streams, dim=-1)
    people = reader(x, torch.ones(x.shape[:2], dtype=torch.bool))
    for hook in hooks:
        hook.remove()
    return people, queries, values


@torch.inference_mode()
def test_values_are_the_same_bits_whatever_stands_beside_them(history):
    ids, sides, others = history
    people, queries, values = _read(_reader(), ids, sides)
    people_of_others, queries_of_others, values_of_others = _read(_reader(), ids, others)
    assert torch.equal(values[0], values_of_others[0])
    assert not torch.allclose(queries[0], queries_of_others[0], atol=1e-3)
    assert not torch.allclose(people, people_of_others, atol=1e-3)  # attention did look elsewhere


@torch.inference_mode()
def test_where_attention_has_no_choice_the_whole_path_is_the_same_bits(history):
    """After a single event all weight lies on it, so what steers attention can change nothing, in any layer."""
    ids, sides, others = (x[:, :1] for x in history)
    people, _, values = _read(_reader(), ids, sides)
    people_of_others, _, values_of_others = _read(_reader(), ids, others)
    assert all(torch.equal(*pair) for pair in zip(values, values_of_others, strict=True))
    assert torch.equal(people, people_of_others)


@torch.inference_mode()
def test_without_side_information_it_is_plain_self_attention_to_the_bit(history):
    ids, sides, _ = history
    steered, plain = _reader(), _reader(num_streams=1)
    plain.load_state_dict({k: v for k, v in steered.state_dict().items() if not k.startswith("gates")})
    people, queries, values = _read(plain, ids)
    beside_nothing, _, _ = _read(steered, ids, torch.zeros_like(sides))
    assert torch.equal(people, beside_nothing)
    assert all(torch.equal(*pair) for pair in zip(queries, values, strict=True))


@torch.inference_mode()
def test_invasive_fusion_changes_the_values(history):
    ids, sides, others = (x[:, :1] for x in history)
    people, _, values = _read(_reader(is_invasive=True), ids, sides)
    people_of_others, _, values_of_others = _read(_reader(is_invasive=True), ids, others)
    assert not torch.allclose(values[0], values_of_others[0], atol=1e-3)
    assert not torch.allclose(people, people_of_others, atol=1e-3)
