"""Fields of bringing a model that was made elsewhere."""

from collections.abc import Sequence
from typing import Any

from django import forms

from experiments.forms.runs import TEXT, choices
from experiments.specs import LARGEST_SEED


class UploadForm(forms.Form):
    """The file, the rows that it is measured on, and what the file does not say itself."""

    file = forms.FileField(
        label="Model file",
        widget=forms.ClearableFileInput(attrs=TEXT | {"accept": ".skops,.onnx"}),
        help_text="Made with skops.io.dump(model, “model.skops”), or exported as ONNX. The model answers with chances "
        "(predict_proba), or with a number. An ONNX model is given gaps among words as empty texts.",
    )
    rows = forms.ChoiceField(
        label="Dataset version",
        widget=forms.Select(attrs=TEXT),
        help_text="Rows of it are held back by the seed. Take one whose rows the model did not learn from.",
    )
    target = forms.CharField(
        label="What it predicts",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs=TEXT),
        help_text="The column with the answer. Left empty, as in the last run.",
    )
    positive = forms.CharField(
        label="The answer to look for",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs=TEXT),
        help_text="The “yes”, as the data writes it.",
    )
    inputs = forms.CharField(
        label="Inputs",
        max_length=100_000,
        required=False,
        widget=forms.Textarea(attrs=TEXT | {"rows": 4}),
        help_text="One column a line, in the order that the model learned them. Left empty, as the file names them; an "
        "ONNX file with one table of numbers as its input names none.",
    )
    test_share = forms.IntegerField(
        label="Held back, of 100 rows", min_value=5, max_value=50, initial=20, widget=forms.NumberInput(attrs=TEXT)
    )
    seed = forms.IntegerField(
        label="Random seed",
        min_value=0,
        max_value=LARGEST_SEED,
        initial=7,
        widget=forms.NumberInput(attrs=TEXT),
        help_text="The same seed holds back the same rows as in runs that were trained here.",
    )
    threshold = forms.FloatField(
        label="Says yes from this chance on",
        min_value=0.01,
        max_value=0.99,
        initial=0.5,
        required=False,
        widget=forms.NumberInput(attrs=TEXT | {"step": "any"}),
    )
    notes = forms.CharField(
        label="Notes", required=False, max_length=20_000, widget=forms.Textarea(attrs=TEXT | {"rows": 3})
    )

    def __init__(self, *args: Any, versions: Sequence[tuple[str, str]], kind: str, **given: Any) -> None:
        super().__init__(*args, **given)
        choices(self, "rows").choices = list(versions)
        if kind != "binary":
            del self.fields["positive"], self.fields["threshold"]

    def stated(self) -> dict[str, Any]:
        """What was said, as a spec has it."""
        clean = self.cleaned_data
        lines = [line.strip() for line in clean["inputs"].splitlines()]
        split = {"kind": "random", "test_share": clean["test_share"] / 100, "seed": clean["seed"]}
        found = {name: clean.get(name) for name in ("target", "positive", "threshold", "seed")}
        return found | {"split": split, "inputs": [line for line in lines if line]}


class JudgeForm(UploadForm):
    """The same about a file that was logged."""

    def __init__(self, *args: Any, files: Sequence[tuple[str, str]], **given: Any) -> None:
        super().__init__(*args, **given)
        self.fields["file"] = forms.ChoiceField(
            label="Model file",
            choices=list(files),
            widget=forms.Select(attrs=TEXT),
            help_text="It is opened only by the job that checks it, from a fixed list of types.",
        )
