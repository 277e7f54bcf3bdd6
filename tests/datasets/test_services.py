"""Loads and versions: numbered, immutable, told, audited; nothing half done stays."""

from collections.abc import Callable
from typing import Any

import pytest

from audit.models import Entry
from audit.services import verify
from datasets.models.versions import Dataset, Ingestion, Version
from datasets.queries import versions as queries
from datasets.services import versions as services
from jobs import services as jobs
from jobs.models import Job
from jobs.queries import latest_of
from notices.models import Notice
from problems.problem import Conflict, Corrupted, Invalid, Missing, TooLarge
from projects.permissions import Role
from storage import tables
from storage.blobs import verified_path
from tests.conftest import Cast
from tests.datasets.conftest import CUSTOMERS, Load

Make = Callable[..., Version]
RunJobs = Callable[[], list[Job]]


def test_a_load_becomes_a_draft_with_schema_profile_and_report(make_version: Make, cast: Cast) -> None:
    version = make_version()
    assert (version.number, version.rows, version.refused_rows, version.state) == (1, 4, 0, "draft")
    assert version.schema == [
        {"name": "id", "type": "integer", "nullable": False},
        {"name": "plan", "type": "text", "nullable": False},
        {"name": "charge", "type": "number", "nullable": True},
        {"name": "leaves", "type": "boolean", "nullable": False},
    ]
    assert version.report["columns"] == {"charge": {"empty": 1}}
    assert [column["missing"] for column in version.profile["columns"]] == [0, 0, 1, 0]
    assert queries.sample_rows(version, 2)[1] == {"id": 2, "plan": "year", "charge": 20.0, "leaves": False}
    assert tables.read(queries.table_path(version)).num_rows == 4
    assert version.ingestion is not None
    assert version.ingestion.state == Ingestion.State.READ


def test_versions_count_up_and_names_are_slugged(make_version: Make, cast: Cast) -> None:
    first, second = make_version(name="Kunden Daten"), make_version(name="kunden-daten")
    assert first.dataset == second.dataset
    assert (second.dataset.name, second.number) == ("kunden-daten", 2)
    with pytest.raises(Invalid) as refused:
        services.dataset_name("???")
    assert "name" in refused.value.fields


def test_the_data_people_and_the_uploader_are_told(make_version: Make, cast: Cast) -> None:
    make_version()
    told = Notice.objects.filter(recipient_id=cast[Role.DATA_ENGINEER].pk).get()
    assert told.text == "customers v1 is ready to look at: 4 rows were read, none refused."
    assert told.url == "/p/churn/data/customers/v1/"


def test_a_refused_file_fails_the_load_with_its_reason_and_makes_no_version(load: Load, run_jobs: RunJobs) -> None:
    ingestion = load(b"a,b\n1,2,3\n4\n")
    (job,) = run_jobs()
    ingestion.refresh_from_db()
    assert (job.state, job.code) == ("failed", "too_many_refused")
    assert ingestion.state == Ingestion.State.FAILED
    assert "line 2: it has 3 cells where 2 are expected" in ingestion.message
    assert not Version.objects.exists()
    assert Notice.objects.filter(text__contains="could not be loaded").exists()
    assert Entry.objects.filter(name="data.load_failed").exists()


def test_a_stopped_load_is_cancelled(load: Load, cast: Cast) -> None:
    ingestion = load()
    job = latest_of(ingestion)
    assert job is not None
    jobs.cancel(job, by=cast[Role.DATA_ENGINEER])
    ingestion.refresh_from_db()
    assert ingestion.state == Ingestion.State.CANCELLED


def test_publishing_makes_a_version_final_and_tells_the_scientists(make_version: Make, cast: Cast) -> None:
    version = make_version()
    services.publish(version, by=cast[Role.DATA_ENGINEER])
    version.refresh_from_db()
    assert version.state == Version.State.PUBLISHED
    assert version.published_by == cast[Role.DATA_ENGINEER]
    assert list(queries.published_versions(cast.project)) == [version]
    assert Notice.objects.filter(recipient_id=cast[Role.DATA_SCIENTIST].pk, text__contains="can be trained on").exists()
    with pytest.raises(Conflict):
        services.publish(version, by=cast[Role.DATA_ENGINEER])


def test_a_version_without_rows_is_not_published(make_version: Make, cast: Cast) -> None:
    version = make_version()
    Version.objects.filter(pk=version.pk).update(rows=0)
    with pytest.raises(Conflict) as refused:
        services.publish(version, by=cast[Role.OWNER])
    assert refused.value.facts["blocked_by"] == ["check:rows"]


def test_everything_is_in_the_audit_and_the_chain_holds(make_version: Make, cast: Cast) -> None:
    services.publish(make_version(), by=cast[Role.OWNER])
    names = list(Entry.objects.order_by("seq").values_list("name", flat=True))
    assert names == ["data.load_started", "data.version_made", "data.published"]
    assert verify().first_bad is None


def test_the_same_bytes_make_the_same_table(make_version: Make) -> None:
    assert make_version().table_id == make_version().table_id


def test_stated_options_are_kept_and_wrong_ones_refused(load: Load, cast: Cast) -> None:
    assert load(delimiter="comma", header="").options == {"delimiter": "comma"}
    with pytest.raises(Invalid) as refused:
        load(encoding="klingon")
    assert "encoding" in refused.value.fields
    assert Ingestion.objects.count() == 1


def test_empty_and_oversized_files_are_refused_before_anything_starts(settings: Any, db: None) -> None:
    with pytest.raises(Invalid):
        services.keep_file([])
    settings.UPLOAD_MAX_BYTES = 10
    with pytest.raises(TooLarge) as refused:
        services.keep_file([b"x" * 11])
    assert "at most" in refused.value.text


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\x.csv", "x.csv"),
        ("a\0b\n.csv", "ab.csv"),
        ("", "file"),
        ("x" * 500, "x" * 200),
    ],
)
def test_file_names_are_only_names(given: str, kept: str) -> None:
    assert services.file_name(given) == kept


def test_doors_of_queries_open_inside_the_project_only(make_version: Make, cast: Cast) -> None:
    version = make_version()
    assert queries.version_for(cast.project, "customers", 1) == version
    for project, name, number in [
        (cast.other_project, "customers", 1),
        (cast.project, "other", 1),
        (cast.project, "customers", 2),
    ]:
        with pytest.raises(Missing):
            queries.version_for(project, name, number)
    with pytest.raises(Missing):
        queries.dataset_for(cast.other_project, "customers")


def test_a_damaged_table_is_never_handed_out(make_version: Make) -> None:
    version = make_version(CUSTOMERS + b"5,damaged,1,true\n")
    place = verified_path(version.table_id)
    content = bytearray(place.read_bytes())
    content[40] ^= 1
    place.chmod(0o600)
    place.write_bytes(bytes(content))
    with pytest.raises(Corrupted):
        queries.table_path(version)
    place.unlink()


def test_a_version_is_compared_with_the_newest_published_one_before_it(make_version: Make, cast: Cast) -> None:
    first, second, third = make_version(), make_version(), make_version()
    assert queries.version_before(first) is None
    assert queries.version_before(third) == second
    services.publish(first, by=cast[Role.OWNER])
    assert queries.version_before(third) == first


def test_lists_take_the_same_number_of_queries_however_long(
    make_version: Make, cast: Cast, django_assert_num_queries: Any
) -> None:
    make_version()
    with django_assert_num_queries(3):
        queries.listed(queries.datasets_of([cast.project]))
    make_version(name="second")
    make_version(name="third")
    with django_assert_num_queries(3):
        rows = queries.listed(queries.datasets_of([cast.project]))
    assert [row.dataset.name for row in rows] == ["third", "second", "customers"]
    assert Dataset.objects.count() == 3
