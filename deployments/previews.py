"""PURE: what a decision policy would do, before anybody signs it: counted on held-back rows, in money where set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployments import charts
from experiments.evaluation import thresholds
from experiments.evaluation.thresholds import Estimate, Point
from experiments.value import judged
from projects.contract import Goal, Judgement
from projects.money import Money, said
from projects.policies import Rule
from web.figures import Figure


@dataclass(frozen=True)
class Choice:
    """One threshold of the table: the one in force, the new one, or the one that brings most."""

    name: str
    rule: Rule
    point: Point
    money: str = ""
    between: str = ""


@dataclass(frozen=True)
class Preview:
    """All that the page shows of one run's scores."""

    choices: list[Choice]
    figure: Figure
    gap: str
    judgements: list[Judgement]


def preview(
    evaluation: Mapping[str, Any],
    metrics: Mapping[str, Any],
    goals: Sequence[Goal],
    *,
    now: Rule,
    new: Rule | None,
    money: Money | None,
) -> Preview:
    """The policy in force and a new one beside the best, on one run's held-back scores.

    A `new` one carries version 0, so that it is judged like a policy although nobody signed it.
    """
    bins = evaluation["thresholds"]
    points = thresholds.curve(bins, new or now, money)
    rules = [("In force", now), *([("New", new)] if new else [])]
    if money:
        shape = new or now
        rules.append(("Brings most", Rule(thresholds.best(points).threshold, shape.low, shape.high)))
    choices = [_choice(name, rule, bins, money, (new or now).person_cost) for name, rule in rules]
    drawn = charts.decisions(points, [(one.name, one.point) for one in choices], money)
    gap = _gap(thresholds.gap_between(bins, new, now, money), money) if new and money else ""
    return Preview(choices, drawn, gap, judged(evaluation, metrics, goals, new or now))


def _choice(name: str, rule: Rule, bins: Mapping[str, Any], money: Money | None, cost: float) -> Choice:
    cost = rule.person_cost or cost
    price = thresholds.prices(money or Money(), cost)
    point = thresholds.point_at(bins, rule, price)
    if money is None:
        return Choice(name, rule, point)
    each, words = _monthly(thresholds.per_case(thresholds.cells(bins, rule), price), money)
    ends = f"{said(money.currency, each.low)} to {said(money.currency, each.high)}"
    return Choice(name, rule, point, f"{said(money.currency, each.value)} {words}", ends)


def _monthly(each: Estimate, money: Money) -> tuple[Estimate, str]:
    return (each, "a case") if money.cases_a_month is None else (each.times(money.cases_a_month), "a month")


def _gap(found: Estimate, money: Money) -> str:
    """The difference in a sentence, and whether it could be chance."""
    each, words = _monthly(found, money)
    size, more = said(money.currency, abs(each.value)), "more" if each.value > 0 else "less"
    ends = f"{said(money.currency, each.low)} and {said(money.currency, each.high)}"
    if each.low == each.high == 0:
        return "The new policy decides these rows as the one in force does."
    chance = "" if each.low > 0 or each.high < 0 else ", so it could be chance"
    brings = f"The new policy brings about {size} {words} {more} than the one in force"
    return f"{brings}; the difference lies between {ends}{chance}."
