"""PURE: the one list of estimator families; adding one is a file beside this and a line here."""

from experiments.estimators.bayes import BAYES
from experiments.estimators.boosted import BOOSTED
from experiments.estimators.dummy import DUMMY
from experiments.estimators.ensembles import STACK, VOTE
from experiments.estimators.family import Family
from experiments.estimators.forest import EXTRA_TREES, FOREST
from experiments.estimators.grouping import K_MEANS, MINI_BATCH, MIXTURE
from experiments.estimators.lightgbm_trees import LIGHTGBM
from experiments.estimators.linear import LINEAR, LOGISTIC
from experiments.estimators.neighbours import NEIGHBOURS
from experiments.estimators.neural import NEURAL
from experiments.estimators.oddity import ELLIPSE, ISOLATION, ONE_CLASS, OUTLIER_FACTOR
from experiments.estimators.support import KERNEL_SVM, LINEAR_SVM
from experiments.estimators.xgboost_trees import XGBOOST

_SIMPLE = (BOOSTED, LOGISTIC, LINEAR, FOREST, EXTRA_TREES, LINEAR_SVM, KERNEL_SVM, NEIGHBOURS, BAYES, NEURAL)
_UNLABELLED = (K_MEANS, MINI_BATCH, MIXTURE, ISOLATION, OUTLIER_FACTOR, ONE_CLASS, ELLIPSE)
UPLOADED = "uploaded"  # stands for a method that nothing here can train
FAMILIES: dict[str, Family] = {
    family.key: family for family in (*_SIMPLE, LIGHTGBM, XGBOOST, *_UNLABELLED, VOTE, STACK, DUMMY)
}


def for_kind(kind: str) -> list[Family]:
    """The methods that people may choose for a kind of question on this machine; the yardstick always runs."""
    if kind == "forecast":  # any method for a number, but those that learn from folds of the past
        return [family for family in for_kind("regression") if family.combine is None]
    return [family for family in FAMILIES.values() if kind in family.kinds and family.installed and family is not DUMMY]


def name_of(key: str) -> str:
    """A method's name in words."""
    if key == UPLOADED:
        return "Model made elsewhere"
    return FAMILIES[key].name if key in FAMILIES else key
