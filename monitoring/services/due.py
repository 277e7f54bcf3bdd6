"""Looking down on rules that retrain: start what is due, tell what only may be told."""

from monitoring import autonomy
from monitoring.models import Monitor, RetrainPolicy
from monitoring.queries.rule import policy_in_force, rules_of, standing_of
from monitoring.services.monitors import PLATFORM
from monitoring.services.policies import tell_that_due
from monitoring.services.retrainings import retrain
from problems.problem import Problem


def follow_rules() -> int:
    """Every rule in force against how things stand now. Returns how many retrainings were started."""
    monitors = Monitor.objects.filter(policies__signed_at__isnull=False).distinct()
    monitors = monitors.filter(deployment__project__deleted_at=None, deployment__project__archived_at=None)
    return sum(_follow(monitor) for monitor in monitors.select_related("deployment__project"))


def _follow(monitor: Monitor) -> bool:
    policy = policy_in_force(monitor)
    standing = standing_of(monitor) if policy else None
    due = autonomy.due(rules_of(policy), standing.facts) if policy and standing else None
    if policy is None or standing is None or due is None or due.held:
        return False
    if policy.level_now == RetrainPolicy.Level.TELL:
        tell_that_due(policy, due)
        return False
    alert = standing.alerts.get(due.trigger)
    try:
        retrain(monitor, cause=due.cause, by=PLATFORM, alert=alert, policy=policy, trigger=due.trigger)
    except Problem as problem:  # for example data that a quality rule holds back: told once, tried again later
        tell_that_due(policy, autonomy.Due(due.trigger, f"{due.cause} It could not start: {problem.text}"))
        return False
    return True
