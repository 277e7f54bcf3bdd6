"""What of the deployments room moves with a project: what was in use, at rest, without keys or single answers."""

from deployments.models import (
    BatchPlan,
    BatchScoring,
    ConsumerKey,
    Deployment,
    Environment,
    KeyUse,
    Release,
    Revision,
    Segment,
    Server,
    Tally,
    TrafficCheck,
    TrafficPlan,
)
from projects.moving import Fields, Landing, Moved, moves, stays

LONGEST = 60


def _claim(fields: Fields, landing: Landing) -> None:
    """Its name stands in addresses of the whole instance, so one that is taken gets a number."""
    name = str(fields.get("name"))
    taken = set(landing.words.values())
    number, free = 1, name
    while free in taken or Deployment.objects.filter(name=free).exists():
        number += 1
        free = f"{name[: LONGEST - 5]}-{number}"
    landing.words[("deployment", name)] = landing.words[("monitor", name)] = free
    landing.paths[f"/deployments/{name}/"] = f"/deployments/{free}/"
    landing.paths[f"/monitor/{name}/"] = f"/monitor/{free}/"
    if free != name:
        landing.notes.append(f"The deployment {name} is called {free} here, because that name is taken.")
    fields["name"] = free


def _release(fields: Fields, landing: Landing) -> None:
    """Nothing answers here, and nothing can be gone back to, before it went through a gate of this instance."""
    if fields.get("state") == Release.State.CHAMPION:
        landing.notes.append("A model that was in use there is not in use here. Ask for production again.")
    if fields.get("state") != Release.State.FAILED:
        fields["state"] = Release.State.ELSEWHERE
    if fields.get("started_at") and not fields.get("ended_at"):
        fields["ended_at"] = landing.packed_at.isoformat()
    fields["trouble"] = ""


def _plan(fields: Fields, landing: Landing) -> None:
    """A trial that was under way there ended with the move."""
    if fields.get("state") in (TrafficPlan.State.RUNNING, TrafficPlan.State.WAITING):
        fields["state"], fields["reason"] = TrafficPlan.State.STOPPED, "The project was moved to another instance."
        fields["ended_at"] = landing.packed_at.isoformat()


moves(
    Moved(Environment),
    Moved(Deployment, claim=_claim),
    Moved(Release, "deployment__project", arrive=_release),
    Moved(TrafficPlan, "deployment__project", arrive=_plan),
    Moved(TrafficCheck, "plan__deployment__project"),
)
stays("Keys never travel. Make new ones for those who ask here.", ConsumerKey, KeyUse)
stays("The log of single predictions stays where people’s cases were answered; what was counted goes along.", Segment)
stays(
    "Data that was scored moves as versions of its dataset; nothing is scored by itself here.",
    BatchPlan,
    BatchScoring,
)
stays("What prediction servers remember belongs to their instance.", Revision, Server, Tally)
