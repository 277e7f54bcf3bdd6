"""Fields of the charter, of its way to approval, and of the risk questions."""

from typing import Any

from django import forms

from projects.forms.fields import INPUT, area
from projects.models.define import Charter
from projects.models.projects import Kind
from projects.risk import QUESTIONS


def _text(label: str, rows: int = 2, limit: int = 4000, help_text: str = "") -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=limit, widget=area(rows), help_text=help_text)


def _line(label: str, limit: int, help_text: str = "", **attrs: str) -> forms.CharField:
    widget = forms.TextInput(attrs=INPUT | attrs)
    return forms.CharField(label=label, required=False, max_length=limit, widget=widget, help_text=help_text)


class TextsForm(forms.Form):
    """Texts of the charter, with the version that the writer saw."""

    version = forms.IntegerField(min_value=0, max_value=2_000_000_000, widget=forms.HiddenInput)

    def __init__(self, *args: Any, locked: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        for field in self.fields.values():
            field.disabled = locked

    def texts(self) -> dict[str, str]:
        """What was written, by field."""
        return {name: str(value or "") for name, value in self.cleaned_data.items() if name != "version"}


class CharterForm(TextsForm):
    """The problem in words."""

    problem = _text("What is going wrong?", 3)
    decision = _text(
        "What will someone do with the answer?", help_text="If nobody would act differently, a model will not help."
    )
    prediction = _text("The prediction in one sentence", help_text="For each … every … predict … within …")
    positive_word = _line(
        "Who are the yes cases?",
        60,
        "Targets read: of 100 customers who leave, find at least 70.",
        placeholder="customers who leave",
    )
    ml_needed = forms.ChoiceField(
        label="Is machine learning needed?",
        required=False,
        choices=[("", "Not answered"), *Charter.MlNeeded.choices],
        widget=forms.Select(attrs=INPUT),
        help_text="A rule, a report or a phone call may do. Then nothing has to be trained and watched.",
    )
    ml_why = _text("Why, or why not?")
    sponsor = _line("Sponsor", 120, "Who pays and wants the result.")
    users = _text("Who uses the result?")
    harmed = _text(
        "Who could be harmed by a wrong answer?",
        help_text="Name the people and what a wrong answer does to them. “Nobody, because …” is an answer too.",
    )
    assumptions = _text("What do we take for granted?")
    review_on = forms.DateField(
        label="Look at this again on",
        required=False,
        widget=forms.DateInput(attrs=INPUT | {"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, kind: str, **options: Any) -> None:
        super().__init__(*args, **options)
        if kind != Kind.BINARY:
            self.fields["positive_word"].widget = forms.HiddenInput()


class RiskTextsForm(TextsForm):
    """What of the charter belongs to risk."""

    protected = _text(
        "Columns that hold protected attributes",
        limit=1000,
        help_text="Names of columns, with commas between: age_group, gender. Every model is judged by their groups "
        "after training. Empty when there are none.",
    )
    risks = _text("What could go wrong?", 3)
    fallback = _text("What happens when there is no model?", help_text="How the work goes on when it is switched off.")


class RiskForm(forms.Form):
    """The eight questions."""

    version = forms.IntegerField(min_value=0, max_value=2_000_000_000, widget=forms.HiddenInput)

    def __init__(self, *args: Any, locked: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        for question in QUESTIONS:
            choices = [(choice.value, choice.words) for choice in question.choices]
            self.fields[question.key] = forms.ChoiceField(
                label=question.text, choices=choices, widget=forms.RadioSelect, disabled=locked
            )

    def answers(self) -> dict[str, str]:
        """One word for each question."""
        return {question.key: self.cleaned_data[question.key] for question in QUESTIONS}


class ReasonForm(forms.Form):
    """A decision on the charter as it was seen, with its reason where one is needed."""

    version = forms.IntegerField(min_value=0, max_value=2_000_000_000)
    do = forms.CharField(required=False, max_length=12)
    reason = forms.CharField(required=False, max_length=4000)
