"""What of the results of this room's jobs is shown to whom."""

from typing import Any

from datasets import masking
from datasets.queries.seen import hidden_of
from experiments.models.runs import Run
from experiments.services.asking import KIND
from jobs.models import Job
from projects.permissions import Role
from projects.results import result_of


@result_of(KIND)
def answered(job: Job, roles: frozenset[Role]) -> Any:
    """The answer to a typed row with its reasons, without the values of sensitive columns."""
    run = Run.everything.select_related("data__dataset").filter(pk=job.payload.get("run")).first()
    if run is None:
        return None
    hidden, found = hidden_of(run.data.dataset, roles), dict(job.result or {})
    found["values"] = masking.visible(found["values"], hidden)
    if found["target"] in hidden and found["kind"] in ("binary", "multiclass"):
        found |= {"answer": masking.HIDDEN, "said": masking.HIDDEN}
        if "of" in found["reasons"]:
            found["reasons"] = {**found["reasons"], "of": masking.HIDDEN}
    return found
