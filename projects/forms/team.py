"""Fields of invitations and roles."""

from django import forms

from projects.forms.fields import INPUT, RolesField


class InviteForm(forms.Form):
    """An invitation."""

    email = forms.EmailField(label="E-mail", widget=forms.EmailInput(attrs=INPUT | {"autocomplete": "off"}))
    roles = RolesField(label="Roles in this project")


class JoinForm(forms.Form):
    """A new account for an invited person."""

    name = forms.CharField(
        label="Your name", max_length=120, widget=forms.TextInput(attrs=INPUT | {"autocomplete": "name"})
    )
    password = forms.CharField(
        label="Password",
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs=INPUT | {"autocomplete": "new-password"}),
        help_text="At least 10 characters. A sentence is easy to keep and hard to guess.",
    )


class RolesForm(forms.Form):
    """The roles of one person."""

    roles = RolesField(label="Roles in this project")
