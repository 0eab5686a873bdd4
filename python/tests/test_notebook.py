"""docs/python.ipynb runs, and what stands in it came from such a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
for _needed in ("ipykernel", "matplotlib", "pandas", "sklearn", "torch", "yaml"):
    pytest.importorskip(_needed)

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "docs" / "python.ipynb"


def test_the_notebook_runs(monkeypatch, tmp_path):
    paths = [str(ROOT / "python"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setenv("RIMSHOT_CACHE", str(tmp_path))
    kept = nbformat.read(NOTEBOOK, as_version=4)
    fresh = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(fresh, timeout=300, kernel_name="python3").execute(cwd=tmp_path)
    for before, after in zip(kept.cells, fresh.cells):
        if before.cell_type != "code":
            continue
        assert {o.output_type for o in before.outputs} == {o.output_type for o in after.outputs}
        assert all(o.output_type != "error" for o in before.outputs)
        assert before.execution_count == after.execution_count
