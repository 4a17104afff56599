"""The README's example runs, at tiny size."""

import os
import re
from pathlib import Path

import pytest

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


def test_every_command_it_names_exists():
    from typer.main import get_command

    from genrec.cli import app

    named = set(re.findall(r"^genrec ([a-z-]+)", README.read_text(encoding="utf-8"), re.MULTILINE))
    assert named
    assert named <= set(get_command(app).commands)
