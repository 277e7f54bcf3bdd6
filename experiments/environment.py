"""PURE: what a run was made with, so that it can be made again: versions, seed, threads, the data's hash."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("scikit-learn", "numpy", "scipy", "pyarrow", "skops", "lightgbm", "xgboost-cpu")


def environment(data_sha256: str, seed: int, threads: int) -> dict[str, Any]:
    """Plain facts about this process."""
    return {
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "machine": f"{platform.system()} {platform.machine()}",
        "threads": threads,
        "seed": seed,
        "data_sha256": data_sha256,
    }


def _version(name: str) -> str:
    """Empty where an optional package is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
