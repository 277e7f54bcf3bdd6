"""Start to check the rules of a version: by itself when a version is made, or when somebody asks."""

from django.db import transaction

from accounts.models import as_user
from audit.actors import Actor, Machine
from audit.services import record
from datasets.models.quality import Check
from datasets.models.versions import Version
from datasets.queries import quality as queries
from jobs import services as jobs
from jobs.models import Job
from problems.problem import Conflict

INSPECTOR = Machine("data quality")


def check_when_made(version: Version) -> Job | None:
    """A version that was just made is checked if its dataset has rules. Call it in the transaction that makes it."""
    return _start(version, INSPECTOR)[1] if queries.rules_of_id(version).exists() else None


@transaction.atomic
def start_check(version: Version, *, by: Actor) -> tuple[Check, Job]:
    """Check all rules of a version, again if it was checked before; one at a time."""
    Version.objects.select_for_update(of=("self",)).get(pk=version.pk)
    if not queries.rules_of_id(version).exists():
        raise Conflict(f"{version.dataset.name} has no rules yet. Add one first.", code="no_rules")
    if Check.objects.filter(version=version, state=Check.State.WAITING).exists():
        raise Conflict(f"{version} is being checked already.", code="check_open")
    return _start(version, by)


def _start(version: Version, by: Actor) -> tuple[Check, Job]:
    check = Check.objects.create(version=version, created_by=as_user(by))
    project = version.dataset.project
    job = jobs.start(
        "datasets.check",
        by=by,
        title=f"Check the rules of {version}",
        subject=check,
        project_key=project.key,
        payload={"check": str(check.pk)},
    )
    facts = {"dataset": version.dataset.name, "number": version.number}
    record(by, "quality.check_started", check, project_key=project.key, **facts)
    return check, job
