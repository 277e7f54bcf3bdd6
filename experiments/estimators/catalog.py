"""PURE: the one list of estimator families; adding one is a file beside this and a line here."""

from experiments.estimators.boosted import BOOSTED
from experiments.estimators.dummy import DUMMY
from experiments.estimators.family import Family
from experiments.estimators.forest import FOREST
from experiments.estimators.linear import LINEAR, LOGISTIC

FAMILIES: dict[str, Family] = {family.key: family for family in (BOOSTED, LOGISTIC, LINEAR, FOREST, DUMMY)}


def for_kind(kind: str) -> list[Family]:
    """The methods that people may choose for a kind of question; the yardstick always runs and is not among them."""
    return [family for family in FAMILIES.values() if kind in family.kinds and family is not DUMMY]


def name_of(key: str) -> str:
    """A method's name in words."""
    return FAMILIES[key].name if key in FAMILIES else key
