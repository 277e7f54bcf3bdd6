"""PURE: the shape of every estimator family: its words, its settings with bounds, and how it makes an estimator."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from problems.problem import Invalid

Value = int | float | str | bool | None
ANSWERS = frozenset({"binary", "multiclass"})  # questions whose answer is one of some words
Members = list[tuple[str, Any]]  # names and unfitted pipelines
EVERY = ANSWERS | {"regression"}


@dataclass(frozen=True)
class Setting:
    """One setting of a method. `kind` is integer, number or choice; bounds are inclusive; None may be a choice.

    `usual` is the range that a search looks in when nobody names another, on `scale` (linear, or log where a doubling
    counts alike everywhere); a setting without one is searched only when it is named.
    """

    name: str
    label: str
    help: str
    kind: str
    default: Value
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[Value, ...] = ()
    usual: tuple[float, float] | None = None
    scale: str = "linear"

    def wrong(self, value: Any) -> str:
        """What is wrong with a value, in words; empty when it fits."""
        if self.kind == "choice":
            fits = any(value is choice or (type(value) is type(choice) and value == choice) for choice in self.choices)
            return "" if fits else f"Choose one of: {', '.join(str(choice) for choice in self.choices)}."
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or (isinstance(value, float) and not math.isfinite(value)):  # whole numbers compare at any size
            return f"Use {'a whole number' if self.kind == 'integer' else 'a number'}."
        if self.kind == "integer" and value != int(value):
            return "Use a whole number."
        if not self.low <= value <= self.high:
            return f"Use a number from {self.low:g} to {self.high:g}."
        return ""

    def read(self, text: str) -> Value:
        """A form's text as a value of this kind, as far as it goes; `wrong` says the rest."""
        text = text.strip()
        if self.kind == "choice":
            return next((choice for choice in self.choices if str(choice) == text), text)
        try:
            return int(text)
        except ValueError:
            pass
        try:
            return float(text)
        except ValueError:
            return text


def anyway(settings: Mapping[str, Any], rows: int) -> str:
    """Most methods take any number of rows."""
    return ""


@dataclass(frozen=True)
class Family:
    """One method. `prepare` is how numbers are made ready: scaled (gaps filled), filled, or raw (gaps stay).

    A method either makes an estimator, or combines the pipelines of the run's other methods into one. `refuses` says
    in words why it cannot learn from so many rows with such settings; `needs` names an optional library.
    """

    key: str
    name: str
    words: str
    kinds: frozenset[str]
    prepare: str
    make: Callable[[str, Mapping[str, Any], int], Any] | None = None
    settings: tuple[Setting, ...] = ()
    preset: bool = False
    combine: Callable[[str, Mapping[str, Any], int, Members], Any] | None = None
    refuses: Callable[[Mapping[str, Any], int], str] = anyway
    needs: str = ""
    sparse: bool = False  # takes thousands of columns of mostly zeros, as the words of texts are

    @property
    def installed(self) -> bool:
        """Whether the library it needs is on this machine."""
        return not self.needs or find_spec(self.needs) is not None

    def checked(self, given: Any, where: str) -> dict[str, Value]:
        """All settings, the given ones checked, the others at their defaults. Refuses unknown names and bad values."""
        if not isinstance(given, Mapping):
            raise Invalid(
                f"{self.name}: settings must be an object of names and values.", fields={where: "not an object"}
            )
        known = {setting.name: setting for setting in self.settings}
        wrong = {
            f"{where}.{name}": known[name].wrong(value) if name in known else "There is no such setting."
            for name, value in given.items()
        }
        wrong = {field: text for field, text in wrong.items() if text}
        if wrong:
            said = "; ".join(f"{field}: {text}" for field, text in list(wrong.items())[:5])
            raise Invalid(f"{self.name} cannot be trained with these settings. {said}", fields=wrong)
        return {
            name: (int(value) if setting.kind == "integer" else value)
            for name, setting in known.items()
            for value in [given.get(name, setting.default)]
        }
