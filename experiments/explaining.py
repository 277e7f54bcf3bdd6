"""PURE: one row that somebody typed, answered by a stored model, with each input's share in the answer."""

from pathlib import Path
from typing import Any

from experiments.casebook import said_of
from experiments.evaluation.reasons import reasons
from experiments.judging import judge_of
from experiments.matrices import from_rows, layout_of
from experiments.packaging import Answer, Bundle
from experiments.signatures import checked_row
from jobs.report import Report

UNSEEN = "never seen in training"
SEED, BUDGET = 7, 20_000


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Ask the model in `spec["bundle"]` about `spec["row"]`.

    The usual rows that it is compared with are held-back rows that the bundle keeps. Answers {values, answer, kind,
    unit, target, reasons}.
    """
    report.progress(0, 1, "Asking the model")
    bundle = Bundle.open(Path(spec["bundle"]))
    signature, predictor = bundle.signature, bundle.predictor()
    clean = checked_row(signature, spec["row"])
    layout = layout_of(signature["inputs"])
    kept = [row for row in bundle.golden["rows"] if UNSEEN not in row.values()]
    answer, judge = predictor.predict([clean])[0], judge_of(signature, predictor)
    about: dict[str, Any] = {}
    if signature["kind"] == "multiclass":
        about = {"of": str(answer.answer)}
        judge = judge.about(list(signature["classes"]).index(answer.answer))
    told = reasons(judge, from_rows([clean], layout), from_rows(kept, layout), layout, budget=BUDGET, seed=SEED)
    return {
        "values": clean,
        "answer": said_of(answer),
        "probability": answer.probability,
        "said": _plain(answer),
        "kind": signature["kind"],
        "unit": signature["unit"],
        "target": signature["target"],
        "reasons": about | told,
    }


def _plain(answer: Answer) -> Any:
    return float(answer.answer) if isinstance(answer.answer, int | float) else answer.answer
