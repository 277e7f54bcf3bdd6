"""A monitor's page over a year of hourly windows of 50 inputs, through the whole web stack: p95 below 300 ms."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks import ROOT

WINDOWS, INPUTS, ROUNDS, LIMIT_MS = 24 * 365, 50, 40, 300
KEYS = "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"


def main() -> None:
    """Makes a database of its own, and asks for the page of the whole range with one input chosen."""
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        key = subprocess.run([sys.executable, "-c", KEYS], capture_output=True, text=True, check=True).stdout.strip()
        own = {"SECRET_KEY": key * 2, "BATON_SEALING_KEYS": key, "BATON_AUDIT_KEY": "b", "BATON_SERVING_KEY": "b"}
        own |= {"BATON_DATA": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        own |= {"PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}"}
        subprocess.run([sys.executable, "-m", "benchmarks.dashboard"], cwd=ROOT, env=os.environ | own, check=True)


def _measure() -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    user, address = _world()
    client = Client(HTTP_HOST="localhost")
    client.force_login(user)
    spent, worked = [], []
    for place in range(ROUNDS + 3):
        start, cpu = time.perf_counter(), time.process_time()
        response = client.get(f"{address}?range=60d&input=i{place % INPUTS}")
        response_ms = 1000 * (time.perf_counter() - start)
        assert response.status_code == 200, response.status_code
        if place >= 3:
            spent.append(response_ms)
            worked.append(1000 * (time.process_time() - cpu))
    p95 = statistics.quantiles(spent, n=20)[-1]
    size = len(response.content) / 1e6
    print(f"{WINDOWS:,} windows x {INPUTS} inputs, page of {size:.1f} MB, {ROUNDS} rounds")
    print(f"CPU: median {statistics.median(worked):.0f} ms, p95 {statistics.quantiles(worked, n=20)[-1]:.0f} ms")
    print(f"median {statistics.median(spent):.0f} ms, p95 {p95:.0f} ms; the limit is {LIMIT_MS} ms")


def _world() -> tuple[object, str]:
    """A deployment in use with its year."""
    from datetime import timedelta

    from django.utils import timezone

    from accounts.models import User
    from datasets.models.versions import Dataset, Version
    from deployments.models import Deployment, Release
    from experiments.models.registry import Model, ModelVersion
    from experiments.models.runs import Run
    from monitoring.models import Monitor, Window
    from projects.models.projects import Project
    from storage import blobs

    user = User.objects.create(email="a@example.com", name="A", is_admin=True)
    project = Project.objects.create(key="bench", name="Bench", kind="binary", created_by=user)
    dataset = Dataset.objects.create(project=project, name="d")
    content = blobs.put_bytes(b"x")
    version = Version.objects.create(
        dataset=dataset, number=1, table=content, rows=1, schema=[], profile={}, state="published"
    )
    run = Run.objects.create(project=project, number=1, data=version, spec={}, state="finished", bundle=content)
    model = Model.objects.create(project=project, name="m")
    registered = ModelVersion.objects.create(model=model, number=1, run=run, bundle=content)
    deployment = Deployment.objects.create(project=project, name="service", model=model)
    now = timezone.now()
    year = now - timedelta(days=365)
    release = Release.objects.create(deployment=deployment, version=registered, state="champion", started_at=year)
    monitor = Monitor.objects.create(deployment=deployment, checked_at=now)
    inputs = [_input(i) for i in range(INPUTS)]
    metric = {"value": 0.8, "low": 0.75, "high": 0.85, "n": 500}
    keys = ("recall", "precision", "f1", "accuracy", "specificity", "roc_auc")
    found = {"metrics": dict.fromkeys(keys, metric)}
    Window.objects.bulk_create(
        (
            Window(
                monitor=monitor,
                release=release,
                from_at=now - timedelta(hours=hour + 1),
                to_at=now - timedelta(hours=hour),
                rows=500,
                inputs=inputs,
                lead={"input": "i0", "psi": 0.02, "answers": 0.01},
                answers=_input(99) | {"positive": "yes", "positive_share": 0.2, "positive_share_reference": 0.2},
                estimated=found,
                measured=found,
            )
            for hour in range(WINDOWS)
        ),
        batch_size=200,
    )
    return user, f"/p/{project.key}/monitor/service/"


def _input(place: int) -> dict[str, object]:
    """One entry as a check writes it."""
    shares = [0.1] * 10
    return {
        "name": f"i{place}", "type": "number", "rows": 500, "all_rows": 500, "rows_reference": 8000, "psi": 0.02,
        "js": 0.01, "ks": 0.02, "wasserstein": 0.03, "cramer": 0.02, "share": 0.01, "chance": 0.05, "missing": 0.0,
        "missing_reference": 0.0, "strange": 0.0, "new_share": 0.0, "new": [],
        "labels": [f"{i} to {i + 1}" for i in range(10)],
        "reference": shares, "now": shares, "change": "about the same", "weight": 0.02, "state": "stayed",
    }  # fmt: skip


if __name__ == "__main__":
    _measure()
