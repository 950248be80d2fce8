"""Words of the reports that are explained where they stand: on hover, on focus by the keyboard, or at a touch."""

import re
from collections.abc import Callable

from markupsafe import Markup, escape

MEANINGS = {  # as in docs/guide/words.md; a word's plural has its meaning
    "95 % interval": "If the whole study were repeated with other images, such intervals would hold the true value 95 "
    "times of 100.",
    "accuracy": "The share of images whose class is right.",
    "balanced accuracy": "The average of the recalls: a rare class counts as much as a frequent one.",
    "calibration": "Of the images said to be of a class with 80 % confidence, 80 of 100 should be.",
    "confidence": "The probability that is given to the predicted class.",
    "draw": "The images to learn from are chosen anew by lot, and everything is done again.",
    "fold": "One of the parts that images are divided into, each of which is held out once.",
    "mean AP": "The mean over the classes of the average precision: how well the images that show a class are ranked "
    "before the others.",
    "held out": "Not learned from, so that it can be used for testing.",
    "not separable": "These images cannot tell which of two methods is better; it does not mean that they are equal.",
    "recall": "Of the images of a class, the share that is predicted as this class.",
    "repeat": "The images to learn from are chosen anew by lot, and everything is done again.",
    "worst draw": "The lowest score among the draws: what bad luck with the training images does.",
}
TERM = re.compile(rf"\b({'|'.join(sorted(MEANINGS, key=len, reverse=True))})s?\b".replace(" %", "[ \xa0]%"))


def explain_terms(text: str, *, plain: Callable[[str], Markup] = escape) -> Markup:
    """The text as HTML, with an explanation at the first occurrence of each word of the glossary.

    Args:
        text: plain text.
        plain: what makes HTML of the text between these words.
    """
    parts, end, seen = [], 0, set()
    for found in TERM.finditer(text):
        word = found[1].replace("\xa0", " ")
        if word not in seen:
            seen.add(word)
            parts += [plain(text[end : found.start()]), term(found[0], MEANINGS[word])]
            end = found.end()
    return Markup("").join([*parts, plain(text[end:])])


def term(word: str, meaning: str) -> Markup:
    """A word with its meaning, reachable by the keyboard."""
    return Markup('<abbr tabindex="0" title="{}">{}</abbr>').format(meaning, word)
