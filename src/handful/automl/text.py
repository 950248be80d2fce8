"""An automatic run as lines for a terminal: how often it will be right, what would help, what is next."""

import math

from handful.automl import closing
from handful.automl.budget import budget_option
from handful.automl.candidates import DESCRIPTIONS, PROMISING, describe_name
from handful.automl.result import HonestScore, LevelScore, RunResult
from handful.core.text import how_often_right, in_words, share_of, wrap
from handful.errors import by_interface, option
from handful.evaluation.confusion import Confusion, largest_confusions, scored_images
from handful.evaluation.normal_class import Rate
from handful.recipes.backbone_names import split_name

MOST_CONFUSIONS = 2
SURE = 0.02  # share of a class taken for another from which on it is named


def format_run(result: RunResult, *, width: int = 80) -> str:
    """All lines, of at most `width` columns."""
    return f"{format_answer(result, width=width)}\n{format_extras(result, width=width)}"


def format_answer(result: RunResult, *, width: int = 80) -> str:
    """The answer in lines of at most `width` columns."""
    scored = [
        answer(result.score),
        missed(result),
        exact(result),
        *map(level_sentence, result.levels),
        normal_class(result),
        confusions(result),
    ]
    return _lines([*scored, method(result), closing.written(result.folder)], width)


def format_extras(result: RunResult, *, width: int = 80) -> str:
    """What follows the answer: what would help, what was left out, the time, and what to type next."""
    help_ = [f"{'Would help' if advice.helps else 'Would not help'}: {advice.what}." for advice in result.advice]
    predicted = closing.predicted(result.unlabelled, "label") if result.predicted else ""
    took = closing.took(result.seconds, result.budget)
    rest = [result.labels_to_check, predicted, left_out(result), took, closing.following(result.folder)]
    return _lines([*help_, *rest], width)


def _lines(paragraphs: list[str], width: int) -> str:
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


def missed(result: RunResult) -> str:
    """That a method which is usually among the best was not tried for lack of time, and what budget would do."""
    if any(split_name(t.recipe)[0] == PROMISING for t in result.tried):
        return ""
    for n in result.not_tried:
        if split_name(n.recipe)[0] == PROMISING and n.budget is not None:
            return (
                f"BUT: {DESCRIPTIONS[PROMISING]} was not tried ({n.why}), and it is usually among the best. The same "
                f"{by_interface(command='command', python='call')} with {budget_option(n.budget)} tries it."
            )
    return ""


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
    if score.images < result.images:
        return f"{score.images} of {result.images} images held out in turn; the budget ended before the others"
    repeats = f"{score.repeats} times " if score.repeats > 1 else ""
    tried = f", corrected for choosing the best of {len(result.tried)}" if len(result.tried) > 1 else ""
    return f"{images} held out in turn, {repeats}{score.folds} folds{tried}"


def level_sentence(score: LevelScore) -> str:
    """How often the predicted class lies in the right group at a level of the class tree, in a sentence."""
    text = (
        f"In the right one of {len(score.groups)} groups (level {score.level} of the tree): "
        f"{how_often_right(score.accuracy, score.low, score.high)}"
    )
    if not math.isnan(score.worst):
        text += f"; in the worst repeat {100 * score.worst:.1f} %"
    return text + "."


def normal_class(result: RunResult) -> str:
    """Where a class means that nothing is wrong: how many of the others pass as it, and how many of it do not."""
    rates = result.normal_class
    if rates is None:
        return ""
    how = f" (recognized by its name; {option('normal_class', 'NAME')} changes that)" if rates.recognized else ""
    return (
        f"{rates.name} is taken to mean that nothing is wrong{how}. Missed: of the images of all other classes, "
        f"{_rate(rates.missed)} pass as {rates.name}. False alarms: of the images of {rates.name}, "
        f"{_rate(rates.false_alarms)} are called something else."
    )


def _rate(rate: Rate) -> str:
    count = f"{round(rate.count, 1):g} of {rate.images}"
    return f"{100 * rate.share:.1f} % ({count}; 95 % interval {100 * rate.low:.1f} to {100 * rate.high:.1f} %)"


def confusions(result: RunResult) -> str:
    """The largest confusions."""
    if result.result is None:
        return ""
    images = scored_images(result.result)
    rows = [row for row in largest_confusions(result.result, MOST_CONFUSIONS) if row.share >= SURE]
    if not rows:
        return "Confuses: nothing worth naming."
    return f"Confuses: {'; '.join(_confusion(row, images[row.label]) for row in rows)}."


def _confusion(row: Confusion, images: int) -> str:
    count = row.share * images
    number = f"{max(1, round(count))}" if abs(count - round(count)) < 0.05 else f"on average {count:.1f}"
    return f"{number} of {images} images of {in_words(row.label)} are called {in_words(row.predicted)}"


def method(result: RunResult) -> str:
    """What was selected and what was not tried."""
    return " ".join(text for text in (selected(result), not_tried(result)) if text)


def selected(result: RunResult) -> str:
    """What was selected."""
    count = len(result.tried)
    best = f", the best of {count} tried" if count > 1 else ""
    name = result.recipe if result.description == result.recipe else f"{result.description} ({result.recipe})"
    text = f"Method: {name}{best}."
    if result.temperature is not None:
        text += f" Its probabilities are calibrated on held-out images (temperature {result.temperature:.2g})."
    return text


def not_tried(result: RunResult) -> str:
    """What was not tried, and why."""
    waiting: dict[str, list[str]] = {}
    for other in result.not_tried:
        waiting.setdefault(other.why, []).append(describe_name(other.recipe))
    reasons = "; ".join(f"{', '.join(names)} ({why})" for why, names in waiting.items())
    return f"Not tried: {reasons}." if reasons else ""


def left_out(result: RunResult) -> str:
    """What was left out because no time was left."""
    if not result.skipped:
        return ""
    return f"Left out, as no time was left: {'; '.join(result.skipped)}."
