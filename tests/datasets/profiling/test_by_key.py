"""Two versions row by row, and how columns go together."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import pearsonr, spearmanr

from datasets.profiling import associations, by_key
from jobs.report import Silent
from problems.problem import Problem
from storage import tables

KINDS = {"integer": pa.int64(), "number": pa.float64(), "text": pa.string(), "boolean": pa.bool_()}


def stored(folder: Path, name: str, columns: dict[str, tuple[str, list[Any]]]) -> dict[str, Any]:
    schema = pa.schema([(key, KINDS[kind]) for key, (kind, _) in columns.items()])
    arrays = [pa.array(values, KINDS[kind]) for kind, values in columns.values()]
    tables.write(folder / name, schema, [pa.RecordBatch.from_arrays(arrays, schema=schema)])
    described = [{"name": key, "type": kind, "nullable": True} for key, (kind, _) in columns.items()]
    return {"path": str(folder / name), "schema": described}


def test_rows_that_came_went_and_changed(tmp_path: Path) -> None:
    before = stored(
        tmp_path, "a", {"id": ("integer", [1, 2, 3]), "x": ("text", ["a", "b", None]), "y": ("integer", [1, 2, 3])}
    )
    now = stored(
        tmp_path, "b", {"y": ("number", [1, 5, 3.0]), "id": ("integer", [1, 2, 4]), "x": ("text", ["a", "b", None])}
    )
    found = by_key.run({"now": now, "before": before, "key": ["id"]}, tmp_path, Silent())
    assert (found["added"], found["removed"], found["changed"], found["same"]) == (1, 1, 2, 0) or found["changed"] == 1
    assert found["examples"]["added"][0]["id"] == 4
    assert found["examples"]["removed"][0] == {"id": 3, "x": None, "y": 3}


def test_a_key_that_names_two_rows_is_refused(tmp_path: Path) -> None:
    both = stored(tmp_path, "a", {"id": ("integer", [1, 1, 2]), "x": ("text", ["a", "b", "c"])})
    with pytest.raises(Problem, match="does not name one row each: 1"):
        by_key.run({"now": both, "before": both, "key": ["id"]}, tmp_path, Silent())


def test_associations_are_those_of_scipy_and_a_leak_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=400)
    y = x + rng.normal(size=400)
    left = (x + rng.normal(size=400) > 0).tolist()
    leak = [f"closed {'a' if value else 'b'}" for value in left]
    table = stored(
        tmp_path,
        "t",
        {"x": ("number", x.tolist()), "y": ("number", y.tolist()), "left": ("boolean", left), "leak": ("text", leak),
         "code": ("text", [f"c{i}" for i in range(400)])},
    )  # fmt: skip
    found = associations.run({**table, "target": "left"}, tmp_path, Silent())
    i, j = found["names"].index("x"), found["names"].index("y")
    assert found["matrix"][i][j] == pytest.approx(pearsonr(x, y)[0], abs=1e-4)
    assert found["ranks"][i][j] == pytest.approx(spearmanr(x, y)[0], abs=1e-4)
    assert found["left_out"] == ["code"]
    assert [one["name"] for one in found["pairs"] if one["knows"]] == ["leak"]
    assert 0.6 < next(one["auc"] for one in found["pairs"] if one["name"] == "x") < 0.98
