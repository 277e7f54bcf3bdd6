"""Reads about quality: rules, checks, waivers, and what keeps a version from being published or used."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from datasets.models.contracts import DataContract
from datasets.models.quality import Check, CheckResult, QualityRule, Quarantine, RuleWaiver, Severity
from datasets.models.versions import Dataset, Version
from datasets.quality.base import FAILED, PASSED, UNCHECKED
from datasets.quality.catalog import Stated, stated
from datasets.quality.promises import broken_columns, fingerprint
from problems.problem import Conflict, Missing

ORDER = {FAILED: 0, UNCHECKED: 1, PASSED: 2}


def rules_of(dataset: Dataset) -> QuerySet[QualityRule]:
    """The rules in force."""
    return QualityRule.objects.filter(dataset=dataset, retired_at=None).select_related("owner", "dataset__project")


def rule_for(dataset: Dataset, number: int) -> QualityRule:
    """One rule in force."""
    rule = rules_of(dataset).filter(number=number).first()
    if rule is None:
        raise Missing(f"There is no rule {number} of {dataset.name}, or it was retired.")
    return rule


def said(rule: QualityRule) -> Stated:
    """The rule as the engine knows it."""
    return stated(rule.kind, rule.params)


def last_check(version: Version) -> Check | None:
    """The newest check of a version that was not stopped, with its results."""
    results = Prefetch("results", CheckResult.objects.select_related("rule"))
    checks = Check.objects.filter(version=version).exclude(state=Check.State.CANCELLED)
    return checks.select_related("created_by").prefetch_related(results).first()


def waivers_of(version: Version) -> list[RuleWaiver]:
    """Everything that was let pass for this version, also what has lapsed."""
    found = RuleWaiver.objects.filter(version=version).select_related("rule", "created_by")
    return list(found)


def is_valid(waiver: RuleWaiver) -> bool:
    """Whether its day has not passed and the rule is still the one that was waived."""
    return waiver.until >= timezone.localdate() and waiver.revision == waiver.rule.revision


@dataclass(frozen=True)
class Block:
    """One thing that stands in the way, in words, with its word for programs, and the rule that says so."""

    key: str
    text: str
    rule: QualityRule | None = None
    waivable: bool = False


def blocks(version: Version) -> list[Block]:
    """What the quality of a version keeps from everybody who wants to use it. A waiver lifts its rule until its day."""
    strict = list(rules_of_id(version).filter(severity=Severity.BLOCK))
    return [*_promise_blocks(version), *(_rule_blocks(version, strict) if strict else [])]


def rules_of_id(version: Version) -> QuerySet[QualityRule]:
    """The rules in force of a version's dataset."""
    return QualityRule.objects.filter(dataset_id=version.dataset_id, retired_at=None)


def _rule_blocks(version: Version, strict: Sequence[QualityRule]) -> list[Block]:
    check = last_check(version)
    published = version.state == Version.State.PUBLISHED
    if check is None or check.state != Check.State.DONE:
        if published:  # what was published before there were rules is judged by its next check
            check = _last_done(version)
            return _results_block(version, strict, check) if check else []
        return [Block("check:quality", _unchecked_words(check))]
    return _results_block(version, strict, check)


def _last_done(version: Version) -> Check | None:
    return Check.objects.filter(version=version, state=Check.State.DONE).prefetch_related("results__rule").first()


def _unchecked_words(check: Check | None) -> str:
    if check is None:
        return "Its rules were not checked yet."
    if check.state == Check.State.FAILED:
        return f"Its rules could not be checked: {check.message[:200]}"
    return "Its rules are being checked."


def _results_block(version: Version, strict: Iterable[QualityRule], check: Check) -> list[Block]:
    results = {result.rule_id: result for result in check.results.all()}
    waived = {waiver.rule_id for waiver in waivers_of(version) if is_valid(waiver)}
    published, found = version.state == Version.State.PUBLISHED, []
    for rule in strict:
        if rule.pk in waived:
            continue
        result = results.get(rule.pk)
        key = f"rule:{rule.number}"
        if result is None or result.revision != rule.revision:
            if not published:
                found.append(Block(key, f"Rule {rule.number} is new or changed and was not checked yet.", rule))
        elif result.verdict == FAILED:
            many = f" {result.measured} break it." if result.failed_rows else ""
            found.append(Block(key, f"Rule {rule.number} fails: {result.sentence}{many}", rule, waivable=True))
        elif result.verdict == UNCHECKED:
            text = f"Rule {rule.number} could not be checked: {result.measured}"
            found.append(Block(key, text, rule, waivable=True))
    return found


def _promise_blocks(version: Version) -> list[Block]:
    if version.state == Version.State.PUBLISHED:
        return []
    contract = contract_in_force(version.dataset)
    said = broken_columns(contract.columns, version.schema) if contract else []
    return [Block("contract:columns", f"It breaks contract {contract.number}: {said[0]}")] if said and contract else []


def in_words(found: Sequence[Block]) -> str:
    """The first of them, and how many more there are; empty when nothing is in the way."""
    if not found:
        return ""
    more = f" And {len(found) - 1} more." if len(found) > 1 else ""
    return found[0].text + more


def refuse_unusable(version: Version) -> None:
    """THE GATE of every consumer: training, retraining and recipes read nothing that a blocking rule holds back."""
    if found := blocks(version):
        text = f"{version} must not be used. {in_words(found)} It needs to be mended or waived."
        raise Conflict(text, code="blocked", blocked_by=[one.key for one in found])


def held_back(versions: Iterable[Version]) -> list[tuple[Version, list[Block]]]:
    """Those of these versions that must not be used, each with what stands in its way."""
    return [(version, found) for version in versions if (found := blocks(version))]


# ---- What pages show ----


@dataclass(frozen=True)
class Line:
    """One rule on the page of a version: its result, and the waiver that lifts it."""

    result: CheckResult
    waiver: RuleWaiver | None
    stale: bool

    @property
    def can_split(self) -> bool:
        """Whether its rows can be set aside."""
        return self.result.verdict == FAILED and bool(self.result.failed_rows)


def lines_of(version: Version, check: Check | None) -> list[Line]:
    """The results of a check, failed first."""
    waivers: dict[Any, RuleWaiver] = {}
    for waiver in waivers_of(version) if check else []:
        if is_valid(waiver):
            waivers.setdefault(waiver.rule_id, waiver)
    results = list(check.results.all()) if check else []
    results.sort(key=lambda one: (ORDER[one.verdict], one.severity != Severity.BLOCK, one.rule.number))
    return [
        Line(one, waivers.get(one.rule_id), one.revision != one.rule.revision or one.rule.retired_at is not None)
        for one in results
    ]


@dataclass(frozen=True)
class Mark:
    """One version in a rule's history strip."""

    number: int
    verdict: str
    measured: str


def strips(dataset: Dataset, rules: Sequence[QualityRule], most: int = 30) -> dict[Any, list[Mark]]:
    """For each rule its verdicts over the last versions, oldest first; two queries."""
    numbers = list(Version.objects.filter(dataset=dataset).values_list("number", flat=True)[:most])
    results = CheckResult.objects.filter(
        rule__in=rules, check_made__state=Check.State.DONE, check_made__version__dataset=dataset
    ).order_by("check_made__created_at")
    newest: dict[tuple[Any, int], Mark] = {}
    fields = ("rule_id", "check_made__version__number", "verdict", "measured")
    shown = results.filter(check_made__version__number__in=numbers).values_list(*fields)
    for rule, number, verdict, measured in shown:
        newest[rule, number] = Mark(number, verdict, measured)
    return {
        rule.pk: [newest.get((rule.pk, number), Mark(number, "none", "not checked")) for number in sorted(numbers)]
        for rule in rules
    }


def quarantine_of(version: Version) -> Quarantine | None:
    """The rows that were set aside of this version, if they were."""
    return Quarantine.objects.filter(version=version).select_related("made__dataset", "created_by").first()


def cleaned_from(version: Version) -> Quarantine | None:
    """The split that made this version."""
    return Quarantine.objects.filter(made=version).select_related("version__dataset__project").first()


# ---- Contracts ----


def contracts_of(dataset: Dataset) -> QuerySet[DataContract]:
    """All versions of a dataset's contract, newest first."""
    found = DataContract.objects.filter(dataset=dataset)
    return found.select_related("owner", "signed_by", "created_by", "dataset__project")


def newest_contract(dataset: Dataset) -> DataContract | None:
    """The newest version, signed or not."""
    return contracts_of(dataset).first()


def contract_in_force(dataset: Dataset) -> DataContract | None:
    """The newest version if it is signed and what it promises is still what stands in the rules."""
    contract = newest_contract(dataset)
    return contract if contract and holds(contract) else None


def holds(contract: DataContract) -> bool:
    """Whether its signature still stands: it falls with any change of what was signed."""
    return contract.signed_at is not None and contract.fingerprint == live_fingerprint(contract)


def live_fingerprint(contract: DataContract) -> str:
    """The fingerprint of the promise with its rules as they are today."""
    numbers = [one["number"] for one in contract.rules]
    today = {one["number"]: one for one in promised_rules(contract.dataset, numbers)}
    return fingerprint_of(contract, [today[number] for number in numbers if number in today])


def fingerprint_of(contract: DataContract, rules: Sequence[Any]) -> str:
    """The fingerprint of the promise with these rules."""
    return fingerprint(
        columns=contract.columns,
        rules=rules,
        fresh_days=contract.fresh_days,
        promise=contract.promise,
        owner=str(contract.owner_id or ""),
    )


def promised_rules(dataset: Dataset, numbers: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """Rules as a contract keeps them."""
    rules = rules_of(dataset)
    if numbers is not None:
        rules = rules.filter(number__in=list(numbers))
    return [
        {"number": r.number, "kind": r.kind, "params": r.params, "severity": r.severity, "sentence": said(r).sentence}
        for r in rules
    ]


def broken_promises(contract: DataContract, version: Version) -> list[str]:
    """How a version breaks a contract: columns, and rules that its last check failed."""
    found = broken_columns(contract.columns, version.schema)
    promised = {one["number"] for one in contract.rules}
    check = last_check(version)
    results = check.results.all() if check and check.state == Check.State.DONE else []
    return found + [
        f"{one.sentence} {one.measured}." for one in results if one.rule.number in promised and one.verdict != PASSED
    ]
