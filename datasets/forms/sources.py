"""Fields of sources, made from what their connectors declare."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.forms import BoundField

from datasets.connectors.base import INCREMENTAL, Connector, meant
from datasets.connectors.fields import Field
from datasets.forms.uploads import OPTION_NAMES, SELECT, TEXT, OptionForm, option_field
from datasets.models.sources import Source
from datasets.schedules import DAYS, RHYTHMS
from problems.problem import Problem

OWN = "param_"
LICENCE = ("vendor", "licence", "licence_until")
Seen = Sequence[str]


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

    def __init__(
        self, data: Any, *, connector: Connector, source: Source | None = None, typed: Any = None, seen: Seen = ()
    ) -> None:
        """`typed` is what stands in the form so far, to be shown again; `seen` the columns that a test saw."""
        super().__init__(data, initial=_initial(connector, source))
        self.connector, self.source = connector, source
        for one in connector.fields:
            sealed = source is not None and one.name in source.sealed
            self.fields[OWN + one.name] = made_field(one, seen, source.params if source else {}, sealed=sealed)
        self.option_names = OPTION_NAMES if connector.reads_files else []
        for name in self.option_names:
            self.fields[name] = option_field(name)
        if INCREMENTAL not in connector.modes:
            del self.fields["mode"], self.fields["keys"]
        if source is not None:
            del self.fields["name"], self.fields["dataset"]
        if typed is not None:
            there = {*typed.get("shown", "").split(","), *typed}
            self.initial.update({n: _sent(field, typed, n) for n, field in self.fields.items() if n in there})
        self._keep_what_belongs()

    def _keep_what_belongs(self) -> None:
        """Leave out the fields that mean nothing beside what was chosen; a choice that decides asks for them again."""
        now = {name: self._now(name) for name in self.fields}
        params = {one.name: now[OWN + one.name] for one in self.connector.fields}
        there = {
            OWN + one.name: meant(one, params) and (not one.incremental or now.get("mode") == INCREMENTAL)
            for one in self.connector.fields
        }
        others = now["third_party"] or (not self.is_bound and any(now[name] for name in LICENCE))
        there |= {"keys": now.get("mode") == INCREMENTAL, "at": now["schedule"] != "off"}
        there |= {"weekday": now["schedule"] == "weekly"} | dict.fromkeys(LICENCE, bool(others))
        for name in [name for name, belongs in there.items() if not belongs and name in self.fields]:
            del self.fields[name]
        deciding = {OWN + one.only[0] for one in self.connector.fields if one.only}
        for name in (deciding | {"mode", "schedule", "third_party"}) & set(self.fields):
            self.fields[name].widget.attrs |= {"hx-post": "", "hx-trigger": "change"}

    def _now(self, name: str) -> Any:
        """What stands in a field at this moment."""
        if self.is_bound and (self.data.get(name) is not None or name == "third_party"):
            return _sent(self.fields[name], self.data, name)
        return self.initial.get(name)

    @property
    def shown(self) -> str:
        """The names of the fields that this page shows, so that those which come with a choice are not passed over."""
        return ",".join(self.fields)

    def passed_over(self, shown: str | None) -> list[str]:
        """The labels of fields that belong to what was chosen and that the page did not show."""
        if shown is None:
            return []
        return [str(field.label) for name, field in self.fields.items() if name not in shown.split(",")]

    def groups(self) -> list[tuple[str, list[BoundField]]]:
        """The parameters by the group that their connector puts them in."""
        found: dict[str, list[BoundField]] = {}
        for one in self.connector.fields:
            if OWN + one.name in self.fields and not one.incremental:
                found.setdefault(one.group, []).append(self[OWN + one.name])
        return list(found.items())

    def some(self, *names: str) -> list[BoundField]:
        """Those of these fields that this form has."""
        return [self[name] for name in names if name in self.fields]

    def target_fields(self) -> list[BoundField]:
        """Where rows go, what a load brings, and when."""
        growing = [OWN + one.name for one in self.connector.fields if one.incremental]
        return self.some("name", "dataset", "mode", *growing, "keys", "schedule", "at", "weekday")

    def rights_fields(self) -> list[BoundField]:
        """Whose it is."""
        return self.some("owner", "third_party", *LICENCE)

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
        names = ("mode", "schedule", "at", "weekday", "owner", "third_party", *LICENCE)
        found = {name: self.cleaned_data[name] for name in names if name in self.fields}
        if "vendor" not in self.fields and self.source and self.source.third_party:
            found |= {"vendor": "", "licence": "", "licence_until": None}  # it is not data of others any more
        if "mode" in self.fields:
            found["keys"] = [one.strip() for one in self.cleaned_data.get("keys", "").splitlines() if one.strip()]
        if self.option_names:
            stated = {"types": self.source.options["types"]} if self.source and "types" in self.source.options else {}
            found["options"] = self.options() | stated
        return found


def _initial(connector: Connector, source: Source | None) -> dict[str, Any]:
    params: Mapping[str, Any] = source.params if source else {}
    found: dict[str, Any] = {"at": "02:00", "schedule": "off", "weekday": 0, "mode": "full"}
    for one in connector.fields:
        value = params.get(one.name, one.default)
        found[OWN + one.name] = value if one.kind in ("choice", "yes_no", "columns") else one.as_text(value)
    if source is not None:
        plain = ("mode", "schedule", "at", "weekday", "owner", "third_party", *LICENCE)
        found |= {name: getattr(source, name) for name in plain}
        found |= {"keys": "\n".join(source.keys)} | {name: source.options.get(name, "") for name in OPTION_NAMES}
    return found


def _sent(field: forms.Field, data: Any, name: str) -> Any:
    """The value that a browser sent for a field."""
    return field.widget.value_from_datadict(data, {}, name)


class Names(forms.Textarea):
    """Names, one a line."""

    def format_value(self, value: Any) -> str:
        """A list as lines."""
        return "\n".join(value) if isinstance(value, list) else value or ""


def _columns(one: Field, seen: Seen, chosen: Sequence[str], words: dict[str, Any], box: dict[str, Any]) -> forms.Field:
    """Columns to tick when a test saw them, else to type; one that was chosen and is gone can be taken off."""
    if not seen:
        return forms.CharField(**words, strip=False, widget=Names(attrs={**box, "class": "input mono", "rows": 4}))
    gone = [(name, f"{name} (gone)") for name in chosen if name not in seen]
    choices = [*((name, name) for name in seen), *gone]
    return forms.MultipleChoiceField(**words, choices=choices, widget=forms.CheckboxSelectMultiple)


def made_field(one: Field, seen: Seen, params: Mapping[str, Any], *, sealed: bool) -> forms.Field:
    """The form field of a declared parameter. A secret is never written into a page."""
    words: dict[str, Any] = {"label": one.label, "help_text": _help(one, sealed), "required": False}
    box: dict[str, Any] = {"class": "input", "autocomplete": "off", "spellcheck": "false"}
    if one.example:
        box["placeholder"] = one.example
    if one.kind == "yes_no":
        return forms.BooleanField(**words)
    if one.kind == "choice":
        return forms.ChoiceField(**words, choices=list(one.choices.items()), widget=forms.Select(attrs=SELECT))
    if one.kind == "columns":
        return _columns(one, seen, params.get(one.name) or [], words, box)
    if one.kind == "secret":
        kept = {"autocomplete": "new-password", "hx-preserve": "true"}
        hidden = forms.PasswordInput(attrs={**box, **kept}, render_value=False)
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
