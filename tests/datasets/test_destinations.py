"""Where a dataset is written to: approval, the password again, sensitive columns, loads, with publications."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from datasets.models.destinations import Destination, Writing
from datasets.models.tags import ColumnTag
from datasets.models.versions import Version
from datasets.queries import destinations as queries
from datasets.services import destinations, writings
from datasets.services import versions as versions_services
from datasets.using import uses_of
from jobs.models import Job, Line
from notices.models import Notice
from problems.problem import Conflict, Invalid
from projects.models.team import Membership
from projects.permissions import Role
from projects.services.bin import discard
from tests.conftest import Cast
from tests.datasets.connectors.servers import PASSWORD, Server, open_postgresql
from tests.datasets.writing.conftest import Warehouse

RunJobs = Callable[[], list[Job]]
OWN = Role.DATA_ENGINEER
NEXT = b"id,plan,charge,leaves\n4,week,1,true\n5,year,2,false\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with open_postgresql() as found:
        from tests.datasets.connectors.servers import READER

        found.run("CREATE SCHEMA wh", f"GRANT USAGE, CREATE ON SCHEMA wh TO {READER}")
        yield found


@pytest.fixture
def warehouse(server: Server, settings: Any) -> Warehouse:
    settings.OUTBOUND_ALLOW = frozenset({"127.0.0.1:5432"})
    server.run("DROP TABLE IF EXISTS wh.customers", "DROP TABLE IF EXISTS wh.baton_loads")
    return Warehouse(server)


def registered(cast: Cast, version: Version, warehouse: Warehouse, **more: Any) -> Destination:
    params = warehouse.params("customers", create=True, password=PASSWORD) | more.pop("params", {})
    given = {"connector": "postgresql", "name": "Warehouse", "params": params, "by": cast[OWN]} | more
    return destinations.register(version.dataset, **given)


def approved(cast: Cast, row: Destination, released: tuple[str, ...] = ()) -> Destination:
    roles = frozenset({Role.OWNER})
    return destinations.approve(row, seen=row.revision, roles=roles, by=cast[Role.OWNER], released=released)


def published(cast: Cast, version: Version) -> Version:
    return versions_services.publish(version, by=cast[Role.DATA_ENGINEER])


def write(cast: Cast, row: Destination, version: Version, run_jobs: RunJobs) -> Writing:
    made, _ = writings.start_writing(row, version, by=cast[OWN])
    run_jobs()
    made.refresh_from_db()
    return made


def test_only_what_is_approved_is_written_and_only_published_versions(
    cast: Cast, make_version: Callable[..., Version], warehouse: Warehouse, run_jobs: RunJobs
) -> None:
    version = make_version()
    row = registered(cast, version, warehouse)
    assert Notice.objects.filter(text__contains="waits for approval", recipient_id=cast[Role.OWNER].pk).exists()
    with pytest.raises(Conflict, match="not approved yet"):
        writings.start_writing(row, version, by=cast[OWN])
    with pytest.raises(Conflict, match="meanwhile"):
        destinations.approve(row, seen=7, roles=frozenset({Role.OWNER}), by=cast[Role.OWNER])
    row = approved(cast, row)
    with pytest.raises(Conflict, match="is a draft"):
        writings.start_writing(row, version, by=cast[OWN])
    version = published(cast, version)
    done = write(cast, row, version, run_jobs)
    assert (done.state, done.rows, done.added, done.message) == ("done", 4, 4, ""), done.message
    assert done.seconds > 0
    assert len(warehouse.rows("customers")) == 4
    again = write(cast, row, version, run_jobs)
    assert (again.state, again.rows) == ("unchanged", 0)
    assert "not added a second time" in again.message
    assert len(warehouse.rows("customers")) == 4
    use = next(one for one in uses_of(version) if one.kind == "database")
    assert use.name == "warehouse"
    assert "4 rows added" in use.words
    names = list(Entry.objects.filter(name__startswith="destination.").values_list("name", flat=True))
    assert sorted(set(names)) == [
        f"destination.{one}" for one in ("approved", "load_started", "loaded", "registered", "unchanged")
    ]
    assert PASSWORD not in json.dumps([one.data for one in Entry.objects.all()])
    assert not Line.objects.filter(text__contains=PASSWORD).exists()
    assert PASSWORD not in json.dumps(list(Job.objects.values_list("payload", flat=True)))


def test_each_version_that_is_published_is_written_by_itself(
    cast: Cast, make_version: Callable[..., Version], warehouse: Warehouse, run_jobs: RunJobs
) -> None:
    first = make_version()
    row = approved(cast, registered(cast, first, warehouse, mode="merge", keys=["id"], when="published"))
    published(cast, first)
    run_jobs()
    published(cast, make_version(NEXT))
    run_jobs()
    newest = row.writings.first()
    assert newest is not None
    assert (newest.state, newest.added, newest.changed, newest.by_publication) == ("done", 1, 1, True), newest.message
    assert [one[0] for one in warehouse.rows("customers", "id")] == [1, 2, 3, 4, 5]
    published(cast, make_version(b"id,plan,leaves\n4,week,true\n"))
    run_jobs()
    failed = row.writings.first()
    assert failed is not None
    assert failed.state == "done", "a column that is gone is left as it is"
    published(cast, make_version(b"id,plan,charge,leaves\nx,week,1,true\n"))
    run_jobs()
    failed = row.writings.first()
    assert failed is not None
    assert (failed.state, "“id” holds text" in failed.message) == ("failed", True), failed.message
    assert Notice.objects.filter(text__contains="could not be written", recipient_id=cast[OWN].pk).exists()
    assert len(warehouse.rows("customers")) == 5


def test_sensitive_columns_leave_only_when_the_approver_released_them_by_name(
    cast: Cast, make_version: Callable[..., Version], warehouse: Warehouse, run_jobs: RunJobs
) -> None:
    version = published(cast, make_version())
    ColumnTag.objects.create(dataset=version.dataset, column="plan", kind="personal")
    row = registered(cast, version, warehouse)
    with pytest.raises(Conflict, match="nobody released: plan"):
        approved(cast, row)
    with pytest.raises(Invalid, match="no sensitive column"):
        approved(cast, row, ("plan", "charge"))
    with pytest.raises(Conflict, match="nobody released: plan"):
        destinations.approve(row, seen=1, roles=frozenset({Role.VIEWER}), by=cast[Role.VIEWER], released=["plan"])
    row = approved(cast, row, ("plan",))
    assert write(cast, row, version, run_jobs).state == "done"
    ColumnTag.objects.create(dataset=version.dataset, column="charge", kind="financial")
    with pytest.raises(Conflict, match="nobody released: charge"):
        writings.start_writing(row, version, by=cast[OWN])
    ColumnTag.objects.filter(column="charge").delete()
    Membership.objects.filter(user=cast[Role.OWNER]).delete()
    with pytest.raises(Conflict, match="nobody released: plan"):
        writings.start_writing(row, version, by=cast[OWN])


def test_what_was_started_stops_when_the_destination_is_changed_or_a_column_becomes_sensitive(
    cast: Cast, make_version: Callable[..., Version], warehouse: Warehouse, run_jobs: RunJobs
) -> None:
    version = published(cast, make_version())
    row = approved(cast, registered(cast, version, warehouse))
    made, _ = writings.start_writing(row, version, by=cast[OWN])
    with pytest.raises(Conflict, match="already"):
        writings.start_writing(row, version, by=cast[OWN])
    ColumnTag.objects.create(dataset=version.dataset, column="plan", kind="personal")
    run_jobs()
    made.refresh_from_db()
    assert (made.state, "nobody released: plan" in made.message) == ("failed", True)
    ColumnTag.objects.all().delete()
    made, _ = writings.start_writing(row, version, by=cast[OWN])
    destinations.change(row, seen=1, by=cast[OWN], mode="replace")
    run_jobs()
    made.refresh_from_db()
    assert (made.state, "was changed since" in made.message) == ("failed", True)
    assert warehouse.server.run("SELECT to_regclass('wh.customers') IS NULL")[0][0]


def test_another_place_needs_the_password_again_and_every_change_is_approved_anew(
    cast: Cast, make_version: Callable[..., Version], warehouse: Warehouse
) -> None:
    version = make_version()
    row = approved(cast, registered(cast, version, warehouse))
    same = warehouse.params("customers", create=True)
    for change in ({"host": "db.example.org"}, {"user": "other"}, {"table": "secrets"}, {"schema": "x"}):
        with pytest.raises(Invalid) as caught:
            destinations.change(row, seen=1, by=cast[OWN], params=same | change)
        assert caught.value.code == "secret_needed"
    with pytest.raises(Invalid, match="may not be reached"):
        destinations.change(row, seen=1, by=cast[OWN], params=same | {"port": 5433, "password": "x"})
    kept = destinations.change(row, seen=1, by=cast[OWN], params=same | {"password": "another"})
    assert kept.state == "approved"
    voided = destinations.change(kept, seen=2, by=cast[OWN], params=same | {"create": False})
    assert (voided.state, voided.decided_by, voided.released) == ("registered", None, [])
    for wrong, said in (
        ({"mode": "merge"}, "tell rows apart"),
        ({"keys": ["id"]}, "only where rows are merged"),
        ({"columns": ["nothing"]}, "no column “nothing”"),
        ({"mode": "merge", "keys": ["id"], "columns": ["plan"]}, "not among the columns"),
        ({"when": "now"}, "is one of"),
        ({"odd": 1}, "no such part"),
    ):
        with pytest.raises(Invalid, match=said):
            destinations.change(voided, seen=3, by=cast[OWN], **wrong)
    with pytest.raises(Invalid, match="There is a destination “warehouse” already"):
        registered(cast, version, warehouse)


def test_what_is_written_by_itself_is_not_thrown_away_by_a_slip(
    cast: Cast, make_version: Callable[..., Version], warehouse: Warehouse
) -> None:
    version = make_version()
    registered(cast, version, warehouse, when="published")
    with pytest.raises(Conflict, match="Only by hand"):
        discard(
            cast.project, "destination", queries.destination_called(cast.project, "customers/warehouse"), by=cast[OWN]
        )
    row = destinations.change(queries.destination_for(version.dataset, "warehouse"), seen=1, by=cast[OWN], when="click")
    discard(cast.project, "destination", queries.destination_called(cast.project, "customers/warehouse"), by=cast[OWN])
    assert not Destination.objects.filter(pk=row.pk).exists()
    row.refresh_from_db(from_queryset=Destination.everything.all())
    with pytest.raises(Conflict, match="lies in the bin"):
        writings.start_writing(row, version, by=cast[OWN])


def test_all_of_it_over_rest(
    cast: Cast,
    make_version: Callable[..., Version],
    warehouse: Warehouse,
    run_jobs: RunJobs,
    api_of: Callable[..., Client],
) -> None:
    version = published(cast, make_version())
    api = api_of(cast[OWN])
    base = f"/api/v1/projects/{cast.project.key}"
    kinds = api.get(f"{base}/destination-kinds/").json()["kinds"]
    assert [one["connector"] for one in kinds] == ["postgresql", "mariadb"]
    url = f"{base}/datasets/customers/destinations/"
    body = {
        "name": "wh",
        "connector": "postgresql",
        "params": warehouse.params("customers", create=True, password=PASSWORD),
    }
    made = api.post(url, body, content_type="application/json")
    assert made.status_code == 201, made.content
    assert PASSWORD not in made.content.decode()
    assert made.json()["secrets"] == ["password"]
    one = f"{url}wh/"
    job = api.post(f"{one}test/", content_type="application/json")
    assert job.status_code == 202
    run_jobs()
    steps = api.get(f"{one}test/").json()["result"]["steps"]
    assert [step["ok"] for step in steps] == [True, True, True], steps
    assert api.post(f"{one}writes/", {"number": version.number}, content_type="application/json").status_code == 409
    owner = api_of(cast[Role.OWNER])
    assert owner.post(f"{one}approve/", {"seen": 1}, content_type="application/json").json()["state"] == "approved"
    started = api.post(f"{one}writes/", {"number": version.number}, content_type="application/json")
    assert started.status_code == 202, started.content
    run_jobs()
    done = api.get(started.json()["url"]).json()
    assert (done["state"], done["added"], done["version"]) == ("done", 4, 1)
    assert api.get(f"{one}writes/").json()["results"][0]["write"] == done["write"]
    assert (
        api.patch(one, {"seen": 1, "mode": "replace"}, content_type="application/json").json()["state"] == "registered"
    )
    refused = owner.post(f"{one}refuse/", {"seen": 2, "reason": "Not this schema"}, content_type="application/json")
    assert refused.json()["reason"] == "Not this schema"


def test_the_pages_show_the_destination_and_its_loads(
    cast: Cast, make_version: Callable[..., Version], warehouse: Warehouse, run_jobs: RunJobs,
    browser_of: Callable[..., Client],
) -> None:  # fmt: skip
    version = published(cast, make_version())
    ColumnTag.objects.create(dataset=version.dataset, column="plan", kind="personal")
    browser, owner = browser_of(cast[OWN]), browser_of(cast[Role.OWNER])
    base = f"/p/{cast.project.key}/data/customers"
    assert "All of it arrives or nothing" in browser.get(f"{base}/destinations/").content.decode()
    place = warehouse.params("customers", password=PASSWORD, create="on")
    form = {f"param_{name}": value for name, value in place.items()}
    form |= {"name": "Warehouse", "mode": "merge", "keys": "", "when": "click"}
    wrong = browser.post(f"{base}/new-destination/postgresql/", form)
    assert (wrong.status_code, "tell rows apart" in wrong.content.decode()) == (422, True)
    made = browser.post(f"{base}/new-destination/postgresql/", form | {"keys": "id"})
    assert made.status_code == 302, made.content.decode()[-3000:]
    page = f"{base}/destinations/warehouse/"
    assert made.headers["Location"] == page
    assert PASSWORD not in browser.get(f"{page}edit/").content.decode()
    browser.post(f"{page}test/")
    run_jobs()
    shown = browser.get(page).content.decode()
    assert shown.count("Works") == 3
    owner.post(f"{page}decide/", {"do": "approve", "seen": "1"})
    assert "Waits for approval" in owner.get(page).content.decode(), "the sensitive column was not ticked"
    owner.post(f"{page}decide/", {"do": "approve", "seen": "1", "released": "plan"})
    browser.post(f"{page}write/", {"number": "1"})
    run_jobs()
    shown = browser.get(page).content.decode()
    assert "Written" in shown
    assert "Released:" in shown
    assert "4 rows added" in browser.get(f"{base}/v1/").content.decode()
    assert "wh.customers" in browser.get(f"{base}/destinations/").content.decode()


def test_lists_ask_the_database_as_often_for_many_as_for_one(
    cast: Cast, make_version: Callable[..., Version], warehouse: Warehouse, browser_of: Callable[..., Client],
    django_assert_max_num_queries: Any,
) -> None:  # fmt: skip
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    version = make_version()
    browser = browser_of(cast[OWN])
    registered(cast, version, warehouse, name="one")
    address = f"/p/{cast.project.key}/data/customers/destinations/"
    browser.get(address)
    with CaptureQueriesContext(connection) as few:
        browser.get(address)
    for number in range(5):
        registered(cast, version, warehouse, name=f"more {number}")
    with CaptureQueriesContext(connection) as many:
        browser.get(address)
    assert len(many) == len(few)


CLOSED = ("10.0.0.1", "localhost", "localhost.", "0x7f000001", "127.1", "::1", "[::1]", "::ffff:127.0.0.1", "0.0.0.0")
CLOSED += (
    "169.254.169.254",
    "100.64.0.1",
    "fe80::1",
    "/var/run/postgresql",
    "a.example.org,127.0.0.1",
    "a b",
    "h\r\nx",
)


@pytest.mark.parametrize("connector", ["postgresql", "mariadb"])
def test_a_destination_in_our_own_network_is_refused_before_anything_is_dialled(
    cast: Cast, make_version: Callable[..., Version], connector: str
) -> None:
    """A48 and A51: every form of a closed address, and one sentence for open and closed ports."""
    dataset = make_version().dataset
    params = {"port": 5432, "database": "x", "user": "u", "password": "p", "tls": "off", "table": "t"}
    params |= {"schema": "s"} if connector == "postgresql" else {}
    for host in CLOSED:
        with pytest.raises(Invalid) as refused:
            destinations.register(
                dataset, connector=connector, name="bad", params=params | {"host": host}, by=cast[OWN]
            )
        assert "host" in refused.value.fields, host
    said = set()
    for port in (22, 5432, 65000):
        given = params | {"host": "127.0.0.1", "port": port}
        with pytest.raises(Invalid) as refused:
            destinations.register(dataset, connector=connector, name="bad", params=given, by=cast[OWN])
        said.add(str(refused.value))
    assert len(said) == 1
    assert not Destination.objects.exists()
