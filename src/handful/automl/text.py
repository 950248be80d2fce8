"""An automatic run as lines for a terminal: how often it will be right, what would help, what is next."""

import math
import shlex

from handful.automl.candidates import describe
from handful.automl.result import ClassScore, HonestScore, RunResult
from handful.core.text import wrap

WIDE = 0.15  # width of an interval from which on shares are said in tenths
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
    whole = 10 if score.high - score.low > WIDE else 100
    text = f"Right for about {_of(score.accuracy, whole)} new images; between {_range(score, whole)}"
    if not math.isnan(score.worst):
        text += f"; the worst repeat {_count(score.worst, whole)}"
    return text + "."


def exact(result: RunResult) -> str:
    """The exact numbers behind the answer, in a sentence or two."""
    score = result.score
    if score.scored_by == "nothing":
        return ""
    numbers = f"{100 * score.accuracy:.1f} % accuracy, 95 % interval {100 * score.low:.1f} to {100 * score.high:.1f}"
    text = f"({numbers}, {how_scored(result)}.) Always naming the most frequent class: {_of(score.chance, 10)}."
    if abs(score.balanced - score.accuracy) >= 0.03:
        text += f" With every class counted alike: {_of(score.balanced, 10)}."
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
    named = [f"{c.name} is taken for {c.mistaken_for} in {_of(c.mistaken, 10)}" for c in rows[:MOST_CONFUSIONS]]
    return f"Confuses: {'; '.join(named)}."


def method(result: RunResult) -> str:
    """What was selected and what was not tried."""
    count = len(result.tried)
    best = f", the best of {count} tried" if count > 1 else ""
    text = f"Method: {result.description} ({result.recipe}){best}."
    waiting = [f"{describe(n.recipe)} ({n.why})" for n in result.not_tried]
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


def _of(share: float, whole: int) -> str:
    return f"{_count(share, whole)} of {whole}"


def _count(share: float, whole: int) -> str:
    """A share of `whole`, never rounded to none or to all."""
    count = round(share * whole)
    if count == whole and share < 1:
        return f"more than {whole - 1}" if share > 1 - 0.5 / whole else str(whole - 1)
    if count == 0 and share > 0:
        return "fewer than 1"
    return str(count)


def _range(score: HonestScore, whole: int) -> str:
    low, high = math.floor(score.low * whole), math.ceil(score.high * whole)
    return f"{low} and {high} of {whole}"
