"""Forms of the monitoring pages."""

import csv
import io
from typing import Any

from django import forms

from monitoring import autonomy
from monitoring.services.alerts import LONGEST_SNOOZE
from monitoring.services.outcomes import MOST

MOST_BYTES = 2 * 1024 * 1024


def _yes(label: str) -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False)


def _count(label: str, help_text: str, least: int, most: int) -> forms.IntegerField:
    box = forms.NumberInput(attrs={"class": "input"})
    return forms.IntegerField(label=label, help_text=help_text, min_value=least, max_value=most, widget=box)


class RetrainForm(forms.Form):
    """Why a challenger is trained."""

    cause = forms.CharField(
        label="Why retrain",
        max_length=300,
        widget=forms.TextInput(attrs={"class": "input"}),
        help_text="It is written on the run and in the activity.",
    )


class PolicyForm(forms.Form):
    """When a model is retrained by itself, and how far that goes."""

    level = forms.TypedChoiceField(
        label="How far it goes by itself",
        coerce=int,
        choices=list(autonomy.LEVELS.items()),
        widget=forms.Select(attrs={"class": "input"}),
    )
    on_performance = _yes("When a target is missed on live answers")
    on_kpi = _yes("When a KPI is missed")
    on_drift = _yes("When an input that matters moved so far that people should act")
    on_new_data = _yes("When newer data is published")
    every_days = _count("Every so many days", "0: not by the calendar.", 0, 3650)
    cool_down_hours = _count("Hours of rest between two", "At least one.", 1, 8760)
    most_a_day = _count("At most a day", "", 1, 24)
    minutes_a_month = _count("Minutes of training in 30 days", "0: no limit.", 0, 100_000)
    least_new_rows = _count("At least so many more rows", "Than the model in use learned from.", 0, 10**9)
    reason = forms.CharField(
        label="Why so",
        max_length=300,
        widget=forms.TextInput(attrs={"class": "input"}),
        help_text="Those who sign read it.",
    )


class CloseForm(forms.Form):
    """Why an alert is over."""

    note = forms.CharField(
        label="Why it is over",
        max_length=300,
        widget=forms.TextInput(attrs={"class": "input"}),
        help_text="For example: expected, the Flex plan was launched.",
    )


class SnoozeForm(forms.Form):
    """For how long an alert is left alone."""

    hours = _count("Hours", "It stays open; nobody is reminded until then.", 1, LONGEST_SNOOZE)


class RegisterForm(forms.Form):
    """Why the challenger becomes a version of the model."""

    reason = forms.CharField(
        label="Why this model",
        max_length=1000,
        widget=forms.Textarea(attrs={"class": "input", "rows": 2}),
        help_text="It stands beside the version for those who sign.",
    )


class OutcomesForm(forms.Form):
    """A small CSV of prediction ids and what really happened."""

    file = forms.FileField(
        label="Outcomes as CSV",
        widget=forms.ClearableFileInput(attrs={"class": "input", "accept": ".csv,text/csv"}),
        help_text=f"Two columns, id and value, with a header. At most {MOST} rows.",
    )

    def clean_file(self) -> list[dict[str, Any]]:
        """The rows {id, value}; what cannot be read is named with its line."""
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError("The file is larger than 2 MB. Send outcomes in parts, or over REST.")
        try:
            text = file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is not UTF-8 text. Save it as CSV UTF-8.") from None
        if "\x00" in text:
            raise forms.ValidationError("The file is not text. Save it as CSV UTF-8.")
        first = text.split("\n", 1)[0]
        reader = csv.reader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ",")
        try:
            return _rows(list(reader))
        except csv.Error as error:
            raise forms.ValidationError(f"Line {reader.line_num} cannot be read: {error}.") from None


def _rows(lines: list[list[str]]) -> list[dict[str, Any]]:
    header = [name.strip().lower() for name in lines[0]] if lines else []
    if "id" not in header or "value" not in header:
        found = ", ".join(header)[:80] or "none"
        raise forms.ValidationError(f"The first line must name the columns id and value. It names: {found}.")
    places = header.index("id"), header.index("value")
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) != len(header):
            raise forms.ValidationError(f"Line {number} has {len(line)} cells instead of {len(header)}.")
        rows.append({"id": line[places[0]].strip(), "value": line[places[1]].strip()})
    return rows
