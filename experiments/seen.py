"""PURE: an evaluation and an edge case as somebody sees them who must not see the values of some columns."""

from collections.abc import Collection, Mapping
from typing import Any

from datasets.masking import HIDDEN, unquoted, visible


def evaluation(found: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """What was found, with groups of hidden columns numbered and their values gone; figures and sizes stay."""
    if not hidden or not found:
        return dict(found)
    shown = dict(found)
    if found["target"] in hidden:
        shown |= {name: HIDDEN for name in ("positive", "negative") if found[name] is not None}
    shown["fairness"] = _fairness(found["fairness"], hidden)
    shown["slices"] = _slices(found["slices"], hidden)
    shown["windows"] = _windows(found["windows"], hidden)
    shown["dependence"] = [_drawn(one, hidden) for one in found["dependence"]] if _listed(found, "dependence") else []
    examples = found["examples"] if _listed(found, "examples") else []
    shown["examples"] = [_example(one, found["target"], hidden) for one in examples]
    shown["metrics"] = {key: _goal(key, one, hidden) for key, one in found["metrics"].items()}
    return {key: _reason(one) for key, one in shown.items()}


def _listed(found: Mapping[str, Any], part: str) -> bool:
    return isinstance(found[part], list)


def _reason(part: Any) -> Any:
    if isinstance(part, Mapping) and isinstance(part.get("reason"), str):
        return {**part, "reason": unquoted(part["reason"])}
    return part


def _goal(key: str, one: Any, hidden: Collection[str]) -> Any:
    if not isinstance(one, Mapping) or "groups" not in one or not any(f"@{name} " in key for name in hidden):
        return one
    return {**one, "groups": [group | {"name": f"group {i}"} for i, group in enumerate(one["groups"], start=1)]}


def _fairness(part: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    return {**part, "attributes": [_numbered(one, hidden) for one in part.get("attributes", [])]}


def _numbered(one: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    if one["attribute"] not in hidden:
        return dict(one)
    names = {group["name"]: f"group {i}" for i, group in enumerate(one["groups"], start=1)}
    measures = {
        key: {**of, "lowest": names.get(of["lowest"]), "highest": names.get(of["highest"])}
        for key, of in one["measures"].items()
    }
    return {**one, "groups": [{**group, "name": names[group["name"]]} for group in one["groups"]], "measures": measures}


def _slices(part: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    told = [
        {**one, "where": [w | ({"value": HIDDEN} if w["column"] in hidden else {}) for w in one["where"]]}
        for one in part.get("slices", [])
    ]
    return {**part, "slices": told}


def _windows(part: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    if part.get("column") not in hidden:
        return dict(part)
    return {**part, "windows": [{**one, "name": f"part {i}"} for i, one in enumerate(part["windows"], start=1)]}


def _drawn(one: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    return {**one, "points": []} if one["name"] in hidden else dict(one)


def _example(one: Mapping[str, Any], target: str, hidden: Collection[str]) -> dict[str, Any]:
    truth = HIDDEN if target in hidden else one["truth"]
    return {**one, "values": visible(one["values"], hidden), "truth": truth}
