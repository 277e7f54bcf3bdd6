"""PURE: lengths, masses, temperatures and more brought to one unit."""

from typing import Any

from datasets.recipes.base import Params
from datasets.recipes.fields import Field
from datasets.recipes.frame import NUMERIC, WORDS, Frame, finite, missing, plain_number
from datasets.recipes.late import ibis
from datasets.recipes.unreadable import OTHERWISE, ReadingStep
from problems.problem import Invalid

# unit -> kind, factor to the kind's own unit, and what is added after; factors are exact by definition
UNITS: dict[str, tuple[str, float, float]] = {
    "kg": ("mass", 1, 0),
    "g": ("mass", 0.001, 0),
    "t": ("mass", 1000, 0),
    "lb": ("mass", 0.45359237, 0),
    "oz": ("mass", 0.028349523125, 0),
    "m": ("length", 1, 0),
    "km": ("length", 1000, 0),
    "cm": ("length", 0.01, 0),
    "mm": ("length", 0.001, 0),
    "mi": ("length", 1609.344, 0),
    "ft": ("length", 0.3048, 0),
    "in": ("length", 0.0254, 0),
    "yd": ("length", 0.9144, 0),
    "l": ("volume", 1, 0),
    "ml": ("volume", 0.001, 0),
    "gal": ("volume", 3.785411784, 0),
    "km/h": ("speed", 1 / 3.6, 0),
    "mph": ("speed", 0.44704, 0),
    "m/s": ("speed", 1, 0),
    "s": ("duration", 1, 0),
    "min": ("duration", 60, 0),
    "h": ("duration", 3600, 0),
    "d": ("duration", 86400, 0),
    "°C": ("temperature", 1, 0),
    "°F": ("temperature", 5 / 9, -32 * 5 / 9),
    "K": ("temperature", 1, -273.15),
}
IN_CELL = "in the cell"


class ConvertUnits(ReadingStep):
    """From one stated unit, or from the unit that stands in each cell."""

    kind = "convert_units"
    title = "Convert units"
    help = "Numbers in one unit, or texts such as “12 lb” and “5 kg” in which each cell says its unit."
    fields = (
        Field("column", "column", "Column", types=(*NUMERIC, "text")),
        Field(
            "unit", "choice", "From", choices={IN_CELL: "the unit stands in the cell"} | {name: name for name in UNITS}
        ),
        Field("to", "choice", "To", choices={name: name for name in UNITS}),
        OTHERWISE,
    )

    def check(self, p: Params) -> None:
        if p["unit"] != IN_CELL and UNITS[p["unit"]][0] != UNITS[p["to"]][0]:
            text = f"{p['unit']} is a {UNITS[p['unit']][0]}, {p['to']} a {UNITS[p['to']][0]}."
            raise Invalid(text, fields={"to": text})

    def fits(self, frame: Frame, p: Params) -> None:
        super().fits(frame, p)
        kind = frame.type_of(p["column"])
        if (p["unit"] == IN_CELL) != (kind == "text"):
            text = f"“{p['column'][:100]}” is a {WORDS[kind]}; " + (
                "only a text holds its unit." if p["unit"] == IN_CELL else "read its numbers first."
            )
            raise Invalid(text, fields={"unit": text}, code="wrong_type")

    def sentence(self, p: Params) -> str:
        source = "the unit in each cell" if p["unit"] == IN_CELL else p["unit"]
        return f"Convert {p['column']} from {source} to {p['to']}."

    def values(self, frame: Frame, p: Params) -> tuple[Frame, dict[str, tuple[str, Any]]]:
        cells = frame[p["column"]]
        if p["unit"] != IN_CELL:
            value = _converted(cells.cast("float64"), p["unit"], p["to"])
        else:
            wanted = UNITS[p["to"]][0]
            number = plain_number(cells.re_extract(r"^\s*([^\sA-Za-z°/]+)\s*[A-Za-z°/]+\s*$", 1))
            unit = cells.re_extract(r"([A-Za-z°/]+)\s*$", 1)
            units = [name for name, one in UNITS.items() if one[0] == wanted]
            # case is not folded: M, m and mm are not the same everywhere
            value = unit.cases(*[(name, _converted(number, name, p["to"])) for name in units], else_=missing("number"))
        return frame, {p["column"]: ("number", finite(value))}


def _converted(number: Any, source: str, target: str) -> Any:
    if source == target:
        return number
    _, factor, offset = UNITS[source]
    _, other, back = UNITS[target]
    if not offset and not back:
        return number * ibis.literal(factor / other)
    return (number * factor + offset - back) / other
