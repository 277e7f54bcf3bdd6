"""What somebody sees of a deployment's watch: pages and endpoints fetch what they show through it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from datasets import masking
from datasets.queries.seen import Roles
from deployments.models import Deployment
from deployments.queries.predictions import hidden_by, hidden_from, target_of
from monitoring.models import Alert, Retraining, Window
from projects.models.projects import Project


@dataclass(frozen=True)
class Eyes:
    """The columns whose values are hidden from somebody, and what the model predicts. What they see is never saved."""

    hidden: frozenset[str] = frozenset()
    target: str = ""

    def window(self, window: Window) -> Window:
        """A window without the values of hidden columns."""
        if self.hidden:
            window.inputs = [self._input(entry) for entry in window.inputs]
            window.performance = masking.tree(window.performance, self.hidden)
            window.measured = masking.tree(window.measured, self.hidden)
            if (worst := window.performance.get("slice")) and worst["column"] in self.hidden:
                window.performance["slice"] = worst | {"value": masking.HIDDEN}
            if self.target in self.hidden and window.answers:
                word = {"positive": masking.HIDDEN} if "positive" in window.answers else {}
                window.answers = masking.unlabelled(window.answers) | word
        return window

    def _input(self, entry: dict[str, Any]) -> dict[str, Any]:
        seen = masking.sketch(entry, self.hidden)
        if "first" in seen and entry["name"] in self.hidden:
            seen["first"] = seen["first"] | {"value": masking.HIDDEN}
        return seen

    def alert(self, alert: Alert) -> Alert:
        """An alert; its sentence quotes values of the column that it is about, or of the answers."""
        if alert.subject in self.hidden or (self.hidden and not alert.subject):
            alert.sentence = self.text(alert.sentence)
        return alert

    def retraining(self, retraining: Retraining) -> Retraining:
        """A retraining; its cause may be the sentence of an alert."""
        retraining.cause, retraining.message = self.text(retraining.cause), self.text(retraining.message)
        retraining.trial_note = self.text(retraining.trial_note)
        retraining.comparison = masking.tree(retraining.comparison, self.hidden)
        return retraining

    def text(self, text: str) -> str:
        """A sentence that may quote a value of any of the columns."""
        return masking.unquoted(text, self.hidden) if self.hidden else text


OPEN = Eyes()


def eyes_on(deployment: Deployment, roles: Roles) -> Eyes:
    """What these roles see of one deployment."""
    hidden = hidden_from(deployment, roles)
    return Eyes(hidden, target_of(deployment)) if hidden else OPEN


def _eyes(deployments: Iterable[Deployment], roles: Mapping[UUID, Roles]) -> dict[UUID, Eyes]:
    return {key: Eyes(hidden) for key, hidden in hidden_by(deployments, roles).items()}


def alerts(found: Iterable[Alert], roles: Mapping[UUID, Roles]) -> list[Alert]:
    """Alerts of many deployments with the roles held in each project, in one query."""
    rows = list(found)
    eyes = _eyes((row.monitor.deployment for row in rows), roles)
    return [eyes.get(row.monitor.deployment_id, OPEN).alert(row) for row in rows]


def retrainings(found: Iterable[Retraining], project: Project, roles: Roles) -> list[Retraining]:
    """Retrainings of one project, in one query."""
    rows = list(found)
    eyes = _eyes((row.monitor.deployment for row in rows), {project.pk: roles})
    return [eyes.get(row.monitor.deployment_id, OPEN).retraining(row) for row in rows]
