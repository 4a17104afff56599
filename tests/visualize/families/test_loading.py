"""How models are loaded: settings, marks, and what is refused with what to do."""

import json
import logging
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from accelerate import cpu_offload
from PIL import Image
from safetensors.torch import load_file, save_file

from genrec.config import VisualizeConfig
from genrec.errors import InputError
from genrec.visualize.families import (
    ADAPTER_FILE,
    DrawingStopped,
    PictureWithheld,
    load_scene_painter,
    load_variation_painter,
)
from genrec.visualize.families.adapters import HUB_ENCODER, HUB_FOLDER, mix_pictures
from genrec.visualize.families.driving import OneAtATime, model_size
from genrec.visualize.families.loading import LORA_FILE, slice_attention

CPU = torch.device("cpu")


def config(**changes):
    paths = {name: str(value) for name, value in changes.items() if name in ("diffusion", "scene", "ip_adapter")}
    return VisualizeConfig(**({"steps": 2, "guidance": 3.0} | changes | paths))


def drawn(found, order):
    return np.asarray(found.draw(order, lambda *_: True)).astype(int)


def pipeline_of(found):
    return found._driver.pipeline


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_weights_stay_in_the_dtype_that_is_set_also_after_drawing(name, edit_folder, hub_folder, klein_folder, order):
    for settings in ({"diffusion": edit_folder}, {"diffusion": hub_folder, "ip_adapter": hub_folder}):
        found = load_variation_painter(config(**settings, dtype=name), CPU)
        drawn(found, order)
        drawn(found, replace(order, photo=Image.new("RGB", (40, 40), (200, 30, 30))))  # maybe of another class
        parts = [part for part in pipeline_of(found).components.values() if isinstance(part, torch.nn.Module)]
        assert {parameter.dtype for part in parts for parameter in part.parameters()} == {getattr(torch, name)}
    assert drawn(found, order).std() > 0


def test_by_default_a_cpu_computes_in_float32_whatever_was_saved(edit_folder, tmp_path):
    shutil.copytree(edit_folder, tmp_path / "half")
    path = tmp_path / "half" / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({name: weight.half() for name, weight in load_file(path).items()}, path)
    assert pipeline_of(load_variation_painter(config(diffusion=tmp_path / "half"), CPU)).unet.dtype == torch.float32


def test_sliced_attention_draws_the_same_and_keeps_the_adapter(edit_folder, order):
    plain = load_variation_painter(config(diffusion=edit_folder), CPU)
    sliced = load_variation_painter(config(diffusion=edit_folder, attention_slicing=True), CPU)
    kinds = {type(processor).__name__ for processor in pipeline_of(sliced).unet.attn_processors.values()}
    assert {"SlicedAttnProcessor", "IPAdapterAttnProcessor2_0"} == kinds
    np.testing.assert_allclose(drawn(plain, order), drawn(sliced, order), atol=2)


def test_settings_without_effect_are_said(edit_folder, klein_folder, lcm_folder, caplog):
    with caplog.at_level(logging.WARNING):
        load_variation_painter(config(diffusion=edit_folder, offload="model"), CPU)
        klein = load_variation_painter(config(diffusion=klein_folder, lcm_lora=str(lcm_folder)), CPU)
        slice_attention(pipeline_of(klein))
    said = " ".join(record.message for record in caplog.records)
    for words in (
        "offload = model has no effect on a CPU",
        "lcm_lora has no effect",
        "attention_slicing has no effect",
    ):
        assert words in said


def move_by_layer(pipeline):
    """As enable_sequential_cpu_offload does, which names a CPU cpu:0 and then takes it for another device."""
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            cpu_offload(part, CPU, offload_buffers=bool(part._parameters))


@pytest.mark.parametrize("move", [lambda pipeline: pipeline.enable_model_cpu_offload(device=CPU), move_by_layer])
def test_a_pipeline_with_the_hooks_of_offloading_draws_the_same_again_and_after_a_stop(move, hub_folder, order):
    """The hooks run on a CPU, too, where they move nothing."""
    settings = {"diffusion": hub_folder, "ip_adapter": hub_folder}
    wanted = drawn(load_variation_painter(config(**settings), CPU), order)
    found = load_variation_painter(config(**settings, dtype="float32"), CPU)
    move(pipeline_of(found))
    for _ in range(2):
        np.testing.assert_array_equal(drawn(found, order), wanted)
        with pytest.raises(DrawingStopped):
            found.draw(order, lambda *_: False)
    into = replace(order, photo=Image.new("RGB", (40, 40), (200, 30, 30)))  # by another class
    np.testing.assert_array_equal(drawn(found, into), drawn(found, into))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="offloading needs a GPU to move weights to")
@pytest.mark.parametrize("how", ["model", "sequential"])
def test_offloaded_weights_draw_the_same_from_several_threads(how, hub_folder, order):
    device, settings = torch.device("cuda"), {"diffusion": hub_folder, "ip_adapter": hub_folder, "dtype": "float32"}
    wanted = drawn(load_variation_painter(config(**settings), device), order)
    moved, found = load_variation_painter(config(**settings, offload=how), device), []
    threads = [threading.Thread(target=lambda: found.append(drawn(moved, order))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    for one in found:
        np.testing.assert_allclose(one, wanted, atol=2)


def test_a_lora_for_few_steps_changes_the_weights_once_and_the_scheduler(hub_folder, lcm_folder, order):
    settings = {"diffusion": hub_folder, "ip_adapter": hub_folder, "steps": 4, "guidance": 1.5}
    plain = load_variation_painter(config(**settings), CPU)
    quick = load_variation_painter(config(**settings, lcm_lora=str(lcm_folder)), CPU)
    assert type(pipeline_of(quick).scheduler).__name__ == "LCMScheduler"
    assert quick.num_steps == 4
    before, after = (dict(pipeline_of(found).unet.named_parameters()) for found in (plain, quick))
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if name.endswith(("to_q.weight", "to_k.weight", "to_v.weight", "to_out.0.weight"))}  # fmt: skip  # noqa: E501
    lora, layer = load_file(lcm_folder / LORA_FILE), "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    flat = f"lora_unet_{layer.replace('.', '_')}"
    step = lora[f"{flat}.lora_up.weight"] @ lora[f"{flat}.lora_down.weight"]  # alpha equals the rank
    torch.testing.assert_close(after[f"{layer}.weight"] - before[f"{layer}.weight"], step, atol=1e-5, rtol=1e-4)


def test_more_steps_than_a_scheduler_has_are_refused(hub_folder, lcm_folder):
    with pytest.raises(InputError, match=r"visualize\.steps = 80 .*choose fewer"):
        load_variation_painter(
            config(diffusion=hub_folder, ip_adapter=hub_folder, lcm_lora=str(lcm_folder), steps=80), CPU
        )


def test_two_painters_of_one_model_share_its_weights(klein_folder, hub_folder):
    for settings in (
        {"diffusion": klein_folder, "scene": klein_folder},
        {"diffusion": hub_folder, "scene": hub_folder},
    ):
        loaded = config(**settings, ip_adapter=hub_folder)
        variation, scene = load_variation_painter(loaded, CPU), load_scene_painter(loaded, CPU)
        assert pipeline_of(variation) is pipeline_of(scene)
    other = load_variation_painter(replace(loaded, dtype="bfloat16"), CPU)
    assert pipeline_of(other) is not pipeline_of(variation)


def test_a_tokenizer_that_threads_share_gives_each_what_it_asked_for(hub_folder):
    from transformers import CLIPTokenizer

    shared, lengths = OneAtATime(CLIPTokenizer.from_pretrained(hub_folder / "tokenizer")), {"longest": set()}
    lengths["max_length"] = set()

    def ask(padding):
        for _ in range(300):
            tokens = shared(["a red mug"], padding=padding, truncation=padding == "max_length", max_length=64)
            lengths[padding].add(len(tokens["input_ids"][0]))

    threads = [threading.Thread(target=ask, args=(padding,)) for padding in list(lengths) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == {"longest": {9}, "max_length": {64}}


def test_what_a_pipelines_own_checker_blackened_is_no_picture(edit_folder, order):
    found = load_variation_painter(config(diffusion=edit_folder, image_guidance=1.25), CPU)

    def flag(image, *_):
        return torch.zeros_like(image), [True]

    pipeline_of(found).run_safety_checker = flag
    with pytest.raises(PictureWithheld, match="choose another seed"):
        drawn(found, order)


def test_a_pipeline_without_adapter_is_refused_for_variations_with_what_to_set(own_folder, tmp_path):
    shutil.copytree(own_folder, tmp_path / "bare")
    (tmp_path / "bare" / ADAPTER_FILE).unlink()
    with pytest.raises(InputError, match=r"set visualize\.ip_adapter"):
        load_variation_painter(config(diffusion=tmp_path / "bare"), CPU)


@pytest.mark.parametrize(
    ("card", "complaint"),
    [
        (None, "does not say what its ip_adapter"),
        ("---\nlicense: mit\n---\nreads: palette", "does not say what its ip_adapter"),
        ("---\nreads: tea leaves\n---", "says 'tea leaves' of what its ip_adapter"),
        ("---\nreads: pictures\n---", "image encoder .* cannot be loaded"),
    ],
)
def test_what_an_adapter_reads_is_told_by_its_card_and_never_guessed(card, complaint, own_folder, tmp_path):
    shutil.copytree(own_folder, tmp_path / "other")
    (tmp_path / "other" / "README.md").unlink()
    if card is not None:
        (tmp_path / "other" / "README.md").write_text(card)
    with pytest.raises(InputError, match=complaint) as refused:
        load_variation_painter(config(diffusion=tmp_path / "other"), CPU)
    assert "\n" not in str(refused.value)


def test_an_adapter_of_another_width_than_a_palettes_is_refused(own_folder, tmp_path):
    shutil.copytree(own_folder, tmp_path / "wide")
    path = tmp_path / "wide" / ADAPTER_FILE
    saved = load_file(path)
    saved["image_proj.proj.weight"] = torch.zeros(len(saved["image_proj.proj.weight"]), 24)
    path.unlink()
    save_file(saved, path)
    with pytest.raises(InputError, match="reads 24 numbers, its palette have 16"):
        load_variation_painter(config(diffusion=tmp_path / "wide"), CPU)


def test_an_adapter_without_its_encoder_or_with_another_is_refused(hub_folder, tmp_path):
    shutil.copytree(hub_folder, tmp_path / "hub")
    path = tmp_path / "hub" / HUB_FOLDER / HUB_ENCODER / "config.json"
    shape = json.loads(path.read_text())
    weights = path.with_name("model.safetensors")
    saved = load_file(weights)
    saved["visual_projection.weight"] = saved["visual_projection.weight"][:20].contiguous()
    save_file(saved, weights, metadata={"format": "pt"})
    path.write_text(json.dumps(shape | {"projection_dim": 20}))
    with pytest.raises(InputError, match="reads 24 numbers, its pictures have 20"):
        load_variation_painter(config(diffusion=hub_folder, ip_adapter=tmp_path / "hub"), CPU)
    shutil.rmtree(path.parent)
    with pytest.raises(InputError, match="wanted models/image_encoder beside it"):
        load_variation_painter(config(diffusion=hub_folder, ip_adapter=tmp_path / "hub"), CPU)


def test_a_missing_or_unknown_model_is_refused(tmp_path, edit_folder, inpaint_folder):
    with pytest.raises(InputError, match=r"set visualize\.diffusion"):
        load_variation_painter(config(diffusion=tmp_path / "nowhere"), CPU)
    with pytest.raises(InputError, match=r"scene model .* cannot be loaded .*set visualize\.scene"):
        load_scene_painter(config(scene=tmp_path / "nowhere"), CPU)
    with pytest.raises(InputError, match=r"no model for scenes is set; set visualize\.scene"):
        load_scene_painter(replace(config(), scene=None), CPU)
    (tmp_path / "model_index.json").write_text('{"_class_name": "WanPipeline", "_diffusers_version": "0.42.1"}')
    with pytest.raises(InputError, match="is a WanPipeline; wanted one of StableDiffusionPipeline"):
        load_variation_painter(config(diffusion=tmp_path), CPU)
    with pytest.raises(InputError, match="is a StableDiffusionInpaintPipeline; wanted one of"):
        load_variation_painter(config(diffusion=inpaint_folder), CPU)
    with pytest.raises(InputError, match="is a StableDiffusionInstructPix2PixPipeline; wanted one of"):
        load_scene_painter(config(scene=edit_folder), CPU)


def test_a_model_of_other_channels_cannot_paint_scenes(edit_folder, tmp_path):
    shutil.copytree(edit_folder, tmp_path / "odd")
    path = tmp_path / "odd" / "model_index.json"
    path.write_text(
        path.read_text().replace("StableDiffusionInstructPix2PixPipeline", "StableDiffusionInpaintPipeline")
    )
    with pytest.raises(InputError, match="has a UNet of 8 channels; wanted 9"):
        load_scene_painter(config(scene=tmp_path / "odd"), CPU)


def test_a_mix_keeps_the_items_length_and_leans_to_the_item_by_share():
    item, liked = np.array([4.0, 0.0], np.float32), np.array([[0.0, 2.0], [0.0, 6.0]], np.float32)
    alike = np.ones(2, np.float32)
    mixed = mix_pictures(item, liked, alike, share=0.4)
    assert np.linalg.norm(mixed) == pytest.approx(4.0, abs=1e-5)
    assert mixed[1] / mixed[0] == pytest.approx(0.4 * 4 / (0.6 * 4))
    np.testing.assert_allclose(mix_pictures(item, liked, alike, share=0.0), item)
    np.testing.assert_allclose(mix_pictures(item, liked[:0], alike[:0], share=0.4), item)
    np.testing.assert_allclose(mix_pictures(None, liked, np.array([1.0, 3.0], np.float32), share=1.0), [0, 5])


@pytest.mark.parametrize(
    ("size", "wanted"), [((1000, 1000), (512, 512)), ((1600, 900), (704, 384)), ((100, 5000), (384, 704))]
)
def test_what_is_painted_has_about_the_area_a_model_knows(size, wanted):
    assert model_size(size, 512, 64) == wanted
