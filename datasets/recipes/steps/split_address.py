"""PURE: an address in one cell, split into street, number, postcode and city by the rule of its country's form."""

from dataclasses import dataclass
from typing import Any

from datasets.recipes.base import Ask, Learned, Params, Step, Tables
from datasets.recipes.fields import Field
from datasets.recipes.frame import BLANKS, Frame, missing
from datasets.recipes.late import ibis
from problems.problem import Invalid

BREAK = r"\s*[\r\n]+\s*"
GAP = r"(?: ?, ?| )"
NUMBER = r"([0-9]+ ?[A-Za-z]?(?: ?[-/+] ?[0-9]+ ?[A-Za-z]?)?)"
TOWN = r"([^,0-9]+)"


@dataclass(frozen=True)
class Form:
    """An order in which the parts of an address are written; each pair of brackets is a part."""

    example: str
    parts: tuple[str, ...]
    pattern: str


FORMS = {
    "street_first": Form(
        "Hauptstraße 12a, 10115 Berlin",
        ("street", "number", "postcode", "city"),
        rf"^([^,0-9][^,]*?) {NUMBER}{GAP}((?:[A-Z]{{1,2}}-)?[0-9]{{4,5}}(?: [A-Z]{{2}})?) {TOWN}$",
    ),
    "number_first": Form(
        "12 bis rue de Rivoli, 75001 Paris",
        ("number", "street", "postcode", "city"),
        rf"^([0-9]+ ?(?:bis|ter|quater|[A-Za-z])?),? ([^,0-9][^,]*?){GAP}((?:[A-Z]{{1,2}}-)?[0-9]{{4,5}}) {TOWN}$",
    ),
    "british": Form(
        "221B Baker Street, London NW1 6XE",
        ("number", "street", "city", "postcode"),
        rf"^([0-9]+[A-Za-z]?(?:-[0-9]+[A-Za-z]?)?),? ([^,]+?) ?, ?{TOWN}{GAP}"
        r"([A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2})$",
    ),
    "american": Form(
        "12 Main St, Springfield, IL 62701",
        ("number", "street", "city", "region", "postcode"),
        rf"^([0-9]+[A-Za-z]?(?:-[0-9]+)?) ([^,]+?) ?, ?{TOWN}{GAP}([A-Z]{{2}})\.?,? ([0-9]{{5}}(?:-[0-9]{{4}})?)$",
    ),
}


class SplitAddress(Step):
    """The column itself stays as it was. An address that is not of the form leaves all parts missing, never some."""

    kind = "split_address"
    title = "Split addresses"
    help = (
        "Makes columns of the street, number, postcode and city in one text. The address itself stays; one that is "
        "not of the stated form is not split, and counted."
    )
    learns = True
    fields = (
        Field("column", "column", "Column", types=("text",)),
        Field("form", "choice", "Written as", choices={name: form.example for name, form in FORMS.items()}),
        Field("prefix", "text", "Before the new names", "Such as “home ”: home street, home city.", default=""),
        Field(
            "otherwise",
            "choice",
            "What cannot be split",
            default="stays",
            choices={"stays": "stays as it is and is counted", "stop": "stops the recipe"},
        ),
    )

    def check(self, p: Params) -> None:
        if "\n" in p["prefix"] or "\t" in p["prefix"] or len(p["prefix"]) > 60:
            text = "It is one line of at most 60 characters."
            raise Invalid(text, fields={"prefix": text})

    def fits(self, frame: Frame, p: Params) -> None:
        super().fits(frame, p)
        for part in FORMS[p["form"]].parts:
            frame.free_name(p["prefix"] + part)

    def sentence(self, p: Params) -> str:
        return f"Split {p['column'][:60]}, written as “{FORMS[p['form']].example}”."

    def learn(self, frame: Frame, p: Params, ask: Ask, tables: Tables) -> Learned:
        """How many addresses are of another form; the first of them is told when they stop the recipe."""
        frame, text = _one_line(frame, p["column"])
        other = text.notnull() & ~text.re_search(FORMS[p["form"]].pattern)
        (row,) = ask(frame.table.aggregate(n=other.sum()))
        count = int(row["n"] or 0)
        if count and p["otherwise"] == "stop":
            first = ask(frame.table.filter(other).order_by("r").select(v=text).limit(1))[0]["v"]
            name = p["column"][:100]
            raise Invalid(
                f"{count} cells of “{name}” are not written so; the first is “{str(first)[:60]}”.", code="unreadable"
            )
        return {"not_split": count}

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        form = FORMS[p["form"]]
        staged, text = _one_line(frame, p["column"])
        staged, text = staged.stage(ibis.ifelse(text.re_search(form.pattern), text, missing("text")))
        made: dict[str, tuple[str, Any]] = {}
        for place, part in enumerate(form.parts, start=1):
            found = text.re_extract(form.pattern, place).strip()
            made[p["prefix"] + part] = ("text", ibis.ifelse(text.isnull(), missing("text"), found))
        return staged.put(made)

    def noted(self, learned: Learned) -> str:
        count = learned.get("not_split", 0)
        return f"Not of this form, and not split: {count}" if count else ""


def _one_line(frame: Frame, name: str) -> tuple[Frame, Any]:
    """The address in one line, with a comma for each line break and single blanks."""
    return frame.stage(
        frame[name].strip().re_replace(BREAK, ", ").re_replace(f"{BLANKS}+", " ").re_replace(",+ ?,", ",")
    )
