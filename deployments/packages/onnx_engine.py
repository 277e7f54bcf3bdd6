"""PURE: makes a packed model as ONNX and compares what onnxruntime answers with what the stored pipeline does."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deployments.packages.onnx_graph import NoOnnx
from deployments.packages.onnx_package import file_of
from experiments.columns import from_table
from experiments.compiled.preparing import UNSEEN
from experiments.compiled.proof import TOLERANCE, hard_rows
from experiments.judged_rows import known_rows
from experiments.matrices import GAP, Layout, Matrix, layout_of
from experiments.packaging import Bundle
from jobs.report import Report

NEAR = 1e-9  # chances so near to the threshold may fall on either side of it
NEVER_SEEN = "\x01never seen"


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """`spec` as for `experiments.judging`, with `facts`. Answers {refused, rows, difference, sha256}."""
    try:
        import onnxruntime
    except ImportError:
        return _refused("This instance has no onnxruntime. requirements/onnx.txt names it.")
    report.progress(0, 2, "making the graph")
    path = Path(spec["bundle"])
    try:
        content = file_of(path, spec["facts"])
    except NoOnnx as reason:
        return _refused(reason.text)
    report.progress(1, 2, "comparing answers")
    bundle = Bundle.open(path)
    signature, layout = bundle.signature, layout_of(bundle.signature["inputs"])
    matrix = _without_empty(hard_rows(from_table(known_rows(spec, signature, report).table, layout), layout), layout)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    found = dict(zip(names, session.run(None, fed(matrix, layout)), strict=True))
    difference, others = compared(found, bundle, matrix)
    report.progress(2, 2, "done")
    if others or not difference <= TOLERANCE:
        said = (
            f"{others} of {len(matrix)} rows get another answer" if others else f"it is off by up to {difference:.2g}"
        )
        return _refused(f"As ONNX {said}, so it is not offered.", len(matrix), difference)
    return {"refused": "", "rows": len(matrix), "difference": difference, "sha256": hashlib.sha256(content).hexdigest()}


def _refused(why: str, rows: int = 0, difference: float = 0.0) -> dict[str, Any]:
    told = difference if np.isfinite(difference) else -1.0
    return {"refused": why, "rows": rows, "difference": told, "sha256": ""}


def _without_empty(matrix: Matrix, layout: Layout) -> Matrix:
    """An empty text stands for a gap in ONNX, so rows with one cannot be compared."""
    keep = np.ones(len(matrix), dtype=bool)
    for place in layout.words:
        keep &= matrix[:, place] != ""
    return matrix[keep]


def fed(matrix: Matrix, layout: Layout) -> dict[str, Matrix]:
    """A matrix as the graph takes it: a column for each input."""
    found: dict[str, Matrix] = {}
    for name, kind in layout.inputs:
        column = matrix[:, list(layout.places[name])]
        if kind in ("text", "boolean"):
            words = ["" if one == GAP else NEVER_SEEN if one == UNSEEN else str(one) for one in column[:, 0]]
            found[name] = np.array(words, dtype=object).reshape(-1, 1)
        else:
            found[name] = column.astype(np.float64)
    return found


def compared(found: Mapping[str, Any], bundle: Bundle, matrix: Matrix) -> tuple[float, int]:
    """The largest difference to the stored pipeline, and how many rows are answered otherwise."""
    signature, predictor = bundle.signature, bundle.predictor()
    theirs = np.asarray(predictor.ask(matrix), dtype=np.float64)
    if signature["kind"] == "regression":
        size = np.maximum(np.abs(theirs), max(float(np.std(theirs)), 1e-12))
        return float(np.max(np.abs(found["answer"] - theirs) / size)), 0
    ours = found["chances"][:, 1] if signature["kind"] == "binary" else found["chances"]
    answers = np.array([one.answer for one in predictor.answers(matrix)], dtype=object)
    if signature["kind"] == "binary":
        sure = np.abs(theirs - float(signature["threshold"] or 0.5)) > NEAR
    else:
        best = np.sort(theirs, axis=1)
        sure = best[:, -1] - best[:, -2] > NEAR
    return float(np.max(np.abs(ours - theirs))), int((sure & (found["answer"] != answers)).sum())
