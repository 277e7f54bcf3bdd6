"""Fields of what is done without a model."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from projects.baselines import JOINS, KINDS, MOST_CONDITIONS, OPS
from projects.forms.fields import INPUT


class BaselineForm(forms.Form):
    """What is done without a model; only the fields of the chosen kind are read."""

    kind = forms.ChoiceField(
        label="What is done today?", choices=list(KINDS.items()), initial="rule", widget=forms.RadioSelect
    )
    answer = forms.CharField(label="The answer", required=False, max_length=40)
    otherwise = forms.CharField(label="Else the answer", required=False, max_length=40, widget=forms.TextInput(INPUT))
    join = forms.ChoiceField(label="Of the conditions", choices=list(JOINS.items()), required=False, initial="and")
    column = forms.CharField(label="The column with the answer", required=False, max_length=200)
    order_by = forms.CharField(
        label="Or the column that says which row came before",
        required=False,
        max_length=200,
        help_text="A date or a number. The answer is then the truth of the row before it.",
    )

    def __init__(self, *args: Any, question: str, columns: Sequence[str], locked: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.question = question
        binary = question == "binary"
        self.fields["answer"].widget = _select([("yes", "yes"), ("no", "no")]) if binary else forms.TextInput(INPUT)
        self.fields["join"].widget = _select(list(JOINS.items()))
        if binary:
            del self.fields["otherwise"]
        for place in range(MOST_CONDITIONS):
            self.fields[f"column_{place}"] = _column_field(f"Column {place + 1}", columns)
            self.fields[f"op_{place}"] = forms.ChoiceField(
                label=f"Compares {place + 1}", choices=list(OPS.items()), required=False, widget=forms.Select(INPUT)
            )
            self.fields[f"value_{place}"] = forms.CharField(
                label=f"With {place + 1}", required=False, max_length=200, widget=forms.TextInput(INPUT)
            )
        for name in ("column", "order_by"):
            field = self.fields[name]
            self.fields[name] = _column_field(str(field.label), columns, str(field.help_text))
        for field in self.fields.values():
            field.disabled = locked

    @property
    def lines(self) -> list[list[forms.BoundField]]:
        """The conditions, a list of three fields each."""
        return [[self[f"{part}_{place}"] for part in ("column", "op", "value")] for place in range(MOST_CONDITIONS)]

    def values(self) -> dict[str, Any]:
        """What the service wants."""
        data = self.cleaned_data
        lines = [
            {part: data[f"{part}_{place}"] for part in ("column", "op", "value")} for place in range(MOST_CONDITIONS)
        ]
        kept = {name: data.get(name, "") for name in ("answer", "otherwise", "join", "column", "order_by")}
        if data["kind"] == "column":
            kept["order_by"] = ""
        return kept | {"conditions": [line for line in lines if line["column"]]}


def _select(choices: list[tuple[str, str]]) -> forms.Select:
    return forms.Select(INPUT, choices)


def _column_field(label: str, columns: Sequence[str], help_text: str = "") -> forms.CharField:
    """A choice among the columns that there are; a plain field while no data is here."""
    widget = _select([("", "–"), *((name, name) for name in columns)]) if columns else forms.TextInput(INPUT)
    return forms.CharField(label=label, required=False, max_length=200, help_text=help_text, widget=widget)


def baseline_initial(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A kept baseline as the form's first content."""
    found = {name: spec[name] for name in ("kind", "answer", "otherwise", "join", "column", "order_by") if name in spec}
    for place, one in enumerate(spec.get("conditions", [])[:MOST_CONDITIONS]):
        found |= {f"{part}_{place}": one[part] for part in ("column", "op", "value")}
    return found
