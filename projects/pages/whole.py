"""A page with several forms: any of them may be shown again with its errors, and the rest stays as it is."""

from typing import Any

from django.http import HttpResponse

from problems.problem import Denied, Missing, Problem
from projects.access import ProjectPage
from web.pages import with_headers


class WholePage(ProjectPage):
    """`content` gives what the page shows; a refused form takes the place of its own part."""

    def content(self) -> dict[str, Any]:
        """Everything that the template shows."""
        return {}

    def page(self, status: int = 200, **changed: Any) -> HttpResponse:
        """The whole page, with some of its content put in by the caller."""
        return self.show(status=status, **(self.content() | changed))

    def refused(self, problem: Problem, **changed: Any) -> HttpResponse:
        """The page again, saying why; doors that are shut stay shut."""
        if isinstance(problem, (Denied, Missing)):
            raise problem
        return with_headers(self.page(status=problem.status, problem=problem, **changed), problem)
