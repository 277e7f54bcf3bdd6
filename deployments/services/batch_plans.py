"""What a deployment scores by itself: plans made and ended by people, and started by what is due."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Exists, Max, OuterRef
from django.utils import timezone

from accounts.models import as_user
from audit.actors import Actor
from audit.services import record
from datasets import schedules
from datasets.models.versions import Dataset, Version
from datasets.queries.versions import published_versions
from datasets.services.made import target_for
from datasets.services.versions import dataset_name
from deployments.models import BatchPlan, BatchScoring, Deployment
from deployments.services.batches import start_batch
from deployments.services.telling import PLATFORM
from problems.problem import Conflict, Invalid, Problem
from projects.access import roles_of
from projects.permissions import allows

MOST_AT_ONCE = 20


@transaction.atomic
def make_plan(
    deployment: Deployment,
    dataset: Dataset,
    *,
    on_new: bool,
    schedule: str = schedules.OFF,
    at: str = "02:00",
    weekday: int = 0,
    target: str = "",
    keep: Sequence[str] = (),
    by: Actor,
) -> BatchPlan:
    """Score each new published version of a dataset, or its newest one by a schedule. Without `keep` all columns go
    along."""
    rhythm, clock, day = schedules.checked(schedule, at, weekday)
    if not on_new and rhythm == schedules.OFF:
        text = "Say when: with each new version, or by a schedule."
        raise Invalid(text, fields={"schedule": text})
    locked = Deployment.objects.select_for_update(of=("self",)).select_related("project").get(pk=deployment.pk)
    wanted = dataset_name(target or f"{locked.name}-scored")
    _refuse_circle(locked, dataset.name, wanted)
    target_for(locked.project, wanted, by=by)
    plan = BatchPlan.objects.create(
        deployment=locked,
        number=(BatchPlan.objects.filter(deployment=locked).aggregate(last=Max("number"))["last"] or 0) + 1,
        dataset=dataset,
        target=wanted,
        keep=list(keep),
        on_new=on_new,
        schedule=rhythm,
        at=clock,
        weekday=day,
        next_at=schedules.next_after(timezone.now(), rhythm, clock, day),
        created_by=as_user(by),
    )
    facts = {"deployment": locked.name, "number": plan.number, "dataset": dataset.name, "target": wanted}
    record(by, "batch.plan_made", plan, project_key=locked.project.key, **facts, when=words_of(plan))
    return plan


def words_of(plan: BatchPlan) -> str:
    """When it scores, as a person says it."""
    found = ["with each new version"] if plan.on_new else []
    if plan.schedule != schedules.OFF:
        found.append(schedules.in_words(plan.schedule, plan.at, plan.weekday))
    return " and ".join(found)


def _refuse_circle(deployment: Deployment, source: str, target: str) -> None:
    """What comes out must never start what it came out of."""
    plans = BatchPlan.objects.filter(deployment__project=deployment.project, ended_at=None)
    steps = list(plans.values_list("dataset__name", "target"))
    reached, waiting = set(), [target]
    while waiting:
        name = waiting.pop()
        if name == source:
            text = f"What is made of {source} would start it again, without an end. Choose another target."
            raise Invalid(text, fields={"target": text}, code="circle")
        if name not in reached:
            reached.add(name)
            waiting += [out for read, out in steps if read == name]


@transaction.atomic
def end_plan(plan: BatchPlan, *, by: Actor) -> BatchPlan:
    """It scores nothing more; what it made stays."""
    locked = BatchPlan.objects.select_for_update(of=("self",)).select_related("deployment__project").get(pk=plan.pk)
    if locked.ended_at:
        raise Conflict(f"Plan {locked.number} has ended already.", code="ended")
    locked.ended_at = timezone.now()
    locked.save(update_fields=["ended_at"])
    facts = {"deployment": locked.deployment.name, "number": locked.number}
    record(by, "batch.plan_ended", locked, project_key=locked.deployment.project.key, **facts)
    return locked


def start_due_batches() -> int:
    """Start what new versions and the schedule ask for; what was missed is made up once. Returns how many started."""
    now, started = timezone.now(), 0
    alive = BatchPlan.objects.filter(ended_at=None, deployment__project__deleted_at=None)
    alive = alive.filter(deployment__project__archived_at=None, dataset__deleted_at=None)
    for plan in alive.select_related("deployment__project", "dataset__project", "created_by"):
        wanted = _new_versions(plan) if plan.on_new else []
        if plan.next_at and plan.next_at <= now:
            coming = schedules.next_after(now, plan.schedule, plan.at, plan.weekday)
            if BatchPlan.objects.filter(pk=plan.pk, next_at=plan.next_at).update(next_at=coming):
                wanted += list(_published(plan)[:1])
        for version in dict.fromkeys(wanted):
            started += _start_planned(plan, version)
    return started


def _published(plan: BatchPlan) -> "list[Version]":
    found = published_versions(plan.dataset.project).filter(dataset=plan.dataset).order_by("-number")
    return list(found[:MOST_AT_ONCE])


def _new_versions(plan: BatchPlan) -> list[Version]:
    """Versions that were published since the plan was made, and that it has not tried yet."""
    tried = BatchScoring.objects.filter(plan=plan, source=OuterRef("pk"))
    found = published_versions(plan.dataset.project).filter(dataset=plan.dataset, published_at__gte=plan.created_at)
    return list(found.filter(~Exists(tried)).order_by("number")[:MOST_AT_ONCE])


def _start_planned(plan: BatchPlan, version: Version) -> int:
    """One batch of a plan. Why it could not start stands beside the plan, and is written down once."""
    project, person = plan.deployment.project, plan.created_by
    if person and not allows(roles_of(person, project), "batch.start"):
        _write_down(plan, f"{person.name}, who planned it, may not score data here any more.")
        return 0
    try:
        with transaction.atomic():
            before = BatchScoring.objects.filter(plan=plan).count()
            start_batch(
                plan.deployment,
                version,
                key=f"plan {plan.number}",
                target=plan.target,
                keep=plan.keep or None,
                plan=plan,
                by=person or PLATFORM,
            )
            BatchPlan.objects.filter(pk=plan.pk).exclude(message="").update(message="")
            return BatchScoring.objects.filter(plan=plan).count() - before
    except Problem as problem:
        _write_down(plan, f"{version}: {problem.text}")
        return 0


@transaction.atomic
def _write_down(plan: BatchPlan, text: str) -> None:
    if BatchPlan.objects.filter(pk=plan.pk).exclude(message=text).update(message=text):
        facts = {"deployment": plan.deployment.name, "number": plan.number, "reason": text[:500]}
        record(PLATFORM, "batch.skipped", plan, project_key=plan.deployment.project.key, **facts)
