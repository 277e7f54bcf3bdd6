"""Environments of their own for peers and clients that are no part of the product: made by pip, kept in a cache."""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CACHE = Path(os.environ.get("BATON_BENCH_CACHE") or Path(tempfile.gettempdir()) / "baton-environments")
MLFLOW = ("mlflow==3.17.2", "psycopg2-binary")  # the newest whose parts are all on the index
NOTEBOOK = ("nbclient", "ipykernel", "mlflow==3.17.2")
TRITON = ("tritonclient[http]==2.73.0",)
SCHEMATHESIS = ("schemathesis==4.32.5",)
OLD_MLFLOW = ("mlflow<3", "setuptools<81")


def python_with(*packages: str) -> str:
    """The Python of an environment that holds these packages; it is made where it is not there yet."""
    name = hashlib.sha256(" ".join([sys.version, *sorted(packages)]).encode()).hexdigest()[:12]
    place, done = CACHE / name, CACHE / name / "complete"
    python = str(place / "bin" / "python")
    if not done.exists():
        print(f"An environment with {', '.join(packages)} is made in {place}; this takes minutes.", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *packages], check=True)
        done.touch()
    return python
