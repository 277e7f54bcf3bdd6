"""A team on a running instance: everybody invited over REST, with an API client and a signed-in browser each."""

import re
from dataclasses import dataclass, field
from typing import Any

from projects.permissions import Role
from tests.live import PASSWORD, Http, Instance, Reply, until

ROLES = (
    Role.BUSINESS_ANALYST,
    Role.DATA_ENGINEER,
    Role.DATA_SCIENTIST,
    Role.ML_ENGINEER,
    Role.MLOPS_ENGINEER,
    Role.VIEWER,
)


@dataclass
class Team:
    """One project of one instance and its people."""

    live: Instance
    key: str
    api: dict[Role, Http] = field(default_factory=dict)
    browsers: dict[Role, Http] = field(default_factory=dict)

    def path(self, rest: str) -> str:
        """An address of the project's API."""
        return f"/api/v1/projects/{self.key}/{rest}"

    def as_(self, role: Role) -> Http:
        return self.api[role]

    def get(self, role: Role, rest: str) -> Any:
        return ok(self.api[role].get(self.path(rest)), 200)

    def post(self, role: Role, rest: str, body: Any = None, status: int = 200) -> Any:
        return ok(self.api[role].post(self.path(rest), {} if body is None else body), status)

    def put(self, role: Role, rest: str, body: Any) -> Any:
        return ok(self.api[role].put(self.path(rest), body), 200)

    def wait(self, job: dict[str, Any], seconds: float = 360) -> dict[str, Any]:
        """Wait until a job is over; it must have gone well."""
        found: dict[str, Any] = {}

        def over() -> bool:
            found.update(self.api[Role.OWNER].get(job["url"]).json)
            return found["state"] not in ("queued", "running")

        until(over, seconds, f"the end of job {job['url']}", every=0.3)
        assert found["state"] == "succeeded", found
        return found


def ok(reply: Reply, status: int) -> Any:
    """The answer's JSON, when it has the status that it must have."""
    assert reply.status == status, f"{reply.status} instead of {status}: {reply.text[:1500]}"
    return reply.json if reply.body else None


def signed_in(live: Instance, email: str, password: str = PASSWORD) -> Http:
    """A browser without scripts in which a person has signed in through the page."""
    browser = live.http()
    assert browser.get("/sign-in/").status == 200
    reply = browser.post("/sign-in/", form={"email": email, "password": password})
    assert reply.status == 302, reply.text[:800]
    return browser


def make_team(live: Instance, admin: Http, *, key: str, name: str, question: str, kind: str) -> Team:
    """A project of the administrator's, and one invited person for each role."""
    ok(admin.post("/api/v1/projects/", {"key": key, "name": name, "question": question, "kind": kind}), 201)
    team = Team(live, key, {Role.OWNER: admin})
    for role in ROLES:
        email = f"{role.value}@{key}.example.org"
        invited = ok(admin.post(team.path("invitations/"), {"email": email, "roles": [role.value]}), 201)
        secret = re.findall(r"/invite/([^/]+)/", invited["link"])[0]
        person = {"secret": secret, "name": role.label, "password": PASSWORD}
        ok(live.http().post("/api/v1/invitations/accept/", person), 200)
        token = ok(live.http().post("/api/v1/tokens/", {"email": email, "password": PASSWORD}), 201)["token"]
        team.api[role] = live.http(token)
        team.browsers[role] = signed_in(live, email)
    return team
