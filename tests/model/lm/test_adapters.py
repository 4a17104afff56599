"""Adapters are found by name and checked before they are offered; one that does not fit changes nothing."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from workspaces import stages_of

from genrec.errors import ArtifactError, ConfigError, GenrecError, IdTableMismatch, InputError
from genrec.model.lm.adapters import (
    CARD_FILE,
    adapters_folder,
    check_adapter_name,
    find_adapter,
    fitting_adapter,
    list_adapters,
    read_card,
    shipped_adapters,
)
from genrec.model.lm.language import read_ids
from genrec.pretrained import LORA_CONFIG, LORA_WEIGHTS
from genrec.ranking.client import Request
from genrec.workspace import load

CARD = (
    'name = "{name}"\nfoundation = "f"\nid_space = "i"\nlicense = "l"\ndata = "d"\nrank = 4\nminutes = 1.0\n[metrics]\n'
)


def make(root, name, card=CARD):
    folder = root / name
    folder.mkdir(parents=True)
    (folder / CARD_FILE).write_text(card.format(name=name))
    return folder


# ---- names


def test_the_workspaces_adapter_comes_before_the_shipped_one_and_nothing_is_taken_from_the_working_directory(
    tmp_path, monkeypatch
):
    here, workspace = tmp_path / "here", tmp_path / "workspace"
    make(here, "outdoor")
    make(here, "beauty")
    monkeypatch.chdir(here)
    assert find_adapter(workspace, "outdoor") == shipped_adapters() / "outdoor"
    own = make(adapters_folder(workspace), "outdoor")
    assert find_adapter(workspace, "outdoor") == own
    with pytest.raises(ArtifactError, match=r"'beauty' was not found; there are: outdoor; .* \./FOLDER"):
        find_adapter(workspace, "beauty")
    assert find_adapter(workspace, "./beauty").resolve() == here / "beauty"
    assert find_adapter(workspace, here / "beauty") == here / "beauty"


@pytest.mark.parametrize("name", ["", ".", "..", "~", "out*", "none"])
def test_what_is_no_name_is_not_found(tmp_path, name):
    make(tmp_path / "workspace", "adapters")  # a card where ".." would look
    with pytest.raises(ArtifactError, match="was not found"):
        find_adapter(tmp_path / "workspace", name)


def test_the_name_of_the_workspace_itself_is_reserved():
    with pytest.raises(ConfigError, match="the workspace's own"):
        check_adapter_name("genrec")


@pytest.mark.parametrize(
    "card",
    [
        "name = ",
        "[" * 5000,
        CARD.replace("{name}", "another"),
        CARD.replace('license = "l"\n', ""),
        CARD.replace("rank = 4", 'rank = "4"'),
        CARD.replace("[metrics]", '[metrics]\nrecall = "a"'),
        CARD.replace('data = "d"', "data = 3"),
        CARD + "# " + "x" * 100_000,
    ],
)
def test_a_broken_card_is_left_out_with_one_line_and_the_others_stay(tmp_path, caplog, card):
    make(adapters_folder(tmp_path), "whole")
    folder = adapters_folder(tmp_path) / "broken"
    folder.mkdir()
    (folder / CARD_FILE).write_text(card.replace("{name}", "broken"))
    assert {card.name for card in list_adapters(tmp_path).values()} == {"whole", "outdoor"}
    assert len(caplog.records) == 1
    assert "adapter 'broken'" in caplog.text


def test_an_adapter_called_like_the_workspace_or_by_no_name_is_left_out(tmp_path, caplog):
    for name in ("genrec", "Upper", "new\nline"):
        make(adapters_folder(tmp_path), name, CARD.replace("{name}", "genrec"))
    assert {card.name for card in list_adapters(tmp_path).values()} == {"outdoor"}
    assert len(caplog.records) == 3


# ---- fitting


@pytest.fixture
def beside(shop_directory, tmp_path):
    """An adapter that fits the shop, in a folder of its own: the shop's LoRA itself."""
    folder = tmp_path / "beside"
    shutil.copytree(stages_of(shop_directory) / "model" / "adapter", folder)
    _, id_space, foundation = read_ids(stages_of(shop_directory) / "model")
    card = CARD.replace('"f"', f'"{foundation}"').replace('"i"', f'"{id_space}"')
    (folder / CARD_FILE).write_text(card.format(name="beside"))
    return folder


def test_an_adapter_of_this_model_fits(shop_directory, beside):
    assert fitting_adapter(stages_of(shop_directory), beside) == beside
    assert read_card(beside).name == "beside"


def _cut(folder):
    weights = load_file(folder / LORA_WEIGHTS)
    save_file({name: weight[:, :-1].contiguous() for name, weight in weights.items()}, folder / LORA_WEIGHTS)


def _poison(folder):
    weights = load_file(folder / LORA_WEIGHTS)
    save_file({name: weight * torch.inf for name, weight in weights.items()}, folder / LORA_WEIGHTS)


def _rename(folder):
    config = json.loads((folder / LORA_CONFIG).read_text())
    (folder / LORA_CONFIG).write_text(json.dumps(config | {"target_modules": ["q_proj"]}))


@pytest.mark.parametrize("spoil", [_cut, _poison, _rename, lambda folder: (folder / LORA_WEIGHTS).unlink()])
def test_an_adapter_that_does_not_fit_is_refused_and_nothing_of_it_stays(shop_recommender, beside, spoil):
    spoil(beside)
    model = shop_recommender.client.language_model
    before = set(model.model.peft_config), dict(model._offered)
    for _ in range(2):
        with pytest.raises(InputError):
            shop_recommender.add_adapter(beside)
    assert (set(model.model.peft_config), dict(model._offered)) == before


def test_an_adapter_that_is_spoiled_after_it_was_offered_never_answers(shop_directory, beside):
    """Not at first and not later: what cannot be loaded leaves no name behind by which the base would answer."""
    workspace = load(shop_directory)
    name = workspace.add_adapter(beside)
    (beside / LORA_WEIGHTS).write_bytes(b"\xff" * 100)
    history = tuple(item.item_id for item in workspace.catalog.items[:3])
    for _ in range(2):
        with pytest.raises(InputError, match="cannot be loaded"):
            workspace.answer([Request(history=history, adapter=name)])
    assert set(workspace.client.language_model.model.peft_config) == {"default"}
    assert workspace.answer([Request(history=history)])[0]


def test_an_adapter_of_other_ids_is_refused(shop_directory, beside):
    card = (beside / CARD_FILE).read_text()
    _, id_space, _ = read_ids(stages_of(shop_directory) / "model")
    (beside / CARD_FILE).write_text(card.replace(id_space, "0" * 16))
    with pytest.raises(IdTableMismatch):
        fitting_adapter(stages_of(shop_directory), beside)
    assert issubclass(IdTableMismatch, GenrecError)
