"""PURE: a model that was made elsewhere, taken in: checked, measured on held-back rows as our own are, and packed."""

import io
import os
import time
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from experiments import uplift
from experiments.columns import from_table
from experiments.environment import RUNTIME, environment, version_of
from experiments.estimators.catalog import UPLOADED, name_of
from experiments.evaluation.asked import measured_goals
from experiments.evaluation.choice import deciding_metric
from experiments.evaluation.intervals import measured
from experiments.evaluation.metrics import Array
from experiments.matrices import GAP, Layout, Matrix, layout_of
from experiments.packaging import loaded
from experiments.preparing import Prepared, prepared
from experiments.references import signature_inputs
from experiments.signatures import word
from experiments.training import (
    evaluation_of,
    goals_in,
    held_of,
    looked_at,
    method_of,
    packed_model,
    signature_of,
    warn_of_chance,
)
from experiments.uploading.looking import check_members, refused
from experiments.uploading.onnx_models import OnnxModel
from experiments.uploading.outside import Outside
from experiments.uploading.soundness import refuse_astray, refuse_unsound
from jobs.report import Report
from problems.problem import Problem
from projects.measures import NUMBERS

ZIP = b"PK\x03\x04"
UNSEEN = "never seen in training"
FEW = 20
STEPS = 5


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Take in the model in `spec["file"]` and leave `bundle.zip` in `folder`; see `training.run` for the rest."""
    threads = int(os.environ.get("OMP_NUM_THREADS", "1") or 1)
    with threadpool_limits(limits=threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _run(spec, folder, report, threads)


def _run(spec: dict[str, Any], folder: Path, report: Report, threads: int) -> dict[str, Any]:
    report.progress(0, STEPS, "Looking at the file")
    content = Path(spec["file"]).read_bytes()
    model = _opened(content)
    is_onnx = isinstance(model, OnnxModel)
    from_file = _refuse_other_inputs(model, spec["inputs"])
    report.progress(1, STEPS, "Reading the rows and holding some back")
    data = _all_inputs(prepared(spec, report), spec)
    order, told = _order(model, spec["kind"], data)
    outside: dict[str, Any] = {"frame": from_file and not is_onnx, "order": order}
    signature = signature_of(spec, data, None) | {"outside": outside | ({"form": "onnx"} if is_onnx else {})}
    signature["inputs"] = signature_inputs(data.train, data.inputs)
    ours = Outside(model, signature)
    matrices = from_table(data.train, data.layout), from_table(data.test, data.layout)
    refuse_astray(ours, matrices[1])
    report.progress(2, STEPS, "Asking it about the held-back rows")
    methods = {"dummy": method_of("dummy", {}, spec, data, matrices)[1]}
    methods[UPLOADED] = _measured(ours, spec, data, matrices)
    _probe(ours, spec["kind"], signature["inputs"], data.layout, matrices[1])
    decide_by = deciding_metric(spec["kind"], goals_in(spec), spec["decide_by"], checked=True)
    data.warnings += [{"column": "", "text": text} for text in told]
    warn_of_chance(data, methods, UPLOADED, decide_by)
    weights = looked_at(ours, spec, data, matrices[1], report, STEPS)
    report.progress(4, STEPS, "Packing the model and checking it")
    beside = uplift.beside(spec, data, ours, matrices[1], report)
    surroundings = environment(spec["data_sha256"], spec["seed"], threads)
    surroundings["packages"] = _packages(surroundings["packages"], is_onnx, from_file)
    parts = (signature, spec, data, methods[UPLOADED], surroundings, matrices[1])
    serving = packed_model(folder / "bundle.zip", ours, *parts, stored=content)
    report.progress(STEPS, STEPS, "Done")
    found = evaluation_of(spec, data, methods, UPLOADED, decide_by, weights) | beside
    about = {**spec["uploaded"], "made_of": _made_of(model), "names_in_file": from_file}
    found |= {"signature": signature, "serving": serving, "uploaded": about}
    return {
        "method": UPLOADED,
        "metrics": methods[UPLOADED]["metrics"],
        "evaluation": found,
        "environment": surroundings,
        "series": [],
    }


def _opened(content: bytes) -> Any:
    """The model, after its members, its types and its inside were checked."""
    if content[:4] != ZIP:
        return OnnxModel(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            check_members(archive)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
        raise refused("The file is not a whole skops file.") from error
    model = loaded(content)
    if not hasattr(model, "predict") or not hasattr(model, "n_features_in_"):
        raise refused(f"The file holds a {type(model).__name__}, not a fitted model.")
    refuse_unsound(model)
    return model


def _packages(found: dict[str, str], is_onnx: bool, by_names: bool) -> dict[str, str]:
    """What its answers depend on: of an ONNX model the runtime alone."""
    if is_onnx:
        return {name: version_of(name) for name in ("numpy", "pyarrow", RUNTIME)}
    return found | ({"pandas": version_of("pandas")} if by_names else {})


def _refuse_other_inputs(model: Any, inputs: list[str]) -> bool:
    """Whether the model knows its inputs by name; they must be the stated ones, in its order."""
    names = getattr(model, "feature_names_in_", None)
    if names is not None and [str(name) for name in names] != inputs:
        raise refused(f"The model looks at {', '.join(map(str, names[:20]))}; state exactly these inputs.")
    if int(model.n_features_in_) not in (len(inputs), *([0] if isinstance(model, OnnxModel) else [])):
        text = f"The model looks at {model.n_features_in_} inputs; {len(inputs)} are stated. Name each, in its order."
        raise refused(text)
    return names is not None


def _all_inputs(data: Prepared, spec: Mapping[str, Any]) -> Prepared:
    """Every input stays, also those that nothing could be learned from: the model wants them."""
    types = {entry["name"]: entry for entry in spec["schema"]}
    data.inputs = [types[name] for name in spec["inputs"]]
    data.layout, data.notices = layout_of(data.inputs), []
    return data


def _order(model: Any, kind: str, data: Prepared) -> tuple[list[int] | None, list[str]]:
    """Where each of our answers stands among the model's, and what had to be taken for granted."""
    known = getattr(model, "classes_", None)
    if kind in NUMBERS:
        if known is not None:
            raise refused("The model answers with words or classes; this project predicts a number.")
        return None, []
    ours = [str(data.negative), str(data.positive)] if kind == "binary" else [str(one) for one in data.classes or ()]
    if known is None:
        return _as_stated(model, ours)
    if not hasattr(model, "predict_proba"):
        raise refused("The model gives no chances (predict_proba). Calibrate it with CalibratedClassifierCV first.")
    theirs = [word(one.item() if hasattr(one, "item") else one) for one in known]
    if sorted(theirs) == sorted(ours):
        return [theirs.index(one) for one in ours], []
    for pair in (["0", "1"], ["false", "true"], ["-1", "1"]):
        if kind == "binary" and sorted(theirs) == pair:
            told = f"The model answers {pair[0]} and {pair[1]}; {pair[1]} was taken for “{ours[1]}”."
            return [theirs.index(one) for one in pair], [told]
    words = ", ".join(f"“{one}”" for one in theirs[:10])
    raise refused(f"The model knows the answers {words}; the data has {', '.join(f'“{one}”' for one in ours[:10])}.")


def _as_stated(model: Any, ours: list[str]) -> tuple[list[int], list[str]]:
    """Our own order, for an ONNX model that names no answers."""
    if not isinstance(model, OnnxModel):
        raise refused("The model answers with a number; this project predicts one of some answers.")
    said = ", ".join(f"“{one}”" for one in ours)
    told = f"The file does not say which answers its chances are for; they were taken in this order: {said}."
    return list(range(len(ours))), [told]


def _measured(ours: Outside, spec: Mapping[str, Any], data: Prepared, matrices: tuple[Array, Array]) -> dict[str, Any]:
    started = time.perf_counter()
    held, drawn = held_of(spec, data, ours, matrices[1])
    found: dict[str, Any] = {"name": name_of(UPLOADED), "settings": {}, "fit_seconds": 0.0} | drawn
    found["metrics"] = measured(held, spec["seed"])
    found["metrics"] |= measured_goals(goals_in(spec), held, data.held_back_values, spec["seed"])
    return found | {"seconds": round(time.perf_counter() - started, 3)}


def _probe(ours: Outside, kind: str, inputs: list[dict[str, Any]], layout: Layout, rows: Matrix) -> None:
    """In use come gaps and words that nobody saw: inputs that must be there say so, words must not end an answer."""
    few = rows[:FEW]
    for field in inputs:
        place = layout.places[field["name"]][0]
        words = field["type"] in ("text", "boolean")
        if field["nullable"] and not _answers(ours, kind, _with(few, place, GAP if words else np.nan)):
            field["nullable"] = False
        if field["type"] == "text" and not _answers(ours, kind, _with(few, place, UNSEEN)):
            text = f"The model cannot answer where “{field['name']}” holds a word that it never saw. Make its encoder "
            raise refused(text + "ignore unknown words, for example OneHotEncoder(handle_unknown=“ignore”).")


def _with(rows: Matrix, place: int, value: Any) -> Matrix:
    changed = rows.copy()
    changed[:, place] = value
    return changed


def _answers(ours: Outside, kind: str, rows: Matrix) -> bool:
    try:
        said = ours.predict(rows) if kind in NUMBERS else ours.predict_proba(rows)
    except Problem:
        return False
    return bool(np.isfinite(said).all())


def _made_of(model: Any) -> list[str]:
    """The names of its steps, or of its operators."""
    if isinstance(model, OnnxModel):
        return model.operators[:20]
    return [type(step).__name__ for _, step in getattr(model, "steps", [("", model)])][:20]
