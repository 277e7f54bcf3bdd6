"""PURE: the entries of the children that test a source and load from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets.connectors.base import (
    FULL,
    INCREMENTAL,
    ORDER,
    Connector,
    Fetched,
    Outside,
    Raw,
    Since,
    Step,
    Typed,
)
from datasets.connectors.catalog import connector_for
from datasets.connectors.joining import Joined, Part, join, same_rows
from datasets.profiling import summary
from datasets.reading import engine as reading
from datasets.reading.findings import Findings
from datasets.reading.options import Options
from jobs.hiding import blotted, forms_of
from jobs.report import Report
from outbound.http import Unreached
from problems.problem import Problem


def test(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Each step of the test with what came of it; the first that fails is the last."""
    connector, params, hidden = _opened(spec)
    done: list[Step] = []
    try:
        for step in connector.steps(params, _outside(spec)):
            done.append(step)
            report.progress(len(done), len(ORDER), step.text)
            if not step.ok:
                break
    except (Problem, Unreached) as problem:
        place = min(len(done), len(ORDER) - 1)
        done.append(Step(ORDER[place], False, str(problem)))
    steps = [{"step": one.step, "ok": one.ok, "text": blotted(one.text, hidden)} for one in done]
    columns = [name for one in done for name in one.columns]
    return {"steps": steps, "columns": columns, "ok": len(done) == len(ORDER) and all(one.ok for one in done)}


def pull(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Fetch what is new, read it, put it under what is there, and say what came of it.

    `base` is the version that incremental rows are added to, `known` the dataset's newest version: the same table
    makes no version. With `kept` nothing is fetched: those files, which came before, are read once more.
    """
    fetched = _kept(spec["kept"]) if spec.get("kept") else _fetch(spec, folder, report)
    told: dict[str, Any] = {
        "mark": dict(fetched.mark),
        "until": fetched.until[:200],
        "notes": list(fetched.notes),
        "new": False,
    }
    if not fetched.is_new:
        return told
    answer = _table(fetched, spec, folder, report)
    if "refusal" in answer:
        return told | answer | {"new": True, "files": [] if spec.get("kept") else _files(fetched, folder)}
    told |= {"rows_fetched": answer.pop("rows_fetched"), "bytes": sum(one.path.stat().st_size for one in fetched.raw)}
    if _is_known(answer, spec.get("known"), folder):
        told["notes"].append("What was fetched makes the same table as the newest version.")
        return told
    answer["report"]["notes"] = [*answer["report"].get("notes", []), *fetched.notes]
    return told | answer | {"new": True, "files": [] if spec.get("kept") else _files(fetched, folder)}


def _fetch(spec: Mapping[str, Any], folder: Path, report: Report) -> Fetched:
    connector, params, _ = _opened(spec)
    try:
        return connector.fetch(params, Since(spec["mode"], spec["mark"]), folder, _outside(spec), report)
    except Unreached as error:
        raise Problem(str(error), code="unreached") from None


def _kept(kept: Mapping[str, Any]) -> Fetched:
    """What an earlier fetch brought."""
    raw = [Raw(Path(one["path"]), one["name"], one["options"]) for one in kept["files"]]
    return Fetched(raw, mark=kept["mark"], until=kept["until"], notes=kept["notes"])


def _files(fetched: Fetched, folder: Path) -> list[dict[str, Any]]:
    """What is kept as it came; `options` tell which of it was read, and how."""
    read = [(one.path, one.name, dict(one.options)) for one in fetched.raw]
    beside = [(one, one.name, None) for one in fetched.beside]
    return [
        {"path": str(path.relative_to(folder)), "name": name[:200], "options": options}
        for path, name, options in [*read, *beside]
    ]


def _opened(spec: Mapping[str, Any]) -> tuple[Connector, dict[str, Any], list[str]]:
    private = spec.get("private", {})
    return connector_for(spec["connector"]), {**spec["params"], **private}, forms_of(private)


def _outside(spec: Mapping[str, Any]) -> Outside:
    return Outside(frozenset(spec["allow"]), spec["most_bytes"], spec["seconds"])


def _table(fetched: Fetched, spec: Mapping[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """The table that the version will hold, with its profile and the report of the reading."""
    base = spec.get("base") if spec["mode"] == INCREMENTAL else None
    if fetched.typed is not None:
        found = [_typed(fetched.typed, folder)]
    else:
        found = [_read(one, spec, folder, place, report) for place, one in enumerate(fetched.raw)]
    if refused := next((one for one in found if "refusal" in one), None):
        return refused
    rows = sum(one["rows"] for one in found)
    if len(found) == 1 and base is None and "profile" in found[0] and not _keys(spec):
        return found[0] | {"rows_fetched": rows}
    parts = [_part(one, folder) for one in found]
    if base is not None:
        parts.insert(0, Part(Path(base["path"]), base["schema"], frozenset(base["empty"])))
    if len(parts) == 1 and not _keys(spec):
        joined = Joined(parts[0].path, [dict(one) for one in parts[0].columns], rows, 0)
    else:
        joined = join(parts, _keys(spec), folder / "joined.parquet", report)
    return _profiled(joined, found, base is not None, folder, report) | {"rows_fetched": rows}


def _keys(spec: Mapping[str, Any]) -> list[str]:
    """Keys mean something where rows are added; a full load is taken as it comes."""
    return list(spec["keys"]) if spec["mode"] != FULL else []


def _read(raw: Raw, spec: Mapping[str, Any], folder: Path, place: int, report: Report) -> dict[str, Any]:
    """One file, read like an upload, in a folder of its own; for a `look` a refusal comes back instead of ending it."""
    room = folder / f"read-{place}"
    room.mkdir()
    options = Options.of({**raw.options, **spec["options"]}).as_dict()
    read = reading.look if spec.get("look") else reading.run
    answer = read({"source": str(raw.path), "options": options}, room, report)
    if "refusal" in answer:
        return answer
    answer["table"] = str((room / answer["table"]).relative_to(folder))
    return answer


def _typed(typed: Typed, folder: Path) -> dict[str, Any]:
    from storage import tables

    rows = tables.rows_of(typed.path)
    findings = typed.findings or Findings(format=typed.format)
    table, schema = str(typed.path.relative_to(folder)), [dict(one) for one in typed.columns]
    report, refused = findings.as_dict(rows, dict(typed.noted)), findings.refusals.count
    return {"table": table, "rows": rows, "refused_rows": refused, "schema": schema, "report": report}


def _part(found: Mapping[str, Any], folder: Path) -> Part:
    columns = found.get("profile", {}).get("columns", [])
    empty = frozenset(one["name"] for one in columns if one["missing"] == found["rows"])
    return Part(folder / found["table"], found["schema"], empty)


def _profiled(joined: Joined, found: list[dict[str, Any]], added: bool, folder: Path, report: Report) -> dict[str, Any]:
    """The whole described anew."""
    profile = summary.profile(joined.path, [dict(one) for one in joined.columns], folder, report)
    missing = {one["name"]: one["missing"] > 0 for one in profile["columns"]}
    schema = [{**one, "nullable": missing[one["name"]]} for one in joined.columns]
    told = dict(found[0]["report"]) | {"rows": joined.rows}
    for other in found[1:]:
        for name in ("bytes", "lines", "refused_rows", "blank_lines", "filled_rows"):
            told[name] = told[name] + other["report"][name]
        for name in ("refused", "guesses", "notes"):
            told[name] = [*told[name], *other["report"][name]][:1000]
    fetched = sum(one["rows"] for one in found)
    if added:
        words = f"{fetched} rows were fetched and added; {joined.replaced} older ones with the same key gave way."
        told["notes"] = [*told["notes"], words]
    return {
        "table": str(joined.path.relative_to(folder)),
        "rows": joined.rows,
        "refused_rows": sum(one["refused_rows"] for one in found),
        "schema": schema,
        "profile": profile,
        "report": told,
    }


def _is_known(answer: Mapping[str, Any], known: Mapping[str, Any] | None, folder: Path) -> bool:
    """Whether what was fetched is what the newest version holds already: the same columns and rows, in this order."""
    if known is None or answer["rows"] != known["rows"]:
        return False
    shapes = [[(one["name"], one["type"]) for one in schema] for schema in (answer["schema"], known["schema"])]
    return shapes[0] == shapes[1] and same_rows(folder / answer["table"], Path(known["path"]))
