"""What pages show of one run's worth: uplift over the practice without a model, money, verdicts under the policy."""

from typing import Any

from experiments.models.runs import Run
from experiments.pages.listing import verdict_bars
from experiments.valuing import Values
from projects.models.define import Contract


def value_context(run: Run, contract: Contract | None = None) -> dict[str, Any]:
    """What the part `experiments/parts/value.html` shows of one run."""
    values = Values(run.project)
    return {
        "value": values.of(run),
        "policy": values.policy,
        "policy_rows": verdict_bars(values.verdicts(run, contract or run.contract)),
        "worth": values.worth,
        "baseline": values.baseline,
        "measured_run": run,
    }
