"""Selection and training of an automatic run: once on all training images, or again for each of several draws."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from handful._version import __version__
from handful.automl.budget import RESERVE, Budget
from handful.automl.calibration import with_temperature
from handful.automl.candidates import Requested, candidates_of, describe
from handful.automl.result import LOG, HonestScore, RunResult
from handful.automl.score import NOTHING, cross_validated_score, held_out_score, scored_run
from handful.automl.select import REPEATS, Selection, select
from handful.core.dataset import Dataset
from handful.core.progress import Stages
from handful.core.recipe import Recipe
from handful.core.result import Result
from handful.data.splits import draw, random_key, training_split
from handful.evaluation.leaks import without_leaks
from handful.evaluation.levels import levels_of
from handful.models.classifier import Classifier
from handful.recipes.write import fingerprint
from handful.saving.classifier import load_classifier
from handful.saving.model_card import data_facts
from handful.saving.model_folder import MODEL, is_model
from handful.training.train import train

MOST_SCORED = 1000  # images of a draw that are scored

Say = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """Options of a run."""

    per_class: int | None
    requested: Requested
    seed: int
    jobs: int | None
    device: str
    progress: bool
    say: Say
    stages: Stages
    on_answer: Callable[[RunResult], None]
    name: str
    normal_class: str | None
    inspection: str


@dataclass(frozen=True, eq=False)
class Outcome:
    """A trained classifier, the data that it learned from, how it was selected, and the predictions that score it."""

    classifier: Classifier
    learned: Dataset
    selection: Selection
    result: Result | None
    score: HonestScore


def learn_from_all(data: Dataset, folder: Path, budget: Budget, settings: Settings) -> Outcome:
    """Select, train on all training images, and score on the test part or by the cross-validation."""
    pool, test = training_split(data), data.split("test")
    test = test.select([i for i, s in enumerate(test.samples) if s.label is not None])
    with settings.stages.stage("comparing methods"):
        selection = _select(pool, folder, budget, settings, repeats=REPEATS, seed=settings.seed)
    with settings.stages.stage("training on all images"):
        settings.stages.describe(describe(selection.candidate.recipe))
        classifier, learned = _train(selection, pool, settings, seed=settings.seed, scored=test, before=folder / MODEL)
    if len(test):
        run_ = scored_run(classifier, learned, test, number=settings.seed, seconds=classifier.card["seconds"])
        result = Result(selection.candidate.recipe, data.classes, (run_,), levels_of(data.tree, data.classes))
        return Outcome(classifier, learned, selection, result, held_out_score(result, data))
    if selection.result is None or selection.score is None:
        return Outcome(classifier, learned, selection, None, NOTHING)
    score = cross_validated_score(selection.result, selection.score, tried=len(selection.tried))
    return Outcome(classifier, learned, selection, selection.result, score)


def learn_from_draws(data: Dataset, folder: Path, budget: Budget, settings: Settings) -> Outcome:
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
        seed = settings.seed + number
        with settings.stages.stage(f"learning from {settings.per_class} of each class, time {number + 1}"):
            selection = _select(train_part, folder, budget, settings, repeats=1, seed=seed)
            settings.stages.describe(f"training: {describe(selection.candidate.recipe)}")
            classifier, learned = _train(selection, train_part, settings, seed=seed, scored=test)
            seconds = classifier.card["seconds"]
            runs.append(scored_run(classifier, learned, test, number=seed, seconds=seconds))
        first = first or (classifier, learned, selection)
    assert first is not None
    classifier, learned, selection = first
    result = Result(selection.candidate.recipe, data.classes, tuple(runs), levels_of(data.tree, data.classes))
    return Outcome(classifier, learned, selection, result, held_out_score(result, data, drawn=True))


def _select(pool: Dataset, folder: Path, budget: Budget, settings: Settings, *, repeats: int, seed: int) -> Selection:
    return select(
        candidates_of(pool, settings.requested),
        pool,
        budget,
        log=folder / LOG,
        seed=seed,
        repeats=repeats,
        jobs=settings.jobs,
        device=settings.device,
        progress=settings.progress,
        on_message=settings.say,
        on_candidate=settings.stages.describe,
    )


def _train(
    selection: Selection,
    pool: Dataset,
    settings: Settings,
    *,
    seed: int,
    scored: Dataset,
    before: Path | None = None,
) -> tuple[Classifier, Dataset]:
    """The selected recipe trained on every labelled image, and on those without a label if it uses them; calibrated.

    Propagated masks are made again if the model behind them may have seen an image of `scored`. A network that an
    earlier call trained in the same way is taken from the folder `before`.
    """
    data = pool
    if not selection.candidate.unlabelled:
        data = pool.supervised()
    recipe, data = without_leaks(selection.candidate.recipe, data, scored)
    if selection.candidate.trained and before is not None and is_model(before):
        trained = load_classifier(before, device=settings.device)
        if _is_same(trained, recipe, data, seed=seed):
            return trained, data
    classifier = train(recipe, data, seed=seed, device=settings.device, progress=settings.progress)
    return with_temperature(classifier, selection), data


def _is_same(classifier: Classifier, recipe: Recipe, data: Dataset, *, seed: int) -> bool:
    """Whether training would give this classifier."""
    card = classifier.card
    learned = {**card.get("data", {}), "seed": card["seed"], "handful": card["handful"]}
    wanted = {**data_facts(data), "seed": seed, "handful": __version__}
    return learned == wanted and fingerprint(classifier.recipe) == fingerprint(recipe)


def _some(data: Dataset, most: int) -> Dataset:
    """At most so many of the labelled samples, the same ones each time."""
    labelled = [i for i, s in enumerate(data.samples) if s.label is not None]
    chosen = sorted(labelled, key=lambda i: random_key(0, data.samples[i].id))[:most]
    return data.select(sorted(chosen))
