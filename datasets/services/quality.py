"""Every write to rules and their checks: add, change and retire a rule, end a check, waive a failure."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from accounts.models import User, as_user
from audit.actors import Actor
from audit.services import record
from datasets.models.quality import Check, CheckResult, QualityRule, RuleWaiver, Severity
from datasets.models.versions import Dataset, Version
from datasets.quality.base import FAILED, PASSED
from datasets.quality.catalog import Stated, stated
from datasets.queries import quality as queries
from datasets.queries.recipes import newest_version
from datasets.recipes.frame import table_of
from datasets.services import contracts, quarantines, versions
from datasets.services.checks import INSPECTOR
from jobs.models import Job, State
from notices.services import tell
from problems.problem import Conflict, Denied, Invalid
from projects.access import roles_of
from projects.permissions import Role, allows, holders
from projects.queries.team import members_with

MOST_RULES = 300
LONGEST_WAIVER = 90


@transaction.atomic
def add_rule(
    dataset: Dataset,
    *,
    kind: str,
    params: Any,
    severity: str = Severity.WARN,
    quarantine: bool = False,
    by: Actor,
) -> QualityRule:
    """Say one more thing that must hold. It is checked with the next version, or when somebody asks."""
    Dataset.objects.select_for_update().get(pk=dataset.pk)
    if queries.rules_of(dataset).count() >= MOST_RULES:
        raise Conflict(f"A dataset has at most {MOST_RULES} rules. Retire one first.", code="too_many_rules")
    one = _fitting(dataset, kind, params, severity, quarantine)
    if queries.rules_of(dataset).filter(kind=kind, params=dict(one.params)).exists():
        raise Invalid("There is this rule already.", code="same_rule")
    last = QualityRule.objects.filter(dataset=dataset).aggregate(last=Max("number"))["last"] or 0
    person = as_user(by)
    rule = QualityRule.objects.create(
        dataset=dataset,
        number=last + 1,
        kind=kind,
        params=dict(one.params),
        severity=severity,
        quarantine=quarantine,
        owner=person,
    )
    _record(by, "quality.rule_added", rule, one)
    return rule


def _fitting(dataset: Dataset, kind: str, params: Any, severity: str, quarantine: bool) -> Stated:
    """The rule, if it can be checked on the newest version; else a refusal that names the parameter."""
    one = stated(kind, params)
    if severity not in Severity.values:
        text = f"A rule is one of: {', '.join(Severity.values)}."
        raise Invalid(text, fields={"severity": text})
    if quarantine and not one.rule.about_rows:
        text = "This rule is about the whole; there are no rows to set aside."
        raise Invalid(text, fields={"quarantine": text})
    newest = newest_version(dataset)
    if newest is not None:
        one.rule.fits(table_of("main", newest.schema), one.params)
    for name, _ in one.rule.tables(one.params):
        if name == dataset.name or not Dataset.objects.filter(project=dataset.project, name=name).exists():
            text = f"There is no other dataset “{name}” in this project."
            raise Invalid(text, fields={"dataset": text})
    return one


@transaction.atomic
def change_rule(
    rule: QualityRule, *, params: Any, severity: str, quarantine: bool = False, seen: int, by: Actor
) -> QualityRule:
    """Make the next revision of a rule; earlier results keep the words that they had. `seen` is what one looked at."""
    locked = QualityRule.objects.select_for_update(of=("self",)).select_related("dataset__project").get(pk=rule.pk)
    if locked.revision != seen or locked.retired_at:
        raise Conflict(
            "Somebody changed or retired this rule meanwhile. Nothing was changed.", code="changed_meanwhile"
        )
    contract = queries.contract_in_force(locked.dataset)
    one = _fitting(locked.dataset, locked.kind, params, severity, quarantine)
    locked.params, locked.severity, locked.quarantine = dict(one.params), severity, quarantine
    locked.revision += 1
    locked.save(update_fields=["params", "severity", "quarantine", "revision"])
    _record(by, "quality.rule_changed", locked, one)
    contracts.tell_when_fallen(contract, f"rule {locked.number} was changed: {one.sentence}")
    return locked


@transaction.atomic
def retire_rule(rule: QualityRule, *, by: Actor) -> QualityRule:
    """Take a rule out of force. Its history stays."""
    locked = QualityRule.objects.select_for_update(of=("self",)).select_related("dataset__project").get(pk=rule.pk)
    if locked.retired_at:
        raise Conflict("This rule is retired already.", code="too_late")
    contract = queries.contract_in_force(locked.dataset)
    locked.retired_at = timezone.now()
    locked.save(update_fields=["retired_at"])
    _record(by, "quality.rule_retired", locked, queries.said(locked))
    contracts.tell_when_fallen(contract, f"rule {locked.number} was retired: {queries.said(locked).sentence}")
    return locked


def _record(by: Actor, name: str, rule: QualityRule, one: Stated) -> None:
    facts = {"dataset": rule.dataset.name, "rule": rule.number, "says": one.sentence, "severity": rule.severity}
    record(by, name, rule, project_key=rule.dataset.project.key, **facts)


@transaction.atomic
def finish_check(check: Check, *, rules: Sequence[QualityRule], answer: Mapping[str, Any]) -> Check:
    """Keep what each rule said; tell who must know; publish what waited for it; set rows aside where a rule says so."""
    by_number = {rule.number: rule for rule in rules}
    CheckResult.objects.bulk_create(
        CheckResult(
            check_made=check,
            rule=by_number[one["number"]],
            revision=by_number[one["number"]].revision,
            sentence=queries.said(by_number[one["number"]]).sentence,
            severity=by_number[one["number"]].severity,
            verdict=one["verdict"],
            measured=one["measured"],
            limit=one["limit"],
            failed_rows=one["failed"],
            examples=one["examples"],
        )
        for one in answer["results"]
    )
    check.state, check.message, check.finished_at = Check.State.DONE, "", timezone.now()
    check.save(update_fields=["state", "message", "finished_at"])
    version = Version.everything.select_related("dataset__project", "preparation__created_by").get(pk=check.version_id)
    bad = [one for one in answer["results"] if one["verdict"] != PASSED]
    facts = {"dataset": version.dataset.name, "number": version.number, "rules": len(rules), "bad": len(bad)}
    record(INSPECTOR, "quality.checked", check, project_key=version.dataset.project.key, **facts)
    if version.deleted_at is None:
        _tell_bad(version, check, len(rules), len(bad))
        contracts.tell_broken(version)
        _publish_what_waited(version)
        _set_aside(version, by_number, answer)
    return check


def _tell_bad(version: Version, check: Check, rules: int, bad: int) -> None:
    if not bad:
        return
    found = queries.blocks(version)
    words = f"{bad} of {rules} rules do not hold in {version}."
    text = f"{words} {queries.in_words(found)} Nobody can use it until then." if found else words
    project = version.dataset.project
    people = {one.pk for one in members_with(project, [Role.DATA_ENGINEER, Role.DBA])}
    people |= {check.created_by_id} if check.created_by_id else set()
    tell(list(people), text, url=versions.address_of(version), project_key=project.key, kind="work")


def _publish_what_waited(version: Version) -> None:
    """A recipe was told to publish what it makes; that waited for this check."""
    run = version.preparation
    if run is None or not run.publish or run.created_by is None or version.state == Version.State.PUBLISHED:
        return
    if allows(roles_of(run.created_by, version.dataset.project), "data.publish") and not versions.why_not(version):
        versions.publish(version, by=run.created_by)


def _set_aside(version: Version, rules: Mapping[int, QualityRule], answer: Mapping[str, Any]) -> None:
    failed = [one["number"] for one in answer["results"] if one["verdict"] == FAILED and one["failed"]]
    wanted = [number for number in failed if rules[number].quarantine]
    if wanted and version.state == Version.State.DRAFT and queries.quarantine_of(version) is None:
        quarantines.start_quarantine(version, numbers=wanted, by=INSPECTOR)


def fail_check(job: Job) -> None:
    """A check ended without results; the job says why. Called in the transaction that ends the job."""
    waiting = Check.objects.select_for_update(of=("self",)).filter(pk=job.payload.get("check"), state="waiting")
    check = waiting.select_related("version__dataset__project").first()
    if check is None:
        return
    stopped = job.state == State.CANCELLED
    check.state = Check.State.CANCELLED if stopped else Check.State.FAILED
    check.message, check.finished_at = job.message, timezone.now()
    check.save(update_fields=["state", "message", "finished_at"])
    version = check.version
    facts = {"dataset": version.dataset.name, "number": version.number, "reason": job.message[:500]}
    record(INSPECTOR, "quality.check_failed", check, project_key=version.dataset.project.key, **facts)


@transaction.atomic
def waive(version: Version, rule: QualityRule, *, reason: str, until: date, by: User) -> RuleWaiver:
    """Let a failing rule pass for this version until a day. It stays visible with its reason, also afterwards."""
    project, today = version.dataset.project, timezone.localdate()
    mine = [role for role in holders("quality.waive") if role in roles_of(by, project)]
    if not mine:
        raise Denied("Waiving a rule needs the role of a data engineer, a database administrator or the owner.")
    if not reason.strip():
        raise Invalid("Say why it may be used.", fields={"reason": "Say why it may be used."})
    last = today + timedelta(days=LONGEST_WAIVER)
    if not today < until <= last:
        text = f"A waiver ends after today and within {LONGEST_WAIVER} days, by {last.isoformat()}."
        raise Invalid(text, fields={"until": text})
    Version.objects.select_for_update(of=("self",)).get(pk=version.pk)
    check = queries.last_check(version)
    result = next((one for one in check.results.all() if one.rule_id == rule.pk), None) if check else None
    if result is None or result.verdict == PASSED:
        raise Conflict(
            "There is nothing to waive: the last check of this version does not say that it fails.",
            code="nothing_to_waive",
        )
    waiver = RuleWaiver.objects.create(
        version=version,
        rule=rule,
        revision=rule.revision,
        role=mine[0].value,
        reason=reason.strip()[:1000],
        until=until,
        created_by=by,
    )
    facts = {"dataset": version.dataset.name, "number": version.number, "rule": rule.number, "says": result.sentence}
    more = {"reason": waiver.reason, "until": until.isoformat(), "role": waiver.role}
    record(by, "quality.waived", waiver, project_key=project.key, **facts, **more)
    text = f"{by.name} waived rule {rule.number} for {version} until {until.isoformat()}: {waiver.reason}"
    people = {one.pk for one in members_with(project, [Role.DATA_ENGINEER, Role.DBA, Role.DATA_SCIENTIST])} - {by.pk}
    people |= contracts.consumers_of(version.dataset) - {by.pk}
    tell(list(people), text, url=versions.address_of(version), project_key=project.key, kind="work")
    return waiver


def quality_address(dataset: Dataset) -> str:
    """The page of a dataset's rules."""
    return reverse("dataset-quality", args=[dataset.project.key, dataset.name])
