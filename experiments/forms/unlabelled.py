"""The part of the form of a new run where nobody knows the answers: known ones to check with, and the share to flag."""

from collections.abc import Mapping

from django import forms

from experiments.guesses import Column, fits_target

TEXT = {"class": "input"}
Fields = dict[str, forms.Field]


def without_answers(fields: Fields, kind: str, columns: Mapping[str, Column]) -> Fields:
    """The fields of a run without a threshold; groups have no answers at all, of what is unusual some may be known."""
    left_out = ("threshold", "positive") if kind == "clustering" else ("threshold",)
    kept = {name: field for name, field in fields.items() if name not in left_out}
    target = kept["target"]
    assert isinstance(target, forms.ChoiceField)
    target.required = False
    if kind == "clustering":
        target.widget = forms.HiddenInput()
        target.choices = [("", "–")]
        return kept
    words = [name for name, column in columns.items() if fits_target(column, "binary")]
    target.choices = [("", "None: nobody knows any"), *((name, name) for name in words)]
    target.label, target.help_text = "Known answers, for checking only", "No method looks at them."
    kept["positive"].help_text = "Empty: the rarer of the two."
    return kept | {"share": share()}


def share() -> forms.FloatField:
    """How many rows are flagged."""
    return forms.FloatField(
        label="Flag, of 100 rows",
        min_value=0.1,
        max_value=50,
        widget=forms.NumberInput(attrs=TEXT | {"step": "any"}),
        help_text="How many somebody can look at, or how many odd ones you expect.",
    )
