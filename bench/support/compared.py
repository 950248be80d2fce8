"""Sections of `docs/results.md` on whole comparisons, from `results/compare-*.json` as `document.toml` lists them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from bench.support import cells
from handful.comparison.result import ALPHA
from handful.evaluation.multiple_testing import holm


@dataclass(frozen=True)
class Compared:
    """How a comparison is shown.

    `log` is the name of its file. `pool`: images of each class that its draws were taken from, where the file is older
    than the correction for that; its intervals and verdicts are then corrected here.
    """

    log: str
    title: str
    text: str
    pool: int | Sequence[int] | None = None

    def section(self, values: Mapping[str, Any]) -> str:
        """The answers, then a row for each recipe and a column for each number of images per class, in Markdown.

        A cell has the score and its difference to the best control, in bold where that pair is separable; below the
        table is what tuning took.
        """
        levels = [_corrected(level, self.pool) for level in values["levels"]]
        heads = [cells.images(level["per_class"]) for level in levels]
        names = dict.fromkeys(e["recipe"] for level in (levels[-1], *levels) for e in level["entries"])
        rows = [f"| {levels[0]['metric'].replace('_', ' ')} | {' | '.join(heads)} |", f"|{'---|' * (len(levels) + 1)}"]
        for name in names:
            rows.append(f"| `{name}` | {' | '.join(_cell(level, name) for level in levels)} |")
        answers = [f"- {head} per class: {level['answer']}" for head, level in zip(heads, levels, strict=True)]
        if len(levels) == 1:
            answers = [levels[0]["answer"]]
        if self.pool is not None:
            answers.append("- (These sentences are of the day of the comparison; the table has today's intervals.)")
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


def _corrected(level: Mapping[str, Any], pool: int | Sequence[int] | None) -> Mapping[str, Any]:
    """Intervals and verdicts for new training images, as `handful.evaluation.design` has them for draws of a pool."""
    if pool is None:
        return level
    first = level["entries"][0]["summary"]
    ratio, runs = first["n_train"] / first["n_test"], first["runs"]
    share = float(np.mean(level["per_class"] / np.atleast_1d(pool)))
    before = min(ratio, 1 / ratio) if level["design"] == "re-split" else 0.0
    wider = float(np.sqrt((1 / runs + max(before, share / (1 - share))) / (1 / runs + before)))
    entries = [{**e, "summary": _widened(e["summary"], wider)} for e in level["entries"]]
    compared = [_widened(pair["comparison"], wider) for pair in level["pairs"]]
    adjusted = holm([_p(c, runs) for c in compared])
    separable = [p < ALPHA and _excludes_zero(c) for c, p in zip(compared, adjusted, strict=True)]
    pairs = [
        {**pair, "comparison": c, "separable": s}
        for pair, c, s in zip(level["pairs"], compared, separable, strict=True)
    ]
    return {**level, "entries": entries, "pairs": pairs}


def _widened(values: Mapping[str, Any], factor: float) -> dict[str, Any]:
    low, high = (values["mean"] + factor * (bound - values["mean"]) for bound in _interval(values))
    return {**values, "low": low, "high": high}


def _p(compared: Mapping[str, Any], runs: int) -> float:
    """Two-sided p of a difference, from its t interval; 1 where two recipes agree to the last image."""
    half = (compared["high"] - compared["low"]) / 2
    if half < 1e-12:
        return 1.0
    return float(2 * stats.t.sf(abs(compared["mean"]) / half * stats.t.ppf(0.975, runs - 1), runs - 1))


def _excludes_zero(compared: Mapping[str, Any]) -> bool:
    """Whether the bootstrap's interval does too."""
    low, high = compared["image_low"], compared["image_high"]
    return low is None or low * high > 0


def _cell(level: Mapping[str, Any], name: str) -> str:
    entry = next((e for e in level["entries"] if e["recipe"] == name), None)
    if entry is None:
        return ""
    own, control = entry["summary"], level["control"]
    low, high = (float(np.clip(bound, 0, 1)) for bound in _interval(own))
    text = f"{entry['rank']}. {cells.score(own['mean'], low, high, own['worst'])}"
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
