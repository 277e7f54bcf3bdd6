"""PURE: the run's other methods together: by vote, or with a small model that learns whom to trust."""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import EVERY, Family, Members, Setting


def vote(kind: str, settings: Mapping[str, Any], seed: int, members: Members) -> Any:
    """The average of all answers or of all chances."""
    from sklearn.ensemble import VotingClassifier, VotingRegressor

    if kind == "regression":
        return VotingRegressor(members, n_jobs=1)
    return VotingClassifier(members, voting="soft", n_jobs=1)


def stack(kind: str, settings: Mapping[str, Any], seed: int, members: Members) -> Any:
    """Stacked generalisation (Wolpert 1992): the last model sees only answers on folds that a member had not seen."""
    from sklearn.ensemble import StackingClassifier, StackingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.model_selection import KFold, StratifiedKFold

    shared = {"n_splits": settings["folds"], "shuffle": True, "random_state": seed}
    if kind == "regression":
        last: Any = Ridge(alpha=1.0, random_state=seed)
        return StackingRegressor(members, final_estimator=last, cv=KFold(**shared), n_jobs=1)
    last = LogisticRegression(max_iter=1000, random_state=seed)
    folds = StratifiedKFold(**shared)
    return StackingClassifier(members, final_estimator=last, cv=folds, stack_method="predict_proba", n_jobs=1)


VOTE = Family(
    key="vote",
    name="All together, by vote",
    words="The average of the other methods that you chose. Steadier than each alone.",
    kinds=EVERY,
    prepare="none",
    combine=vote,
)

STACK = Family(
    key="stack",
    name="All together, learned",
    words="Learns which of the other chosen methods to trust when. Trains each several times.",
    kinds=EVERY,
    prepare="none",
    combine=stack,
    settings=(
        Setting("folds", "Parts", "How often each method is trained on a part of the rows.", "integer", 5, 2, 5),
    ),
)
