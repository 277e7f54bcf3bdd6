"""PURE: what a run was made with, so that it can be made again: versions, seed, threads, the data's hash."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("scikit-learn", "numpy", "scipy", "pyarrow", "skops", "lightgbm", "xgboost-cpu")

READERS = ("pyarrow",)  # it reads tables; no answer depends on it


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


def changed(before: Mapping[str, Any]) -> list[str]:
    """Which libraries that models are made of are here in another version than in this environment, in words."""
    packages = before.get("packages") or {}
    told = [
        f"{name} {packages[name]} is {_version(name) or 'not installed'} here"
        for name in PACKAGES
        if name not in READERS and packages.get(name) and packages[name] != _version(name)
    ]
    was, now = str(before.get("python") or ""), platform.python_version()
    if was and was.split(".")[:2] != now.split(".")[:2]:
        told.append(f"Python {was} is {now} here")
    return told


def _version(name: str) -> str:
    """Empty where an optional package is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
