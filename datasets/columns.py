"""PURE: the columns of a version as people read them: one row each, for the page and for its CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasets.profiling.comparison import LITTLE, MUCH, Change, rebinned

TYPES = {
    "integer": "whole number",
    "number": "number",
    "boolean": "yes / no",
    "text": "text",
    "date": "date",
    "datetime": "time",
}
THIN = "\u2009"
CSV_HEADER = ["column", "type", "missing", "missing_share", "distinct", "min", "max", "mean", "std", "changed", "notes"]


@dataclass(frozen=True)
class Row:
    """One column: what it is, how it is spread now and before, what is missing, what changed."""

    name: str
    type: str
    bars: Sequence[float]
    reference: Sequence[float]
    words: str
    missing: int
    missing_share: float
    distinct: int
    approximate: bool
    range: str
    changed: str
    matters: bool
    notes: Sequence[str]
    profile: Mapping[str, Any]


def rows_of(
    profile: Mapping[str, Any], report: Mapping[str, Any], before: Mapping[str, Any] | None, changes: Sequence[Change]
) -> list[Row]:
    """All columns in the file's order."""
    old = {column["name"]: column for column in before["columns"]} if before else {}
    changed = {change.name: change for change in changes}
    noted = report.get("columns", {})
    return [
        _row(
            column, profile["rows"], old.get(column["name"]), changed.get(column["name"]), noted.get(column["name"], {})
        )
        for column in profile["columns"]
    ]


def _row(
    column: Mapping[str, Any], rows: int, old: Mapping[str, Any] | None, change: Change | None, noted: Mapping[str, Any]
) -> Row:
    bars, reference = bars_of(column, old)
    return Row(
        name=column["name"],
        type=TYPES[column["type"]],
        bars=bars,
        reference=reference,
        words=picture_words(column),
        missing=column["missing"],
        missing_share=column["missing"] / max(rows, 1),
        distinct=column["distinct"],
        approximate=column.get("approximate", False),
        range=range_words(column),
        changed=change_words(change),
        matters=bool(change and change.matters),
        notes=note_words(noted),
        profile=column,
    )


def bars_of(column: Mapping[str, Any], old: Mapping[str, Any] | None) -> tuple[list[float], list[float]]:
    """Shares per bin or value now, and of the version before in the same bins (empty when there is none)."""
    if histogram := column.get("histogram"):
        reference = rebinned(old["histogram"], histogram["edges"])[0] if old and old.get("histogram") else []
        return _shares(histogram["counts"], column), _shares(reference, old)
    top = column.get("top") or []
    if not top or top[0]["count"] <= 1 < column["distinct"]:
        return [], []
    listed = {one["value"]: one["count"] for one in (old or {}).get("top") or []}
    reference = [listed.get(one["value"], 0) for one in top] if listed else []
    return _shares([one["count"] for one in top], column), _shares(reference, old)


def _shares(counts: Sequence[float], column: Mapping[str, Any] | None) -> list[float]:
    total = (column or {}).get("present") or sum(counts)
    return [count / total for count in counts] if total else []


def shown(value: Any) -> str:
    """One value of a profile in words."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number(value)
    return str(value).replace("T", " ").removesuffix(" 00:00:00") if _is_time(value) else str(value)


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= 16 and value[4:5] == "-" and value[10:11] == "T"


def number(value: float) -> str:
    """A number with thin spaces and the decimals that are useful."""
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e15):
        text = f"{int(value):,}"
    elif 0.001 <= abs(value) < 1e9:
        text = f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.1f}" if abs(value) >= 100 else f"{value:.4g}"
    else:
        text = f"{value:.3g}"
    return text.replace(",", THIN).replace("-", "−")


def range_words(column: Mapping[str, Any]) -> str:
    """From the smallest to the largest, for what has an order that people expect."""
    if column["type"] in ("text", "boolean") or column["min"] is None:
        return "–"
    if column["min"] == column["max"]:
        return f"only {shown(column['min'])}"
    return f"{shown(column['min'])} to {shown(column['max'])}"


def picture_words(column: Mapping[str, Any]) -> str:
    """The small histogram in words."""
    if column.get("hidden"):
        return "Hidden: a sensitive column"
    top, present = column.get("top") or [], column.get("present") or 0
    if top and present and column["type"] in ("text", "boolean"):
        parts = [f"{shown(one['value'])} {one['count'] / present:.0%}" for one in top[:4]]
        return ", ".join(parts) + (f" and {column['distinct'] - 4} more" if column["distinct"] > 4 else "")
    if quantiles := column.get("quantiles"):
        middle = f"{shown(quantiles['0.25'])} and {shown(quantiles['0.75'])}"
        return f"Half of the values lie between {middle}, the middle one is {shown(quantiles['0.5'])}"
    return range_words(column) if column["min"] is not None else "Nothing in it"


def change_words(change: Change | None) -> str:
    """What changed, most important first."""
    if change is None:
        return ""
    if change.kind != "same":
        return {"new": "New column", "gone": "Gone"}.get(change.kind, f"Was {TYPES.get(change.type_before, '')}")
    parts = []
    if change.new_values:
        parts.append(_new_words(change))
    if change.gone_values:
        parts.append(f"no longer {', '.join(shown(value) for value in change.gone_values[:3])}")
    if change.missing_moved:
        points = 100 * (change.missing_now - change.missing_before)
        parts.append(f"missing {'up' if points > 0 else 'down'} {abs(points):.1f} points")
    if (change.moved or 0) >= LITTLE:
        parts.append(_moved_words(change))
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] if text else "none"


def _new_words(change: Change) -> str:
    values = [f"{shown(one['value'])} ({number(one['count'])} rows)" for one in change.new_values[:2]]
    more = len(change.new_values) - 2
    words = "new value" if len(change.new_values) == 1 else "new values"
    return f"{words} {', '.join(values)}" + (f" and {more} more" if more > 0 else "")


def _moved_words(change: Change) -> str:
    amount = "moved" if (change.moved or 0) >= MUCH else "moved a little"
    if change.mean_before is None or change.mean_now is None or change.mean_before == change.mean_now:
        return amount
    way = "up" if change.mean_now > change.mean_before else "down"
    return f"{amount}, mean {way} from {number(change.mean_before)} to {number(change.mean_now)}"


def note_words(noted: Mapping[str, Any]) -> list[str]:
    """What the reading noted about one column."""
    words = []
    if blank := noted.get("blank"):
        many = f"{number(blank)} cells hold only blanks and count as missing."
        words.append("1 cell holds only blanks and counts as missing." if blank == 1 else many)
    if trimmed := noted.get("trimmed"):
        words.append(f"Blanks around {number(trimmed)} value{'s were' if trimmed != 1 else ' was'} left out.")
    return words + list(noted.get("notes", []))


def facts_of(column: Mapping[str, Any], rows: int) -> list[tuple[str, str]]:
    """One column in numbers, label and value."""
    share = column["missing"] / max(rows, 1)
    facts = [
        ("Type", TYPES[column["type"]]),
        ("Missing", f"{number(column['missing'])} ({share:.1%})" if column["missing"] else "none"),
        ("Distinct values", ("about " if column.get("approximate") else "") + number(column["distinct"])),
    ]
    if column["type"] not in ("text", "boolean"):
        facts += [("Smallest", shown(column["min"])), ("Largest", shown(column["max"]))]
    for key, label in (("mean", "Mean"), ("std", "Standard deviation")):
        if column.get(key) is not None:
            facts.append((label, number(column[key])))
    names = {"0.05": "5 of 100 are below", "0.5": "Middle one", "0.95": "5 of 100 are above"}
    quantiles = column.get("quantiles", {})
    return facts + [(label, shown(quantiles[key])) for key, label in names.items() if quantiles.get(key) is not None]


def as_csv(row: Row) -> list[Any]:
    """The row as cells of the export."""
    column = row.profile
    cells = [row.name, row.type, row.missing, round(row.missing_share, 6), row.distinct]
    return [*cells, column["min"], column["max"], column["mean"], column["std"], row.changed, " ".join(row.notes)]


@dataclass(frozen=True)
class SchemaChange:
    """One column that was added, removed or has another type, in words."""

    kind: str
    column: str
    text: str


def schema_changed(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[SchemaChange]:
    """How the columns differ, by name: removed ones, then changed types, then added ones. Order does not count."""
    old = {column["name"]: column["type"] for column in before}
    new = {column["name"]: column["type"] for column in after}
    gone = [SchemaChange("removed", name, f"{name} is not there any more") for name in old if name not in new]
    other = [
        SchemaChange("type", name, f"{name} was {TYPES[old[name]]} and is {TYPES[kind]}")
        for name, kind in new.items()
        if name in old and old[name] != kind
    ]
    fresh = [
        SchemaChange("added", name, f"{name} is new ({TYPES[kind]})") for name, kind in new.items() if name not in old
    ]
    return [*gone, *other, *fresh]
