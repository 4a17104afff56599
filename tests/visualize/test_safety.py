import json

import numpy as np
import pytest
import torch
from PIL import Image

from genrec.config import Config
from genrec.errors import ConfigError, InputError, RequestRefused
from genrec.hub import wanted_models
from genrec.visualize.safety import find_refused, load_safety, require_drawable, require_safe, verdicts

CPU = torch.device("cpu")
COLORS = ("red", "blue", "green")


def pictures():
    return [Image.new("RGB", (48, 40), color) for color in COLORS]


# ---- words


@pytest.mark.parametrize(
    "request_",
    [
        "a naked woman beside it",
        "two nude young men",
        "a nude model",
        "naked, very beautiful women",
        "with PORN on the screen",
        "p0rn",
        "p o r n o",
        "pörn",
        "po\u200brno",
        "ｐｏｒｎ",
        "a severed bloody head",
        "being beheaded",
        "a swastika on the wall",
        "under a Nazi-flag",
        "school  shooting",
        "eine nackte Frau daneben",
        "Hakenkreuzfahne",
        "abgehackter Kopf",
        "une femme entièrement nue",
        "croix gammée",
        "una mujer desnuda",
        "cabeza cortada",
        "donna nuda",
        "mulher nua",
        "naakte vrouw",
        "hakenkruis",
        "cutting his own throat",
    ],
)
def test_requests_for_what_is_not_drawn_are_refused(request_):
    assert find_refused(request_) is not None


@pytest.mark.parametrize(
    "request_",
    [
        "",
        "on a walnut desk, evening",
        "nude heels beside it",
        "a nude lipstick for women",
        "nude heels women",
        "naked bulbs beside women",
        "a naked cake",
        "cocktails at night",
        "a Gore-Tex jacket in the rain",
        "Sex and the City poster",
        "Kill Bill on the wall",
        "the harbour of Pornic",
        "in Scunthorpe, Essex or Sussex",
        "a shotgun house in New Orleans",
        "a blood orange",
        "in a head shop",
        "bare feet",
        "with naked light bulbs and women's shoes",
        "a toy gun",
        "a breast pocket",
        "hot pants",
        "analysis of grapes",
        "nackter Beton",
        "auf nacktem Holz",
        "mur nu",
        "pared desnuda",
        "parete nuda",
        "hand-cut glass",
        "a model of a body shop",
        "the hanging lamp itself",
        "a cut crystal throat lozenge jar",
        "a man in a nudist-colored suit",
    ],
)
def test_what_is_said_of_things_in_shops_passes(request_):
    assert find_refused(request_) is None


def test_a_refused_request_says_what_and_why_in_one_line():
    with pytest.raises(RequestRefused, match="says 'naked woman', and sexual content is not drawn") as told:
        require_drawable(None, "in a garden", "a naked woman\nbeside it")
    assert "\n" not in str(told.value)
    require_drawable(None, "", "on a desk")


def test_a_long_request_is_read_in_time():
    assert find_refused("naked " * 20_000 + "a b c d " * 5_000) is None


# ---- pictures


def save_checker(folder, *, threshold, layout="own"):
    """Stable Diffusion's safety checker in miniature, vision width and projection width apart, in either layout.

    threshold: cosine to its concepts, which are all the first color's, from which a picture is refused.
    """
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessorPil

    torch.manual_seed(0)
    vision = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
              "image_size": 32, "patch_size": 8, "projection_dim": 12}  # fmt: skip
    text = {
        "hidden_size": 8,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "vocab_size": 99,
    }
    checker = StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision, text_config=text, projection_dim=12)).eval()
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    pixels = processor(images=pictures(), return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        embedded = checker.visual_projection(checker.vision_model(pixels)[1])
        checker.concept_embeds.copy_(embedded[:1].expand_as(checker.concept_embeds))
        checker.special_care_embeds.copy_(-embedded[:1].expand_as(checker.special_care_embeds))
        checker.concept_embeds_weights.fill_(threshold)
        checker.special_care_embeds_weights.fill_(1.0)
    parts = ("safety_checker", "feature_extractor") if layout == "pipeline" else (".", ".")
    checker.save_pretrained(folder / parts[0])
    processor.save_pretrained(folder / parts[1])
    return folder


@pytest.fixture(params=["own", "pipeline"])
def checker(request, tmp_path):
    return save_checker(tmp_path / "a-checker", threshold=0.998, layout=request.param)


def test_the_safety_checker_of_stable_diffusion_refuses_what_it_takes_for_its_concepts(checker):
    check = load_safety(str(checker), CPU)
    shown = pictures()
    before = [np.asarray(picture).copy() for picture in shown]
    found = check.check(shown, "a lamp")
    assert [entry is not None for entry in found] == [True, False, False]
    assert found[0] == "a-checker takes it for sexual content"
    for picture, was in zip(shown, before, strict=True):
        np.testing.assert_array_equal(np.asarray(picture), was)
    assert check.check([], "") == []


def test_one_at_a_time_is_as_all_at_once(tmp_path):
    check = load_safety(str(save_checker(tmp_path / "c", threshold=0.998)), CPU)
    assert [check.check([picture], "")[0] for picture in pictures()] == check.check(pictures(), "")


def test_a_threshold_that_nothing_reaches_refuses_nothing(tmp_path):
    check = load_safety(str(save_checker(tmp_path / "c", threshold=1.1)), CPU)
    assert check.check(pictures(), "") == [None] * 3


def test_a_model_of_another_kind_is_no_safety_check(tmp_path):
    folder = save_checker(tmp_path / "c", threshold=0.5)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["CLIPModel"]}))
    with pytest.raises(InputError, match="is a CLIPModel; wanted a StableDiffusionSafetyChecker"):
        load_safety(str(folder), CPU)


def test_a_checker_without_all_its_weights_is_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = save_checker(tmp_path / "c", threshold=0.5)
    weights = load_file(folder / "model.safetensors")
    del weights["concept_embeds"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match="lacks the weights concept_embeds"):
        load_safety(str(folder), CPU)


@pytest.mark.parametrize("name", ["org/none", "no-such-check", "/no/such/folder"])
def test_a_check_that_is_not_here_is_refused_with_one_line(name):
    with pytest.raises(InputError, match=r"safety check .* cannot be loaded .*set visualize\.safety") as told:
        load_safety(name, CPU)
    assert "\n" not in str(told.value)


# ---- checks of others


class RefusesRed:
    name = "refuses-red"

    def check(self, pictures, prompt):
        return [f"{prompt} in red" if picture.getpixel((0, 0)) == (255, 0, 0) else None for picture in pictures]


class Fails:
    name = "fails"

    def check(self, pictures, prompt):
        raise KeyError("a secret")


class CountsWrong:
    name = "counts-wrong"

    def check(self, pictures, prompt):
        return [None]


class SaysTrue:
    name = "says-true"

    def check(self, pictures, prompt):
        return [True] * len(pictures)


class NoCheck:
    name = "no-check"


def cannot_be_made():
    raise RuntimeError("no license")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package of checks, installed as pip does, beside genrec."""
    folder = tmp_path / "site" / "checks-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: checks\nVersion: 1.0\n")
    made = {"red": "RefusesRed", "no-check": "NoCheck", "unmade": "cannot_be_made", "gone": "Gone"}
    lines = [f"{name} = test_safety:{factory}" for name, factory in made.items()]
    (folder / "entry_points.txt").write_text("[genrec.safety]\n" + "\n".join(lines) + "\n[others]\nelse = os:getcwd\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))


def test_an_installed_check_is_chosen_by_its_name(installed):
    check = load_safety("red", CPU)
    assert verdicts(check, pictures(), "a lamp") == ["a lamp in red", None, None]
    with pytest.raises(RequestRefused, match="not shown: a lamp in red; draw again"):
        require_safe(check, pictures()[0], "a lamp")
    require_safe(check, pictures()[1], "a lamp")


def test_an_installed_check_is_no_model_to_be_fetched(installed):
    config = Config().with_settings(["visualize.safety=red"])
    assert "visualize.safety" not in {state.setting for state in wanted_models(config)}
    config = Config().with_settings(["visualize.safety=org/checker"])
    assert "visualize.safety" in {state.setting for state in wanted_models(config)}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no-check", "has no check"),
        ("unmade", r"cannot be made \(RuntimeError: no license\)"),
        ("gone", "cannot be made"),
    ],
)
def test_an_installed_check_that_is_none_is_refused(installed, name, says):
    with pytest.raises(ConfigError, match=says):
        load_safety(name, CPU)


def test_what_is_installed_for_something_else_is_not_run(installed):
    with pytest.raises(InputError, match="cannot be loaded"):
        load_safety("else", CPU)


def test_code_beside_a_workspace_is_not_run(tmp_path, monkeypatch):
    (tmp_path / "check.py").write_text("raise SystemExit('it ran')\n")
    monkeypatch.chdir(tmp_path)
    for name in ("check", "check:Check", str(tmp_path), str(tmp_path / "check.py")):
        with pytest.raises(InputError, match="cannot be loaded"):
            load_safety(name, CPU)


@pytest.mark.parametrize("check", [Fails(), CountsWrong(), SaysTrue()], ids=lambda check: check.name)
def test_a_check_that_fails_lets_nothing_pass(check):
    with pytest.raises(InputError, match=f"safety check '{check.name}' .*nothing is shown"):
        verdicts(check, pictures(), "a lamp")


def test_without_a_check_everything_passes():
    assert load_safety(None, CPU) is None
    assert Config().visualize.safety is None
    assert verdicts(None, pictures(), "a lamp") == [None] * 3


def test_presets_that_can_draw_people_have_a_check():
    assert [Config.for_preset(preset).visualize.safety is None for preset in ("tiny", "small", "base", "large")] == [
        True, True, False, False,
    ]  # fmt: skip
