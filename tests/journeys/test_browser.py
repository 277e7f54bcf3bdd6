"""The sample project in a real browser: one journey for each role, and every page looked at by accessibility rules."""

import html
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from tests.chromium import Watch, serious_violations
from tests.live import Instance, until

DESKTOP, PHONE = {"width": 1440, "height": 1000}, {"width": 390, "height": 844}
pytestmark = pytest.mark.once  # the same pages, whatever keeps their rows
ENOUGH_PAGES = 70
KEY = "customer-churn"
NEEDS_QUERY = re.compile(r"/bin/put/")  # says what is to be deleted
ACTING = re.compile(r"\.csv|\.json|\.md|/package/|/junit|/mlflow/|/download|/invite/|/set-up/|/static/|/openapi")


@dataclass
class Stage:
    """The running sample and a browser for it."""

    live: Instance
    browser: Any
    accounts: dict[str, dict[str, str]]
    pictures: Path | None

    def open(self, role: str, **options: Any) -> "Visit":
        """Sign in as a role, through the page."""
        account = self.accounts[role]
        context = self.browser.new_context(base_url=self.live.url, **({"viewport": DESKTOP} | options))
        page = context.new_page()
        page.set_default_timeout(60_000)
        visit = Visit(page, Watch(page, self.live.url), self.pictures, role)
        visit.go("/sign-in/")
        page.get_by_label("E-mail").fill(account["email"])
        page.get_by_label("Password", exact=True).fill(account["password"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(re.compile(r"/$"))
        return visit


@dataclass
class Visit:
    """One signed-in person at a page."""

    page: Any
    watch: Watch
    pictures: Path | None
    role: str
    number: int = 0

    def go(self, path: str) -> int:
        """Open an address; returns its status."""
        reply = self.page.goto(path)
        self.page.wait_for_load_state("load")
        return int(reply.status) if reply else 200

    def links(self, path: str) -> tuple[int, list[str]]:
        """Open a page; its status and where its links lead."""
        return self.go(path), self.page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")

    def links_undrawn(self, path: str) -> tuple[int, list[str]]:
        """The same by this person's session, but nothing is drawn and no script runs."""
        reply = self.page.context.request.get(path)
        hrefs = re.findall(r'<a\s[^>]*?href="([^"]*)"', reply.text())
        return int(reply.status), [urljoin(reply.url, html.unescape(href)) for href in hrefs]

    def project(self, rest: str = "") -> int:
        return self.go(f"/p/{KEY}/{rest}")

    def click(self, name: str | re.Pattern[str]) -> None:
        self.page.get_by_role("button", name=name).first.click()
        self.page.wait_for_load_state("load")

    def sees(self, text: str | re.Pattern[str]) -> None:
        self.page.get_by_text(text).first.wait_for()

    def picture(self, name: str) -> None:
        """Keep a picture where the environment asks for it."""
        self.number += 1
        if self.pictures:
            self.page.screenshot(path=self.pictures / f"{self.role}-{self.number:02d}-{name}.png", full_page=True)

    def calm(self) -> None:
        """Nothing complained, and nothing was asked for elsewhere."""
        assert self.watch.complaints == []
        assert serious_violations(self.page) == []


@pytest.fixture(scope="module")
def stage(browser: Any) -> Iterator[Stage]:
    """The sample project, loaded as `./run --demo` loads it."""
    live = Instance(BATON_OUTBOUND_ALLOW="127.0.0.1:3306")
    try:
        live.start("--demo")
        path = live.data / "demo-accounts.json"
        until(lambda: "The sample is ready" in live.log(), 600, "the sample project")
        assert path.stat().st_mode & 0o777 == 0o600
        accounts = {account["role"]: account for account in json.loads(path.read_text())}
        folder = os.environ.get("BATON_PICTURES")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
        yield Stage(live, browser, accounts, Path(folder) if folder else None)
    finally:
        live.remove()


def crawl(visit: Visit, each: int, start: str = "/", *, drawn: bool = True) -> Iterator[str]:
    """Open every page that can be reached by links, so many addresses of each shape; or only ask for it."""
    waiting, seen, shapes = [start], {start}, {}
    while waiting and len(seen) < 400:
        path = waiting.pop(0)
        status, links = visit.links(path) if drawn else visit.links_undrawn(path)
        assert status < 400, f"{path} answers {status}"
        yield path
        for href in links:
            parts = urlsplit(href)
            shape = re.sub(r"[0-9a-f-]{36}|\d+", "#", parts.path)
            if not href.startswith(visit.watch.base) or ACTING.search(parts.path) or parts.path in seen:
                continue
            if shapes.get(shape, 0) >= each or sum(shapes.values()) >= ENOUGH_PAGES:
                continue
            shapes[shape] = shapes.get(shape, 0) + 1
            seen.add(parts.path)
            waiting.append(f"{parts.path}?{parts.query}" if NEEDS_QUERY.search(parts.path) else parts.path)


@pytest.mark.timeout(900)  # every page there is
@pytest.mark.parametrize(
    ("look", "each", "options"),
    [("light", 2, {"color_scheme": "light"}), ("dark-phone", 1, {"color_scheme": "dark", "viewport": PHONE})],
)
def test_no_page_has_a_serious_accessibility_fault(stage: Stage, look: str, each: int, options: dict[str, Any]) -> None:
    visit = stage.open("owner", **options)
    wrong, count = [], 0
    for path in crawl(visit, each):
        count += 1
        if path.startswith("/api/"):
            continue
        wrong += [f"{path}: {text}" for text in serious_violations(visit.page)]
        wide = visit.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        wrong += [f"{path}: {wide} px wider than the window"] if wide > 0 else []
        visit.picture(f"{look}-{re.sub(r'[^a-z0-9]+', '_', path)}")
    assert wrong == [], "\n".join(wrong)
    assert visit.watch.complaints == []
    assert count > 25


def test_who_has_few_rights_can_open_every_page_they_are_led_to(stage: Stage) -> None:
    for role in ("viewer", "business_analyst"):
        visit = stage.open(role)
        assert len(list(crawl(visit, 1, drawn=False))) > 15
        assert visit.watch.complaints == []


def test_the_business_analyst_changes_a_target_and_signs_again(stage: Stage) -> None:
    visit = stage.open("business_analyst")
    visit.project("define/")
    visit.page.get_by_label(re.compile("^Value of")).first.fill("61")
    visit.page.locator(".targets button[value=change]").first.click()
    visit.page.wait_for_load_state("load")
    visit.sees(re.compile("change since, not in force"))
    visit.picture("changed")
    visit.click("Sign again")
    visit.sees(re.compile("is in force"))
    assert visit.page.get_by_text("not in force").count() == 0
    visit.calm()


def test_the_product_manager_adds_a_target(stage: Stage) -> None:
    visit = stage.open("product_manager")
    visit.project("define/")
    before = visit.page.locator("ol.targets > li").count()
    form = visit.page.locator("form", has=visit.page.get_by_role("button", name="Add the target"))
    form.locator("input[name$=value]").fill("30")
    form.get_by_role("button", name="Add the target").click()
    visit.page.wait_for_load_state("load")
    assert visit.page.locator("ol.targets > li").count() == before + 1
    visit.calm()


def test_the_domain_expert_names_who_could_be_harmed(stage: Stage) -> None:
    visit = stage.open("domain_expert")
    visit.project("define/")
    visit.page.locator("textarea[name$=harmed]").fill("People on tight budgets who are talked into a longer contract.")
    visit.click("Save the text")
    visit.sees(re.compile("Saved .* by"))
    visit.calm()


def test_the_data_engineer_loads_and_publishes_a_file(stage: Stage) -> None:
    visit = stage.open("data_engineer")
    visit.project("data/upload/")
    rows = "\n".join(f"{number},{number % 7},{'yes' if number % 3 else 'no'}" for number in range(300))
    content = f"id,visits,stayed\n{rows}\n301,three,yes,extra\n".encode()
    visit.page.locator("input[type=file]").set_input_files(
        {"name": "visits.csv", "mimeType": "text/csv", "buffer": content}
    )
    visit.page.locator("input[name$=name]").fill("visits")
    visit.picture("upload")
    visit.page.locator("main form button[type=submit]").last.click()
    until(lambda: visit.project("data/visits/v1/") == 200, 180, "the version", every=1)
    visit.sees(re.compile("1 (row )?(was )?refused|refused"))
    visit.sees("302")
    visit.picture("version")
    visit.click(re.compile("^Publish"))
    visit.sees(re.compile("Published"))
    visit.calm()


def test_the_data_analyst_looks_at_a_column(stage: Stage) -> None:
    visit = stage.open("data_analyst")
    visit.project("explore/?dataset=customers&column=contract_type")
    visit.page.locator(".plot .main-svg").first.wait_for()
    visit.page.get_by_text("View as table").first.click()
    visit.sees("flex")
    visit.picture("column")
    visit.calm()


def test_the_database_administrator_reads_a_version(stage: Stage) -> None:
    visit = stage.open("dba")
    assert visit.project("data/") == 200
    visit.page.locator(f"main a[href*='/p/{KEY}/data/customers/v']").first.click()
    visit.page.get_by_role("rowheader", name="contract_type").wait_for()
    visit.calm()


def test_the_data_scientist_trains_from_the_form_as_it_stands(stage: Stage) -> None:
    visit = stage.open("data_scientist")
    visit.project("train/new/")
    visit.picture("form")
    visit.click("Start training")
    visit.page.wait_for_url(re.compile(r"/runs/\d+/"))
    address = visit.page.url
    visit.picture("running")
    visit.page.locator(".verdict .finding").first.wait_for(timeout=120_000)
    visit.sees("Yardstick")
    visit.picture("report")
    visit.calm()
    number = int(address.rstrip("/").rpartition("/")[2])
    visit.project(f"compare/?runs=1,{number}")
    visit.page.locator(".plot .main-svg").first.wait_for()
    visit.picture("compare")
    visit.calm()


def test_the_ml_engineer_sees_why_promotion_waits_and_makes_a_key(stage: Stage) -> None:
    visit = stage.open("ml_engineer")
    visit.project("deploy/")
    visit.page.locator("main a[href*='/deployments/']").first.click()
    visit.sees("curl")
    visit.page.locator("form input[name$=name]").last.fill("Call centre")
    visit.click(re.compile("Make a key|Make key|New key"))
    visit.sees(re.compile("bk_"))
    visit.picture("key")
    visit.calm()


def test_the_mlops_engineer_takes_the_alert_and_retrains(stage: Stage) -> None:
    visit = stage.open("mlops_engineer")
    visit.project("monitor/")
    visit.page.locator(".plot .main-svg").first.wait_for()
    visit.sees("contract_type")
    visit.picture("monitor")
    visit.calm()
    visit.click("Take it")
    visit.sees(re.compile("Taken by|yours"))
    visit.project("monitor/")
    visit.page.locator("[name$=cause]").first.fill("A new contract type came up.")
    visit.click("Retrain")
    visit.page.wait_for_url(re.compile(r"/retrainings/"))
    visit.page.get_by_role("button", name="Register the new model").wait_for(timeout=150_000)
    visit.picture("retraining")
    visit.calm()


def test_business_leadership_reads_whether_the_targets_are_met(stage: Stage) -> None:
    visit = stage.open("leadership", viewport=PHONE)
    visit.project()
    visit.page.locator(".finding").first.wait_for()
    visit.sees(re.compile("Met|Not met|Too close to call"))
    visit.picture("overview")
    visit.calm()


def test_the_viewer_is_told_who_may_do_what_he_may_not(stage: Stage) -> None:
    visit = stage.open("viewer")
    assert visit.project("train/new/") == 403
    visit.sees(re.compile("Data scientist"))
    visit.picture("refusal")
    assert serious_violations(visit.page) == []


def test_the_owner_invites_somebody(stage: Stage) -> None:
    visit = stage.open("owner")
    visit.project("team/")
    visit.page.locator("input[type=email]").fill("new.person@example.org")
    visit.page.locator("form", has=visit.page.locator("input[type=email]")).locator(
        "input[type=checkbox]"
    ).first.check()
    visit.click("Make the invitation link")
    visit.sees(re.compile("/invite/"))
    visit.calm()


def test_a_run_can_be_started_without_scripts(stage: Stage) -> None:
    visit = stage.open("data_scientist", java_script_enabled=False)
    visit.project("train/new/")
    visit.click("Start training")
    visit.page.wait_for_url(re.compile(r"/runs/\d+/"))


def test_the_skip_link_is_the_first_stop_of_the_keyboard(stage: Stage) -> None:
    visit = stage.open("viewer")
    visit.project()
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.className") == "skip"
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate("document.activeElement.id") == "main"
