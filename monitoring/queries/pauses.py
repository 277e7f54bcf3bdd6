"""Reads of the pauses between answers: how long nothing came, and how long that lasted before."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from django.utils import timezone

from deployments.models import Deployment, Segment

SILENCE_DAYS = 7


@dataclass(frozen=True)
class Silence:
    """Hours since the last stored answer, the longest pause before it, and for how many hours answers are known."""

    hours: float
    longest: float
    known: float


def silence_of(deployment: Deployment) -> Silence | None:
    """The pauses between stored answers of the last week; None where nothing was ever answered."""
    since = timezone.now() - timedelta(days=SILENCE_DAYS)
    rows = Segment.objects.filter(deployment=deployment, is_shadow=False, last_at__gte=since).order_by("first_at")
    spans = list(rows.values_list("first_at", "last_at"))
    if not spans:
        return None
    hour = timedelta(hours=1)
    longest = max((after[0] - before[1] for before, after in pairwise(spans)), default=timedelta())
    end = max(last for _, last in spans)
    return Silence((timezone.now() - end) / hour, max(longest / hour, 0.0), (end - spans[0][0]) / hour)
