"""A small built shop that many tests ask: made once per test run, shared by all workers, never changed. Commands run in
this process."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from genrec import cli
from genrec.data.ingest import ingest
from genrec.pipeline import build
from genrec.workspace import Workspace, load

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
torch.set_num_threads(1)

SHOP_SETTINGS = (
    "tokenize.num_codes=32",
    "tune.epochs=2",
    "tune.checkpoints_per_run=2",
    "recommend.beam_width=20",
    "item_head.epochs=1",
)


@pytest.fixture(scope="session")
def shop_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built workspace over a shop of 240 items and 400 people. Copy it before you change it."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    directory = root / "shop"
    with FileLock(root / "shop.lock"):
        if not (root / "shop.done").is_file():
            shutil.rmtree(directory, ignore_errors=True)
            ingest("shop", None, directory, seed=7, num_items=240, num_people=400)
            build(directory, settings=SHOP_SETTINGS)
            (root / "shop.done").touch()
    return directory


@pytest.fixture(scope="session")
def shop_recommender(shop_directory: Path) -> Workspace:
    """The built shop, loaded."""
    return load(shop_directory)


@pytest.fixture
def shop_copy(shop_directory: Path, tmp_path: Path) -> Path:
    """A copy of the built shop that a test may change or break."""
    copy = tmp_path / "shop"
    shutil.copytree(shop_directory, copy)
    return copy


@pytest.fixture
def genrec(monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """Run one command in this process; returns its exit code, stdout and stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        # A command reads its words there, as the console script does.
        monkeypatch.setattr(sys, "argv", ["genrec", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return run
