import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler, LCMScheduler, PNDMScheduler
from PIL import Image
from torch.nn import functional

from genrec.visualize.families.previews import fit_preview, watch


def test_a_preview_of_a_picture_looks_like_it():
    """Under a codec that halves sides and mixes colors into six channels, not quite linearly."""
    mixing = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))

    def encode(pixels):
        return torch.tanh(torch.einsum("cr,brhw->bchw", mixing, functional.avg_pool2d(pixels, 2)) / 3)

    preview = fit_preview(encode, factor=2)
    picture = Image.new("RGB", (64, 64), (200, 60, 40))
    picture.paste((30, 60, 160), (0, 32, 64, 64))
    shown = preview.show(encode(torch.tensor(np.asarray(picture)).permute(2, 0, 1)[None] / 127.5 - 1)[0])
    assert shown.size == (32, 32)
    error = np.abs(np.asarray(shown).astype(int) - np.asarray(picture.resize(shown.size, Image.Resampling.BOX)))
    assert error.mean() < 12


@pytest.mark.parametrize("kind", [DDIMScheduler, LCMScheduler, FlowMatchEulerDiscreteScheduler])
def test_what_a_step_takes_the_finished_latents_for_is_seen(kind):
    torch.manual_seed(0)
    scheduler, clean = kind(), torch.rand(1, 4, 2, 2) - 0.5
    if kind is not FlowMatchEulerDiscreteScheduler:
        scheduler = kind(clip_sample=False, prediction_type="sample")
    last = watch(scheduler)
    assert last() is None
    scheduler.set_timesteps(4)
    noise, time = torch.randn_like(clean), scheduler.timesteps[1]
    if kind is FlowMatchEulerDiscreteScheduler:
        noisy, told = scheduler.scale_noise(clean, time[None], noise), noise - clean
        scheduler.set_begin_index(1)
    else:
        noisy, told = scheduler.add_noise(clean, noise, time[None]), clean
    scheduler.step(told, time, noisy, return_dict=False)
    if kind is LCMScheduler:  # it mixes the noisy latents in, the less the later the step
        assert torch.nn.functional.cosine_similarity(last().flatten(), clean.flatten(), dim=0) > 0.99
    else:
        torch.testing.assert_close(last(), clean, atol=1e-5, rtol=1e-5)


def test_a_scheduler_that_does_not_say_is_left_alone():
    scheduler = PNDMScheduler(skip_prk_steps=True)
    last = watch(scheduler)
    scheduler.set_timesteps(4)
    latents = torch.randn(1, 4, 2, 2)
    scheduler.step(latents, scheduler.timesteps[0], latents, return_dict=False)
    assert last() is None
