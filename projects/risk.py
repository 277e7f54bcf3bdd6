"""PURE: how much harm a wrong answer can do: eight plain questions in, a tier with its reasons out."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

VERSION = 1


class Tier(StrEnum):
    """How careful the way to production has to be."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def words(self) -> str:
        """What people read."""
        return {"low": "Low risk", "medium": "Medium risk", "high": "High risk"}[self]


# Nobody has answered yet: neither waved through nor stopped.
UNANSWERED = Tier.MEDIUM
MEDIUM_FROM, HIGH_FROM = 5, 10


@dataclass(frozen=True)
class Choice:
    """One answer: its word, its sentence, how much it weighs, and the reason that it gives when it weighs."""

    value: str
    words: str
    weight: int
    reason: str = ""


@dataclass(frozen=True)
class RiskQuestion:
    """One question; its answers are in order of weight."""

    key: str
    text: str
    choices: tuple[Choice, ...]

    def choice(self, value: str) -> Choice | None:
        """The answer with this word."""
        return next((choice for choice in self.choices if choice.value == value), None)


@dataclass(frozen=True)
class Assessment:
    """The tier, the weight that led to it, and the reasons, heaviest first."""

    tier: Tier
    weight: int
    reasons: tuple[str, ...]


QUESTIONS = (
    RiskQuestion(
        "people",
        "Whom does an answer touch?",
        (
            Choice("nobody", "Nobody: things, stock, machines", 0),
            Choice("staff", "Our own staff", 1, "It touches our own staff."),
            Choice("public", "Customers or the public", 2, "It touches customers or the public."),
            Choice("dependent", "People who depend on us", 3, "It touches people who depend on us and cannot go."),
        ),
    ),
    RiskQuestion(
        "automated",
        "Who decides?",
        (
            Choice("person", "A person decides each time", 0),
            Choice(
                "stoppable", "The model, and a person can step in", 1, "The model decides unless somebody steps in."
            ),
            Choice("alone", "The model alone", 2, "The model decides alone."),
        ),
    ),
    RiskQuestion(
        "reversible",
        "Can a wrong answer be put right?",
        (
            Choice("easily", "Yes, at once", 0),
            Choice("hardly", "With effort", 1, "A wrong answer is put right only with effort."),
            Choice("never", "No", 3, "A wrong answer cannot be put right."),
        ),
    ),
    RiskQuestion(
        "protected",
        "Could it treat protected groups worse (age, sex, origin, belief, disability)?",
        (
            Choice("no", "No, because no people or no such link", 0),
            Choice("unknown", "We do not know", 1, "Nobody knows yet whether protected groups are treated worse."),
            Choice("yes", "Yes, it could", 2, "It could treat protected groups worse."),
        ),
    ),
    RiskQuestion(
        "regulated",
        "Do rules apply?",
        (
            Choice("no", "None that we know", 0),
            Choice("own", "Our own or the industry's", 1, "Own rules or rules of the industry apply."),
            Choice("law", "A law or a regulator", 3, "A law or a regulator applies."),
        ),
    ),
    RiskQuestion(
        "money",
        "What can one wrong answer cost?",
        (
            Choice("little", "Little", 0),
            Choice("noticeable", "A noticeable sum", 1, "One wrong answer costs a noticeable sum."),
            Choice("much", "A lot", 2, "One wrong answer costs a lot."),
        ),
    ),
    RiskQuestion(
        "scale",
        "How many answers a month?",
        (
            Choice("few", "Up to a thousand", 0),
            Choice("many", "Up to a hundred thousand", 1, "Thousands of answers a month."),
            Choice("mass", "More", 2, "More than a hundred thousand answers a month."),
        ),
    ),
    RiskQuestion(
        "explanation",
        "Does anybody have a right to know why?",
        (
            Choice("no", "No", 0),
            Choice("wished", "They would like to", 1, "People would like to know why."),
            Choice("owed", "Yes, an explanation is owed", 2, "An explanation is owed."),
        ),
    ),
)
BY_KEY = {question.key: question for question in QUESTIONS}


def wrong_answers(answers: Mapping[str, str]) -> dict[str, str]:
    """What is missing or unknown, by question."""
    wrong = {
        question.key: f"Choose one of: {', '.join(choice.value for choice in question.choices)}."
        for question in QUESTIONS
        if question.choice(answers.get(question.key, "")) is None
    }
    return wrong | {key[:40]: "There is no such question." for key in answers if key not in BY_KEY}


def assess(answers: Mapping[str, str]) -> Assessment:
    """The tier of complete answers. Weights add up; some pairs are high whatever the rest says.

    A heavier answer to any question never lowers the tier.
    """
    if wrong := wrong_answers(answers):
        raise ValueError(f"not answered: {sorted(wrong)}")
    chosen = [choice for question in QUESTIONS if (choice := question.choice(answers[question.key]))]
    weight = sum(choice.weight for choice in chosen)
    reasons = [choice.reason for choice in sorted(chosen, key=lambda choice: -choice.weight) if choice.reason]
    forced = _forced(answers)
    tier = Tier.HIGH if forced or weight >= HIGH_FROM else Tier.MEDIUM if weight >= MEDIUM_FROM else Tier.LOW
    return Assessment(tier, weight, (*forced, *reasons))


def _weight(answers: Mapping[str, str], key: str) -> int:
    choice = BY_KEY[key].choice(answers[key])
    return choice.weight if choice else 0


def _forced(answers: Mapping[str, str]) -> list[str]:
    """Pairs of the heaviest answers that are high risk by themselves."""
    found = []
    if _weight(answers, "reversible") == 3 and _weight(answers, "people") >= 2:
        found.append("A wrong answer to people cannot be put right: that alone is high risk.")
    if _weight(answers, "regulated") == 3 and _weight(answers, "automated") == 2:
        found.append("The model decides alone where a law applies: that alone is high risk.")
    return found
