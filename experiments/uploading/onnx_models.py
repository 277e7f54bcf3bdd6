"""PURE: an ONNX model behind the face of a fitted one: columns in, numbers or chances out, on one thread.

ONNX Runtime is an extra. It is loaded in the limited child and in the prediction server, late, and given bytes only: no
folder that it could look into for more, no library of operators, nothing but the processor.
"""

import re
from importlib.util import find_spec
from typing import Any

import numpy as np

from experiments.uploading.onnx_files import bad, read

RUNTIME = "onnxruntime"
NEEDED = (
    "ONNX models are answered by ONNX Runtime, which is not installed here. An administrator installs it with "
    ".venv/bin/python -m pip install -r requirements/onnx.txt and starts the platform again."
)
WORDS, TRUTHS = 8, 9
TYPES = {1: np.float32, 6: np.int32, 7: np.int64, 11: np.float64}
SLACK = 1e-3  # chances in single precision
TRIED = (1, 2, 3, 7)  # numbers of rows; what is looked at must be as wide for each


def installed() -> bool:
    """Whether ONNX models can be answered here; does not load the runtime."""
    return find_spec(RUNTIME) is not None


def refuse_lack() -> None:
    """Say what to install where the runtime is not."""
    if not installed():
        raise bad(NEEDED, "not_installed")


class OnnxModel:
    """Answers columns as the file's own inputs want them: one table of numbers, or each column by its name."""

    by_columns = True

    def __init__(self, content: bytes) -> None:
        self._content, self.graph = content, read(content)
        refuse_lack()
        self._session = _session(content)
        self._alone = len(self.graph.inputs) > 1
        self._check_inputs()
        self._chances, self._number = self._outputs()

    @property
    def classes_(self) -> list[str] | None:
        """The answers in the order of its chances, where the file says them."""
        return self.graph.labels

    @property
    def feature_names_in_(self) -> list[str] | None:
        """The columns that it looks at, where it names them."""
        return [one.name for one in self.graph.inputs] if self._alone else None

    @property
    def n_features_in_(self) -> int:
        """How many inputs; 0 where any number will do."""
        return len(self.graph.inputs) if self._alone else self._wide()

    @property
    def operators(self) -> list[str]:
        """What it is made of."""
        return self.graph.operators

    def predict(self, columns: list[Any]) -> Any:
        """The number for each row."""
        return np.asarray(self._asked(self._number, columns), dtype=np.float64)

    def predict_proba(self, columns: list[Any]) -> Any:
        """A line of chances for each row, in the file's order."""
        found = self._asked(self._chances, columns)
        if isinstance(found, list):
            found = [_by_label(row, self.graph.labels) for row in found]
        chances = np.asarray(found, dtype=np.float64).reshape(len(columns[0]), -1)
        if chances.shape[1] == 1:
            chances = np.column_stack([1 - chances[:, 0], chances[:, 0]])
        known = chances[np.isfinite(chances).all(axis=1)]
        inside = ((known >= -SLACK) & (known <= 1 + SLACK)).all()
        if not inside or (np.abs(known.sum(axis=1) - 1) > SLACK).any():
            raise bad("it gives scores that are no chances: they do not lie between 0 and 1, or do not add up to 1")
        return chances

    def refuse_astray(self, columns: list[Any]) -> None:
        """Make sure that what walks a forest or multiplies is given rows as wide as it looks at, however many."""
        for name, (least, most) in self.graph.walks.items():
            session = _session(_with_output(self._content, name))
            for count in TRIED:
                few = [np.resize(column, count) for column in columns]
                shape = self._shape(session, name, few)
                if len(shape) != 2 or shape[0] != count or not least <= shape[1] <= most:
                    raise bad("A part of the model looks at columns that it is not given.", "unsound_model")

    def _shape(self, session: Any, name: str, few: list[Any]) -> tuple[int, ...]:
        try:
            return tuple(self._run(session, name, few).shape)
        except MemoryError:
            raise
        except Exception as error:
            text = "A part of the model looks at columns that it is not given, or at values of another kind."
            raise bad(text, "unsound_model") from error

    def _asked(self, name: str, columns: list[Any]) -> Any:
        """One row is asked as two: alone it would go through other arithmetic, and come out a little otherwise."""
        alone = len(columns[0]) == 1
        found = self._run(self._session, name, [np.repeat(one, 2) for one in columns] if alone else columns)
        return found[:1] if alone else found

    def _run(self, session: Any, name: str, columns: list[Any]) -> Any:
        return session.run([name], self._given(columns))[0]

    def _given(self, columns: list[Any]) -> dict[str, Any]:
        inputs = self.graph.inputs
        if not self._alone:
            kind = inputs[0].kind
            return {inputs[0].name: np.column_stack([_as(column, kind) for column in columns])}
        return {
            one.name: _as(column, one.kind).reshape((-1, 1) if len(one.shape) == 2 else (-1,))
            for one, column in zip(inputs, columns, strict=True)
        }

    def _wide(self) -> int:
        shape = self.graph.inputs[0].shape
        return shape[1] if len(shape) == 2 else 0

    def _check_inputs(self) -> None:
        inputs = self.graph.inputs
        if not inputs:
            raise bad("The model looks at nothing.")
        for one in inputs:
            if not (one.shape[1:] in ((), (0,), (1,)) if self._alone else len(one.shape) == 2):
                raise bad(f"The input “{one.name[:80]}” is neither one column nor one table of numbers.")
            if one.shape[0]:
                text = f"The model answers exactly {one.shape[0]} rows at a time. Export it for any number of rows."
                raise bad(text)

    def _outputs(self) -> tuple[str, str]:
        """The output with the chances, and the one with the number."""
        found = {one.name: str(one.type) for one in self._session.get_outputs()}
        maps = [name for name, kind in found.items() if kind.startswith("seq(map(")]
        numbers = [name for name, kind in found.items() if kind in ("tensor(float)", "tensor(double)")]
        if not maps and not numbers:
            raise bad("No output of the model holds numbers.")
        return (maps or numbers)[0], (numbers or maps)[0]


def _session(content: bytes) -> Any:
    """A session on one thread of the processor, from bytes alone."""
    import onnxruntime  # late: only such models need it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except MemoryError:
        raise
    except Exception as error:
        raise bad(f"ONNX Runtime cannot open the model: {_first(error)}") from error


def _first(error: Exception) -> str:
    said = re.sub(r"\S*/\S+", "", str(error)).strip()  # where the runtime was built tells nobody anything
    return said.splitlines()[0][:200] if said else type(error).__name__


def _with_output(content: bytes, name: str) -> bytes:
    """The same model with one of its inner values as a further output: messages that follow each other are merged."""
    value = _field(1, name.encode())
    return content + _field(7, _field(12, value))


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _size(len(content)) + content


def _size(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _by_label(row: dict[Any, Any], labels: list[str] | None) -> list[Any]:
    found = {str(label): value for label, value in row.items()}
    return [found[label] for label in labels] if labels else list(found.values())


def _as(column: Any, kind: int) -> Any:
    """A column as an input wants it; a gap is not a number where it takes numbers, and an empty text among words."""
    if kind == WORDS:
        return np.array([_text(value) for value in column.tolist()], dtype=object)
    if kind == TRUTHS:
        if column.dtype == object and any(not isinstance(value, bool | np.bool_) for value in column):
            raise ValueError("it cannot answer rows with gaps, or with words where it takes yes and no")
        return column.astype(bool)
    found = column.astype(np.float64)
    if kind in (6, 7):
        if not np.isfinite(found).all() or (found != np.round(found)).any():
            raise ValueError("it takes whole numbers only, without gaps")
        return found.astype(TYPES[kind])
    return found.astype(TYPES[kind])


def _text(value: Any) -> str:
    if isinstance(value, float) and value != value:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
