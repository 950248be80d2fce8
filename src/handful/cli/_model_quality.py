"""What a model's card says of its quality, in sentences for those who read its predictions."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from handful.core.text import how_often_right

SURE = 0.02  # share of a class taken for another from which on it is named
CARD = Mapping[str, Any]


class Confusion(NamedTuple):
    """Share of the images of class `label` that the model took for `predicted` when it was scored."""

    label: str
    predicted: str
    share: float


def describe_quality(card: CARD) -> str:
    """How often the model is right on new images, and whether its probabilities can be taken at their word."""
    if card.get("kind") in ("multilabel", "number"):
        scores = _multilabel_scores(card) if card["kind"] == "multilabel" else _expected_error(card)
        return scores or "How good this model is on new images is not in its card: `handful evaluate` measures it."
    text = _accuracy(card)
    if "temperature" in card.get("calibration", {}):
        return text
    off = _calibration_error(card)
    if off is None:
        return f"{text} Its probabilities are not calibrated: a high one is no promise."
    return f"{text} Its probabilities are not calibrated: on held-out images they were off by about {off:.0f} points."


def known_confusions(card: CARD) -> list[Confusion]:
    """The largest confusions when the model was scored, the largest first; empty: not measured, or none."""
    try:
        rows = [
            Confusion(str(r["label"]), str(r["predicted"]), float(r["share"])) for r in card["failures"]["confusions"]
        ]
    except (KeyError, TypeError, ValueError):
        return []
    return sorted((row for row in rows if row.share >= SURE), key=lambda row: -row.share)


def _accuracy(card: CARD) -> str:
    score = _score(card, "accuracy")
    if score is None:
        return "How often this model is right is not known: its card has no score (`handful run` measures one)."
    return f"Right for {how_often_right(*score)}, if they are like those it learned from."


def _multilabel_scores(card: CARD) -> str:
    """Mean AP, and where it is there macro F1, with their intervals; empty: the card has none."""
    said = []
    for metric in ("mean AP", "macro F1"):
        score = _score(card, metric)
        if score is not None:
            mean, low, high = (100 * value for value in score)
            interval = "" if math.isnan(low) or math.isnan(high) else f" (95 % interval {low:.1f} to {high:.1f})"
            said.append(f"{metric} {mean:.1f} %{interval}")
    return f"On images that were held out: {', '.join(said)}." if said else ""


def _expected_error(card: CARD) -> str:
    """The error that `handful run` expects of a model of numbers; empty: the card does not say."""
    sentences = card.get("expected", ())
    return " ".join(map(str, sentences)) if isinstance(sentences, list | tuple) else ""


def _score(card: CARD, metric: str) -> tuple[float, float, float] | None:
    """Mean and interval of a metric, the interval NaN where one run gives none; None: not measured."""
    try:
        (row,) = (r for r in card["scores"]["rows"] if r["metric"] == metric)
        mean, low, high = (math.nan if row[name] is None else float(row[name]) for name in ("mean", "low", "high"))
    except (KeyError, TypeError, ValueError):
        return None
    return None if math.isnan(mean) else (mean, low, high)


def _calibration_error(card: CARD) -> float | None:
    """In points of 100."""
    try:
        (value,) = (r["mean"] for r in card["measured"] if r["measure"] == "expected calibration error")
        return float(value)
    except (KeyError, TypeError, ValueError):
        return None
