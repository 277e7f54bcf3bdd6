"""Fields of questions, tasks and decisions."""

from collections.abc import Sequence
from typing import Any

from django import forms

from problems.problem import Invalid
from projects.forms.fields import INPUT, area
from projects.models.decisions import Decision
from projects.permissions import Role
from projects.queries.team import Member


def whom(team: Sequence[Member], *, nobody: str = "") -> list[tuple[str, Any]]:
    """Choices of one role or one person; roles that somebody holds come first."""
    held = {role for member in team for role in member.roles}
    roles = [(f"role:{role.value}", role.label) for role in Role if role in held]
    rest = [(f"role:{role.value}", f"{role.label} (nobody yet)") for role in Role if role not in held]
    people = [(f"person:{member.user.pk}", member.user.name) for member in team if member.user.is_active]
    groups: list[tuple[str, Any]] = [("Roles", roles), ("People", people), ("Roles that nobody holds", rest)]
    return ([("", nobody)] if nobody else []) + [group for group in groups if group[1]]


def split_whom(value: str) -> tuple[str, str]:
    """A choice of `whom` as role and person, of which one is empty."""
    kind, _, word = value.partition(":")
    return (word, "") if kind == "role" else ("", word)


class AskForm(forms.Form):
    """A question about one object."""

    text = forms.CharField(label="Your question", max_length=8000, widget=area(3))
    to = forms.ChoiceField(label="To", required=False, widget=forms.Select(attrs=INPUT))
    about_type = forms.CharField(max_length=60, widget=forms.HiddenInput)
    about_id = forms.CharField(max_length=160, widget=forms.HiddenInput)

    def __init__(self, *args: Any, team: Sequence[Member], **options: Any) -> None:
        super().__init__(*args, **options)
        to = self.fields["to"]
        assert isinstance(to, forms.ChoiceField)
        to.choices = whom(team, nobody="Nobody in particular")


class WordsForm(forms.Form):
    """An answer, or other words for one."""

    text = forms.CharField(label="Your answer", max_length=8000, widget=area(3))


class TaskForm(forms.Form):
    """A new task."""

    title = forms.CharField(label="What is to be done", max_length=200, widget=forms.TextInput(attrs=INPUT))
    to = forms.ChoiceField(label="By whom", widget=forms.Select(attrs=INPUT))
    due_on = forms.DateField(
        label="Due on", required=False, widget=forms.DateInput(attrs=INPUT | {"type": "date"}, format="%Y-%m-%d")
    )
    detail = forms.CharField(label="Details", required=False, max_length=8000, widget=area(3))

    def __init__(self, *args: Any, team: Sequence[Member], **options: Any) -> None:
        super().__init__(*args, **options)
        to = self.fields["to"]
        assert isinstance(to, forms.ChoiceField)
        to.choices = whom(team)


class PassOnForm(forms.Form):
    """To whom a task goes."""

    to = forms.ChoiceField(label="Pass on to", widget=forms.Select(attrs=INPUT))

    def __init__(self, *args: Any, team: Sequence[Member], **options: Any) -> None:
        super().__init__(*args, **options)
        to = self.fields["to"]
        assert isinstance(to, forms.ChoiceField)
        to.choices = whom(team)


class DueForm(forms.Form):
    """Another day."""

    due_on = forms.DateField(
        label="Due on", required=False, widget=forms.DateInput(attrs=INPUT | {"type": "date"}, format="%Y-%m-%d")
    )


class DecisionForm(forms.Form):
    """A decision."""

    question = forms.CharField(label="The question", max_length=300, widget=forms.TextInput(attrs=INPUT))
    options = forms.CharField(
        label="What could be chosen",
        required=False,
        max_length=8000,
        widget=area(3),
        help_text="One option on each line.",
    )
    choice = forms.CharField(label="What was chosen", max_length=300, widget=forms.TextInput(attrs=INPUT))
    reason = forms.CharField(label="Why", max_length=8000, widget=area(3))
    supersedes = forms.ChoiceField(label="Takes the place of", required=False, widget=forms.Select(attrs=INPUT))

    def __init__(self, *args: Any, earlier: Sequence[Decision], **options: Any) -> None:
        super().__init__(*args, **options)
        supersedes = self.fields["supersedes"]
        assert isinstance(supersedes, forms.ChoiceField)
        lines = [(str(each.number), f"{each.number}: {each.choice}"[:100]) for each in earlier]
        supersedes.choices = [("", "None: it is new"), *lines]

    def lines(self) -> list[str]:
        """The options, one by one."""
        return [line for line in self.cleaned_data["options"].splitlines() if line.strip()]


def first_error(form: forms.Form) -> Invalid:
    """What is wrong with a small form that has no page of its own."""
    texts = {name: str(errors[0]) for name, errors in form.errors.items()}
    return Invalid(" ".join(texts.values()), fields=texts)
