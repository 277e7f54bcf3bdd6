"""Every write to data contracts: write one, sign it, subscribe, and tell consumers when it breaks or is late."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from accounts.models import User, as_user
from audit.actors import Actor
from audit.services import record
from datasets.models.contracts import DataContract, Subscription
from datasets.models.versions import Dataset, Version
from datasets.quality.promises import broken_columns
from datasets.queries import quality as queries
from datasets.queries.recipes import newest_version, recipe_for
from datasets.services.checks import INSPECTOR
from notices.services import tell
from problems.problem import Conflict, Denied, Invalid, Missing
from projects.models.team import Membership
from projects.permissions import Role, allows
from projects.queries.team import members_with

TRAINERS = [Role.DATA_SCIENTIST, Role.ML_ENGINEER]
Consumer = Subscription.Consumer


@transaction.atomic
def write_contract(
    dataset: Dataset,
    *,
    columns: Sequence[str],
    rules: Sequence[int],
    fresh_days: int | None = None,
    promise: str = "",
    by: Actor,
) -> DataContract:
    """Write the next version of the promise; it counts when it is signed, and the one before counts no more."""
    Dataset.objects.select_for_update().get(pk=dataset.pk)
    before = queries.contract_in_force(dataset)
    person = as_user(by)
    last = DataContract.objects.filter(dataset=dataset).aggregate(last=Max("number"))["last"] or 0
    contract = DataContract(
        dataset=dataset,
        number=last + 1,
        columns=_columns(dataset, columns),
        rules=_rules(dataset, rules),
        fresh_days=_days(fresh_days),
        promise=promise.strip()[:2000],
        owner=person,
        created_by=person,
    )
    contract.fingerprint = queries.fingerprint_of(contract, contract.rules)
    contract.save()
    facts = {"dataset": dataset.name, "number": contract.number, "columns": len(columns), "rules": len(rules)}
    record(by, "quality.contract_written", contract, project_key=dataset.project.key, **facts)
    if before is not None:
        gone = broken_columns(before.columns, contract.columns)
        what = f"version {contract.number} was written and waits for a signature. {' '.join(gone[:3])}".strip()
        _tell_consumers(dataset, f"The contract of {dataset.name} changes: {what}")
    return contract


def _columns(dataset: Dataset, names: Sequence[str]) -> list[dict[str, Any]]:
    newest = newest_version(dataset)
    there = {column["name"]: column for column in newest.schema} if newest else {}
    unknown = next((name for name in names if name not in there), None)
    if unknown is not None or not names:
        text = f"There is no column “{unknown[:60]}”." if unknown is not None else "Promise at least one column."
        raise Invalid(text, fields={"columns": text})
    return [{"name": name, "type": there[name]["type"]} for name in dict.fromkeys(names)]


def _rules(dataset: Dataset, numbers: Sequence[int]) -> list[dict[str, Any]]:
    found = queries.promised_rules(dataset, numbers)
    missing = set(numbers) - {one["number"] for one in found}
    if missing:
        text = f"There is no rule {min(missing)} in force."
        raise Invalid(text, fields={"rules": text})
    return found


def _days(days: int | None) -> int | None:
    if days is not None and not 1 <= days <= 3650:
        text = "State 1 to 3 650 days, or nothing."
        raise Invalid(text, fields={"fresh_days": text})
    return days


@transaction.atomic
def sign_contract(contract: DataContract, *, seen: str, by: User) -> DataContract:
    """Promise it. The signature binds to the fingerprint that the person saw, and falls with any change."""
    dataset = contract.dataset
    held = Membership.objects.filter(project=dataset.project, user=by).values_list("role", flat=True)
    if not allows(frozenset(Role(role) for role in held), "quality.sign"):
        raise Denied("Signing a data contract needs the role of a data engineer or database administrator.")
    Dataset.objects.select_for_update().get(pk=dataset.pk)
    newest = queries.newest_contract(dataset)
    if newest is None or newest.pk != contract.pk or seen != newest.fingerprint:
        raise Conflict("Another version was written meanwhile. Look at that one.", code="changed_meanwhile")
    if newest.fingerprint != queries.live_fingerprint(newest):
        raise Conflict("Its rules changed since it was written. Write it again.", code="rules_changed")
    if newest.signed_at:
        raise Conflict("This version is signed already.", code="too_late")
    newest.signed_by, newest.signed_at = by, timezone.now()
    newest.save(update_fields=["signed_by", "signed_at"])
    facts = {"dataset": dataset.name, "number": newest.number, "fingerprint": newest.fingerprint}
    record(by, "quality.contract_signed", newest, project_key=dataset.project.key, **facts)
    _tell_consumers(dataset, f"{by.name} signed contract {newest.number} of {dataset.name}. It is in force.")
    return newest


@transaction.atomic
def subscribe(dataset: Dataset, *, consumer: str, recipe: str = "", role: str = "", by: Actor) -> Subscription:
    """Count on the contract: be told when it breaks, changes or is late."""
    if queries.contract_in_force(dataset) is None:
        raise Conflict("There is no signed contract to count on.", code="no_contract")
    if consumer not in Consumer.values:
        text = f"A consumer is one of: {', '.join(Consumer.values)}."
        raise Invalid(text, fields={"consumer": text})
    made = Subscription(dataset=dataset, consumer=consumer, created_by=as_user(by))
    if consumer == Consumer.RECIPE:
        made.recipe = _recipe(dataset, recipe)
        made.name = f"recipe {made.recipe.name}"
    elif consumer == Consumer.ROLE:
        if role not in set(Role):
            raise Invalid("Choose a role.", fields={"role": "Choose a role."})
        made.role, made.name = role, Role(role).label
    else:
        made.name = "training"
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError:
        raise Conflict(f"{made.name} counts on it already.", code="subscribed") from None
    facts = {"dataset": dataset.name, "consumer": made.name}
    record(by, "quality.subscribed", made, project_key=dataset.project.key, **facts)
    return made


def _recipe(dataset: Dataset, name: str) -> Any:
    recipe = recipe_for(dataset.project, name)
    if recipe.source_id != dataset.pk:
        text = f"The recipe {recipe.name} does not read {dataset.name}."
        raise Invalid(text, fields={"recipe": text})
    return recipe


def subscription_for(dataset: Dataset, subscription_id: UUID) -> Subscription:
    """One subscription to the contract of a dataset."""
    found = Subscription.objects.filter(dataset=dataset, pk=subscription_id).select_related("dataset__project").first()
    if found is None:
        raise Missing("There is no such subscription.")
    return found


@transaction.atomic
def unsubscribe(subscription: Subscription, *, by: Actor) -> None:
    """Count on it no more."""
    facts = {"dataset": subscription.dataset.name, "consumer": subscription.name}
    record(by, "quality.unsubscribed", subscription, project_key=subscription.dataset.project.key, **facts)
    subscription.delete()


def consumers_of(dataset: Dataset) -> set[Any]:
    """The people behind the subscriptions."""
    people: set[Any] = set()
    for one in Subscription.objects.filter(dataset=dataset).select_related("recipe"):
        people |= {one.created_by_id, one.recipe.created_by_id if one.recipe else None}
        roles = TRAINERS if one.consumer == Consumer.TRAINING else [Role(one.role)] if one.role else []
        people |= {person.pk for person in members_with(dataset.project, roles)} if roles else set()
    return people - {None}


def _tell_consumers(dataset: Dataset, text: str) -> None:
    url = reverse("dataset-contract", args=[dataset.project.key, dataset.name])
    tell(list(consumers_of(dataset)), text, url=url, project_key=dataset.project.key, kind="work")


def tell_when_fallen(contract: DataContract | None, why: str) -> None:
    """The signature fell because what was signed changed: consumers are told at once."""
    if contract is not None and not queries.holds(contract):
        text = f"The signature of contract {contract.number} of {contract.dataset.name} fell: {why}"
        _tell_consumers(contract.dataset, text)


def tell_broken(version: Version) -> None:
    """A new version breaks the contract: consumers are told before anybody could publish it."""
    contract = queries.contract_in_force(version.dataset)
    found = queries.broken_promises(contract, version) if contract else []
    if not found or contract is None:
        return
    facts = {"dataset": version.dataset.name, "number": version.number, "contract": contract.number}
    key = version.dataset.project.key
    record(INSPECTOR, "quality.contract_broken", contract, project_key=key, **facts, how=found[:20])
    more = f" And {len(found) - 1} more." if len(found) > 1 else ""
    _tell_consumers(version.dataset, f"{version} breaks contract {contract.number}: {found[0]}{more}")


def tell_late() -> int:
    """Tell consumers once when a promised new version did not come in time. Returns how many contracts were late."""
    late, now = 0, timezone.now()
    promised = DataContract.objects.exclude(signed_at=None).exclude(fresh_days=None).filter(late_told_at=None)
    for contract in promised.filter(dataset__deleted_at=None, dataset__project__deleted_at=None):
        late += _told_late(contract.pk, now)
    return late


@transaction.atomic
def _told_late(pk: UUID, now: Any) -> int:
    rows = DataContract.objects.select_for_update(of=("self",)).select_related("dataset__project")
    contract = rows.filter(pk=pk, late_told_at=None).first()
    if contract is None or contract.fresh_days is None or not queries.holds(contract):
        return 0
    published = Version.objects.filter(dataset=contract.dataset, state=Version.State.PUBLISHED)
    newest = published.order_by("-published_at").values_list("published_at", flat=True).first()
    since = max(moment for moment in (newest, contract.signed_at) if moment is not None)
    newer = queries.newest_contract(contract.dataset)
    if (newer and newer.pk != contract.pk) or now - since < timedelta(days=contract.fresh_days):
        return 0
    contract.late_told_at = now
    contract.save(update_fields=["late_told_at"])
    facts = {"dataset": contract.dataset.name, "contract": contract.number, "days": contract.fresh_days}
    record(INSPECTOR, "quality.contract_late", contract, project_key=contract.dataset.project.key, **facts)
    _tell_consumers(
        contract.dataset,
        f"{contract.dataset.name} is late: its contract promises a new version every {contract.fresh_days} days.",
    )
    return 1


def forget_late(dataset: Dataset) -> None:
    """A version was published: the next delay is told again."""
    DataContract.objects.filter(dataset=dataset).exclude(late_told_at=None).update(late_told_at=None)
