"""Memory-saving training: the same losses and gradients, and models are left as they were."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import Qwen3Config, Qwen3ForCausalLM

from genrec.model.training.memory_saving import saving_memory

TOKENS = torch.tensor([[3, 7, 11, 5, 9, 2], [1, 8, 8, 4, 0, 0]])


def lora_of(**options):
    torch.manual_seed(0)
    sizes = {"vocab_size": 32, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "head_dim": 8}
    model = Qwen3ForCausalLM(Qwen3Config(**sizes, num_attention_heads=3, num_key_value_heads=1))
    wrapped = get_peft_model(model, LoraConfig(r=4, lora_alpha=12, target_modules="all-linear", **options))
    for name, weight in wrapped.named_parameters():
        if "lora_B" in name:  # starts at zero, where the gradients of the other matrix are zero, too
            nn.init.normal_(weight, std=0.1)
    return wrapped


def gradients(model):
    model.zero_grad()
    loss = model(input_ids=TOKENS, labels=TOKENS).loss
    loss.backward()
    return float(loss.detach()), {name: w.grad.clone() for name, w in model.named_parameters() if w.grad is not None}


def test_losses_and_gradients_are_those_of_the_usual_passes_and_fewer_tensors_are_kept():
    model, kept = lora_of().train(), []

    def keep(tensor):
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        usual_loss, usual = gradients(model)
    usual_kept, kept[:] = len(kept), []
    with saving_memory(model, half_precision=False), torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        lean_loss, lean = gradients(model)
    assert lean_loss == pytest.approx(usual_loss, rel=1e-6)
    assert len(usual) == 2 * 7 * 2
    assert lean.keys() == usual.keys()
    for name, gradient in usual.items():
        torch.testing.assert_close(lean[name], gradient, rtol=1e-4, atol=1e-7)
    assert len(kept) < usual_kept


def num_changed(model):
    return sum("forward" in vars(layer) for layer in model.modules())


def test_a_model_is_left_as_it_was_even_by_an_error():
    model, numbers = lora_of(), []
    before = model.config._attn_implementation  # transformers' own setting, which has no public getter

    def train():
        with saving_memory(model, half_precision=True):
            numbers.append(num_changed(model))
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        train()
    assert [*numbers, num_changed(model)] == [2 * 7, 0]
    assert model.config._attn_implementation == before


@pytest.mark.filterwarnings("ignore:`lora_bias=True` was passed:UserWarning")
@pytest.mark.parametrize("options", [{"lora_dropout": 0.5}, {"use_dora": True}, {"lora_bias": True}])
def test_layers_of_another_kind_compute_as_usual(options):
    model = lora_of(**options)
    with saving_memory(model, half_precision=False):
        assert num_changed(model) == 0
