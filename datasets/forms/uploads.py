"""Fields and field checks of the datasets room's pages."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.forms import BoundField

from datasets.models.versions import SchemaPolicy
from datasets.reading.options import CHOICES, COUNTS, LONGEST, MEANINGFUL, MOST_LINES, TEXTS, TYPES

SELECT = {"class": "input"}
TEXT = {"class": "input", "autocomplete": "off", "autocapitalize": "none"}
OPTION_NAMES = [*CHOICES, *COUNTS, *TEXTS]
MOST_COLUMNS = 200
ARCHIVE = re.compile("archive|packed with (zip|tar)")
FIELD_WORDS: dict[str, tuple[str, str]] = {
    "format": ("What it is", "By its first bytes. Only text can be taken for another format."),
    "delimiter": ("Cells are separated by", "Found by the cells that line up."),
    "quote": ("Cells may be enclosed in", "Double quotes, unless only single ones enclose cells."),
    "encoding": ("Encoding", "UTF-8 and UTF-16 are recognised; what is neither is guessed."),
    "header": ("First row", "Found by whether it looks like the rows below."),
    "decimal": ("Decimal mark", "A comma is read as one only where it cannot mean thousands."),
    "short_rows": ("Rows that end early", "Left out and listed, unless you say otherwise."),
    "nested": ("Values inside values", "Of JSON and XML."),
    "pattern": ("Pattern of a log", "Lines that do not match are left out and listed."),
    "archive": ("What an archive holds", "By the endings of its files."),
    "preamble": ("Lines before the table", "None, unless you say so. They are left out."),
    "summary_rows": ("Summary rows at the end", "None, unless you say so. Totals are no data; they are left out."),
    "sheet": ("Sheet", "Of a workbook; the first that holds anything."),
    "table": ("Table", "By name in a database, by number in a web page; the largest."),
    "member": ("File in the archive", "Its path, or * for all files, which then must have the same columns."),
    "records": ("Where the records are", "The path of the list in JSON, or the element that repeats in XML."),
    "regex": ("Regular expression", "With a named group for each column: (?P<name>…)."),
}


def option_field(name: str, found: str = "", offered: Sequence[str] = ()) -> forms.Field:
    """The field of one option. `found` is what reading guessed, `offered` what the file itself has to choose from."""
    label, help_text = FIELD_WORDS[name]
    if name in COUNTS:
        number = forms.NumberInput(attrs={**TEXT, "placeholder": "0"})
        return forms.IntegerField(
            label=label, required=False, min_value=0, max_value=MOST_LINES, widget=number, help_text=help_text
        )
    if name in TEXTS and not offered:
        widget = forms.TextInput(attrs=TEXT)
        return forms.CharField(label=label, required=False, max_length=LONGEST, widget=widget, help_text=help_text)
    pairs = [(one, "All files (*)" if one == "*" else one) for one in offered]
    if name in CHOICES:
        pairs = [(one, one.capitalize() if name == "delimiter" else words) for one, words in CHOICES[name].items()]
    shown = next((words for one, words in pairs if found in (one, words)), found)
    first = ("", f"As found: {shown[:80]}" if found else "Find out")
    return forms.ChoiceField(
        label=label, required=False, choices=[first, *pairs], widget=forms.Select(attrs=SELECT), help_text=help_text
    )


class OptionForm(forms.Form):
    """A form with fields for the options of reading."""

    option_names: list[str]

    def option_fields(self) -> list[BoundField]:
        """These fields, for the page."""
        return [self[name] for name in self.option_names]

    def options(self) -> dict[str, Any]:
        """What was said about the file."""
        cleaned = {name: self.cleaned_data.get(name) for name in self.option_names}
        return {name: str(value) for name, value in cleaned.items() if value not in ("", None)}


class UploadForm(OptionForm):
    """One file into one dataset."""

    file = forms.FileField(
        max_length=1000,
        widget=forms.ClearableFileInput(attrs={"class": "input"}),
        help_text=(
            "CSV, TSV, Excel (.xlsx, .xls), JSON, JSON lines, XML, a web page with tables, a log, SQLite or Parquet, "
            "also packed with gzip, zip or tar. An archive of pictures or texts becomes a table of them."
        ),
    )
    name = forms.CharField(
        label="Dataset",
        max_length=60,
        widget=forms.TextInput(
            attrs={"class": "input", "list": "dataset-names", "autocomplete": "off", "autocapitalize": "none"}
        ),
        help_text="A name that is there already gets its next version; another one starts a new dataset.",
    )
    preview = forms.BooleanField(
        label="Show me the guesses first",
        required=False,
        help_text="Nothing becomes a version before you have seen how it was read and said so.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.option_names = OPTION_NAMES
        for name in OPTION_NAMES:
            self.fields[name] = option_field(name)


class PreviewForm(OptionForm):
    """Every guess about one file, each to be corrected: those that mean something for its format, and its columns."""

    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(
        self, data: Any, *, stated: Mapping[str, Any], found: Mapping[str, Any], seen: str, typed: bool = False
    ) -> None:
        """`typed` says that the table came with its types, as from a database: nothing of it is a guess."""
        super().__init__(data)
        self.found, self.stated = found, stated
        report = found.get("report", {})
        guesses = {guess["what"]: guess["value"] for guess in reversed(report.get("guesses", []))}
        choices = report.get("choices", {})
        meaningful = set() if typed else self._meaningful(report, choices)
        self.option_names = [name for name in OPTION_NAMES if name in meaningful]
        self.initial["seen"] = seen
        for name in self.option_names:
            was = stated.get(name, "")
            offered = [
                *choices.get(name, []),
                *([was] if was and choices.get(name) and was not in choices[name] else []),
            ]
            self.fields[name] = option_field(name, "" if was else guesses.get(name, ""), offered)
            self.initial[name] = was
        self.schema = list(found.get("schema", []))[:MOST_COLUMNS]
        for place, column in enumerate(self.schema if not typed else []):
            self.fields[f"type_{place}"] = forms.ChoiceField(
                label=f"Type of {column['name']}",
                required=False,
                choices=list(TYPES.items()),
                initial=column["type"],
                widget=forms.Select(attrs={"class": "input", "aria-label": f"Type of {column['name']}"}),
            )

    def _meaningful(self, report: Mapping[str, Any], choices: Mapping[str, Any]) -> set[str]:
        names = set(MEANINGFUL.get(report.get("kind", ""), set(OPTION_NAMES)))
        packed = (
            {"archive", "member"} if "member" in choices or ARCHIVE.search(report.get("format", "").lower()) else set()
        )
        return names | packed | set(self.stated)

    def type_fields(self) -> list[tuple[dict[str, Any], BoundField | str]]:
        """Each column with the field of its type, or the type itself where it is no guess."""
        names = [f"type_{place}" for place in range(len(self.schema))]
        return [
            (column, self[name] if name in self.fields else column["type"])
            for column, name in zip(self.schema, names, strict=True)
        ]

    def options(self) -> dict[str, Any]:
        """What was said, with the types that are others than those found, or that were stated before."""
        types = dict(self.stated.get("types", {}))
        for place, column in enumerate(self.schema):
            chosen = self.cleaned_data.get(f"type_{place}")
            if chosen and chosen != column["type"]:
                types[column["name"]] = chosen
        return super().options() | ({"types": types} if types else {})


class SchemaPolicyForm(forms.Form):
    """What happens when columns change."""

    schema_policy = forms.ChoiceField(
        label="When columns change", choices=SchemaPolicy.choices, widget=forms.Select(attrs=SELECT)
    )
