"""Tables of `docs/results.md` that are not scores, from the lines of a log, as `document.toml` lists them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

from handful.evaluation.intervals import mean_interval


@dataclass(frozen=True)
class Column:
    """A column's value in a line, "same.0" being the first of the list `same`, and how it is shown.

    `within`: what no value can be outside of, so that no interval reaches there.
    """

    value: str
    scale: float = 1.0
    digits: int = 0
    within: tuple[float, float] = (-np.inf, np.inf)

    def of(self, line: Mapping[str, Any]) -> float | None:
        """The number as it is shown; None: the line has no such value."""
        try:
            found: Any = reduce(_inside, self.value.split("."), line)
        except (KeyError, IndexError):
            return None
        return float(np.clip(float(found) * self.scale, *self.within))

    def shown(self, values: Sequence[float]) -> str:
        """One number as it is; of several their mean and its 95 % interval."""
        low, high = np.clip(mean_interval(np.array(values))[:2], *self.within)
        mean = f"{sum(values) / len(values):,.{self.digits}f}"
        return mean if len(values) == 1 else f"{mean} ({low:,.{self.digits}f} to {high:,.{self.digits}f})"


@dataclass(frozen=True)
class Summary:
    """How a log is shown: a row for each combination of the values of `rows`, means over draws where there are any.

    A line that was logged again counts once, as it was last. `each`: the name of a list in every line, whose items have
    the values. `only`: a value that a line must have to count, where a log has lines of several forms. `order`: the
    values by which rows are sorted, numbers by size and words as the log first has them; (): rows stay as in the log.
    """

    log: str
    title: str
    text: str
    rows: Sequence[str]
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    each: str = ""
    only: str = ""
    order: Sequence[str] = ()

    def section(self, lines: Sequence[Mapping[str, Any]]) -> str:
        """The table in Markdown."""
        lines = [line for line in lines if not self.only or self.only in line]
        if self.each:
            lines = [{**line, **item} for line in lines for item in line[self.each]]
        newest: dict[tuple[str, ...], dict[Any, Mapping[str, Any]]] = {}
        for line in self._sorted(lines):
            newest.setdefault(tuple(_cell(line[key]) for key in self.rows), {})[line.get("draw")] = line
        columns = {head: Column(**how) for head, how in self.columns.items()}
        table = [f"| {' | '.join([*self.rows, *columns])} |", f"|{'---|' * (len(self.rows) + len(columns))}"]
        for names, of_draws in newest.items():
            values = ([column.of(line) for line in of_draws.values()] for column in columns.values())
            known = [[v for v in some if v is not None] for some in values]
            texts = [c.shown(some) if some else "" for c, some in zip(columns.values(), known, strict=True)]
            table.append(f"| {' | '.join([*names, *texts])} |")
        commits = sorted({str(line["commit"]).rstrip("+") for of in newest.values() for line in of.values()})
        return "\n".join(
            [f"## {self.title}", "", self.text.strip(), "", *table, "", f"Commits: {', '.join(commits)}.", ""]
        )

    def _sorted(self, lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        first = {key: list(dict.fromkeys(line[key] for line in lines)) for key in self.order}

        def place(line: Mapping[str, Any]) -> list[float]:
            own = [(line[key], first[key].index(line[key])) for key in self.order]
            return [float(at if isinstance(value, str) else value) for value, at in own]

        return sorted(lines, key=place)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|")


def _inside(part: Any, key: str) -> Any:
    return part[int(key)] if isinstance(part, list) else part[key]
