"""Fields of deleting and archiving."""

from django import forms

from projects.forms.fields import INPUT


class DiscardForm(forms.Form):
    """Which thing goes to the bin."""

    kind = forms.CharField(max_length=20, widget=forms.HiddenInput)
    subject = forms.CharField(max_length=80, widget=forms.HiddenInput)


class NameForm(forms.Form):
    """The name, typed, so that nobody deletes for good by a slip."""

    name = forms.CharField(
        label="Its name", max_length=160, widget=forms.TextInput(attrs=INPUT | {"autocomplete": "off"})
    )


class ArchiveForm(forms.Form):
    """Archiving, or opening again."""

    do = forms.ChoiceField(choices=[("archive", "Archive"), ("open", "Open again")])
    even_live = forms.BooleanField(required=False)
