"""The fields of a search for better settings, a part of the form of a new run."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from experiments.estimators.catalog import FAMILIES
from experiments.estimators.family import Family
from experiments.searching.plans import (
    MOST_FOLDS,
    MOST_TRIALS,
    SEARCHES,
    has_bayesian,
    read_space,
    space_words,
    usual_space,
)
from problems.problem import Invalid

TEXT = {"class": "input"}
FIELDS = {
    "tuning": "tune_method",
    "tuning.method": "tune_method",
    "tuning.search": "tune_search",
    "tuning.trials": "tune_trials",
    "tuning.seconds": "tune_minutes",
    "tuning.folds": "tune_folds",
}


class SearchFields(forms.Form):
    """Which method's settings are searched, how, and for how long; nothing where no method is named."""

    tune_method = forms.ChoiceField(
        label="Search better settings of",
        required=False,
        widget=forms.Select(attrs=TEXT),
        help_text="One of the methods chosen above. Each try is measured on folds of the rows to learn from.",
    )
    tune_search = forms.ChoiceField(label="How to search", required=False, widget=forms.Select(attrs=TEXT))
    tune_trials = forms.IntegerField(
        label="Tries at most", min_value=2, max_value=MOST_TRIALS, required=False, widget=forms.NumberInput(attrs=TEXT)
    )
    tune_minutes = forms.FloatField(
        label="Minutes at most",
        min_value=0.1,
        max_value=1440,
        required=False,
        widget=forms.NumberInput(attrs=TEXT | {"step": "any"}),
        help_text="What was found by then is used.",
    )
    tune_folds = forms.IntegerField(
        label="Folds", min_value=2, max_value=MOST_FOLDS, required=False, widget=forms.NumberInput(attrs=TEXT)
    )
    tune_prune = forms.BooleanField(label="Give up early what is clearly behind", required=False)
    tune_nested = forms.BooleanField(
        label="Check the search itself (three times the work)",
        required=False,
        help_text="It is made again without a part of the rows, and judged on that part.",
    )
    tune_space = forms.CharField(
        label="Where to look",
        max_length=5000,
        required=False,
        widget=forms.Textarea(attrs=TEXT | {"rows": 4, "spellcheck": "false"}),
        help_text="A line for each setting, like “learning_rate: 0.01 to 0.3” or “max_leaf_nodes: 7, 15, 31”. "
        "Empty is the usual ranges of all settings.",
    )

    def offer(self, families: Sequence[Family]) -> None:
        """The methods that have settings, and the searches that this machine can make."""
        usable = [(one.key, one.name) for one in families if one.make and one.settings]
        searches = [(key, words) for key, words in SEARCHES.items() if key != "bayesian" or has_bayesian()]
        for name, choices in (
            ("tune_method", [("", "Nothing: use the settings as they are"), *usable]),
            ("tune_search", searches),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices

    def offer_none(self) -> None:
        """This kind of question is trained with the settings as they are."""
        self.fields = {name: field for name, field in self.fields.items() if not name.startswith("tune_")}

    def clean(self) -> dict[str, Any]:
        """The space, read; what is wrong with it is said at its field."""
        found = super().clean() or self.cleaned_data
        if found.get("tune_method") and found.get("tune_space"):
            try:
                found["space"] = read_space(found["tune_space"], FAMILIES[found["tune_method"]])
            except Invalid as problem:
                self.add_error("tune_space", problem.text)
        return found

    def plan(self) -> dict[str, Any] | None:
        """What is to be searched, as a spec says it."""
        found = self.cleaned_data
        if not found.get("tune_method"):
            return None
        plan: dict[str, Any] = {
            "method": found["tune_method"],
            "prune": found["tune_prune"],
            "nested": found["tune_nested"],
        }
        plan |= {name: found[f"tune_{name}"] for name in ("search", "trials", "folds") if found[f"tune_{name}"]}
        if found["tune_minutes"]:
            plan["seconds"] = round(60 * found["tune_minutes"])
        return plan | {"space": found.get("space") or usual_space(FAMILIES[found["tune_method"]])}

    def searching(self) -> list[Any]:
        """The fields in the order of the page, but the first."""
        return [self[name] for name in self.fields if name.startswith("tune_") and name != "tune_method"]


def search_initial(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A plan as the values of the fields; without one what is good enough to begin with."""
    plan = spec.get("tuning") or {}
    best = "bayesian" if has_bayesian() else "random"
    values = {
        "tune_method": plan.get("method", ""),
        "tune_search": plan.get("search", best),
        "tune_trials": plan.get("trials", 30),
        "tune_minutes": round(plan.get("seconds", 1800) / 60, 2),
        "tune_folds": plan.get("folds", 5),
        "tune_prune": plan.get("prune", True),
        "tune_nested": plan.get("nested", False),
    }
    if plan and plan["space"] != usual_space(FAMILIES[plan["method"]]):
        values["tune_space"] = space_words(plan["space"])
    return values
