"""PURE: how soon each job role is told of what by e-mail, until a person chooses otherwise."""

from collections.abc import Collection

from notices.kinds import KINDS, Mail, most_eager
from projects.permissions import Role

_OPERATES = {"alert": Mail.NOW, "signature": Mail.NOW}
_SIGNS = {"signature": Mail.NOW, "question": Mail.NOW}
_LOOKS_ON = {"task": Mail.OFF, "question": Mail.DAILY, "alert": Mail.OFF}
ROLE_DEFAULTS: dict[Role, dict[str, Mail]] = {
    Role.OWNER: {"team": Mail.DAILY},
    Role.BUSINESS_ANALYST: _SIGNS,
    Role.PRODUCT_MANAGER: _SIGNS,
    Role.ML_ENGINEER: _OPERATES,
    Role.MLOPS_ENGINEER: _OPERATES,
    Role.DATA_ENGINEER: {"alert": Mail.NOW},
    Role.LEADERSHIP: _LOOKS_ON,
    Role.VIEWER: _LOOKS_ON,
}


def default_for(roles: Collection[Role], kind: str) -> Mail:
    """What holds for a person with these roles: the most eager of them."""
    usual = KINDS[kind][1]
    return most_eager([ROLE_DEFAULTS.get(role, {}).get(kind, usual) for role in roles] or [usual])
