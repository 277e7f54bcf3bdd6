"""The Deploy stage: what is live, and every model version on its way."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse

from deployments.gate_rules import ENVIRONMENTS
from deployments.models import Release
from deployments.queries.deployments import deployments_of, servers_alive, stored_rows
from deployments.queries.versions import versions_of
from experiments.estimators.catalog import name_of
from experiments.models.registry import ModelVersion
from projects.access import ProjectPage

ROWS = 50
STATES = {
    Release.State.CHAMPION: ("pass", "In {where}"),
    Release.State.PREPARING: ("accent", "On its way"),
    Release.State.TRIAL: ("accent", "On trial"),
    Release.State.TRIED: ("", "Was tried"),
    Release.State.RETIRED: ("", "Kept ready"),
    Release.State.FAILED: ("fail", "Did not get there"),
    Release.State.ELSEWHERE: ("", "In use elsewhere"),
}
ORDER = [
    Release.State.CHAMPION,
    Release.State.PREPARING,
    Release.State.TRIAL,
    Release.State.RETIRED,
    Release.State.TRIED,
    Release.State.FAILED,
    Release.State.ELSEWHERE,
]


def stage_of(releases: list[Release]) -> tuple[str, str]:
    """The tag of a version: colour and words of the most telling of its releases, in the environment furthest on."""
    places = [
        (ORDER.index(Release.State(one.state)), -ENVIRONMENTS.index(one.deployment.environment)) for one in releases
    ]
    if not places:
        return "", "Candidate"
    state, where = min(places)
    colour, words = STATES[ORDER[state]]
    return colour, words.format(where=ENVIRONMENTS[-where])


def row_of(version: ModelVersion) -> dict[str, Any]:
    """One row of a list of versions."""
    method = version.run.method
    return {
        "version": version,
        "stage": stage_of(list(version.releases.all())),
        "method": name_of(method) if method else "",
    }


class Deploy(ProjectPage):
    """Deployments and model versions of a project."""

    action = "model.read"
    template = "deployments/deploy.html"
    stage = "deploy"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        live = list(deployments_of(self.project))
        stored = stored_rows(live)
        page = Paginator(versions_of(self.project), ROWS).get_page(request.GET.get("page"))
        cards = [
            {
                "deployment": one,
                "champion": (getattr(one, "champions", None) or [None])[0],
                "rows": stored.get(one.pk, (0, 0)),
            }
            for one in live
        ]
        rows = [row_of(version) for version in page.object_list]
        return self.show(cards=cards, rows=rows, page_obj=page, servers=servers_alive())
