"""Fields of what answers are worth."""

from typing import Any

from django import forms

from projects.forms.fields import INPUT
from projects.models.projects import Kind

NUMBER = INPUT | {"step": "any", "inputmode": "decimal"}


def _amount(label: str, help_text: str = "") -> forms.FloatField:
    return forms.FloatField(label=label, required=False, help_text=help_text, widget=forms.NumberInput(attrs=NUMBER))


class WorthForm(forms.Form):
    """The table of money: what brings something is above 0, what costs is below."""

    currency = forms.CharField(
        label="Currency",
        max_length=3,
        initial="EUR",
        help_text="Three letters, like EUR.",
        widget=forms.TextInput(INPUT),
    )
    right_yes = _amount("A rightly called case", "Above 0 for what it brings.")
    wrong_yes = _amount("A wasted call", "Below 0 for what it costs, like −6.50.")
    right_no = _amount("A case rightly left alone", "Mostly 0.")
    wrong_no = _amount("A missed case", "Below 0 for what it costs; 0 when nothing is lost that was not lost anyway.")
    per_unit_off = _amount("Each unit that an answer is off", "Below 0 for what it costs.")
    cases_a_month = _amount("Cases a month", "How many answers a month are asked for. Turns an average into a month.")

    def __init__(self, *args: Any, kind: str, locked: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        asked = {
            Kind.BINARY: ("right_yes", "wrong_yes", "right_no", "wrong_no"),
            Kind.MULTICLASS: ("right_yes", "wrong_yes"),
            Kind.REGRESSION: ("per_unit_off",),
            Kind.FORECAST: ("per_unit_off",),
            Kind.CLUSTERING: (),
            Kind.ANOMALY: (),
        }[Kind(kind)]
        for name in ("right_yes", "wrong_yes", "right_no", "wrong_no", "per_unit_off"):
            if name not in asked:
                del self.fields[name]
        if kind == Kind.MULTICLASS:
            self.fields["right_yes"].label, self.fields["wrong_yes"].label = "A right answer", "A wrong answer"
        for field in self.fields.values():
            field.disabled = locked
