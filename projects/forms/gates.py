"""Fields of signatures, acceptances and waivers."""

from django import forms

from projects.permissions import Role


class SignatureForm(forms.Form):
    """A signature at a gate, or a refusal with its reason."""

    role = forms.ChoiceField(choices=Role.pairs())
    given = forms.ChoiceField(choices=[("yes", "Sign"), ("no", "Send back")], initial="yes")
    reason = forms.CharField(required=False, max_length=4000)


class AcceptanceForm(forms.Form):
    """A warning that may stay, and why."""

    check = forms.CharField(max_length=60)
    reason = forms.CharField(required=False, max_length=2000)


class WaiverForm(AcceptanceForm):
    """A failed check that may stay until a day, and why."""

    until = forms.DateField()
