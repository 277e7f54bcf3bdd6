"""The notebook of docs/ is executed as it stands against a real instance: `make notebook`, minutes."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks._venvs import NOTEBOOK, python_with
from tests.experiments.clients import PATIENCE, clean, project
from tests.live import ROOT, Http, Instance, running

EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(book, timeout=300, kernel_name="python3").execute()
print(book.cells[-1].outputs[0]["data"]["text/plain"])
"""
pytestmark = pytest.mark.timeout(3 * PATIENCE)


@pytest.fixture(scope="module")
def live() -> Iterator[Instance]:
    """A running instance."""
    yield from running()


def test_the_notebook_of_the_docs_runs_to_its_end(live: Instance, tmp_path: Path) -> None:
    admin: Http = live.set_up()
    address = project(admin, "docs")
    own = {"BATON_URL": live.url, "BATON_TOKEN": admin.token, "BATON_PROJECT": "docs", "BATON_DATASET": "rows"}
    done = subprocess.run(
        [python_with(*NOTEBOOK), "-c", EXECUTE, str(ROOT / "docs" / "notebook.ipynb")], cwd=tmp_path,
        env={**clean(), **own}, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    assert "from-notebook" in done.stdout
    runs = {run["number"]: run for run in admin.get(f"{address}/runs/?columns=data").json["results"]}
    assert [(runs[number]["kind"], runs[number]["columns"]["data"]) for number in (1, 2)] == [
        ("notebook", "rows/v1"), ("training", "rows/v1"),
    ]  # fmt: skip
