"""PURE: the parameters that every destination asks for beside how it is reached."""

from datasets.connectors.fields import Field

GROUP = "Which table"
MAKE = Field(
    "create",
    "yes_no",
    "Make the table when it is not there",
    "With the types of the version. Else the table is made by whoever keeps the database.",
    group=GROUP,
    default=False,
    required=False,
    widens=True,
)


def table_fields(*, schema: bool) -> tuple[Field, ...]:
    """The table, and its schema where there are such."""
    named = Field("schema", "text", "Schema", group=GROUP, locates=True, example="reports")
    table = Field("table", "text", "Table", group=GROUP, locates=True, example="orders")
    return (named, table) if schema else (table,)
