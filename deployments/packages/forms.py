"""PURE: what all forms of a package need: the names that stand in its card, and JSON as bytes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ONNX = "onnx"
FORMS = {"fastapi": "FastAPI project", "flask": "Flask project", "mlflow": "MLflow model"}


@dataclass(frozen=True)
class Named:
    """The model, its version, when it was packed, and the Python that it was made with."""

    model: str
    version: int
    python: str

    @property
    def short_python(self) -> str:
        """As images are named: `3.11`."""
        return ".".join(self.python.split(".")[:2])


def named(parts: Mapping[str, bytes]) -> Named:
    """What the card in a package says."""
    card = json.loads(parts["card.json"])
    python = card["facts"]["environment"].get("python") or "3.11"
    return Named(str(card["model"]), int(card["version"]), str(python))


def json_bytes(value: Any) -> bytes:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=False).encode()
