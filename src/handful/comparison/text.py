"""A comparison as plain text for a terminal: the answer, then rankings, differences, costs and reasons."""

from collections.abc import Sequence

import numpy as np

from handful.comparison.result import ALPHA, ComparisonResult, RankedRecipe, RecipePair, SizeResult, TuningResult
from handful.core.text import wrap
from handful.evaluation.levels import summarise_levels
from handful.evaluation.statistics import METRIC_NAMES
from handful.reports.level_tables import format_levels
from handful.reports.text_tables import (
    HEADS,
    format_interval,
    format_probability,
    interval_notes,
    layout_table,
    percent,
    signed,
    signed_interval,
)


def format_comparison(comparison: ComparisonResult, *, width: int = 80) -> str:
    """The whole comparison in lines of at most `width` columns (48 or more)."""
    blocks = [wrap(comparison.answer, width)]
    for level in comparison.levels:
        blocks += [[_title(level)], _ranking(level, width)]
        if groups := summarise_levels(level.results, level.metric):
            blocks.append(format_levels(groups, width=width).splitlines())
        if level.pairs:
            blocks.append(_differences(level, width))
        if level.harms:
            blocks.append(_harms(level, width))
        if level.outlook is not None:
            blocks.append(wrap(level.outlook.says, width))
        blocks.append(_cost(level, comparison, width))
    blocks += [_tuning(comparison, width), _candidates(comparison, width)]
    blocks += [wrap(note, width) for note in comparison.notes]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _title(level: SizeResult) -> str:
    return "All labelled images" if level.per_class is None else f"M = {level.per_class} labelled images per class"


def _ranking(level: SizeResult, width: int) -> list[str]:
    heads = ("draws", HEADS[level.metric], "95 % interval", "worst")
    rows = [e.summary for e in level.entries]
    cells = [(str(r.draws), percent(r.mean), format_interval(r.low, r.high), percent(r.worst)) for r in rows]
    names = [(_named(e),) for e in level.entries]
    tests = sorted({r.n_test for r in rows})
    count = str(tests[0]) if len(tests) == 1 else f"{tests[0]} to {tests[-1]}"
    note = f"percent {METRIC_NAMES[level.metric]}, best first; *: a control; scored on {count} images per run; "
    return [
        *layout_table(names, "recipe", heads, cells, width),
        "",
        *wrap(note + "; ".join(interval_notes(rows)) + ".", width),
    ]


def _named(entry: RankedRecipe) -> str:
    return f"{entry.rank} {entry.recipe}{' *' if entry.role == 'control' else ''}"


def shown_pairs(level: SizeResult) -> list[RecipePair]:
    """The pairs that are shown: the best recipe and the others, then the other methods and the best control."""
    best, control = level.best.recipe, level.control
    pairs = [level.pair(best, e.recipe) for e in level.entries[1:]]
    if control not in (None, best):
        methods = [e.recipe for e in level.entries[1:] if e.role == "method"]
        pairs += [level.pair(name, str(control)) for name in methods]
    return pairs


def _differences(level: SizeResult, width: int) -> list[str]:
    heads = ("A - B", "95 % interval", "A wins", "p", "verdict")
    pairs = shown_pairs(level)
    cells = []
    for pair in pairs:
        c = pair.comparison
        cells.append(
            (
                signed(c.mean),
                signed_interval(c.low, c.high),
                format_probability(pair.probability),
                p_value(pair.p_adjusted),
                "A better" if pair.separable else "not sep.",
            )
        )
    names = [(f"A {p.comparison.a}", f"B {p.comparison.b}") for p in pairs]
    note = (
        f"points of {METRIC_NAMES[level.metric]} on identical draws; A wins: probability on a new draw; p: "
        f"Holm-corrected over all {len(level.pairs)} pairs; A better: p below {ALPHA}, and the bootstrap interval over "
        "draws and test images excludes zero; not sep.: not separable. Each 95 % interval is for its pair alone."
    )
    return [*layout_table(names, "recipes", heads, cells, width), "", *wrap(note, width)]


def p_value(value: float) -> str:
    """A p value with two significant digits."""
    return "n/a" if np.isnan(value) else "<0.001" if value < 0.001 else f"{value:.2g}"


def _harms(level: SizeResult, width: int) -> list[str]:
    worse, several = [h for h in level.harms if h.worse], level.metric == "mean_average_precision"
    of_class = "average precision" if several else "recall"
    if not worse:
        classes = len({h.name for h in level.harms})
        text = f"No class has a significantly lower {of_class} than with {level.control}, the best control"
        return wrap(f"{text} (Holm-corrected over each method's {classes} classes).", width)
    heads = ("class", "images", "AP" if several else "recall", "95 % interval")
    cells = [(h.name, str(h.images), signed(h.mean), signed_interval(h.low, h.high)) for h in worse]
    note = (
        f"classes with a significantly lower {of_class} than with {level.control}, the best control (Holm-corrected "
        f"over each method's classes); points of {of_class}."
    )
    body = layout_table([(h.recipe,) for h in worse], "recipe", heads, cells, width)
    return [*body, "", *wrap(note, width)]


def _cost(level: SizeResult, comparison: ComparisonResult, width: int) -> list[str]:
    heads = ("label min", "mask min", "tune s", "train s")
    cells = [
        (f"{e.label_minutes:.1f}", f"{e.mask_minutes:.1f}", f"{e.tuning_seconds:.1f}", f"{e.train_seconds:.1f}")
        for e in level.entries
    ]
    times = comparison.times
    note = (
        f"annotation minutes for one training set ({times.label:g} s per label, {times.mask:g} s per mask); mean "
        "seconds of tuning and of training per draw."
    )
    return [*layout_table([(_named(e),) for e in level.entries], "cost", heads, cells, width), "", *wrap(note, width)]


def _tuning(comparison: ComparisonResult, width: int) -> list[str]:
    """What tuning cost, and the settings that it chose."""
    names = list(dict.fromkeys(s.recipe for s in comparison.studies))
    cells, by_recipe = [], {}
    for name in names:
        studies = [s for s in comparison.studies if s.recipe == name]
        tuned = sum(bool(s.values) for s in studies)
        trials = [s.trials for s in studies]
        cells.append(
            (
                _range(trials),
                str(sum(s.pruned for s in studies)),
                str(sum(s.steps for s in studies)),
                f"{sum(s.seconds for s in studies):.0f}",
                f"{tuned} of {len(studies)}",
            )
        )
        by_recipe[name] = studies
    heads = ("trials", "pruned", "steps", "seconds", "changed")
    budget = comparison.budget
    spending = (
        f"{budget.trials} {'trial' if budget.trials == 1 else 'trials'} per draw"
        if budget.trials is not None
        else (f"{budget.share:.0f} s of training per draw" if budget.share is not None else "none")
    )
    note = (
        f"tuning on each draw's training images only; budget of each recipe: {spending}. Trials are per draw, the "
        "other columns totals; changed: draws in which tuning changed the recipe's settings."
    )
    body = layout_table([(n,) for n in names], "tuning", heads, cells, width)
    lines = [*body, "", *wrap(note, width)]
    for name, studies in by_recipe.items():
        lines += _settings(name, studies, width)
    return lines


def _settings(name: str, studies: Sequence[TuningResult], width: int) -> list[str]:
    return [line for text in settings_taken(studies) for line in wrap(f"{name}: {text}", width)]


def settings_taken(studies: Sequence[TuningResult]) -> list[str]:
    """The settings that tuning chose, each once; where it chose none, the reason to keep the recipe's own."""
    changed = [", ".join(f"{k} {_short(v)}" for k, v in s.values.items()) for s in studies if s.values]
    return list(dict.fromkeys(changed or [f"{s.why}." for s in studies]))


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def _candidates(comparison: ComparisonResult, width: int) -> list[str]:
    """Which recipes were compared and which were not, with the reasons."""
    lines = []
    for candidate in comparison.candidates:
        mark = "in" if candidate.taken else "out"
        lines += wrap(f"{mark} {candidate.recipe}: {candidate.why}", width)
    return lines
