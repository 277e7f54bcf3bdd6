"""Quality over REST: rules, checks with their results, waivers, and rows set aside."""

from collections.abc import Collection
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datasets import masking
from datasets.api.recipes import show_kind
from datasets.api.versions import caller
from datasets.models.quality import Check, QualityRule, Quarantine, RuleWaiver, Severity
from datasets.models.versions import Version
from datasets.quality.catalog import GROUPS
from datasets.quality.suggestions import suggested
from datasets.queries import quality as queries
from datasets.queries import seen
from datasets.queries.recipes import newest_version
from datasets.queries.versions import dataset_for, version_for
from datasets.services import checks, quarantines
from datasets.services import quality as services
from jobs.queries import latest_of
from problems.problem import Missing
from projects.access import ProjectEndpoint
from projects.queries.work import job_link


class RuleBody(serializers.Serializer[Any]):
    """A rule: its kind, its parameters by name, what it does when it fails."""

    kind = serializers.CharField(max_length=40)
    params = serializers.DictField(required=False)
    severity = serializers.ChoiceField(choices=Severity.choices, default=Severity.WARN)
    quarantine = serializers.BooleanField(required=False, default=False)


class RuleChangeBody(serializers.Serializer[Any]):
    """The next revision of a rule; `seen` is the revision that you read."""

    seen = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    params = serializers.DictField()
    severity = serializers.ChoiceField(choices=Severity.choices)
    quarantine = serializers.BooleanField(required=False, default=False)


class RuleWaiverBody(serializers.Serializer[Any]):
    """Which failing rule may pass for this version, why, and until when."""

    rule = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    reason = serializers.CharField(max_length=1000)
    until = serializers.DateField()


class QuarantineBody(serializers.Serializer[Any]):
    """Whose rows are set aside; left out: those of every rule about rows that fails."""

    rules = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**31 - 1), required=False, max_length=300
    )


def show_rule(rule: QualityRule, hidden: Collection[str]) -> dict[str, Any]:
    """A rule with its sentence."""
    return {
        "rule": rule.number,
        "revision": rule.revision,
        "kind": rule.kind,
        "params": None if masking.touches(rule.params, hidden) else rule.params,
        "severity": rule.severity,
        "quarantine": rule.quarantine,
        "sentence": seen.rule_words(rule, queries.said(rule).sentence, hidden),
        "owner": rule.owner.name if rule.owner else None,
        "created_at": rule.created_at.isoformat(),
    }


def show_check(version: Version, check: Check, hidden: Collection[str]) -> dict[str, Any]:
    """A check with its results, failed first, and what it holds back."""
    job = latest_of(check)
    lines = seen.masked_lines(queries.lines_of(version, check), hidden)
    blocks = seen.masked_blocks(queries.blocks(version), hidden)
    return {
        "check": str(check.pk),
        "state": check.state,
        "message": check.message,
        "created_at": check.created_at.isoformat(),
        "results": [
            {
                "rule": line.result.rule.number,
                "sentence": line.result.sentence,
                "severity": line.result.severity,
                "verdict": line.result.verdict,
                "measured": line.result.measured,
                "limit": line.result.limit,
                "failed_rows": line.result.failed_rows,
                "examples": line.result.examples,
                "waived_until": line.waiver.until.isoformat() if line.waiver else None,
            }
            for line in lines
        ],
        "blocked_by": [{"key": one.key, "text": one.text} for one in blocks],
        "job": job_link(job) if job else None,
    }


def show_rule_waiver(waiver: RuleWaiver) -> dict[str, Any]:
    """A waiver."""
    return {
        "rule": waiver.rule.number,
        "reason": waiver.reason,
        "role": waiver.role,
        "until": waiver.until.isoformat(),
        "valid": queries.is_valid(waiver),
        "by": waiver.created_by.name if waiver.created_by else None,
        "created_at": waiver.created_at.isoformat(),
    }


def show_quarantine(split: Quarantine) -> dict[str, Any]:
    """Rows that were set aside, and the version that was made of the others."""
    return {
        "state": split.state,
        "message": split.message,
        "rules": split.rules,
        "rows": split.rows,
        "made": str(split.made) if split.made else None,
        "created_at": split.created_at.isoformat(),
    }


class RuleKinds(ProjectEndpoint):
    """The kinds of rules."""

    action = "data.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str) -> Response:
        """List them in groups, each with its parameters."""
        shown = {
            group: [show_kind(rule) | {"about_rows": rule.about_rows} for rule in rules]
            for group, rules in GROUPS.items()
        }
        return Response(shown)


class Rules(ProjectEndpoint):
    """The rules of a dataset."""

    action = {"GET": "data.read", "POST": "quality.write"}

    @extend_schema(operation_id="projects_datasets_rules_list", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """List those in force."""
        dataset = dataset_for(self.project, name)
        hidden = seen.hidden_of(dataset, self.roles)
        return self.page_of(queries.rules_of(dataset), lambda rule: show_rule(rule, hidden))

    @extend_schema(request=RuleBody, responses={201: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str) -> Response:
        """Add one. What does not fit the columns answers 422 with the parameter."""
        dataset = dataset_for(self.project, name)
        body = RuleBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = {"params": {}} | body.validated_data
        return self.once(lambda: (201, show_rule(services.add_rule(dataset, **given, by=caller(request)), ())))


class RuleDetail(ProjectEndpoint):
    """One rule."""

    action = {"GET": "data.read", "PUT": "quality.write", "DELETE": "quality.write"}

    @extend_schema(operation_id="projects_datasets_rules_retrieve", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str, rule: int) -> Response:
        """The rule with its history over the last versions."""
        dataset = dataset_for(self.project, name)
        found = queries.rule_for(dataset, rule)
        hidden = seen.hidden_of(dataset, self.roles)
        strip = queries.strips(dataset, [found])[found.pk]
        history = [{"version": one.number, "verdict": one.verdict, "measured": one.measured} for one in strip]
        return Response(show_rule(found, hidden) | {"history": history})

    @extend_schema(request=RuleChangeBody, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def put(self, request: Request, key: str, name: str, rule: int) -> Response:
        """Make its next revision. 409 when somebody changed it after the revision that you read."""
        found = queries.rule_for(dataset_for(self.project, name), rule)
        body = RuleChangeBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        return self.once(lambda: (200, show_rule(services.change_rule(found, **given, by=caller(request)), ())))

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def delete(self, request: Request, key: str, name: str, rule: int) -> Response:
        """Retire it; its history stays."""
        found = queries.rule_for(dataset_for(self.project, name), rule)
        return self.once(lambda: (200, show_rule(services.retire_rule(found, by=caller(request)), ())))


class RuleSuggestions(ProjectEndpoint):
    """Rules that the newest profile suggests."""

    action = "data.read"

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str) -> Response:
        """List them; each can be sent to the rules as it is."""
        dataset = dataset_for(self.project, name)
        newest = newest_version(dataset)
        there = [{"kind": rule.kind, "params": rule.params} for rule in queries.rules_of(dataset)]
        hidden = seen.hidden_of(dataset, self.roles)
        every = suggested(newest.profile, there) if newest else []
        found = [one for one in every if not masking.touches(one.params, hidden)]
        shown = [{"kind": one.rule.kind, "params": one.params, "sentence": one.sentence} for one in found]
        return Response({"results": shown})


class Checks(ProjectEndpoint):
    """The last check of a version."""

    action = {"GET": "data.read", "POST": "quality.write"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str, number: int) -> Response:
        """Its results, failed first, and in `blocked_by` what they hold back."""
        version = version_for(self.project, name, number)
        check = queries.last_check(version)
        if check is None:
            raise Missing(f"{version} was not checked yet.")
        return Response(show_check(version, check, seen.hidden_of(version.dataset, self.roles)))

    @extend_schema(request=None, responses={202: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, number: int) -> Response:
        """Check all rules again; watch the job, then read it here."""
        version = version_for(self.project, name, number)
        hidden = seen.hidden_of(version.dataset, self.roles)
        return self.once(lambda: (202, show_check(version, checks.start_check(version, by=caller(request))[0], hidden)))


class RuleWaivers(ProjectEndpoint):
    """What was let pass for a version."""

    action = {"GET": "data.read", "POST": "quality.waive"}

    @extend_schema(operation_id="projects_datasets_waivers_list", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str, number: int) -> Response:
        """List the waivers, also those that lapsed."""
        version = version_for(self.project, name, number)
        found = RuleWaiver.objects.filter(version=version).select_related("rule", "created_by")
        return self.page_of(found, show_rule_waiver)

    @extend_schema(request=RuleWaiverBody, responses={201: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, number: int) -> Response:
        """Let one failing rule pass for this version until a day."""
        version = version_for(self.project, name, number)
        body = RuleWaiverBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        rule = queries.rule_for(version.dataset, given.pop("rule"))
        return self.once(lambda: (201, show_rule_waiver(services.waive(version, rule, **given, by=caller(request)))))


class Quarantines(ProjectEndpoint):
    """The rows of a version that were set aside."""

    action = {"GET": "data.read", "POST": "data.publish"}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, key: str, name: str, number: int) -> Response:
        """How many, by which rules, and the version that was made of the others."""
        version = version_for(self.project, name, number)
        split = queries.quarantine_of(version)
        if split is None:
            raise Missing(f"No rows of {version} were set aside.")
        return Response(show_quarantine(split))

    @extend_schema(request=QuarantineBody, responses={202: OpenApiTypes.OBJECT, 422: OpenApiTypes.OBJECT})
    def post(self, request: Request, key: str, name: str, number: int) -> Response:
        """Set failing rows aside; the next draft version is made of the others."""
        version = version_for(self.project, name, number)
        body = QuarantineBody(data=request.data)
        body.is_valid(raise_exception=True)
        rules = body.validated_data.get("rules", [])
        return self.once(lambda: (202, self.start(version, rules, request)))

    def start(self, version: Version, rules: list[int], request: Request) -> dict[str, Any]:
        """What `once` does once."""
        split, job = quarantines.start_quarantine(version, numbers=rules, by=caller(request))
        return show_quarantine(split) | {"job": job_link(job)}
