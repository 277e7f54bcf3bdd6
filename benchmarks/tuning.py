"""How good settings are that a search finds within so many seconds, over five seeds: what the platform offers against
plain random search that measures every trial whole.

20 000 rows with 20 numbers and 3 answers to learn from, 20 000 to judge on, one thread each, gradient-boosted trees.
SECONDS and SEEDS change the budget.
"""

import os
import statistics
import time
from typing import Any

ROWS = 20_000
WAYS = {
    "random, every trial whole": {"search": "random", "prune": False},
    "random, behind is given up": {"search": "random", "prune": True},
    "halving on rows": {"search": "halving", "prune": False, "trials": 40},
    "learning (TPE), behind is given up": {"search": "bayesian", "prune": True},
}


def main() -> None:
    """Every way with every seed, interleaved; the accuracy on the held-back rows after learning from all others."""
    os.environ["OMP_NUM_THREADS"] = "1"
    seconds, seeds = float(os.environ.get("SECONDS", "60")), int(os.environ.get("SEEDS", "5"))
    print(f"{seconds:g} s each, {seeds} seeds, {ROWS:,} rows x 20, 3 answers, 3 folds")
    found: dict[str, list[tuple[float, int]]] = {way: [] for way in WAYS}
    for seed in range(seeds):
        for way, plan in WAYS.items():
            found[way].append(_one(plan, seed, seconds))
    first = [score for score, _ in found[next(iter(WAYS))]]
    for way, pairs in found.items():
        scores = [score for score, _ in pairs]
        against = statistics.fmean(ours - theirs for ours, theirs in zip(scores, first, strict=True))
        trials = statistics.median(count for _, count in pairs)
        each = " ".join(f"{score:.4f}" for score in scores)
        mean = f"mean {statistics.fmean(scores):.4f}  ({each})"
        print(f"{way:36} {mean}  {against:+.4f} against the first, {trials:g} trials", flush=True)


def _one(plan: dict[str, Any], seed: int, seconds: float) -> tuple[float, int]:
    import numpy as np
    from sklearn.datasets import make_classification
    from threadpoolctl import threadpool_limits

    from experiments.estimators.catalog import FAMILIES
    from experiments.matrices import layout_of
    from experiments.searching import engine, plans
    from jobs.report import Silent

    family = FAMILIES["boosted"]
    rows, truth = make_classification(
        2 * ROWS, 20, n_informative=10, n_redundant=4, n_classes=3, n_clusters_per_class=4, class_sep=0.8, flip_y=0.03,
        random_state=seed,
    )  # fmt: skip
    layout = layout_of([{"name": f"x{n}", "type": "number"} for n in range(20)])
    whole = plans.checked({"method": "boosted", "trials": 500, "folds": 3} | plan, {"boosted": {}})
    assert whole is not None
    asked = family.checked({}, "settings")
    ground = engine.Ground(
        whole, "multiclass", seed, 0.5, "accuracy", rows.astype(object), truth.astype(float), layout, ["a", "b", "c"]
    )
    learn, test = np.arange(ROWS), np.arange(ROWS, 2 * ROWS)
    with threadpool_limits(limits=1):
        started = time.monotonic()
        results = engine.search(ground, asked, learn, seconds, Silent())
        best = engine.best_of(results, 1)
        assert best is not None, f"nothing whole in {time.monotonic() - started:.0f} s"
        return ground.measured(best["settings"], learn, test), len(results)
