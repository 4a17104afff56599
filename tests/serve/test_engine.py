"""The engine offers what answers: adapters that are broken or have a name that is taken are left out."""

import json
import shutil

from genrec.model.lm.adapters import CARD_FILE
from genrec.pipeline import build
from genrec.pretrained import LORA_CONFIG
from genrec.serve.engine import BASE_MODEL, _served_models
from genrec.workspace import load


def test_only_adapters_that_fit_are_served_and_the_base_keeps_its_name(adapted_directory, tmp_path, caplog):
    directory = tmp_path / "shop"
    shutil.copytree(adapted_directory, directory)
    adapters = directory / "adapters"
    (whole,) = (path for path in adapters.iterdir() if path.is_dir())
    for name in (BASE_MODEL, "broken-card", "broken-config", "taken"):
        shutil.copytree(whole, adapters / name)
        card = (adapters / name / CARD_FILE).read_text()
        shown = BASE_MODEL if name == "taken" else name
        (adapters / name / CARD_FILE).write_text(card.replace(f'"{whole.name}"', f'"{shown}"'))
    (adapters / "broken-card" / CARD_FILE).write_text("name = ")
    config = json.loads((adapters / "broken-config" / LORA_CONFIG).read_text())
    (adapters / "broken-config" / LORA_CONFIG).write_text(json.dumps(config | {"r": config["r"] + 1}))
    build(directory)  # which takes them up
    models = _served_models(load(directory))
    assert [(model.name, model.adapter is None) for model in models] == [(BASE_MODEL, True), (whole.name, False)]
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 4
    for name in (BASE_MODEL, "broken-card", "broken-config", "taken"):
        assert any(name in line for line in warned)
