"""PURE: the gate to production: facts in, checks out. A failed check blocks, a warning is shown to those who sign."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from deployments import conditions
from projects.contract import Judgement, TargetKind, Verdict
from projects.measures import MEASURES

RULES_VERSION = 2
ENVIRONMENTS = ("development", "staging", "production")
SLOWEST_ROW_MS = 250.0
LARGEST_BUNDLE = 500 * 1024 * 1024

Check = dict[str, Any]
Signature = dict[str, Any]


@dataclass(frozen=True)
class Champion:
    """The version in use: its number, signature, metrics, and what its held-back rows were cut from."""

    number: int
    signature: Signature
    metrics: dict[str, Any]
    held_back: str


@dataclass(frozen=True)
class Book:
    """How a version answers the edge-case book. `failed` are the cases that come out otherwise than they must."""

    asked: int = 0
    waiting: int = 0
    failed: tuple["FailedCase", ...] = ()


@dataclass(frozen=True)
class FailedCase:
    """One case: its number and name, why it must come out so, and whether it may stop a version."""

    number: int
    name: str
    reason: str
    blocking: bool


@dataclass(frozen=True)
class Facts:
    """All that the rules look at. `rehearsal` is what the last rehearsal measured, None before the first.

    `judged_at` names the threshold of the decision policy that judgements and metrics were taken at. `missed` are the
    environments before this one that the project has and the version was never in use in; `outside` is its data, where
    it does not belong to what the environment allows. `limits` are what the project set for the environment, `wanted`
    the parts of a judging that its gate needs, `looked_at` whether the last rehearsal has them as they are asked for
    now."""

    judgements: list[Judgement]
    contract_version: int | None
    contract_signed: bool
    signature: Signature
    metrics: dict[str, Any]
    held_back: str
    champion: Champion | None = None
    rehearsal: dict[str, Any] | None = None
    rehearsal_running: bool = False
    names: dict[str, str] = field(default_factory=dict)
    judged_at: str = ""
    charter_approved: bool = False
    must: tuple[str, ...] = ()
    book: Book = Book()
    missed: tuple[str, ...] = ()
    environment: str = "production"
    outside: str = ""
    limits: dict[str, float] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()
    looked_at: bool = False


def fingerprint(bundle: str, data: str, contract: tuple[str, int, bool] | None, rule: str = "") -> str:
    """What signatures are bound to: the model's bytes, its data's bytes, the targets, the risk tier's rule, and these
    rules."""
    content = json.dumps([bundle, data, contract, rule, RULES_VERSION], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def checks(facts: Facts) -> list[Check]:
    """Every check, in the order in which people read them."""
    found = [_targets(facts), _contract(facts)]
    if facts.champion:
        found += [_better(facts, facts.champion), _schema(facts.signature, facts.champion)]
    if "charter" in facts.must:
        found.append(_charter(facts))
    found += [*_order(facts), *_scope(facts)]
    found += [*_asked_of(facts), *_cases(facts.book), _same_answers(facts)]
    found += [*_replayed(facts), _fast(facts), _small(facts)]
    return [_strict(check, facts.must) for check in found]


def _strict(check: Check, must: tuple[str, ...]) -> Check:
    """What only warns elsewhere fails where the risk tier wants it."""
    if check["state"] != "warn" or check["key"] not in must:
        return check
    return check | {"state": "fail", "text": f"{check['text']} At this risk it has to be done first."}


def _check(key: str, name: str, state: str, text: str, value: str = "", limit: str = "") -> Check:
    return {"key": key, "name": name, "state": state, "text": text, "value": value, "limit": limit}


def _targets(facts: Facts) -> Check:
    if not facts.judgements:
        return _check(
            "targets", "Targets", "fail", "There are no targets to judge by. Set at least one in Define.", "none"
        )
    counts = {verdict: sum(1 for one in facts.judgements if one.verdict == verdict) for verdict in Verdict}
    # What only the business can say after the launch keeps nobody from launching; what is missed always does.
    later = sum(1 for one in facts.judgements if one.verdict == Verdict.UNMEASURED and one.goal.after_launch)
    good = counts[Verdict.MET] + later == len(facts.judgements)
    state = "fail" if counts[Verdict.NOT_MET] else "pass" if good and counts[Verdict.MET] else "warn"
    counts[Verdict.UNMEASURED] -= later
    words = {
        Verdict.MET: "met",
        Verdict.CLOSE: "too close to call",
        Verdict.NOT_MET: "missed",
        Verdict.UNMEASURED: "not measured yet",
    }
    said = ", ".join(f"{counts[verdict]} {words[verdict]}" for verdict in Verdict if counts[verdict])
    said += f"{', ' if said else ''}{later} known only after launch" if later else ""
    missed = [one.goal.name for one in facts.judgements if one.verdict == Verdict.NOT_MET]
    said += f". Missed: {', '.join(missed)}" if missed else ""
    said += f"; judged at {facts.judged_at}" if facts.judged_at else ""
    version = f" By version {facts.contract_version} of the targets." if facts.contract_version else ""
    leading = _leading(facts.judgements)
    value = leading.goal.said(leading.measurement.value) if leading.measurement else "not measured"
    limit = f"target {leading.goal.said(leading.goal.threshold)}"
    return _check("targets", "Targets", state, f"{said}.{version}", value, limit)


def _leading(judgements: list[Judgement]) -> Judgement:
    """The one to show: a missed one first, then the one that decides."""
    missed = [one for one in judgements if one.verdict == Verdict.NOT_MET]
    return next((one for one in missed or judgements if one.goal.deciding), (missed or judgements)[0])


def _contract(facts: Facts) -> Check:
    if facts.contract_version is None:
        return _check("contract", "Targets agreed", "fail", "Nobody has set targets for this project yet.", "none")
    if facts.contract_signed:
        return _check("contract", "Targets agreed", "pass", "and signed", f"v{facts.contract_version}", "signed")
    text = "The targets are not signed in Define yet. Signatures here are bound to them as they stand."
    return _check("contract", "Targets agreed", "warn", text, f"v{facts.contract_version}", "not signed")


def _charter(facts: Facts) -> Check:
    if facts.charter_approved:
        return _check("charter", "Charter approved", "pass", "The text as it stands was approved.", "approved")
    text = "The charter in Define is not approved as it stands."
    return _check("charter", "Charter approved", "warn", text, "not approved")


def _better(facts: Facts, champion: Champion) -> Check:
    name = f"Against version {champion.number}"
    deciding = next((one.goal for one in facts.judgements if one.goal.deciding), None)
    plain = [one.goal for one in facts.judgements if one.goal.kind == TargetKind.METRIC]
    deciding = deciding or (plain[0] if plain else None)
    mine = facts.metrics.get(deciding.metric) if deciding else None
    theirs = champion.metrics.get(deciding.metric) if deciding else None
    if deciding is None or not mine or not theirs:
        return _check("better", name, "warn", "They share no measured target, so they cannot be compared.")
    measure = MEASURES[deciding.metric]
    value = measure.said(mine["value"], deciding.unit)
    limit = f"v{champion.number}: {measure.said(theirs['value'], deciding.unit)}"
    if facts.held_back != champion.held_back:
        text = "They were measured on different held-back rows, so the figures stand side by side but do not decide."
        return _check("better", name, "warn", text, value, limit)
    sign = 1 if deciding.direction == "at_least" else -1
    gain = sign * (mine["value"] - theirs["value"])
    apart = mine["high"] < theirs["low"] or theirs["high"] < mine["low"]
    if gain < 0 and apart:
        return _check("better", name, "fail", f"It is worse at “{deciding.name}”, by more than chance.", value, limit)
    if gain < 0:
        return _check(
            "better", name, "warn", f"It is a little worse at “{deciding.name}”; that could be chance.", value, limit
        )
    chance = "" if apart else ", though that could be chance" if gain > 0 else ""
    words = "It does better" if gain > 0 else "It does as well"
    return _check(
        "better", name, "pass", f"{words} at “{deciding.name}” on the same held-back rows{chance}.", value, limit
    )


def _schema(mine: Signature, champion: Champion) -> Check:
    name, limit = "Fits today’s callers", "at most 0"
    theirs = {part["name"]: part for part in champion.signature["inputs"]}
    found = [said for part in mine["inputs"] if (said := _change(part, theirs.get(part["name"])))]
    if mine["kind"] != champion.signature["kind"]:
        found.insert(0, ("fail", "it gives another kind of answer"))
    if found:
        state = "fail" if any(state == "fail" for state, _ in found) else "warn"
        more = f", and {len(found) - 4} more" if len(found) > 4 else ""
        text = f"Against version {champion.number}: {'; '.join(words for _, words in found[:4])}{more}."
        return _quoted(_check("schema", name, state, text, f"{len(found)} change", limit))
    return _check(
        "schema", name, "pass", f"Requests that version {champion.number} takes, it takes.", "0 change", limit
    )


def _change(mine: dict[str, Any], theirs: dict[str, Any] | None) -> tuple[str, str] | None:
    """What one input asks of callers that it did not ask before: `fail` breaks them, `warn` may."""
    name, kind = mine["name"], mine["type"]
    if theirs is None:
        return None if mine["nullable"] else ("fail", f"{name} is new and must be sent")
    if theirs["type"] == "number" and kind == "integer":
        return "warn", f"{name} must now be a whole number"
    if theirs["type"] != kind and (theirs["type"], kind) != ("integer", "number"):
        return "fail", f"{name} turns from {theirs['type']} into {kind}"
    if theirs["nullable"] and not mine["nullable"]:
        return "warn", f"{name} may no longer be left out"
    return None


def _cases(book: Book) -> list[Check]:
    """One check for each case that comes out otherwise, in the words of whoever wrote it; one for all the others."""
    found = [_failed_case(case) for case in book.failed]
    if book.waiting:
        text = "Not asked yet. It is asked before the switch at the latest."
        found.append(_check("edge_cases", "Edge cases", "warn", text, f"{book.waiting} waiting"))
    elif book.asked and not found:
        text = "All come out as they must."
        found.append(_check("edge_cases", "Edge cases", "pass", text, f"{book.asked} asked", "0 otherwise"))
    return found


def _failed_case(case: FailedCase) -> Check:
    state, quote = "fail" if case.blocking else "warn", f"“{case.name}” must come out otherwise: {case.reason}"
    return _check(f"edge_case_{case.number}", f"Edge case {case.number}", state, quote) | {"quote": quote}


def _asked_of(facts: Facts) -> list[Check]:
    """How groups fare and what strain costs, where the project or the risk asks for it."""
    measured = facts.rehearsal if facts.rehearsal and facts.looked_at else {}
    limits, running = facts.limits, facts.rehearsal_running
    found = []
    if "fairness" in facts.wanted:
        found.append(conditions.groups_check(measured.get("apart"), limits.get("gap"), running))
    if "stress" in facts.wanted:
        found.append(conditions.strain_check(measured.get("strained"), limits.get("loss"), running))
    return found


def _quoted(check: Check) -> Check:
    """A failed check whose reason stands beside its key in `blocked_by`."""
    return check | {"quote": check["text"]} if check["state"] == "fail" else check


def _order(facts: Facts) -> list[Check]:
    if not facts.missed:
        return []
    text = f"It was never in use in {' and '.join(facts.missed)}, which comes before {facts.environment} here."
    return [_check("order", "Came the whole way", "fail", text, "not tried", f"in use in {facts.missed[-1]}")]


def _scope(facts: Facts) -> list[Check]:
    if not facts.outside:
        return []
    text = f"It learned from {facts.outside}, which models in {facts.environment} may not."
    return [_check("scope", "Its data is allowed here", "fail", text, facts.outside)]


def _replayed(facts: Facts) -> list[Check]:
    """Recorded requests to the model in use, asked again; a check only where there were any."""
    found = (facts.rehearsal or {}).get("replay")
    if not found or not found["rows"]:
        return []
    rows, refused, name = found["rows"], found["refused"], "Takes recorded requests"
    if refused:
        text = f"{refused} of {rows} recorded requests it refuses: {found['why']}"
        return [_quoted(_check("replay", name, "fail", text, f"{refused} refused", "at most 0"))]
    least, share = facts.limits.get("agreed"), 100 * found["agreed"] / rows
    if least is not None and share < least:
        text = f"Of {rows} recorded requests it answers {found['agreed']} as the model in use does."
        return [_quoted(_check("replay", name, "fail", text, f"{share:.3g} % alike", f"at least {least:g} %"))]
    text = f"{rows} recorded requests, asked again; {found['agreed']} of its answers are those of the model in use."
    return [_check("replay", name, "pass", text, "0 refused", "at most 0")]


def _pending(key: str, name: str, facts: Facts) -> Check:
    text = (
        "Being measured now."
        if facts.rehearsal_running
        else "Not measured yet. It is measured before the switch at the latest."
    )
    return _check(key, name, "warn", text, "pending")


def _same_answers(facts: Facts) -> Check:
    found = facts.rehearsal
    if found is None:
        return _pending("same_answers", "Same answers", facts)
    libraries = found.get("libraries") or []
    state = "fail" if found["different"] else "warn" if libraries else "pass"
    text = f"The packaged model against training, {found['golden']} stored rows."
    if libraries:
        text += f" Since training, {'; '.join(libraries)}."
    return _check("same_answers", "Same answers", state, text, f"{found['different']} differ", "at most 0")


def _fast(facts: Facts) -> Check:
    found = facts.rehearsal
    if found is None:
        return _pending("fast", "Fast enough", facts)
    asked = facts.limits.get("row_ms")
    most = SLOWEST_ROW_MS if asked is None else asked
    state = "pass" if found["row_ms"] <= most else "warn" if asked is None else "fail"
    value = f"{found['row_ms']:.3g} ms" if asked is not None else f"{found['row_ms']:.1f} ms"
    check = _check("fast", "Fast enough", state, "One row, in the middle of 30 tries.", value, f"at most {most:g}")
    return check if asked is None else _quoted(check | {"text": f"{check['text']} It takes {value}."})


def _small(facts: Facts) -> Check:
    found = facts.rehearsal
    if found is None:
        return _pending("small", "Small enough", facts)
    size = found["bytes"]
    asked = facts.limits.get("megabytes")
    most = LARGEST_BUNDLE if asked is None else asked * 1e6
    state = "pass" if size <= most else "warn" if asked is None else "fail"
    said = f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"
    limit = f"at most {500 if asked is None else asked:g} MB"
    check = _check("small", "Small enough", state, "What a server has to load.", said, limit)
    return check if asked is None else _quoted(check | {"text": f"{check['text']} It is {said}."})
