"""Fields of new and changed projects."""

from collections.abc import Iterable
from typing import Any

from django import forms

from projects.blueprints import BLUEPRINTS, PROJECT
from projects.forms.fields import INPUT, RolesField
from projects.models.projects import Kind, Project
from projects.naming import KEY_LENGTH, NAME_LENGTH, QUESTION_LENGTH
from projects.permissions import Role

ALONE = (
    "Then one person may ask for production and sign for every role they hold. Every gate and the project’s header "
    "say so, and it ends as soon as somebody else works here."
)


class ProjectForm(forms.Form):
    """A new project."""

    name = forms.CharField(max_length=NAME_LENGTH, widget=forms.TextInput(attrs=INPUT))
    question = forms.CharField(
        max_length=QUESTION_LENGTH,
        widget=forms.TextInput(attrs=INPUT),
        help_text="One question, for example: which broadband customers will leave in the next 60 days?",
    )
    kind = forms.ChoiceField(
        label="What kind of answer?", choices=Kind.choices, initial=Kind.BINARY, widget=forms.RadioSelect
    )
    key = forms.CharField(
        required=False,
        max_length=KEY_LENGTH,
        widget=forms.TextInput(attrs=INPUT | {"placeholder": "made from the name", "autocapitalize": "none"}),
        label="Short key",
        help_text="Stands in every address, for example /p/churn/, and never changes. Left empty, it is made from the "
        "name.",
    )
    template = forms.ChoiceField(
        label="Start from",
        required=False,
        widget=forms.Select(attrs=INPUT),
        help_text="A template brings texts to change, targets that nobody has signed, and first tasks. A project of "
        "yours brings what it agreed on, without its data and people.",
    )
    roles = RolesField(
        label="Which roles do you hold yourself?",
        required=False,
        leave_out=(Role.OWNER,),
        help_text="You are the owner. Tick what you also do; other people are invited afterwards.",
    )
    one_person = forms.BooleanField(label="I work here alone", required=False, help_text=ALONE)

    def __init__(self, *args: Any, sources: Iterable[Project] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        template = self.fields["template"]
        assert isinstance(template, forms.ChoiceField)
        template.choices = [
            ("", "Nothing: an empty project"),
            *((name, plan.name) for name, plan in BLUEPRINTS.items()),
            *((f"{PROJECT}{project.key}", f"Like {project.name}") for project in sources),
        ]


class RenameForm(forms.Form):
    """Another name or question, and whether one person works here alone."""

    name = forms.CharField(max_length=NAME_LENGTH, widget=forms.TextInput(attrs=INPUT))
    question = forms.CharField(max_length=QUESTION_LENGTH, widget=forms.TextInput(attrs=INPUT))
    one_person = forms.BooleanField(label="One person works here alone", required=False, help_text=ALONE)
