"""The readers of histories that fusers share."""

import pytest
import torch

from genrec.config import FuseConfig
from genrec.errors import ConfigError
from genrec.fusion.nets import Attentive, Pooled

_CONFIG = FuseConfig(width=16, max_history=10)


def _reader(kind: str) -> torch.nn.Module:
    torch.manual_seed(0)
    reader = Attentive(16, _CONFIG, has_order=True) if kind == "attentive" else Pooled(10, has_order=True)
    with torch.no_grad():
        for bias_T in (weight for name, weight in reader.named_parameters() if name in ("bias_T", "log_weight_T")):
            bias_T.copy_(-torch.arange(10.0) / 3)
    return reader.eval()


@pytest.mark.parametrize("kind", ["attentive", "pooled"])
def test_what_was_trained_is_what_answers(kind):
    """With a learned bias for distance, a reader gives the same with gradients, as it trains, and without."""
    reader, x, is_real = _reader(kind), torch.randn(3, 6, 16), torch.ones(3, 6, dtype=torch.bool)
    trained = reader(x, is_real).detach()
    with torch.inference_mode():
        torch.testing.assert_close(reader(x, is_real), trained)


@pytest.mark.parametrize("kind", ["attentive", "pooled"])
@torch.inference_mode()
def test_order_counts_and_what_lies_ahead_does_not(kind):
    reader, x, is_real = _reader(kind), torch.randn(3, 6, 16), torch.ones(3, 6, dtype=torch.bool)
    people = reader(x, is_real)
    turned = reader(x[:, [1, 0, 2, 3, 4, 5]], is_real)
    assert not torch.allclose(people[:, 3], turned[:, 3], atol=1e-4)
    ahead = reader(torch.cat([x[:, :4], -x[:, 4:]], dim=1), is_real)
    torch.testing.assert_close(ahead[:, :4], people[:, :4])


def test_a_width_that_heads_cannot_share_is_refused():
    with pytest.raises(ConfigError, match=r"fuse\.width = 15"):
        Attentive(15, FuseConfig(width=15), has_order=True)
