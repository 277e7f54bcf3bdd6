"""Fields of a row that a model is asked about."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django import forms

from experiments.forms.runs import cell, read_cell


class AskForm(forms.Form):
    """One field for each input of the model, filled with an example; empty is missing."""

    def __init__(self, *args: Any, inputs: Sequence[Mapping[str, Any]], closed: Collection[str], **given: Any) -> None:
        super().__init__(*args, **given)
        self.inputs = inputs
        for place, field in enumerate(inputs):
            self.fields[f"v{place}"] = cell(field, hidden=False)
            if field["name"] in closed:
                self.fields[
                    f"v{place}"
                ].help_text = "Its values in the data are hidden from you; type one that you know."
            else:
                self.fields[f"v{place}"].initial = _shown(field.get("example"))

    def row(self) -> dict[str, Any]:
        """The row as the model takes it."""
        clean = self.cleaned_data
        return {field["name"]: read_cell(clean[f"v{place}"], field["type"]) for place, field in enumerate(self.inputs)}


def _shown(value: Any) -> Any:
    return ("true" if value else "false") if isinstance(value, bool) else value
