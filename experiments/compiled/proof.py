"""PURE: compiles a fitted pipeline and proves on held-back rows that it answers the same; else says why it does not."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.compiled.estimators import arrays_of
from experiments.compiled.model import dumped, loaded
from experiments.compiled.preparing import UNSEEN, NotCompilable, prepared
from experiments.matrices import GAP, Layout, Matrix, layout_of

TOLERANCE = 1e-6  # of a chance; of a number, relative to it or to the spread of all
MOST_ROWS = 2_000
STORED, COMPILED = "stored", "compiled"
NEVER = {
    "forecast": "Forecasts are answered by the stored pipeline itself.",
    "clustering": "Groups are found by the stored pipeline itself.",
    "anomaly": "What is unusual is found by the stored pipeline itself.",
}
FAR = (-1e29, -1.0, 0.0, 1.0, 1e29)


@dataclass(frozen=True)
class Proof:
    """How a model will be served: the compiled bytes where parity was proved, and what is told of it."""

    content: bytes | None
    facts: dict[str, Any]


def proved(pipeline: Any, model: bytes, signature: Mapping[str, Any], held_back: Matrix) -> Proof:
    """Compile, compare, and keep only what is proved. `model` is the stored pipeline's bytes that it stands for."""
    if why := NEVER.get(str(signature.get("kind"))):
        return Proof(None, {"path": STORED, "why": why})
    if outside := signature.get("outside"):
        asked = "its ONNX file is asked as it came" if outside.get("form") == "onnx" else "it is asked as it came"
        return Proof(None, {"path": STORED, "why": f"This model was made elsewhere: {asked}."})
    layout = layout_of(signature["inputs"])
    try:
        content, rows, difference = _compared(pipeline, model, signature, layout, held_back)
    except NotCompilable as reason:
        return Proof(None, {"path": STORED, "why": str(reason)})
    except Exception as error:
        return Proof(None, {"path": STORED, "why": f"It could not be compiled ({type(error).__name__})."})
    if difference > TOLERANCE:
        why = f"Compiled, it answered up to {difference:.2g} differently on {rows} held-back rows."
        return Proof(None, {"path": STORED, "why": why, "rows": rows, "difference": difference})
    return Proof(content, {"path": COMPILED, "why": "", "rows": rows, "difference": difference})


def mark_of(model: bytes) -> str:
    """What ties a compiled model to the stored pipeline that it was made of."""
    return hashlib.sha256(model).hexdigest()


def _compared(
    pipeline: Any, model: bytes, signature: Mapping[str, Any], layout: Layout, held_back: Matrix
) -> tuple[bytes, int, float]:
    if [name for name, _ in pipeline.steps] != ["prepare", "model"]:
        raise NotCompilable("The pipeline has steps that are not known to the compiler.")
    transformer, estimator = pipeline.steps[0][1], pipeline.steps[1][1]
    inner = getattr(estimator, "_preprocessor", None)
    prepare = transformer.transform if inner is None else lambda matrix: inner.transform(transformer.transform(matrix))
    ready = prepared(transformer, layout, prepare)
    link, arrays = arrays_of(estimator)
    content = dumped(link, ready, arrays, {"model": mark_of(model)})
    compiled = loaded(content, signature)
    rows = hard_rows(held_back, layout)
    ask = "predict_proba" if hasattr(estimator, "classes_") else "predict"
    theirs, ours = getattr(pipeline, ask)(rows), getattr(compiled, ask)(rows)
    theirs = np.asarray(theirs, dtype=np.float64)
    size = (
        1.0 if ask == "predict_proba" else np.maximum(np.std(theirs[: min(len(held_back), MOST_ROWS)]), np.abs(theirs))
    )
    difference = float(np.max(np.abs(theirs - ours) / np.maximum(size, 1e-12)))
    return content, len(rows), difference if np.isfinite(difference) else np.inf


def hard_rows(held_back: Matrix, layout: Layout) -> Matrix:
    """Held-back rows, and some of them again with gaps, unseen words and far numbers, one column at a time and all."""
    some = held_back[:MOST_ROWS]
    parts = [some]
    few = some[:20]
    for place in (*layout.numbers, *layout.words):
        odd: tuple[Any, ...] = (np.nan, *FAR) if place in layout.numbers else (GAP, UNSEEN, "")
        for value in odd:
            changed = few.copy()
            changed[:, place] = value
            parts.append(changed)
    nothing = few.copy()
    nothing[:, layout.numbers] = np.nan
    nothing[:, layout.words] = GAP
    return np.concatenate([*parts, nothing])
