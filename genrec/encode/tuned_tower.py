"""The upper layers of an image tower with a LoRA, so that what judges items may change how their pictures are seen.

The lower layers stay as they are, so what they make of each picture is computed once. Knows towers of CLIP's kind;
deliberately knows nothing of what is learned.

Axis legend: N pictures, B some of them, S states of a picture in the tower, H their width, D features.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from genrec.data.images import Picture
from genrec.encode.clip import ClipEncoder

_SHARE = 4  # one in so many of the layers, the uppermost, can change
_RANK, _ALPHA = 8, 16
_TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


class States:
    """What the lower layers made of pictures, float16 (N, S, H); shared by copies of a net, since it never changes."""

    def __init__(self, states_NSH: torch.Tensor) -> None:
        self.states_NSH = states_NSH

    def __deepcopy__(self, _memo: object) -> "States":
        return self


class TunedTower(nn.Module):
    """The upper layers of a tower, in which a LoRA alone learns."""

    def __init__(self, clip: ClipEncoder) -> None:
        super().__init__()
        from peft import LoraConfig, inject_adapter_in_model  # takes seconds, and only this fuser needs it

        model = deepcopy(clip.model).cpu()
        tower = model.vision_model
        layers = tower.encoder.layers
        num_upper = max(1, len(layers) // _SHARE)
        tower.encoder.layers = layers[len(layers) - num_upper :]
        lora = LoraConfig(r=_RANK, lora_alpha=_ALPHA, target_modules=list(_TARGETS))
        self.encoder = inject_adapter_in_model(lora, tower.encoder)
        self.norm, self.head = tower.post_layernorm, getattr(tower, "head", None)
        self.projection = getattr(model, "visual_projection", None)
        for name, weight in self.named_parameters():
            weight.requires_grad_("lora_" in name)

    def forward(self, states_BSH: torch.Tensor) -> torch.Tensor:
        """Unit vectors of pictures, (B, D), from what the lower layers made of them."""
        top_BSH = self.encoder(inputs_embeds=states_BSH.float()).last_hidden_state
        if self.head is not None:
            seen_BD: torch.Tensor = self.head(self.norm(top_BSH))
        else:
            assert self.projection is not None
            seen_BD = self.projection(self.norm(top_BSH[:, 0]))
        return F.normalize(seen_BD, dim=-1)


@torch.inference_mode()
def lower_states(clip: ClipEncoder, pictures: Sequence[Picture]) -> States:
    """What a tower's lower layers make of pictures. Raises SourceError for a broken picture."""
    tower = clip.model.vision_model
    layers = tower.encoder.layers
    found: list[torch.Tensor] = []
    # Run whole and caught on the way: families begin differently.
    catch = layers[len(layers) - max(1, len(layers) // _SHARE)].register_forward_pre_hook(
        lambda _, args, named: found.append((args[0] if args else named["hidden_states"]).half().cpu()),
        with_kwargs=True,
    )
    for start in range(0, len(pictures), clip.batch_size):
        tower(pixel_values=clip.pixels(pictures[start : start + clip.batch_size]))
    catch.remove()
    return States(torch.cat(found).clone())


def lora_weights(tower: nn.Module) -> dict[str, Any]:  # Any: parameters, by name
    """The weights that learn."""
    return {name: weight for name, weight in tower.named_parameters() if weight.requires_grad}
