"""PURE: what changed between two versions of a model: settings, data, inputs, metrics, verdicts, environment."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.evaluation.comparison import Entry, difference, gap_words, setting_rows
from projects.measures import for_kind

Facts = Mapping[str, Any]
SETTINGS_LEFT_OUT = ("target", "inputs", "positive")


def notes(before: Facts, after: Facts, entries: tuple[Entry, Entry]) -> dict[str, Any]:
    """Each part as rows of {name, before, after}, only where the two differ; metrics all, with what chance explains."""
    metrics = _metrics(before, after, entries)
    parts = {
        "data": _changes(_data(before), _data(after)),
        "inputs": _inputs(before["inputs"], after["inputs"]),
        "settings": _settings(entries),
        "verdicts": _changes(_verdicts(before), _verdicts(after)),
        "environment": _changes(_environment(before), _environment(after)),
    }
    same_rows = entries[0].rows == entries[1].rows
    return {
        "before": before["version"],
        "after": after["version"],
        "same_rows": same_rows,
        "finding": _finding(after, before, metrics, parts),
        "metrics": metrics,
        **parts,
    }


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[dict[str, str]]:
    names = dict.fromkeys([*before, *after])
    rows = [{"name": name, "before": before.get(name, "–"), "after": after.get(name, "–")} for name in names]
    return [row for row in rows if row["before"] != row["after"]]


def _data(facts: Facts) -> dict[str, str]:
    data, counts = facts["data"], facts["counts"]
    return {
        "Version": data["name"],
        "Rows": str(data["rows"]),
        "Columns": str(data["columns"]),
        "Learned from": f"{counts['train']} rows",
        "Held back": f"{counts['test']} rows",
        "SHA-256": data["sha256"][:16],
        "Licence": "; ".join(data["licences"]) or "–",
    }


def _inputs(before: Sequence[Facts], after: Sequence[Facts]) -> list[dict[str, str]]:
    return _changes({one["name"]: _described(one) for one in before}, {one["name"]: _described(one) for one in after})


def _described(one: Facts) -> str:
    treated = one.get("treatment") or {}
    said = ", ".join([str(one["type"]), *(f"{name} {value}" for name, value in treated.items())])
    return f"{said}, {len(one['categories'])} words" if one.get("categories") is not None else said


def _settings(entries: tuple[Entry, Entry]) -> list[dict[str, str]]:
    rows, _ = setting_rows(entries, everything=False)
    kept = [(name, values) for name, values in rows if name not in SETTINGS_LEFT_OUT]
    return [{"name": name, "before": values[0], "after": values[1]} for name, values in kept]


def _verdicts(facts: Facts) -> dict[str, str]:
    return {one["name"]: one["words"] or one["verdict"] for one in facts["verdicts"]}


def _environment(facts: Facts) -> dict[str, str]:
    found = facts["environment"]
    packages = {name: version for name, version in (found.get("packages") or {}).items() if version}
    return {"python": str(found.get("python", "–")), "machine": str(found.get("machine", "–")), **packages}


def _metrics(before: Facts, after: Facts, entries: tuple[Entry, Entry]) -> list[dict[str, Any]]:
    rows = []
    for measure in for_kind(after["kind"]):
        old, new = before["metrics"].get(measure.key) or {}, after["metrics"].get(measure.key) or {}
        if old.get("value") is None and new.get("value") is None:
            continue
        gap, beyond = difference(entries[1].metrics, entries[0].metrics, measure.key)
        better = gap is not None and (gap > 0) == (measure.better == "at_least")
        rows.append(
            {
                "key": measure.key,
                "name": measure.term,
                "before": None if old.get("value") is None else measure.said(old["value"], after["unit"]),
                "after": None if new.get("value") is None else measure.said(new["value"], after["unit"]),
                "difference": gap,
                "words": "–" if gap is None else "the same" if not gap else gap_words(measure, gap, after["unit"]),
                "beyond_chance": beyond,
                "standing": "same" if not gap else "chance" if not beyond else "better" if better else "worse",
            }
        )
    return rows


def _finding(after: Facts, before: Facts, metrics: Sequence[Facts], parts: Mapping[str, Sequence[Any]]) -> str:
    sure = [row for row in metrics if row["standing"] in ("better", "worse")]
    said = [f"{row['name'].lower()} is {row['standing']}" for row in sure[:3]]
    changed = [name for name in ("data", "inputs", "settings", "environment") if parts[name]]
    start = f"Version {after['version']} against version {before['version']}: "
    moved = f"surely {', '.join(said)}" if said else "no measure differs by more than chance explains"
    other = f"Changed were {', '.join(changed)}." if changed else "Data, inputs, settings and environment are the same."
    return f"{start}{moved}. {other}"
