"""PURE: what a result is worth: what it adds to the practice without a model, in its own unit and in money.

Everything is an estimate from held-back rows, with its interval and what was assumed. Nothing here promises.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from experiments.evaluation import thresholds
from experiments.evaluation.comparison import gap_words
from experiments.evaluation.thresholds import COUNTED, Estimate
from projects.contract import Goal, Judgement, judged_from
from projects.measures import MEASURES, Measure
from projects.money import Money, said, sentences
from projects.policies import Rule

Evaluation = Mapping[str, Any]
Metrics = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Amount:
    """An estimate in words. `status` is pass, close or fail: better, could be chance, worse."""

    said: str
    between: str
    status: str
    word: str


@dataclass(frozen=True)
class Value:
    """What pages show beside a result. Empty or None is what cannot be said."""

    judged_at: str
    measure: Measure
    practice: str = ""
    trouble: str = ""
    practice_said: str = ""
    rows: int = 0
    uplift: Amount | None = None
    money: Amount | None = None
    gain: Amount | None = None
    assumptions: list[str] = field(default_factory=list)


def own_rule(evaluation: Evaluation) -> Rule:
    """The model's own threshold as a rule."""
    return Rule(float(evaluation.get("threshold") or 0.5))


def under(evaluation: Evaluation, metrics: Metrics, rule: Rule | None) -> dict[str, Any]:
    """A run's metrics as a policy's threshold makes them; unchanged without a policy or without kept scores."""
    if rule is None or rule.version is None or not evaluation.get("thresholds"):
        return dict(metrics)
    return {**metrics, **thresholds.metrics_at(evaluation["thresholds"], rule.threshold)}


def confusion_under(evaluation: Evaluation, method: str, rule: Rule | None) -> Mapping[str, float] | None:
    """A run's right and wrong answers of each kind as a policy's threshold makes them, or as the method did.

    Of several answers the right ones count as `tp` and the wrong ones as `fp`, as the table of money has them.
    """
    if rule is None or rule.version is None or not evaluation.get("thresholds"):
        chosen = evaluation.get("methods", {}).get(method, {})
        if matrix := chosen.get("matrix"):
            right = sum(row[place] for place, row in enumerate(matrix))
            return {"tp": right, "fp": sum(map(sum, matrix)) - right, "fn": 0, "tn": 0}
        counted: Mapping[str, float] | None = chosen.get("confusion")
        return counted
    return thresholds.counts(evaluation["thresholds"], rule.threshold)


def judged(evaluation: Evaluation, metrics: Metrics, goals: Sequence[Goal], rule: Rule | None) -> list[Judgement]:
    """Every target by the one judge, at the policy's threshold when there is one."""
    return judged_from(goals, under(evaluation, metrics, rule))


def value_of(
    evaluation: Evaluation, metrics: Metrics, *, rule: Rule | None, money: Money | None, key: str, who: str = ""
) -> Value:
    """What a run brings, by `rule` (None: the model's own threshold) and by `key`, the metric that decides."""
    binary = evaluation["kind"] == "binary"
    rule = rule or own_rule(evaluation)
    found = evaluation.get("baseline") or {}
    shown: dict[str, Any] = {"judged_at": _judged_at(rule) if binary else "", "measure": MEASURES[key]}
    shown |= {"practice": found.get("words", ""), "trouble": found.get("trouble", "")}
    if found.get("metrics"):
        unit = evaluation.get("unit") or ""
        theirs = found["metrics"].get(key, {})
        shown["practice_said"] = "–" if theirs.get("value") is None else MEASURES[key].said(theirs["value"], unit)
        shown |= {"rows": found["rows"], "uplift": _uplift(found, key, rule, unit)}
    if money:
        counted = {"binary": _binary_money, "multiclass": _class_money, "regression": _number_money}
        how = counted.get(evaluation["kind"], _number_money)
        total, gain = how(evaluation, metrics, found, rule, money)
        shown |= {"money": _amount(money, total, gain=False), "gain": _amount(money, gain, gain=True)}
        shown["assumptions"] = _assumed(evaluation, money, rule, who)
    return Value(**shown)


def _judged_at(rule: Rule) -> str:
    return f"{rule.named}, {100 * rule.threshold:.4g}%"


def _uplift(found: Mapping[str, Any], key: str, rule: Rule, unit: str) -> Amount | None:
    gap = None
    if rule.version and key in COUNTED and found.get("sides"):
        gap = thresholds.metric_gap(found["sides"], rule.threshold, key)
    elif kept := found["uplift"].get(key):
        gap = Estimate(kept["value"], kept["low"], kept["high"])
    if gap is None:
        return None
    measure = MEASURES[key]
    better = gap if measure.better == "at_least" else gap.times(-1)
    ends = " to ".join(_signed(measure, end) for end in (gap.low, gap.high))
    return Amount(gap_words(measure, gap.value, unit), ends, *_status(better))


def _signed(measure: Measure, value: float) -> str:
    number = 100 * value if measure.of_100 else value
    return f"{number:+.3g}".replace("-", "−")


def _status(better: Estimate) -> tuple[str, str]:
    if better.low > 0:
        return "pass", "Better"
    return ("fail", "Worse") if better.high < 0 else ("close", "Could be chance")


def _binary_money(
    evaluation: Evaluation, metrics: Metrics, found: Mapping[str, Any], rule: Rule, money: Money
) -> tuple[Estimate | None, Estimate | None]:
    """The worth of a case, and what it is more than the practice's."""
    if not evaluation.get("thresholds"):
        return None, None
    cells = thresholds.cells(evaluation["thresholds"], rule)
    total = thresholds.per_case(cells, thresholds.prices(money, rule.person_cost))
    sides = found.get("sides")
    return total, thresholds.money_gap(sides, rule, money) if sides else None


def _class_money(
    evaluation: Evaluation, metrics: Metrics, found: Mapping[str, Any], rule: Rule, money: Money
) -> tuple[Estimate | None, Estimate | None]:
    """The same for several answers: right and wrong ones have their worth, so it is linear in accuracy."""
    step = money.right_yes - money.wrong_yes
    share, gap = metrics.get("accuracy", {}), (found.get("uplift") or {}).get("accuracy")
    if not step or share.get("value") is None:
        return None, None
    each = Estimate(share["value"], share["low"], share["high"]).times(step)
    wrong = money.wrong_yes
    total = Estimate(each.value + wrong, each.low + wrong, each.high + wrong)
    return total, Estimate(gap["value"], gap["low"], gap["high"]).times(step) if gap else None


def _number_money(
    evaluation: Evaluation, metrics: Metrics, found: Mapping[str, Any], rule: Rule, money: Money
) -> tuple[Estimate | None, Estimate | None]:
    """The same for a number: each unit off has its worth."""
    mae, gap = metrics.get("mae", {}), (found.get("uplift") or {}).get("mae")
    if not money.per_unit_off or mae.get("value") is None:
        return None, None
    total, extra = (
        Estimate(one["value"], one["low"], one["high"]).times(money.per_unit_off) if one else None for one in (mae, gap)
    )
    return total, extra


def _amount(money: Money, found: Estimate | None, *, gain: bool) -> Amount | None:
    if found is None:
        return None
    each, words = (found, "a case") if money.cases_a_month is None else (found.times(money.cases_a_month), "a month")
    low, high = said(money.currency, each.low), said(money.currency, each.high)
    status, word = _status(found)
    if not gain:
        word = {"pass": "Brings money", "close": "Could be nothing", "fail": "Costs money"}[status]
    return Amount(f"{said(money.currency, each.value)} {words}", f"{low} to {high}", status, word)


def _assumed(evaluation: Evaluation, money: Money, rule: Rule, who: str) -> list[str]:
    """What the money rests on, in sentences."""
    rows = int(evaluation.get("counts", {}).get("test", 0))
    kept = sentences(money, evaluation["kind"], who)
    kept.append(f"Cases are like the {rows:,} held-back rows.".replace(",", "\u2009"))
    if rule.low is not None:
        cost = f" {said(money.currency, rule.person_cost)}" if rule.person_cost else " nothing"
        kept.append(f"A case that goes to a person counts with the cost of the look alone:{cost}.")
    return kept
