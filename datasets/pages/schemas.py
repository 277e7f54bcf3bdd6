"""What happens when the columns of a dataset change: the policy, and agreeing to a change."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from datasets.pages.listing import person
from datasets.queries import versions as queries
from datasets.services import versions as services
from projects.access import ProjectPage


class SchemaPolicyPage(ProjectPage):
    """Sets the policy; it is shown on the page of the newest version, to which one comes back."""

    action = {"POST": "data.publish"}
    stage = "data"

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Set it."""
        dataset = queries.dataset_for(self.project, name)
        services.set_schema_policy(dataset, request.POST.get("schema_policy", ""), by=person(request))
        messages.success(request, f"When columns of {name} change: {dataset.get_schema_policy_display().lower()}.")
        newest = queries.versions_of(dataset).first()
        return HttpResponseRedirect(services.address_of(newest) if newest else services.list_address(dataset))


class AcceptColumns(ProjectPage):
    """Agrees to the changed columns of a draft."""

    action = {"POST": "data.publish"}
    stage = "data"

    def post(self, request: HttpRequest, name: str, number: int) -> HttpResponse:
        """Accept them."""
        version = services.accept_schema(queries.version_for(self.project, name, number), by=person(request))
        messages.success(request, f"The changed columns of {version} are accepted. It can be published.")
        return HttpResponseRedirect(services.address_of(version))
