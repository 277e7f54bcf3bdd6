"""PURE: a static look at an uploaded model file: what it is, which types and inputs it names; it builds nothing."""

import json
import re
import zipfile
from dataclasses import dataclass
from typing import Any, BinaryIO

from experiments.packaging import ALLOWED, MOST_BYTES, MOST_MEMBERS, types_in
from experiments.uploading.onnx_files import names_in, read
from experiments.uploading.onnx_models import refuse_lack
from problems.problem import Invalid, Problem, TooLarge

MOST_UPLOAD = 512 * 1024**2
MOST_QUICK = 8 * 1024**2  # a longer description is read by the limited child only
MEMBER = re.compile(r"schema\.json|[A-Za-z0-9_-]{1,80}\.(npy|npz|bin)")
HOW = "Save the fitted model with skops.io.dump(model, “model.skops”), or export it as ONNX, and upload that file."
NEVER = (".pkl", ".pickle", ".joblib", ".dill", ".pt", ".pth", ".h5", ".keras", ".npy", ".npz")


@dataclass(frozen=True)
class Look:
    """What the file says without being built: the names of its inputs, none where it does not say."""

    names: list[str]


def refused(text: str, **details: Any) -> Problem:
    """A refusal that names the file's field."""
    return Invalid(text, fields={"file": text}, code=str(details.pop("code", "bad_model")), **details)


def check_size(size: int) -> None:
    """Refuse more than one model has."""
    if size > MOST_UPLOAD:
        text = f"The file has {size / 1024**2:.0f} MB; a model may have at most {MOST_UPLOAD // 1024**2} MB."
        raise TooLarge(text, fields={"file": text})


def look(file: BinaryIO, name: str) -> Look:
    """Refuse what is no skops file of allowed types, by its beginning, its list of members and its description.

    Of an ONNX file the operators, the data and where that lies are looked at.
    """
    check_name(name)
    if name.lower().endswith(".onnx"):
        return _look_at_onnx(file)
    if file.read(4) != b"PK\x03\x04":
        raise refused(f"This is not a skops file. {HOW}")
    try:
        with zipfile.ZipFile(file) as archive:
            check_members(archive)
            if archive.getinfo("schema.json").file_size > MOST_QUICK:
                return Look([])
            schema = json.loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError, NotImplementedError, EOFError, OSError) as error:
        raise refused(f"The file is not a whole skops file. {HOW}") from error
    foreign = sorted({kind for loader, kind in types_in(schema) if (loader, kind) not in ALLOWED})
    if foreign:
        text = f"The model file contains types that are not allowed: {', '.join(foreign[:10])}."
        raise refused(text, code="foreign_types", types=foreign[:200])
    return Look(_names(schema))


def _look_at_onnx(file: BinaryIO) -> Look:
    refuse_lack()
    content = file.read(MOST_QUICK + 1)
    return Look(names_in(read(content)) if len(content) <= MOST_QUICK else [])


def check_name(name: str) -> None:
    """Pickles and files of other tools are refused by what they are called already."""
    ending = name.lower()
    if any(part in NEVER for part in re.findall(r"\.[a-z0-9]+", ending)):
        raise refused(f"Files like this one can run whatever their maker wants; none is ever loaded. {HOW}")
    if not ending.endswith((".skops", ".onnx")):
        raise refused(f"The name does not end with .skops or .onnx. {HOW}")


def check_members(archive: zipfile.ZipFile) -> None:
    """The members that skops writes, each once, and no more than fits."""
    members = archive.infolist()
    if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > MOST_BYTES:
        raise refused("The model file is larger than 2 GB when unpacked.")
    names = [member.filename for member in members]
    strange = [name for name in names if not MEMBER.fullmatch(name)]
    if strange or len(set(names)) < len(names):
        what = f"“{strange[0][:80]}”" if strange else "one name twice"
        raise refused(f"The file holds {what}, which skops does not write.")


def _names(schema: Any) -> list[str]:
    """The names of columns that the outermost step with names learned from."""
    level = [schema]
    while level:
        for node in level:
            if isinstance(node, dict) and isinstance(said := node.get("feature_names_in_"), dict):
                return _texts(said)
        level = [child for node in level for child in _children(node)]
    return []


def _children(node: Any) -> list[Any]:
    found = list(node.values()) if isinstance(node, dict) else list(node) if isinstance(node, list) else []
    return [child for child in found if isinstance(child, dict | list)]


def _texts(node: dict[str, Any]) -> list[str]:
    """The words of an array of words, as skops writes them; none where it is written otherwise."""
    try:
        found = [json.loads(item["content"]) for item in node["content"]]
    except (KeyError, TypeError, ValueError):
        return []
    return found if all(isinstance(name, str) for name in found) else []
