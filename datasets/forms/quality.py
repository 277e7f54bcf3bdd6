"""Fields of quality rules, waivers, contracts and their consumers."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from datasets.forms.recipes import SELECT, StepForm
from datasets.models.contracts import Subscription
from datasets.models.quality import Severity
from datasets.quality.base import Rule
from datasets.recipes.frame import Frame
from projects.permissions import Role


class RuleForm(StepForm):
    """The parameters of one rule, what it does when it fails, and what happens with the rows."""

    def __init__(
        self,
        data: Any,
        *,
        rule: Rule,
        frame: Frame | None,
        datasets: Sequence[str],
        params: Mapping[str, Any],
        severity: str,
        quarantine: bool,
    ) -> None:
        super().__init__(data, step=rule, frame=frame, datasets=datasets, params=params)
        self.fields["severity"] = forms.ChoiceField(
            label="When it does not hold", choices=Severity.choices, widget=forms.Select(attrs=SELECT)
        )
        self.initial["severity"] = severity
        if rule.about_rows:
            self.fields["quarantine"] = forms.BooleanField(
                required=False,
                label="Set failing rows aside by itself",
                help_text="The next draft is made of the other rows; those set aside are kept.",
            )
            self.initial["quarantine"] = quarantine


class WaiverForm(forms.Form):
    """Why a failing rule may pass, and until when."""

    reason = forms.CharField(
        label="Why it may be used",
        max_length=1000,
        widget=forms.Textarea(attrs={"class": "input", "rows": 3}),
        help_text="It stands on every page and report of this version.",
    )
    until = forms.DateField(
        label="Until", widget=forms.DateInput(attrs={"class": "input", "type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("until", timezone.localdate() + timedelta(days=30))


class ContractForm(forms.Form):
    """What is promised."""

    columns = forms.MultipleChoiceField(
        label="Columns", widget=forms.SelectMultiple(attrs={"class": "input", "size": 10})
    )
    rules = forms.MultipleChoiceField(
        label="Rules", required=False, widget=forms.SelectMultiple(attrs={"class": "input", "size": 6})
    )
    fresh_days = forms.IntegerField(
        label="A new version at least every so many days",
        required=False,
        min_value=1,
        max_value=3650,
        widget=forms.NumberInput(attrs={"class": "input", "inputmode": "numeric"}),
    )
    promise = forms.CharField(
        label="What else is promised",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"class": "input", "rows": 4}),
        help_text="Such as when it comes, whom to ask, and how soon mistakes are mended.",
    )

    def __init__(
        self, *args: Any, columns: Sequence[tuple[str, str]], rules: Sequence[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("columns", columns), ("rules", rules)):
            field = self.fields[name]
            assert isinstance(field, forms.MultipleChoiceField)
            field.choices = list(choices)


class SubscriptionForm(forms.Form):
    """Who counts on the contract."""

    consumer = forms.ChoiceField(
        label="Who counts on it", choices=Subscription.Consumer.choices, widget=forms.Select(attrs=SELECT)
    )
    recipe = forms.ChoiceField(label="Which recipe", required=False, widget=forms.Select(attrs=SELECT))
    role = forms.ChoiceField(
        label="Which role",
        required=False,
        choices=[("", "none"), *Role.pairs()],
        widget=forms.Select(attrs=SELECT),
    )

    def __init__(self, *args: Any, recipes: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["recipe"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "none"), *[(name, name) for name in recipes]]
