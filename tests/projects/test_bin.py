"""Deleting: refused while something needs it, hidden for 30 days, restored, gone with its bytes."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.models import User
from audit.models import Entry
from audit.services import verify
from datasets.models.versions import Dataset, Ingestion, Version
from datasets.services.versions import start_ingestion
from deployments.models import Release
from deployments.services.releases import take_out_of_use
from experiments.models.registry import ModelVersion
from experiments.models.runs import Run
from experiments.queries.runs import last_run
from jobs.models import Job
from monitoring.services.monitors import check_due
from problems.problem import Conflict
from projects.models.bin import Binned
from projects.models.projects import Project
from projects.permissions import Role
from projects.services.bin import delete_now, discard, empty_bin, restore
from projects.services.projects import create_project
from projects.services.team import remove_member
from storage import blobs
from storage.models import Blob
from tests.attacks.world import trained
from tests.conftest import Cast
from tests.deployments import stage as scene
from tests.projects.test_flow import choose, finished_run
from tests.projects.test_handoffs import publish

pytestmark = pytest.mark.django_db
Api = Callable[..., Client]
Browser = Callable[[User], Client]
A = "/api/v1/projects/churn/"


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "GRACE_SECONDS", -5)


def post(client: Client, address: str, body: Any = None) -> Any:
    return client.post(address, body or {}, content_type="application/json")


def on_disk() -> dict[str, int]:
    """Every stored content that is really there."""
    folder = Path(settings.DATA_DIR) / "blobs"
    return {path.name: path.stat().st_size for path in folder.glob("??/*")}


def add_version(cast: Cast, content: bytes, name: str = "customers") -> Version:
    dataset, _ = Dataset.objects.get_or_create(project=cast.project, name=name)
    return Version.objects.create(
        dataset=dataset,
        number=Version.everything.filter(dataset=dataset).count() + 1,
        table=blobs.put_bytes(content),
        rows=1,
        schema=[],
        profile={},
        state="published",
        published_at=timezone.now(),
    )


def test_what_something_needs_is_refused_with_its_name(cast: Cast, api_of: Api, browser_of: Browser) -> None:
    run = finished_run(cast, publish(cast))
    version = choose(cast, run)
    scene.put_into_use(version, cast[Role.OWNER])
    client = api_of(cast[Role.OWNER])
    for kind, subject, word in (
        ("dataset", "customers", "Run 1 was trained on customers v1."),
        ("version", "customers/v1", "churn v1 is in use under churn."),
        ("run", "1", "It is registered as churn v1."),
        ("model", "churn/v1", "churn v1 is in use under churn."),
    ):
        refused = post(client, f"{A}bin/", {"kind": kind, "subject": subject})
        assert (refused.status_code, refused.json()["code"]) == (409, "needed")
        assert word in refused.json()["blocked_by"]
        page = browser_of(cast[Role.OWNER]).get(f"/p/churn/bin/put/?kind={kind}&subject={subject}").content.decode()
        assert word in page
    gone = post(client, f"{A}delete/")
    assert (gone.status_code, gone.json()["blocked_by"]) == (409, ["churn v1 is in use under churn."])
    assert Binned.objects.count() == 0


def test_from_the_top_everything_can_go(cast: Cast, api_of: Api) -> None:
    version = scene.version_of(cast.project, trained())
    release = scene.put_into_use(version, cast[Role.OWNER])
    client = api_of(cast[Role.OWNER])
    assert post(client, f"{A}deployments/churn-classifier/stop/", {"reason": "It is not used."}).status_code == 204
    assert Release.objects.get(pk=release.pk).state == "retired"
    for kind, subject, address in (
        ("model", "churn-classifier/v1", "models/churn-classifier/versions/1/"),
        ("run", "1", "runs/1/"),
        ("version", "customers/v1", "datasets/customers/versions/1/"),
        ("dataset", "customers", "datasets/customers/versions/"),
    ):
        assert client.get(f"{A}{address}").status_code == 200, address
        assert post(client, f"{A}bin/", {"kind": kind, "subject": subject}).status_code == 201
        assert client.get(f"{A}{address}").status_code == 404, address
        assert post(client, f"{A}bin/", {"kind": kind, "subject": subject}).status_code == 404
    assert client.get(f"{A}bin/").json()["count"] == 4


def test_numbers_are_never_given_twice(cast: Cast) -> None:
    add_version(cast, b"1")
    run = finished_run(cast, add_version(cast, b"2"))
    discard(cast.project, "run", run, by=cast[Role.OWNER])
    assert last_run(cast.project) is None
    assert str(Run.everything.get()) == "run 1"


def test_a_name_in_the_bin_is_told_to_whoever_loads_under_it(cast: Cast) -> None:
    add_version(cast, b"1")
    binned = discard(cast.project, "dataset", Dataset.objects.get(), by=cast[Role.OWNER])
    given = {"name": "customers", "file_name": "x.csv", "blob": blobs.put_bytes(b"a\n1\n"), "options": {}}
    with pytest.raises(Conflict, match="in the bin"):
        start_ingestion(cast.project, **given, by=cast[Role.OWNER])  # type: ignore[arg-type]
    restore(binned, by=cast[Role.OWNER])
    assert Version.objects.count() == 1


def test_restoring_a_dataset_leaves_alone_what_was_deleted_before(cast: Cast) -> None:
    first, second = add_version(cast, b"1"), add_version(cast, b"2")
    discard(cast.project, "version", first, by=cast[Role.OWNER])
    whole = discard(cast.project, "dataset", second.dataset, by=cast[Role.OWNER])
    assert Version.objects.count() == 0
    restore(whole, by=cast[Role.OWNER])
    assert list(Version.objects.values_list("number", flat=True)) == [2]


def test_a_run_comes_back_only_where_its_data_is(cast: Cast) -> None:
    run = finished_run(cast, publish(cast))
    run_binned = discard(cast.project, "run", run, by=cast[Role.OWNER])
    data_binned = discard(cast.project, "version", run.data, by=cast[Role.OWNER])
    with pytest.raises(Conflict, match="Restore it first"):
        restore(run_binned, by=cast[Role.OWNER])
    with pytest.raises(Conflict, match="still needs"):
        delete_now(data_binned, name="customers v1", by=cast[Role.OWNER])
    restore(data_binned, by=cast[Role.OWNER])
    restore(run_binned, by=cast[Role.OWNER])
    assert Run.objects.count() == 1


def test_delete_now_frees_the_bytes_and_says_how_many(cast: Cast, api_of: Api, browser_of: Browser) -> None:
    version = add_version(cast, b"x" * 5000)
    sha = version.table_id
    binned = discard(cast.project, "version", version, by=cast[Role.OWNER])
    client = api_of(cast[Role.OWNER])
    assert sha in on_disk()
    address = f"{A}bin/{binned.pk}/delete/"
    assert post(client, address, {"name": "customers"}).status_code == 422
    assert post(api_of(cast[Role.DATA_ENGINEER]), address, {"name": "customers v1"}).status_code == 403
    assert post(client, address, {"name": "customers v1"}).json() == {"freed_bytes": 5000}
    assert sha not in on_disk()
    assert not Blob.objects.filter(pk=sha).exists()
    assert post(client, address, {"name": "customers v1"}).status_code == 410
    assert (
        "deleted the data version customers v1 for good"
        in browser_of(cast[Role.OWNER]).get("/p/churn/activity/").content.decode()
    )


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    contents=st.lists(st.integers(0, 4), min_size=1, max_size=8),
    deleted=st.sets(st.integers(0, 7)),
    loads=st.sets(st.integers(0, 4)),
)
def test_purging_frees_exactly_what_nobody_else_needs(
    cast: Cast, contents: list[int], deleted: set[int], loads: set[int]
) -> None:
    """Any number of versions and loads that share stored contents in any way."""
    Binned.objects.all().delete()
    Version.everything.all().delete()
    Ingestion.objects.all().delete()
    blobs.free(on_disk())
    before = set(on_disk())
    versions = [add_version(cast, b"content %d" % content * 10) for content in contents]
    for content in loads:
        Ingestion.objects.create(
            dataset=versions[0].dataset, file_name="x", file_blob=blobs.put_bytes(b"content %d" % content * 10)
        )
    sizes = on_disk()
    freed = 0
    for place, version in enumerate(versions):
        if place in deleted:
            binned = discard(cast.project, "version", version, by=cast[Role.OWNER])
            freed += delete_now(binned, name=str(version), by=cast[Role.OWNER])
    needed = set(Version.everything.values_list("table_id", flat=True))
    needed |= set(Ingestion.objects.values_list("file_blob_id", flat=True))
    assert set(on_disk()) == needed | before
    assert freed == sum(size for sha, size in sizes.items() if sha not in needed | before)
    for sha in needed:
        assert blobs.verified_path(sha).exists()


def test_what_was_brought_a_moment_ago_waits(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "GRACE_SECONDS", 60)
    version = add_version(cast, b"y" * 100)
    binned = discard(cast.project, "version", version, by=cast[Role.OWNER])
    assert delete_now(binned, name="customers v1", by=cast[Role.OWNER]) == 0
    assert version.table_id in on_disk()
    monkeypatch.setattr(blobs, "GRACE_SECONDS", -5)
    empty_bin()
    assert version.table_id not in on_disk()
    binned.refresh_from_db()
    assert (binned.freed_bytes, binned.left) == (100, [])


def test_the_schedule_deletes_after_thirty_days_and_not_before(cast: Cast) -> None:
    version = add_version(cast, b"z" * 10)
    binned = discard(cast.project, "version", version, by=cast[Role.OWNER])
    assert binned.purge_at - binned.deleted_at == timedelta(days=30)
    assert empty_bin() == 0
    Binned.objects.update(purge_at=timezone.now() - timedelta(seconds=1))
    assert empty_bin() == 1
    assert Version.everything.count() == 0
    assert version.table_id not in on_disk()


def test_a_deleted_project_answers_nowhere_and_nothing_of_it_runs(cast: Cast, api_of: Api, browser_of: Browser) -> None:
    """A14."""
    version = scene.version_of(cast.project, trained())
    release = scene.put_into_use(version, cast[Role.OWNER])
    owner, pages = api_of(cast[Role.OWNER]), browser_of(cast[Role.OWNER])
    take_out_of_use(release.deployment, reason="Over.", by=cast[Role.OWNER])
    gone = post(owner, f"{A}delete/")
    assert gone.status_code == 201
    for address in (
        "",
        "runs/1/",
        "datasets/customers/versions/1/",
        "deployments/churn-classifier/",
        "bin/",
        "members/",
    ):
        assert owner.get(f"{A}{address}").status_code == 404, address
    for address in ("", "runs/1/", "data/customers/v1/", "deployments/churn-classifier/", "team/", "activity.csv"):
        assert pages.get(f"/p/churn/{address}").status_code == 404, address
    assert "churn" not in [each["key"] for each in owner.get("/api/v1/projects/").json()["results"]]
    assert "Customer churn" not in pages.get("/projects/").content.decode()
    assert "/p/churn/" not in pages.get("/").content.decode()
    Release.objects.update(state="champion")  # even if something were live
    assert check_due() == 0
    assert "Customer churn" in pages.get("/bin/").content.decode()
    assert "Customer churn" not in browser_of(cast.stranger).get("/bin/").content.decode()
    assert post(api_of(cast.stranger), f"/api/v1/bin/{gone.json()['id']}/restore/").status_code == 404
    assert post(api_of(cast[Role.VIEWER]), f"/api/v1/bin/{gone.json()['id']}/restore/").status_code == 404
    assert post(owner, f"/api/v1/bin/{gone.json()['id']}/restore/").status_code == 204
    assert owner.get(f"{A}runs/1/").status_code == 200


def test_a_project_goes_for_good_and_takes_its_bytes_but_not_those_of_others(cast: Cast, browser_of: Browser) -> None:
    version = choose(cast, finished_run(cast, add_version(cast, b"w" * 300)))
    shared = add_version(cast, b"shared")
    theirs = Dataset.objects.create(project=cast.other_project, name="theirs")
    Version.objects.create(
        dataset=theirs, number=1, table_id=shared.table_id, rows=1, schema=[], profile={}, state="draft"
    )
    scene.put_into_use(version, cast[Role.OWNER])
    take_out_of_use(cast.project.deployments.get(), reason="Over.", by=cast[Role.OWNER])
    Job.objects.create(kind="test.work", project_key="churn", state="succeeded", created_by_id="x")
    binned = discard(cast.project, "project", cast.project, by=cast[Role.OWNER])
    page = browser_of(cast[Role.OWNER]).post(f"/bin/{binned.pk}/delete/", {"name": "Customer churn"})
    assert page.status_code == 302
    assert not Project.everything.filter(key="churn").exists()
    assert ModelVersion.everything.count() == Run.everything.count() == Job.objects.count() == 0
    assert shared.table_id in on_disk()
    assert {version.bundle_id} & set(on_disk()) == set()
    binned.refresh_from_db()
    assert binned.freed_bytes == 300 + len(b"bundle")
    assert Entry.objects.filter(project_key="churn", name="bin.purged").exists()
    assert verify().first_bad is None
    again = create_project(name="Churn", question="?", kind="binary", key="churn", by=cast.stranger)
    assert "for good" not in browser_of(cast.stranger).get("/p/churn/activity/").content.decode()
    assert again.key == "churn"


def test_data_that_is_trained_on_and_a_project_that_works_are_kept(cast: Cast) -> None:
    """F34."""
    version = publish(cast)
    Run.objects.create(project=cast.project, number=9, data=version, spec={}, state="waiting")
    with pytest.raises(Conflict, match="Run 9 is being trained on customers v1"):
        discard(cast.project, "dataset", version.dataset, by=cast[Role.OWNER])
    with pytest.raises(Conflict, match="It is being trained"):
        discard(cast.project, "run", Run.objects.get(), by=cast[Role.OWNER])
    Job.objects.create(kind="t", title="Train run 9", project_key="churn", created_by_id="x")
    with pytest.raises(Conflict, match="“Train run 9” is under way"):
        discard(cast.project, "project", cast.project, by=cast[Role.OWNER])


def test_a_project_that_deploys_is_kept(cast: Cast) -> None:
    """F34."""
    release = scene.put_into_use(choose(cast, finished_run(cast, publish(cast))), cast[Role.OWNER])
    Release.objects.filter(pk=release.pk).update(state="preparing")
    with pytest.raises(Conflict, match="is being promoted"):
        discard(cast.project, "project", cast.project, by=cast[Role.OWNER])


def test_a_load_ends_well_though_its_starter_was_removed(cast: Cast, run_jobs: Callable[[], list[Job]]) -> None:
    """F34."""
    blob = blobs.put_bytes(b"tenure,left\n1,yes\n2,no\n")
    given = {"name": "calls", "file_name": "calls.csv", "blob": blob, "options": {}}
    start_ingestion(cast.project, **given, by=cast[Role.DATA_ENGINEER])  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="is being read into it"):
        discard(cast.project, "dataset", Dataset.objects.get(name="calls"), by=cast[Role.OWNER])
    remove_member(cast.project, cast[Role.DATA_ENGINEER], by=cast[Role.OWNER])
    assert [job.state for job in run_jobs()] == ["succeeded"]
    assert Version.objects.get().rows == 2


def test_only_a_kinds_own_roles_delete_it(cast: Cast, api_of: Api) -> None:
    add_version(cast, b"1")
    body = {"kind": "version", "subject": "customers/v1"}
    refused = post(api_of(cast[Role.DATA_SCIENTIST]), f"{A}bin/", body)
    assert refused.status_code == 403
    assert "Publish a data version" in refused.json()["detail"]
    assert post(api_of(cast[Role.DATA_ENGINEER]), f"{A}bin/", body).status_code == 201


def test_every_link_to_a_stored_content_protects_it() -> None:
    """Freeing relies on it: no row may vanish with a content, and no content with a row that others share."""
    for relation in Blob._meta.related_objects:
        assert relation.on_delete.__name__ == "PROTECT", relation  # type: ignore[union-attr]
