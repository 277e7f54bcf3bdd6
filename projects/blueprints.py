"""PURE: what a new project can start from: texts to change, targets to agree on, roles to find, first tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from projects.contract import Goal
from projects.permissions import Role

PROJECT = "project:"


@dataclass(frozen=True)
class FirstTask:
    """Something to do at the start, by whoever holds a role."""

    role: Role
    title: str
    detail: str = ""


@dataclass(frozen=True)
class Blueprint:
    """A start. Its targets are proposals: nobody has signed them."""

    name: str
    kind: str
    texts: Mapping[str, str]
    goals: Sequence[Goal]
    roles: Sequence[Role]
    tasks: Sequence[FirstTask]


_ROLES = (Role.BUSINESS_ANALYST, Role.DATA_ENGINEER, Role.DATA_SCIENTIST, Role.ML_ENGINEER, Role.MLOPS_ENGINEER)
_TASKS = (
    FirstTask(Role.BUSINESS_ANALYST, "Put the problem into your own words", "Change every sentence that is not yours."),
    FirstTask(Role.BUSINESS_ANALYST, "Agree on the targets and sign them", "The numbers are examples."),
    FirstTask(Role.DATA_ENGINEER, "Load the data and publish a first version"),
    FirstTask(Role.DATA_ANALYST, "Look at every column and write down what is strange"),
    FirstTask(Role.DATA_SCIENTIST, "Train the yardstick and one better run"),
)

BLUEPRINTS: dict[str, Blueprint] = {
    "yes_no": Blueprint(
        "Who will? A yes-or-no question, like churn",
        "binary",
        {
            "problem": "Some of our customers leave, and we learn of it when they are gone.",
            "decision": "Each week somebody calls those who are most likely to leave, with an offer.",
            "prediction": "For each customer, every week, predict whether they will leave within the next 60 days.",
            "harmed": "Customers who are called without need. Nobody is refused anything.",
            "positive_word": "customers who leave",
        },
        (
            Goal("Find them", "recall", "at_least", 0.7, "", True),
            Goal("Do not waste calls", "precision", "at_least", 0.4, "", False),
        ),
        _ROLES,
        _TASKS,
    ),
    "number": Blueprint(
        "How much? A forecast of a number, like demand or time",
        "regression",
        {
            "problem": "We plan with last year’s figures, and are wrong where it costs most.",
            "decision": "Every evening the planner sets the next day’s numbers by the forecast.",
            "prediction": "For each day and place, every evening, predict how many will be needed the next day.",
            "harmed": "People whose shift is set too short or too long by a wrong forecast.",
        },
        (Goal("Be close", "mae", "at_most", 10.0, "pieces", True),),
        _ROLES,
        _TASKS,
    ),
}
