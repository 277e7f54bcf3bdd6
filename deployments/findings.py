"""PURE: what the platform says first about a model version and a deployment, in whole sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from projects.findings import COUNTS, Part
from projects.permissions import Role


def role_words(role: str) -> str:
    """`the business analyst`, `the ML engineer`."""
    label = Role(role).label
    return f"the {label if label[:2].isupper() else label[0].lower() + label[1:]}"


def _things(waits: Sequence[str]) -> str:
    signatures = sum(1 for wait in waits if wait.startswith("signature:"))
    checks = sum(1 for wait in waits if wait.startswith("check:"))
    warnings = sum(1 for wait in waits if wait.startswith("warning:"))
    said = []
    for count, one, many in (
        (checks, "failed check", "failed checks"),
        (warnings, "warning to accept", "warnings to accept"),
        (signatures, "signature", "signatures"),
    ):
        if count:
            word = COUNTS[count].lower() if count < len(COUNTS) else str(count)
            said.append(f"{word} {one if count == 1 else many}")
    return " and ".join(said) if len(said) < 3 else f"{said[0]}, {said[1]} and {said[2]}"


STANDS = {
    "champion": ("in {}", "."),
    "preparing": ("on its way to {}", "."),
    "trial": ("on trial", " beside the model in use."),
}


def of_version(
    number: int,
    standing: str,
    waits: Sequence[str],
    checks: Sequence[dict[str, Any]],
    sent_back: str = "",
    where: str = "production",
) -> list[Part]:
    """How a version stands at a gate. `standing` is in `STANDS`, or retired, open, refused, changed, none."""
    name = f"Version {number}"
    failed = [check for check in checks if check["state"] == "fail"]
    better = next((check for check in checks if check["key"] == "better" and check["state"] in ("pass", "fail")), None)
    rest = [Part(f" {better['text']}", "fail" if better["state"] == "fail" else "")] if better else []
    if standing in STANDS:
        words, rest_of_it = STANDS[standing]
        return [Part(f"{name} is "), Part(words.format(where), "accent"), Part(rest_of_it)]
    if standing == "refused":
        return [Part(f"{name} was "), Part("sent back", "warn"), Part(f": {sent_back}" if sent_back else ".")]
    if standing == "changed":
        return [
            Part(f"The targets or the rules have changed since {where} was asked for: "),
            Part("ask again", "warn"),
            Part("."),
        ]
    if standing == "open" and not waits:
        return [Part(f"{name} is "), Part(f"ready for {where}", "accent"), Part("."), *rest]
    if standing == "open":
        mark = "fail" if failed else "accent"
        return [Part(f"{name} is ready except for "), Part(_things(waits), mark), Part("."), *rest]
    lead = f"{name} was in {where} and is kept ready" if standing == "retired" else f"{name} is a candidate"
    if failed:
        count = _things([f"check:{check['key']}" for check in failed])
        return [
            Part(f"{lead}; {count} would stop it at the gate: "),
            Part(failed[0]["name"].lower(), "fail"),
            Part("."),
            *rest,
        ]
    return [Part(f"{lead}. Nobody has asked for {where} yet.")]


def missing_words(waits: Sequence[str], checks: Sequence[dict[str, Any]]) -> list[str]:
    """What stands in the way, as people say it."""
    names = {check["key"]: check["name"] for check in checks}
    said = []
    for wait in waits:
        kind, _, key = wait.partition(":")
        key = key.partition(":")[0]  # a failed check may give its reason behind its key
        if kind == "check":
            said.append(f"the check “{names.get(key, key)}” to pass")
        elif kind == "warning":
            said.append(f"somebody to accept the warning “{names.get(key, key)}”")
        elif kind == "signature":
            said.append(f"the signature of {role_words(key)}")
        else:
            said.append("a new request, because this one is closed")
    return said


def of_deployment(name: str, version: int | None, trouble: str, answers_today: int, servers: int) -> list[Part]:
    """How a deployment stands."""
    if version is None:
        return [Part("Nothing is live here yet. "), Part("Promote a version", "accent"), Part(".")]
    if trouble:
        return [
            Part(f"Version {version} is in use, but its "),
            Part("stored file is damaged", "fail"),
            Part(". Servers that run keep the copy they checked; go back to an earlier version, or promote again."),
        ]
    if not servers:
        return [Part(f"Version {version} is in use, but "), Part("no prediction server is running", "fail"), Part(".")]
    stored = f"{answers_today:,}".replace(",", "\u2009")
    told = f"; {stored} answers of the last 24 hours are stored" if answers_today else ""
    return [
        Part(f"{name} answers with "),
        Part(f"version {version}", "accent"),
        Part(f"{told}."),
    ]


def of_serving(proof: Mapping[str, Any] | None) -> str:
    """Which form of a model answers, and why; `proof` is what was proved when it was packed."""
    if not proof:
        return "The stored model itself answers: this version was packed before models were compiled."
    if proof["path"] == "compiled":
        count = f"{proof['rows']:,}".replace(",", "\u202f")
        return (
            f"The compiled form answers. On {count} held-back rows, some with gaps, unseen words and far numbers, it "
            f"differed from the stored pipeline by {proof['difference']:.1g} at most."
        )
    return f"The stored model itself answers. {proof['why']}"


def of_environments(order: Sequence[str], used: int, waits: int) -> list[Part]:
    """What lives where, in one sentence."""
    models = "no model" if not used else "one model" if used == 1 else f"{used} models"
    way = order[0] if len(order) == 1 else f"{', '.join(order[:-1])} and {order[-1]}"
    said = [
        Part("A version goes through "),
        Part(way, "accent"),
        Part(f"; {models} answer{'s' if used < 2 else ''} in production."),
    ]
    if waits:
        said.append(Part(f" {'One version' if waits == 1 else f'{waits} versions'} could go on."))
    return said


def of_key(name: str, today: Mapping[str, Any], most: int | None, ever: bool) -> list[Part]:
    """How an application does today, against what it may."""
    if not ever:
        return [Part(f"{name} has "), Part("not asked", "accent"), Part(" in the last 30 days.")]
    rows, limited = today["rows"], today["limited"]
    words = f" row{'' if rows == 1 else 's'} answered today"
    said = [Part(f"{name} had "), Part(f"{rows:,}".replace(",", "\u2009"), "accent"), Part(words)]
    if most is not None:
        said.append(Part(f", of {most:,} that it may".replace(",", "\u2009")))
    if limited:
        over = f"{limited} request{'' if limited == 1 else 's'}"
        said += [Part("; "), Part(over, "warn"), Part(" went over its limits")]
    return [*said, Part(".")]
