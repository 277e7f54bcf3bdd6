"""Forms of the deployments room."""

from collections.abc import Sequence
from typing import Any

from django import forms

from datasets import schedules
from deployments.conditions import CONDITIONS
from deployments.models import Release
from deployments.services.keys import DEFAULT_DAYS, MOST_A_MINUTE, MOST_DAYS, MOST_ROWS_A_DAY
from deployments.services.traffic import LONGEST_SECONDS
from deployments.services.trials import Trial
from deployments.traffic import planned, shares_in
from projects.permissions import Role
from projects.policies import LARGEST_CAPACITY

INPUT = {"class": "input"}
SHORT_LIST = 60
CLOCK = [
    (rhythm, "Not by the clock" if rhythm == schedules.OFF else words) for rhythm, words in schedules.RHYTHMS.items()
]


NUMBER = forms.NumberInput(INPUT | {"step": "any", "inputmode": "decimal"})


def _chance(label: str) -> forms.FloatField:
    return forms.FloatField(label=label, required=False, min_value=0, max_value=100, widget=NUMBER)


class AskForm(forms.Form):
    """Ask for production."""

    comment = forms.CharField(
        label="What the signers should know",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs=INPUT | {"rows": 3}),
        help_text="Stands beside the sign buttons: what is better, what is not, who was asked.",
    )


class ShadowForm(forms.Form):
    """How long a version answers beside the model in use before it is judged."""

    hold = forms.CharField(
        label="For at least",
        initial="24h",
        max_length=20,
        widget=forms.TextInput(attrs=INPUT),
        help_text="30m, 24h, 2d.",
    )


class TrialForm(forms.Form):
    """The way into use: at once, or a growing share of the requests first."""

    traffic = forms.CharField(
        label="Shares of requests, in %",
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs=INPUT | {"placeholder": "10, 50, 100"}),
        help_text="Empty: switch at once. 100 alone: at once, and back by itself if a guard fails.",
    )
    hold = forms.CharField(
        label="Each holds for", required=False, initial="24h", max_length=20, widget=forms.TextInput(attrs=INPUT)
    )
    shadow = forms.CharField(
        label="In shadow before, for",
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs=INPUT | {"placeholder": "48h"}),
        help_text="Empty: not at all.",
    )
    key = forms.CharField(
        label="Who answers is decided by the input",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs=INPUT),
        help_text="The same value gets the same version. Empty: the header Baton-Sticky-Key, else the request itself.",
    )
    automatic = forms.BooleanField(label="Go on by itself when a step has held", required=False, initial=True)

    def trial(self) -> Trial | None:
        """The plan, or None to switch at once. An Invalid says what is wrong."""
        data = self.cleaned_data
        shares = shares_in(data["traffic"])
        if not shares:
            return None
        steps = planned(shares, data["hold"] or "24h", data["shadow"])
        return Trial(steps, sticky=data["key"], is_automatic=data["automatic"])


class SettingsForm(forms.Form):
    """How a deployment answers."""

    seconds = forms.FloatField(
        label="A request may take, in seconds",
        required=False,
        min_value=0.01,
        max_value=LONGEST_SECONDS,
        widget=forms.NumberInput(attrs=INPUT | {"step": "any"}),
        help_text=f"Then its caller gets a 503. Empty: {LONGEST_SECONDS:g}.",
    )
    answers_unlogged = forms.BooleanField(
        label="Answer even while the log cannot be written",
        required=False,
        help_text="Each answer then says that it is not logged. Otherwise callers get a 503.",
    )


class EnvironmentForm(forms.Form):
    """What a project says of one environment: who signs, which data is allowed, which limits versions keep there."""

    signers = forms.MultipleChoiceField(
        label="Who signs",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None: as the risk tier has it.",
    )
    datasets = forms.MultipleChoiceField(
        label="Data that models may have learned from",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None: any.",
    )

    def __init__(self, *args: Any, datasets: Sequence[str], may_name_signers: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self._choices("datasets").choices = [(name, name) for name in datasets]
        self._choices("signers").choices = [(role.value, role.label) for role in Role if role != Role.VIEWER]
        if not may_name_signers:
            del self.fields["signers"]
        for name, one in CONDITIONS.items():
            self.fields[name] = forms.FloatField(
                label=f"{one.label}, {one.unit}",
                required=False,
                min_value=one.least,
                max_value=one.most,
                widget=NUMBER,
                help_text=one.help,
            )

    def _choices(self, name: str) -> forms.MultipleChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.MultipleChoiceField)
        return field

    def limits(self) -> list[forms.BoundField]:
        """The fields of the limits."""
        return [self[name] for name in CONDITIONS]

    def values(self) -> dict[str, Any]:
        """What the service wants."""
        data = self.cleaned_data
        said = {"signers": data.get("signers", []), "datasets": data["datasets"]}
        return said | {"conditions": {name: data[name] for name in CONDITIONS if data[name] is not None}}


class KeyLimitsForm(forms.Form):
    """What a key may: which deployments, how often, how much."""

    per_minute = forms.IntegerField(
        label="Requests a minute, at most",
        required=False,
        min_value=1,
        max_value=MOST_A_MINUTE,
        widget=NUMBER,
        help_text="Of each prediction server. Beyond it the application gets a 429. Empty: as many as there are.",
    )
    rows_per_day = forms.IntegerField(
        label="Rows a day, at most",
        required=False,
        min_value=1,
        max_value=MOST_ROWS_A_DAY,
        widget=NUMBER,
        help_text="Of all servers together; a day begins at 0:00 UTC. Empty: as many as there are.",
    )
    also = forms.MultipleChoiceField(
        label="It may also ask", required=False, widget=forms.CheckboxSelectMultiple, help_text="Beside its own."
    )

    def __init__(self, *args: Any, others: Sequence[str], **options: Any) -> None:
        """`others` are the names of the other deployments of the project."""
        super().__init__(*args, **options)
        field = self.fields["also"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(name, name) for name in others]
        if not others:
            del self.fields["also"]

    def limits(self) -> dict[str, Any]:
        """What the service wants."""
        data = self.cleaned_data
        return {"per_minute": data["per_minute"], "rows_per_day": data["rows_per_day"], "also": data.get("also", [])}


class KeyForm(KeyLimitsForm):
    """A key for one calling application."""

    field_order = ("name", "days")
    name = forms.CharField(
        label="Application", max_length=80, widget=forms.TextInput(attrs=INPUT | {"placeholder": "Web shop"})
    )
    days = forms.IntegerField(
        label="Days until it expires",
        initial=DEFAULT_DAYS,
        min_value=1,
        max_value=MOST_DAYS,
        widget=forms.NumberInput(attrs=INPUT),
        help_text=f"At most {MOST_DAYS}.",
    )


class RollBackForm(forms.Form):
    """Go back to a version that was in use before."""

    to = forms.ChoiceField(label="Go back to", widget=forms.Select(attrs=INPUT))
    reason = forms.CharField(
        label="Why", max_length=2000, widget=forms.Textarea(attrs=INPUT | {"rows": 2}), help_text="The team reads this."
    )

    def __init__(self, *args: Any, ways: list[Release], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["to"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (str(way.pk), f"version {way.version.number}, in use until {way.ended_at:%d %b %Y %H:%M}") for way in ways
        ]


class TryForm(forms.Form):
    """One row by hand: a field for each input of the model in use, filled with an example that works."""

    def __init__(self, *args: Any, signature: dict[str, Any], **options: Any) -> None:
        super().__init__(*args, **options)
        self.signature = signature
        for number, part in self._asked():
            self.fields[f"in{number}"] = field = _input(part)
            field.required = not part["nullable"]
        self.fields["key"] = forms.CharField(
            label="Key",
            max_length=200,
            widget=forms.PasswordInput(attrs=INPUT | {"autocomplete": "off"}),
            help_text="A key of this deployment. It is used for this one call and not kept.",
        )

    def row(self) -> dict[str, Any]:
        """The values as JSON has them; what is left empty is null."""
        return {part["name"]: _plain(part["type"], self.cleaned_data[f"in{number}"]) for number, part in self._asked()}

    def _asked(self) -> list[tuple[int, dict[str, Any]]]:
        """What can be typed; a whole past cannot."""
        return [(n, part) for n, part in enumerate(self.signature["inputs"]) if part["type"] != "history"]

    def put_errors(self, errors: list[dict[str, Any]]) -> None:
        """The prediction server's refusals beside their fields."""
        places = {part["name"]: f"in{number}" for number, part in enumerate(self.signature["inputs"])}
        for error in errors:
            self.add_error(places.get(error["field"]), f"{error['field']} {error['message']}.")


def _input(part: dict[str, Any]) -> forms.Field:
    label, example = part["name"], part.get("example")
    if part["type"] == "boolean":
        return forms.ChoiceField(
            label=label,
            required=False,
            initial=_word(example),
            choices=[("", "–"), ("true", "true"), ("false", "false")],
            widget=forms.Select(attrs=INPUT),
        )
    known = part["categories"]
    if part["type"] == "text" and known is not None and len(known) <= SHORT_LIST:
        choices = ([("", "–")] if part["nullable"] else []) + [(value, value) for value in known]
        return forms.ChoiceField(
            label=label, required=False, initial=example, choices=choices, widget=forms.Select(attrs=INPUT)
        )
    if part["type"] in ("integer", "number"):
        return forms.FloatField(
            label=label, required=False, initial=example, widget=forms.NumberInput(attrs=INPUT | {"step": "any"})
        )
    return forms.CharField(
        label=label, required=False, initial=example, max_length=10_000, widget=forms.TextInput(attrs=INPUT)
    )


def _word(value: Any) -> str:
    return "" if value is None else str(value).lower()


def _plain(kind: str, value: Any) -> Any:
    if value in (None, ""):
        return None
    if kind == "boolean":
        return value == "true"
    if kind == "integer" and float(value).is_integer():
        return int(value)
    return value


class PolicyForm(forms.Form):
    """A decision policy: either a threshold or a capacity, and perhaps a band for persons. Chances are in percent."""

    run = forms.ChoiceField(label="Look at the scores of", required=False, widget=forms.Select(INPUT))
    threshold = _chance("Yes from this chance on, %")
    capacity = forms.IntegerField(
        label="Or at most so many yes", required=False, min_value=1, max_value=LARGEST_CAPACITY, widget=NUMBER
    )
    period = forms.ChoiceField(
        label="In each", choices=[("week", "week"), ("day", "day"), ("month", "month")], required=False
    )
    person_low = _chance("To a person from, %")
    person_high = _chance("up to, %")
    person_cost = forms.FloatField(label="A person’s look costs", required=False, min_value=0, widget=NUMBER)

    def __init__(self, *args: Any, runs: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        run = self.fields["run"]
        assert isinstance(run, forms.ChoiceField)
        run.choices = runs
        self.fields["period"].widget.attrs |= INPUT

    def values(self) -> dict[str, Any]:
        """What the service wants: chances from 0 to 1."""
        data = self.cleaned_data
        chances = {name: _share(data[name]) for name in ("threshold", "person_low", "person_high")}
        return chances | {name: data[name] for name in ("capacity", "period", "person_cost")}


def _share(percent: float | None) -> float | None:
    return None if percent is None else round(percent / 100, 3)


class BatchForm(forms.Form):
    """Which data is scored, and what the answers become."""

    version = forms.ChoiceField(label="Data", widget=forms.Select(attrs=INPUT))
    target = forms.CharField(
        label="The answers become a version of",
        max_length=60,
        widget=forms.TextInput(attrs=INPUT),
    )
    key = forms.CharField(
        label="Key",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs=INPUT),
        help_text="The same data and model are scored once. To score them again on purpose, give a word of your own.",
    )

    def __init__(self, *args: Any, offered: Sequence[str], deployment: Any, **kwargs: Any) -> None:
        """`offered` are data versions such as `customers v2`."""
        super().__init__(*args, **kwargs)
        self._choices("version").choices = [(one, one) for one in offered]
        self.fields["target"].initial = f"{deployment.name}-scored"[:60]

    def _choices(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        return field

    def chosen(self) -> tuple[str, int]:
        """The dataset and the number of the version."""
        name, _, number = self.cleaned_data["version"].rpartition(" v")
        return name, int(number)


class PlanForm(forms.Form):
    """What is scored by itself, and when."""

    dataset = forms.ChoiceField(label="Dataset", widget=forms.Select(attrs=INPUT))
    target = forms.CharField(
        label="The answers become a version of",
        max_length=60,
        widget=forms.TextInput(attrs=INPUT),
    )
    on_new = forms.BooleanField(label="Each new published version", required=False, initial=True)
    schedule = forms.ChoiceField(label="The newest version", choices=CLOCK, widget=forms.Select(attrs=INPUT))
    at = forms.CharField(label="At, in UTC", initial="02:00", max_length=5, widget=forms.TextInput(attrs=INPUT))
    weekday = forms.ChoiceField(
        label="On", choices=[(str(i), day) for i, day in enumerate(schedules.DAYS)], widget=forms.Select(attrs=INPUT)
    )

    def __init__(self, *args: Any, offered: Sequence[str], deployment: Any, **kwargs: Any) -> None:
        """`offered` are data versions such as `customers v2`."""
        super().__init__(*args, **kwargs)
        names = dict.fromkeys(one.rpartition(" v")[0] for one in offered)
        field = self.fields["dataset"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(one, one) for one in names]
        self.fields["target"].initial = f"{deployment.name}-scored"[:60]
