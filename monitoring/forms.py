"""Forms of the monitoring pages."""

import csv
import io
from typing import Any

from django import forms

from monitoring import autonomy, speaking
from monitoring.services.incidents import LONGEST_SNOOZE
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
    share = _count("Of 100 requests it answers at most", "From level 3 on, by itself, until people decide.", 1, 50)
    trial_minutes = _count(
        "Minutes for each step of its trial", "Beside the model in use first, then a share.", 1, 20_160
    )
    answer_shift = forms.FloatField(
        label="How far its answers may shift",
        help_text="Against those of the model in use: 0.25 is a quarter of all answers. More stops the trial.",
        min_value=0,
        max_value=1,
        widget=forms.NumberInput(attrs={"class": "input", "step": "any"}),
    )
    window = forms.ChoiceField(
        label="From which rows it learns",
        choices=[
            ("all", "All rows"),
            ("rows", "The last so many rows"),
            ("days", "The last so many days"),
            ("since", "Rows since a day"),
        ],
        widget=forms.Select(attrs={"class": "input"}),
    )
    window_size = _count("How many rows or days", "0 where all rows, or a day, are chosen.", 0, 10**9)
    window_since = forms.DateField(
        label="Since which day", required=False, widget=forms.DateInput(attrs={"class": "input", "type": "date"})
    )
    window_column = forms.CharField(
        label="Which date column says it",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"class": "input"}),
        help_text="Needed for days and for a day; for rows, empty is their order in the data.",
    )
    reason = forms.CharField(
        label="Why so",
        max_length=300,
        widget=forms.TextInput(attrs={"class": "input"}),
        help_text="Those who sign read it.",
    )


class SpeakingForm(forms.Form):
    """Which rules of alerts speak, how loud, after how many checks, to whom, and when people are left alone."""

    start = forms.CharField(label="Quiet from", max_length=5, widget=forms.TextInput(attrs={"class": "input"}))
    end = forms.CharField(
        label="Quiet until",
        max_length=5,
        widget=forms.TextInput(attrs={"class": "input"}),
        help_text="For example 22:00 until 07:00. The same time twice: never quiet.",
    )
    zone = forms.CharField(
        label="By the clock of",
        max_length=60,
        widget=forms.TextInput(attrs={"class": "input"}),
        help_text="A time zone such as Europe/Berlin.",
    )
    act_speaks = _yes("What is to act on is told in quiet hours too")
    escalate_hours = _count("Hours until nobody’s alert goes further up", "", 1, speaking.MOST_ESCALATE)
    reason = forms.CharField(
        label="Why so",
        max_length=300,
        widget=forms.TextInput(attrs={"class": "input"}),
        help_text="It stays on record.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owners = [("", "Those who run models"), *((role.value, role.label) for role in speaking.OWNERS)]
        for name, words in speaking.RULES.items():
            box, choose = {"class": "input inline short"}, {"class": "input"}
            self.fields |= {
                f"{name}_speaks": forms.BooleanField(label=f"{words}: speaks", required=False),
                f"{name}_severity": _choice(f"{words}: how loud", list(speaking.LOUDNESS.items()), choose),
                f"{name}_count": _times(f"{words}: seen in", box),
                f"{name}_period": _times(f"{words}: of the last", box),
                f"{name}_owner": _choice(f"{words}: who is told besides", owners, choose),
            }

    def lines(self) -> list[tuple[str, list[Any]]]:
        """One line of the table for each rule: its words and its five fields."""
        parts = ("speaks", "severity", "count", "period", "owner")
        return [(words, [self[f"{name}_{part}"] for part in parts]) for name, words in speaking.RULES.items()]

    def rules(self) -> dict[str, Any]:
        """The rules as the service takes them."""
        parts = ("speaks", "severity", "count", "period", "owner")
        return {name: {part: self.cleaned_data[f"{name}_{part}"] for part in parts} for name in speaking.RULES}

    def quiet(self) -> dict[str, Any]:
        """The quiet hours as the service takes them."""
        return {name: self.cleaned_data[name] for name in ("zone", "start", "end", "act_speaks")}


def _choice(label: str, choices: list[tuple[str, str]], attrs: dict[str, str]) -> forms.ChoiceField:
    attrs = attrs | {"aria-label": label}
    return forms.ChoiceField(label=label, choices=choices, required=False, widget=forms.Select(attrs=attrs))


def _times(label: str, attrs: dict[str, str]) -> forms.IntegerField:
    box = forms.NumberInput(attrs=attrs | {"aria-label": label})
    return forms.IntegerField(label=label, min_value=1, max_value=speaking.MOST_PERIOD, widget=box)


class NoteForm(forms.Form):
    """What was found out about an incident."""

    text = forms.CharField(
        label="Write down what was found",
        max_length=1000,
        widget=forms.Textarea(attrs={"class": "input", "rows": 2}),
        help_text="It stands in the timeline.",
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
