"""The thread that keeps a server's view of the database and its models fresh; requests never wait for it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from django.db import DatabaseError, InterfaceError, close_old_connections

from deployments.queries.keys import used_today
from deployments.services.servers import mark_trouble, server_seen, tell_log_trouble
from deployments.services.traffic import add_tallies
from deployments.services.uses import add_uses
from deployments.serving import snapshot
from deployments.serving.inference import Facts, Loaded, load
from deployments.serving.lean import tidy_seldom
from deployments.serving.limits import Key, Limits
from deployments.serving.tallies import Tallies
from deployments.serving.traffic import OnTrial
from problems.problem import Problem
from storage.blobs import verified_path

log = logging.getLogger(__name__)
EVERY_SECONDS = 0.5
RELOAD_SECONDS = 30.0
SEEN_SECONDS = 5.0
USES_SECONDS = 2.0


@dataclass(frozen=True)
class Live:
    """What requests see: replaced as a whole, never changed. `keys` is None until they were read for the first time."""

    keys: dict[str, Key] | None = None
    serving: dict[str, tuple[Facts, Loaded]] = field(default_factory=dict)
    trials: dict[str, OnTrial] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    read_at: float = 0.0


class Refresher:
    """Polls twice a second, loads and warms models before they are switched to, keeps the last good ones."""

    def __init__(self, name: str) -> None:
        self.live = Live()
        self.tallies = Tallies()
        self.limits = Limits()
        self.log_trouble: Callable[[], str] = str
        self._log_told = ""
        self._name = name
        self._seen: snapshot.Snapshot = snapshot.Snapshot()
        self._models: dict[str, Loaded] = {}
        self._files: dict[str, tuple[Path, tuple[int, int, int]]] = {}
        self._told: dict[str, str] = {}
        self._loaded_at, self._told_at, self._uses_at = 0.0, 0.0, 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._forever, name="refresher", daemon=True)

    def start(self) -> None:
        """Begin; the first look happens in the thread, so the server is up at once and ready a little later."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _forever(self) -> None:
        while not self._stop.is_set():
            self.once()
            self._stop.wait(EVERY_SECONDS)
        self._last_counts()
        close_old_connections()

    def once(self) -> None:
        """One look. A database that is away leaves everything as it was."""
        try:
            close_old_connections()
            due = time.monotonic() - self._loaded_at > RELOAD_SECONDS
            if due or snapshot.revision() != self._seen.revision:
                self._take(snapshot.read())
            self._keep_counts()
            self._keep_uses()
            self._tell_log()
            if time.monotonic() - self._told_at > SEEN_SECONDS:
                server_seen(self._name)
                self._told_at = time.monotonic()
        except (DatabaseError, InterfaceError) as error:
            log.warning("The database does not answer (%s); the last view stays.", type(error).__name__)
        except Exception:
            log.exception("A look at the database failed; the last view stays.")

    def _take(self, seen: snapshot.Snapshot) -> None:
        """Keys count at once; each model is switched to when it is warm."""
        now = time.time()
        self.live = replace(self.live, keys=seen.keys)
        serving: dict[str, tuple[Facts, Loaded]] = {}
        troubles: dict[str, str] = {}
        for name, facts in seen.champions.items():
            try:
                serving[name] = (facts, self._model(facts.bundle))
                self._tell(facts, "")
            except Exception as error:
                troubles[name] = self._why(facts, error)
                if name in self.live.serving:
                    serving[name] = self.live.serving[name]
                self._tell(facts, troubles[name])
        self.live = Live(seen.keys, serving, self._on_trial(seen, serving), troubles, now)
        self._keep_warm(seen)
        self._seen, self._loaded_at = seen, time.monotonic()

    def _on_trial(self, seen: snapshot.Snapshot, serving: dict[str, tuple[Facts, Loaded]]) -> dict[str, OnTrial]:
        """Challengers, warm. One that cannot be loaded answers nobody, and its trial stops at the next check."""
        found: dict[str, OnTrial] = {}
        for name, one in seen.trials.items():
            try:
                if name in serving:
                    model = self._model(one.facts.bundle)
                    found[name] = OnTrial(one.plan, one.step, one.percent, one.sticky, one.facts, model)
                self._tell(one.facts, "")
            except Exception as error:
                self._tell(one.facts, self._why(one.facts, error))
        return found

    def _tell_log(self) -> None:
        """A log that cannot be written is told once, until it could be written in between."""
        trouble = self.log_trouble()
        if trouble and trouble != self._log_told:
            tell_log_trouble(self._name, trouble)
        self._log_told = trouble

    def _keep_counts(self) -> None:
        """What was counted of trials, to the database; a database that is away gets it later."""
        found = self.tallies.take()
        if not found:
            return
        try:
            add_tallies(self._name, found)
        except Exception:
            for place, counts in found.items():
                self.tallies.add(place, counts)
            raise

    def _keep_uses(self, now: bool = False) -> None:
        """What keys asked, to the database, and back what all servers together answered to those with a quota."""
        if not now and time.monotonic() - self._uses_at < USES_SECONDS:
            return
        keys = self.live.keys or {}
        found, bound = self.limits.take(), [UUID(key.id) for key in keys.values() if key.rows_per_day is not None]
        try:
            if found:
                add_uses(found)
            totals = used_today(bound) if bound else {}
        except Exception:
            self.limits.give_back()
            raise
        self.limits.settle(totals, keys)
        self._uses_at = time.monotonic()

    def _last_counts(self) -> None:
        """Before it ends, hand over what is counted; a database that is away now never gets it."""
        try:
            self._keep_counts()
            self._keep_uses(now=True)
        except Exception as error:
            log.warning("The last counts could not be kept (%s).", type(error).__name__)

    def _model(self, bundle: str) -> Loaded:
        """The model of a bundle; loaded once, and refused when its file on disk was changed since."""
        if bundle not in self._models:
            began = time.perf_counter()
            path = verified_path(bundle)
            self._models[bundle] = load(path, bundle)
            self._files[bundle] = (path, _stamp(path))
            tidy_seldom()
            log.info("Loaded bundle %s in %.1f s.", bundle[:12], time.perf_counter() - began)
        path, stamp = self._files[bundle]
        if _stamp(path) != stamp:
            self._files[bundle] = (verified_path(bundle), _stamp(path))
        return self._models[bundle]

    def _keep_warm(self, seen: snapshot.Snapshot) -> None:
        """The model before stays loaded, so that going back is instant; what nobody needs is let go."""
        for bundle in seen.warm:
            try:
                self._model(bundle)
            except Exception as error:
                log.warning("An earlier model cannot be kept warm: %s", error)
        needed = {loaded.bundle for _, loaded in self.live.serving.values()} | seen.warm
        needed |= {trial.facts.bundle for trial in self.live.trials.values()}
        self._models = {bundle: loaded for bundle, loaded in self._models.items() if bundle in needed}

    def _why(self, facts: Facts, error: Exception) -> str:
        if not isinstance(error, Problem):
            log.error("Version %s of %s cannot be loaded.", facts.version, facts.model, exc_info=error)
        reason = error.text if isinstance(error, Problem) else f"It cannot be loaded ({type(error).__name__})."
        return f"Version {facts.version} of {facts.model}: {reason}"

    def _tell(self, facts: Facts, trouble: str) -> None:
        if self._told.get(facts.release) != trouble:
            mark_trouble(facts.release, trouble)
            self._told[facts.release] = trouble

    @property
    def ready(self) -> bool:
        """Whether the database was read once and every live release has a model that answers."""
        return self.live.read_at > 0 and not self.live.troubles


def _stamp(path: Path) -> tuple[int, int, int]:
    """What changes when somebody replaces a file; zeros when it is gone."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)
