"""PURE: the entries of the children that test a destination and write to it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets.connectors.base import Outside, Step
from datasets.writing.base import ORDER, Load, Writer
from datasets.writing.catalog import writer_for
from jobs.hiding import blotted, forms_of
from jobs.report import Report
from outbound.http import Unreached
from problems.problem import Problem


def test(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Each step of the test with what came of it; the first that fails is the last."""
    writer, params = _opened(spec)
    hidden = forms_of(spec.get("private", {}))
    done: list[Step] = []
    try:
        for step in writer.steps(params, _load(spec), _outside(spec)):
            done.append(step)
            report.progress(len(done), len(ORDER), step.text)
            if not step.ok:
                break
    except (Problem, Unreached) as problem:
        done.append(Step(ORDER[min(len(done), len(ORDER) - 1)], False, str(problem)))
    steps = [{"step": one.step, "ok": one.ok, "text": blotted(one.text, hidden)} for one in done]
    return {"steps": steps, "ok": len(done) == len(ORDER) and all(one.ok for one in done)}


def write(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Write the version, and say what it did to the rows there."""
    writer, params = _opened(spec)
    try:
        done = writer.write(params, _load(spec), _outside(spec), report)
    except Unreached as error:
        raise Problem(str(error), code="unreached") from None
    counts = done.counts
    told = {"added": counts.added, "changed": counts.changed, "removed": counts.removed}
    return told | {"known": done.known, "made": done.made}


def _opened(spec: Mapping[str, Any]) -> tuple[Writer, dict[str, Any]]:
    return writer_for(spec["connector"]), {**spec["params"], **spec.get("private", {})}


def _outside(spec: Mapping[str, Any]) -> Outside:
    return Outside(frozenset(spec["allow"]), seconds=spec["seconds"])


def _load(spec: Mapping[str, Any]) -> Load:
    given = dict(spec["load"])
    given["path"] = Path(given["path"]) if given.get("path") else None
    return Load(**given)
