"""Fields of what the business counts, and of its values."""

from typing import Any

from django import forms
from django.utils import timezone

from projects.forms.fields import INPUT
from projects.kinds import CADENCES, SOURCES
from projects.permissions import Role, holders
from projects.points import Point


def _number(label: str, *, required: bool = False, help_text: str = "") -> forms.FloatField:
    widget = forms.NumberInput(attrs=INPUT | {"step": "any"})
    return forms.FloatField(label=label, required=required, widget=widget, help_text=help_text)


class KpiForm(forms.Form):
    """Something that the business counts, without a target yet."""

    name = forms.CharField(
        label="What is counted",
        max_length=80,
        widget=forms.TextInput(attrs=INPUT | {"placeholder": "Customers lost per month"}),
    )
    unit = forms.CharField(
        label="Unit", required=False, max_length=30, widget=forms.TextInput(attrs=INPUT | {"placeholder": "%"})
    )
    direction = forms.ChoiceField(
        label="Good is", choices=[("at_least", "more"), ("at_most", "less")], widget=forms.Select(attrs=INPUT)
    )
    baseline = _number("Without a model it was")
    source = forms.ChoiceField(
        label="Where it comes from", choices=list(SOURCES.items()), widget=forms.Select(attrs=INPUT)
    )
    owner = forms.ChoiceField(
        label="Who brings it",
        choices=[(role.value, role.label) for role in holders("kpi.enter")],
        initial=Role.BUSINESS_ANALYST.value,
        widget=forms.Select(attrs=INPUT),
    )
    cadence = forms.ChoiceField(
        label="How often", choices=list(CADENCES.items()), initial="monthly", widget=forms.Select(attrs=INPUT)
    )


class ValueForm(forms.Form):
    """One value on one day."""

    on = forms.DateField(label="Day", widget=forms.DateInput(attrs=INPUT | {"type": "date"}, format="%Y-%m-%d"))
    value = _number("Value", required=True)
    low = _number("At least", help_text="Where the true value lies 19 times out of 20, if that is known.")
    high = _number("At most")
    note = forms.CharField(label="Note", required=False, max_length=200, widget=forms.TextInput(attrs=INPUT))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["on"].initial = timezone.localdate()

    def point(self) -> Point:
        """What was typed, as a point."""
        return Point(**self.cleaned_data)


class ValuesForm(forms.Form):
    """A file of values."""

    file = forms.FileField(
        label="CSV file",
        max_length=1000,
        widget=forms.ClearableFileInput(attrs=INPUT),
        help_text="Columns date and value, and low, high and note if you have them. All rows are kept, or none.",
    )
