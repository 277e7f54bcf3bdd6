"""Callers that ask a prediction server without pause while its traffic is moved, and what they got."""

import http.client
import json
import threading
import time
from collections import Counter

from tests.deployments import stage


class Callers:
    """Threads that ask `rate` times a second together, each over one connection."""

    def __init__(self, server: stage.PredictionServer, key: str, rate: float, threads: int = 4) -> None:
        self._server, self._key, self._pause = server, key, threads / rate
        self.statuses: Counter[int] = Counter()
        self.seen: list[tuple[float, int]] = []
        self.slowest: list[float] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(threads)]

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def _ask(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=20)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        due, count = time.monotonic(), 0
        while not self._stop.is_set():
            body = json.dumps({"row": stage.ROW | {"months": 1 + count % 59}})
            key = f"{number} {count % 200}"
            began = time.monotonic()
            try:
                path = "/v1/deployments/churn-classifier/predict"
                connection.request("POST", path, body, headers | {"Baton-Sticky-Key": key})
                answer = connection.getresponse()
                content = answer.read()
                self.statuses[answer.status] += 1
                if answer.status == 200:
                    self.seen.append((time.monotonic(), json.loads(content)["version"]))
                    self.slowest.append(time.monotonic() - began)
            except OSError:
                self.statuses[0] += 1
                connection.close()
            count += 1
            due += self._pause
            time.sleep(max(0.0, due - time.monotonic()))

    def last_of(self, version: int) -> float:
        """When this version answered last, by the monotonic clock."""
        return max((at for at, seen in self.seen if seen == version), default=0.0)

    @property
    def p95(self) -> float:
        """The slowest 5 of 100, in seconds."""
        return sorted(self.slowest)[int(0.95 * len(self.slowest))]
