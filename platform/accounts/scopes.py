"""PURE: what an API token may do, in a few words; which action needs which is said where the actions are."""

READ, WRITE, PROMOTE, KEYS, MANAGE = "read", "write", "promote", "predict-admin", "manage"
SCOPES: dict[str, str] = {
    READ: "Read",
    WRITE: "Work: load data, train, register, send outcomes",
    PROMOTE: "Ask for production, promote and roll back",
    KEYS: "Make and revoke prediction keys",
    MANAGE: "Change projects and their teams",
}


def every_scope() -> list[str]:
    """All of them: the token may do what its person may do, except sign."""
    return list(SCOPES)


def in_order(chosen: "set[str] | list[str]") -> list[str]:
    """The chosen ones in the order of the table. Whoever may write may also read."""
    return [scope for scope in SCOPES if scope in chosen or scope == READ]
