"""The result of an automatic run, as plain values from which its text, its JSON file and its page are written."""

import html
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from handful.automl.budget import SECONDS
from handful.core.json_values import jsonable
from handful.core.plan_file import PLAN
from handful.core.result import Result
from handful.evaluation.normal_class import NormalClassRates
from handful.saving.model_card import CARD
from handful.saving.model_folder import MODEL

if TYPE_CHECKING:
    from handful.automl.candidate_runner import NotTried

VALUES, LOG, PAGE, TABLE = "run.json", "results.jsonl", "report.html", "predictions.csv"  # files of a run
OURS = (PLAN, VALUES, LOG, "results-predictions", PAGE, MODEL, TABLE, CARD)  # what a run may replace in its folder
FORMAT = 1  # of run.json; raised when a key changes its meaning
ScoredBy = Literal["cross-validation", "test images", "draws", "nothing"]


@dataclass(frozen=True)
class HonestScore:
    """How often the classifier is right on new images; shares, 0 to 1, NaN where it could not be measured.

    Attributes:
        scored_by: "cross-validation": on images that each fold left out, corrected for the selection; "test images":
            of a test part, by the saved model; "draws": on images that repeated draws left out, the selection repeated
            in each; "nothing": too few images.
        accuracy: share of right answers, classes as frequent as in the data.
        low: lower end of its 95 % interval.
        high: its upper end.
        worst: accuracy of the worst repeat; NaN with one.
        balanced: mean of the classes' recalls.
        chance: share of right answers of always naming the most frequent class.
        images: number of different images that were scored.
        repeats: of the cross-validation, or draws.
        folds: of the cross-validation; 0 without.
        tried: number of recipes that it was the best of.
        optimism: how much lower `accuracy` is than the selected recipe's own in `RunResult.tried`, which is too high
            for having been the highest of several (`handful.evaluation.selection_bias`).
    """

    scored_by: ScoredBy
    accuracy: float
    low: float
    high: float
    worst: float
    balanced: float
    chance: float
    images: int
    repeats: int
    folds: int
    tried: int = 1
    optimism: float = 0.0

    def __repr__(self) -> str:
        """The accuracy with its interval, what it was measured on, and why it is lower than that of the trials."""
        if self.scored_by == "nothing":
            return "HonestScore(not measured: too few images)"
        interval = f"{100 * self.accuracy:.1f} %, 95 % interval {100 * self.low:.1f} to {100 * self.high:.1f}"
        worst = "" if math.isnan(self.worst) else f", worst repeat {100 * self.worst:.1f} %"
        text = f"{interval}{worst}, by {self.scored_by} on {self.images} images"
        if self.tried > 1:
            text += f", {100 * self.optimism:.1f} points taken off for being the best of {self.tried} recipes"
        return f"HonestScore({text})"


@dataclass(frozen=True)
class Tried:
    """A recipe that was tried: its mean held-out accuracy, what it is called in a sentence, and seconds of a run."""

    recipe: str
    description: str
    accuracy: float
    seconds: float
    selected: bool


@dataclass(frozen=True)
class ClassScore:
    """A class: training images, share of its scored images that are right, and what it is most often taken for."""

    name: str
    images: int
    scored: int
    recall: float
    mistaken_for: str
    mistaken: float


@dataclass(frozen=True)
class LevelScore:
    """How often the predicted class lies in the right group at a level of a class tree; shares, 0 to 1.

    Measured as `HonestScore.accuracy` is.

    Attributes:
        level: of the tree, 1 being the coarsest that tells classes apart.
        groups: names of the groups, sorted.
        accuracy: share of images whose predicted class is in the group of the true one.
        low: lower end of its 95 % interval.
        high: its upper end.
        worst: accuracy of the worst repeat; NaN with one.
    """

    level: int
    groups: tuple[str, ...]
    accuracy: float
    low: float
    high: float
    worst: float


@dataclass(frozen=True)
class Advice:
    """What would help, in a sentence, and the gain in accuracy that was measured for it; NaN: not measured.

    Attributes:
        what: the measure.
        gain: share of images that are right thanks to it.
        helps: whether the gain is worth naming; otherwise it was measured that there is none.
    """

    what: str
    gain: float
    helps: bool = True


@dataclass(frozen=True)
class DoubtfulLabel:
    """An image whose label may be wrong: its class, the class that it looks like, and the probability of its label."""

    image: str
    label: str
    looks_like: str
    probability: float


@dataclass(frozen=True, eq=False)
class RunResult:
    """The outcome of `handful.run`.

    Attributes:
        folder: what was written: `model/`, `report.html`, `CARD.md`, `run.json` and, with unlabelled images,
            `predictions.csv`.
        images: labelled images that were learned from.
        unlabelled: images without a label.
        masks: labelled images with a mask.
        doubts: what is doubtful about the data and what was done about it, in sentences.
        recipe: name of the selected recipe.
        description: what it is called in a sentence.
        score: see `HonestScore`.
        classes: see `ClassScore`.
        tried: recipes that were tried, in the order they were, each with its own accuracy, before the correction.
        not_tried: recipes that were not, with the reason.
        advice: what would help most, the largest gain first; then what was measured and would not help.
        predicted: number of unlabelled images by predicted class.
        seconds: wall time of the run.
        budget: wall time that it was given.
        skipped: what was left out because no time was left, in words.
        temperature: of a trained network's probabilities, fitted to held-out images; None: a fitted head has its own.
        data: name of the data.
        date: day of the run, as YYYY-MM-DD.
        levels: see `LevelScore`; (): the data were read without a tree of the classes.
        normal_class: misses and false alarms, where a class means that nothing is wrong.
        doubtful_labels: labels that may be wrong, the surest first.
        labels_to_check: the same in sentences, with the command that shows them.
        result: held-out predictions behind the score; None without.

    Example:
        >>> from handful import load_data, run
        >>> digits = load_data("digits").select(range(60))
        >>> result = run(digits, "digits-run", seconds=20, device="cpu", progress=False)
        >>> result.score.accuracy > result.score.chance
        True
    """

    folder: Path
    images: int
    unlabelled: int
    masks: int
    doubts: tuple[str, ...]
    recipe: str
    description: str
    score: HonestScore
    classes: tuple[ClassScore, ...]
    tried: tuple[Tried, ...]
    not_tried: "tuple[NotTried, ...]"
    advice: tuple[Advice, ...]
    predicted: Mapping[str, int]
    seconds: float
    budget: float = SECONDS
    skipped: tuple[str, ...] = ()
    temperature: float | None = None
    data: str = ""
    date: str = ""
    levels: tuple[LevelScore, ...] = ()
    normal_class: NormalClassRates | None = None
    doubtful_labels: tuple[DoubtfulLabel, ...] = ()
    labels_to_check: str = ""
    result: Result | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """The sentences that `handful run` ends with."""
        from handful.automl.text import format_run

        return format_run(self)

    def __repr__(self) -> str:
        """The folder, the recipe and the score, in one line."""
        return f"RunResult({str(self.folder)!r}, {self.recipe!r}, {self.score!r})"

    def _repr_html_(self) -> str:
        """As `__str__`, with a link to the report, for notebooks."""
        page = html.escape((self.folder / "report.html").as_posix())
        return f'<pre>{html.escape(str(self))}</pre><p><a href="{page}">report.html</a></p>'


def as_values(result: RunResult) -> dict[str, Any]:
    """The result as `run.json` holds it: plain values without predictions, null for NaN."""
    values = {k: v for k, v in vars(result).items() if k not in ("result", "folder")}
    for name in ("classes", "levels", "tried", "not_tried", "advice", "doubtful_labels"):
        values[name] = [asdict(entry) for entry in values[name]]
    values["score"] = asdict(result.score)
    values["normal_class"] = None if result.normal_class is None else asdict(result.normal_class)
    plain: dict[str, Any] = jsonable({"format": FORMAT, **values})
    return plain
