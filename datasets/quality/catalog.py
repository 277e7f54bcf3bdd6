"""PURE: every kind of rule, in the order in which pages offer them. A new one is one file and one line here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datasets.quality.base import Rule
from datasets.quality.rules.distribution import Distribution
from datasets.quality.rules.formula import Formula
from datasets.quality.rules.freshness import Freshness
from datasets.quality.rules.in_range import InRange
from datasets.quality.rules.in_set import InSet
from datasets.quality.rules.not_missing import NotMissing
from datasets.quality.rules.pattern import Pattern
from datasets.quality.rules.reference import Reference
from datasets.quality.rules.row_count import RowCount
from datasets.quality.rules.unique import Unique
from problems.problem import Invalid

GROUPS: dict[str, tuple[Rule, ...]] = {
    "Cells": (NotMissing(), InSet(), InRange(), Pattern()),
    "Rows": (Unique(), Reference(), Formula()),
    "The whole": (RowCount(), Freshness(), Distribution()),
}
RULES: dict[str, Rule] = {rule.kind: rule for group in GROUPS.values() for rule in group}


@dataclass(frozen=True)
class Stated:
    """One rule with its parameters."""

    rule: Rule
    params: Mapping[str, Any]

    @property
    def sentence(self) -> str:
        """What must hold."""
        text = self.rule.sentence(self.params)
        return text[:1].upper() + text[1:] if self.rule.kind in ("row_count", "freshness") else text


def stated(kind: Any, params: Any) -> Stated:
    """A rule from JSON; refuses unknown kinds and wrong parameters by name."""
    rule = RULES.get(kind) if isinstance(kind, str) else None
    if rule is None:
        text = f"There is no rule “{str(kind)[:60]}”. There are {', '.join(RULES)}."
        raise Invalid(text, fields={"kind": text}, code="unknown_rule")
    return Stated(rule, rule.read(params))
