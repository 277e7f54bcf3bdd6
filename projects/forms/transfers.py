"""Fields of bringing an archive."""

from django import forms

from projects.forms.fields import INPUT
from projects.naming import KEY_LENGTH, NAME_LENGTH


class ImportForm(forms.Form):
    """The archive, and what the project is to be called here."""

    file = forms.FileField(
        label="Archive",
        widget=forms.ClearableFileInput(attrs=INPUT | {"accept": ".zip,application/zip"}),
        help_text="The zip file that “Take it along” made, here or on another instance.",
    )
    key = forms.CharField(
        label="Short key",
        max_length=KEY_LENGTH,
        widget=forms.TextInput(attrs=INPUT | {"autocapitalize": "none", "autocomplete": "off"}),
        help_text="Stands in every address, for example /p/churn/, and never changes. It must be free here.",
    )
    name = forms.CharField(
        required=False,
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs=INPUT),
        help_text="Left empty, it keeps the name that it has in the archive.",
    )
