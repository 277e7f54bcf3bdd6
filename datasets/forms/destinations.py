"""Fields of destinations, made from what their kinds declare."""

from typing import Any

from django import forms
from django.forms import BoundField

from datasets.forms.sources import OWN, Names, made_field
from datasets.forms.uploads import SELECT, TEXT
from datasets.models.destinations import Destination
from datasets.writing.base import Writer
from problems.problem import Problem


class DestinationForm(forms.Form):
    """A table outside: how it is reached, what is written to it, and when."""

    name = forms.CharField(label="Name", max_length=60, widget=forms.TextInput(attrs=TEXT))
    mode = forms.ChoiceField(
        label="What happens to the rows that are there",
        choices=Destination.Mode.choices,
        widget=forms.Select(attrs=SELECT),
    )
    keys = forms.CharField(
        label="Key columns",
        required=False,
        widget=Names(attrs={"class": "input mono", "rows": 2}),
        help_text="One a line, for a merge: together they tell each row apart.",
    )
    columns = forms.MultipleChoiceField(
        label="Columns that are written",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None: all of them. Sensitive ones go only when they are released at the approval.",
    )
    when = forms.ChoiceField(label="By itself", choices=Destination.When.choices, widget=forms.Select(attrs=SELECT))

    def __init__(self, data: Any, *, writer: Writer, names: list[str], destination: Destination | None = None) -> None:
        """`names` are the columns of the dataset."""
        params = destination.params if destination else {}
        initial: dict[str, Any] = {
            OWN + one.name: params.get(one.name, one.default)
            if one.kind in ("choice", "yes_no")
            else one.as_text(params.get(one.name, one.default))
            for one in writer.fields
        }
        if destination is not None:
            initial |= {name: getattr(destination, name) for name in ("mode", "columns", "when", "keys")}
        super().__init__(data, initial=initial)
        self.writer, self.destination = writer, destination
        for one in writer.fields:
            sealed = destination is not None and one.name in destination.sealed
            self.fields[OWN + one.name] = made_field(one, (), params, sealed=sealed)
        gone = [name for name in (destination.columns if destination else []) if name not in names]
        choices = [*((name, name) for name in names), *((name, f"{name} (gone)") for name in gone)]
        chosen = self.fields["columns"]
        assert isinstance(chosen, forms.MultipleChoiceField)
        chosen.choices = choices
        if destination is not None:
            del self.fields["name"]

    def groups(self) -> list[tuple[str, list[BoundField]]]:
        """The parameters by the group that their kind puts them in."""
        found: dict[str, list[BoundField]] = {}
        for one in self.writer.fields:
            found.setdefault(one.group, []).append(self[OWN + one.name])
        return list(found.items())

    def load_fields(self) -> list[BoundField]:
        """What is written, how and when."""
        return [self[name] for name in ("name", "mode", "keys", "columns", "when") if name in self.fields]

    def clean(self) -> dict[str, Any]:
        """Parameters as they are kept; a refusal stands beside its field."""
        cleaned = super().clean() or self.cleaned_data
        self.params: dict[str, Any] = {}
        for one in self.writer.fields:
            value = cleaned.get(OWN + one.name)
            try:
                read = one.from_text(value) if isinstance(value, str) and one.kind != "choice" else value
                self.params[one.name] = None if read in ("", []) else read
            except Problem as problem:
                self.add_error(OWN + one.name, problem.text)
        if not self.errors:
            try:
                self.writer.read(self.params)
            except Problem as problem:
                for name, text in problem.fields.items() or {"": problem.text}.items():
                    self.add_error(OWN + name if OWN + name in self.fields else None, text)
        return cleaned

    def given(self) -> dict[str, Any]:
        """Everything beside name and parameters, as the services take it."""
        keys = [one.strip() for one in self.cleaned_data["keys"].splitlines() if one.strip()]
        return {name: self.cleaned_data[name] for name in ("mode", "columns", "when")} | {"keys": keys}
