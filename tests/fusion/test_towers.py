"""Towers that are aligned find pictures by words that they did not know, are loaded as any model, and repeat."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from stand_ins import save_clip, save_siglip2

from genrec.config import AlignConfig
from genrec.encode.clip import ClipEncoder
from genrec.fusion.towers import Pair, align_towers, picture_recall
from genrec.runtime import report_progress_to
from genrec.schema import Item

COLORS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220), "white": (240, 240, 240)}
PLACES = {"above": (0, 0), "below": (0, 12), "right": (12, 6)}
QUICK = AlignConfig(rank=4, epochs=4, batch_size=24, learning_rate=2e-2)


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Pictures of a square, whose color and place their words tell."""
    folder, rng, made = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0), []
    for number in range(180):
        color, place = list(COLORS)[number % 4], list(PLACES)[number % 3]
        picture = rng.integers(90, 150, size=(24, 24, 3), dtype=np.uint8)
        left, top = PLACES[place]
        picture[top : top + 12, left : left + 12] = COLORS[color]
        path = folder / f"{number}.png"
        Image.fromarray(picture).save(path)
        made.append(Pair.of(Item(item_id=str(number), title=f"{color} {place}", image=path)))
    return made[:120], made[120:150], made[150:]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_clip(tmp_path_factory.mktemp("towers") / "clip"))


@pytest.fixture(scope="module")
def aligned(pairs, model, tmp_path_factory):
    """The folder of aligned towers, and the course of it."""
    out = tmp_path_factory.mktemp("aligned") / "clip"
    return out, align_towers(model, *pairs[:2], QUICK, out, device="cpu")


def test_aligned_towers_find_pictures_that_they_were_not_trained_on(pairs, model, aligned):
    out, report = aligned
    assert report.best_epoch > 0
    assert report.validation[report.best_epoch] == max(report.validation) > report.validation[0]
    before, after = (picture_recall(ClipEncoder(str(folder), "cpu"), pairs[2]) for folder in (model, out))
    assert after > before + 0.25


def test_aligned_towers_are_those_of_the_best_epoch_and_load_as_any_model(pairs, aligned):
    out, report = aligned
    assert picture_recall(ClipEncoder(str(out), "cpu"), pairs[1]) == pytest.approx(report.validation[report.best_epoch])
    names = [name for name in load_file(out / "model.safetensors") if "lora" in name or "base_layer" in name]
    assert names == []


def test_a_killed_alignment_is_resumed_and_ends_as_if_it_had_not_been(pairs, model, aligned, tmp_path):
    def kill(label, done, total, seconds):
        if label.startswith("align") and done >= 0.5 * total:
            raise Killed

    with pytest.raises(Killed), report_progress_to(kill):
        align_towers(model, *pairs[:2], QUICK, tmp_path / "out", device="cpu", work=tmp_path)
    steps = []
    with report_progress_to(lambda label, done, total, seconds: steps.append(done)):
        resumed = align_towers(model, *pairs[:2], QUICK, tmp_path / "out", device="cpu", work=tmp_path)
    assert min(steps) > 4
    assert resumed == aligned[1]
    for name, weight in load_file(aligned[0] / "model.safetensors").items():
        assert torch.equal(load_file(tmp_path / "out" / "model.safetensors")[name], weight), name


def test_without_a_lora_only_projections_move(pairs, model, tmp_path):
    align_towers(model, *pairs[:2], replace(QUICK, rank=None, epochs=1), tmp_path / "out", device="cpu")
    before, after = (load_file(Path(folder) / "model.safetensors") for folder in (model, tmp_path / "out"))
    moved = {name for name, weight in before.items() if not torch.equal(after[name], weight)}
    assert moved == {"text_projection.weight", "visual_projection.weight"}


def test_siglips_heads_and_texts_without_a_mask_are_aligned_too(pairs, tmp_path):
    model = str(save_siglip2(tmp_path / "siglip"))
    report = align_towers(model, *pairs[:2], replace(QUICK, epochs=1), tmp_path / "out", device="cpu")
    assert picture_recall(ClipEncoder(str(tmp_path / "out"), "cpu"), pairs[1]) == pytest.approx(max(report.validation))


def test_words_are_those_that_are_encoded_and_parts_of_them_alone(pairs):
    item = Item(item_id="a", title="Mug", text="For tea", attributes={"color": "red"}, image=pairs[0][0].picture)
    pair, rng = Pair.of(item), np.random.default_rng(0)
    said = {pair.some_words(rng) for _ in range(200)}
    assert pair.words == item.words
    assert {"Mug", "color: red", item.words} < said
    assert all(set(text.replace(". ", "; ").split("; ")) <= {"Mug", "For tea", "color: red"} for text in said)
    assert Pair.of(replace(item, image=None)) is None
