"""`make results`: draw `docs/results.md` from the lines under `results/` and the papers' numbers in `document.toml`.

Only the lines are read, so that it works where the per-image predictions are not. Of recipes that bear one name the
one that ran last counts; runs of the others are counted below the table.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.support import cells
from bench.support.compared import Compared
from bench.support.record import RESULTS
from bench.support.summaries import Summary
from handful.evaluation.intervals import mean_interval
from handful.evaluation.metrics import THIRDS, thirds, uneven
from handful.reports.text_tables import percent

PLAN = Path(__file__).parent / "document.toml"
PAGE = Path(__file__).parents[1] / "docs" / "results.md"
HEAD = """# Results

Drawn by `make results` from `bench/results`; not edited by hand. A cell has the mean over the draws in percent, the
95 % interval of the mean, and the worst draw; below it the difference to the control on the same draws with its
interval, in bold where the interval leaves out zero (one comparison at a time: nothing here corrects for the number
of rows). Intervals are for new training images of the same population, on the same test images: they are the wider the
more of its pool a draw takes ([why](decisions/2026-11-26-draws-from-a-pool.md)). A row of fewer draws than the control
is compared on its own draws. `python -m bench TABLE` repeats a table.
"""

Column = tuple[int | None, float | None]  # images per class, and a long tail's ratio
Scores = dict[tuple[int, int], tuple[float, int, int, float]]  # (draw, fold): score, images to train and test, overlap


@dataclass(frozen=True)
class Plan:
    """How a table is shown.

    `resplit`: train and test are drawn anew from one set, so intervals are corrected for that too. `pool`: images of
    each class that draws were taken from, one number or a list. `varied`: a row's recipe differs
    between columns, so of each column the newest counts. `since`: runs before this time
    had other settings for all rows and are left out. `log`: the log's name where it is not the table's. `data`: the
    fingerprint of the data set, where a log has several. `rows`: how the names of the rows begin, one way or a list,
    where a log holds several comparisons.
    """

    name: str
    title: str
    text: str
    control: str
    resplit: bool = False
    pool: int | Sequence[int] | None = None
    varied: bool = False
    since: str = ""
    log: str = ""
    data: str = ""
    rows: str | Sequence[str] = ""
    metric: str = "accuracy"
    paper: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # row: column: percent


@dataclass(frozen=True)
class Cells:
    """Scores of each recipe in each column, and the runs left out because their recipe has changed since."""

    scores: dict[str, dict[Column, Scores]]
    older: int


def gather(
    lines: Sequence[Mapping[str, Any]],
    metric: str,
    since: str = "",
    *,
    varied: bool = False,
    pool: int | Sequence[int] | None = None,
) -> Cells:
    """Lines by recipe and column; a run logged twice counts once, as the later line says."""
    scores: dict[str, dict[Column, Scores]] = {}
    counted = [line for line in newest(lines, varied=varied) if line.get("time", since) >= since]
    for line in counted:
        place = (line["draw"], -1 if line["fold"] is None else line["fold"])
        own = scores.setdefault(called(line), {}).setdefault(column_of(line), {})
        own[place] = (line[metric], line["n_train"], line["n_test"], draw_overlap(line, pool))
    return Cells(scores, len(lines) - len(counted))


def draw_overlap(line: Mapping[str, Any], pool: int | Sequence[int] | None) -> float:
    """What `handful.evaluation.design.overlap` is for draws of a pool; 0 for folds."""
    counts = line.get("counts") or [line["per_class"]]
    if pool is None or line["fold"] is not None or counts == [None]:
        return 0.0
    drawn, sizes = np.broadcast_arrays(np.array(counts, dtype=float), np.array(pool, dtype=float))
    drawn, sizes = drawn[drawn > 0], sizes[drawn > 0]
    share = float((1 / np.maximum(sizes, drawn)).mean() / (1 / drawn).mean())
    return share / (1 - share) if share < 1 else np.inf


def newest(lines: Sequence[Mapping[str, Any]], *, varied: bool) -> list[Mapping[str, Any]]:
    """The lines of the recipe that ran last under its name; `varied`: in each column."""

    def place(line: Mapping[str, Any]) -> tuple[str, Column | None]:
        return called(line), column_of(line) if varied else None

    latest = {place(line): line["recipe"] for line in lines}
    return [line for line in lines if line["recipe"] == latest[place(line)]]


def column_of(line: Mapping[str, Any]) -> Column:
    """Images per class, and a long tail's ratio."""
    return line["per_class"], line.get("long_tail")


def called(line: Mapping[str, Any]) -> str:
    """The recipe, and what else than labelled images it learnt from."""
    unlabelled = line.get("unlabelled")
    return line["name"] if unlabelled in (None, "none") else f"{line['name']}, unlabelled images: {unlabelled}"


def of_draws(scores: Scores) -> dict[int, float]:
    """The score of each draw, its folds weighted by their images."""
    draws: dict[int, list[tuple[float, int]]] = {}
    for (draw, _), (score, _, n_test, _) in scores.items():
        draws.setdefault(draw, []).append((score, n_test))
    return {d: float(np.average([s for s, _ in runs], weights=[n for _, n in runs])) for d, runs in draws.items()}


def cell(own: Scores, control: Scores | None, *, resplit: bool) -> str:
    """Mean, interval, worst draw; and the paired difference where the control ran on the same draws."""
    draws = of_draws(own)
    mean = float(np.mean(list(draws.values())))
    scores, train, test, shared = np.array(list(own.values())).T
    ratio = float(train.mean() / test.mean())
    overlap = max(min(ratio, 1 / ratio) if resplit else 0.0, float(shared.mean()))
    low, high, _ = mean_interval(scores, overlap, center=mean)
    low, high = float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))
    text = cells.score(mean, low, high, min(draws.values()))
    if control is not None and control is not own and own.keys() <= control.keys():
        pairs = np.array([own[k][0] - control[k][0] for k in sorted(own)])
        gain = mean - float(np.mean(list(of_draws({k: control[k] for k in own}).values())))
        low, high, _ = mean_interval(pairs, overlap, center=gain)
        known = high > low  # neither one run, nor a few that agree to the last image and say nothing of the spread
        low, high = (low, high) if known else (np.nan, np.nan)
        text += cells.difference(gain, low, high, bold=low > 0 or high < 0)
    return text + ("" if len(draws) >= 5 else f"<br>{len(draws)} draw{'s' * (len(draws) > 1)}")


def section(plan: Plan, lines: Sequence[Mapping[str, Any]]) -> str:
    """One table in Markdown; what is not measured is left blank."""
    found = gather(lines, plan.metric, plan.since, varied=plan.varied, pool=plan.pool)
    columns = sorted({c for of in found.scores.values() for c in of}, key=lambda c: (c[1] or 0, c[0] or 0))
    heads = [heading(c) for c in columns]
    rows = [f"| {' | '.join([plan.metric.replace('_', ' '), *heads])} |", f"|{'---|' * (len(columns) + 1)}"]
    control = found.scores.get(plan.control, {})
    for name in sorted(found.scores, key=lambda n: n != plan.control):
        own = found.scores[name]
        texts = [cell(own[c], control.get(c), resplit=plan.resplit) if c in own else "" for c in columns]
        rows.append(f"| {' | '.join([f'`{name}`', *texts])} |")
    for name, values in plan.paper.items():
        rows.append(f"| *{name}* | {' | '.join(str(values.get(h, '')) for h in heads)} |")
    rows += by_thirds(plan, lines, columns)
    shown = [line for line in lines if line.get("time", plan.since) >= plan.since]
    commits = sorted({str(line["commit"]).removesuffix("+changes") for line in shown})
    below = f"Control: `{plan.control}`. Commits: {', '.join(commits)}."
    if found.older:
        below += f" {found.older} runs of recipes that have changed since are left out."
    return "\n".join([f"## {plan.title}", "", plan.text.strip(), "", *rows, "", below, ""])


def _begins(name: str, starts: str | Sequence[str]) -> bool:
    return name.startswith((starts,) if isinstance(starts, str) else tuple(starts))


def by_thirds(plan: Plan, lines: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> list[str]:
    """A second table where classes are unequal in training: mean recall of the larger, medium and smaller thirds."""
    runs: dict[str, dict[Column, dict[tuple[int, int | None], list[float]]]] = {}
    for line in newest(lines, varied=plan.varied):
        counts = np.array(line.get("counts") or [0], dtype=float)
        if "recalls" not in line or not uneven(counts):
            continue
        recalls = np.array(line["recalls"], dtype=float)
        place = runs.setdefault(called(line), {}).setdefault(column_of(line), {})
        place[line["draw"], line["fold"]] = [float(np.nanmean(recalls[own])) for own in thirds(counts)]
    if not runs:
        return []
    used = [c for c in columns if any(c in of for of in runs.values())]
    rows = ["", f"| recall, mean over classes | {' | '.join(f'{heading(c)}: {t}' for c in used for t in THIRDS)} |"]
    rows.append(f"|{'---|' * (3 * len(used) + 1)}")
    for name in sorted(runs, key=lambda n: n != plan.control):
        found = [np.mean(list(runs[name][c].values()), axis=0) if c in runs[name] else [] for c in used]
        texts = [text for own in found for text in (map(percent, own) if len(own) else [""] * 3)]
        rows.append(f"| {' | '.join([f'`{name}`', *texts])} |")
    return rows


def heading(column: Column) -> str:
    """A column's name."""
    per_class, ratio = column
    name = cells.images(per_class)
    return name if ratio is None else f"{name}, ratio {ratio:g}"


def speed(lines: Sequence[Mapping[str, Any]]) -> str:
    """The newest measurement of every ratio."""
    newest: dict[tuple[str, str], tuple[list[float], Mapping[str, Any]]] = {}
    for line in lines:
        for what, ratio in line.get("ratios", {}).items():
            newest[line["part"], what.strip()] = (ratio, line)
    rows = ["| part | ratio | median | least to most | commit |", "|---|---|---|---|---|"]
    for (part, what), (ratio, line) in newest.items():
        rows.append(f"| {part} | {what} | {ratio[0]:.2f} | {ratio[1]:.2f} to {ratio[2]:.2f} | {line['commit']} |")
    text = "Ratios within one run, newest measurement of each; see `bench/README.md`."
    return "\n".join(["## Speed", "", text, "", *rows, ""])


def document(results: Path = RESULTS, plan: Path = PLAN) -> str:
    """The whole page."""
    wanted = tomllib.loads(plan.read_text(encoding="utf-8"))
    parts = [HEAD]
    for table in (Plan(**how) for how in wanted["tables"]):
        lines = read(results / f"{table.log or table.name}.jsonl")
        lines = [line for line in lines if table.data in ("", line.get("data")) and _begins(line["name"], table.rows)]
        if lines:
            parts.append(section(table, lines))
    for summary in (Summary(**how) for how in wanted["summaries"]):
        lines = read(results / f"{summary.log}.jsonl")
        if lines:
            parts.append(summary.section(lines))
    for comparison in (Compared(**how) for how in wanted["comparisons"]):
        path = results / f"{comparison.log}.json"
        if path.exists():
            parts.append(comparison.section(json.loads(path.read_text(encoding="utf-8"))))
    ratios = read(results / "speed.jsonl")
    return "\n".join([*parts, *([speed(ratios)] if ratios else [])])


def read(path: Path) -> list[dict[str, Any]]:
    """A log's lines; none where there is no log."""
    return [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
    print(PAGE.relative_to(PAGE.parents[1]))
