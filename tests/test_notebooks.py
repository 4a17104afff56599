"""Every notebook runs from top to bottom, at tiny size."""

import os
from pathlib import Path

import pytest

from genrec.runtime import FOUNDATION_DIR

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WANTED_MODELS = ("genrec-tiny-clip", "genrec-tiny-lm", "genrec-tiny-scene")


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_stored_without_outputs(path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed; it comes with the dev extra")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run_from_top_to_bottom(path: Path, tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed; it comes with the dev extra")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed; it comes with the dev extra")
    missing = [name for name in WANTED_MODELS if not (FOUNDATION_DIR / name).is_dir()]
    if missing:
        pytest.skip(f"this checkout does not hold {', '.join(missing)}; run make foundation")
    notebook = nbformat.read(path, as_version=4)
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    settings = {"GENREC_NOTEBOOK_TINY": "1", "PYTHONPATH": paths, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **settings}
    folder = {"metadata": {"path": str(tmp_path)}}
    client = nbclient.NotebookClient(notebook, timeout=600, startup_timeout=300, resources=folder)
    client.execute(env=environment)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    assert any("image/png" in output.get("data", {}) for cell in cells for output in cell.outputs)
