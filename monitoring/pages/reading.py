"""What the pages of monitoring show, put together from queries, findings and charts."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from audit.models import Entry
from datasets.queries.seen import Roles
from deployments.models import Release
from deployments.queries.deployments import champion_of
from monitoring import charts, findings, retiring
from monitoring.loss import Loss
from monitoring.models import Alert, Incident, Monitor, Retraining, Window
from monitoring.queries import watch as queries
from monitoring.queries.money import Beside, kpis_beside, loss_of, practices_of
from monitoring.seen import OPEN, Eyes, eyes_on
from projects.activity import told
from projects.contract import Judgement, TargetKind, Verdict, goal_of
from projects.measures import MEASURES
from projects.models.define import Contract
from projects.models.projects import Project
from projects.queries.define import contract_in_force
from web.figures import Figure

USUAL = ("roc_auc", "accuracy", "mae")


@dataclass(frozen=True)
class Tile:
    """One number with its words; `status` is pass, warn, fail or nothing, `word` says it."""

    title: str
    value: str
    small: str
    status: str = ""
    word: str = ""


@dataclass
class MonitorView:
    """Everything on a monitor's page."""

    release: Release | None
    window: Window | None = None
    waiting: str = ""
    headline: str = ""
    cause: str = ""
    alerts: list[Alert] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)
    timeline: Figure | None = None
    how_right: Figure | None = None
    honest: list[dict[str, Any]] = field(default_factory=list)
    scatter: Figure | None = None
    chosen: Figure | None = None
    answers: Figure | None = None
    inputs: list[dict[str, Any]] = field(default_factory=list)
    coverage: str = ""
    measured: list[dict[str, Any]] = field(default_factory=list)
    judged: list[dict[str, Any]] = field(default_factory=list)
    deciding: Judgement | None = None
    retraining: Retraining | None = None
    contract: Contract | None = None
    loss: Loss | None = None
    uplift: str = ""
    retire: str = ""
    kpis: list[Beside] = field(default_factory=list)
    incident: Incident | None = None


def monitor_view(monitor: Monitor, eyes: Eyes, *, days: int, chosen: str) -> MonitorView:
    """How one deployment does, over the last so many days, as somebody may see it."""
    release = champion_of(monitor.deployment)
    view = MonitorView(release)
    if release is None:
        return view
    view.waiting = findings.so_far(queries.span_of(monitor).rows, monitor.minimum_rows)
    view.alerts = [eyes.alert(alert) for alert in queries.open_alerts_of(monitor)]
    view.retraining = monitor.retrainings.select_related("run__model_version").first()
    view.window = _seen(queries.latest_enough(monitor, release), eyes)
    newest = _seen(queries.windows_of(monitor).filter(release=release).first(), eyes)
    performance = newest.performance if newest else {}
    view.coverage = findings.coverage(performance)
    view.measured = findings.against_training(performance)
    view.contract = contract_in_force(monitor.deployment.project)
    judged = queries.judged_live(newest, monitor.deployment.project, view.contract)
    view.judged = [
        {"verdict": entry.verdict, "words": entry.words, "goal": entry.goal, "said": findings.said(entry)}
        for entry in judged
    ]
    view.deciding = next((entry for entry in judged if entry.goal.deciding), judged[0] if judged else None)
    practices = practices_of(monitor, release)
    view.uplift = retiring.words(practices[0]) if practices else ""
    view.retire = found.sentence if (found := retiring.matter(practices)) else ""
    view.kpis = kpis_beside(release)
    view.incident = monitor.incidents.filter(closed_at=None).first()
    if view.window:
        view.loss = loss_of(view.window)
        _fill(view, view.window, performance, days=days, chosen=chosen)
    return view


def _seen(window: Window | None, eyes: Eyes) -> Window | None:
    return eyes.window(window) if window else None


def _fill(view: MonitorView, window: Window, performance: dict[str, Any], *, days: int, chosen: str) -> None:
    monitor, inputs = window.monitor, window.inputs
    view.headline = findings.headline(inputs, window.answers, [alert.sentence for alert in view.alerts])
    view.cause = f"Alert {view.alerts[0].number}: {view.alerts[0].sentence}"[:300] if view.alerts else ""
    view.inputs = [entry | {"status": findings.STATE_WORDS[entry["state"]]} for entry in inputs]
    view.tiles = _tiles(view, window)
    since = timezone.now() - timedelta(days=days)
    windows = queries.timeline(monitor, since)
    if windows:
        view.timeline = _timeline(monitor, windows, view.alerts)
        view.how_right = _how_right(monitor, windows, view.deciding)
    view.honest = findings.honest(window.measured, window.estimated, performance.get("training") or {})
    if any(entry["weight"] is not None for entry in inputs):
        view.scatter = charts.which_matter(inputs, monitor.watch_at)
    shown = next((entry for entry in inputs if entry["name"] == chosen), inputs[0] if inputs else None)
    if shown and any(shown["now"]):
        view.chosen = charts.overlay(shown, f"Did {shown['name']} move?", "input")
    if window.answers and any(window.answers["now"]):
        binary = "positive_share" in window.answers
        title = "Did the answers move? Chance of “yes” that the model says" if binary else "Did the answers move?"
        view.answers = charts.overlay(window.answers, title, "answers")


def _timeline(monitor: Monitor, windows: list[Window], alerts: list[Alert]) -> Figure:
    nothing = {"input": "–", "psi": None, "answers": None}
    points = [{"at": window.to_at, "rows": window.rows} | (window.lead or nothing) for window in windows]
    starts = [alert.window.from_at if alert.window else alert.opened_at for alert in alerts]
    since = min(starts, default=None)
    return charts.timeline(points, _events(monitor), since, monitor.watch_at, monitor.act_at)


def _how_right(monitor: Monitor, windows: list[Window], deciding: Judgement | None) -> Figure | None:
    """The metric that decides, estimated and measured; None where no window knows either."""
    goal = deciding.goal if deciding and deciding.goal.measure and deciding.goal.kind == TargetKind.METRIC else None
    known = [
        key for window in windows for key in window.estimated.get("metrics") or window.measured.get("metrics") or ()
    ]
    key = goal.metric if goal else next((key for key in USUAL if key in known), "")
    if key not in known:
        return None
    points = [
        {"at": row.to_at, "estimated": _one(row.estimated, key), "measured": _one(row.measured, key)} for row in windows
    ]
    measure, target = MEASURES[key], goal.threshold if goal else None
    return charts.how_right(points, _events(monitor), measure.term, 100 if measure.of_100 else 1, target)


def _one(found: dict[str, Any], key: str) -> dict[str, Any] | None:
    one = (found.get("metrics") or {}).get(key)
    return one if one and one["value"] is not None else None


def _events(monitor: Monitor) -> list[tuple[datetime, str]]:
    releases = queries.releases_of(monitor.deployment)
    return [(r.started_at, f"v{r.version.number} in use") for r in releases if r.started_at]


def _tiles(view: MonitorView, window: Window) -> list[Tile]:
    service, inputs = window.service, window.inputs
    latency = service.get("latency_ms", {})
    moved = sum(entry["state"] in ("act", "watch") for entry in inputs)
    tiles = [
        Tile("Answers", _count(window.rows), f"about {_count(service.get('per_hour', 0))} an hour"),
        Tile("Slowest 5 of 100", _milliseconds(latency.get("p95")), f"half within {_milliseconds(latency.get('p50'))}"),
        Tile(
            "Inputs that moved",
            f"{moved} of {len(inputs)}",
            "against the training data",
            "warn" if moved else "pass",
            "Look" if moved else "Stayed",
        ),
    ]
    share, before = window.answers.get("positive_share"), window.answers.get("positive_share_reference")
    if share is not None:
        was = f"was {100 * before:.1f}%" if before is not None else _by_policy(window.answers)
        tiles.append(Tile(f"Answers “{window.answers['positive']}”", f"{100 * share:.1f}%", was))
    return [*tiles, _target_tile(view)]


def _by_policy(answers: dict[str, Any]) -> str:
    """Which decision policies gave the answers, and how many went to a person."""
    versions = sorted(int(name) for name in answers.get("policies", {}) if name)
    sent = answers.get("decisions", {}).get("person", 0)
    named = f"by policy {', '.join(f'v{version}' for version in versions)}" if versions else ""
    return f"{named}, {_count(sent)} to a person" if sent else named


def _target_tile(view: MonitorView) -> Tile:
    judged = view.deciding
    if judged is None or judged.measurement is None:
        title = judged.goal.name if judged else "Right answers"
        return Tile(title, "–", "no outcomes yet" if not view.measured else "not measured", "", "Not measured yet")
    goal = judged.goal
    said, target = goal.said(judged.measurement.value), goal.said(goal.threshold)
    css = {Verdict.MET: "pass", Verdict.NOT_MET: "fail", Verdict.CLOSE: "warn"}[judged.verdict]
    return Tile(f"{goal.name}, measured", said, f"target {target}", css, judged.verdict.words)


def _count(value: float) -> str:
    return f"{value:,.0f}".replace(",", "\u2009")


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


@dataclass(frozen=True)
class AlertView:
    """Everything on an alert's page."""

    since: Any
    entry: dict[str, Any] | None
    figure: Figure | None
    consequence: str
    history: list[tuple[datetime, str]]
    retrainings: list[Retraining]
    seen: list[tuple[Window, dict[str, Any]]]


def alert_view(alert: Alert, eyes: Eyes) -> AlertView:
    """What shows it, since when, what follows from it, and what people did."""
    windows = [eyes.window(window) for window in queries.timeline(alert.monitor, whole=True)]
    about = [(window, entry) for window in windows if (entry := _entry_of(window, alert))]
    latest = about[-1][1] if about else None
    title = f"Did {alert.subject} move?" if alert.subject else "Did the answers move?"
    history = Entry.objects.filter(subject_type="monitoring.alert", subject_id=str(alert.pk)).order_by("seq")
    shows = latest is not None and any(latest["now"])
    return AlertView(
        since=alert.window.from_at if alert.window else alert.opened_at,
        entry=latest,
        figure=charts.overlay(latest, title, "evidence") if shows and latest else None,
        consequence=_consequence(alert, queries.windows_of(alert.monitor).first(), latest),
        history=[(entry.at, f"{entry.actor_name} {told(entry.name, _said(entry, eyes))}") for entry in history[:50]],
        retrainings=list(alert.retrainings.select_related("run")[:5]),
        seen=about[-12:],
    )


def _said(entry: Entry, eyes: Eyes) -> dict[str, Any]:
    return {**entry.data, "sentence": eyes.text(str(entry.data.get("sentence", "")))}


def _entry_of(window: Window, alert: Alert) -> dict[str, Any] | None:
    if alert.rule == "answer_drift":
        answers: dict[str, Any] = window.answers
        return answers or None
    return next((entry for entry in window.inputs if entry["name"] == alert.subject), None)


def _consequence(alert: Alert, window: Window | None, entry: dict[str, Any] | None) -> str:
    """What it means for the answers, as far as it was measured."""
    performance = window.performance if window else {}
    if alert.rule == "target_at_risk":
        return "It is measured on known outcomes, so it is not a guess: the model now misses what was agreed."
    if alert.rule == "no_data":
        return "Whoever relies on the answers gets none. Ask the caller first."
    known = (
        f"How often it is right is measured on {performance['joined']} known outcomes so far."
        if performance.get("metrics")
        else ("Whether the model is right less often is not known until outcomes arrive.")
    )
    if entry is None or entry.get("weight") is None:
        return known
    return f"{alert.subject} carries {100 * entry['weight']:.0f}% of the model's decision. {known}"


@dataclass(frozen=True)
class RetrainingView:
    """Both models on the same rows, target by target."""

    finding: str
    sets: list[dict[str, Any]]
    contract: int | None = None


SET_WORDS = {
    "held_back": "Held-back rows that neither model learned from",
    "recent": "Recent live rows whose outcome is known",
}


def retraining_view(retraining: Retraining) -> RetrainingView:
    """The comparison with every difference in words."""
    sets = []
    for part in retraining.comparison.get("sets", []):
        rows = [_target_row(target) for target in part["targets"]]
        sets.append({"title": SET_WORDS[part["name"]], "rows": part["rows"], "targets": rows})
    found = retraining.comparison
    return RetrainingView(found.get("finding", ""), sets, found.get("contract"))


def _target_row(target: dict[str, Any]) -> dict[str, Any]:
    goal = goal_of(target | {"direction": target.get("direction", "")})

    def said(value: float | None) -> str:
        return "–" if value is None else goal.said(value)

    difference = target["difference"]
    if difference["value"] is None:
        word = ("unmeasured", "Not measured")
    elif difference["better"] is None:
        word = ("close", "Could be chance")
    else:
        word = ("met", "Better") if difference["better"] else ("not_met", "Worse")
    return {
        "name": target["name"],
        "term": goal.measure.term if goal.measure else "",
        "deciding": target["deciding"],
        "agreed": target["agreed"],
        "target": said(target["threshold"]) if target["agreed"] else "–",
        "champion": said(target["champion"]["value"]),
        "champion_verdict": target["champion"]["verdict"],
        "challenger": said(target["challenger"]["value"]),
        "challenger_verdict": target["challenger"]["verdict"],
        "difference": _signed(difference["value"], goal.scale),
        "between": f"{_signed(difference['low'], goal.scale)} to {_signed(difference['high'], goal.scale)}",
        "word": word,
    }


def _signed(value: float | None, scale: int) -> str:
    if value is None:
        return "–"
    return f"{scale * value:+.1f}".replace("-", "−")


def retraining_line(retraining: Retraining) -> dict[str, Any]:
    """One retraining in the list of Improve: what it brought."""
    version = getattr(retraining.run, "model_version", None)
    brought = retraining.comparison.get("finding") or retraining.message or "It is still being trained and compared."
    if version:
        brought = f"Registered as version {version.number}. {brought}"
    css = {"training": "run", "compared": "pass", "failed": "fail"}[retraining.state]
    return {"retraining": retraining, "version": version, "brought": brought, "status": css}


def next_round(project: Project, roles: Roles) -> list[str]:
    """What the next round could be about, from what is open now."""
    hints, contract = [], contract_in_force(project)
    for monitor in queries.monitors_of(project)[:5]:
        newest = queries.windows_of(monitor).first()
        judged = queries.judged_live(newest, project, contract)
        missed = [entry.goal.name for entry in judged if entry.verdict == Verdict.NOT_MET]
        if missed:
            hints.append(f"{monitor.deployment.name} misses {', '.join(missed)} on live answers.")
        alerts = [alert for alert in queries.open_alerts_of(monitor)[:3] if alert.rule != "target_at_risk"]
        eyes = eyes_on(monitor.deployment, roles) if alerts else OPEN
        hints += [eyes.alert(alert).sentence for alert in alerts]
        if newest and not newest.performance.get("joined"):
            hints.append(f"No outcome of {monitor.deployment.name} is known yet; without them nothing is learned.")
    return hints
