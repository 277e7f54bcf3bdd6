"""Decisions: what is done with a model's chances: previewed in money, proposed and signed by the business."""

from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from deployments.forms import PolicyForm
from deployments.pages.versions import person
from deployments.previews import Preview, preview
from deployments.queries.decisions import reference_run, rule_for, scores_of
from experiments.models.runs import Run
from experiments.queries.runs import finished_runs
from experiments.value import own_rule
from problems.problem import Denied, Invalid, Missing, Problem
from projects import policies
from projects.access import ProjectPage
from projects.models.policy import Policy
from projects.models.projects import Kind
from projects.policies import Draft, Rule
from projects.queries.define import contract_in_force, goals_of
from projects.queries.policies import policies_of, policy_for, policy_in_force
from projects.queries.worth import money_of, worth_of
from projects.services.policies import checked, go_back, propose_policy, sign_policy
from web.figures import templates

ROWS, RUNS = 20, 30
ASKED = ("threshold", "capacity", "person_low", "person_high")


class DecisionPages(ProjectPage):
    """What all addresses of this page share: its whole content, with a form that may carry errors."""

    template = "deployments/decisions.html"
    stage = "define"

    @cached_property
    def run(self) -> Run | None:
        """The run whose held-back scores are looked at."""
        asked = self.request.POST.get("run") or self.request.GET.get("run") or ""
        number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else None
        run = reference_run(self.project, number)
        return run if run and run.state == Run.State.FINISHED else None

    def page(self, status: int = 200, **changed: Any) -> HttpResponse:
        """The whole page, with some of its content put in by the caller."""
        history = policies_of(self.project)
        latest, force = history.first(), policy_in_force(self.project)
        paged = Paginator(history, ROWS).get_page(self.request.GET.get("page"))
        worth = worth_of(self.project)
        money = money_of(worth)
        context: dict[str, Any] = {
            "force": force,
            "force_lines": policies.sentences(force) if force else [],
            "latest": latest if latest and not latest.signed_at else None,
            "latest_lines": policies.sentences(latest) if latest else [],
            "page_obj": paged,
            "rows": [(row, policies.sentences(row)) for row in paged.object_list],
            "form": self.form(self.request.GET),
            "run": self.run,
            "binary": self.project.kind == Kind.BINARY,
            "worth": worth,
            "money": money,
            "chart_templates": templates(),
        }
        context |= changed
        context["shown"] = self.shown(context["form"], force, latest if context["latest"] else None)
        return self.show(status=status, **context)

    def form(self, data: Any) -> PolicyForm:
        """The fields, filled from the address (a preview), else from the policy in force."""
        runs = [(str(number), f"Run {number}") for number in self.runs]
        asked = any(data.get(name) for name in ASKED)
        if asked:
            return PolicyForm(data, runs=runs)
        force = policies_of(self.project).first()
        return PolicyForm(initial=_initial(force) | {"run": str(self.run.number) if self.run else ""}, runs=runs)

    @cached_property
    def runs(self) -> list[int]:
        """The newest runs that ended well, and the one looked at."""
        found = list(finished_runs(self.project).values_list("number", flat=True)[:RUNS])
        return found if self.run is None or self.run.number in found else [self.run.number, *found]

    def shown(self, form: PolicyForm, force: Policy | None, waiting: Policy | None) -> Preview | None:
        """What the policy in force and the one asked for (or the one that waits) would do."""
        run = self.run
        if run is None or not run.evaluation.get("thresholds"):
            return None
        now = rule_for(self.project, run) or own_rule(run.evaluation)
        new = self.asked(form, run)
        if new is None and waiting and not form.is_bound:
            new = Rule(waiting.threshold, waiting.person_low, waiting.person_high, 0, waiting.person_cost)
        goals = goals_of(contract_in_force(self.project))
        money = money_of(worth_of(self.project))
        return preview(run.evaluation, run.metrics, goals, now=now, new=new, money=money)

    def asked(self, form: PolicyForm, run: Run) -> Rule | None:
        """What was typed, as a rule; what is wrong with it is put on the form."""
        if not form.is_bound or not form.is_valid():
            return None
        try:
            draft = checked(self.project, form.values())
            return Rule(self.threshold(draft, run), draft.low, draft.high, 0, draft.person_cost)
        except Problem as problem:
            for name, text in problem.fields.items() or {"": problem.text}.items():
                form.add_error(name if name in form.fields else None, text)
            return None

    def threshold(self, draft: Draft, run: Run) -> float:
        """The draft's own, or what its capacity gives on this run's scores."""
        if draft.threshold is not None:
            return draft.threshold
        worth = worth_of(self.project)
        if draft.capacity is None or worth is None or worth.cases_a_month is None:
            raise Invalid(NO_CASES, fields={"capacity": NO_CASES})
        cases = policies.cases_in(draft.period, worth.cases_a_month)
        return policies.threshold_for(draft.capacity, cases, scores_of(run))

    def named(self) -> Policy:
        """The version that the form names."""
        asked = self.request.POST.get("version", "")
        return policy_for(self.project, int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0)

    def refused(self, problem: Problem, **changed: Any) -> HttpResponse:
        """The page again, saying why; doors that are shut stay shut."""
        if isinstance(problem, (Denied, Missing)):
            raise problem
        return self.page(status=problem.status, problem=problem, **changed)


NO_CASES = "Say in Worth how many cases a month brings; without it a capacity cannot become a threshold."


def _initial(policy: Policy | None) -> dict[str, Any]:
    """A policy as the form's first content."""
    if policy is None:
        return {}
    percent = {
        name: None if (value := getattr(policy, name)) is None else round(100 * value, 1)
        for name in ("threshold", "person_low", "person_high")
    }
    if policy.capacity is not None:
        percent["threshold"] = None
    return percent | {"capacity": policy.capacity, "period": policy.period, "person_cost": policy.person_cost or None}


class Decisions(DecisionPages):
    """The page with its preview, and proposing what was previewed."""

    action = {"GET": "project.read", "POST": "policy.change"}

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it; `?threshold=42` (or capacity, person_low, person_high) previews a policy that nobody saved."""
        return self.page()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Propose it: a new version that is not in force before it is signed."""
        form = PolicyForm(request.POST, runs=[(str(number), f"Run {number}") for number in self.runs])
        if not form.is_valid():
            return self.page(status=422, form=form)
        values = form.values() | {"reason": request.POST.get("reason", "")}
        reference = f"run {self.run.number}" if self.run else ""
        try:
            policy = propose_policy(
                self.project,
                values=values,
                bins=scores_of(self.run),
                reference=reference,
                by=person(request),
            )
        except Problem as problem:
            return self.refused(problem, form=form)
        messages.success(request, f"Version {policy.version} is proposed. It is in force when it is signed.")
        return redirect("decisions", self.project.key)


class PolicySign(DecisionPages):
    """Sign the newest version; in the browser only."""

    action = {"POST": "policy.sign"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it: the version that was seen, and no other."""
        try:
            policy = sign_policy(self.named(), by=person(request))
        except Problem as problem:
            return self.refused(problem)
        messages.success(request, f"Version {policy.version} is in force. The next prediction uses it.")
        return redirect("decisions", self.project.key)


class PolicyBack(DecisionPages):
    """Put an earlier version in force again."""

    action = {"POST": "policy.sign"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it."""
        reason, earlier = request.POST.get("reason", ""), self.named()
        try:
            policy = go_back(earlier, reason=reason, by=person(request))
        except Problem as problem:
            return self.refused(problem)
        messages.success(request, f"Version {earlier.version} is in force again, as version {policy.version}.")
        return redirect("decisions", self.project.key)
