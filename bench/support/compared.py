"""Sections of `docs/results.md` on whole comparisons, from `results/compare-*.json` as `document.toml` lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.support import cells


@dataclass(frozen=True)
class Compared:
    """How a comparison is shown: `log` is the name of its file."""

    log: str
    title: str
    text: str

    def section(self, values: Mapping[str, Any]) -> str:
        """The answers, then a row for each recipe and a column for each number of images per class, in Markdown.

        A cell has the score and its difference to the best control, in bold where that pair is separable; below the
        table is what tuning took.
        """
        levels = values["levels"]
        heads = [cells.images(level["per_class"]) for level in levels]
        names = dict.fromkeys(e["recipe"] for level in (levels[-1], *levels) for e in level["entries"])
        rows = [f"| {levels[0]['metric'].replace('_', ' ')} | {' | '.join(heads)} |", f"|{'---|' * (len(levels) + 1)}"]
        for name in names:
            rows.append(f"| `{name}` | {' | '.join(_cell(level, name) for level in levels)} |")
        answers = [f"- {head} per class: {level['answer']}" for head, level in zip(heads, levels, strict=True)]
        if len(levels) == 1:
            answers = [levels[0]["answer"]]
        commit = values["facts"].get("commit", "unknown")
        return "\n".join(
            [
                f"## {self.title}",
                "",
                self.text.strip(),
                "",
                *answers,
                "",
                *rows,
                "",
                _tuned(values),
                "",
                f"Commit: {commit}.",
                "",
            ]
        )


def _cell(level: Mapping[str, Any], name: str) -> str:
    entry = next((e for e in level["entries"] if e["recipe"] == name), None)
    if entry is None:
        return ""
    own, control = entry["summary"], level["control"]
    text = f"{entry['rank']}. {cells.score(own['mean'], *_interval(own), own['worst'])}"
    if name == control:
        return f"{text}<br>the best control"
    pair = next((p for p in level["pairs"] if {p["comparison"]["a"], p["comparison"]["b"]} == {name, control}), None)
    if pair is None:
        return text
    compared = pair["comparison"]
    sign = 1 if compared["a"] == name else -1
    low, high = sorted(sign * bound for bound in _interval(compared))
    return text + cells.difference(sign * compared["mean"], low, high, bold=pair["separable"])


def _interval(values: Mapping[str, Any]) -> tuple[float, float]:
    """The bounds; JSON has null for NaN."""
    low, high = (np.nan if values[side] is None else float(values[side]) for side in ("low", "high"))
    return low, high


def _tuned(values: Mapping[str, Any]) -> str:
    """How many trials each recipe had in a draw, and how often it took other settings than its own."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for study in values["studies"]:
        found.setdefault(study["recipe"], []).append(study)
    most = max((s["trials"] for some in found.values() for s in some), default=0)
    if most < 2:
        return "Nothing was tuned" + (": no share of the time had room for a second trial." if most else ".")
    told = []
    for name, some in found.items():
        if not any(s["trials"] for s in some):
            continue
        trials = np.mean([s["trials"] for s in some])
        other = sum(bool(s["values"]) for s in some)
        told.append(f"`{name}` {trials:.1f}, other settings in {other} of {len(some)}")
    return f"Trials in a draw: {'; '.join(told)}."
