"""PURE: numbers as people write them: `50k`, `1.2M`, `€ 1.234,50`, `12 %`."""

from typing import Any

from datasets.recipes.base import Params, names_in_words
from datasets.recipes.fields import Field
from datasets.recipes.frame import BLANKS, Frame, finite, missing, plain_number
from datasets.recipes.late import ibis
from datasets.recipes.unreadable import OTHERWISE, ReadingStep

CURRENCY = r"[$€£¥₹₩₽]|^(?i:usd|eur|gbp|chf)|(?i:usd|eur|gbp|chf)$"
POINTED = r"^[+-]?[0-9]{1,3}(,[0-9]{3})+(\.|[^0-9,]|$)"
COMMAED = r"^[+-]?[0-9]{1,3}(\.[0-9]{3})+(,|[^0-9.]|$)"
FACTORS = {"k": 1e3, "m": 1e6, "mn": 1e6, "b": 1e9, "bn": 1e9, "t": 1e12}


class ReadNumbers(ReadingStep):
    """Which mark is the decimal one is stated, as `1.234` alone does not tell."""

    kind = "read_numbers"
    title = "Read numbers from text"
    help = "Reads 50k as 50 000, 1.2M, currency signs, thousands marks and percent (12 % is 0.12)."
    fields = (
        Field("columns", "columns", "Columns", types=("text",)),
        Field("decimal", "choice", "Decimal mark", choices={"point": "point: 1,234.50", "comma": "comma: 1.234,50"}),
        OTHERWISE,
    )

    def sentence(self, p: Params) -> str:
        return f"Read {names_in_words(p['columns'])} as numbers with a decimal {p['decimal']}."

    def values(self, frame: Frame, p: Params) -> tuple[Frame, dict[str, tuple[str, Any]]]:
        read = {}
        for name in p["columns"]:
            frame, number = _number(frame, name, p["decimal"])
            read[name] = ("number", number)
        return frame, read


def _number(frame: Frame, name: str, decimal: str) -> tuple[Frame, Any]:
    """In stages, each computed once: an expression that names its parts many times is computed as often."""
    bare = frame[name].re_replace(BLANKS, "").re_replace(CURRENCY, "").replace("−", "-")
    frame, text = frame.stage(bare)
    mark, pattern = (",", POINTED) if decimal == "point" else (".", COMMAED)
    # a thousands mark counts only between groups of three, so that 1,5 is not read as 15
    frame, text = frame.stage(ibis.ifelse(text.re_search(pattern), text.replace(mark, ""), text))
    if decimal == "comma":
        frame, text = frame.stage(ibis.ifelse(text.contains("."), missing("text"), text.replace(",", ".")))
    frame, suffix = frame.stage(text.re_extract(r"[0-9.]([A-Za-z]{1,2}|%)$", 1).lower())
    digits = ibis.ifelse(suffix == "", text, text.substr(0, text.length() - suffix.length()))
    frame, digits = frame.stage(digits)
    frame, number = frame.stage(plain_number(digits))
    factor = suffix.cases(("", 1.0), ("%", 0.01), *FACTORS.items(), else_=missing("number"))
    return frame, finite(number * factor)
