"""PURE: a model card: sections of sentences and tables, the same on the page, in print, as JSON and as Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from experiments import judging_words as words
from projects.measures import for_kind

NOBODY = "Nobody has written this yet."
KINDS = {
    "binary": "yes or no",
    "multiclass": "one of several answers",
    "regression": "a number",
    "forecast": "a number ahead of time",
}


@dataclass(frozen=True)
class Field:
    """One text that people write."""

    key: str
    title: str
    help: str


FIELDS = (
    Field("intended_use", "Intended use", "Who uses its answers, for what, and how a person stays in charge."),
    Field("not_for", "Not for", "Uses, people or times for which it was not made or not tried."),
    Field("ethics", "Ethical notes", "Who could be harmed, how, and what is done about it."),
    Field("contacts", "Contacts", "Who answers questions about it, and how they are reached."),
)


@dataclass(frozen=True)
class Table:
    """A table; the first cell of a row is its name."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """One part of a card; `by_people` says that nobody measured it."""

    key: str
    title: str
    lines: Sequence[str] = ()
    table: Table | None = None
    by_people: bool = False


def sections(facts: Mapping[str, Any]) -> list[Section]:
    """The whole card of one version, from the facts that `queries/cards.py` gathers."""
    texts = facts["texts"] or {}
    people = [Section(one.key, one.title, [texts.get(one.key) or NOBODY], by_people=True) for one in FIELDS]
    judged = facts["evaluation"] or {}
    return [
        _predicts(facts),
        *people[:2],
        _data(facts),
        _split(facts),
        _made(facts),
        _results(facts),
        Section("targets", "Targets", *_targets(facts["verdicts"])),
        Section("fairness", "Are groups treated alike?", *_fairness(judged)),
        Section("slices", "Where it is weakest", [_part(judged, "slices", lambda p: words.slices(p, facts["unit"]))]),
        _limits(facts, judged),
        Section("cases", "Edge cases", *_cases(facts["cases"])),
        _serving(facts, judged),
        _environment(facts),
        *people[2:],
    ]


def finding(facts: Mapping[str, Any]) -> str:
    """What the card says in one sentence, and what people still owe it."""
    texts = facts["texts"] or {}
    missing = [one.title.lower() for one in FIELDS if not texts.get(one.key)]
    said = f"{facts['model']} version {facts['version']} predicts {_what(facts)}."
    return f"{said} People have yet to write: {', '.join(missing)}." if missing else said


def _what(facts: Mapping[str, Any]) -> str:
    said = f"“{facts['target']}”, {KINDS[facts['kind']]}"
    if facts["positive"] is not None:
        said += f"; it looks for “{facts['positive']}”"
    return f"{said}, in {facts['unit']}" if facts["unit"] else said


def _predicts(facts: Mapping[str, Any]) -> Section:
    inputs = [f"{one['name']} ({one['type']})" for one in facts["inputs"]]
    lines = [f"It predicts {_what(facts)}.", f"It looks at {len(inputs)} inputs: {', '.join(inputs)}."]
    return Section("predicts", "What it predicts", [facts["question"], *lines] if facts["question"] else lines)


def _data(facts: Mapping[str, Any]) -> Section:
    data, counts = facts["data"], facts["counts"]
    lines = [f"{data['name']}, {data['rows']} rows of {data['columns']} columns. SHA-256 {data['sha256']}."]
    if counts.get("missing_target"):
        lines.append(f"{counts['missing_target']} rows without an answer were left out.")
    lines += data["made_of"]
    return Section("data", "Data", [*lines, *(data["licences"] or ["No licence of the data is written down."])])


def _split(facts: Mapping[str, Any]) -> Section:
    split, counts = facts["split"], facts["counts"]
    by = f" by “{split['column']}”" if split.get("column") else ""
    seed = f" with seed {split['seed']}" if split.get("seed") is not None else ""
    held = f"It learned from {counts['train']} rows; {counts['test']} were held back and locked."
    return Section("split", "Split", [held, f"Drawn {split.get('kind', 'by time')}{by}{seed}: {split['fingerprint']}."])


def _made(facts: Mapping[str, Any]) -> Section:
    made = facts["made"]
    rows = [[name, str(value)] for name, value in made["settings"].items()]
    line = f"{made['method']}, seed {made['seed']}, by run {made['run']}. Registered because: {made['reason'] or '–'}"
    return Section("made", "How it was made", [line], Table(["Setting", "Value"], rows) if rows else None)


def _results(facts: Mapping[str, Any]) -> Section:
    rows = []
    for measure in for_kind(facts["kind"]):
        ours, without = facts["metrics"].get(measure.key), facts["yardstick"].get(measure.key) or {}
        if ours is None:
            continue
        value, low, high = (_said(measure, ours, end, facts["unit"]) for end in ("value", "low", "high"))
        if ours.get("value") is None:
            rows.append([measure.term, f"undefined: {ours.get('reason', '')}", "–", "–"])
        else:
            rows.append([measure.term, value, f"{low} to {high}", _said(measure, without, "value", facts["unit"])])
    line = "On the held-back rows, with 95% intervals; beside it a yardstick that looks at no input."
    return Section("results", "Results", [line], Table(["Measure", "Value", "Between", "Without looking"], rows))


def _said(measure: Any, found: Mapping[str, Any], end: str, unit: str) -> str:
    value = found.get(end)
    return "–" if value is None else str(measure.said(value, unit))


def _targets(verdicts: Sequence[Mapping[str, Any]]) -> tuple[list[str], Table | None]:
    if not verdicts:
        return ["No targets were agreed when it was trained."], None
    rows = [[one["name"], one["sentence"] or one["metric"], one["words"] or one["verdict"]] for one in verdicts]
    return [], Table(["Target", "What was asked", "Verdict"], rows)


def _part(judged: Mapping[str, Any], name: str, said: Any) -> str:
    part = judged.get(name)
    if not part:
        return "It was not judged."
    return str(part["reason"]) if isinstance(part, Mapping) and "reason" in part else str(said(part))


def _fairness(judged: Mapping[str, Any]) -> tuple[list[str], Table | None]:
    part = judged.get("fairness") or {}
    if not part.get("attributes"):
        return [str(part.get("reason") or "Nobody looked at groups.")], None
    rows = []
    for one in part["attributes"]:
        for key, across in one["measures"].items():
            rows.append([f"{words.MEASURES[key][0]}, by {one['attribute']}", words.gap(key, across, "")])
    return words.fairness(part), Table(["Question", "Answer"], rows)


def _limits(facts: Mapping[str, Any], judged: Mapping[str, Any]) -> Section:
    lines = [one["text"] for one in facts["warnings"]] + [one["text"] for one in facts["notices"]]
    stressed = judged.get("stress") or {}
    for test in stressed.get("tests", []):
        if test["points"]:
            lines.append(f"{words.STRESS[test['kind']][0]} {words.stress(stressed, test, facts['unit'])}")
    calibrated = judged.get("calibration") or {}
    if calibrated.get("ece") is not None:
        lines.append(f"Can its percentages be taken at their word? {words.calibration(calibrated)[0]}")
    return Section("limits", "Limits", lines or ["Training warned of nothing, and nobody tried it under stress."])


def _cases(cases: Sequence[Mapping[str, Any]]) -> tuple[list[str], Table | None]:
    if not cases:
        return ["The edge-case book is empty."], None
    rows = [[one["name"], one["must"], one["said"] or "not asked", one["state"]] for one in cases]
    held = sum(one["state"] == "passed" for one in cases)
    return [f"{held} of {len(cases)} come out as they must."], Table(["Case", "Must be", "It says", "State"], rows)


def _serving(facts: Mapping[str, Any], judged: Mapping[str, Any]) -> Section:
    how = {"compiled": "Answers from its compiled form.", "stored": "Answers from its stored pipeline."}
    lines = [how.get(str((facts["serving"] or {}).get("path")), "Answers from its stored pipeline.")]
    lines.append(_part(judged, "speed", words.speed))
    return Section("serving", "How it serves", lines)


def _environment(facts: Mapping[str, Any]) -> Section:
    found = facts["environment"]
    rows = [[name, version] for name, version in sorted((found.get("packages") or {}).items()) if version]
    line = (
        f"Python {found.get('python', '–')} on {found.get('machine', '–')}. The package's SHA-256 is {facts['sha256']}."
    )
    return Section("environment", "Environment", [line], Table(["Package", "Version"], rows) if rows else None)


def as_json(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The card for programs: its sections, and the figures that they were made of."""
    return {
        "model": facts["model"],
        "version": facts["version"],
        "finding": finding(facts),
        "sections": [asdict(one) for one in sections(facts)],
        "facts": dict(facts),
    }


def as_markdown(facts: Mapping[str, Any]) -> str:
    """The card as a text that lies beside the model."""
    lines = [f"# Model card: {_plain(facts['model'])} version {facts['version']}", "", _plain(finding(facts)), ""]
    for section in sections(facts):
        lines += [f"## {section.title}", ""]
        for line in section.lines:
            lines += [_plain(line), ""]
        if section.table and section.table.rows:
            lines += [_row(section.table.columns), _row(["---"] * len(section.table.columns))]
            lines += [*[_row([_plain(cell) for cell in row]) for row in section.table.rows], ""]
    return "\n".join(lines).rstrip() + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is: nothing in it makes a heading, a link, a picture or another column."""
    flat = " ".join(str(text).split())
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#!" else char for char in flat)
