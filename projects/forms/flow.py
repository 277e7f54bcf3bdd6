"""Fields of stages, rounds and hand-offs."""

from typing import Any

from django import forms

from projects.forms.fields import INPUT, area
from projects.handing import REASONS
from projects.models.flow import StageAnswer
from projects.overview import STAGES
from projects.permissions import Role


def _day() -> forms.DateInput:
    return forms.DateInput(attrs=INPUT | {"type": "date"})


class DueForm(forms.Form):
    """When a stage is due."""

    stage = forms.ChoiceField(choices=list(STAGES.items()), widget=forms.HiddenInput)
    due_on = forms.DateField(label="To be done by", required=False, widget=_day())


class AnswerForm(forms.Form):
    """An owner's word about a reopened stage."""

    stage = forms.ChoiceField(choices=list(STAGES.items()), widget=forms.HiddenInput)
    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)
    choice = forms.ChoiceField(choices=StageAnswer.Choice.choices)
    note = forms.CharField(label="Note", required=False, max_length=4000, widget=forms.TextInput(attrs=INPUT))


class RoundForm(forms.Form):
    """What is kept about a round when the next one opens."""

    seen = forms.IntegerField(min_value=1, max_value=30_000, widget=forms.HiddenInput)
    review = forms.CharField(max_length=64, widget=forms.HiddenInput)
    note = forms.CharField(
        label="What did this round teach?",
        required=False,
        max_length=4000,
        widget=area(3),
        help_text="What helped, what did not, and what the next round should aim at.",
    )


class HandoffForm(forms.Form):
    """An offer."""

    from_role = forms.ChoiceField(label="You hand over as", widget=forms.Select(attrs=INPUT))
    to_role = forms.ChoiceField(label="To", widget=forms.Select(attrs=INPUT))
    note = forms.CharField(
        label="Note",
        required=False,
        max_length=4000,
        widget=area(3),
        help_text="What the receiver must know: what is special, what you left out and why.",
    )
    questions = forms.CharField(
        label="Open questions",
        required=False,
        max_length=20_000,
        widget=area(3),
        help_text="One on each line. Nobody minds an open question that is written down.",
    )
    due_on = forms.DateField(label="To be done by", required=False, widget=_day())

    def __init__(self, *args: Any, mine: list[Role], there: set[Role], **options: Any) -> None:
        super().__init__(*args, **options)
        givers, receivers = self.fields["from_role"], self.fields["to_role"]
        assert isinstance(givers, forms.ChoiceField)
        assert isinstance(receivers, forms.ChoiceField)
        givers.choices = [(role.value, role.label) for role in mine]
        receivers.choices = [
            (role.value, role.label if role in there else f"{role.label} (nobody yet)") for role in Role
        ]

    def asked(self) -> list[str]:
        """The open questions, one of each line."""
        return [line.strip() for line in self.cleaned_data["questions"].splitlines() if line.strip()]


class ReturnForm(forms.Form):
    """Sending work back."""

    reason = forms.ChoiceField(label="Why", choices=list(REASONS.items()), widget=forms.Select(attrs=INPUT))
    text = forms.CharField(label="In a sentence", required=False, max_length=4000, widget=area(2))


class BreakageForm(forms.Form):
    """Something that broke later."""

    words = forms.CharField(label="What broke?", max_length=300, widget=forms.TextInput(attrs=INPUT))
    url = forms.CharField(
        label="Its page in this project",
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs=INPUT),
        help_text="For example the address of an alert: /p/churn/alerts/212/.",
    )
