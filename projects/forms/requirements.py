"""Fields of requirements, stakeholders, the process and appraisals."""

from typing import Any

from django import forms

from projects.forms.fields import INPUT, area
from projects.models.people import Stakeholder
from projects.models.requirements import Requirement
from projects.portfolio import SCALE, said

SELECT = forms.Select(attrs=INPUT)


class RequirementForm(forms.Form):
    """One requirement; `version` is that of an existing one."""

    version = forms.IntegerField(required=False, max_value=2_000_000_000, widget=forms.HiddenInput)
    text = forms.CharField(label="What is asked for", max_length=2000, widget=area(2))
    acceptance = forms.CharField(
        label="How do we see that it is there?",
        max_length=2000,
        widget=area(2),
        help_text="A check that two people would answer alike.",
    )
    source = forms.CharField(label="Who asks for it", max_length=120, widget=forms.TextInput(attrs=INPUT))
    priority = forms.ChoiceField(choices=Requirement.Priority.choices, widget=SELECT)
    state = forms.ChoiceField(choices=Requirement.State.choices, widget=SELECT, required=False)

    def __init__(self, *args: Any, new: bool = False, locked: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        if new:
            del self.fields["state"]
        for field in self.fields.values():
            field.disabled = locked

    def values(self) -> dict[str, str]:
        """What was typed, without the version."""
        return {name: value for name, value in self.cleaned_data.items() if name != "version" and value}


class LinkForm(forms.Form):
    """One object of the project, as `type|id`."""

    thing = forms.CharField(max_length=200)

    def named(self) -> tuple[str, str]:
        """Type word and id."""
        kind, _, id = self.cleaned_data["thing"].partition("|")
        return kind, id


class StakeholderForm(forms.Form):
    """A person or group that is touched."""

    name = forms.CharField(label="Person or group", max_length=120, widget=forms.TextInput(attrs=INPUT))
    interest = forms.ChoiceField(label="How much it matters to them", choices=Stakeholder.Level.choices, widget=SELECT)
    influence = forms.ChoiceField(label="How much they can move", choices=Stakeholder.Level.choices, widget=SELECT)
    informed = forms.CharField(label="How they are kept informed", max_length=300, widget=forms.TextInput(attrs=INPUT))


class ProcessForm(forms.Form):
    """Both lists of steps, one step a line."""

    version = forms.IntegerField(min_value=0, max_value=2_000_000_000, widget=forms.HiddenInput)
    as_is = forms.CharField(label="As it is, one step a line", required=False, max_length=13_000, widget=area(7))
    as_is_changed = forms.IntegerField(
        label="Number of the step that the model changes",
        required=False,
        min_value=1,
        max_value=40,
        widget=forms.NumberInput(attrs=INPUT),
    )
    to_be = forms.CharField(label="As it is to be, one step a line", required=False, max_length=13_000, widget=area(7))
    to_be_changed = forms.IntegerField(
        label="Number of the step with the model",
        required=False,
        min_value=1,
        max_value=40,
        widget=forms.NumberInput(attrs=INPUT),
    )

    def __init__(self, *args: Any, locked: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        for field in self.fields.values():
            field.disabled = locked

    def values(self) -> dict[str, Any]:
        """As the service takes it."""
        data = dict(self.cleaned_data)
        return data | {name: data[name].splitlines() for name in ("as_is", "to_be")}


def _scale(name: str, label: str) -> forms.TypedChoiceField:
    choices = [(number, said(name, number)) for number in range(1, len(SCALE[name]) + 1)]
    return forms.TypedChoiceField(label=label, choices=choices, coerce=int, widget=SELECT, initial=3)


class AppraisalForm(forms.Form):
    """1 to 5 on each scale, and why."""

    value = _scale("value", "What is a good answer worth to us?")
    risk = _scale("risk", "How much can go wrong?")
    feasibility = _scale("feasibility", "Can it be done, with our data and people?")
    reason = forms.CharField(label="Why?", max_length=2000, widget=area(2))
