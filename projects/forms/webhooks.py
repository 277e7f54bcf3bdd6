"""Fields of webhooks."""

from typing import Any

from django import forms

from projects.forms.fields import INPUT
from projects.models.webhooks import Webhook


class WebhookForm(forms.Form):
    """A new webhook."""

    name = forms.CharField(label="Name", max_length=80, widget=forms.TextInput(attrs=INPUT))
    url = forms.CharField(
        label="Address",
        max_length=2000,
        widget=forms.TextInput(attrs=INPUT | {"placeholder": "https://hooks.example.org/…", "autocomplete": "off"}),
        help_text="It is kept sealed; only the host is shown afterwards.",
    )
    patterns = forms.CharField(
        label="Which events",
        max_length=1600,
        widget=forms.TextInput(attrs=INPUT),
        initial="gate.*, model.*, alert.*",
        help_text="Names of events as in Activity, separated by commas; gate.* means all that begin so, * everything.",
    )
    shape = forms.ChoiceField(label="What is sent", choices=Webhook.Shape.choices, widget=forms.Select(attrs=INPUT))

    def words(self) -> list[str]:
        """The patterns, one by one."""
        return [word for word in self.cleaned_data["patterns"].replace("\n", ",").split(",") if word.strip()]


class WebhookChangeForm(WebhookForm):
    """Other settings; another address needs the secret."""

    is_active = forms.BooleanField(label="It is on", required=False)
    secret = forms.CharField(
        label="Secret",
        required=False,
        max_length=200,
        widget=forms.PasswordInput(attrs=INPUT | {"autocomplete": "off"}),
        help_text="Only for another address.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["url"].required = False
        self.fields["url"].help_text = "Empty: it stays. Another one needs the secret beside it."
