"""Forms of the experiments room: a new run, registering, notes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from django import forms

from datasets.models.versions import Version
from experiments.estimators.catalog import FAMILIES, for_kind
from experiments.estimators.family import Family, Setting
from experiments.forms.forecasts import fields_for, initial_plan, plan_in
from experiments.forms.searches import FIELDS, SearchFields, search_initial
from experiments.forms.unlabelled import without_answers
from experiments.guesses import NUMERIC, Column, fits_target, guess_inputs
from experiments.specs import LARGEST_SEED
from experiments.treatments import PARTS, parts_for
from experiments.unlabelled.asked import SHARE
from projects.measures import UNLABELLED

PLACES = {
    "split.kind": "split_kind",
    "split.column": "split_column",
    "split.test_share": "test_share",
    "split.seed": "seed",
    "split": "split_kind",
    "spec": "target",
    "forecast": "time",
    **FIELDS,
}
TEXT = {"class": "input"}
MOST_TREATED = 40  # columns whose preparation the form can change; REST takes any number
PART_WORDS = {"gaps": "Fill gaps with", "scale": "Scale", "coding": "Read words as"}


def form_field(name: str) -> str:
    """The form's field behind a name in a spec: `methods.boosted.max_iter` -> `boosted__max_iter`."""
    parts = name.split(".")
    if parts[0] == "methods" and len(parts) == 3:
        return f"{parts[1]}__{parts[2]}"
    if name.startswith("tuning.space"):
        return "tune_space"
    return PLACES.get(name, name.removeprefix("forecast."))


class RunForm(SearchFields):
    """A new training run on one data version. Every field has a default that is good enough to submit at once."""

    target = forms.ChoiceField(
        label="What to predict", widget=forms.Select(attrs=TEXT), help_text="The column with the answer."
    )
    positive = forms.ChoiceField(
        label="The answer to look for", required=False, widget=forms.Select(attrs=TEXT), help_text="The “yes”."
    )
    split_kind = forms.ChoiceField(
        label="How to hold back data for the test",
        choices=[
            ("random", "At random, each answer keeping its share"),
            ("time", "By time: the newest rows are the test"),
            ("group", "Whole groups: no group is on both sides"),
        ],
        widget=forms.Select(attrs=TEXT),
    )
    split_column = forms.ChoiceField(
        label="Time or group column",
        required=False,
        widget=forms.Select(attrs=TEXT),
        help_text="Only for holding back by time or whole groups.",
    )
    test_share = forms.IntegerField(
        label="Held back, of 100 rows", min_value=5, max_value=50, widget=forms.NumberInput(attrs=TEXT)
    )
    inputs = forms.MultipleChoiceField(label="Inputs", widget=forms.CheckboxSelectMultiple)
    methods = forms.MultipleChoiceField(label="Methods", widget=forms.CheckboxSelectMultiple)
    threshold = forms.FloatField(
        label="Says yes from this chance on",
        min_value=0.01,
        max_value=0.99,
        required=False,
        widget=forms.NumberInput(attrs=TEXT | {"step": "any"}),
        help_text="0.5 unless finding more is worth more wrong calls.",
    )
    seed = forms.IntegerField(
        label="Random seed",
        min_value=0,
        max_value=LARGEST_SEED,
        widget=forms.NumberInput(attrs=TEXT),
        help_text="The same seed gives the same split and the same models.",
    )
    notes = forms.CharField(
        label="Notes", required=False, max_length=20_000, widget=forms.Textarea(attrs=TEXT | {"rows": 3})
    )

    def __init__(self, *, kind: str, version: Version, columns: Mapping[str, Column], **given: Any) -> None:
        super().__init__(**given)
        self.kind, self.version, self.columns = kind, version, columns
        self.families: list[Family] = for_kind(kind)
        self._choose("target", [(name, name) for name in self._targets()])
        picked = columns.get(str(self.data.get("target") or self.initial.get("target") or ""))
        self._choose("positive", [(value, value) for value in (picked.classes if picked else {})])
        self._choose("split_column", [("", "–"), *((name, name) for name in columns)])
        self.treated = [(place, column) for place, column in enumerate(columns.values()) if parts_for(column.type)]
        for place, column in self.treated[:MOST_TREATED]:
            for part in parts_for(column.type):
                self.fields[f"t{place}__{part}"] = forms.ChoiceField(
                    label=f"{PART_WORDS[part]}: {column.name}",
                    choices=list(PARTS[part].items()),
                    required=False,
                    widget=forms.Select(attrs=TEXT),
                )
        self._choose("inputs", [(name, name) for name in columns])
        self._choose("methods", [(family.key, family.name) for family in self.families])
        self.offer(self.families)
        for family in self.families:
            for setting in family.settings:
                self.fields[f"{family.key}__{setting.name}"] = _setting_field(setting)
        # its answers are hidden from whoever fills the form: the copied run's counts, else the one that is guessed
        self.hides_answers = kind == "binary" and picked is not None and picked.distinct == 2 and not picked.classes
        if self.hides_answers:
            self._choose("positive", [("", "Hidden: chosen by itself")])
        self._fit_the_kind()

    def _fit_the_kind(self) -> None:
        """Leave out what this kind of question has not, and add what it has beside."""
        if self.kind in UNLABELLED:
            self.offer_none()
            self.fields = without_answers(self.fields, self.kind, self.columns)
        elif self.kind != "binary":
            del self.fields["positive"], self.fields["threshold"]
        if self.kind == "forecast":  # tested on the last windows of its series
            del self.fields["split_kind"], self.fields["split_column"], self.fields["test_share"]
            self.fields["inputs"].required = False
            self.fields |= fields_for(self.columns)
            self.offer_none()

    def _choose(self, name: str, choices: Sequence[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(choices)

    def _targets(self) -> list[str]:
        """Columns that can be predicted first, then all others, so that a wrong pick gets its reason."""
        fitting = [name for name, column in self.columns.items() if fits_target(column, self.kind)]
        return fitting + [name for name in self.columns if name not in fitting]

    def clean_methods(self) -> list[str]:
        """Chosen methods in the order of the catalog."""
        chosen: list[str] = self.cleaned_data["methods"]
        return [family.key for family in self.families if family.key in chosen]

    def spec(self) -> dict[str, Any]:
        """What was asked for, for `services.start_run`, which checks it."""
        found = self.cleaned_data
        if self.kind == "forecast":
            return self._shared() | {"forecast": plan_in(found)}
        share = {"share": found["share"] / 100} if self.kind == "anomaly" else {}
        split: dict[str, Any] = {"kind": found["split_kind"], "test_share": found["test_share"] / 100}
        if found["split_kind"] != "random":
            split["column"] = found["split_column"]
        return self._shared() | share | {"split": split | {"seed": found["seed"]}}

    def _shared(self) -> dict[str, Any]:
        """What every kind of question is asked with."""
        found = self.cleaned_data
        methods = {
            key: {setting.name: setting.read(found[f"{key}__{setting.name}"]) for setting in FAMILIES[key].settings}
            for key in found["methods"]
        }
        return {
            "target": found["target"],
            "positive": found.get("positive") or None,
            "inputs": [one for one in found["inputs"] if self.kind not in UNLABELLED or one != found["target"]],
            "methods": methods,
            "treatments": self._treatments(),
            "seed": found["seed"],
            "threshold": found.get("threshold") or 0.5,
        } | ({"tuning": plan} if (plan := self.plan()) else {})

    def _treatments(self) -> dict[str, dict[str, str]]:
        """What differs from what methods like, of the columns that are inputs."""
        chosen = {
            column.name: {part: self.cleaned_data[f"t{place}__{part}"] for part in parts_for(column.type)}
            for place, column in self.treated[:MOST_TREATED]
            if column.name in self.cleaned_data["inputs"]
        }
        return {name: parts for name, parts in chosen.items() if any(parts.values()) or self.columns[name].prose}

    def treatment_choices(self) -> Iterator[tuple[Column, list[Any]]]:
        """Each column that can be made ready in more than one way, with its fields."""
        for place, column in self.treated[:MOST_TREATED]:
            if column.name == self["target"].value():
                continue
            yield column, [self[f"t{place}__{part}"] for part in parts_for(column.type)]

    def input_choices(self) -> Iterator[tuple[Any, Column, str]]:
        """Each input's checkbox with its column and why it had better be left out."""
        for box in self["inputs"]:
            column = self.columns[str(box.data["value"])]
            yield box, column, column.unfit

    def method_choices(self) -> Iterator[tuple[Any, Family, list[Any]]]:
        """Each method's checkbox with its words and the fields of its settings."""
        for box, family in zip(self["methods"], self.families, strict=True):
            yield box, family, [self[f"{family.key}__{setting.name}"] for setting in family.settings]


def _setting_field(setting: Setting) -> forms.Field:
    """The field of one setting; what it refuses, it says in the setting's own words."""
    if setting.kind == "choice":
        choices = [(str(choice), str(choice).lower()) for choice in setting.choices]
        widget: forms.Widget = forms.Select(attrs=TEXT)
        return forms.ChoiceField(
            label=setting.label, help_text=setting.help, choices=choices, initial=str(setting.default), widget=widget
        )

    def check(text: str) -> None:
        if wrong := setting.wrong(setting.read(text)):
            raise forms.ValidationError(wrong)

    attributes = TEXT | {"inputmode": "decimal" if setting.kind == "number" else "numeric"}
    return forms.CharField(
        label=setting.label,
        help_text=f"{setting.help} From {setting.low:g} to {setting.high:g}.",
        max_length=30,
        initial=f"{setting.default}",
        validators=[check],
        widget=forms.TextInput(attrs=attributes),
    )


def initial_of(spec: Mapping[str, Any], columns: Mapping[str, Column]) -> dict[str, Any]:
    """A spec as the values of the form; inputs that this version does not have are dropped."""
    split = spec.get("split") or {}
    values: dict[str, Any] = {
        "target": spec["target"],
        "positive": spec.get("positive"),
        "split_kind": split.get("kind", "random"),
        "split_column": split.get("column", ""),
        "test_share": round(100 * split.get("test_share", 0.2)),
        "inputs": [name for name in spec["inputs"] if name in columns],
        "methods": list(spec["methods"]),
        "threshold": spec.get("threshold", 0.5),
        "seed": spec.get("seed", 7),
        "share": 100 * (spec.get("share") or SHARE),
    }
    if plan := spec.get("forecast"):
        return values | initial_plan(plan) | _settings_of(spec)
    values["inputs"] = values["inputs"] or guess_inputs(columns, spec["target"])
    places = {name: place for place, name in enumerate(columns)}
    for name, treatment in (spec.get("treatments") or {}).items():
        values |= {f"t{places[name]}__{part}": value for part, value in treatment.items() if name in places}
    return values | _settings_of(spec) | search_initial(spec)


def _settings_of(spec: Mapping[str, Any]) -> dict[str, str]:
    methods = spec["methods"].items()
    return {f"{key}__{name}": str(value) for key, settings in methods for name, value in settings.items()}


class RegisterForm(forms.Form):
    """A finished run becomes a version of a model."""

    name = forms.CharField(
        label="Model name",
        max_length=60,
        widget=forms.TextInput(attrs=TEXT | {"autocomplete": "off", "spellcheck": "false"}),
        help_text="Small letters, digits and hyphens. A known name gets its next version.",
    )
    reason = forms.CharField(
        label="Why this run",
        max_length=2000,
        widget=forms.Textarea(attrs=TEXT | {"rows": 2}),
        help_text="One sentence for those who decide at the gate.",
    )


class NotesForm(forms.Form):
    """What people want to remember about a run."""

    notes = forms.CharField(
        label="Notes", required=False, max_length=20_000, widget=forms.Textarea(attrs=TEXT | {"rows": 4})
    )


class EvaluationForm(forms.Form):
    """What a model is judged on, and whose groups must be treated alike."""

    rows = forms.ChoiceField(
        label="Rows", widget=forms.Select(attrs=TEXT), help_text="The locked test rows, or another published version."
    )
    attributes = forms.MultipleChoiceField(
        label="Columns whose groups must be treated alike",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="They need not be inputs of the model.",
    )

    def __init__(self, *args: Any, versions: Sequence[tuple[str, str]], columns: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices(self, "rows").choices = list(versions)
        choices(self, "attributes").choices = [(name, name) for name in columns]


class CaseForm(forms.Form):
    """An edge case: a row, what must come out, and why. The row's fields are those of `inputs` ({name, type})."""

    name = forms.CharField(label="Name", max_length=100, widget=forms.TextInput(attrs=TEXT))
    reason = forms.CharField(
        label="It must come out so, because", max_length=2000, widget=forms.Textarea(attrs=TEXT | {"rows": 2})
    )
    answer = forms.ChoiceField(label="The answer must be", required=False, widget=forms.Select(attrs=TEXT))
    low = forms.FloatField(label="At least", required=False, widget=forms.NumberInput(attrs=TEXT | {"step": "any"}))
    high = forms.FloatField(label="At most", required=False, widget=forms.NumberInput(attrs=TEXT | {"step": "any"}))
    blocking = forms.BooleanField(
        label="A model that fails this case may not be put to use",
        required=False,
        initial=True,
        help_text="Otherwise the gate only warns.",
    )

    def __init__(
        self, *args: Any, inputs: Sequence[Mapping[str, Any]], answers: Sequence[str], chance: bool,
        closed: Collection[str] = (), **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        self.inputs, self.chance = inputs, chance
        choices(self, "answer").choices = [("", "Not said"), *((word, word) for word in answers)]
        if self.chance:
            self.fields["low"].label, self.fields["high"].label = "Chance at least, in %", "Chance at most, in %"
        if not answers:
            del self.fields["answer"]
        for place, field in enumerate(inputs):
            self.fields[f"v{place}"] = cell(field, hidden=field["name"] in closed)

    @property
    def cells(self) -> list[Any]:
        """The fields of the row."""
        return [self[f"v{place}"] for place in range(len(self.inputs))]

    @property
    def words(self) -> list[Any]:
        """The other fields."""
        return [self[name] for name in self.fields if not name[1:].isdecimal()]

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        clean = self.cleaned_data
        ends = {
            end: clean[end] / 100 if self.chance and clean[end] is not None else clean[end] for end in ("low", "high")
        }
        row = {field["name"]: read_cell(clean[f"v{place}"], field["type"]) for place, field in enumerate(self.inputs)}
        said = {"name": clean["name"], "reason": clean["reason"], "answer": clean.get("answer", "")}
        return said | ends | {"blocking": clean["blocking"], "row": row}


def cell(field: Mapping[str, Any], *, hidden: bool) -> forms.Field:
    """One value of a row; empty is missing."""
    label, kind = field["name"], field["type"]
    told = "Its values are hidden from you; what stood here stays while this is empty." if hidden else ""
    if kind == "boolean":
        pairs = [("", "missing"), ("true", "true"), ("false", "false")]
        return forms.ChoiceField(
            label=label, required=False, choices=pairs, widget=forms.Select(attrs=TEXT), help_text=told
        )
    if kind in NUMERIC:
        number = forms.NumberInput(attrs=TEXT | {"step": "any"})
        return forms.FloatField(label=label, required=False, widget=number, help_text=told)
    known = field.get("categories") or []
    seen = f"Known: {', '.join(known[:12])}." if known and not hidden else told
    return forms.CharField(
        label=label, required=False, max_length=10_000, widget=forms.TextInput(attrs=TEXT), help_text=seen
    )


def read_cell(value: Any, kind: str) -> Any:
    if value in ("", None):
        return None
    if kind == "boolean":
        return value == "true"
    return int(value) if kind == "integer" and float(value).is_integer() else value


class RetireForm(forms.Form):
    """Why a case counts no longer."""

    reason = forms.CharField(
        label="Why it counts no longer", max_length=2000, widget=forms.Textarea(attrs=TEXT | {"rows": 2})
    )


def choices(form: forms.Form, name: str) -> forms.ChoiceField:
    """A field with choices, to fill them."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    return field
