"""How a room's first migration makes its tables: all at once, so that a new instance is ready in seconds."""

from typing import Any

from django.db.migrations import CreateModel, Migration
from django.db.migrations.state import ProjectState


class FirstTables(Migration):
    """Creates each table from what the whole migration leads to.

    Django renders every related model anew for each single step, which grows with the square of their number. A first
    migration has nothing to keep between its steps: what `CreateModel` names is made in its final form, and what is
    added to it by later steps of the same migration is in that form already.
    """

    def apply(self, project_state: ProjectState, schema_editor: Any, collect_sql: bool = False) -> ProjectState:
        """Make the tables."""
        before = project_state.clone()
        project_state.__dict__.pop("apps", None)  # rendered again below, once
        for operation in self.operations:
            operation.state_forwards(self.app_label, project_state)
        for operation in self.operations:
            if isinstance(operation, CreateModel):
                operation.database_forwards(self.app_label, schema_editor, before, project_state)
        return project_state
