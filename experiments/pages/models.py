"""All registered models that one may see."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse

from accounts.models import User
from experiments.evaluation.comparison import tally
from experiments.models.registry import Model
from experiments.queries.models import models_for
from web.pages import SIGNED_IN, Page

PER_PAGE = 50


class AllModels(Page):
    """The models of all projects that the reader is in."""

    action = SIGNED_IN
    template = "experiments/models.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """One page of the list, filtered by `?q=`."""
        assert isinstance(request.user, User)
        search = request.GET.get("q", "").strip()[:100]
        page = Paginator(models_for(request.user, search), PER_PAGE).get_page(request.GET.get("page"))
        return self.show(place="models", page_obj=page, rows=[_row(model) for model in page.object_list], search=search)


def _row(model: Model) -> dict[str, object]:
    versions = list(model.versions.all())
    status, words = tally(versions[0].run.verdicts)
    return {"model": model, "newest": versions[0], "count": len(versions), "status": status, "words": words}
