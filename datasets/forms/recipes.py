"""Fields of recipes and their steps."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from datasets.recipes.declared import Declared
from datasets.recipes.fields import Field
from datasets.recipes.frame import WORDS, Frame
from problems.problem import Problem

SELECT = {"class": "input"}


class RecipeForm(forms.Form):
    """A recipe that makes one dataset of another."""

    name = forms.CharField(
        label="Name of the recipe",
        max_length=60,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off", "autocapitalize": "none"}),
    )
    source = forms.ChoiceField(label="It reads", widget=forms.Select(attrs=SELECT))
    target = forms.CharField(
        label="It makes",
        max_length=60,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off", "autocapitalize": "none"}),
        help_text="A dataset of another name. Each run adds a version to it; what was read never changes.",
    )

    def __init__(self, *args: Any, sources: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["source"] = forms.ChoiceField(
            label="It reads", choices=[(name, name) for name in sources], widget=forms.Select(attrs=SELECT)
        )


class StepForm(forms.Form):
    """The parameters of one step, made from what the step declares and the columns that it will find."""

    def __init__(
        self, data: Any, *, step: Declared, frame: Frame | None, datasets: Sequence[str], params: Mapping[str, Any]
    ):
        super().__init__(data, initial={one.name: _initial(one, params) for one in step.fields})
        self.step = step
        for one in step.fields:
            made = _made(one, frame, datasets)
            made.needed = one.required or one.default is not None  # type: ignore[attr-defined]  # for the template
            self.fields[one.name] = made

    def clean(self) -> dict[str, Any]:
        """The parameters as the step keeps them; a refusal stands beside its field."""
        cleaned = super().clean() or self.cleaned_data
        found: dict[str, Any] = {}
        for one in self.step.fields:
            value = cleaned.get(one.name)
            try:
                found[one.name] = one.from_text(value) if isinstance(value, str) and one.kind != "choice" else value
            except Problem as problem:
                self.add_error(one.name, problem.text)
        if not self.errors:
            try:
                found = self.step.read(found)
            except Problem as problem:
                for name, text in problem.fields.items() or {"": problem.text}.items():
                    self.add_error(name if name in self.fields else None, text)
        self.params = found
        return cleaned


def _initial(one: Field, params: Mapping[str, Any]) -> Any:
    value = params.get(one.name, one.default)
    return value if one.kind in ("columns", "yes_no", "choice", "column", "dataset") else one.as_text(value)


def _made(one: Field, frame: Frame | None, datasets: Sequence[str]) -> forms.Field:
    """The form field for a declared parameter."""
    words: dict[str, Any] = {"label": one.label, "help_text": one.help, "required": False}
    box = {"class": "input", "autocomplete": "off"}
    if one.kind == "yes_no":
        return forms.BooleanField(**words)
    if one.kind == "choice":
        return forms.ChoiceField(**words, choices=list(one.choices.items()), widget=forms.Select(attrs=SELECT))
    if one.kind == "dataset":
        return forms.ChoiceField(**words, choices=[(n, n) for n in datasets], widget=forms.Select(attrs=SELECT))
    if one.kind in ("column", "columns") and frame is not None:
        return _column_field(one, frame, words)
    if one.kind in ("mapping", "aggregates", "formula", "texts"):
        rows = 3 if one.kind == "formula" else 6
        return forms.CharField(
            **words,
            strip=False,
            widget=forms.Textarea(attrs={"class": "input mono", "rows": rows, "spellcheck": "false"}),
        )
    return forms.CharField(**words, strip=False, widget=forms.TextInput(attrs=box))


def _column_field(one: Field, frame: Frame, words: dict[str, Any]) -> forms.Field:
    fitting = [c for c in frame.columns if not one.types or c.type in one.types]
    choices = [(c.name, f"{c.name} ({WORDS[c.type]})") for c in fitting]
    if one.kind == "column":
        none = [] if one.required else [("", "none")]
        return forms.ChoiceField(**words, choices=none + choices, widget=forms.Select(attrs=SELECT))
    size = {"class": "input", "size": min(10, max(3, len(choices)))}
    return forms.MultipleChoiceField(**words, choices=choices, widget=forms.SelectMultiple(attrs=size))
