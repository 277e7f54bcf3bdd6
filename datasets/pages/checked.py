"""What the page of a version shows of its quality: failed rules first, waivers, rows set aside, what is under way."""

from collections.abc import Collection
from typing import Any

from datasets.models.quality import Check
from datasets.models.versions import Version
from datasets.queries import quality as queries
from datasets.queries import seen
from jobs.queries import latest_of


def quality_of(version: Version, hidden: Collection[str]) -> dict[str, Any]:
    """What the page of a version shows of its quality."""
    check = queries.last_check(version)
    done = check if check and check.state == Check.State.DONE else None
    lines = seen.masked_lines(queries.lines_of(version, done), hidden)
    split = queries.quarantine_of(version)
    blocks = queries.blocks(version) if version.state == Version.State.PUBLISHED else []
    waits = [one for one in (check, split) if one is not None and one.state == "waiting"]
    jobs = [job for job in (latest_of(one) for one in waits) if job is not None and job.is_open]
    return {
        "check": check,
        "bad": [line for line in lines if line.result.verdict != "passed"],
        "good": [line for line in lines if line.result.verdict == "passed"],
        "failing": sum(line.result.verdict == "failed" for line in lines),
        "unknown": sum(line.result.verdict == "unchecked" for line in lines),
        "can_split": any(line.can_split for line in lines)
        and (split is None or split.state in ("failed", "cancelled")),
        "split": split,
        "came_from": queries.cleaned_from(version),
        "waivers": [(one, queries.is_valid(one)) for one in queries.waivers_of(version)],
        "blocks": seen.masked_blocks(blocks, hidden),
        "has_rules": queries.rules_of_id(version).exists(),
        "jobs": jobs,
        "open": ",".join(str(job.pk) for job in jobs),
    }
