"""PURE: a registered version as an MLflow model: a folder whose `python_function` flavor reads the package."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from deployments.packages.answering import MODEL
from deployments.packages.forms import json_bytes, named

LOADER = '''"""How MLflow opens this model: `_load_pyfunc` is given the folder of its data."""

import importlib.util
import math
from pathlib import Path


def _load_pyfunc(data_path):
    place = Path(data_path) / "model.py"
    spec = importlib.util.spec_from_file_location("packaged_model", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Answering(module.Model())


def plain(value):
    """A cell of a frame as JSON has it."""
    if hasattr(value, "isoformat"):
        return None if value != value else value.isoformat()
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and math.isnan(value) else value


class Answering:
    """What `mlflow.pyfunc` calls."""

    def __init__(self, model):
        self.model = model

    def predict(self, frame, params=None):
        import pandas

        rows = frame.to_dict("records") if hasattr(frame, "to_dict") else [dict(row) for row in frame]
        rows = [{name: plain(value) for name, value in row.items()} for row in rows]
        try:
            return pandas.DataFrame(self.model.answer(rows))
        except Exception as problem:
            told = getattr(problem, "body", None)
            if told is None:
                raise
            lines = [f"row {one['row']}, {one['field']}: {one['message']}" for one in told["errors"][:10]]
            raise ValueError("; ".join([told["detail"], *lines])) from None
'''
TYPES = {"integer": "long", "number": "double", "boolean": "boolean", "text": "string"}
DATA = "data"
MLMODEL = """artifact_path: model
flavors:
  python_function:
    code: loader
    data: data
    env:
      virtualenv: python_env.yaml
    loader_module: packaged_loader
    python_version: {python}
mlflow_version: 3.1.0
model_uuid: {uuid}
signature:
  inputs: {inputs}
  outputs: {outputs}
  params: null
metadata:
  baton_model: {model}
  baton_version: {version}
"""


def model(parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a package (see `experiments.taking_along.parts`) as an MLflow model."""
    it, signature = named(parts), json.loads(parts["signature.json"])
    data = {**parts, "model.py": MODEL.encode(), "package.json": json_bytes({"model": it.model, "version": it.version})}
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in data.items())
    inputs = [_field(one) for one in signature["inputs"]]
    outputs = [{"type": kind, "name": name, "required": False} for name, kind in _answers(signature)]
    head = MLMODEL.format(
        python=it.python,
        uuid=uuid.UUID(bytes=hashlib.sha256(parts["bundle.zip"]).digest()[:16]).hex,
        inputs=json.dumps(json.dumps(inputs)),
        outputs=json.dumps(json.dumps(outputs)),
        model=json.dumps(it.model),
        version=it.version,
    )
    needed = parts["requirements.txt"] + b"pandas>=2\n"
    environment = f"python: {json.dumps(it.python)}\ndependencies:\n- -r requirements.txt\n"
    return {
        "MLmodel": head.encode(),
        "python_env.yaml": environment.encode(),
        "requirements.txt": needed,
        "loader/packaged_loader.py": LOADER.encode(),
        **{f"{DATA}/{name}": content for name, content in data.items()},
        f"{DATA}/SHA256SUMS": sums.encode(),
    }


def _field(one: Mapping[str, Any]) -> dict[str, Any]:
    """An input as MLflow describes it. Whole numbers that may be missing are numbers there, and moments are texts."""
    kind = TYPES.get(one["type"], "string")
    kind = "double" if kind == "long" and one["nullable"] else kind
    return {"type": kind, "name": one["name"], "required": not one["nullable"]}


def _answers(signature: Mapping[str, Any]) -> list[tuple[str, str]]:
    kind = "double" if signature["kind"] in ("regression", "forecast") else "string"
    return [("answer", kind), ("probability", "double")]
