"""An automatic run as lines for a terminal: how often it will be right, what would help, what is next."""

import math
import shlex

from handful.automl.candidates import DESCRIPTIONS
from handful.automl.result import ClassScore, HonestScore, RunResult
from handful.core.text import how_often_right, share_of, wrap

MOST_CONFUSIONS = 2
SURE = 0.02  # share of a class taken for another from which on it is named


def format_run(result: RunResult, *, width: int = 80) -> str:
    """The answer in lines of at most `width` columns."""
    paragraphs = [
        answer(result.score),
        exact(result),
        confusions(result.classes),
        *(f"Would help: {advice.what}." for advice in result.advice),
        method(result),
        written(result),
        next_steps(result),
    ]
    return "\n".join(line for text in paragraphs if text for line in wrap(text, width))


def answer(score: HonestScore) -> str:
    """How often the classifier will be right and how sure that is, in a sentence."""
    if score.scored_by == "nothing":
        return (
            "How often it is right cannot be said: a class has a single image, or images of a single group, so none "
            "can be held out to test on. Two more images of each class would change that."
        )
    text = f"Right for {how_often_right(score.accuracy, score.low, score.high)}"
    if not math.isnan(score.worst):
        text += f"; in the worst repeat {100 * score.worst:.1f} %"
    return text + "."


def exact(result: RunResult) -> str:
    """The exact numbers behind the answer, in a sentence or two."""
    score = result.score
    if score.scored_by == "nothing":
        return ""
    text = f"({100 * score.accuracy:.1f} % accuracy, {how_scored(result)}.) "
    text += f"Always naming the most frequent class: {share_of(score.chance, 10)}."
    if abs(score.balanced - score.accuracy) >= 0.03:
        text += f" With every class counted alike: {share_of(score.balanced, 10)}."
    return text


def how_scored(result: RunResult) -> str:
    """What the score was measured on."""
    score = result.score
    images = f"{score.images} image{'' if score.images == 1 else 's'}"
    if score.scored_by == "test images":
        return f"on the {images} of the test part, which were not learned from"
    if score.scored_by == "draws":
        draws = f"{score.repeats} draw{'' if score.repeats == 1 else 's'} of images to learn from"
        return f"{draws}, scored on {images} that they left out"
    repeats = f"{score.repeats} times " if score.repeats > 1 else ""
    tried = f", corrected for choosing the best of {len(result.tried)}" if len(result.tried) > 1 else ""
    return f"{images} held out in turn, {repeats}{score.folds} folds{tried}"


def confusions(classes: tuple[ClassScore, ...]) -> str:
    """The largest confusions."""
    rows = sorted((c for c in classes if c.scored and c.mistaken >= SURE), key=lambda c: -c.mistaken)
    if not rows:
        return "Confuses: nothing worth naming." if any(c.scored for c in classes) else ""
    named = [f"{c.name} is taken for {c.mistaken_for} in {share_of(c.mistaken, 10)}" for c in rows[:MOST_CONFUSIONS]]
    return f"Confuses: {'; '.join(named)}."


def method(result: RunResult) -> str:
    """What was selected and what was not tried."""
    count = len(result.tried)
    best = f", the best of {count} tried" if count > 1 else ""
    name = result.recipe if result.description == result.recipe else f"{result.description} ({result.recipe})"
    text = f"Method: {name}{best}."
    waiting = [f"{DESCRIPTIONS.get(n.recipe, n.recipe)} ({n.why})" for n in result.not_tried]
    return text + (f" Not tried: {'; '.join(waiting)}." if waiting else "")


def written(result: RunResult) -> str:
    """The files."""
    table = f", predictions.csv ({result.unlabelled} images without a label)" if result.unlabelled else ""
    return f"Wrote {result.folder}: report.html, model/, CARD.md{table}. {result.seconds:.0f} s."


def next_steps(result: RunResult) -> str:
    """What to type next, in a sentence."""
    return f"Next: {'; '.join(commands(result))}."


def commands(result: RunResult) -> tuple[str, ...]:
    """What to type next."""
    folder = shlex.quote(str(result.folder))
    return f"handful predict {folder} NEW_IMAGES --out new.csv", f"handful serve {folder}"
