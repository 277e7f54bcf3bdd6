"""Fields of targets, of every kind, in the unit that people read."""

from collections.abc import Mapping
from typing import Any

from django import forms

from projects.contract import Goal, TargetKind
from projects.forms.fields import INPUT
from projects.kinds import CADENCES, LEAST_GROUP, SMALLEST_GROUP, SOURCES
from projects.measures import NUMBERS, for_kind
from projects.models.projects import Project
from projects.permissions import Role, holders
from projects.targets import make, stored_for

WORDS = {
    TargetKind.METRIC: "Find, or be right",
    TargetKind.SLICE: "Hold for some rows",
    TargetKind.FAIRNESS: "Be fair",
    TargetKind.LATENCY: "Be fast",
    TargetKind.KPI: "Move a number of the business",
}
FIELDS: dict[str, tuple[str, ...]] = {
    TargetKind.METRIC: ("metric", "value", "unit", "name", "deciding"),
    TargetKind.SLICE: ("metric", "column", "equals", "floor", "ceiling", "value", "unit", "name"),
    TargetKind.FAIRNESS: ("metric", "column", "least_group", "value", "unit", "name"),
    TargetKind.LATENCY: ("value", "name"),
    TargetKind.KPI: ("name", "direction", "value", "unit", "baseline", "source", "owner", "cadence", "by_date"),
}
HELP: dict[str, str] = {
    TargetKind.FAIRNESS: "The largest gap between groups, in points of 100, or in the unit of the answer.",
    TargetKind.LATENCY: "Milliseconds within which 95 of 100 answers come.",
    TargetKind.KPI: "The number to reach.",
}

DIRECTIONS = [("at_least", "at least"), ("at_most", "at most")]
BRINGERS = [(role.value, role.label) for role in holders("kpi.enter")]
DAY = INPUT | {"type": "date"}


def _text(label: str, limit: int, placeholder: str = "", help_text: str = "") -> forms.CharField:
    widget = forms.TextInput(attrs=INPUT | {"placeholder": placeholder})
    return forms.CharField(label=label, required=False, max_length=limit, widget=widget, help_text=help_text)


def _number(label: str, *, required: bool = False, help_text: str = "") -> forms.FloatField:
    widget = forms.NumberInput(attrs=INPUT | {"step": "any"})
    return forms.FloatField(label=label, required=required, widget=widget, help_text=help_text)


def _choice(
    label: str, choices: list[tuple[str, str]], initial: str = "", *, required: bool = True
) -> forms.ChoiceField:
    widget = forms.Select(attrs=INPUT)
    return forms.ChoiceField(label=label, choices=choices, initial=initial, required=required, widget=widget)


class TargetForm(forms.Form):
    """A new target of one kind; the form has the fields of that kind only."""

    kind = forms.CharField(required=False, widget=forms.HiddenInput)
    metric = _choice("What matters", [])
    column = _text("Column", 120, "contract", "As it is called in the data. It need not be an input of the model.")
    equals = _text(
        "Is",
        120,
        "flex",
        "The value that the column has in these rows. Leave it out for a range. Accuracy where the column with the "
        "answer is one of several answers says how many of that answer are found.",
    )
    floor = _number("Or lies from")
    ceiling = _number("to below")
    least_group = forms.IntegerField(
        label="Leave out groups smaller than",
        required=False,
        min_value=SMALLEST_GROUP,
        initial=LEAST_GROUP,
        widget=forms.NumberInput(attrs=INPUT),
        help_text="Rows. Of few rows nothing can be said.",
    )
    direction = _choice("Good is", DIRECTIONS)
    value = _number("How much", required=True, help_text="Of 100, or in the unit of the answer.")
    unit = _text("Unit", 30, "minutes")
    baseline = _number("Without a model it was", help_text="What the business counts today.")
    source = _choice("Where it comes from", list(SOURCES.items()))
    owner = _choice("Who brings it", BRINGERS, Role.BUSINESS_ANALYST)
    cadence = _choice("How often", list(CADENCES.items()), "monthly")
    by_date = forms.DateField(label="By", required=False, widget=forms.DateInput(attrs=DAY, format="%Y-%m-%d"))
    name = _text("Name", 80, "Find them")
    deciding = forms.BooleanField(label="This one decides between models", required=False)

    def __init__(
        self, *args: Any, project: Project, kind: str, taken: set[str], unit: str = "", **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.project, self.target_kind, self.goal = project, kind, None
        self.fields["kind"].initial = kind
        for name in [name for name in self.fields if name != "kind" and name not in FIELDS[kind]]:
            del self.fields[name]
        self.order_fields(["kind", *FIELDS[kind]])
        if metric := self.fields.get("metric"):
            assert isinstance(metric, forms.ChoiceField)
            free = [m for m in for_kind(project.kind) if kind != TargetKind.METRIC or m.key not in taken]
            metric.choices = [(measure.key, f"{measure.words} ({measure.term})") for measure in free]
        if "column" in self.fields:
            self.fields["column"].required = True
            self.fields["name"].widget.attrs["placeholder"] = ""
        if kind in HELP:
            self.fields["value"].help_text = HELP[kind]
        if kind == TargetKind.KPI:
            self.fields["name"].required = True
            self.fields["name"].widget.attrs["placeholder"] = "Customers lost per month"
        elif "unit" in self.fields:
            self.fields["unit"].initial = unit
            if project.kind not in NUMBERS:
                del self.fields["unit"]

    goal: Goal | None

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.errors:
            return data
        self.goal, wrong = goal_from(self.project.kind, self.target_kind, data)
        for field, text in wrong.items():
            place = {"threshold": "value"}.get(field, field)
            self.add_error(place if place in self.fields else None, text)
        return data


class TargetLineForm(forms.Form):
    """One target's own line: the slots of its sentence, its name."""

    value = forms.FloatField()
    name = forms.CharField(required=False, max_length=80)
    unit = forms.CharField(required=False, max_length=30)
    column = forms.CharField(required=False, max_length=120)
    equals = forms.CharField(required=False, max_length=120)
    floor = forms.FloatField(required=False)
    ceiling = forms.FloatField(required=False)
    baseline = forms.FloatField(required=False)
    least_group = forms.IntegerField(
        label="Leave out groups smaller than", required=False, widget=forms.NumberInput(attrs=INPUT)
    )
    direction = _choice("Good is", DIRECTIONS, required=False)
    owner = _choice("Who brings it", BRINGERS, required=False)
    cadence = _choice("How often", list(CADENCES.items()), required=False)
    by_date = forms.DateField(label="By", required=False, widget=forms.DateInput(attrs=DAY, format="%Y-%m-%d"))


MORE: dict[str, tuple[str, ...]] = {
    TargetKind.FAIRNESS: ("least_group",),
    TargetKind.KPI: ("direction", "owner", "cadence", "by_date"),
}


def more_of(goal: Goal, place: int) -> list[forms.BoundField]:
    """The slots of a target that its sentence leaves out, filled in; none for kinds that have no more."""
    names = MORE.get(goal.kind, ())
    shown = ("direction",) if goal.source == "money" else names
    form = TargetLineForm(initial={name: getattr(goal, name) for name in names}, auto_id=f"t{place}_%s")
    return [form[name] for name in names if goal.source != "money" or name in shown]


def goal_from(question: str, kind: str, data: Mapping[str, Any]) -> tuple[Goal | None, dict[str, str]]:
    """A target from what was typed in the unit that people read."""
    metric = str(data.get("metric") or "")
    threshold = stored_for(kind, metric, data["value"])
    given = {name: value for name, value in data.items() if name not in ("value", "threshold", "kind")}
    if by_date := given.get("by_date"):
        given["by_date"] = str(by_date)
    return make(question, kind=kind, threshold=threshold, **given)
