"""Pages of retrainings, and of the stage Improve."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from experiments.services.models import register
from jobs.queries import latest_of
from monitoring import seen
from monitoring.forms import RegisterForm
from monitoring.models import Retraining
from monitoring.pages import reading
from monitoring.pages.asking import awaited, page_of, person
from monitoring.queries import watch as queries
from projects.access import ProjectPage
from web.pages import FormPage


class RetrainingPage(ProjectPage, FormPage):
    """One retraining: why, how far, and how the challenger compares; registering it is the form."""

    action = {"GET": "monitor.read", "POST": "model.register"}
    stage = "improve"
    template = "monitoring/retraining.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show it; while it is trained and compared, the page asks whether that is over."""
        if getattr(request, "htmx", False):
            return awaited(self._retraining().state == Retraining.State.TRAINING)
        return super().get(request, *args, **kwargs)

    def make_form(self, data: Any = None, files: Any = None) -> RegisterForm:
        """Why the challenger is to be registered, with the finding as a start."""
        retraining = self._retraining()
        return RegisterForm(data, initial={"reason": retraining.comparison.get("finding", "")})

    def act(self, form: RegisterForm) -> str:
        """Register it under the name of the model in use; its gate page is next."""
        retraining = self._retraining()
        name = retraining.champion.version.model.name
        version = register(retraining.run, name=name, reason=form.cleaned_data["reason"], by=person(self.request))
        return reverse("model-version", args=[self.project.key, name, version.number])

    def context(self, form: Any) -> dict[str, Any]:
        """The retraining with its run's job and its comparison."""
        retraining = self._retraining()
        job = latest_of(retraining.run)
        if retraining.comparison_job_id and retraining.state == Retraining.State.TRAINING:
            job = retraining.comparison_job
        return {
            "retraining": retraining,
            "view": reading.retraining_view(retraining),
            "job": job,
            "waits": queries.waits_for_choice(retraining),
            "registered": getattr(retraining.run, "model_version", None),
        }

    def _retraining(self) -> Retraining:
        found = queries.retraining_for(self.project, UUID(str(self.kwargs["identifier"])))
        return seen.retrainings([found], self.project, self.roles)[0]


class Improve(ProjectPage):
    """What retraining brought, and what the next round could be about."""

    action = "monitor.read"
    stage = "improve"
    template = "monitoring/improve.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        rows = page_of(request, queries.retrainings_of(self.project))
        found = seen.retrainings(rows.object_list, self.project, self.roles)
        return self.show(
            page_obj=rows,
            lines=[reading.retraining_line(retraining) for retraining in found],
            hint=reading.next_round(self.project, self.roles),
            monitors=list(queries.monitors_of(self.project)[:5]),
        )
