"""Fields of an import from an MLflow server."""

from typing import Any

from django import forms

from experiments.forms.runs import TEXT


class ImportForm(forms.Form):
    """Where it is, how to sign in there, and what of it."""

    address = forms.CharField(
        label="Address of the server",
        max_length=2000,
        widget=forms.TextInput(attrs=TEXT | {"placeholder": "https://mlflow.example.org"}),
        help_text="What your notebooks have as MLFLOW_TRACKING_URI.",
    )
    user = forms.CharField(
        label="User name",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs=TEXT | {"autocomplete": "off"}),
        help_text="Only where the server wants a password; a token needs none.",
    )
    secret = forms.CharField(
        label="Token or password",
        max_length=8000,
        required=False,
        widget=forms.PasswordInput(attrs=TEXT | {"autocomplete": "off"}),
        help_text="It is sealed, goes to this address alone, and is forgotten when the import ends.",
    )
    experiments = forms.CharField(
        label="Experiments",
        max_length=100_000,
        required=False,
        widget=forms.Textarea(attrs=TEXT | {"rows": 3}),
        help_text="One name a line. Left empty, all of them.",
    )
    registry = forms.BooleanField(
        label="Registered models with their versions and aliases", required=False, initial=True
    )

    def asked(self) -> dict[str, Any]:
        """What the service takes."""
        lines = [line.strip() for line in self.cleaned_data["experiments"].splitlines()]
        return self.cleaned_data | {"experiments": [line for line in lines if line]}
