"""Several labels per image, partly known: unknown entries left out of the loss ("masked"), or taken for absent.

Mosaics of four pictures of CIFAR-10, parts kept apart, classes tailed 5 to 1; logistic regression per class on the
frozen features of the embedded network at 128 pixels. A draw is a choice of mosaics and of what is known of them. "40 %
of positives missing" has no unknown entries to mask: it shows what lists that are not whole cost. Thresholds are
compared with 0.5 in macro F1 on the same networks. "One strength" fits both ways at the same C instead of each at its
own cross-validated one. Calibration of each class is compared with probabilities as they come. Sets and a bound
on missed labels are measured on 20 draws, with ridge regression. Nothing was chosen on the draws 0 to 4; draws from 100
on were looked at before.
"""

from dataclasses import asdict, replace

import numpy as np

from bench.support.data import cifar10
from bench.support.mosaics import KNOWN, Hide, absent_where_unknown, mosaics, with_known
from bench.support.options import Options
from bench.support.record import append
from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.core.result import Result, Run
from handful.evaluation.intervals import mean_interval
from handful.evaluation.job import TrainingJob
from handful.evaluation.job import run as run_job
from handful.evaluation.multilabel import summarise_multilabel
from handful.evaluation.multilabel_calibration import (
    class_calibration_error,
    log_loss,
    summarise_multilabel_calibration,
)
from handful.evaluation.multilabel_metrics import run_scores
from handful.evaluation.multilabel_sets import class_recall, missed_labels, set_recall
from handful.recipes.calibration import with_calibration
from handful.recipes.load import load_recipe

TABLE = "multilabel"
POOL, TEST, SEED = 1000, 1000, 0
IMAGES = (50, 200, 500)
RECIPE = load_recipe("logistic", overrides=("image_size=[128,128]",))
ONE_STRENGTH = load_recipe("logistic", overrides=("image_size=[128,128]", "head.C=100.0"))
PROMISES = with_calibration(load_recipe("ridge", overrides=("image_size=[128,128]",)), coverage=0.9, missed=0.1)
CALIBRATED = tuple(load_recipe(name, overrides=("image_size=[128,128]",)) for name in ("logistic", "nearest-centroid"))
CALIBRATED_IMAGES = (50, 200)
PROMISED_DRAWS, PROMISED_IMAGES = 20, 200
THRESHOLDS = replace(RECIPE, posthoc=(Part("thresholds"),))


def run(options: Options) -> None:
    """Each number of images, with everything known and with parts of it."""
    data = cifar10(options.folder())
    pool, test = mosaics(data, "train", POOL, SEED), mosaics(data, "test", TEST, SEED)
    draws = range(100, 101) if options.quick else range(options.draws)
    for n in IMAGES[:1] if options.quick else IMAGES:
        full = [_run(drawn(pool, n, draw), test, draw, THRESHOLDS) for draw in draws]
        _show(f"all known, {n} images", full, n, quick=options.quick)
        _compare(
            f"thresholds, {n} images, macro F1",
            [_macro_f1(r) for r in full],
            [_at_half(r) for r in full],
            n,
            quick=options.quick,
        )
        for name, hide in KNOWN.items():
            _masked_or_absent(pool, test, name, hide, n, draws, RECIPE, quick=options.quick)
        name = next(iter(KNOWN))
        what = f"{name}, one strength"
        _masked_or_absent(pool, test, what, KNOWN[name], n, draws, ONE_STRENGTH, quick=options.quick)

    _calibration(pool, test, draws, quick=options.quick)
    _promises(pool, test, range(100, 101) if options.quick else range(PROMISED_DRAWS), quick=options.quick)


def _promises(pool: Dataset, test: Dataset, draws: range, *, quick: bool) -> None:
    """Recall of the sets by class, and the share of missed labels, of each draw."""
    runs = tuple(_run(drawn(pool, PROMISED_IMAGES, draw), test, draw, PROMISES) for draw in draws)
    result = Result(PROMISES, tuple(str(c) for c in range(10)), runs)
    by_class = np.array([class_recall(run, run.sets) for run in runs if run.sets is not None])
    for name, row in (("sets", set_recall(result)), ("missed labels", missed_labels(result))):
        assert row is not None, "the recipe promises both"
        line = {"promise": name, "images": PROMISED_IMAGES, "draws": list(draws), **asdict(row)}
        if name == "sets":
            line |= {"class_recall": by_class.mean(axis=0).tolist(), "lowest_class": float(by_class.min())}
        append(TABLE, line | {"minutes": sum(run.seconds for run in runs) / 60}, quick=quick)
        print(f"{name}: {row}", flush=True)


def _calibration(pool: Dataset, test: Dataset, draws: range, *, quick: bool) -> None:
    """Calibration error and log loss with and without Platt scaling of each class."""
    for n in CALIBRATED_IMAGES:
        for recipe in CALIBRATED:
            rows = {}
            for name, parts in (("plain", ()), ("platt_scaling", (Part("platt_scaling"),))):
                runs = [_run(drawn(pool, n, draw), test, draw, replace(recipe, posthoc=parts)) for draw in draws]
                result = Result(recipe, tuple(str(c) for c in range(10)), tuple(runs))
                rows[name] = [[scores(run) for run in runs] for scores in (_calibration_error, _log_loss)]
                by_chance = summarise_multilabel_calibration(result)[0].target
                line = {"calibration": name, "recipe": recipe.name, "images": n, "by_chance": by_chance}
                values = dict(zip(("calibration_error", "log_loss"), rows[name], strict=True))
                append(TABLE, line | values | {"minutes": sum(r.seconds for r in runs) / 60}, quick=quick)
            for i, measure in enumerate(("calibration error", "log loss")):
                what = f"{recipe.name}, Platt scaling, {n} images, {measure}"
                _compare(what, rows["platt_scaling"][i], rows["plain"][i], n, quick=quick)


def _calibration_error(run: Run) -> float:
    assert run.targets is not None, "of several labels"
    return class_calibration_error(run.targets.astype(np.float64), run.probabilities.astype(np.float64))


def _log_loss(run: Run) -> float:
    assert run.targets is not None, "of several labels"
    return log_loss(run.targets.astype(np.float64), run.probabilities.astype(np.float64))


def _masked_or_absent(
    pool: Dataset, test: Dataset, name: str, hide: Hide, n: int, draws: range, recipe: Recipe, *, quick: bool
) -> None:
    """Unknown entries taken for absent, and left out where there are some."""
    masked, absent = [], []
    for draw in draws:
        train = drawn(pool, n, draw)
        known = hide(train.targets(), np.random.default_rng([SEED, draw, n]))
        absent.append(_run(with_known(train, absent_where_unknown(known)), test, draw, recipe))
        if np.isnan(known).any():
            masked.append(_run(with_known(train, known), test, draw, recipe))
    _show(f"{name}, {n} images, absent", absent, n, quick=quick)
    if masked:
        _show(f"{name}, {n} images, masked", masked, n, quick=quick)
        _compare(f"{name}, {n} images, mean AP", [_map(r) for r in masked], [_map(r) for r in absent], n, quick=quick)


def drawn(pool: Dataset, n: int, draw: int) -> Dataset:
    """`n` mosaics of which two show each class, and eight do not."""
    rng = np.random.default_rng([SEED, draw])
    while True:
        chosen = pool.select(rng.permutation(len(pool))[:n])
        if chosen.counts.min() >= 2 and chosen.absents.min() >= 8:
            return chosen


def _run(train: Dataset, test: Dataset, draw: int, recipe: Recipe) -> Run:
    data = replace(train, samples=(*train.samples, *test.samples))
    trained, scored = list(range(len(train))), list(range(len(train), len(data)))
    job = TrainingJob(0, recipe, draw, None, None, trained, scored)
    return run_job(job, data, device="cpu", trainer=None).run


def _map(run: Run) -> float:
    return run_scores(run)["mean_average_precision"]


def _macro_f1(run: Run) -> float:
    return run_scores(run)["macro_f1"]


def _at_half(run: Run) -> float:
    return _macro_f1(replace(run, thresholds=None))


def _show(name: str, runs: list[Run], n: int, *, quick: bool) -> None:
    assert runs[0].targets is not None
    classes = tuple(str(c) for c in range(runs[0].targets.shape[1]))
    summary = summarise_multilabel(Result(RECIPE, classes, tuple(runs)))
    line = {"setting": name, "images": n, "draws": [r.draw for r in runs], "mean_ap": [_map(r) for r in runs]}
    line["minutes"] = sum(r.seconds for r in runs) / 60
    append(TABLE, line | {"image_low": summary.image_low, "image_high": summary.image_high}, quick=quick)
    worst = f"worst {100 * summary.worst:.1f} (draw {summary.worst_draw})"
    interval = f"{100 * summary.image_low:.1f} to {100 * summary.image_high:.1f}"
    print(f"{name}: mean AP {100 * summary.mean:.1f}, bootstrap {interval}, {worst}", flush=True)


def _compare(name: str, first: list[float], second: list[float], n: int, *, quick: bool) -> None:
    differences = np.array(first) - np.array(second)
    low, high, _ = mean_interval(differences, n / (POOL - n))  # draws from one pool share images
    line = {"comparison": name, "images": n, "differences": differences.tolist()}
    append(TABLE, line | {"mean": float(differences.mean()), "low": low, "high": high}, quick=quick)
    interval = f"{100 * low:+.1f} to {100 * high:+.1f}"
    print(f"  {name}: {100 * differences.mean():+.1f} ({interval}), worst {100 * differences.min():+.1f}", flush=True)
