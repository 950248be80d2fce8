"""Findings about a data set, from the checks before training and from `handful inspect`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from handful.core.file_names import printable
from handful.core.text import listed

Severity = Literal["error", "warning", "note"]
_SHOWN = 5  # ids named in a message; a finding has all


@dataclass(frozen=True)
class Finding:
    """Something doubtful in the data.

    Attributes:
        kind: a short name.
        severity: an "error" makes training impossible or a score wrong, a "warning" makes it doubtful, a "note" is
            information.
        what: a sentence without its full stop.
        where: ids of the samples concerned; those that belong together, such as an image and its copy, are one tuple.
        remedy: what to do.
        numbers: the measured values that the finding is based on.
    """

    kind: str
    severity: Severity
    what: str
    where: tuple[tuple[str, ...], ...] = ()
    remedy: str = ""
    numbers: Mapping[str, object] = field(default_factory=dict)

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids in one tuple."""
        return tuple(i for ids in self.where for i in ids)

    @property
    def message(self) -> str:
        """`what`, with the first ids."""
        if not self.where:
            return self.what
        return f"{self.what}: {listed([' = '.join(map(printable, ids)) for ids in self.where], _SHOWN, separator='; ')}"
