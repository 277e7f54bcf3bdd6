"""The part of the form of a new run that says what is forecast: when, which series, which step, how far ahead."""

from collections.abc import Mapping
from typing import Any

from django import forms

from experiments.forecasting.asked import MOST_AHEAD, MOST_WINDOWS, TOGETHER
from experiments.forecasting.steps import SEASONS
from experiments.guesses import TIMES, Column

TEXT = {"class": "input"}
WIDTHS = {"hour": "Hours", "day": "Days", "week": "Weeks", "month": "Months", "quarter": "Quarters", "year": "Years"}
MEANT = {"mean": "Their mean counts", "sum": "Their sum counts", "last": "The last one counts"}
FIELDS = ("time", "key", "step", "horizon", "windows", "seasons", "together")


def fields_for(columns: Mapping[str, Column]) -> dict[str, forms.Field]:
    """The fields by name, with the columns that fit."""
    times = [(name, name) for name, column in columns.items() if column.type in TIMES]
    words = [(name, name) for name, column in columns.items() if column.type == "text"]
    return {
        "time": _choice("When: the column of moments", times, "Dates, or dates and times."),
        "key": _choice("Which series: a column of names", [("", "There is one series"), *words], "", needed=False),
        "step": _choice("In steps of", [(step, WIDTHS[step]) for step in SEASONS], "How far apart answers are."),
        "horizon": _number("Steps ahead", MOST_AHEAD, "How far ahead an answer may be asked for."),
        "windows": _number(
            "Windows of the test", MOST_WINDOWS, "The newest ones, each as long as an answer looks ahead."
        ),
        "seasons": forms.CharField(
            label="A season is, in steps",
            max_length=40,
            required=False,
            widget=forms.TextInput(attrs=TEXT),
            help_text="What comes back: 7 for days of a week; several with commas, the usual one first.",
        ),
        "together": _choice(
            "Where one step has several rows", [(how, MEANT[how]) for how in TOGETHER], "Orders of a day: their sum."
        ),
    }


def _choice(label: str, choices: list[tuple[str, str]], told: str, *, needed: bool = True) -> forms.Field:
    widget = forms.Select(attrs=TEXT)
    return forms.ChoiceField(label=label, choices=choices, help_text=told, required=needed, widget=widget)


def _number(label: str, most: int, told: str) -> forms.Field:
    widget = forms.NumberInput(attrs=TEXT)
    return forms.IntegerField(label=label, min_value=1, max_value=most, help_text=told, widget=widget)


def plan_in(found: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in, for `services.start_run`, which checks it; what is no number is left to its refusal."""
    parts = [part.strip() for part in (found["seasons"] or "").split(",") if part.strip()]
    seasons = [int(part) if part.isascii() and part.isdigit() else part for part in parts]
    return {name: found[name] for name in FIELDS if name != "seasons"} | {"seasons": seasons}


def initial_plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A plan as the values of the form."""
    return {name: plan[name] for name in FIELDS if name in plan} | {
        "seasons": ", ".join(str(size) for size in plan.get("seasons", ()))
    }
