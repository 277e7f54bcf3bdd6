"""What people say of a run beside its notes: what it is to show, and tags."""

from django import forms

from experiments.services.records import LONGEST_HYPOTHESIS


class DescribeForm(forms.Form):
    """A hypothesis, and tags one on each line as `name: text`."""

    hypothesis = forms.CharField(
        label="Hypothesis", required=False, max_length=LONGEST_HYPOTHESIS, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What should this run show, and by which number would you see it?",
    )  # fmt: skip
    tag_lines = forms.CharField(
        label="Tags", required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One on each line, like team: pricing. They are columns and filters of the runs table.",
    )  # fmt: skip

    def clean_tag_lines(self) -> str:
        """Every line has a name."""
        text: str = self.cleaned_data["tag_lines"]
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip() and not line.partition(":")[0].strip():
                raise forms.ValidationError(f"Line {number} has no name before the colon.")
        return text

    def tags(self) -> dict[str, str]:
        """The tags by name."""
        pairs = (line.partition(":") for line in self.cleaned_data["tag_lines"].splitlines() if line.strip())
        return {name.strip(): value.strip() for name, _, value in pairs}
