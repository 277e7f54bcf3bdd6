"""What of the monitoring room moves with a project: what was counted and found; nothing goes on by itself."""

from django.db.models import Max

from monitoring.models import (
    Alert,
    AlertSettings,
    Incident,
    IncidentNote,
    Learned,
    Monitor,
    Outcome,
    PolicySignature,
    Retraining,
    RetrainPolicy,
    Window,
)
from projects.moving import Fields, Landing, Moved, moves, stays


def _claim(fields: Fields, landing: Landing) -> None:
    """Alerts are numbered over the whole instance."""
    old, made = str(fields.get("number")), sum(1 for word, _ in landing.words if word == "alert")
    new = (Alert.objects.aggregate(most=Max("number"))["most"] or 0) + made + 1
    landing.words[("alert", old)] = str(new)
    landing.paths[f"/alerts/{old}/"] = f"/alerts/{new}/"
    fields["number"] = new


def _claim_incident(fields: Fields, landing: Landing) -> None:
    """So are incidents."""
    old, made = str(fields.get("number")), sum(1 for word, _ in landing.words if word == "incident")
    new = (Incident.objects.aggregate(most=Max("number"))["most"] or 0) + made + 1
    landing.words[("incident", old)] = str(new)
    landing.paths[f"/incidents/{old}/"] = f"/incidents/{new}/"
    fields["number"] = new


def _incident(fields: Fields, landing: Landing) -> None:
    """What was open there is over here."""
    if not fields.get("closed_at"):
        fields |= {"closed_at": landing.packed_at.isoformat()}
        fields["closing_note"] = "Imported: it was open there when the project was packed."


def _alert(fields: Fields, landing: Landing) -> None:
    """What was open there is about a model that does not answer here."""
    fields["held_until"] = None
    if fields.get("state") != Alert.State.CLOSED:
        fields |= {"state": Alert.State.CLOSED, "closed_at": landing.packed_at.isoformat()}
        fields["closing_note"] = "Imported: it was open there when the project was packed."


def _retraining(fields: Fields, landing: Landing) -> None:
    if fields.get("state") == Retraining.State.TRAINING:
        fields |= {"state": Retraining.State.FAILED, "message": "It was not finished when the project was packed."}


def _window(fields: Fields, landing: Landing) -> None:
    """Outcomes stay behind, so none of those here was read."""
    found = fields.get("performance") or {}
    fields["performance"] = {name: value for name, value in found.items() if name not in ("read_to", "early")}


def _policy(fields: Fields, landing: Landing) -> None:
    """A signature counts for the instance on which it was given."""
    fields |= {"signed_at": None, "signed_by": None, "told": ""}


moves(
    Moved(Monitor, "deployment__project", without=("checked_at",)),
    Moved(Window, "monitor__deployment__project", arrive=_window),
    Moved(AlertSettings, "monitor__deployment__project"),
    Moved(Incident, "monitor__deployment__project", claim=_claim_incident, arrive=_incident),
    Moved(IncidentNote, "incident__monitor__deployment__project"),
    Moved(Alert, "monitor__deployment__project", claim=_claim, arrive=_alert),
    Moved(RetrainPolicy, "monitor__deployment__project", arrive=_policy),
    Moved(Retraining, "monitor__deployment__project", without=("comparison_job", "plan"), arrive=_retraining),
)
stays("A signature counts for the instance on which it was given.", PolicySignature)
stays("It is learned anew, once something answers here.", Learned)
stays("What really happened in single cases stays with their log; what was measured goes along.", Outcome)
