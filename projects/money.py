"""PURE: what right and wrong answers are worth in money, so that any set of answers can be counted in it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Money:
    """What one answer is worth, in `currency`: gains are positive, costs negative.

    For yes-or-no questions the four kinds of answers, for several answers `right_yes` of a right and `wrong_yes` of a
    wrong one; for numbers `per_unit_off`, the worth of one unit of absolute
    error (usually negative). `cases_a_month` turns an average per case into a month.
    """

    currency: str = "EUR"
    right_yes: float = 0.0
    wrong_yes: float = 0.0
    right_no: float = 0.0
    wrong_no: float = 0.0
    per_unit_off: float = 0.0
    cases_a_month: float | None = None

    def of_counts(self, right_yes: float, wrong_yes: float, right_no: float, wrong_no: float) -> float:
        """The worth of so many answers of each kind, in currency."""
        return (
            right_yes * self.right_yes
            + wrong_yes * self.wrong_yes
            + right_no * self.right_no
            + wrong_no * self.wrong_no
        )

    def a_month(self, per_case: float) -> float | None:
        """An average worth per case as a month's sum; None while nobody said how many cases a month brings."""
        return None if self.cases_a_month is None else per_case * self.cases_a_month


SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "CHF": "CHF"}


def said(currency: str, amount: float) -> str:
    """An amount as people read it: `€ 6.50`, `€ 77 000`; large ones are rounded to three digits that mean something."""
    size = abs(amount)
    if size >= 1000:
        size = round(size, -max(0, len(f"{size:.0f}") - 3))
    text = f"{size:,.0f}" if size >= 100 or size == round(size) else f"{size:,.2f}"
    minus = "−" if amount < 0 and float(text.replace(",", "")) else ""
    return f"{minus}{SIGNS.get(currency, currency)}\u00a0{text.replace(',', chr(0x2009))}"


def sentences(money: Money, kind: str, who: str = "") -> list[str]:
    """The table of money read back, one sentence for each number that says something."""
    named = {
        "binary": [
            ("right_yes", "Each rightly called case"),
            ("wrong_yes", "Each wasted call"),
            ("right_no", "Each case rightly left alone"),
            ("wrong_no", f"Each missed one{f' of the {who}' if who else ''}"),
        ],
        "multiclass": [("right_yes", "Each right answer"), ("wrong_yes", "Each wrong answer")],
        "regression": [("per_unit_off", "Each unit that an answer is off")],
        "forecast": [("per_unit_off", "Each unit that an answer is off")],
        "clustering": [],
        "anomaly": [],
    }[kind]
    told = [f"{words} {_verb(money.currency, getattr(money, name))}." for name, words in named if getattr(money, name)]
    told = told or ["No answer is worth or costs anything yet."]
    if money.cases_a_month is None:
        return [*told, "Nobody said how many cases a month brings."]
    return [*told, f"A month brings {money.cases_a_month:,.0f} cases.".replace(",", "\u2009")]


def _verb(currency: str, amount: float) -> str:
    return f"{'brings' if amount > 0 else 'costs'} {said(currency, abs(amount))}"
