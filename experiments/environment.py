"""PURE: what a run was made with, so that it can be made again: versions, seed, threads, the data's hash."""

import hashlib
import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

PACKAGES = ("scikit-learn", "numpy", "scipy", "pyarrow", "skops", "lightgbm", "xgboost-cpu")

RUNTIME = "onnxruntime"  # answers ONNX models, of which nothing else does

READERS = ("pyarrow",)  # it reads tables; no answer depends on it


def environment(data_sha256: str, seed: int, threads: int) -> dict[str, Any]:
    """Plain facts about this process."""
    return {
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := version_of(name))},
        "machine": f"{platform.system()} {platform.machine()}",
        "threads": threads,
        "seed": seed,
        "data_sha256": data_sha256,
        "code": code_revision(),
        "commit": commit(),
        "lock": lock(),
    }


def lock() -> list[str]:
    """Every installed package with its version, as requirements files have them, by the names of their folders."""
    found: dict[str, str] = {}
    for folder in map(Path, sys.path):
        for one in folder.glob("*.dist-info") if folder.is_dir() else ():
            name, _, number = one.stem.partition("-")
            found.setdefault(name.lower().replace("_", "-"), number)
    return [f"{name}=={number}" for name, number in sorted(found.items())]


@cache
def code_revision() -> str:
    """A hash over the sources that train, changed as soon as one of them is, committed or not."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "experiments").rglob("*.py")):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@cache
def commit() -> str:
    """The commit that is checked out where the platform runs from a repository; empty elsewhere."""
    place = ROOT / ".git"
    try:
        if place.is_file():  # a further working tree names its folder
            place = Path(place.read_text().partition("gitdir:")[2].strip())
        head = (place / "HEAD").read_text().strip()
        if not head.startswith("ref:"):
            return head[:40]
        name = head.removeprefix("ref:").strip()
        shared = place / (place / "commondir").read_text().strip() if (place / "commondir").exists() else place
        if (shared / name).is_file():
            return (shared / name).read_text().strip()[:40]
        packed = (shared / "packed-refs").read_text().splitlines()
        return next((line.split()[0] for line in packed if line.endswith(f" {name}")), "")
    except OSError:
        return ""


def changed(before: Mapping[str, Any]) -> list[str]:
    """Which libraries that models are made of are here in another version than in this environment, in words."""
    packages = before.get("packages") or {}
    told = [
        f"{name} {packages[name]} is {version_of(name) or 'not installed'} here"
        for name in (*PACKAGES, RUNTIME)
        if name not in READERS and packages.get(name) and packages[name] != version_of(name)
    ]
    was, now = str(before.get("python") or ""), platform.python_version()
    if was and was.split(".")[:2] != now.split(".")[:2]:
        told.append(f"Python {was} is {now} here")
    return told


def version_of(name: str) -> str:
    """Empty where an optional package is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
