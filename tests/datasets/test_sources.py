"""The register of sources: approval, expiry, the secret again (A53), loads that move the mark only with a version."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Entry
from datasets.models.contracts import DataContract, Subscription
from datasets.models.sources import Pull, PullFile, Source
from datasets.models.versions import Version
from datasets.queries import sources as queries
from datasets.services import pulls, sources
from jobs.models import Job, Line
from notices.models import Notice
from problems.problem import Conflict, Invalid
from projects.permissions import Role
from projects.services.bin import discard
from storage import blobs
from storage.models import Blob
from tests.conftest import Cast
from tests.datasets.connectors.town import SECRET, Town, open_town

RunJobs = Callable[[], list[Job]]


@pytest.fixture
def town(settings: Any) -> Iterator[Town]:
    """A town that the administrator opened."""
    with open_town() as found:
        settings.OUTBOUND_ALLOW = found.allow
        yield found


def api_params(town: Town, **more: Any) -> dict[str, Any]:
    plain = {"address": f"{town.base}/api", "auth": "bearer", "rows_path": "data.items", "paging": "link"}
    return plain | {"watermark": "changed", "since_param": "since", "per_second": 100.0} | more


def registered(cast: Cast, town: Town, **more: Any) -> Source:
    given = {"mode": "incremental", "keys": ["id"], "params": api_params(town, secret=SECRET)} | more
    return sources.register(
        cast.project, connector="rest_api", name="Orders", dataset="orders", by=cast[Role.DATA_ENGINEER], **given
    )


def fresh(source: Source) -> Source:
    return Source.objects.select_related("project", "dataset").get(pk=source.pk)


def approved(cast: Cast, source: Source) -> Source:
    return sources.approve(source, seen=source.revision, by=cast[Role.OWNER])


def load(cast: Cast, source: Source, run_jobs: RunJobs, **how: Any) -> Pull:
    pull, _ = pulls.start_pull(source, by=cast[Role.DATA_ENGINEER], **how)
    run_jobs()
    return Pull.objects.select_related("version").get(pk=pull.pk)


def test_only_an_approved_source_feeds_and_only_while_its_licence_runs(cast: Cast, town: Town) -> None:
    person, today = cast[Role.DATA_ENGINEER], timezone.now().date()
    source = registered(cast, town)
    with pytest.raises(Conflict, match="not approved"):
        pulls.start_pull(source, by=person)
    with pytest.raises(Conflict, match="meanwhile"):
        sources.approve(source, seen=7, by=person)
    approved(cast, source)
    with pytest.raises(Invalid, match="its licence"):
        sources.change(fresh(source), seen=1, by=person, third_party=True, vendor="Acme")
    licence = {"third_party": True, "vendor": "Acme", "licence": "CC BY", "licence_until": today}
    changed = sources.change(fresh(source), seen=1, by=person, **licence)
    assert changed.standing == "registered", "another licence is approved again"
    approved(cast, changed)
    assert sources.tell_expiring() == 1
    assert sources.tell_expiring() == 0
    assert Notice.objects.filter(text__contains="runs out", recipient_id=cast[Role.OWNER].pk).exists()
    Source.objects.update(licence_until=today - timedelta(days=1))
    assert fresh(source).standing == "expired"
    with pytest.raises(Conflict, match="ran out"):
        pulls.start_pull(source, by=person)
    Source.objects.update(schedule="daily", next_at=timezone.now() - timedelta(days=3))
    assert pulls.start_due() == 0
    assert Entry.objects.filter(name="source.load_skipped").count() == 1
    Source.objects.update(licence_until=None)
    sources.refuse(fresh(source), reason="Not ours to use", seen=2, by=cast[Role.OWNER])
    with pytest.raises(Conflict, match="refused"):
        pulls.start_pull(source, by=person)
    assert not Pull.objects.exists()


def test_loads_make_versions_of_what_is_new_and_say_when_nothing_is(cast: Cast, town: Town, run_jobs: RunJobs) -> None:
    town.moods = [(429, {"Retry-After": "0"}), (500, {"Retry-After": "0"})]
    source = approved(cast, registered(cast, town, schedule="hourly"))
    first = load(cast, source, run_jobs)
    assert (first.state, first.rows_fetched, first.version and first.version.rows) == ("made", 12, 12), first.message
    assert fresh(source).mark == first.mark_after == {"watermark": "2026-01-12T00:00:00"}
    assert first.files.count() == 1
    second = load(cast, source, run_jobs)
    assert (second.state, second.version) == ("unchanged", None)
    town.rows.append({"id": 13, "city": "Bonn", "changed": "2026-03-01T00:00:00"})
    Source.objects.update(next_at=timezone.now() - timedelta(minutes=1))
    assert pulls.start_due() == 1
    assert pulls.start_due() == 0
    run_jobs()
    third = Pull.objects.select_related("version").latest("created_at")
    assert (third.by_schedule, third.rows_fetched, third.version and third.version.rows) == (True, 1, 13)
    again = load(cast, source, run_jobs, again=True)
    assert (again.state, Version.objects.count()) == ("unchanged", 2), "the same table makes no version"
    Version.objects.filter(number=2).update(deleted_at=timezone.now())
    Version.objects.filter(number=1).update(deleted_at=timezone.now())
    anew = load(cast, source, run_jobs)
    assert (anew.state, anew.rows_fetched, anew.version and anew.version.number) == ("made", 13, 3)


def test_a_load_that_fails_or_is_overtaken_moves_nothing(cast: Cast, town: Town, run_jobs: RunJobs) -> None:
    source = approved(cast, registered(cast, town))
    town.rows = []
    pull, _ = pulls.start_pull(source, by=cast[Role.DATA_ENGINEER])
    with pytest.raises(Conflict, match="already"):
        pulls.start_pull(source, by=cast[Role.DATA_ENGINEER])
    sources.change(fresh(source), seen=1, by=cast[Role.DATA_ENGINEER], owner="Sales")
    (job,) = run_jobs()
    pull.refresh_from_db()
    assert (pull.state, job.code) == ("failed", "changed_meanwhile")
    assert (fresh(source).mark, Version.objects.count()) == ({}, 0)
    wrong = sources.change(
        fresh(source), seen=2, by=cast[Role.DATA_ENGINEER], params=api_params(town, secret="no one's")
    )
    assert wrong.standing == "approved", "another secret for the same place keeps the approval"
    failed = load(cast, wrong, run_jobs)
    assert "does not let us in" in failed.message


def test_a_row_that_somebody_poisoned_is_refused_when_it_is_read(
    cast: Cast, town: Town, run_jobs: RunJobs, api_of: Callable[..., Any]
) -> None:
    """A27: written past every form, a place that may not be read is refused by the load and by the download."""
    source = approved(cast, registered(cast, town))
    assert load(cast, source, run_jobs).state == "made"
    for connector, poison in (
        ("url", {"address": "file:///etc/passwd"}),
        ("url", {"address": "http://169.254.169.254/latest"}),
        ("sqlite_file", {"path": "../../../../etc/passwd"}),
        ("s3", {"endpoint": "s3://b/../../x", "bucket": "b", "access_key": "k"}),
    ):
        Source.objects.update(connector=connector, params=poison, mode="full", sealed={})
        pull = load(cast, fresh(source), run_jobs)
        assert pull.state == "failed", (connector, pull.message)
        assert "root:" not in pull.message
    Blob.objects.create(sha256="../../../../../../etc/passwd", size=1)
    Version.objects.update(table="../../../../../../etc/passwd")
    client = api_of(cast[Role.DATA_ENGINEER])
    client.raise_request_exception = False
    for path in ("versions/1/file/?format=csv", "versions/1/file/?format=parquet", "versions/1/"):
        answer = client.get(f"/api/v1/projects/churn/datasets/orders/{path}")
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert b"root:" not in content
        assert answer.status_code == 200 if path.endswith("1/") else answer.status_code in (404, 409, 410), path


def test_the_secret_is_entered_again_when_where_it_goes_changes(cast: Cast, town: Town) -> None:
    """A53: whoever edits host, port, user or the way to sign in cannot have the sealed secret sent there."""
    person, source = cast[Role.DATA_ENGINEER], approved(cast, registered(cast, town))
    elsewhere = f"http://127.0.0.1:{town.port}/other"
    for place in ({"address": elsewhere}, {"auth": "basic", "user": "mallory"}, {"auth": "header", "key_name": "X-K"}):
        with pytest.raises(Invalid, match="secret again") as refused:
            sources.change(fresh(source), seen=1, by=person, params=api_params(town, **place))
        assert (refused.value.code, list(refused.value.fields)) == ("secret_needed", ["secret"])
    kept = sources.change(fresh(source), seen=1, by=person, params=api_params(town, rows_path="data"))
    assert kept.standing == "approved"
    assert queries.secrets_of(kept) == {"secret": SECRET}
    open_one = sources.change(fresh(source), seen=2, by=person, params=api_params(town, auth="none"))
    assert (open_one.sealed, open_one.standing) == ({}, "registered")
    with pytest.raises(Invalid):
        sources.change(fresh(source), seen=3, by=person, params=api_params(town))
    moved = sources.change(
        fresh(source), seen=3, by=person, params=api_params(town, address=elsewhere, secret="new one")
    )
    assert queries.secrets_of(moved) == {"secret": "new one"}
    with pytest.raises(Conflict):
        sources.change(fresh(source), seen=3, by=person, owner="x")


def test_the_secret_is_nowhere(
    cast: Cast, town: Town, run_jobs: RunJobs, browser_of: Any, api_of: Any, tmp_path: Any
) -> None:
    source = approved(cast, registered(cast, town))
    sources.start_test(source, by=cast[Role.DATA_ENGINEER])
    (test,) = run_jobs()
    assert (test.result or {}).get("ok"), test.result
    load(cast, source, run_jobs)
    town.moods = [(200, {"Retry-After": SECRET})]  # an answer that is no JSON
    load(cast, source, run_jobs, again=True)
    said = [
        json.dumps(list(Job.objects.values("payload", "result", "message", "title", "progress_text")), default=str),
        json.dumps(list(Entry.objects.values()), default=str),
        json.dumps(list(Line.objects.values("text"))),
        json.dumps(list(Source.objects.values("params", "sealed", "mark", "until"))),
        json.dumps(list(Pull.objects.values("message", "notes", "mark_after", "until"))),
        json.dumps(list(Version.objects.values("report", "profile"))),
    ]
    browser, api = browser_of(cast[Role.OWNER]), api_of(cast[Role.OWNER])
    for path in ("", "edit/"):
        said.append(browser.get(f"/p/churn/sources/orders/{path}").content.decode())
    for path in ("", "test/", "pulls/"):
        said.append(api.get(f"/api/v1/projects/churn/sources/orders/{path}").content.decode())
    assert not [text for text in said if SECRET in text or "town-key" in text]


def test_a_source_that_something_depends_on_stays(cast: Cast, town: Town, browser_of: Any, api_of: Any) -> None:
    source = registered(cast, town)
    engineer, rest = browser_of(cast[Role.DATA_ENGINEER]), api_of(cast[Role.DATA_ENGINEER])
    DataContract.objects.create(dataset=source.dataset, number=1, signed_at=timezone.now())
    Subscription.objects.create(dataset=source.dataset, consumer="training", name="Training of this project")
    Pull.objects.create(source=source, revision=1)
    sources.change(fresh(source), seen=1, schedule="daily", by=cast[Role.DATA_ENGINEER])
    asked = "/p/churn/bin/put/?kind=source&subject=orders"
    page = engineer.get(asked).content.decode()
    for why in ("It is being loaded", "every day at 02:00", "Training of this project counts on contract 1 of orders"):
        assert why in page, why
    refused = rest.post("/api/v1/projects/churn/bin/", {"kind": "source", "subject": "orders"}, "application/json")
    assert (refused.status_code, len(refused.json()["blocked_by"])) == (409, 3)
    viewer = browser_of(cast[Role.VIEWER])
    assert viewer.post("/p/churn/bin/put/", {"kind": "source", "subject": "orders"}).status_code == 403


def test_a_source_goes_for_good_and_its_versions_keep_its_name(
    cast: Cast, town: Town, run_jobs: RunJobs, browser_of: Any, api_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = approved(cast, registered(cast, town))
    made = load(cast, source, run_jobs).version
    assert made is not None
    engineer, bin_api = browser_of(cast[Role.DATA_ENGINEER]), "/api/v1/projects/churn/bin/"
    rest = api_of(cast[Role.DATA_ENGINEER])
    put = rest.post(bin_api, {"kind": "source", "subject": "orders"}, "application/json")
    assert put.status_code == 201
    assert engineer.get("/p/churn/sources/orders/").status_code == 404
    assert "/sources/orders/" not in engineer.get("/p/churn/sources/").content.decode()
    with pytest.raises(Conflict, match="in the bin"):
        pulls.start_pull(source, by=cast[Role.DATA_ENGINEER])
    with pytest.raises(Invalid, match="in the bin"):
        registered(cast, town)
    version = f"/p/churn/data/orders/v{made.number}/"
    assert "it is not here any more" in engineer.get(version).content.decode()
    address = f"{bin_api}{put.json()['id']}/"
    assert rest.post(f"{address}restore/", {}, "application/json").status_code == 204
    assert engineer.get("/p/churn/sources/orders/").status_code == 200
    binned = discard(cast.project, "source", fresh(source), by=cast[Role.DATA_ENGINEER])
    kept = list(PullFile.objects.values_list("blob_id", flat=True))
    monkeypatch.setattr(blobs, "GRACE_SECONDS", -60)
    freed = api_of(cast[Role.OWNER]).post(f"{bin_api}{binned.pk}/delete/", {"name": "orders"}, "application/json")
    assert freed.json()["freed_bytes"] > 0
    assert not Source.everything.exists()
    assert not Blob.objects.filter(pk__in=kept).exists()
    page = engineer.get(version).content.decode()
    assert 'from the source <span class="mono">orders</span>' in page
    assert registered(cast, town).name == "orders", "its name is free again"


def test_pages_show_a_source_from_its_kind_to_its_version(
    cast: Cast, town: Town, run_jobs: RunJobs, browser_of: Any, django_assert_max_num_queries: Any
) -> None:
    engineer = browser_of(cast[Role.DATA_ENGINEER])
    assert b"REST API" in engineer.get("/p/churn/sources/").content
    form = {"name": "file", "dataset": "plans", "param_address": "http://10.0.0.1/x", "param_auth": "none"}
    form |= {"schedule": "daily", "at": "02:00", "weekday": "0"}
    refused = engineer.post("/p/churn/new-source/url/", form)
    assert refused.status_code == 422
    assert b"may not be reached" in refused.content
    made = engineer.post("/p/churn/new-source/url/", form | {"param_address": f"{town.base}/file.csv"})
    assert made.headers["Location"] == "/p/churn/sources/file/"
    page = engineer.get("/p/churn/sources/file/").content.decode()
    assert "Waits for approval" in page
    assert "Load now" not in page
    engineer.post("/p/churn/sources/file/test/")
    run_jobs()
    assert engineer.get("/p/churn/sources/file/").content.decode().count("Works") == 3
    viewer = browser_of(cast[Role.VIEWER])
    assert viewer.post("/p/churn/sources/file/decide/", {"do": "approve", "seen": "1"}).status_code == 403
    engineer.post("/p/churn/sources/file/decide/", {"do": "approve", "seen": "1"})
    engineer.post("/p/churn/sources/file/load/")
    run_jobs()
    assert "plans v1" in engineer.get("/p/churn/sources/file/").content.decode()
    edit = form | {"param_address": f"{town.base}/file.csv", "seen": "1", "at": "03:30", "keys": ""}
    assert engineer.post("/p/churn/sources/file/edit/", edit).status_code == 302
    assert Source.objects.get().at == "03:30"
    for number in range(12):
        Pull.objects.create(source=Source.objects.get(name="file"), revision=2, state="unchanged")
        Source.objects.create(
            project=cast.project,
            dataset=Source.objects.get(name="file").dataset,
            name=f"s{number}",
            connector="url",
            params={"address": "https://a.example.org/x"},
        ) if number == 0 else None
    with django_assert_max_num_queries(40):
        engineer.get("/p/churn/sources/file/")
    with django_assert_max_num_queries(30):
        engineer.get("/p/churn/sources/")


def fields_of(page: Any) -> set[str]:
    return set(re.findall(r'name="(?:param_)?(\w+)"', page.content.decode())) - {"csrfmiddlewaretoken", "shown"}


def test_the_form_shows_only_what_belongs_with_and_without_scripts(cast: Cast, browser_of: Any) -> None:
    engineer, address = browser_of(cast[Role.DATA_ENGINEER]), "/p/churn/new-source/postgresql/"
    first = engineer.get(address)
    always = {"table", "columns", "schema", "ca", "mode", "schedule", "third_party", "read", "tls", "password"}
    later = {"query", "watermark", "keys", "at", "weekday", "vendor", "licence", "licence_until"}
    assert always <= fields_of(first)
    assert not later & fields_of(first)
    form = {"name": "shop", "dataset": "orders", "param_host": "db.example.org", "param_port": "5432"}
    form |= {"param_database": "shop", "param_tls": "encrypt", "param_user": "reader", "param_password": "geheim"}
    form |= {"param_read": "query", "param_wide": "refuse", "param_most_rows": "1000", "mode": "incremental"}
    form |= {"schedule": "weekly", "third_party": "on"}
    live = engineer.post(address, form | {"do": "show"}, headers={"HX-Request": "true"})
    assert live.status_code == 200
    assert fields_of(live) & (later | {"table", "columns", "ca"}) == later
    assert 'value="db.example.org"' in live.content.decode()
    assert 'value="02:00"' in live.content.decode(), "what was not shown yet begins with its default"
    assert "geheim" not in live.content.decode(), "a secret is never written into a page"
    assert "is needed" not in live.content.decode(), "nothing is judged before it is sent"
    plain = engineer.post(address, form | {"shown": first.context["form"].shown})
    assert (plain.status_code, Source.objects.count()) == (200, 0)
    assert "Query" in plain.context["fresh"]
    assert "Column that grows" in plain.context["fresh"]
    more = {"param_query": "SELECT 1 AS id", "param_watermark": "id", "keys": "id", "at": "03:00", "weekday": "2"}
    more |= {"vendor": "ACME", "licence": "CC BY", "licence_until": "2099-01-01"}
    made = engineer.post(address, form | more | {"shown": plain.context["form"].shown})
    assert made.status_code == 302
    source = Source.objects.get()
    assert (source.params["query"], source.keys, source.weekday) == ("SELECT 1 AS id", ["id"], 2)
    assert source.vendor == "ACME"
    own = {name: value for name, value in (form | more).items() if name != "third_party"} | {"seen": "1"}
    assert engineer.post("/p/churn/sources/shop/edit/", own).status_code == 302
    source.refresh_from_db()
    assert (source.vendor, source.licence_until) == ("", None), "it is not data of others any more"


def test_columns_are_ticked_after_a_test_and_others_need_a_new_approval(cast: Cast, browser_of: Any) -> None:
    engineer = browser_of(cast[Role.DATA_ENGINEER])
    params = {"host": "db.example.org", "database": "shop", "user": "reader", "password": "x", "table": "orders"}
    given = {"connector": "postgresql", "name": "shop", "dataset": "orders"}
    source = sources.register(
        cast.project, **given, params=params | {"columns": ["id", "old"]}, by=cast[Role.DATA_ENGINEER]
    )
    approved(cast, source)
    assert "<textarea" in str(engineer.get("/p/churn/sources/shop/edit/").context["form"]["param_columns"])
    job = sources.start_test(source, by=cast[Role.DATA_ENGINEER])
    Job.objects.filter(pk=job.pk).update(state="succeeded", result={"steps": [], "columns": ["id", "price", "<i>"]})
    page = engineer.get("/p/churn/sources/shop/edit/").content.decode()
    assert page.count('type="checkbox" name="param_columns"') == 4
    assert "old (gone)" in page
    assert "&lt;i&gt;" in page
    form = {name: value for name, value in params.items() if name != "password"}
    sent: dict[str, Any] = {f"param_{name}": value for name, value in form.items()}
    sent |= {"param_port": "5432", "param_tls": "verify", "param_read": "table", "param_wide": "refuse"}
    sent |= {"param_most_rows": "10000000", "mode": "full", "schedule": "off", "seen": "1"}
    saved = engineer.post("/p/churn/sources/shop/edit/", sent | {"param_columns": ["id", "price"]})
    assert saved.status_code == 302, saved.context["form"].errors
    source = fresh(source)
    assert (source.params["columns"], source.state) == (["id", "price"], "registered")
    assert "password" in source.sealed, "the secret stays"


def test_the_api_registers_changes_decides_and_loads(cast: Cast, town: Town, run_jobs: RunJobs, api_of: Any) -> None:
    api, base = api_of(cast[Role.DATA_ENGINEER]), "/api/v1/projects/churn/sources/"

    def post(path: str, body: dict[str, Any], method: str = "post") -> Any:
        return getattr(api, method)(base + path, json.dumps(body), "application/json")

    body = {"name": "orders", "connector": "rest_api", "dataset": "orders", "params": api_params(town)}
    assert post("", body).json()["fields"] == {"secret": "“Password, token or key” is needed."}
    made = post("", body | {"params": api_params(town, secret=SECRET)})
    assert (made.status_code, made.json()["secrets"], made.json()["state"]) == (201, ["secret"], "registered")
    assert post("", body | {"params": api_params(town, secret=SECRET)}).json()["code"] == "name_taken"
    assert post("orders/pulls/", {}).json()["code"] == "not_approved"
    assert post("orders/", {"seen": 1, "params": api_params(town, user="x")}, "patch").status_code == 422
    assert post("orders/", {"seen": 1, "mode": "incremental"}, "patch").json()["mode"] == "incremental"
    assert post("orders/approve/", {"seen": 1}).status_code == 409
    assert post("orders/approve/", {"seen": 2}).json()["state"] == "approved"
    started = post("orders/pulls/", {})
    assert started.status_code == 202
    run_jobs()
    done = api.get(started.json()["url"]).json()
    assert (done["state"], done["version"], done["rows_fetched"]) == ("made", 1, 12)
    kinds = api.get("/api/v1/projects/churn/connectors/").json()
    assert "rest_api" in [one["connector"] for group in kinds.values() for one in group]
    assert post("orders/refuse/", {"seen": 2, "reason": "Not needed"}).json()["state"] == "refused"
