"""Request and prediction counters in the Prometheus text format, version 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # upper bounds, in seconds
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass
class Metrics:
    """Counters of one worker process since it started."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)  # by path and status
    images: int = 0
    batches: int = 0
    rejected: int = 0
    waiting: int = 0
    seconds: float = 0.0
    _buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))

    def record_request(self, path: str, status: int, seconds: float) -> None:
        """Count a request that has been answered."""
        self.requests[path, status] += 1
        self._buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds

    def as_text(self, worker: int) -> str:
        """All metrics as text; the label `worker` distinguishes the processes of one server."""
        label = f'worker="{worker}"'
        lines = ["# HELP handful_requests_total Requests answered.", "# TYPE handful_requests_total counter"]
        for (path, status), n in sorted(self.requests.items()):
            lines.append(f'handful_requests_total{{{label},path="{path}",status="{status}"}} {n}')
        lines += self._histogram(label)
        for name, kind, text, value in (
            ("images_total", "counter", "Images predicted.", self.images),
            ("batches_total", "counter", "Forward passes of the network.", self.batches),
            ("unknown_total", "counter", "Images rejected as too unlike the training images.", self.rejected),
            ("requests_waiting", "gauge", "Requests accepted and not answered yet.", self.waiting),
        ):
            lines.append(f"# HELP handful_{name} {text}")
            lines.append(f"# TYPE handful_{name} {kind}")
            lines.append(f"handful_{name}{{{label}}} {value}")
        return "\n".join(lines) + "\n"

    def _histogram(self, label: str) -> list[str]:
        name = "handful_request_seconds"
        lines = [f"# HELP {name} Time from a request's headers to its response.", f"# TYPE {name} histogram"]
        total = 0
        for bound, n in zip((*map(str, BUCKETS), "+Inf"), self._buckets, strict=True):
            total += n
            lines.append(f'{name}_bucket{{{label},le="{bound}"}} {total}')
        lines.append(f"{name}_sum{{{label}}} {self.seconds:.6f}")
        lines.append(f"{name}_count{{{label}}} {total}")
        return lines
