"""Fields of groups and of their roles."""

from typing import Any

from django import forms

from accounts.groups import all_groups
from projects.forms.fields import INPUT, RolesField, area


class GroupForm(forms.Form):
    """A group's name and its people."""

    name = forms.CharField(max_length=80, widget=forms.TextInput(attrs=INPUT))
    members = forms.CharField(
        required=False,
        max_length=50_000,
        widget=area(8),
        help_text="One e-mail address in each line. Each must have an account here.",
    )

    def clean_members(self) -> list[str]:
        """The addresses."""
        return [line.strip() for line in self.cleaned_data["members"].splitlines() if line.strip()]


class GroupRolesForm(forms.Form):
    """A group and the roles that it brings its members."""

    group = forms.ChoiceField(widget=forms.Select(attrs=INPUT))
    roles = RolesField(label="Roles in this project")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["group"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(str(group.pk), group.name) for group in all_groups()]
