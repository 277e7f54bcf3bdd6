"""PURE: what a gate asks for, by risk tier and environment: who signs, who waives, what must not stay open."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from projects.permissions import Role
from projects.risk import Tier

# Part of every gate's fingerprint: another table asks everybody again.
VERSION = 1
WAIVER_DAYS = 180
# No reason and no role lets these through: a package that answers otherwise, or nothing to judge by.
NEVER_WAIVED = frozenset({"same_answers", "contract"})


@dataclass(frozen=True)
class GateRule:
    """One line of the table.

    `must` names checks that fail where they would only warn elsewhere. `waiver_role` alone may waive a failed check.
    """

    tier: str = Tier.MEDIUM.value
    roles: tuple[str, ...] = ()
    waiver_role: str = Role.PRODUCT_MANAGER.value
    warnings_need_reason: bool = False
    requester_may_sign: bool = False
    must: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As gates keep it."""
        return asdict(self)


def _before(tier: Tier, *roles: Role) -> GateRule:
    """Before production nobody but the team is answered: few sign, and whoever asks may."""
    signers = tuple(role.value for role in roles)
    return GateRule(tier=tier.value, roles=signers, waiver_role=Role.ML_ENGINEER.value, requester_may_sign=True)


RULES: dict[tuple[Tier, str], GateRule] = {
    **{(tier, "development"): _before(tier) for tier in Tier},
    **{(tier, "staging"): _before(tier, Role.ML_ENGINEER) for tier in Tier},
    (Tier.LOW, "production"): GateRule(
        tier=Tier.LOW.value,
        roles=(Role.ML_ENGINEER.value,),
        waiver_role=Role.ML_ENGINEER.value,
        requester_may_sign=True,
    ),
    (Tier.MEDIUM, "production"): GateRule(
        tier=Tier.MEDIUM.value,
        roles=(Role.BUSINESS_ANALYST.value, Role.ML_ENGINEER.value),
        waiver_role=Role.PRODUCT_MANAGER.value,
    ),
    (Tier.HIGH, "production"): GateRule(
        tier=Tier.HIGH.value,
        roles=(
            Role.BUSINESS_ANALYST.value,
            Role.DOMAIN_EXPERT.value,
            Role.ML_ENGINEER.value,
            Role.LEADERSHIP.value,
        ),
        waiver_role=Role.LEADERSHIP.value,
        warnings_need_reason=True,
        must=("contract", "charter"),
    ),
}


def rule_for(tier: Tier | str, environment: str) -> GateRule:
    """The line for a tier; an environment without lines of its own is guarded like production."""
    tier = Tier(tier)
    return RULES.get((tier, environment)) or RULES[(tier, "production")]


def rule_of(kept: Mapping[str, Any]) -> GateRule:
    """A gate's own rule as it was kept when it was opened."""
    known = {name: kept[name] for name in GateRule.__dataclass_fields__ if name in kept}
    return GateRule(**known | {name: tuple(known[name]) for name in ("roles", "must") if name in known})


def stands_for(rule: GateRule) -> str:
    """What goes into a fingerprint: the rule and the table's version."""
    return f"{VERSION} {sorted(rule.as_dict().items())}"


def sentences(rule: GateRule) -> list[str]:
    """The rule as people read it."""
    signers = [Role(role).label for role in rule.roles]
    said = [f"Signed by: {', '.join(signers)}."] if signers else []
    said.append(
        "Whoever asks may also sign."
        if rule.requester_may_sign
        else "Whoever asks does not sign, and nobody signs twice."
    )
    said.append(
        "Every warning is accepted with a reason."
        if rule.warnings_need_reason
        else "Whoever signs accepts the warnings; a reason may be given."
    )
    if rule.must:
        names = {"contract": "the targets are signed", "charter": "the charter is approved"}
        said.append(f"It does not open before {' and '.join(names.get(key, key) for key in rule.must)}.")
    said.append(f"A failed check is waived by: {Role(rule.waiver_role).label}, with a reason and an end date.")
    return said
