"""Automatic run: check the data, select a recipe, train it, score it, predict what has no label, and report."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from handful.automl.advice import more_images, more_time, unlabelled_images, weakest_class
from handful.automl.budget import RESERVE, SECONDS, Budget
from handful.automl.candidates import DESCRIPTIONS, choose_candidates, describe
from handful.automl.related import TiedData, tie_related
from handful.automl.report import write_report
from handful.automl.result import Advice, ClassScore, HonestScore, RunResult, Tried, as_values
from handful.automl.score import (
    NOTHING,
    class_scores,
    cross_validated_score,
    held_out_score,
    scored_run,
    without_optimism,
)
from handful.automl.select import REPEATS, Selection, select
from handful.comparison.plan import PLAN, claim_folder
from handful.core.dataset import Dataset
from handful.core.files import lock_output, refuse_foreign, write_atomically
from handful.core.progress import Progress
from handful.core.result import Result
from handful.core.text import capitalize
from handful.data.fingerprint import fingerprint
from handful.data.left_out import warn_left_out
from handful.data.load import ReadOptions, read_dataset
from handful.data.splits import draw, random_key, training_split
from handful.deployment.predict_table import predict_table
from handful.errors import DataError
from handful.evaluation.score_table import pooled_accuracy
from handful.inspection.quick_check import quick_findings
from handful.models.classifier import Classifier
from handful.models.device import select_device
from handful.recipes.load import load_recipe
from handful.reports.card_scores import card_scores
from handful.saving.classifier import save_classifier
from handful.saving.model_card import CARD, data_facts
from handful.saving.model_folder import MODEL
from handful.training.train import train

VALUES, LOG, PAGE = "run.json", "results.jsonl", "report.html"
TABLE = "predictions.csv"
OURS = (PLAN, VALUES, LOG, "results-predictions", PAGE, MODEL, TABLE, CARD)
MOST_SCORED = 1000  # images of a draw that are scored
MOST_DOUBTS = 3  # that are said; `handful inspect` shows all

Say = Callable[[str], None]


@dataclass(frozen=True)
class _Settings:
    """What a run does, beside its data and its folder."""

    per_class: int | None
    seed: int
    jobs: int | None
    device: str
    progress: bool
    say: Say


def run(
    source: str | Path | Dataset,
    folder: str | Path,
    *,
    options: ReadOptions | None = None,
    seconds: float = SECONDS,
    per_class: int | None = None,
    seed: int = 0,
    jobs: int | None = None,
    device: str = "auto",
    overwrite: bool = False,
    progress: bool = True,
    on_message: Say = lambda _: None,
) -> RunResult:
    """From images to a classifier, an honest score and a report: what `handful run` does.

    Copies and images of one subject are tied into groups first, so that none is both learned from and scored. Recipes
    that suit the images are cross-validated on the training images, cheapest first; the best one is trained on all of
    them. Its score is measured on a test part if the data has one, and on held-out images otherwise, corrected for
    having been the best of several (`handful.evaluation.selection_bias`).

    The same call continues a run that was stopped.

    Args:
        source: as for `load_data`, or a data set.
        folder: gets the model in `model/`, `report.html`, `CARD.md`, `run.json` and, where images have no label,
            `predictions.csv`.
        options: how the source is read.
        seconds: wall time; work that has begun is finished.
        per_class: learn from this many images per class alone, and score on others, for five draws if time allows.
        seed: number of the first repeat or draw; seeds the training.
        jobs: training runs of networks at a time; None: one per core. A script that asks for several needs
            `if __name__ == "__main__":`.
        device: as for `train`.
        overwrite: replace another run in `folder`.
        progress: show progress bars.
        on_message: called with sentences about what was found and what is going on.

    Raises:
        DataError, OutputError, ProtocolError: before anything is trained.

    Example:
        >>> from handful import load_data, run
        >>> digits = load_data("digits").select(range(60))
        >>> result = run(digits, "digits-run", seconds=20, device="cpu", progress=False)
        >>> (result.folder / "report.html").exists()
        True
    """
    budget = Budget(seconds)
    folder, settings = Path(folder), _Settings(per_class, seed, jobs, select_device(device), progress, on_message)
    refuse_foreign(folder, ours=OURS)
    data = source if isinstance(source, Dataset) else read_dataset(source, options or ReadOptions())
    if data is not source:
        warn_left_out(data)
    on_message(_found(data))
    with lock_output(folder):
        plan = {"data": fingerprint(data), "per_class": per_class, "seed": seed}
        claim_folder(folder, plan, ours=OURS, overwrite=overwrite)
        return _run(data, folder, budget, settings)


def _run(data: Dataset, folder: Path, budget: Budget, settings: _Settings) -> RunResult:
    """The run in a folder that is claimed."""
    with Progress(len(data), "looking at the images", shown=settings.progress, loss=False) as bar:
        tied = tie_related(data, device=settings.device, advance=lambda: bar.advance(np.nan))
    doubts = (*tied.notes, *_doubts(tied))
    for doubt in doubts:
        settings.say(doubt)
    learn = _by_draws if settings.per_class is not None else _from_all
    outcome = learn(tied.data, folder, budget, settings)
    result = _finish(outcome, tied, doubts, folder, budget, settings)
    with write_atomically(folder / VALUES) as draft:
        draft.write_text(json.dumps(as_values(result), indent=1, ensure_ascii=False), encoding="utf-8")
    return result


@dataclass(frozen=True, eq=False)
class _Outcome:
    """A trained classifier, the data that it learned from, how it was selected, and the predictions that score it."""

    classifier: Classifier
    learned: Dataset
    selection: Selection
    result: Result | None
    score: HonestScore


def _from_all(data: Dataset, folder: Path, budget: Budget, settings: _Settings) -> _Outcome:
    """Select, train on all training images, and score on the test part or by the cross-validation."""
    pool, test = training_split(data), data.split("test")
    test = test.select([i for i, s in enumerate(test.samples) if s.label is not None])
    selection = _select(pool, folder, budget, settings, repeats=REPEATS, seed=settings.seed)
    classifier, learned = _train(selection, pool, settings, seed=settings.seed)
    if len(test):
        run_ = scored_run(classifier, learned, test, number=settings.seed, seconds=classifier.card["seconds"])
        result = Result(selection.candidate.recipe, data.classes, (run_,))
        return _Outcome(classifier, learned, selection, result, held_out_score(result, data))
    if selection.result is None or selection.score is None:
        return _Outcome(classifier, learned, selection, None, NOTHING)
    score = cross_validated_score(selection.result, selection.score)
    return _Outcome(classifier, learned, selection, selection.result, score)


def _by_draws(data: Dataset, folder: Path, budget: Budget, settings: _Settings) -> _Outcome:
    """Select and train on a few images of each class, and score on others; again for other draws while time allows.

    The selection is part of each draw: no draw knows of another, or of the images that it is scored on.
    """
    assert settings.per_class is not None
    first: tuple[Classifier, Dataset, Selection] | None = None
    runs = []
    for number in range(REPEATS):
        if number and budget.spent * (number + 1) / number > (1 - RESERVE) * budget.seconds:
            break
        train_part, rest = draw(data, settings.per_class, settings.seed + number)
        test = data.split("test") if len(data.split("test")) else rest
        test = _some(test, MOST_SCORED)
        selection = _select(train_part, folder, budget, settings, repeats=1, seed=settings.seed + number)
        classifier, learned = _train(selection, train_part, settings, seed=settings.seed + number)
        seconds = classifier.card["seconds"]
        runs.append(scored_run(classifier, learned, test, number=settings.seed + number, seconds=seconds))
        first = first or (classifier, learned, selection)
    assert first is not None
    classifier, learned, selection = first
    result = Result(selection.candidate.recipe, data.classes, tuple(runs))
    return _Outcome(classifier, learned, selection, result, held_out_score(result, data, drawn=True))


def _select(pool: Dataset, folder: Path, budget: Budget, settings: _Settings, *, repeats: int, seed: int) -> Selection:
    return select(
        choose_candidates(pool),
        pool,
        budget,
        log=folder / LOG,
        seed=seed,
        repeats=repeats,
        jobs=settings.jobs,
        device=settings.device,
        progress=settings.progress,
        on_message=settings.say,
    )


def _train(selection: Selection, pool: Dataset, settings: _Settings, *, seed: int) -> tuple[Classifier, Dataset]:
    """The selected recipe trained on every labelled image, and on those without a label if it uses them."""
    data = pool
    if not selection.candidate.unlabelled:
        data = pool.select([i for i, s in enumerate(pool.samples) if s.label is not None])
    recipe = selection.candidate.recipe
    return train(recipe, data, seed=seed, device=settings.device, progress=settings.progress), data


def _finish(
    outcome: _Outcome, tied: TiedData, doubts: tuple[str, ...], folder: Path, budget: Budget, settings: _Settings
) -> RunResult:
    """Save the model and its card, predict what has no label, find out what would help, and write the report."""
    selection, data = outcome.selection, tied.data
    classifier = _with_scores(outcome)
    save_classifier(classifier, folder / MODEL, overwrite=True)
    shutil.copyfile(folder / MODEL / CARD, folder / CARD)
    unlabelled = data.select([i for i, s in enumerate(data.samples) if s.label is None])
    predicted: Mapping[str, int] = {}
    if len(unlabelled):
        with Progress(len(unlabelled), "predicting", shown=settings.progress, loss=False) as bar:
            predicted = predict_table(
                classifier,
                unlabelled,
                folder / TABLE,
                overwrite=True,
                advance=lambda n: bar.advance(np.nan, n),
            )
    classes = class_scores(outcome.result, outcome.learned)
    result = RunResult(
        folder=folder,
        images=int(outcome.learned.counts.sum()),
        unlabelled=len(unlabelled),
        masks=sum(s.mask is not None for s in outcome.learned.samples),
        doubts=doubts,
        recipe=selection.candidate.recipe.name,
        description=describe(selection.candidate.recipe.name),
        score=outcome.score,
        classes=classes,
        tried=_tried(selection),
        not_tried=selection.not_tried,
        advice=_advice(outcome, classes, settings),
        predicted=predicted,
        seconds=round(budget.spent, 1),
        result=outcome.result,
    )
    write_report(result, folder / PAGE, data=data, overwrite=True)
    return result


def _with_scores(outcome: _Outcome) -> Classifier:
    """The classifier, its card completed by the data and the scores."""
    entries: dict[str, Any] = {} if outcome.result is None else card_scores(outcome.result)
    if outcome.score.scored_by == "cross-validation":
        entries = without_optimism(entries, outcome.selection.score, len(outcome.selection.results))
    card = {**outcome.classifier.card, "data": data_facts(outcome.learned), **entries}
    return replace(outcome.classifier, card=card)


def _tried(selection: Selection) -> tuple[Tried, ...]:
    rows = []
    for candidate, result in zip(selection.tried, selection.results, strict=True):
        name = candidate.recipe.name
        seconds = float(np.mean([run.seconds for run in result.runs]))
        rows.append(
            Tried(name, describe(name), pooled_accuracy(result.runs), seconds, name == selection.candidate.recipe.name)
        )
    return tuple(rows)


def _advice(outcome: _Outcome, classes: Sequence[ClassScore], settings: _Settings) -> tuple[Advice, ...]:
    """What would help: measured gains first, the largest of them first."""
    selection, found = outcome.selection, []
    result = selection.result
    if result is not None and not selection.candidate.trained:
        found.append(more_images(result, outcome.learned, device=settings.device))
        names = {c.recipe.name for c in selection.tried}
        if not selection.candidate.unlabelled and "logistic" in names and "pseudo-labels" not in names:
            spread = load_recipe("pseudo-labels")
            found.append(unlabelled_images(spread, outcome.learned, result, device=settings.device))
    measured = sorted((a for a in found if a is not None), key=lambda a: -a.gain)
    others = (weakest_class(classes), more_time(selection.not_tried, DESCRIPTIONS))
    return (*measured, *(a for a in others if a is not None))


def _found(data: Dataset) -> str:
    """What was read, in a sentence."""
    pool = training_split(data)
    counts = pool.counts
    labelled = int(counts.sum())
    if not labelled:
        raise DataError("no image has a label", where="the data", remedy="put images into folders named after classes.")
    spread = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    text = f"Found {labelled} images of {len(data.classes)} classes ({spread} of each)"
    parts = (
        (sum(s.label is None for s in data.samples), "without a label"),
        (sum(s.mask is not None for s in pool.samples), "with a mask"),
        (int(data.split("test").counts.sum()), "to test on"),
    )
    further = [f"{n} {what}" for n, what in parts if n]
    return text + (f"; {', '.join(further)}." if further else ".")


def _doubts(tied: TiedData) -> tuple[str, ...]:
    """What the images' statistics say against them; copies have been dealt with."""
    findings = quick_findings(tied.measurements.data, tied.measurements.statistics)
    shown = [f for f in findings if f.severity != "note" and "duplicate" not in f.kind]
    return tuple(f"{capitalize(f.message)}. To do: {f.remedy}." for f in shown[:MOST_DOUBTS])


def _some(data: Dataset, most: int) -> Dataset:
    """At most so many of the labelled samples, the same ones each time."""
    labelled = [i for i, s in enumerate(data.samples) if s.label is not None]
    chosen = sorted(labelled, key=lambda i: random_key(0, data.samples[i].id))[:most]
    return data.select(sorted(chosen))
