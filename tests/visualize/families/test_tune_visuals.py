"""Tuning on a catalog's pictures, with tiny models of every class that can be tuned."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from genrec.config import TuneVisualsConfig, VisualizeConfig
from genrec.errors import InputError
from genrec.visualize.families import load_scene_painter, load_variation_painter
from genrec.visualize.families.loading import LORA_FILE, lora_folder
from genrec.visualize.tuning import CHECKPOINT, Captioned, tune_on_pictures

TUNING = TuneVisualsConfig(
    steps=24, batch_size=4, rank=4, learning_rate=2e-2, checkpoint_every=5, sample_every=12, num_samples=2
)
VISUAL = VisualizeConfig(steps=2, guidance=2.0)


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Twelve plain pictures, warm all of them."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    found = []
    for number in range(12):
        color = tuple(int(c) for c in (rng.integers(180, 255), rng.integers(60, 120), rng.integers(0, 60)))
        Image.new("RGB", (40 + number, 40), color).save(folder / f"{number}.png")
        found.append(Captioned(path=folder / f"{number}.png", words=f"a mug of shade {number}"))
    return found


def tune(folder, model, pictures, tuning=TUNING, **options):
    return tune_on_pictures(str(model), pictures, VISUAL, tuning, folder, seed=3, device="cpu", **options)


@pytest.mark.parametrize("name", ["hub_folder", "inpaint_folder", "edit_folder"])
def test_the_loss_on_pictures_that_were_held_out_falls_and_what_was_learned_is_drawn_with(
    name, pictures, tmp_path, order, request
):
    model = request.getfixturevalue(name)
    workspace, setting = tmp_path / "shop", "scene" if name == "inpaint_folder" else "diffusion"
    folder = lora_folder(workspace, str(model))
    report = tune(folder, model, pictures, replace(TUNING, model=setting))
    assert report.loss_after < report.loss_before
    assert report.num_pictures == 11
    assert report.path == folder / LORA_FILE
    assert [path.name for path in sorted((folder / "samples").iterdir())] == ["000012.png", "000024.png"]
    assert not (folder / CHECKPOINT).exists()
    config = replace(VISUAL, ip_adapter=str(request.getfixturevalue("hub_folder")), **{setting: str(model)})
    load = load_scene_painter if setting == "scene" else load_variation_painter
    plain, tuned = (load(config, torch.device("cpu"), workspace=place) for place in (tmp_path / "other", workspace))
    before, after = (found._driver.pipeline.unet.state_dict() for found in (plain, tuned))
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[layer], after[layer]) for layer in before)


def test_a_training_that_was_killed_ends_as_one_that_was_not(hub_folder, pictures, tmp_path):
    whole = tune(tmp_path / "whole", hub_folder, pictures)

    def kill(step):
        if step == 13:
            raise Killed

    with pytest.raises(Killed):
        tune(tmp_path / "broken", hub_folder, pictures, on_step=kill)
    told = []
    resumed = tune(tmp_path / "broken", hub_folder, pictures, on_step=told.append)
    assert told[0] == 11
    assert (resumed.loss_before, resumed.loss_after) == (whole.loss_before, whole.loss_after)
    first, second = (load_file(tmp_path / name / LORA_FILE) for name in ("whole", "broken"))
    for name, weight in first.items():
        assert torch.equal(weight, second[name]), name


def test_a_checkpoint_of_another_training_is_dropped_with_a_warning(hub_folder, pictures, tmp_path, caplog):
    def kill(step):
        if step == 6:
            raise Killed

    with pytest.raises(Killed):
        tune(tmp_path, hub_folder, pictures, on_step=kill)
    told = []
    tune(tmp_path, hub_folder, pictures[1:], replace(TUNING, steps=2), on_step=told.append)
    assert told == [1, 2]
    assert "it is of other settings, another model or other pictures" in caplog.text


def test_what_cannot_be_tuned_is_refused(klein_folder, hub_folder, pictures, tmp_path):
    with pytest.raises(InputError, match="no item has a picture"):
        tune(tmp_path, hub_folder, [])
    with pytest.raises(InputError, match="is a Flux2KleinPipeline; wanted one of StableDiffusionPipeline"):
        tune(tmp_path, klein_folder, pictures)
