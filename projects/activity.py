"""PURE: audit entries in plain words, and table cells that no spreadsheet takes for a formula."""

from collections.abc import Mapping
from typing import Any

WORDS: dict[str, str] = {
    "project.created": "started the project",
    "project.changed": "changed the project’s name or question",
    "project.packed": "packed the project into an archive",
    "project.imported": "made the project of the archive of {was}",
    "member.invited": "invited {email}",
    "member.joined": "joined the team",
    "member.roles_changed": "changed the roles of {person}",
    "member.removed": "took {person} out of the team",
    "group.roles_set": "gave the group {group} roles here",
    "group.removed": "took the group {group} out of the team",
    "team.looked_as": "looked at the project as {role}",
    "invitation.withdrawn": "withdrew the invitation of {email}",
    "charter.changed": "wrote the problem down, version {version}",
    "charter.submitted": "handed the charter in, version {version}",
    "charter.approved": "approved the charter, version {version}",
    "charter.sent_back": "sent the charter back: {reason}",
    "charter.closed": "closed the charter: {reason}",
    "charter.reopened": "opened the charter again: {reason}",
    "risk.answered": "answered the risk questions: {tier} risk",
    "requirement.added": "wrote requirement {requirement}",
    "requirement.changed": "changed requirement {requirement}",
    "requirement.linked": "linked {what} to requirement {requirement}",
    "requirement.unlinked": "took {what} from requirement {requirement}",
    "stakeholder.added": "named the stakeholder {who}",
    "stakeholder.changed": "changed the stakeholder {who}",
    "stakeholder.removed": "took the stakeholder {who} out",
    "process.changed": "wrote the process down, version {version}",
    "project.appraised": "judged value {value}, risk {risk}, feasibility {feasibility}",
    "project.one_person": "{what} one-person team",
    "contract.changed": "set the targets, version {version} with {count}",
    "contract.signed": "signed the targets, version {version}",
    "worth.changed": "said what answers are worth, version {version}",
    "baseline.changed": "named what is done without a model, version {version}: {words}",
    "policy.proposed": "proposed decision policy v{version}",
    "policy.signed": "signed decision policy v{version}",
    "policy.gone_back": "went back to decision policy v{to}, now v{version}",
    "kpi.defined": "began to count {what}",
    "kpi.changed": "changed what {what} is",
    "kpi.values_put": "put down {count} of {what}",
    "release.judged_again": "judged {version} by version {contract} of the targets",
    "gate.opened": "asked to bring {what} to {environment}",
    "gate.replaced": "asked again for {what}, because it changed",
    "gate.signed": "signed {what} for {environment} as {role}",
    "gate.refused": "sent {what} back: {reason}",
    "gate.taken_over": "asks for {what} in another person’s place",
    "gate.accepted": "accepted the warning “{check}” for {what}: {reason}",
    "gate.waived": "waived the failed check “{check}” for {what} until {until}: {reason}",
    "gate.passed": "let {what} through to {environment}",
    "alias.set": "let {model}@{alias} point at version {version}",
    "alias.moved": "moved {model}@{alias} from version {before} to {version}",
    "alias.removed": "removed the alias {model}@{alias}",
    "card.written": "wrote on the card of {model} v{version}",
    "job.cancel_requested": "stopped a job",
}
LABELS = ("number", "name", "title", "version", "what")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def say(name: str, words: str) -> None:
    """A room above says in words what its audit name means; `{…}` takes a value of the entry's data."""
    WORDS[name] = words


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def told(name: str, data: Mapping[str, Any]) -> str:
    """What happened, as the rest of a sentence that begins with a person's name."""
    if name in WORDS:
        return WORDS[name].format_map(_Known(data))
    noun, _, verb = name.rpartition(".")
    label = next((str(data[key]) for key in LABELS if data.get(key) not in (None, "")), "")
    return " ".join(part for part in (verb.replace("_", " "), noun.replace("_", " "), label) if part)


def details(data: Mapping[str, Any]) -> str:
    """The entry's data in one line, for the export."""
    return "; ".join(f"{key}: {value}" for key, value in data.items() if value not in (None, "", [], {}))


def safe_cell(value: Any) -> str:
    """The value as a CSV cell that no spreadsheet runs."""
    text = str(value).replace("\x00", "")
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
