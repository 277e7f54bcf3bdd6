"""PURE: what recipe steps and quality rules share: parameters that are declared, read, and fitted to columns."""

from collections.abc import Mapping
from typing import Any, ClassVar

from datasets.recipes.fields import Field
from datasets.recipes.frame import WORDS, Frame
from problems.problem import Invalid

Params = Mapping[str, Any]


class Declared:
    """Something with a kind, words for pages, and declared parameters."""

    noun: ClassVar[str] = "step"
    kind: ClassVar[str]
    title: ClassVar[str]
    help: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]]

    def read(self, params: Any) -> dict[str, Any]:
        """The parameters as they are kept, defaults filled in; refuses unknown, missing and wrong ones by name."""
        if not isinstance(params, Mapping):
            raise Invalid(
                f"The parameters of a {self.noun} are an object.", fields={"params": "This is not an object."}
            )
        known = {field.name: field for field in self.fields}
        for name in params:
            if name not in known:
                text = f"There is no parameter “{str(name)[:60]}”. There are {', '.join(known)}."
                raise Invalid(text, fields={str(name)[:60]: text})
        found = {name: field.read(params.get(name)) for name, field in known.items()}
        self.check(found)
        return found

    def check(self, p: Params) -> None:
        """Refuse parameters that do not fit together."""
        return

    def fits(self, frame: Frame, p: Params) -> None:
        """Refuse a column that is not there or whose type the step cannot take, by name."""
        for field in self.fields:
            value = p[field.name]
            if field.kind not in ("column", "columns") or value is None:
                continue
            for name in value if isinstance(value, list) else [value]:
                kind = frame.type_of(name)
                if field.types and kind not in field.types:
                    takes = " or ".join(WORDS[one] for one in field.types)
                    text = f"“{name[:100]}” is a {WORDS[kind]}; this {self.noun} takes {takes}."
                    raise Invalid(text, fields={field.name: text}, code="wrong_type")
