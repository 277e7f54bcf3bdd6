"""The sample project, made by the real services, jobs and prediction server: from the question to the drift alert."""

import json
import os
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import User
from accounts.services import create_user, make_token
from audit.actors import Machine
from datasets.models.versions import Version
from datasets.services.versions import publish, start_ingestion
from deployments.models import Deployment, Segment
from deployments.services.gates import request_promotion
from deployments.services.keys import make_key
from deployments.services.releases import promote
from experiments.models.registry import ModelVersion
from experiments.models.runs import Run
from experiments.services.models import register
from experiments.services.runs import start_run
from jobs.models import Job
from jobs.models import State as JobState
from jobs.queries import of_subject, workers_alive
from monitoring import demo_story
from monitoring.management import sample_value
from monitoring.models import Alert, Monitor
from monitoring.services.monitors import check_now, ensure_monitor
from monitoring.services.outcomes import send_outcomes
from problems.problem import Conflict, Problem, Unavailable
from projects.contract import Goal
from projects.models.projects import Kind, Project
from projects.permissions import Role
from projects.services.appraisals import appraise
from projects.services.charter import save_charter
from projects.services.define import set_targets, sign_contract
from projects.services.gates import sign_gate
from projects.services.projects import create_project
from projects.services.requirements import add_requirement, link_requirement
from projects.services.risk import answer_risk
from projects.services.team import accept_invitation, invite
from projects.targets import fingerprint
from storage.blobs import put_bytes

ACCOUNTS_FILE = "demo-accounts.json"
STEP_SECONDS = 180.0
PAUSE = 0.25
BATCH = 140
KNOWN_WEEKS = 3
MAKER = Machine("the sample")
ADMINISTRATOR = "administrator"
TEXTS = {
    "problem": "One in four of our broadband customers leaves within a year, and we learn of it when they are gone.",
    "decision": "Every Monday the retention team calls the 200 customers most likely to leave, with an offer.",
    "prediction": "Will this customer leave in the next 60 days?",
    "harmed": "Customers who are called without need; nobody is refused anything. The offer is the same for all.",
    "positive_word": "leavers",
    "ml_needed": "try",
    "ml_why": "The team calls by length of contract today. A model has to find more leavers with the same calls.",
    "sponsor": "Head of customer service",
    "users": "The retention team",
    "fallback": "The team calls by length of contract, as before.",
    "review_on": "2030-01-31",
}
RISK = {
    "people": "public",
    "automated": "person",
    "reversible": "easily",
    "protected": "unknown",
    "regulated": "own",
    "money": "little",
    "scale": "many",
    "explanation": "wished",
}
REQUIREMENT = {
    "text": "The retention team calls no more than 200 customers a week.",
    "source": "Retention team",
    "acceptance": "Of the flagged customers, at least 40 of 100 really leave.",
}
GOALS = [
    Goal("Find leavers", "recall", "at_least", 0.55, "", True),
    Goal("Do not waste calls", "precision", "at_least", 0.4, "", False),
]


@dataclass
class Sample:
    """What the steps hand to each other."""

    say: Callable[[str], None]
    people: dict[Role, User] = field(default_factory=dict)
    project: Project = field(default_factory=Project)
    version: ModelVersion = field(default_factory=ModelVersion)
    answers: list[list[tuple[str, str]]] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)


def load(say: Callable[[str], None]) -> Sample:
    """The whole story, step by step; refuses where a sample project is already."""
    if found := Project.objects.filter(is_sample=True).first():
        raise Conflict(f"The sample project is here already: {settings.BASE_URL}/p/{found.key}/", code="sample_exists")
    sample = Sample(say)
    accounts = make_people(sample)
    make_project(sample)
    sample_value.say_worth(sample.project, sample.people)
    for account in accounts:
        say(f"  {account['role']:<18} {account['email']:<38} {account['password']}")
    say(f"Accounts and API tokens are in {accounts_path()} (readable by you alone).")
    await_workers()
    first = load_data(sample, demo_story.history())
    run = train(sample, first)
    go_to_production(sample, run)
    sample_value.decide(sample.project, run, sample.people)
    ask(sample)
    newer = start_load(sample, demo_story.newer_history())
    await_log(sample)
    monitor = watch(sample)
    finish_load(sample, newer)
    tell(sample, monitor)
    return sample


def accounts_path() -> Path:
    """Where the accounts of the sample are written."""
    return Path(settings.DATA_DIR) / ACCOUNTS_FILE


def make_people(sample: Sample) -> list[dict[str, str]]:
    """One account for each role, and an administrator where there is none.

    The passwords are written down first: an attempt that broke off goes on with the same accounts.
    """
    sample.say("Making one account for each role:")
    names = {role.value: role.label for role in Role}
    if not User.objects.filter(is_admin=True, is_active=True).exclude(email=_email(ADMINISTRATOR)).exists():
        names = {ADMINISTRATOR: "Administrator"} | names
    accounts = kept_accounts()
    if [account["role"] for account in accounts] != list(names):
        accounts = [{"role": role, "email": _email(role), "password": secrets.token_urlsafe(12)} for role in names]
        keep_accounts(accounts)
    for account in accounts:
        role = account["role"]
        person = User.objects.filter(email=account["email"]).first() or create_user(
            email=account["email"],
            name=names[role],
            password=account["password"],
            is_admin=role == ADMINISTRATOR,
            by=MAKER,
        )
        account["api_token"] = make_token(person, name="sample", days=90, by=person)[1]
        if role != ADMINISTRATOR:
            sample.people[Role(role)] = person
    keep_accounts(accounts)
    return accounts


def _email(role: str) -> str:
    return f"{role.replace('_', '-')}@sample.example"


def kept_accounts() -> list[dict[str, str]]:
    """What an earlier attempt wrote down."""
    if not accounts_path().is_file():
        return []
    accounts: list[dict[str, str]] = json.loads(accounts_path().read_text())
    return accounts


def keep_accounts(accounts: list[dict[str, str]]) -> None:
    """Write them down, for this user's eyes only; the file appears whole or not at all."""
    place = accounts_path()
    unfinished = place.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(accounts, file, indent=2)
    unfinished.rename(place)


@transaction.atomic
def make_project(sample: Sample) -> None:
    """The question, the problem in words, and the targets, signed by the business analyst."""
    owner, analyst = sample.people[Role.OWNER], sample.people[Role.BUSINESS_ANALYST]
    question = "Which broadband customers will leave in the next 60 days?"
    sample.project = create_project(name="Customer churn", question=question, kind=Kind.BINARY, by=owner, sample=True)
    for role, person in sample.people.items():
        if role != Role.OWNER:
            _, secret = invite(sample.project, email=person.email, roles=[role], by=owner)
            accept_invitation(secret, user=person)
    save_charter(sample.project, version=0, texts=TEXTS, by=analyst)
    answer_risk(sample.project, version=0, answers=RISK, by=analyst)
    set_targets(sample.project, GOALS, by=analyst)
    asked = add_requirement(sample.project, values=REQUIREMENT, by=analyst)
    link_requirement(asked, type="target", id=GOALS[1].name, by=analyst)
    product = sample.people[Role.PRODUCT_MANAGER]
    appraise(sample.project, value=4, risk=2, feasibility=4, reason="One saved customer pays 20 calls.", by=product)
    sign_contract(sample.project, seen=fingerprint(GOALS), by=analyst)


def load_data(sample: Sample, customers: list[demo_story.Customer]) -> Version:
    """The data engineer loads a file and publishes it."""
    return finish_load(sample, start_load(sample, customers))


def start_load(sample: Sample, customers: list[demo_story.Customer]) -> tuple[Any, Job]:
    """Start the ingestion of a CSV."""
    sample.say(f"Loading {len(customers)} customers")
    return start_ingestion(
        sample.project,
        name="customers",
        file_name="customers.csv",
        blob=put_bytes(demo_story.as_csv(customers)),
        options={},
        by=sample.people[Role.DATA_ENGINEER],
    )


def finish_load(sample: Sample, load: tuple[Any, Job]) -> Version:
    """Wait for it, and publish what it made."""
    ingestion, job = load
    done(job)
    version = Version.objects.select_related("dataset__project").get(ingestion=ingestion)
    publish(version, by=sample.people[Role.DATA_ENGINEER])
    return version


def train(sample: Sample, data: Version) -> Run:
    """The data scientist trains with the defaults, at a threshold that finds more leavers."""
    sample.say("Training")
    spec = {"target": demo_story.TARGET, "positive": demo_story.POSITIVE, "threshold": 0.35}
    run, job = start_run(sample.project, data=data, spec=spec, by=sample.people[Role.DATA_SCIENTIST])
    done(job)
    return Run.objects.get(pk=run.pk)


def go_to_production(sample: Sample, run: Run) -> None:
    """Registered, asked for, measured, signed by both roles, promoted."""
    sample.say("Registering and asking for production")
    engineer, scientist = sample.people[Role.ML_ENGINEER], sample.people[Role.DATA_SCIENTIST]
    asker = sample.people[Role.MLOPS_ENGINEER]  # whoever asks does not sign
    sample.version = register(run, name="churn-classifier", reason="Meets both targets.", by=scientist)
    comment = "For the Monday calls of the retention team."
    request_promotion(sample.version, environment="production", comment=comment, by=asker)
    for job in of_subject(sample.version):
        done(job)
    gate = request_promotion(sample.version, environment="production", comment="", by=asker)
    for role in gate.roles:
        sign_gate(gate, role=role, given=True, reason="", by=sample.people[Role(role)])
    done(promote(sample.version, environment="production", comment="", by=engineer))


def ask(sample: Sample) -> None:
    """The customers of the last weeks are sent through the prediction server, week by week."""
    deployment = _deployment(sample)
    _, secret = make_key(deployment, name="Retention team", days=90, by=sample.people[Role.ML_ENGINEER])
    sample.say("Asking for predictions of the last weeks")
    sample.moments = [timezone.now()]
    for customers in demo_story.weeks():
        answered: list[tuple[str, str]] = []
        for start in range(0, len(customers), BATCH):
            part = customers[start : start + BATCH]
            ids = predict(deployment, secret, [customer.row() for customer in part])
            answered += [(i, customer.will_leave) for i, customer in zip(ids, part, strict=True)]
        sample.answers.append(answered)
        sample.moments.append(timezone.now())


def predict(deployment: Deployment, secret: str, rows: list[dict[str, Any]]) -> list[str]:
    """One request to the prediction server; it may need a moment to see a new release or key."""
    address = f"{settings.PREDICT_URL}/v1/deployments/{deployment.name}/predict"
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    request = urllib.request.Request(address, json.dumps({"rows": rows}).encode(), headers)  # noqa: S310
    until, reason = time.monotonic() + 30, ""
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310  our own server
                body = json.load(response)
            return [entry["id"] for entry in body["predictions"]]
        except urllib.error.HTTPError as error:
            reason = f"{error.code} {error.read(300).decode(errors='replace')}"
            if error.code in (413, 422):
                break
        except OSError as error:
            reason = str(error)
        time.sleep(PAUSE)
    raise Unavailable(f"The prediction server at {settings.PREDICT_URL} did not answer: {reason}")


def await_log(sample: Sample) -> None:
    """Until the stored log holds all that was answered."""
    sample.say("Waiting for the prediction log")
    deployment, wanted = _deployment(sample), sum(len(week) for week in sample.answers)

    def stored() -> bool:
        return (Segment.objects.filter(deployment=deployment).aggregate(rows=Sum("rows"))["rows"] or 0) >= wanted

    wait(stored, "the prediction log to be stored")


def watch(sample: Sample) -> Monitor:
    """One window for each week, then the outcomes of the first weeks, and a last look with them."""
    sample.say("Checking week by week, with the outcomes of the first weeks")
    deployment = _deployment(sample)
    monitor = ensure_monitor(deployment)
    operator = sample.people[Role.MLOPS_ENGINEER]
    spans = pairwise(sample.moments)
    for job in [check_now(monitor, by=operator, begin=begin, end=end) for begin, end in spans]:
        done(job)
    known = [{"id": i, "value": truth} for week in sample.answers[:KNOWN_WEEKS] for i, truth in week]
    send_outcomes(deployment, known, by=sample.people[Role.DATA_ENGINEER])
    done(check_now(monitor, by=operator))
    return monitor


def tell(sample: Sample, monitor: Monitor) -> None:
    """Where to look first."""
    alert = Alert.objects.filter(monitor=monitor).exclude(state=Alert.State.CLOSED).order_by("number").first()
    if alert is None:
        raise Problem("The planted change raised no alert. Please report this.")
    sample.say(f"Alert {alert.number}: {alert.sentence}")
    sample.say(f"The sample is ready: {settings.BASE_URL}/p/{sample.project.key}/")


def _deployment(sample: Sample) -> Deployment:
    return Deployment.objects.select_related("project").get(model=sample.version.model)


def await_workers() -> None:
    """Jobs need a worker; it may still be starting."""
    wait(workers_alive, "a worker. Start Baton with ./run first", seconds=60)


def done(job: Job) -> None:
    """Wait until a job is over; one that ended badly ends the sample with its reason."""

    def over() -> bool:
        job.refresh_from_db()
        return not job.is_open

    wait(over, f"“{job.title}”")
    if job.state != JobState.SUCCEEDED:
        raise Problem(f"“{job.title}” ended badly: {job.message}")


def wait(ready: Callable[[], bool], what: str, *, seconds: float = STEP_SECONDS) -> None:
    """Look again and again, up to a limit."""
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            raise Unavailable(f"Waited {seconds:.0f} s for {what}. The sample is not complete.")
        time.sleep(PAUSE)
