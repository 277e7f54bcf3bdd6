"""PURE: the metrics that targets may name, with their plain words, units and directions."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One metric. `of_100` metrics lie in 0..1 and are told as counts of 100; the others in the unit of the answer."""

    key: str
    kind: str
    term: str
    words: str
    sentence: str
    better: str
    of_100: bool
    default: float

    def said(self, value: float, unit: str = "") -> str:
        """A value in plain words: `74 of 100`, or `3.1 minutes`."""
        if self.of_100:
            return f"{short_number(value * 100)} of 100"
        return f"{short_number(value)}{' ' + unit if unit else ''}"


def short_number(value: float) -> str:
    """One useful decimal; thin spaces between thousands."""
    value = float(f"{value:.10g}")  # 100 x 0.55 is 55, not 55.00000000000001
    size = abs(value)
    text = f"{value:,.0f}" if size >= 100 or value == round(value) else f"{value:,.1f}" if size >= 1 else f"{value:.3g}"
    return text.replace(",", "\u2009")


_ALL = [
    Measure("recall", "binary", "Recall", "Found, of 100", "Of 100 {who}, find {bound} {value}", "at_least", True, 0.7),
    Measure(
        "precision",
        "binary",
        "Precision",
        "Right calls, of 100",
        "Of 100 that the model flags, {bound} {value} are really {who}",
        "at_least",
        True,
        0.5,
    ),
    Measure(
        "f1",
        "binary",
        "F1 score",
        "Balance of found and right calls",
        "Balance found and right calls: {bound} {value}",
        "at_least",
        True,
        0.6,
    ),
    Measure(
        "accuracy",
        "binary",
        "Accuracy",
        "Right answers, of 100",
        "Of 100 answers, {bound} {value} are right",
        "at_least",
        True,
        0.8,
    ),
    Measure(
        "specificity",
        "binary",
        "Specificity",
        "Left alone rightly, of 100",
        "Of 100 others, leave {bound} {value} alone",
        "at_least",
        True,
        0.8,
    ),
    Measure(
        "roc_auc",
        "binary",
        "ROC AUC",
        "Ranks the right one higher, of 100 pairs",
        "Of 100 pairs, rank the right one higher {bound} {value} times",
        "at_least",
        True,
        0.8,
    ),
    Measure(
        "average_precision",
        "binary",
        "Average precision",
        "Right calls over all thresholds, of 100",
        "Over all thresholds, {bound} {value} right calls",
        "at_least",
        True,
        0.6,
    ),
    Measure(
        "log_loss",
        "binary",
        "Log loss",
        "Surprise by the truth",
        "Surprise by the truth: {bound} {value}",
        "at_most",
        False,
        0.5,
    ),
    Measure(
        "brier",
        "binary",
        "Brier score",
        "Error of its percentages",
        "Error of its percentages: {bound} {value}",
        "at_most",
        False,
        0.2,
    ),
    Measure(
        "mae",
        "regression",
        "Mean absolute error",
        "Off by, on average",
        "Be off by {bound} {value} on average",
        "at_most",
        False,
        1.0,
    ),
    Measure(
        "rmse",
        "regression",
        "Root mean squared error",
        "Off by, large errors weigh more",
        "Be off by {bound} {value}, large errors weighing more",
        "at_most",
        False,
        1.0,
    ),
    Measure(
        "median_ae",
        "regression",
        "Median absolute error",
        "Usually off by",
        "Usually be off by {bound} {value}",
        "at_most",
        False,
        1.0,
    ),
    Measure(
        "r2",
        "regression",
        "R²",
        "Share of the ups and downs explained, of 100",
        "Explain {bound} {value} parts of the ups and downs",
        "at_least",
        True,
        0.7,
    ),
]
MEASURES: dict[str, Measure] = {measure.key: measure for measure in _ALL}


def for_kind(kind: str) -> list[Measure]:
    """The metrics that fit a project's kind of question."""
    return [measure for measure in _ALL if measure.kind == kind]
