"""What HTML pages share: templates, recalls and confusions, images, and how to reproduce them."""

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup, escape

from handful.core.dataset import Dataset
from handful.core.files import write_atomically
from handful.core.result import Result
from handful.core.templating import environment
from handful.core.text import capitalize, in_words, shorten_middle
from handful.data.fingerprint import fingerprint as data_fingerprint
from handful.evaluation.confusion import confusion_counts, confusion_matrix
from handful.evaluation.statistics import class_recalls
from handful.evaluation.versions import commit, versions
from handful.models.classifier import Classifier
from handful.recipes.write import fingerprint
from handful.reports import gallery
from handful.reports.glossary import MEANINGS, explain_terms, term
from handful.reports.text_tables import format_interval, image_range, images_per_class, percent, signed, verdict

MOST_IN_MATRIX = 20  # classes beyond which the largest confusions are listed instead
MOST_CONFUSIONS = 10  # that are listed
LONGEST = 80  # characters of a path or name that are shown; the whole is in its tooltip


def write_page(path: Path, template: str, values: Mapping[str, Any]) -> Path:
    """Render a template of `reports/templates` to `path`; parent folders are created."""
    text = _with_filters().get_template(template).render(values)
    with write_atomically(path) as draft:
        draft.write_text(text, encoding="utf-8")
    return path


def _with_filters() -> Environment:
    templates = environment("handful.reports")
    templates.filters.update(
        amount=images_per_class,
        images=image_range,
        in_words=in_words,
        name=breakable_name,
        caption=breakable_caption,
        path=breakable_path,
        percent=percent,
        sentence=capitalize,
        signed=signed_points,
        terms=partial(explain_terms, plain=breakable_words),
        verdict=verdict,
        words=breakable_words,
    )
    templates.globals.update(span=format_interval, term=term, meanings=MEANINGS)
    return templates


def breakable_path(path: str) -> Markup:
    """A path for a narrow caption: broken after its folders and underscores, long pieces shortened in the middle."""
    return _breakable(path, piece=16)


def breakable_caption(name: str) -> Markup:
    """The name of a class below a small picture."""
    return _breakable(name, piece=13)


def breakable_name(name: str) -> Markup:
    """The name of a class or recipe for a cell or heading: as a path, with longer pieces left whole."""
    return _breakable(name, piece=24)


def breakable_words(text: str) -> Markup:
    """A sentence in which long words, such as paths, are broken and shortened as names are."""
    if isinstance(text, Markup):
        return text
    return Markup("").join(breakable_name(w) if len(w) > 24 else escape(w) for w in re.split(r"(\s+)", text))


def _breakable(text: str, *, piece: int) -> Markup:
    pieces = re.split(r"(?<=[/_ -])", shorten_middle(text, LONGEST))
    short = [shorten_middle(part, piece) for part in pieces]
    joined = Markup("").join(part + Markup("<wbr>") if part[-1:] in ("/", "_") else escape(part) for part in short)
    return joined if "".join(short) == text else Markup('<span title="{}">{}</span>').format(text, joined)


def recalls(result: Result) -> list[dict[str, Any]]:
    """Recall of each class as plain values; with many classes, the worst first."""
    rows = class_recalls(result)
    if len(rows) > MOST_IN_MATRIX:
        rows.sort(key=lambda r: r.mean)
    return [vars(r) for r in rows]


def confusion_table(result: Result) -> list[tuple[str, list[tuple[float, float]]]] | None:
    """Rows: of the images of a class, share and number predicted as each class; None with too many classes to read."""
    if len(result.classes) > MOST_IN_MATRIX:
        return None
    shares, counts = confusion_matrix(result).tolist(), confusion_counts(result).tolist()
    cells = [list(zip(*row, strict=True)) for row in zip(shares, counts, strict=True)]
    return list(zip(result.classes, cells, strict=True))


def gallery_values(result: Result, data: Dataset | None, classifier: Classifier | None) -> dict[str, Any]:
    """Worst mistakes of a result and, with a classifier, examples of its predictions; empty without data."""
    if data is None:
        return {"examples": [], "mistakes": [], "legend": [], "seed": None, "recipe": None}
    seed = None if classifier is None else classifier.card.get("seed")
    run = next((r for r in result.runs if r.seed == seed), result.runs[0])
    part = gallery.examples(data, run.ids)
    examples = [] if classifier is None else gallery.show_examples(part, classifier)
    mistakes = gallery.show_mistakes(gallery.worst_mistakes(result), data, classifier)
    segments = any(e.overlay for e in examples)
    return {
        "examples": examples,
        "mistakes": mistakes,
        "legend": gallery.legend(data.classes) if segments else [],
        "seed": seed,
        "recipe": None if classifier is None else classifier.recipe.name,
    }


def reproduction(results: Sequence[Result], data: Dataset | None, command: str | None) -> list[tuple[str, str]]:
    """How to reproduce the results, as names and values. `command`: by default that of this process."""
    command = typed_command() if command is None else command
    draws = sorted({r.draw for result in results for r in result.runs})
    folds = {r.fold for result in results for r in result.runs} - {None}
    rows = [("Command", command)]
    rows.append(("Draws", ", ".join(map(str, draws)) + (f"; {len(folds)} folds each" if folds else "")))
    if data is not None:
        parts = {p: sum(s.split == p for s in data.samples) for p in ("train", "val", "test", None)}
        counts = ", ".join(f"{n} {p or 'without a split'}" for p, n in parts.items() if n)
        rows.append(("Data", f"{data_fingerprint(data)} ({len(data)} images: {counts}; {data.count_of_classes})"))
    recipes = {result.recipe.name: fingerprint(result.recipe) for result in results}
    rows.append(("Recipes", ", ".join(f"{name} {mark}" for name, mark in recipes.items())))
    seconds = [r.seconds for result in results for r in result.runs]
    spent = f"{len(seconds)} runs, {duration(sum(seconds))} together, {duration(max(seconds))} the longest"
    rows.append(("Training", spent if len(seconds) > 1 else f"1 run, {duration(seconds[0])}"))
    rows.append(("Source", commit()))
    rows.append(("Versions", ", ".join(f"{name} {version}" for name, version in versions().items())))
    return [(name, re.sub(r"\s+", " ", value)) for name, value in rows if value]


def signed_points(value: float) -> str:
    """A difference of shares in points, with a true minus sign."""
    return signed(value).replace("-", "\u2212")


def typed_command() -> str:
    """The command line of this process, if it is `handful` or `python -m` and a package; else ""."""
    program = Path(sys.argv[0])
    module = program.name == "__main__.py"
    name = program.parent.name if module else program.name
    if name != "handful" and not module:
        return ""
    return shlex.join([*(() if name == "handful" else ("python", "-m")), name, *sys.argv[1:]])


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, as suits."""
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 90 else f"{seconds:.1f} s"
