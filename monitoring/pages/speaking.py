"""The page on which people say how the rules of alerts speak at one deployment."""

from typing import Any

from django.urls import reverse

from monitoring import speaking
from monitoring.forms import SpeakingForm
from monitoring.models import Monitor
from monitoring.pages.asking import person
from monitoring.queries import watch as queries
from monitoring.queries.speaking import settings_of, speaking_of
from monitoring.services.speaking import change_settings
from projects.access import ProjectPage
from web.pages import FormPage


class AlertSettingsPage(ProjectPage, FormPage):
    """How they speak now; the next version is the form."""

    action = {"GET": "monitor.read", "POST": "alert.settings"}
    stage = "monitor"
    template = "monitoring/alert_settings.html"

    def make_form(self, data: Any = None, files: Any = None) -> SpeakingForm:
        """As they stand."""
        now = speaking_of(self._monitor())
        start: dict[str, Any] = {name: getattr(now.quiet, name) for name in ("zone", "start", "end", "act_speaks")}
        start["escalate_hours"] = now.escalate_hours
        for name in speaking.RULES:
            start |= {f"{name}_{part}": value for part, value in vars(now.rule(name)).items()}
        return SpeakingForm(data, initial=start)

    def act(self, form: SpeakingForm) -> str:
        """Keep the next version."""
        monitor = self._monitor()
        seen = self.request.POST.get("seen", "")
        change_settings(
            monitor,
            rules=form.rules(),
            quiet=form.quiet(),
            escalate_hours=form.cleaned_data["escalate_hours"],
            seen=int(seen) if seen.isdecimal() and len(seen) < 9 else 0,
            reason=form.cleaned_data["reason"],
            by=person(self.request),
        )
        return reverse("alert-settings", args=[self.project.key, self.kwargs["name"]])

    def context(self, form: Any) -> dict[str, Any]:
        """All versions."""
        monitor = self._monitor()
        return {"monitor": monitor, "versions": settings_of(monitor), "lines": form.lines()}

    def _monitor(self) -> Monitor:
        return queries.monitor_for(self.project, str(self.kwargs["name"]))
