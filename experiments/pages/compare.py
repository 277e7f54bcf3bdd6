"""Runs side by side; the Evaluate stage opens it with the latest ones."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from experiments.evaluation.choice import deciding_metric
from experiments.evaluation.comparison import best_values, numbers_in, setting_rows, standing, tally
from experiments.findings import comparison_finding
from experiments.models.runs import Run
from experiments.pages.listing import bar_of
from experiments.pages.many import below, beside, headings
from experiments.pages.reports import overlaid
from experiments.queries.runs import entry_of, finished_runs, hide_all, runs_for, runs_of
from experiments.valuing import Values
from projects.access import ProjectPage
from projects.measures import for_kind
from projects.queries.define import charter_of, contract_in_force, goals_of
from web.figures import templates

PRESELECTED, FEW = 3, 6  # up to a few runs stand beside each other, more below each other


class Compare(ProjectPage):
    """The runs that the address names."""

    action = "run.read"
    stage = "evaluate"
    template = "experiments/compare.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Finding, settings that differ, metrics with the best marked, curves overlaid."""
        numbers = numbers_in(request.GET.getlist("runs"))
        return self.page(hide_all(runs_for(self.project, numbers, light=len(numbers) > FEW), self.roles))

    def page(self, asked: list[Run]) -> HttpResponse:
        """The comparison of those that are finished."""
        runs = [run for run in asked if run.state == Run.State.FINISHED]
        others = list(runs_of(self.project)[:20])
        unfinished = [run for run in asked if run not in runs]
        base: dict[str, Any] = {"runs": runs, "others": others, "unfinished": unfinished}
        base["marked"] = {run.number for run in asked}
        return self.show(**(base | (self._compared(runs) if runs else {})))

    def _compared(self, runs: list[Run]) -> dict[str, Any]:
        targets = goals_of(contract_in_force(self.project))
        decide_by = deciding_metric(self.project.kind, targets, None)
        found = standing([entry_of(run) for run in runs], targets, decide_by)
        order = [entry.number for entry in (*found.ranked, *found.apart)]
        runs = sorted(runs, key=lambda run: order.index(run.number))
        ranked = {entry.number for entry in found.ranked}
        same = [run for run in runs if run.number in ranked]
        everything = self.request.GET.get("diff") == "0"
        rows, hidden = setting_rows([entry_of(run) for run in runs], everything=everything)
        few, shared = len(runs) <= FEW and not runs[0].get_deferred_fields() & {"evaluation"}, Values(self.project)
        tell = few and (shared.money or any(run.evaluation.get("baseline") for run in runs))
        drawn = same if few else hide_all(runs_for(self.project, [run.number for run in same[:FEW]]), self.roles)
        unit = next((goal.unit for goal in targets if goal.unit), "")
        return {
            "finding": comparison_finding(found, decide_by, unit, charter_of(self.project).positive_word),
            "best": next((run for run in runs if found.best and run.number == found.best.number), None),
            "runs": runs,
            "apart": {entry.number for entry in found.apart},
            "standings": [(run, *tally(run.verdicts)) for run in runs],
            "metric_rows": _metric_rows(self.project.kind, runs, same, decide_by),
            "values": [shared.of(run) for run in runs] if tell else [],
            "setting_rows": rows,
            "below": [] if few else below(self.project.kind, runs, rows, decide_by),
            "headings": [] if few else headings(self.project.kind, runs, rows, decide_by),
            "hidden": hidden,
            "everything": everything,
            "figures": overlaid(drawn),
            "few": few,
            "chart_templates": templates(),
        } | beside(self.project, runs, same, rows, decide_by, self.request.GET)


def _metric_rows(kind: str, runs: list[Run], same: list[Run], decide_by: str) -> list[dict[str, Any]]:
    """Each metric over the runs; the best is marked among those that share their held-back rows."""
    measures = sorted(for_kind(kind), key=lambda measure: measure.key != decide_by)
    alike = {run.pk for run in same}
    best = best_values([entry_of(run) for run in same], [measure.key for measure in measures]) if len(same) > 1 else {}
    return [
        {
            "measure": measure,
            "decides": measure.key == decide_by,
            "cells": [
                (
                    bar_of(run.metrics, measure.key, run.verdicts),
                    run.pk in alike
                    and run.metrics.get(measure.key, {}).get("value") == best.get(measure.key, object()),
                )
                for run in runs
            ],
        }
        for measure in measures
    ]


class Evaluate(Compare):
    """The comparison with the latest finished runs marked."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The latest ones, or those that the address names."""
        if request.GET.getlist("runs"):
            return super().get(request)
        latest = list(finished_runs(self.project).values_list("number", flat=True)[:PRESELECTED])
        return self.page(hide_all(runs_for(self.project, latest), self.roles))
