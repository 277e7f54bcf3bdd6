"""PURE: a registered version as one zip file that answers without the platform: model, card, licence, sample, script.

The script reads the model with the very code that the platform reads it with, which lies beside it; so nothing but the
types on the fixed list is ever built there either.
"""

import hashlib
import importlib.util
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

SAMPLES = 5
MODULES = (
    "experiments.packaging",
    "experiments.matrices",
    "experiments.moments",
    "experiments.signatures",
    "experiments.unlabelled.asking",
    *(f"experiments.compiled.{name}" for name in ("columns", "estimators", "model", "preparing", "proof", "trees")),
    *(f"experiments.forecasting.{name}" for name in ("answering", "asking", "naive", "past", "relative", "steps")),
    *(f"experiments.uploading.{name}" for name in ("onnx_files", "onnx_models", "outside", "wire")),
    "jobs.report",
    "problems.problem",
    "projects.measures",
)
SCRIPT = '''"""Answers rows with this model, without the platform.

    python -m pip install -r requirements.txt
    python predict.py                   answers sample_input.json and compares with expected_output.json
    python predict.py rows.json         answers the rows of a file: a list of objects
"""

import hashlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "code"))


def checked() -> None:
    """Stop if a file is not the one that was packed."""
    for line in (HERE / "SHA256SUMS").read_text().splitlines():
        wanted, name = line.split("  ", 1)
        if hashlib.sha256((HERE / name).read_bytes()).hexdigest() != wanted:
            sys.exit(f"{name} was changed after it was packed.")


def answered(rows: list) -> list:
    """One answer for each row."""
    from experiments.packaging import Bundle
    from experiments.signatures import check_rows

    bundle = Bundle.open(HERE / "bundle.zip")
    clean, errors = check_rows(bundle.signature, rows)
    if errors:
        sys.exit("\\n".join(f"Row {one['row']}, {one['field']}: {one['message']}" for one in errors))
    found = bundle.predictor().predict(clean)
    return [{"answer": one.answer, "probability": one.probability} for one in found]


def same(one: object, other: object) -> bool:
    """Equal, or as near as another machine computes."""
    if isinstance(one, float) and isinstance(other, int | float):
        return abs(one - other) <= 1e-9 * max(1.0, abs(other))
    return one == other


def main() -> None:
    """Answer, and compare where it is known what must come out."""
    checked()
    own = len(sys.argv) < 2
    rows = json.loads((HERE / "sample_input.json" if own else Path(sys.argv[1])).read_text())
    answers = answered(rows)
    print(json.dumps(answers, indent=2))
    if own:
        wanted = json.loads((HERE / "expected_output.json").read_text())
        if not all(same(a[k], w[k]) for a, w in zip(answers, wanted, strict=True) for k in w):
            sys.exit("The answers are others than when it was packed: see requirements.txt for the versions.")
        print("The same answers as when it was packed.", file=sys.stderr)


if __name__ == "__main__":
    main()
'''


def pack(file: BinaryIO, bundle: Path, *, card: str, facts: Mapping[str, Any], licences: Sequence[str]) -> None:
    """Write the zip; the sums of all its files stand in `SHA256SUMS`."""
    write(file, parts(bundle, card=card, facts=facts, licences=licences))


def parts(bundle: Path, *, card: str, facts: Mapping[str, Any], licences: Sequence[str]) -> dict[str, bytes]:
    """The files by their names, which other forms of a package build on."""
    with zipfile.ZipFile(bundle) as inner:
        signature, golden = (json.loads(inner.read(name)) for name in ("signature.json", "golden.json"))
    rows, answers = golden["rows"][:SAMPLES], golden["answers"][:SAMPLES]
    return {
        "bundle.zip": bundle.read_bytes(),
        "signature.json": _json({name: part for name, part in signature.items() if name != "tail"}),
        "sample_input.json": _json(rows),
        "expected_output.json": _json(answers),
        "card.md": card.encode(),
        "card.json": _json(facts),
        "DATA_LICENCE.txt": ("\n".join(licences) or "No licence of the data is written down.").encode() + b"\n",
        "requirements.txt": requirements(facts["facts"]["environment"]).encode(),
        "predict.py": SCRIPT.encode(),
        **_code(),
    }


def write(file: BinaryIO, found: Mapping[str, bytes]) -> None:
    """Files as a zip file, with their sums."""
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in found.items())
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**found, "SHA256SUMS": sums.encode()}.items():
            kind = zipfile.ZIP_STORED if name == "bundle.zip" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, kind)


def requirements(environment: Mapping[str, Any]) -> str:
    """The packages that it was made with, pinned."""
    packages = environment.get("packages") or {}
    pinned = [f"{name}=={version}" for name, version in sorted(packages.items()) if version]
    return "\n".join([f"# Python {environment.get('python', '')}", *pinned]) + "\n"


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str).encode() + b"\n"


def _code() -> dict[str, bytes]:
    """The sources that the script needs, each where Python looks for it."""
    found: dict[str, bytes] = {}
    for name in MODULES:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        found[f"code/{name.replace('.', '/')}.py"] = Path(spec.origin).read_bytes()
        *packages, _ = name.split(".")
        for depth in range(1, len(packages) + 1):
            found.setdefault(f"code/{'/'.join(packages[:depth])}/__init__.py", b"")
    return found
