"""PURE: what a run is asked to do: completed with defaults, and refused before the queue when it cannot work."""

from collections.abc import Mapping
from typing import Any

from experiments import recent_rows, treatments
from experiments.estimators.catalog import FAMILIES, UPLOADED, for_kind
from experiments.forecasting import asked
from experiments.guesses import NUMERIC, TIMES, Column, guess_inputs, guess_positive, guess_target
from experiments.searching import plans
from experiments.unlabelled import asked as unlabelled
from problems.problem import Invalid
from projects.measures import NUMBERS, UNLABELLED
from projects.measures import for_kind as measures_for_kind

LEAST_PER_CLASS, LEAST_OF_SEVERAL = 20, 10
MOST_CLASSES = 100
SPLITS, LEAST_GROUPS = ("random", "time", "group"), 2
LEAST_ROWS = 50
LARGEST_SEED = 2**31 - 1
KEYS = (
    "target",
    "positive",
    "inputs",
    "split",
    "methods",
    "seed",
    "threshold",
    "decide_by",
    "treatments",
    "forecast",
    "tuning",
    "share",
    "window",
)
Columns = Mapping[str, Column]
Spec = dict[str, Any]


def completed(given: Any, *, kind: str, columns: Columns, hints: tuple[str, ...] = (), positive_hint: str = "") -> Spec:
    """The whole spec of a run: given values checked, the rest at their defaults. Refusals name the field."""
    _known(given, kind)
    if kind in UNLABELLED:
        return _without_answers(given, kind, columns, positive_hint)
    target = _target(given.get("target"), kind, columns, hints)
    seed = _whole("seed", given.get("seed", 7), 0, LARGEST_SEED)
    plan = asked.checked(given.get("forecast"), columns, target) if kind == "forecast" else None
    if plan:
        split, inputs = (
            _rolling(plan, given.get("split"), seed),
            _known_ahead(given.get("inputs"), columns, plan, target),
        )
    else:
        split = _split(given.get("split"), columns, target, seed)
        inputs = _inputs(given.get("inputs"), columns, target, split.get("column", ""))
    spec: Spec = {
        "target": target,
        "positive": _positive(given.get("positive"), kind, columns[target], positive_hint),
        "inputs": inputs,
        "split": split,
        "methods": _methods(given.get("methods"), kind, _learned(columns[target].present, split)),
        "seed": seed,
        "threshold": _threshold(given.get("threshold", 0.5)),
        "decide_by": _decide_by(given.get("decide_by"), kind),
    }
    if treated := treatments.checked(given.get("treatments"), columns, inputs):
        spec["treatments"] = treated
    if plan:
        spec["forecast"] = plan
    if window := _window(given.get("window"), kind, columns):
        spec["window"] = window
    if search := _search(given.get("tuning"), kind, spec["methods"]):
        spec["tuning"] = search
    _enough_rows(columns[target], kind)
    return spec


def usual(kind: str, columns: Columns, target: str) -> Spec:
    """What is ticked where a target cannot be learned: the usual, so that its reason is the only thing to see."""
    methods = {family.key: family.checked({}, "methods") for family in for_kind(kind) if family.preset}
    inputs = [] if kind == "forecast" else guess_inputs(columns, target)
    return {"target": target, "positive": None, "inputs": inputs, "methods": methods}


def unlearnable(target: str, kind: str, columns: Columns) -> str:
    """Why a column cannot be what is predicted; empty where it can."""
    if kind in UNLABELLED or not target:
        return ""
    try:
        _target(target, kind, columns, ())
        _enough_rows(columns[target], kind)
    except Invalid as refusal:
        return refusal.text
    return ""


def _known(given: Any, kind: str) -> None:
    if not isinstance(given, Mapping):
        raise _wrong("spec", "A run is described by an object of names and values.")
    if unknown := [str(name) for name in given if name not in KEYS]:
        raise Invalid(f"A run has no “{unknown[0]}”.", fields={name: "There is no such setting." for name in unknown})
    if given.get("share") is not None and kind != "anomaly":
        raise _wrong("share", "Only a question for what is unusual has a share to flag.")


def _without_answers(given: Mapping[str, Any], kind: str, columns: Columns, positive_hint: str) -> Spec:
    """The same where nobody knows the answers; a column of known ones serves to check what is unusual, no more."""
    if given.get("tuning"):
        raise _wrong(
            "tuning", "Settings cannot be searched where nobody knows the answers; try methods beside each other."
        )
    seed = _whole("seed", given.get("seed", 7), 0, LARGEST_SEED)
    target = unlabelled.known_answers(given.get("target"), kind, columns)
    split = _split(given.get("split"), columns, target, seed)
    inputs = _inputs(given.get("inputs"), columns, target, split.get("column", ""))
    rows = max(column.rows for column in columns.values())
    if rows < LEAST_ROWS:
        raise _wrong("spec", f"There are only {rows} rows. At least {LEAST_ROWS} are needed.")
    spec: Spec = {
        "target": target,
        "positive": _positive(given.get("positive"), "binary", columns[target], positive_hint) if target else None,
        "inputs": inputs,
        "split": split,
        "methods": _methods(given.get("methods"), kind, _learned(rows, split)),
        "seed": seed,
        "threshold": _threshold(given.get("threshold", 0.5)),
        "decide_by": _decide_by(given.get("decide_by"), kind),
    }
    if treated := treatments.checked(given.get("treatments"), columns, inputs):
        unlabelled.refuse_answers_in(treated)
        spec["treatments"] = treated
    if window := _window(given.get("window"), kind, columns):
        spec["window"] = window
    if kind == "anomaly":
        spec["share"] = _number("share", unlabelled.SHARE if given.get("share") is None else given["share"], 0.001, 0.5)
    return spec


def _window(given: Any, kind: str, columns: Columns) -> Spec | None:
    """From which rows it learns; a forecast looks at its whole series."""
    window = recent_rows.checked(given, columns)
    if window and kind == "forecast":
        raise _wrong("window", "A forecast learns from its whole series; there is no window to choose.")
    return window


def _rolling(plan: Spec, given: Any, seed: int) -> Spec:
    """A forecast is tested where it would have been used: from several origins at the end, each looking ahead."""
    if isinstance(given, Mapping) and given.get("kind", "rolling") != "rolling":
        raise _wrong("split.kind", "A forecast is tested on the last windows of its series, by rolling origin.")
    return {"kind": "rolling", "column": plan["time"], "windows": plan["windows"], "seed": seed}


def _known_ahead(given: Any, columns: Columns, plan: Spec, target: str) -> list[str]:
    names = asked.known_ahead(given, columns, plan)
    if target in names:
        raise _wrong("inputs", f"“{target}” is what is predicted; its past is looked at by itself.")
    return names


def _learned(rows: int, split: Spec) -> int:
    return round(rows * (1 - float(split.get("test_share", 0.0))))


def _search(given: Any, kind: str, methods: Mapping[str, Spec]) -> Spec | None:
    if kind == "forecast":
        if given:
            raise _wrong("tuning", "Settings cannot be searched for a forecast; try methods beside each other.")
        return None
    return plans.checked(given, methods)


def _wrong(field: str, text: str) -> Invalid:
    return Invalid(text, fields={field: text})


def _target(given: Any, kind: str, columns: Columns, hints: tuple[str, ...]) -> str:
    target = guess_target(columns, kind, hints) if given in (None, "") else given
    if not isinstance(target, str) or target not in columns:
        raise _wrong("target", f"This data version has no column “{target}”.")
    column = columns[target]
    if column.present == 0:
        raise _wrong("target", f"“{target}” is empty in every row; there is nothing to learn.")
    if column.distinct == 1:
        raise _wrong("target", f"“{target}” has the same value in every row; there is nothing to learn.")
    if kind in NUMBERS and column.type not in NUMERIC:
        raise _wrong("target", f"“{target}” holds {column.type} values; this project predicts a number.")
    if kind == "binary" and (column.distinct != 2 or column.type in TIMES):
        raise _wrong(
            "target",
            f"“{target}” has {column.distinct} different values; a yes-or-no question needs exactly two.",
        )
    if kind == "multiclass":
        _several(column)
    return target


def _several(column: Column) -> None:
    if column.type in TIMES:
        raise _wrong("target", f"“{column.name}” holds {column.type} values; this project predicts one of some words.")
    if not 3 <= column.distinct <= MOST_CLASSES:
        raise _wrong(
            "target",
            f"“{column.name}” has {column.distinct} different values; a question with several answers needs from 3 to "
            f"{MOST_CLASSES}.",
        )


def least_per_class(kind: str) -> int:
    """How many rows each answer needs, so that some are learned from and some are tested on."""
    return LEAST_OF_SEVERAL if kind == "multiclass" else LEAST_PER_CLASS


def _positive(given: Any, kind: str, column: Column, hint: str) -> str | None:
    if kind != "binary":
        return None
    if given in (None, ""):
        return guess_positive(column, hint)
    if not isinstance(given, str) or (column.classes and given not in column.classes):
        values = " and ".join(f"“{value}”" for value in column.classes)
        raise _wrong("positive", f"“{column.name}” has the values {values}; “{given}” is not one of them.")
    return given


def _enough_rows(column: Column, kind: str) -> None:
    if kind not in NUMBERS:
        for value, count in column.classes.items():
            if count < least_per_class(kind):
                raise _wrong(
                    "target",
                    f"Only {count} rows have “{column.name}” = “{value}”. At least {least_per_class(kind)} are needed "
                    "to learn from some and test on others.",
                )
    if kind != "binary" and column.present < LEAST_ROWS:
        raise _wrong("target", f"Only {column.present} rows have a “{column.name}”. At least {LEAST_ROWS} are needed.")


def _inputs(given: Any, columns: Columns, target: str, split_column: str) -> list[str]:
    if given is None:
        names = guess_inputs(columns, target, split_column)
    elif isinstance(given, list) and all(isinstance(name, str) for name in given):
        names = list(dict.fromkeys(given))
    else:
        raise _wrong("inputs", "Inputs are a list of column names.")
    if missing := [name for name in names if name not in columns]:
        raise _wrong("inputs", f"This data version has no column “{missing[0]}”.")
    if target in names:
        raise _wrong("inputs", f"“{target}” is what is predicted; it cannot be an input too.")
    if all(columns[name].unfit for name in names):
        why = f" “{names[0]}” is left out because {columns[names[0]].unfit}." if names else ""
        raise _wrong("inputs", f"Choose at least one input that can be learned from.{why}")
    return names


def _split(given: Any, columns: Columns, target: str, seed: int) -> Spec:
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise _wrong("split", "The split is an object with kind, seed and test_share.")
    if unknown := [name for name in given if name not in ("kind", "seed", "test_share", "column")]:
        raise _wrong(f"split.{unknown[0]}", "There is no such setting of the split.")
    kind = given.get("kind", "random")
    if kind not in SPLITS:
        raise _wrong("split.kind", "Hold back rows at random, by time, or whole groups.")
    share = _number("split.test_share", given.get("test_share", 0.2), 0.05, 0.5)
    split: Spec = {"kind": kind, "seed": _whole("split.seed", given.get("seed", seed), 0, LARGEST_SEED)}
    if kind == "time":
        name = given.get("column")
        usable = [other for other, column in columns.items() if column.type in (*TIMES, *NUMERIC) and other != target]
        if name not in usable:
            raise _wrong("split.column", "Choose the date or number column that says which rows are newer.")
        split["column"] = name
    if kind == "group":
        name = given.get("column")
        if not isinstance(name, str) or name not in columns or name == target or columns[name].distinct < LEAST_GROUPS:
            raise _wrong("split.column", f"Choose the column that names the groups; at least {LEAST_GROUPS} of them.")
        split["column"] = name
    return split | {"test_share": share}


def _methods(given: Any, kind: str, rows: int) -> dict[str, Spec]:
    """The chosen methods with all their settings, for so many rows to learn from."""
    known = {family.key: family for family in for_kind(kind)}
    if given is None:
        given = {key: {} for key, family in known.items() if family.preset}
    if isinstance(given, list) and all(isinstance(key, str) for key in given):
        given = {key: {} for key in given}
    if not isinstance(given, Mapping) or not given:
        raise _wrong("methods", "Choose at least one method.")
    for key in given:
        if key not in known:
            raise _wrong("methods", _strange(key) or f"There is no method “{key}”. Choose from: {', '.join(known)}.")
    methods = {key: known[key].checked(settings, f"methods.{key}") for key, settings in given.items()}
    _workable(methods, rows)
    return methods


def _workable(methods: Mapping[str, Spec], rows: int) -> None:
    """Refuse what would not end with so many rows, and togetherness of fewer than two."""
    for key, settings in methods.items():
        if why := FAMILIES[key].refuses(settings, rows):
            raise _wrong("methods", f"{FAMILIES[key].name} cannot be used here: {why}")
    alone = [key for key in methods if FAMILIES[key].make]
    if len(alone) < len(methods) and len(alone) < 2:
        raise _wrong("methods", "Methods can work together only where you choose at least two others beside.")


def _strange(key: Any) -> str:
    if key == UPLOADED:
        return "A model made elsewhere cannot be trained here. Choose methods."
    family = FAMILIES.get(key) if isinstance(key, str) else None
    if family is None:
        return ""
    if not family.installed:
        return f"{family.name} is not installed here: see requirements/boost.in."
    return f"“{family.name}” does not fit this kind of question."


def _decide_by(given: Any, kind: str) -> str | None:
    if given in (None, ""):
        return None
    keys = [measure.key for measure in measures_for_kind(kind)]
    if given not in keys:
        raise _wrong("decide_by", f"Choose one of: {', '.join(keys)}.")
    return str(given)


def _threshold(given: Any) -> float:
    return _number("threshold", given, 0.01, 0.99)


def _number(field: str, given: Any, low: float, high: float) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise _wrong(field, "Use a number.")
    if not low <= given <= high:  # also what is not finite; whole numbers of any size compare exactly
        raise _wrong(field, f"Use a number from {low:g} to {high:g}.")
    return float(given)


def _whole(field: str, given: Any, low: int, high: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not low <= given <= high:
        raise _wrong(field, f"Use a whole number from {low} up.")
    return given


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What changed between two specs, as (setting, before, after) in words."""
    flat_before, flat_after = flattened(before), flattened(after)
    names = list(dict.fromkeys([*flat_before, *flat_after]))
    changed = [name for name in names if flat_before.get(name) != flat_after.get(name)]
    return [(name, flat_before.get(name, "–"), flat_after.get(name, "–")) for name in changed]


def flattened(spec: Mapping[str, Any]) -> dict[str, str]:
    """A spec as flat names and words: `boosted learning_rate` -> `0.06`, `inputs` -> `19`."""
    flat: dict[str, str] = {}
    for name in ("target", "positive", "threshold", "share", "seed", "decide_by"):
        if spec.get(name) is not None:
            flat[name] = str(spec[name])
    for name, value in (spec.get("split") or {}).items():
        flat[f"split {name}"] = str(value)
    if spec.get("window"):
        flat["learns from"] = recent_rows.said(spec["window"])
    flat["inputs"] = ", ".join(spec.get("inputs") or [])
    for name, treatment in (spec.get("treatments") or {}).items():
        flat |= {f"{name} {part}": str(value) for part, value in treatment.items()}
    flat |= {f"forecast {name}": str(value) for name, value in (spec.get("forecast") or {}).items()}
    flat["methods"] = ", ".join(sorted(spec.get("methods") or {}))
    for key, settings in (spec.get("methods") or {}).items():
        flat |= {f"{key} {name}": str(value) for name, value in settings.items()}
    for name, value in (spec.get("tuning") or {}).items():
        flat[f"search {name}"] = plans.space_words(value) if name == "space" else str(value)
    return flat
