"""Fields of sources, made from what their connectors declare."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms import BoundField

from datasets.connectors.base import INCREMENTAL, Connector
from datasets.connectors.fields import Field
from datasets.forms.uploads import OPTION_NAMES, SELECT, TEXT, OptionForm, option_field
from datasets.models.sources import Source
from datasets.schedules import DAYS, RHYTHMS
from problems.problem import Problem

OWN = "param_"


class SourceForm(OptionForm):
    """A source of one kind: its parameters, where its rows go and when, whose it is."""

    name = forms.CharField(label="Name", max_length=60, widget=forms.TextInput(attrs=TEXT))
    dataset = forms.CharField(
        label="It fills the dataset",
        max_length=60,
        widget=forms.TextInput(attrs={**TEXT, "list": "dataset-names"}),
        help_text="Each load that brings something new makes its next version. Another name starts a new dataset.",
    )
    mode = forms.ChoiceField(label="A load brings", choices=Source.Mode.choices, widget=forms.Select(attrs=SELECT))
    keys = forms.CharField(
        label="Key columns",
        required=False,
        widget=forms.Textarea(attrs={"class": "input mono", "rows": 2}),
        help_text="One a line. Rows with the same key are one row: the newer takes the place of the older.",
    )
    schedule = forms.ChoiceField(label="By itself", choices=list(RHYTHMS.items()), widget=forms.Select(attrs=SELECT))
    at = forms.CharField(
        label="At (UTC)",
        max_length=5,
        widget=forms.TextInput(attrs={**TEXT, "placeholder": "02:00"}),
        help_text="For every hour, the minute counts.",
    )
    weekday = forms.TypedChoiceField(
        label="On", coerce=int, choices=list(enumerate(DAYS)), widget=forms.Select(attrs=SELECT)
    )
    owner = forms.CharField(
        label="Who answers for it",
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs=TEXT),
        help_text="A person or a team that knows this data.",
    )
    third_party = forms.BooleanField(
        label="It is data of others", required=False, help_text="Then whose, under which licence, and until when."
    )
    vendor = forms.CharField(label="Whose", required=False, max_length=120, widget=forms.TextInput(attrs=TEXT))
    licence = forms.CharField(label="Licence", required=False, max_length=200, widget=forms.TextInput(attrs=TEXT))
    licence_until = forms.DateField(
        label="Licence runs until",
        required=False,
        widget=forms.DateInput(attrs={"class": "input", "type": "date"}, format="%Y-%m-%d"),
        help_text="The day after, it feeds nothing any more. Two weeks before, the team is told.",
    )

    def __init__(self, data: Any, *, connector: Connector, source: Source | None = None, **kwargs: Any) -> None:
        super().__init__(data, initial=_initial(connector, source), **kwargs)
        self.connector, self.source = connector, source
        for one in connector.fields:
            self.fields[OWN + one.name] = _made(one, sealed=source is not None and one.name in source.sealed)
        self.option_names = OPTION_NAMES if connector.reads_files else []
        for name in self.option_names:
            self.fields[name] = option_field(name)
        if INCREMENTAL not in connector.modes:
            del self.fields["mode"], self.fields["keys"]
        if source is not None:
            del self.fields["name"], self.fields["dataset"]

    def groups(self) -> list[tuple[str, list[BoundField]]]:
        """The parameters by the group that their connector puts them in."""
        found: dict[str, list[BoundField]] = {}
        for one in self.connector.fields:
            found.setdefault(one.group, []).append(self[OWN + one.name])
        return list(found.items())

    def some(self, *names: str) -> list[BoundField]:
        """Those of these fields that this form has."""
        return [self[name] for name in names if name in self.fields]

    def target_fields(self) -> list[BoundField]:
        """Where rows go and when."""
        return self.some("name", "dataset", "mode", "keys", "schedule", "at", "weekday")

    def rights_fields(self) -> list[BoundField]:
        """Whose it is."""
        return self.some("owner", "third_party", "vendor", "licence", "licence_until")

    def clean(self) -> dict[str, Any]:
        """Parameters as the connector keeps them; a refusal stands beside its field."""
        cleaned = super().clean() or self.cleaned_data
        self.params: dict[str, Any] = {}
        for one in self.connector.fields:
            value = cleaned.get(OWN + one.name)
            try:
                read = one.from_text(value) if isinstance(value, str) and one.kind != "choice" else value
                self.params[one.name] = None if read in ("", []) else read
            except Problem as problem:
                self.add_error(OWN + one.name, problem.text)
        if not self.errors:
            try:
                self.connector.read(self.params)
            except Problem as problem:
                self.put(problem)
        return cleaned

    def put(self, problem: Problem) -> None:
        """A refusal beside the field that it names."""
        for name, text in problem.fields.items() or {"": problem.text}.items():
            own = OWN + name
            self.add_error(own if own in self.fields else name if name in self.fields else None, text)

    def given(self) -> dict[str, Any]:
        """Everything beside name, dataset and parameters, as the services take it."""
        names = ("mode", "schedule", "at", "weekday", "owner", "third_party", "vendor", "licence", "licence_until")
        found = {name: self.cleaned_data[name] for name in names if name in self.fields}
        if "keys" in self.fields:
            found["keys"] = [one.strip() for one in self.cleaned_data["keys"].splitlines() if one.strip()]
        if self.option_names:
            stated = {"types": self.source.options["types"]} if self.source and "types" in self.source.options else {}
            found["options"] = self.options() | stated
        return found


def _initial(connector: Connector, source: Source | None) -> dict[str, Any]:
    params: Mapping[str, Any] = source.params if source else {}
    found: dict[str, Any] = {"at": "02:00", "schedule": "off", "weekday": 0, "mode": "full"}
    for one in connector.fields:
        value = params.get(one.name, one.default)
        found[OWN + one.name] = value if one.kind in ("choice", "yes_no") else one.as_text(value)
    if source is not None:
        plain = ("mode", "schedule", "at", "weekday", "owner", "third_party", "vendor", "licence", "licence_until")
        found |= {name: getattr(source, name) for name in plain}
        found |= {"keys": "\n".join(source.keys)} | {name: source.options.get(name, "") for name in OPTION_NAMES}
    return found


def _made(one: Field, *, sealed: bool) -> forms.Field:
    """The form field of a declared parameter. A secret is never written into a page."""
    words: dict[str, Any] = {"label": one.label, "help_text": _help(one, sealed), "required": False}
    box: dict[str, Any] = {"class": "input", "autocomplete": "off", "spellcheck": "false"}
    if one.example:
        box["placeholder"] = one.example
    if one.kind == "yes_no":
        return forms.BooleanField(**words)
    if one.kind == "choice":
        return forms.ChoiceField(**words, choices=list(one.choices.items()), widget=forms.Select(attrs=SELECT))
    if one.kind == "secret":
        hidden = forms.PasswordInput(attrs={**box, "autocomplete": "new-password"}, render_value=False)
        return forms.CharField(**words, strip=False, widget=hidden)
    if one.kind in ("lines", "long"):
        area = forms.Textarea(attrs={**box, "class": "input mono", "rows": 4})
        return forms.CharField(**words, strip=False, widget=area)
    return forms.CharField(**words, strip=False, widget=forms.TextInput(attrs=box))


def _help(one: Field, sealed: bool) -> str:
    parts = [one.help]
    if sealed:
        parts = ["One is sealed here. Leave this empty to keep it; where it is sent must then stay the same."]
    return " ".join(part for part in parts if part)


class RefusalForm(forms.Form):
    """Why a source may feed nothing."""

    reason = forms.CharField(label="Why not", max_length=500, widget=forms.TextInput(attrs=TEXT))
