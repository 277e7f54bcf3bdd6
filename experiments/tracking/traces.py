"""The protocol's traces: kept, found, read back, tagged and deleted. Their spans are files that clients bring."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from experiments.models.logged import LogRun, LogTrace
from experiments.queries.log_traces import spans_of, trace_of, traces_in, traces_of
from experiments.services import log_traces as services
from experiments.tracking import showing, wire
from experiments.tracking.door import Tracking
from experiments.tracking.folders import folder
from experiments.tracking.grammar import TRACES, order_of, parse
from experiments.tracking.matching import Facts, holds, sorted_by
from experiments.tracking.wire import Asked, Refused, wrong

STATES = ("STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS")
ID = re.compile(r"[A-Za-z0-9_-]{1,50}")
NAME, RUN = "mlflow.traceName", "mlflow.sourceRun"
MOST, MOST_AT_ONCE = 500, 100


def create(door: Tracking, asked: Asked) -> Any:
    """A trace that has ended, without its spans."""
    info = _inside(_inside(asked, "trace"), "trace_info")
    place = _inside(_inside(info, "trace_location"), "mlflow_experiment")
    row = folder(door.project, place)
    row.project = door.project
    metadata = _texts(info, "trace_metadata", wire.LONGEST_TAG)
    run = LogRun.objects.filter(project=door.project, key=metadata.get(RUN, "")).first()
    made = services.keep_trace(row, _said(info, metadata), run=run)
    return {"trace": {"trace_info": showing.trace(trace_of(door.project, made.key))}}


def _inside(asked: Asked, name: str) -> Asked:
    found = asked.value(name)
    if not isinstance(found, Mapping):
        raise wire.missing(name) if found is None else wrong(name, found, "it must be an object")
    return Asked(found)


def _said(info: Asked, metadata: dict[str, str]) -> services.Traced:
    key = info.text("trace_id", needed=True)
    if not ID.fullmatch(key):
        raise wrong("trace_id", key, "letters, digits, _ and - only, at most 50")
    state = info.value("state")
    return services.Traced(
        key=key,
        began=_moment(info.text("request_time", needed=True)),
        client_key=info.text("client_request_id", most=250),
        state=STATES[state] if state in (0, 1, 2, 3) else state if state in STATES else STATES[0],
        lasted=_lasting(info.text("execution_duration")),
        request=info.text("request_preview"),
        response=info.text("response_preview"),
        metadata=metadata,
        tags=_texts(info, "tags", wire.LONGEST_TAG),
    )


def _moment(text: str) -> int:
    """Milliseconds of a moment as RFC 3339 has it."""
    try:
        found = datetime.fromisoformat(text)
        return round(found.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise wrong("request_time", text, "it must be a moment like 2026-01-31T12:00:00Z") from None


def _lasting(text: str) -> int | None:
    """Milliseconds of a duration like `0.5s`."""
    if not text:
        return None
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = math.nan
    if not text.endswith("s") or not 0 <= seconds < 10**12:
        raise wrong("execution_duration", text, "it must be a duration like 0.5s")
    return round(seconds * 1000)


def _texts(asked: Asked, name: str, most: int) -> dict[str, str]:
    found = asked.value(name)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise wrong(name, found, "it must be an object")
    texts = Asked(found)
    return {wire.checked_key(key, f"{name}.key"): texts.text(key)[:most] for key in found}


def get(door: Tracking, asked: Asked) -> Any:
    """One trace without its spans."""
    return {"trace": {"trace_info": showing.trace(trace_of(door.project, asked.text("trace_id", needed=True)))}}


def get_whole(door: Tracking, asked: Asked) -> Any:
    """One trace with its spans."""
    row = trace_of(door.project, asked.text("trace_id", needed=True))
    return {"trace": _whole(door, [row])[0]}


def get_many(door: Tracking, asked: Asked) -> Any:
    """Traces with their spans; those that are not there are left out."""
    keys = asked.texts("trace_ids")
    if len(keys) > MOST_AT_ONCE:
        raise Refused(f"At most {MOST_AT_ONCE} traces are sent at once.")
    return showing.full({"traces": _whole(door, traces_of(door.project, keys))})


def _whole(door: Tracking, rows: list[LogTrace]) -> list[dict[str, Any]]:
    spans = spans_of(door.project, rows, showing.trace_root)
    shown = [
        {"trace_info": showing.trace(row), "spans": [_span(one) for one in spans.get(row.key, [])]} for row in rows
    ]
    return [showing.full(one) for one in shown]


def _span(said: Mapping[str, Any]) -> dict[str, Any]:
    """A span of a client's file, as OpenTelemetry's messages have it in JSON."""
    plain = {name: said[name] for name in ("trace_id", "span_id", "parent_span_id", "name") if said.get(name)}
    times = {name: said[name] for name in ("start_time_unix_nano", "end_time_unix_nano") if said.get(name)}
    events = [
        {"name": one.get("name", ""), "time_unix_nano": one.get("time_unix_nano", 0),
         "attributes": _attributes(one.get("attributes"))}
        for one in said.get("events") or [] if isinstance(one, Mapping)
    ]  # fmt: skip
    more = {"attributes": _attributes(said.get("attributes")), "events": events, "status": said.get("status")}
    return plain | times | showing.full(more)


def _attributes(said: Any) -> list[dict[str, Any]]:
    pairs = said.items() if isinstance(said, Mapping) else []
    return [{"key": key, "value": {"string_value": str(value)}} for key, value in pairs]


def search(door: Tracking, asked: Asked) -> Any:
    """Traces that a filter finds, the newest first."""
    text, orders, most = asked.text("filter"), asked.texts("order_by"), asked.most(100, MOST)
    names = [_inside(one, "mlflow_experiment").text("experiment_id") for one in asked.rows("locations")]
    clauses, order = parse(text, TRACES), order_of(orders, TRACES)
    about = ["traces", names, text, orders]
    start = wire.offset_of(asked.text("page_token"), about)
    numbers = [int(name) for name in names if name.isascii() and name.isdecimal() and len(name) < 10]
    newest_first = not order or order[0] == ("", "timestamp_ms", True)
    found = []
    for row in traces_in(door.project, numbers):
        facts = _facts(row)
        if all(holds(one, facts) for one in clauses):
            found.append((facts, row))
        if newest_first and len(found) > start + most:
            break
    page = sorted_by(found, order)[start : start + most]
    more = wire.token_of(start + most, about) if len(found) > start + most else ""
    return showing.full({"traces": [showing.trace(row) for _, row in page], "next_page_token": more})


def _facts(row: LogTrace) -> Facts:
    own = {
        "trace_id": row.key,
        "client_request_id": row.client_key or None,
        "name": row.tags.get(NAME),
        "run_id": row.metadata.get(RUN),
        "status": row.state,
        "timestamp_ms": row.began,
        "execution_time_ms": row.lasted,
        "end_time_ms": None if row.lasted is None else row.began + row.lasted,
    }
    return Facts(own, {"tags": row.tags, "metadata": row.metadata})


def set_tag(door: Tracking, asked: Asked) -> Any:
    """Write a tag."""
    key = wire.checked_key(asked.text("key", needed=True), "key")
    row = trace_of(door.project, asked.text("trace_id", needed=True))
    services.tag_trace(row, key=key, value=asked.text("value")[: wire.LONGEST_TAG])
    return {}


def delete_tag(door: Tracking, asked: Asked) -> Any:
    """Take a tag away."""
    row = trace_of(door.project, asked.text("trace_id", needed=True))
    services.tag_trace(row, key=asked.text("key", needed=True), value=None)
    return {}


def delete(door: Tracking, asked: Asked) -> Any:
    """Delete traces of one experiment by their ids, or the oldest up to a moment."""
    row = folder(door.project, asked)
    row.project = door.project
    keys, until = asked.texts("request_ids") or asked.texts("trace_ids"), asked.whole("max_timestamp_millis", 0)
    if bool(keys) == bool(until):
        raise Refused("Either `max_timestamp_millis` or `trace_ids` must be specified, but not both.")
    rows = LogTrace.objects.filter(project=door.project, experiment=row).order_by("began", "key")
    rows = rows.filter(key__in=keys) if keys else rows.filter(began__lte=until)
    most = min(max(asked.whole("max_traces", 0), 0) or 1000, 1000)
    return {"traces_deleted": services.delete_traces(row, list(rows[:most]), by=door.person)}


def spans(door: Tracking, asked: Asked) -> Any:
    """Spans as they end: refused in the words by which clients know to send them as a file with the whole trace."""
    text = "REST OTLP span logging is not supported; the spans of a trace are kept as its file."
    raise Refused(text, "ENDPOINT_NOT_FOUND", 404)
