"""The README's example runs, at tiny size, and its commands are those of the command line."""

import os
import re
from pathlib import Path

import pytest
from typer.main import get_command

from genrec.cli import app
from genrec.config import PRESETS, Config

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAPERS = ("README.md", "CONTRIBUTING.md", "benchmarks/README.md", "benchmarks/RESULTS.md")
SMALLER = {
    "seed=7)": "seed=7, num_items=80, num_people=60)",
    'genrec.build("my-shop")': 'genrec.build("my-shop", settings=["tune.epochs=1", "tokenize.num_codes=16"])',
}


@pytest.mark.slow
def test_the_ten_lines_of_python_run(tmp_path, monkeypatch, capsys):
    code = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL).group(1)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    for full, small in SMALLER.items():
        assert full in code
        code = code.replace(full, small)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "1 " in printed
    assert "drawn.png" in printed
    assert re.search(r"^1\. .*vase.* · ", printed, re.MULTILINE | re.IGNORECASE)
    assert os.path.getsize("drawn.png") > 1000


def test_every_command_it_shows_exists():
    shown = set(re.findall(r"^genrec ([a-z-]+)", README.read_text(encoding="utf-8"), re.MULTILINE))
    assert shown
    assert shown <= {name.split()[0] for name in commands(get_command(app))}


def test_its_table_of_commands_says_what_help_says():
    rows = re.findall(r"^\| `genrec ([a-z -]+)` \| (.+) \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(rows) == commands(get_command(app))
    assert len(dict(rows)) == len(rows)


def test_its_table_of_presets_names_their_models():
    rows = dict(re.findall(r"^\| `([a-z]+)`(.+)$", README.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(rows) == set(PRESETS)
    for name, row in rows.items():
        config = Config.for_preset(name)
        named = (config.encode.clip, config.encode.text_encoder, config.tune.base, config.visualize.diffusion)
        for model in filter(None, named):
            assert f"`{model}`" in row


def test_its_figures_are_those_of_the_benchmarks():
    figures = set(re.findall(r"\.\d{4}\b", README.read_text(encoding="utf-8")))
    assert figures
    assert figures <= set(re.findall(r"\.\d{4}\b", (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")))


@pytest.mark.parametrize("paper", PAPERS)
def test_its_links_lead_somewhere(paper):
    text = (ROOT / paper).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        name, _, section = target.partition("#")
        path = (ROOT / paper).parent / name if name else ROOT / paper
        assert path.is_file(), target
        assert not section or section in sections(path), target


@pytest.mark.parametrize("paper", PAPERS)
def test_the_files_it_names_exist(paper):
    text = (ROOT / paper).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:genrec|tests|benchmarks|notebooks|prompts|adapters)/[\w/.-]*)`", text))
    assert {name for name in named if not (ROOT / name).exists()} <= {"prompts/NAME.jinja"}


def sections(path):
    """The anchors that a Markdown page's headings have."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def commands(group, prefix=""):
    """Each command that does something, by its words, and the line that help says of it."""
    found = {}
    for name, command in group.commands.items():
        is_group = hasattr(command, "commands")
        found |= commands(command, f"{prefix}{name} ") if is_group else {f"{prefix}{name}": command.help}
    return found
