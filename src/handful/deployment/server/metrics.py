"""Counts and times in the text format that Prometheus reads, version 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
MEDIA = "text/plain; version=0.0.4; charset=utf-8"


@dataclass
class Metrics:
    """What one worker has done since it started."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)  # by path and status
    images: int = 0
    batches: int = 0
    rejected: int = 0
    waiting: int = 0
    seconds: float = 0.0
    _slots: list[int] = field(default_factory=lambda: [0] * (len(EDGES) + 1))

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self.requests[path, status] += 1
        self._slots[bisect_left(EDGES, seconds)] += 1
        self.seconds += seconds

    def text(self, worker: int) -> str:
        """All of it; `worker` tells the processes of one server apart."""
        own = f'worker="{worker}"'
        lines = ["# HELP handful_requests_total Requests answered.", "# TYPE handful_requests_total counter"]
        for (path, status), n in sorted(self.requests.items()):
            lines.append(f'handful_requests_total{{{own},path="{path}",status="{status}"}} {n}')
        lines += ["# HELP handful_request_seconds Time from a request's head to its answer.",
                  "# TYPE handful_request_seconds histogram"]  # fmt: skip
        total = 0
        for edge, n in zip((*map(str, EDGES), "+Inf"), self._slots, strict=True):
            total += n
            lines.append(f'handful_request_seconds_bucket{{{own},le="{edge}"}} {total}')
        lines += [f"handful_request_seconds_sum{{{own}}} {self.seconds:.6f}",
                  f"handful_request_seconds_count{{{own}}} {total}"]  # fmt: skip
        for name, kind, what, value in (
            ("images_total", "counter", "Images predicted.", self.images),
            ("batches_total", "counter", "Runs of the network.", self.batches),
            ("unknown_total", "counter", "Images for which no class was named.", self.rejected),
            ("requests_waiting", "gauge", "Requests taken on and not answered yet.", self.waiting),
        ):
            lines += [f"# HELP handful_{name} {what}", f"# TYPE handful_{name} {kind}",
                      f"handful_{name}{{{own}}} {value}"]  # fmt: skip
        return "\n".join(lines) + "\n"
