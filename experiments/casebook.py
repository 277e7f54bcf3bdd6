"""PURE: the edge-case book put to a model: each row is answered, and held against what must come out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.packaging import Answer, Bundle
from experiments.signatures import check_rows, word
from jobs.report import Report
from projects.measures import short_number

Case = Mapping[str, Any]


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Ask the model in `spec["bundle"]` about `spec["cases"]` ({id, row, answer, low, high}), at `spec["threshold"]`
    where a decision policy moves it. Answers {results: [{id, passed, said}]}."""
    bundle = Bundle.open(Path(spec["bundle"]))
    report.progress(0, 1, f"asking about {len(spec['cases'])} edge cases")
    if spec.get("threshold") is not None:
        bundle.signature["threshold"] = spec["threshold"]
    return {"results": judged(bundle, spec["cases"])}


def judged(bundle: Bundle, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Each case with whether it came out as it must. A row that the model does not take has failed, with the reason."""
    predictor, found = bundle.predictor(), []
    for case in cases:
        clean, errors = check_rows(bundle.signature, [case["row"]])
        if errors:
            said = "; ".join(f"{one['field'] or 'the row'} {one['message']}" for one in errors[:3])
            found.append(
                {"id": case["id"], "passed": False, "said": f"The model does not take this row: {said}."[:300]}
            )
            continue
        answer = predictor.predict(clean)[0]
        found.append({"id": case["id"], "passed": came_out(case, answer), "said": said_of(answer)[:300]})
    return found


def came_out(case: Case, answer: Answer) -> bool:
    """Whether an answer is the one that is expected: the word, and where given the range of the number or chance."""
    if case["answer"] and word(answer.answer) != case["answer"]:
        return False
    number = next(one for one in (answer.probability, answer.score, answer.answer) if one is not None)
    if case["low"] is None and case["high"] is None:
        return True
    if not isinstance(number, int | float):
        return False
    low, high = case["low"], case["high"]
    return (low is None or number >= low) and (high is None or number <= high)


def said_of(answer: Answer) -> str:
    """An answer as people read it."""
    if answer.score is not None:
        return f"{word(answer.answer)}, by a score of {answer.score:.4g}"
    if answer.probability is None:
        return short_number(answer.answer) if isinstance(answer.answer, float) else word(answer.answer)
    return f"{word(answer.answer)}, with a chance of {100 * answer.probability:.0f}%"
