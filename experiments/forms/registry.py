"""Forms of registered versions: an alias, and what people say on a card."""

from collections.abc import Sequence
from typing import Any

from django import forms

from experiments.cards import FIELDS

TEXT = {"class": "input"}


class AliasForm(forms.Form):
    """A name that points at a version."""

    alias = forms.CharField(
        max_length=40,
        widget=forms.TextInput(attrs=TEXT | {"autocomplete": "off", "spellcheck": "false", "placeholder": "staging"}),
        help_text="Small letters, digits and hyphens. A known name is moved.",
    )
    version = forms.ChoiceField(widget=forms.Select(attrs=TEXT))

    def __init__(self, *args: Any, numbers: Sequence[int], **more: Any) -> None:
        super().__init__(*args, **more)
        field = self.fields["version"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(str(number), f"version {number}") for number in numbers]


class CardForm(forms.Form):
    """What nobody can measure."""

    seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for one in FIELDS:
            widget = forms.Textarea(attrs=TEXT | {"rows": 4})
            self.fields[one.key] = forms.CharField(
                label=one.title, help_text=one.help, required=False, max_length=4000, widget=widget
            )
