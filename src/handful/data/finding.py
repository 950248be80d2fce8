"""What a look at the data brings up: one type for the checks before training and for `handful inspect`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning", "note"]
_SHOWN = 5  # places named in a message; a finding holds all


@dataclass(frozen=True)
class Finding:
    """Something doubtful in the data.

    `kind` is a short name, `what` a sentence without its full stop. `where` holds the ids it is about; those that
    belong together, such as a picture and its copy, are one tuple. `remedy` says what to do, `numbers` what it rests
    on. An "error" makes training impossible or a score wrong, a "warning" makes it doubtful, a "note" is to be known.
    """

    kind: str
    severity: Severity
    what: str
    where: tuple[tuple[str, ...], ...] = ()
    remedy: str = ""
    numbers: Mapping[str, object] = field(default_factory=dict)

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids, one after the other."""
        return tuple(i for together in self.where for i in together)

    @property
    def message(self) -> str:
        """What it is and the first places."""
        if not self.where:
            return self.what
        shown = "; ".join(" = ".join(together) for together in self.where[:_SHOWN])
        more = f"; and {len(self.where) - _SHOWN} more" if len(self.where) > _SHOWN else ""
        return f"{self.what}: {shown}{more}"
