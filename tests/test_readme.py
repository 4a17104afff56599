"""The README's example runs, at tiny size, and its commands are those of the command line."""

import os
import re
from pathlib import Path

import pytest
from typer.main import get_command

from genrec.cli import app

README = Path(__file__).parent.parent / "README.md"
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


def commands(group, prefix=""):
    """Each command that does something, by its words, and the line that help says of it."""
    found = {}
    for name, command in group.commands.items():
        is_group = hasattr(command, "commands")
        found |= commands(command, f"{prefix}{name} ") if is_group else {f"{prefix}{name}": command.help}
    return found
