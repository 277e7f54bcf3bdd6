"""The business analyst's way in a real browser: from the question to the hand-over, its answer, and the result."""

import csv
import io
import os
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from projects.permissions import Role
from tests.chromium import Watch, serious_violations
from tests.journeys.team import Team, ok
from tests.live import PASSWORD, Http, Instance

pytestmark = pytest.mark.once

DESKTOP, DARK, PHONE = (
    {"viewport": {"width": 1440, "height": 1000}},
    {"color_scheme": "dark"},
    {"width": 390, "height": 844},
)
TEXTS = {
    "What is going wrong?": "One in four customers leaves within a year, and we learn of it when they are gone.",
    "What will someone do with the answer?": "Every Monday the team calls the 200 most likely to leave.",
    "The prediction in one sentence": "Will this customer leave in the next 60 days?",
    "Who are the yes cases?": "leavers",
    "Who could be harmed by a wrong answer?": "Nobody is refused anything; some are called without need.",
}


@dataclass
class Person:
    """One signed-in person at a page of the project."""

    page: Any
    watch: Watch
    key: str

    def go(self, rest: str = "") -> None:
        self.page.goto(f"/p/{self.key}/{rest}")

    def press(self, name: str | re.Pattern[str]) -> None:
        self.page.get_by_role("button", name=name).first.click()
        self.page.wait_for_load_state("load")

    def sees(self, *texts: str | re.Pattern[str]) -> None:
        for text in texts:
            self.page.get_by_text(text).first.wait_for(timeout=60_000)

    def picture(self, name: str) -> None:
        """Calm in both themes and on a phone; kept as pictures where the environment asks for them."""
        folder = os.environ.get("BATON_PICTURES")
        for look, scheme, size in (("light", "light", None), ("dark", "dark", None), ("phone", "light", PHONE)):
            self.page.emulate_media(color_scheme=scheme)
            self.page.set_viewport_size(size or DESKTOP["viewport"])
            wide = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, f"{name} is {wide} px wider than a {look} window"
            if folder:
                self.page.screenshot(path=Path(folder) / f"journey-{name}-{look}.png", full_page=True)
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(DESKTOP["viewport"])
        assert serious_violations(self.page) == []
        assert self.watch.complaints == []


def enter(live: Instance, browser: Any, email: str, key: str, link: str = "") -> Person:
    """Somebody new who follows an invitation, or somebody known who signs in."""
    page = browser.new_context(base_url=live.url, **DESKTOP).new_page()
    person = Person(page, Watch(page, live.url), key)
    if link:
        page.goto(re.search(r"/invite/[^/]+/", link)[0])  # type: ignore[index]
        page.get_by_label("Name").fill(email.split("@")[0].replace("-", " ").title())
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        person.press("Make the account and join")
    else:
        page.goto("/sign-in/")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        person.press("Sign in")
        page.wait_for_url(re.compile(r"/$"))
    return person


def test_from_the_question_to_the_result(live: Instance, admin: Http, browser: Any) -> None:
    ok(admin.post("/api/v1/projects/", {"key": "door", "name": "Door", "question": "Who?", "kind": "binary"}), 201)
    ada = enter(
        live, browser, "ada-brown@leavers.example.org", "leavers", invited(admin, "door", "ada-brown", "viewer")
    )
    writes_the_question(ada)
    adds_targets(ada)
    team = brings_the_team(live, ada)
    signs_and_hands_over(ada)
    dan = enter(live, browser, "dan@leavers.example.org", "leavers")
    answers(dan, ada)
    first = trains(team)
    learns_how_sure_it_is(ada, first)
    trains(team)
    newcomer = enter(live, browser, "nora@leavers.example.org", "leavers")
    reads_the_overview(newcomer)


def invited(by: Http, key: str, name: str, role: str) -> str:
    body = {"email": f"{name}@leavers.example.org", "roles": [role]}
    return str(ok(by.post(f"/api/v1/projects/{key}/invitations/", body), 201)["link"])


def writes_the_question(ada: Person) -> None:
    """Home, New project, question and kind of answer; then the problem in her own words, read back."""
    ada.page.goto("/projects/")
    ada.page.get_by_role("link", name="New project").first.click()
    ada.page.get_by_label("Name", exact=True).fill("Leavers")
    ada.page.get_by_label(re.compile("^Question")).fill("Which customers will leave in the next 60 days?")
    ada.page.get_by_label("Business analyst").check()
    ada.picture("new")
    ada.press("Create the project")
    ada.page.wait_for_url(re.compile("/p/leavers/"))
    ada.go("define/")
    ada.sees("Ready to hand over?", "0 of 11", "What do people care about?", "Three that others began with")
    ada.picture("define-empty")
    for label, text in TEXTS.items():
        ada.page.get_by_label(label).fill(text)
    ada.press("Save the text")
    ada.sees("That is a yes-or-no question", re.compile("Saved .* by"), "4 of 11")


def adds_targets(ada: Person) -> None:
    """From what people care about to a sentence with a number; exactly one decides."""
    for kind, values in (
        ("Find, or be right", {"What matters": "recall", "How much": "55", "Name": "Find leavers"}),
        ("Find, or be right", {"What matters": "roc_auc", "How much": "60", "Name": "Rank them right"}),
        ("Move a number of the business", {"Name": "Leavers a month", "Good is": "at_most", "How much": "200"}),
    ):
        ada.page.get_by_role("link", name=kind).click()
        ada.page.wait_for_load_state("load")
        form = ada.page.locator("form#add")
        for label, value in values.items():
            box = form.get_by_label(re.compile(f"^{label}"))
            if box.evaluate("node => node.tagName") == "SELECT":
                box.select_option(value)
            else:
                box.fill(value)
        ada.press("Add the target")
    ada.sees("Of 100 leavers, find at least", "Decides between models", "Must hold", "Business outcome")
    assert ada.page.locator(".targets .tag.accent").all_inner_texts() == ["Decides between models"]
    ada.page.get_by_text("Direction, owner and rhythm").click()
    ada.page.get_by_label("How often").first.select_option("weekly")
    ada.page.get_by_role("button", name="Save Leavers a month").click()
    ada.page.wait_for_load_state("load")
    ada.sees("business analyst brings it every week")
    ada.picture("define-targets")


def brings_the_team(live: Instance, ada: Person) -> Team:
    """She is the owner, so she invites who does the rest; programs of theirs act with tokens."""
    team = Team(live, "leavers")
    for name, role in (("dan", Role.DATA_ENGINEER), ("sue", Role.DATA_SCIENTIST), ("nora", Role.VIEWER)):
        email = f"{name}@leavers.example.org"
        ada.go("team/")
        ada.page.locator("input[type=email]").fill(email)
        form = ada.page.locator("form", has=ada.page.locator("input[type=email]"))
        form.get_by_label(role.label).check()
        ada.press("Make the invitation link")
        secret = re.findall(r"/invite/([\w-]+)/", ada.page.content())[0]
        person = {"secret": secret, "name": name.title(), "password": PASSWORD}
        ok(live.http().post("/api/v1/invitations/accept/", person), 200)
        token = ok(live.http().post("/api/v1/tokens/", {"email": email, "password": PASSWORD}), 201)["token"]
        team.api[role] = live.http(token)
    team.api[Role.OWNER] = team.api[Role.DATA_SCIENTIST]
    return team


def signs_and_hands_over(ada: Person) -> None:
    ada.go("define/")
    ada.press("Sign the targets")
    ada.sees("Signed v1 is in force", re.compile("Targets version 1 is signed and in force"))
    ada.picture("define-signed")
    ada.go()
    ada.page.get_by_role("link", name="Hand over").click()
    ada.sees("Business analyst to Data engineer", "Ready to hand over?", "Filled from what the platform knows")
    ada.page.get_by_label("Note").fill("Monthly data of all broadband customers would do.")
    ada.picture("hand-over")
    ada.press("Offer it to Data engineer")
    ada.sees("Waits for an answer")


def answers(dan: Person, ada: Person) -> None:
    """The data engineer finds it on his home, sends it back with a reason; she offers again, he accepts."""
    for accepts in (False, True):
        dan.page.goto("/")
        dan.sees(
            "Accept the work of the business analyst, or send it back", re.compile("Ada Brown waits for your word")
        )
        dan.page.get_by_role("link", name=re.compile("^Look")).first.click()
        dan.sees("Your answer")
        if accepts:
            dan.picture("hand-over-answer")
            dan.press("Accept the work")
            dan.sees(re.compile("[Aa]ccepted"))
            return
        dan.page.get_by_label("Why", exact=True).select_option(index=1)
        dan.page.get_by_label("In a sentence").fill("Which months?")
        dan.press("Send it back")
        dan.sees("Which months?")
        ada.go("handoffs/new/")
        ada.page.get_by_label("Note").fill("All of this year.")
        ada.press("Offer it to Data engineer")


def trains(team: Team) -> dict[str, Any]:
    """Data and a run, by the others' programs."""
    if team.as_(Role.DATA_ENGINEER).get(team.path("datasets/customers/versions/1/")).status == 404:
        chance, out = random.Random(5), io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["months", "charge", "left"])
        for _ in range(1500):
            months, charge = chance.randrange(60), round(chance.gauss(60, 20), 2)
            leaves = chance.random() < 1 / (1 + 2.718 ** (months / 9 - 2 - (charge - 60) / 25))
            writer.writerow([months, charge, "yes" if leaves else "no"])
        files = {"file": ("customers.csv", out.getvalue().encode())}
        address = team.path("datasets/customers/uploads/")
        wait(team, ok(team.as_(Role.DATA_ENGINEER).post(address, form={}, files=files), 202))
        team.post(Role.DATA_ENGINEER, "datasets/customers/versions/1/publish/")
    started = team.post(Role.DATA_SCIENTIST, "runs/", {"target": "left", "positive": "yes"}, 202)
    wait(team, started)
    found: dict[str, Any] = team.get(Role.DATA_SCIENTIST, f"runs/{started['run']}/")
    return found


def wait(team: Team, started: dict[str, Any]) -> None:
    team.wait(started["job"], 240)


def learns_how_sure_it_is(ada: Person, run: dict[str, Any]) -> None:
    """Define shows today's value and how precisely it is known; she asks for exactly that much, and signs again."""
    ada.go("define/")
    ada.sees(re.compile(r"Today \d+"), re.compile(r"known to within \d+ points?"))
    place = ada.page.get_by_label("Value of Rank them right")
    place.fill(f"{100 * run['metrics']['roc_auc']['value']:.1f}")
    ada.page.get_by_role("button", name="Save Rank them right").click()
    ada.page.wait_for_load_state("load")
    ada.sees("1 change since, not in force", re.compile("Rank them right: .* became"))
    ada.press("Sign again")
    ada.sees("Signed v2 is in force")


def reads_the_overview(newcomer: Person) -> None:
    """Somebody who has never seen it reads which targets are met and which is unsure, also on a phone."""
    for size in (DESKTOP["viewport"], PHONE):
        newcomer.page.set_viewport_size(size)
        newcomer.go()
        finding = newcomer.page.locator(".finding").first.inner_text()
        assert re.search(r"\d.* of every 100 leavers", finding), finding
        assert "too close to call" in finding.lower(), finding
        rows = newcomer.page.locator("section", has=newcomer.page.get_by_role("heading", name="Targets")).first
        words = rows.inner_text()
        assert re.search(r"Find leavers.*?\bMet\b", words, re.DOTALL), words
        assert re.search(r"Rank them right.*?Too close to call", words, re.DOTALL), words
        assert re.search(r"Leavers a month.*?After launch", words, re.DOTALL), words
        assert "version 2" in words
        assert "means the target lies inside it" in words
    newcomer.picture("overview")
