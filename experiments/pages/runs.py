"""Pages about runs: the list, a new run, one run with its report, its registration and its notes."""

from functools import cached_property
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from datasets import masking
from datasets.models.versions import Version
from datasets.queries.quality import Block, held_back
from datasets.queries.seen import hidden_of, masked_blocks
from datasets.queries.versions import published_versions, version_for
from experiments.estimators.catalog import UPLOADED
from experiments.forms.records import DescribeForm
from experiments.forms.runs import NotesForm, RegisterForm, RunForm, form_field, initial_of
from experiments.guesses import Column, columns_of
from experiments.models.runs import Cause, Run
from experiments.pages.recorded import described, recorded
from experiments.pages.reports import compared_names, report_of, summary_of
from experiments.pages.trials import search_context
from experiments.pages.value import value_context
from experiments.queries.evaluations import evaluations_of
from experiments.queries.log_models import judged_from
from experiments.queries.models import model_versions
from experiments.queries.runs import data_in_use, hide_values, made_again, named, run_for
from experiments.services.models import register
from experiments.services.records import describe
from experiments.services.runs import complete_spec, reproduce, set_notes, start_run
from experiments.specs import usual
from jobs.queries import latest_of
from problems.problem import Invalid, Missing, Problem
from projects.access import ProjectPage
from projects.measures import UNLABELLED
from projects.pages.projects import person
from projects.permissions import holders
from projects.queries.define import charter_of, contract_in_force, goals_of
from projects.results import words
from web.figures import templates
from web.pages import FormPage


class RunCreate(ProjectPage, FormPage):
    """A form for a new run, filled so that it can be submitted at once."""

    action = "run.start"
    stage = "train"
    template = "experiments/run_new.html"

    @cached_property
    def copied(self) -> Run | None:
        """The run that this one starts from, by `?from=48`."""
        number = self.request.POST.get("from") or self.request.GET.get("from") or ""
        return run_for(self.project, int(number)) if number.isdigit() and len(number) < 9 else None

    @cached_property
    def versions(self) -> list[Version]:
        """What can be learned from, newest first."""
        return list(published_versions(self.project)[:50])

    @cached_property
    def version(self) -> Version | None:
        """The data version picked, else the copied run's, else the one in use."""
        picked = self.request.POST.get("data") or self.request.GET.get("data") or ""
        name, _, number = picked.partition("/v")
        if number.isdigit() and len(number) < 9:
            return version_for(self.project, name, int(number))
        return self.copied.data if self.copied else data_in_use(self.project)

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns of the picked version."""
        if self.version is None:
            return {}
        hidden = hidden_of(self.version.dataset, self.roles)
        return columns_of(self.version.schema, masking.profile(self.version.profile, hidden))

    @cached_property
    def starting(self) -> tuple[dict[str, Any], str]:
        """The spec that the form starts from, and why none could be made."""
        assert self.version is not None
        given: dict[str, Any] = {}
        if self.copied:
            given = dict(self.copied.spec)
            if UPLOADED in given["methods"]:
                del given["methods"]
            given["inputs"] = [name for name in given["inputs"] if name in self.columns] or None
        if (target := self.request.GET.get("target", "")) in self.columns:
            given |= {"target": target, "positive": None}
            if given.get("inputs"):
                given["inputs"] = [name for name in given["inputs"] if name != target]
        try:
            with words(self.project.key, self.roles).refusals():
                return complete_spec(self.project, given, self.version), ""
        except Problem as problem:
            last = "" if self.project.kind in UNLABELLED else next(reversed(list(self.columns)), "")
            known = given.get("target") or last
            return usual(self.project.kind, self.columns, known), problem.text

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form, or what has to happen before there can be one."""
        if self.version is None:
            return self.show("experiments/no_data.html")
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Start it, or say what is wrong."""
        if self.version is None:
            return self.show("experiments/no_data.html", status=409)
        return super().post(request, *args, **kwargs)

    def make_form(self, data: Any = None, files: Any = None) -> RunForm:
        """Bound to what was sent, else filled from the copied run or from guesses, changed by the address."""
        assert self.version is not None
        given: dict[str, Any] = {"kind": self.project.kind, "version": self.version, "columns": self.columns}
        if data is not None:
            return RunForm(data=data, **given)
        initial = initial_of(self.starting[0], self.columns) | self._from_address()
        return RunForm(initial=initial, **given)

    def _from_address(self) -> dict[str, Any]:
        """What the live form sends along with a change, so that nothing typed is lost."""
        address = self.request.GET
        many = {name: address.getlist(name) for name in ("inputs", "methods") if name in address}
        if "inputs" in many:
            many["inputs"] = [name for name in many["inputs"] if name != address.get("target")]
        skip = ("data", "from", "target", "positive", "inputs", "methods")
        found: dict[str, Any] = {name: address[name] for name in address if name not in skip} | many
        asked = self.columns.get(self.starting[0]["target"] or "")
        classes = asked.classes if asked else {}
        if address.get("positive") in classes:
            found["positive"] = address["positive"]
        return found

    def act(self, form: RunForm) -> str:
        """Start the run."""
        spec, copied = form.spec(), self.copied
        if form.hides_answers and copied and copied.spec["target"] == spec["target"]:
            spec["positive"] = copied.spec["positive"]
        given: dict[str, Any] = {"data": self.version, "copied_from": copied, "notes": form.cleaned_data["notes"]}
        try:
            with words(self.project.key, self.roles).refusals():
                run, _ = start_run(self.project, spec=spec, by=person(self.request), **given)
        except Invalid as problem:
            fields = {form_field(name): text for name, text in problem.fields.items()}
            raise Invalid(problem.text, fields=fields) from problem
        return reverse("run", args=[self.project.key, run.number])

    def held(self) -> list[tuple[Version, list[Block]]]:
        """The picked version if its quality keeps it from being learned from, with what stands in the way."""
        if self.version is None:
            return []
        hidden = hidden_of(self.version.dataset, self.roles)
        return [(one, masked_blocks(found, hidden)) for one, found in held_back([self.version])]

    def context(self, form: Any) -> dict[str, Any]:
        """The goal, the versions, and what will happen."""
        contract = contract_in_force(self.project)
        return {
            "held": self.held(),
            "waivers": holders("quality.waive"),
            "copied": self.copied,
            "versions": [(named(version), version) for version in self.versions],
            "picked": named(self.version) if self.version else "",
            "charter": charter_of(self.project),
            "goals": goals_of(contract),
            "trouble": "" if form.is_bound else self.starting[1],
            "summary": summary_of(form, self.project, self.copied),
        }


class RunPage(ProjectPage):
    """One run: live while it trains, then its report."""

    action = "run.read"
    stage = "train"
    template = "experiments/run.html"

    def get(self, request: HttpRequest, number: int) -> HttpResponse:
        """The page, or for htmx the live part only."""
        run = hide_values(run_for(self.project, number), self.roles)
        context: dict[str, Any] = {"run": run, "job": latest_of(run)} | search_context(run)
        if run.state == Run.State.FINISHED:
            context |= report_of(run, charter_of(self.project).positive_word)
            context |= value_context(run) | {"evaluations": list(evaluations_of(run)[:20])}
            context |= {"made_again": made_again(run)}
            context |= {"chart_templates": templates(), "register_form": RegisterForm(initial=_suggested(run))}
        else:
            context |= {"names": compared_names(run)}
        context |= recorded(run) | {"from_log": judged_from(run) if run.cause == Cause.UPLOAD else None}
        return self.show(notes_form=NotesForm(initial={"notes": run.notes}), **context)


def _suggested(run: Run) -> dict[str, str]:
    """The newest model's name of the project, else one made of its key."""
    newest = model_versions(run.project).first()
    return {"name": newest.model.name if newest else f"{run.project.key}-model"[:60]}


class _RunForm(ProjectPage, FormPage):
    """The base of small forms about one run."""

    stage = "train"
    template = "experiments/run_form.html"
    title = ""
    button = ""

    @cached_property
    def run(self) -> Run:
        """The run that the address names."""
        return run_for(self.project, self.kwargs["number"])

    def context(self, form: Any) -> dict[str, Any]:
        """The run, and the words of this form."""
        return {"run": self.run, "title": self.title, "button": self.button}

    @property
    def address(self) -> str:
        """The run's page."""
        return reverse("run", args=[self.project.key, self.run.number])


class Register(_RunForm):
    """Make a finished run a model version."""

    action = "model.register"
    title = "Register"
    button = "Register"

    def make_form(self, data: Any = None, files: Any = None) -> RegisterForm:
        """Name and reason."""
        if self.run.state != Run.State.FINISHED:
            raise Missing(f"Run {self.run.number} has no model to register.")
        return RegisterForm(data, initial=_suggested(self.run))

    def act(self, form: Any) -> str:
        """Register it."""
        version = register(
            self.run, name=form.cleaned_data["name"], reason=form.cleaned_data["reason"], by=person(self.request)
        )
        messages.success(self.request, f"Run {self.run.number} is registered as {version}.")
        return self.address


class Reproduce(ProjectPage):
    """Make a run again, with the same settings on the same data."""

    action = {"POST": "run.start"}

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Start it and show it."""
        run, _ = reproduce(run_for(self.project, number), by=person(request))
        return redirect("run", self.project.key, run.number)


class Notes(_RunForm):
    """Write the notes of a run."""

    action = "run.start"
    title = "Notes"
    button = "Save notes"

    def make_form(self, data: Any = None, files: Any = None) -> NotesForm:
        """The text."""
        return NotesForm(data, initial={"notes": self.run.notes})

    def act(self, form: Any) -> str:
        """Save it."""
        set_notes(self.run, notes=form.cleaned_data["notes"], by=person(self.request))
        messages.success(self.request, "Notes saved.")
        return self.address


class Describe(_RunForm):
    """Write what a run is to show, and its tags."""

    action = "run.start"
    title = "Hypothesis and tags"
    button = "Save"

    def make_form(self, data: Any = None, files: Any = None) -> DescribeForm:
        """Both as they stand."""
        return DescribeForm(data, initial=described(self.run))

    def act(self, form: Any) -> str:
        """Save them."""
        given = {"hypothesis": form.cleaned_data["hypothesis"], "tags": form.tags()}
        describe(self.run, by=person(self.request), **given)
        messages.success(self.request, "Hypothesis and tags are saved.")
        return self.address
