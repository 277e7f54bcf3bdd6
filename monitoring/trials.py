"""What outcomes say of a trial, for the guards of the room below."""

import json
from dataclasses import asdict
from typing import Any

from deployments.guarding import Measured
from deployments.measuring import measured_by
from deployments.models import Release, Segment, TrafficPlan
from experiments.queries.models import bundle_path
from jobs.context import Context
from monitoring.queries.plans import outcomes_by_id
from projects.queries.define import contract_in_force, goals_of
from storage.blobs import verified_path


@measured_by
def by_outcomes(plan: TrafficPlan, context: Context) -> Measured | None:
    """The deciding target that a metric measures, of answers since the trial began."""
    goals = goals_of(contract_in_force(plan.deployment.project))
    goal = next((one for one in goals if one.deciding and one.metric), None)
    outcomes = outcomes_by_id(plan.deployment) if goal and plan.champion else {}
    if goal is None or plan.champion is None or not outcomes:
        return None
    (context.folder / "outcomes.json").write_text(json.dumps(outcomes))
    is_shadow = not plan.steps[plan.step]["percent"]
    sides = {
        "champion": _side(plan, plan.champion, is_shadow=False),
        "challenger": _side(plan, plan.challenger, is_shadow=is_shadow),
    }
    spec = {"outcomes": "outcomes.json", "sides": sides, "goals": [asdict(one) for one in goals], "key": goal.key}
    found = context.call("monitoring.both_sides:run", spec)
    sign = 1 if goal.direction == "at_least" else -1
    return Measured(goal.name, sign, found["champion"], found["challenger"])


def _side(plan: TrafficPlan, release: Release, *, is_shadow: bool) -> dict[str, Any]:
    pieces = Segment.objects.filter(deployment=plan.deployment, is_shadow=is_shadow, last_at__gte=plan.created_at)
    return {
        "release": str(release.pk),
        "bundle": str(bundle_path(release.version)),
        "answered": [str(verified_path(piece.table_id)) for piece in pieces.order_by("first_at")],
        "is_shadow": is_shadow,
    }
