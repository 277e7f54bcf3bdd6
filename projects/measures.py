"""PURE: the metrics that targets may name, with their plain words, units and directions."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One metric. `of_100` metrics lie in 0..1 and are told as counts of 100; the others in the unit of the answer."""

    key: str
    kinds: tuple[str, ...]
    term: str
    words: str
    sentence: str
    better: str
    of_100: bool
    default: float
    has_unit: bool = True

    def said(self, value: float, unit: str = "") -> str:
        """A value in plain words: `74 of 100`, or `3.1 minutes`."""
        if self.of_100:
            return f"{short_number(value * 100)} of 100"
        return f"{short_number(value)}{' ' + unit if unit and self.has_unit else ''}"


def short_number(value: float) -> str:
    """One useful decimal; thin spaces between thousands."""
    value = float(f"{value:.10g}")  # 100 x 0.55 is 55, not 55.00000000000001
    size = abs(value)
    text = f"{value:,.0f}" if size >= 100 or value == round(value) else f"{value:,.1f}" if size >= 1 else f"{value:.3g}"
    return text.replace(",", "\u2009")


BINARY, SEVERAL, NUMBER, AHEAD = ("binary",), ("multiclass",), ("regression",), ("forecast",)
NUMBERS = (*NUMBER, *AHEAD)  # questions whose answer is a number
WORDS = (*BINARY, *SEVERAL)
GROUPS, ODD = ("clustering",), ("anomaly",)
UNLABELLED = (*GROUPS, *ODD)  # questions whose answers nobody gave
_ALL = [
    Measure("recall", BINARY, "Recall", "Found, of 100", "Of 100 {who}, find {bound} {value}", "at_least", True, 0.7),
    Measure(
        "precision",
        BINARY,
        "Precision",
        "Right calls, of 100",
        "Of 100 that the model flags, {bound} {value} are really {who}",
        "at_least",
        True,
        0.5,
    ),
    Measure(
        "f1",
        BINARY,
        "F1 score",
        "Balance of found and right calls",
        "Balance found and right calls: {bound} {value}",
        "at_least",
        True,
        0.6,
    ),
    Measure(
        "accuracy",
        WORDS,
        "Accuracy",
        "Right answers, of 100",
        "Of 100 answers, {bound} {value} are right",
        "at_least",
        True,
        0.8,
    ),
    Measure(
        "specificity",
        BINARY,
        "Specificity",
        "Left alone rightly, of 100",
        "Of 100 others, leave {bound} {value} alone",
        "at_least",
        True,
        0.8,
    ),
    Measure(
        "roc_auc",
        (*BINARY, *ODD),
        "ROC AUC",
        "Ranks the right one higher, of 100 pairs",
        "Of 100 pairs, rank the right one higher {bound} {value} times",
        "at_least",
        True,
        0.8,
    ),
    Measure(
        "average_precision",
        (*BINARY, *ODD),
        "Average precision",
        "Right calls over all thresholds, of 100",
        "Over all thresholds, {bound} {value} right calls",
        "at_least",
        True,
        0.6,
    ),
    Measure(
        "log_loss",
        WORDS,
        "Log loss",
        "Surprise by the truth",
        "Surprise by the truth: {bound} {value}",
        "at_most",
        False,
        0.5,
    ),
    Measure(
        "brier",
        BINARY,
        "Brier score",
        "Error of its percentages",
        "Error of its percentages: {bound} {value}",
        "at_most",
        False,
        0.2,
    ),
    Measure(
        "balanced_accuracy",
        SEVERAL,
        "Balanced accuracy",
        "Found, of 100, each answer counting alike",
        "Of 100 of each answer, find {bound} {value} on average",
        "at_least",
        True,
        0.7,
    ),
    Measure(
        "macro_f1",
        SEVERAL,
        "F1 score, macro",
        "Balance of found and right calls, each answer counting alike",
        "Balance found and right calls of each answer: {bound} {value} on average",
        "at_least",
        True,
        0.6,
    ),
    Measure(
        "macro_precision",
        SEVERAL,
        "Precision, macro",
        "Right calls, of 100, each answer counting alike",
        "Of 100 calls of each answer, {bound} {value} are right on average",
        "at_least",
        True,
        0.6,
    ),
    Measure(
        "macro_recall",
        SEVERAL,
        "Recall, macro",
        "Found, of 100, each answer counting alike and none missing",
        "Of 100 of every answer, find {bound} {value} on average",
        "at_least",
        True,
        0.6,
    ),
    Measure(
        "weighted_f1",
        SEVERAL,
        "F1 score, weighted",
        "Balance of found and right calls, frequent answers counting more",
        "Balance found and right calls by how frequent answers are: {bound} {value}",
        "at_least",
        True,
        0.6,
    ),
    Measure(
        "weighted_precision",
        SEVERAL,
        "Precision, weighted",
        "Right calls, of 100, frequent answers counting more",
        "Of 100 calls, weighed by how frequent answers are, {bound} {value} are right",
        "at_least",
        True,
        0.6,
    ),
    Measure(
        "weighted_recall",
        SEVERAL,
        "Recall, weighted",
        "Found, of 100, frequent answers counting more",
        "Of 100, weighed by how frequent answers are, find {bound} {value}",
        "at_least",
        True,
        0.8,
    ),
    Measure(
        "macro_roc_auc",
        SEVERAL,
        "ROC AUC, macro",
        "Ranks the right one higher, of 100 pairs, each answer counting alike",
        "Of 100 pairs of each answer and another, rank the right one higher {bound} {value} times",
        "at_least",
        True,
        0.8,
    ),
    Measure(
        "mae",
        NUMBERS,
        "Mean absolute error",
        "Off by, on average",
        "Be off by {bound} {value} on average",
        "at_most",
        False,
        1.0,
    ),
    Measure(
        "rmse",
        NUMBERS,
        "Root mean squared error",
        "Off by, large errors weigh more",
        "Be off by {bound} {value}, large errors weighing more",
        "at_most",
        False,
        1.0,
    ),
    Measure(
        "median_ae",
        NUMBERS,
        "Median absolute error",
        "Usually off by",
        "Usually be off by {bound} {value}",
        "at_most",
        False,
        1.0,
    ),
    Measure(
        "r2",
        NUMBER,
        "R²",
        "Share of the ups and downs explained, of 100",
        "Explain {bound} {value} parts of the ups and downs",
        "at_least",
        True,
        0.7,
    ),
    Measure(
        "mase",
        AHEAD,
        "Mean absolute scaled error",
        "Off by, against the season before",
        "Be off by {bound} {value} times what the season before would be",
        "at_most",
        False,
        1.0,
        False,
    ),
    Measure(
        "smape",
        AHEAD,
        "Symmetric mean absolute percentage error",
        "Off by, of 100 of its size",
        "Be off by {bound} {value} of its size",
        "at_most",
        True,
        0.15,
    ),
    Measure(
        "silhouette",
        GROUPS,
        "Silhouette",
        "Nearer to its own group than to the next, from −1 to 1",
        "Rows lie nearer to their own group than to the next by {bound} {value}",
        "at_least",
        False,
        0.25,
        False,
    ),
    Measure(
        "davies_bouldin",
        GROUPS,
        "Davies–Bouldin index",
        "How much groups overlap, 0 is not at all",
        "Groups overlap by {bound} {value}",
        "at_most",
        False,
        1.5,
        False,
    ),
    Measure(
        "calinski_harabasz",
        GROUPS,
        "Calinski–Harabasz index",
        "How far groups lie apart against how wide they are",
        "Groups lie apart by {bound} {value} times their width",
        "at_least",
        False,
        100.0,
        False,
    ),
    Measure(
        "group_stability",
        GROUPS,
        "Stability over seeds and rows",
        "The same groups when learned again, of 100",
        "Learned again, find {bound} {value} of the same groups, chance left out",
        "at_least",
        True,
        0.8,
    ),
    Measure(
        "flagged_share",
        ODD,
        "Share flagged",
        "Flagged as unusual, of 100",
        "Flag {bound} {value} rows as unusual",
        "at_most",
        True,
        0.1,
    ),
    Measure(
        "flag_stability",
        ODD,
        "Stability over seeds and rows",
        "Flagged again when learned again, of 100",
        "Of 100 rows that are flagged once, {bound} {value} are flagged again when learned again",
        "at_least",
        True,
        0.7,
    ),
    Measure(
        "recall_at_share",
        ODD,
        "Recall at the share to flag",
        "Found among the most unusual, of 100",
        "Of 100 known cases, find {bound} {value} among the most unusual rows",
        "at_least",
        True,
        0.5,
    ),
    Measure(
        "precision_at_share",
        ODD,
        "Precision at the share to flag",
        "Right among the most unusual, of 100",
        "Of 100 of the most unusual rows, {bound} {value} are known cases",
        "at_least",
        True,
        0.2,
    ),
]
MEASURES: dict[str, Measure] = {measure.key: measure for measure in _ALL}


def for_kind(kind: str) -> list[Measure]:
    """The metrics that fit a project's kind of question."""
    return [measure for measure in _ALL if kind in measure.kinds]
