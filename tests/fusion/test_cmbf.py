"""CMBF: each modality attends to itself and to the others, and concatenation of as many parameters stands beside it."""

import pytest
import torch
from torch import nn

from genrec.config import FuseConfig
from genrec.fusion.systems.cmbf import CMBF

_WIDTH, _NUM_STREAMS = 16, 3


def _reader(*without: str) -> nn.Module:
    torch.manual_seed(2)
    config = FuseConfig(fuser="cmbf", width=_WIDTH, max_history=8, without=without)
    return CMBF(config).make_reader(_NUM_STREAMS * _WIDTH, has_order=True).eval()


def _num_parameters(reader: nn.Module) -> int:
    return sum(weight.numel() for weight in reader.parameters())


def _read(reader: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return reader(x, torch.ones(x.shape[:2], dtype=torch.bool))


@pytest.fixture
def streams():
    return torch.randn(2, 5, _NUM_STREAMS * _WIDTH, generator=torch.Generator().manual_seed(4))


def test_concatenation_has_as_many_parameters():
    fused, concatenated = _num_parameters(_reader()), _num_parameters(_reader("single-modal", "cross-modal"))
    assert abs(fused - concatenated) < 0.03 * fused


def test_one_kind_of_attention_alone_has_half_the_layers():
    whole, alone = _num_parameters(_reader()), _num_parameters(_reader("cross-modal"))
    assert _num_parameters(_reader("single-modal")) == alone
    assert 0.45 * whole < alone < 0.6 * whole


@torch.inference_mode()
@pytest.mark.parametrize(("without", "is_read"), [((), True), (("single-modal",), True), (("cross-modal",), False)])
def test_a_modality_reads_the_others_by_cross_modal_attention_alone(streams, without, is_read):
    """The map to the person is set to see the last stream alone; an earlier event's first stream is then changed."""
    reader = _reader(*without)
    reader.join.weight[:, : 2 * _WIDTH] = 0.0
    before = _read(reader, streams)[:, -1]
    streams[:, 1, :_WIDTH] *= -1.0
    after = _read(reader, streams)[:, -1]
    assert torch.allclose(before, after, atol=1e-6) != is_read


@torch.inference_mode()
@pytest.mark.parametrize("without", [(), ("cross-modal",), ("single-modal",), ("single-modal", "cross-modal")])
def test_no_event_looks_ahead(streams, without):
    reader = _reader(*without)
    before = _read(reader, streams)[:, :3]
    streams[:, 3:] *= -1.0
    torch.testing.assert_close(_read(reader, streams)[:, :3], before)
