"""Writing the truth as it arrives: outcomes by prediction id, all of a batch or none."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

from django.conf import settings
from django.db import transaction

from audit.actors import Actor
from audit.services import record
from deployments.models import Deployment
from deployments.prediction_ids import belongs
from deployments.queries.deployments import champion_of
from experiments.queries.models import signature_of
from experiments.signatures import word
from monitoring.models import Monitor, Outcome
from problems.problem import Conflict, Invalid, Missing, TooLarge

MOST = 10_000


@dataclass(frozen=True)
class Received:
    """How many outcomes were new, and how many said again what was known."""

    new: int
    known: int


@transaction.atomic
def send_outcomes(deployment: Deployment, rows: list[dict[str, Any]], *, by: Actor) -> Received:
    """Store what really happened. Each id must be of this deployment; another word for a known id is refused."""
    if not rows:
        raise Invalid("There is no outcome in it.", fields={"outcomes": "Send at least one."})
    if len(rows) > MOST:
        raise TooLarge(f"{len(rows)} outcomes at once; at most {MOST} fit. Send them in parts.")
    signature = _signature(deployment)
    if signature["kind"] == "clustering":
        raise Conflict("Nobody knows the true group of a row, so there is no outcome to send.", code="no_answers")
    values = _checked(deployment, rows, signature)
    Deployment.objects.select_for_update().get(pk=deployment.pk)
    known = dict(
        Outcome.objects.filter(deployment=deployment, prediction_id__in=list(values)).values_list(
            "prediction_id", "value"
        )
    )
    _refuse_other_words(values, known)
    fresh = [
        Outcome(deployment=deployment, prediction_id=identifier, value=value)
        for identifier, (_, value) in values.items()
        if identifier not in known
    ]
    Outcome.objects.bulk_create(fresh, batch_size=500)
    subject = Monitor.objects.filter(deployment=deployment).first() or deployment
    received = Received(len(fresh), len(rows) - len(fresh))
    record(
        by,
        "outcomes.received",
        subject,
        project_key=deployment.project.key,
        deployment=deployment.name,
        new=received.new,
        known=received.known,
    )
    return received


def _refuse_other_words(values: dict[str, tuple[int, str]], known: dict[str, str]) -> None:
    """A second, different outcome for one prediction is a conflict that names its row."""
    for identifier, (place, value) in values.items():
        if known.get(identifier, value) != value:
            raise Conflict(
                f"Row {place}: prediction {identifier} has the outcome “{known[identifier]}” already; "
                f"“{value}” was refused. Nothing of this batch was kept.",
                code="outcome_known",
                row=place,
                id=identifier,
            )


def _signature(deployment: Deployment) -> dict[str, Any]:
    release = champion_of(deployment) or deployment.releases.select_related("version").first()
    if release is None:
        raise Conflict(f"Nothing was ever in use under “{deployment.name}”, so there is no prediction to speak of.")
    return signature_of(release.version)


def _checked(
    deployment: Deployment, rows: list[dict[str, Any]], signature: dict[str, Any]
) -> dict[str, tuple[int, str]]:
    """Prediction id -> (row number from 1, value); the first row that cannot be is named."""
    values: dict[str, tuple[int, str]] = {}
    for place, row in enumerate(rows, start=1):
        identifier = row.get("id")
        if not isinstance(identifier, str) or not identifier or len(identifier) > 64:
            raise _wrong(place, "id", "the prediction's id is missing")
        if not belongs(settings.SERVING_KEY, deployment.name, identifier):
            raise Missing(
                f"Row {place}: {identifier[:64]} is not a prediction of “{deployment.name}”. Nothing was kept.",
                code="unknown_prediction",
                row=place,
                id=identifier,
            )
        value = _value(row.get("value"), signature, place)
        if identifier in values and values[identifier][1] != value:
            first = values[identifier][0]
            raise Conflict(
                f"Row {place}: prediction {identifier} has another outcome in row {first} of the same batch.",
                code="outcome_known",
                row=place,
                id=identifier,
            )
        values.setdefault(identifier, (place, value))
    return values


def _value(value: Any, signature: dict[str, Any], place: int) -> str:
    """The outcome as a word of the target: one of its classes, or a finite number."""
    if value is None or isinstance(value, dict | list) or value == "":
        raise _wrong(place, "value", "the outcome is missing")
    text = word(value).strip()
    if signature["kind"] in ("binary", "anomaly"):
        classes = [signature["positive"], signature["negative"]]
        if text not in classes:
            raise _wrong(place, "value", f"“{text[:40]}” is neither “{classes[0]}” nor “{classes[1]}”")
        return text
    if signature["kind"] == "multiclass":
        if text not in signature["classes"]:
            raise _wrong(place, "value", f"“{text[:40]}” is none of the answers that the model knows")
        return text
    try:
        number = float(text)
    except ValueError:
        raise _wrong(place, "value", f"“{text[:40]}” is not a number") from None
    if not isfinite(number) or isinstance(value, bool):
        raise _wrong(place, "value", f"“{text[:40]}” is not a finite number")
    return text[:120]


def _wrong(place: int, field: str, text: str) -> Invalid:
    name = f"outcomes[{place - 1}].{field}"
    return Invalid(f"Row {place}: {text}. Nothing of this batch was kept.", fields={name: text}, row=place)
