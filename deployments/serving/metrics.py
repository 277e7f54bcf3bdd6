"""PURE: counts of a server, told in the text form that Prometheus reads."""

import threading
from bisect import bisect_left
from collections import Counter

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Requests by deployment and status, seconds they took, rows and unseen categories."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self._rows: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()

    def count(self, deployment: str, status: int, seconds: float, rows: int = 0, unknown: int = 0) -> None:
        """One request. `deployment` is one that exists, or empty: callers cannot add names."""
        with self._guard:
            self._requests[deployment, status] += 1
            self._buckets.setdefault(deployment, [0] * (len(BUCKETS) + 1))[bisect_left(BUCKETS, seconds)] += 1
            self._seconds[deployment] = self._seconds.get(deployment, 0.0) + seconds
            self._rows[deployment] += rows
            self._unknown[deployment] += unknown

    def text(self, models: list[tuple[str, str, int]], ready: bool, commits: int) -> str:
        """Everything, with the models in use as (deployment, model, version)."""
        with self._guard:
            lines = ["# TYPE baton_predict_requests_total counter"]
            lines += [
                f'baton_predict_requests_total{{deployment="{name}",status="{status}"}} {count}'
                for (name, status), count in sorted(self._requests.items())
            ]
            lines += self._histogram()
            for title, counter in (("rows", self._rows), ("unseen_categories", self._unknown)):
                lines.append(f"# TYPE baton_predict_{title}_total counter")
                lines += [f'baton_predict_{title}_total{{deployment="{n}"}} {v}' for n, v in sorted(counter.items())]
        lines.append("# TYPE baton_model_in_use gauge")
        lines += [f'baton_model_in_use{{deployment="{d}",model="{m}",version="{v}"}} 1' for d, m, v in models]
        lines += ["# TYPE baton_log_commits_total counter", f"baton_log_commits_total {commits}"]
        lines += ["# TYPE baton_ready gauge", f"baton_ready {int(ready)}"]
        return "\n".join(lines) + "\n"

    def _histogram(self) -> list[str]:
        lines = ["# TYPE baton_predict_seconds histogram"]
        for name, counts in sorted(self._buckets.items()):
            total = 0
            for limit, count in zip([*map(str, BUCKETS), "+Inf"], counts, strict=True):
                total += count
                lines.append(f'baton_predict_seconds_bucket{{deployment="{name}",le="{limit}"}} {total}')
            lines.append(f'baton_predict_seconds_sum{{deployment="{name}"}} {self._seconds[name]:.6f}')
            lines.append(f'baton_predict_seconds_count{{deployment="{name}"}} {total}')
        return lines
