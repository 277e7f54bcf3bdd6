"""PURE: a registered version as an ONNX file with its signature, its sample, its card, and a script that asks it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployments.packages.forms import json_bytes
from deployments.packages.onnx_graph import NoOnnx, graph_of
from experiments.compiled.model import parts_of
from experiments.packaging import Bundle
from problems.problem import Invalid

KEPT = ("signature.json", "sample_input.json", "expected_output.json", "card.md", "card.json", "DATA_LICENCE.txt")
SCRIPT = '''"""Asks model.onnx with onnxruntime alone.

    python -m pip install -r requirements.txt
    python predict.py                   answers sample_input.json and compares with expected_output.json
    python predict.py rows.json         answers the rows of a file: a list of objects
"""

import json
import sys
from pathlib import Path

import numpy
import onnxruntime

HERE = Path(__file__).resolve().parent
SIGNATURE = json.loads((HERE / "signature.json").read_text())


def columns(rows):
    """One column for each input: numbers as double, words as text; a gap is NaN, or an empty text."""
    found = {}
    for one in SIGNATURE["inputs"]:
        values = [row.get(one["name"]) for row in rows]
        if one["type"] in ("text", "boolean"):
            words = ["" if v is None else str(v).lower() if isinstance(v, bool) else v for v in values]
            found[one["name"]] = numpy.array(words, dtype=object).reshape(-1, 1)
        else:
            numbers = [float("nan") if v is None else v for v in values]
            found[one["name"]] = numpy.array(numbers, dtype=numpy.float64).reshape(-1, 1)
    return found


def answered(rows):
    session = onnxruntime.InferenceSession(str(HERE / "model.onnx"), providers=["CPUExecutionProvider"])
    found = dict(zip([one.name for one in session.get_outputs()], session.run(None, columns(rows))))
    lines = [{"answer": one} for one in found["answer"].tolist()]
    for line, chances in zip(lines, found.get("chances", [])):
        line["chances"] = chances.tolist()
    return lines


def main():
    own = len(sys.argv) < 2
    rows = json.loads((HERE / "sample_input.json" if own else Path(sys.argv[1])).read_text())
    lines = answered(rows)
    print(json.dumps(lines, indent=2))
    if own:
        wanted = json.loads((HERE / "expected_output.json").read_text())
        for line, one in zip(lines, wanted):
            same = line["answer"] == one["answer"]
            if isinstance(one["answer"], float):
                same = abs(line["answer"] - one["answer"]) <= 1e-6 * max(1.0, abs(one["answer"]))
            if not same:
                sys.exit("The answers are others than when it was packed.")
        print("The same answers as when it was packed.", file=sys.stderr)


if __name__ == "__main__":
    main()
'''


def file_of(bundle: Path, facts: Mapping[str, str]) -> bytes:
    """The ONNX file of a packed model, the same bytes each time; NoOnnx says why there is none."""
    opened = Bundle.open(bundle)
    if opened.signature.get("features"):
        raise NoOnnx("It looks at what is made of its inputs, not at them.")
    try:
        link, prepared, arrays = opened.made_of(parts_of)
    except Invalid as reason:
        raise NoOnnx(f"Only compiled models are written as ONNX. {reason.text}") from None
    return graph_of(link, prepared, arrays, opened.signature, facts)


def package(parts: Mapping[str, bytes], content: bytes, rows: int, difference: float) -> dict[str, bytes]:
    """The files of a package (see `experiments.taking_along.parts`) with the graph in the place of the pipeline."""
    proof: dict[str, Any] = {
        "rows": rows,
        "largest_difference": difference,
        "against": "the stored scikit-learn pipeline",
    }
    signature = json.loads(parts["signature.json"])
    proof["inputs"] = [one["name"] for one in signature["inputs"]]
    return {
        "model.onnx": content,
        **{name: parts[name] for name in KEPT},
        "parity.json": json_bytes(proof),
        "requirements.txt": b"numpy>=1.26\nonnxruntime>=1.20\n",
        "predict.py": SCRIPT.encode(),
    }
