"""PURE: a small neural network (multi-layer perceptron)."""

from collections.abc import Mapping
from typing import Any

from experiments.estimators.family import EVERY, Family, Setting


def make(kind: str, settings: Mapping[str, Any], seed: int) -> Any:
    """Layers of equal width trained by Adam until the loss stands still; a number is learned scaled."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import StandardScaler

    shared = {
        "hidden_layer_sizes": (settings["width"],) * settings["layers"],
        "alpha": settings["alpha"],
        "learning_rate_init": settings["learning_rate"],
        "max_iter": settings["max_iter"],
        "tol": 1e-3,
        "n_iter_no_change": 5,
        "random_state": seed,
    }
    if kind == "regression":
        return TransformedTargetRegressor(MLPRegressor(**shared), transformer=StandardScaler())
    return MLPClassifier(**shared)


NEURAL = Family(
    key="neural",
    name="Neural network",
    words="Finds smooth curves and mixtures of inputs. Minutes; hard to explain.",
    kinds=EVERY,
    prepare="scaled",
    make=make,
    settings=(
        Setting(
            "width",
            "Cells per layer",
            "More can follow finer shapes.",
            "integer",
            32,
            1,
            1000,
            usual=(8, 128),
            scale="log",
        ),
        Setting("layers", "Layers", "More can build on what the ones before found.", "integer", 1, 1, 5, usual=(1, 3)),
        Setting(
            "alpha",
            "Restraint",
            "Larger keeps weights small.",
            "number",
            0.01,
            0.0,
            100.0,
            usual=(0.0001, 10.0),
            scale="log",
        ),
        Setting(
            "learning_rate",
            "Learning rate",
            "Smaller steps are surer and slower.",
            "number",
            0.003,
            1e-5,
            1.0,
            usual=(0.0003, 0.03),
            scale="log",
        ),
        Setting("max_iter", "Rounds at most", "How often it may see all rows.", "integer", 200, 5, 5000),
    ),
)
