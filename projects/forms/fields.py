"""Fields and widgets that several forms of this room use."""

from typing import Any

from django import forms

from projects.permissions import Role

INPUT = {"class": "input"}


def area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"class": "input", "rows": rows})


class RolesField(forms.MultipleChoiceField):
    """One or more of the job roles, as boxes to tick."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, *, leave_out: tuple[Role, ...] = (), **options: Any) -> None:
        choices = [(role.value, role.label) for role in Role if role not in leave_out]
        super().__init__(choices=choices, **options)
