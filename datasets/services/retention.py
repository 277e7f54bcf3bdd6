"""How old versions go by themselves: the rule, and the sweep that deletes for good what nothing uses."""

import logging

from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from accounts.models import User
from audit.actors import Actor, Machine
from audit.services import record
from datasets.models.feeds import RetentionRule
from datasets.models.versions import Dataset, Version
from datasets.queries.retention import would_go
from problems.problem import Invalid
from projects.discarding import KINDS
from projects.services.projects import lock_project
from storage import blobs

log = logging.getLogger(__name__)
SWEEPER = Machine("data retention")
MOST = 10_000


@transaction.atomic
def set_rule(dataset: Dataset, *, keep_last: int, keep_days: int, by: User) -> RetentionRule:
    """Keep the last so many versions, and all younger than so many days; what is used stays whatever this says."""
    fields = {}
    if not 1 <= keep_last <= MOST:
        fields["keep_last"] = f"Keep between 1 and {MOST} versions."
    if not 0 <= keep_days <= MOST:
        fields["keep_days"] = f"Between 0 and {MOST} days."
    if fields:
        raise Invalid(" ".join(fields.values()), fields=fields)
    rule, _ = RetentionRule.objects.update_or_create(
        dataset=dataset, defaults={"keep_last": keep_last, "keep_days": keep_days, "set_by": by}
    )
    facts = {"dataset": dataset.name, "keep_last": keep_last, "keep_days": keep_days}
    record(by, "data.retention_set", dataset, project_key=dataset.project.key, **facts)
    return rule


@transaction.atomic
def drop_rule(dataset: Dataset, *, by: Actor) -> None:
    """Keep everything again."""
    rule = RetentionRule.objects.filter(dataset=dataset).first()
    if rule is None:
        raise Invalid(f"{dataset.name} keeps every version already.")
    blobs_left = rule.left
    rule.delete()
    record(by, "data.retention_dropped", dataset, project_key=dataset.project.key, dataset=dataset.name)
    transaction.on_commit(lambda: blobs.free(blobs_left))


def sweep() -> int:
    """Apply every rule; returns bytes freed. One dataset that fails does not keep the others."""
    freed = 0
    for rule in RetentionRule.objects.select_related("dataset__project").order_by("swept_at")[:500]:
        if rule.dataset.deleted_at or rule.dataset.project.archived_at:
            continue
        try:
            freed += sweep_one(rule)
        except Exception:
            log.exception("retention of %s failed", rule.dataset_id)
    return freed


def sweep_one(rule: RetentionRule) -> int:
    """Delete what goes by one rule, then its files. Fresh files wait for the next sweep."""
    left = set(rule.left)
    for version, _ in would_go(rule.dataset, rule.keep_last, rule.keep_days).going:
        try:
            left |= _delete(rule, version)
        except ProtectedError:
            continue  # something in the bin needs it
    freed = blobs.free(left)
    rule.left, rule.swept_at = sorted(freed.later), timezone.now()
    rule.save(update_fields=["left", "swept_at"])
    if freed.bytes:
        project, facts = rule.dataset.project, {"dataset": rule.dataset.name, "bytes": freed.bytes}
        record(SWEEPER, "data.retention_freed", rule.dataset, project_key=project.key, **facts)
    return freed.bytes


@transaction.atomic
def _delete(rule: RetentionRule, version: Version) -> set[str]:
    """Under the lock that a run takes before it names its data, and asked again: nothing may use it meanwhile."""
    lock_project(rule.dataset.project)
    still = {one.pk for one, _ in would_go(rule.dataset, rule.keep_last, rule.keep_days).going}
    if version.pk not in still:
        return set()
    facts = {"dataset": rule.dataset.name, "number": version.number, "rows": version.rows, "sha256": version.table_id}
    record(SWEEPER, "data.version_expired", version, project_key=rule.dataset.project.key, **facts)
    held = KINDS["version"].purge(version)
    RetentionRule.objects.filter(pk=rule.pk).update(left=sorted({*rule.left, *held}))
    rule.left = sorted({*rule.left, *held})
    return held
