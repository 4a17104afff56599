"""Nothing that comes from outside is run: by the source itself, every way in is one that loads data alone."""

import ast
from pathlib import Path

import pytest

import genrec

ROOT = Path(genrec.__file__).parent
DOOR = ROOT / "pretrained.py"  # the one module that asks the model libraries for models
NEVER = {"eval", "exec", "compile", "__import__"}
MODULES = {"pickle", "joblib", "cloudpickle", "dill", "marshal", "shelve", "yaml"}
RUNS_NOTHING = {"Embedding"}  # its from_pretrained takes a tensor
PICKLES_ERRORS = {"serve/inference/process.py"}  # the type of an error of its own pipe to its own child


def faults(source: str, path: str, *, is_door: bool = False) -> list[str]:
    """Each call in a module's source that could load code."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            bad = {name.split(".")[0] for name in names} & MODULES
            found += [f"imports {name}" for name in bad if path not in PICKLES_ERRORS]
            found += ["imports PIL.Image, whose open is told by its owner's name"] if "PIL.Image" in names else []
        if not isinstance(node, ast.Call):
            continue
        called, owner = _name(node.func), _owner(node.func)
        given = {word.arg: word.value.value for word in node.keywords if isinstance(word.value, ast.Constant)}
        if isinstance(node.func, ast.Name) and called in NEVER:
            found.append(called)
        if owner == "torch" and called == "load" and given.get("weights_only") is not True:
            found.append("torch.load without weights_only=True")
        if owner == "np" and called == "load" and given.get("allow_pickle") is not False:
            found.append("np.load without allow_pickle=False")
        if owner == "pickle":
            found.append(f"pickle.{called}")
        if owner == "Image" and called == "open" and not _is_some(_word(node, "formats")):
            found.append("Image.open without formats, which may start programs")
        if called in ("from_pretrained", "SentenceTransformer") and owner not in RUNS_NOTHING:
            if not is_door:
                found.append(f"{called} beside genrec.pretrained")
            elif owner != "PeftModel" and given.get("trust_remote_code") is not False:
                found.append(f"{called} without trust_remote_code=False")
        if given.get("trust_remote_code") is True or given.get("shell") is True:
            found.append(f"{called} that runs what it is given")
    return found


def _word(call: ast.Call, name: str) -> ast.expr | None:
    return next((word.value for word in call.keywords if word.arg == name), None)


def _is_some(given: ast.expr | None) -> bool:
    return given is not None and not (isinstance(given, ast.Constant) and given.value is None)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _owner(function: ast.expr) -> str:
    return _name(function.value) if isinstance(function, ast.Attribute) else ""


def test_no_module_loads_code():
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if wrong := faults(path.read_text(encoding="utf-8"), name, is_door=path == DOOR):
            found[name] = wrong
    assert not found


@pytest.mark.parametrize(
    ("source", "is_door"),
    [
        ("torch.load(path)", False),
        ("torch.load(path, weights_only=False)", False),
        ("np.load(path)", False),
        ("import pickle", False),
        ("from joblib import load", False),
        ("AutoModel.from_pretrained(path, trust_remote_code=False)", False),
        ("kind.from_pretrained(path)", True),
        ("SentenceTransformer(path)", True),
        ("Image.open(path)", False),
        ("PIL.Image.open(path, formats=None)", False),
        ("from PIL.Image import open", False),
        ("eval(text)", False),
        ("kind.from_config(x, trust_remote_code=True)", False),
    ],
)
def test_the_rule_sees(source, is_door):
    assert faults(source, "some.py", is_door=is_door)
