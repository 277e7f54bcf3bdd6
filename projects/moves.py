"""What of the projects room moves with a project, and what of it is otherwise on the other side."""

from projects.models.appraisals import Appraisal
from projects.models.baseline import Baseline
from projects.models.bin import Binned
from projects.models.charter_history import CharterVersion
from projects.models.decisions import Decision
from projects.models.define import Charter, Contract, Target
from projects.models.flow import Round, StageAnswer, StageDue
from projects.models.gates import Gate, Signature, Waiver
from projects.models.handoffs import Breakage, Handoff
from projects.models.kpis import Kpi, KpiValue
from projects.models.people import Process, Stakeholder
from projects.models.policy import Policy
from projects.models.projects import Project
from projects.models.questions import Asked, Question, Reply, Revision
from projects.models.requirements import Requirement, RequirementLink
from projects.models.risk import RiskAnswers
from projects.models.tasks import Task
from projects.models.team import GroupRole, Invitation, Membership
from projects.models.transfers import Export, Import
from projects.models.webhooks import Breaker, Delivery, Webhook
from projects.models.worth import Worth
from projects.moving import Fields, Landing, Moved, moves, stays


def _charter(fields: Fields, landing: Landing) -> None:
    """An approval is the word of people there."""
    if fields.get("state") != Charter.State.DRAFT:
        landing.notes.append("The charter was handed in, approved or closed there; here it is a draft again.")
    fields |= {"state": Charter.State.DRAFT, "state_version": 0, "state_reason": "", "state_at": None}
    fields |= {"submitted_by": None, "approved_by": None}


def _contract(fields: Fields, landing: Landing) -> None:
    if fields.get("signed_at"):
        landing.notes.append(f"Version {fields.get('version')} of the targets was signed there; sign the newest here.")
    fields |= {"signed_at": None, "signed_by": None}


def _policy(fields: Fields, landing: Landing) -> None:
    if fields.get("signed_at"):
        landing.notes.append(f"Decision policy v{fields.get('version')} was signed there; sign the newest here.")
    fields |= {"signed_at": None, "signed_by": None}


def _gate(fields: Fields, landing: Landing) -> None:
    """Signatures bind people of the instance where they were given: an open gate is over, a passed one history."""
    if fields.get("state") == Gate.State.OPEN:
        landing.notes.append(f"The open gate of {fields.get('subject_name')} was closed. Ask again here.")
        fields |= {"state": Gate.State.REPLACED, "closed_at": landing.packed_at.isoformat()}
    fields["comment"] = f"Imported: asked and signed on another instance. {fields.get('comment') or ''}".strip()
    fields["fingerprint"] = "imported"


def _signature(fields: Fields, landing: Landing) -> None:
    fields["fingerprint"] = "imported"


moves(
    Moved(Charter, arrive=_charter),
    Moved(CharterVersion),
    Moved(Contract, arrive=_contract),
    Moved(Target, "contract__project"),
    Moved(Kpi),
    Moved(KpiValue, "kpi__project"),
    Moved(Requirement),
    Moved(RequirementLink, "requirement__project"),
    Moved(Stakeholder),
    Moved(Process),
    Moved(RiskAnswers),
    Moved(Appraisal),
    Moved(Baseline),
    Moved(Worth),
    Moved(Policy, arrive=_policy),
    Moved(Round),
    Moved(StageDue),
    Moved(StageAnswer),
    Moved(Task),
    Moved(Handoff),
    Moved(Breakage, "handoff__project"),
    Moved(Gate, arrive=_gate),
    Moved(Signature, "gate__project", arrive=_signature),
    Moved(Waiver, "gate__project", arrive=_signature),
    Moved(Question),
    Moved(Asked, "question__project"),
    Moved(Reply, "question__project"),
    Moved(Revision, "question__project"),
    Moved(Decision),
)
stays("The key and the name are chosen anew on the other side.", Project)
stays("Nobody gets a right by an archive. The list of the team goes along; its people are invited.", Membership)
stays("Invitations hold for this instance only.", Invitation)
stays("Groups of people belong to their instance.", GroupRole)
stays("Addresses and secrets never travel.", Webhook, Delivery, Breaker)
stays("What was deleted stays behind.", Binned)
stays("An archive holds no archives.", Export, Import)
