"""What of the datasets room moves with a project: the tables themselves, and how they came to be."""

from datetime import timedelta

from datasets.models.contracts import DataContract, Subscription
from datasets.models.countings import Counting
from datasets.models.destinations import Destination, Writing
from datasets.models.events import EventKey
from datasets.models.feeds import Export, Feed, RetentionRule
from datasets.models.quality import Check as QualityCheck
from datasets.models.quality import CheckResult, QualityRule, Quarantine, RuleWaiver
from datasets.models.recipes import Preparation, PreparationInput, Recipe, RecipeVersion
from datasets.models.sources import Pull, PullFile, Source
from datasets.models.tags import ColumnTag, DatasetTag
from datasets.models.uploads import PartialUpload
from datasets.models.versions import Dataset, Ingestion, Version
from datasets.writing.catalog import writer_for
from projects.moving import Check, Fields, Landing, Moved, moves, stays

UNFINISHED = "It was not finished when the project was packed."


def _ingestion(fields: Fields, landing: Landing) -> None:
    """What waited, for a worker or for a look, waits no more."""
    if fields.get("state") in (Ingestion.State.WAITING, Ingestion.State.PREVIEW):
        fields |= {"state": Ingestion.State.CANCELLED, "message": UNFINISHED}


def _preparation(fields: Fields, landing: Landing) -> None:
    if fields.get("state") == Preparation.State.WAITING:
        fields |= {"state": Preparation.State.CANCELLED, "message": UNFINISHED}


def _retention(fields: Fields, landing: Landing) -> None:
    """What was still to be freed lies on the other side."""
    fields["left"] = []


def _check(fields: Fields, landing: Landing) -> None:
    if fields.get("state") == QualityCheck.State.WAITING:
        fields |= {"state": QualityCheck.State.CANCELLED, "message": UNFINISHED}


def _waiver(fields: Fields, landing: Landing) -> None:
    """Nobody of this instance let it pass, so it has ended."""
    over = (landing.packed_at.date() - timedelta(days=1)).isoformat()
    fields["until"] = min(str(fields.get("until")), over)


def _contract(fields: Fields, landing: Landing) -> None:
    if fields.get("signed_at"):
        landing.notes.append(f"Data contract {fields.get('number')} was signed there; sign the newest here.")
    fields |= {"signed_at": None, "signed_by": None}


def _destination(fields: Fields, landing: Landing) -> None:
    """Nothing is written from here before somebody of here typed its secret and approved it."""
    fields |= {"sealed": {}, "state": Destination.State.REGISTERED, "decided_by": None, "decided_at": None}
    fields |= {"released": [], "reason": "", "when": Destination.When.CLICK}
    member = writer_for(str(fields.get("connector")))
    params = member.read(fields.get("params"))
    fields["params"] = {name: value for name, value in params.items() if name not in member.secrets}
    landing.notes.append(f"The destination {fields.get('name')} needs its password, and to be approved here.")


def _facts(fields: Fields) -> Fields:
    return {"rows": fields.get("rows"), "schema": fields.get("schema")}


moves(
    Moved(Dataset),
    Moved(Ingestion, "dataset__project", without=("found", "table"), arrive=_ingestion),
    Moved(Version, "dataset__project", check=Check("table", "datasets.reading.arrivals:check", _facts)),
    Moved(Recipe),
    Moved(RecipeVersion, "recipe__project"),
    Moved(Preparation, "recipe_version__recipe__project", arrive=_preparation),
    Moved(PreparationInput, "preparation__recipe_version__recipe__project"),
    Moved(ColumnTag, "dataset__project"),
    Moved(DatasetTag, "dataset__project"),
    Moved(RetentionRule, "dataset__project", arrive=_retention),
    Moved(Counting, "dataset__project"),
    Moved(Destination, "dataset__project", without=("sealed",), arrive=_destination),
    Moved(QualityRule, "dataset__project"),
    Moved(QualityCheck, "version__dataset__project", arrive=_check),
    Moved(CheckResult, "check_made__version__dataset__project"),
    Moved(RuleWaiver, "version__dataset__project", arrive=_waiver),
    Moved(DataContract, "dataset__project", arrive=_contract),
    Moved(Subscription, "dataset__project"),
)
stays("A source leads to a place and holds secrets of its instance: register it here and have it approved.", Source)
stays("What was written to databases is noted where it was written from.", Writing)
stays("A file that is still being sent belongs to who sends it, here.", PartialUpload)
stays("Keys of senders open a source of this instance alone.", EventKey)
stays("How a source was loaded stays with the source; the versions go along.", Pull, PullFile)
stays("Rows that were set aside stay where they were looked at.", Quarantine)
stays("Files that were written can be written again; addresses for programs are made anew.", Export, Feed)
