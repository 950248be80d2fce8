"""Scores of images with several labels, as tables and as JSON."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handful.core.dataset import Dataset
    from handful.core.result import Result


def refuse_measures(data: "Dataset", *, calibration: bool, track: str | None) -> None:
    """Refuse options of `evaluate` that need one label per image, or classes.

    Raises:
        DataError: one of them was given, and the data are others.
    """
    from handful.data.kind_checks import refuse_multilabel

    if track is not None:
        refuse_multilabel(data, "--track")
    if calibration and data.kind != "multilabel":
        refuse_multilabel(data, "--calibration")


def multilabel_values(result: "Result", *, calibration: bool = False) -> dict[str, Any]:
    """All scores, those of each class and calibration measures, as plain values."""
    from dataclasses import asdict

    from handful.evaluation.multilabel import class_scores, summarise_multilabel
    from handful.evaluation.multilabel_calibration import summarise_multilabel_calibration
    from handful.evaluation.multilabel_guesses import as_many_guesses
    from handful.evaluation.multilabel_metrics import MULTILABEL_METRICS
    from handful.evaluation.multilabel_sets import missed_labels, set_recall

    guesses = as_many_guesses(result)
    measures = [asdict(row) for row in summarise_multilabel_calibration(result)] if calibration else []
    promises = {"set_recall": set_recall(result), "missed_labels": missed_labels(result)}
    return {
        "headline": "mean_average_precision",
        "scores": {metric: asdict(summarise_multilabel(result, metric)) for metric in MULTILABEL_METRICS},
        "classes": [asdict(row) for row in class_scores(result)],
        **({} if guesses is None else {"as_many_guesses": asdict(guesses)}),
        **{name: asdict(value) for name, value in promises.items() if value is not None},
        **({"calibration": measures} if calibration else {}),
    }


def print_multilabel(result: "Result", *, calibration: bool = False) -> None:
    """Print the scores, then those of each class, then calibration measures."""
    from handful.cli._output import print_lines, print_table, print_text, width
    from handful.evaluation.multilabel import class_scores, summarise_multilabel
    from handful.evaluation.multilabel_calibration import summarise_multilabel_calibration
    from handful.evaluation.multilabel_metrics import MULTILABEL_METRICS
    from handful.reports.text_tables import format_measures

    rows = []
    for metric, name in MULTILABEL_METRICS.items():
        summary = summarise_multilabel(result, metric)
        worst = f"{_percent(summary.worst)} (draw {summary.worst_draw})"
        rows.append((name, _percent(summary.mean), _interval(summary.low, summary.high), worst))
    print_table(("score", "mean", "95 % interval", "worst draw"), rows)
    headline = summarise_multilabel(result)
    runs = f"{headline.draws} draws" if headline.draws > 1 else "1 draw"
    images = f"{headline.n_train} training and {headline.n_test} scored images, {headline.classes} classes"
    interval = _interval(headline.image_low, headline.image_high)
    print_text(f"{headline.recipe}: {runs}, {images}. Mean AP by a bootstrap over draws and images: {interval}.")
    classes = class_scores(result)
    print_table(
        ("class", "images", "AP", "recall", "95 % interval"),
        [
            (
                row.name,
                f"{row.present}",
                _percent(row.average_precision),
                _percent(row.recall),
                _interval(row.recall_low, row.recall_high),
            )
            for row in classes
        ],
    )
    print_table(
        ("class", "precision", "95 % interval"),
        [(row.name, _percent(row.precision), _interval(row.precision_low, row.precision_high)) for row in classes],
    )
    _print_guesses(result)
    _print_promises(result)
    if calibration:
        print_lines("\n" + format_measures(summarise_multilabel_calibration(result), width=width()))
    if all(run.thresholds is None or (run.thresholds == 0.5).all() for run in result.runs):
        print_text("A class is predicted from a probability of 0.5 on; --thresholds chooses that by cross-validation.")


def _print_guesses(result: "Result") -> None:
    """Print how many of as many guesses as an image has labels are right, by the number of labels."""
    from handful.cli._output import print_text
    from handful.evaluation.multilabel_guesses import as_many_guesses

    row = as_many_guesses(result)
    if row is not None:
        groups = ", ".join(f"{k}: {_percent(share)}" for k, _, share in row.by_labels)
        print_text(
            f"As many guesses as labels: {_percent(row.mean)} of them are right ({_interval(row.low, row.high)}), "
            f"worst {_percent(row.worst)} (draw {row.worst_draw}); by the number of labels: {groups}."
        )


def _print_promises(result: "Result") -> None:
    """What sets and thresholds promise, beside what the scored images say."""
    from handful.cli._output import print_text
    from handful.evaluation.multilabel_sets import missed_labels, set_recall

    names = ("Recall of the sets, mean over the classes", "Labels missed at the threshold, mean over the images")
    for name, row in zip(names, (set_recall(result), missed_labels(result)), strict=True):
        if row is not None:
            worst = f"worst {_percent(row.worst)} (draw {row.worst_draw})"
            print_text(
                f"{name}: {_percent(row.mean)} ({_interval(row.low, row.high)}), {worst}; {_percent(row.promised)} is "
                f"promised. {row.classes:.1f} classes are named per image."
            )


def _percent(value: float) -> str:
    return "-" if value != value else f"{100 * value:.1f} %"


def _interval(low: float, high: float) -> str:
    return "-" if low != low else f"{100 * low:.1f} to {100 * high:.1f}"
