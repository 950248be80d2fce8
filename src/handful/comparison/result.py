"""What a comparison found, as plain values: its text, its JSON file and its page are all written from these."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from handful.core.json_values import jsonable
from handful.core.result import Result
from handful.evaluation.annotation_cost import AnnotationTimes
from handful.evaluation.design import Design
from handful.evaluation.metrics import Metric
from handful.evaluation.statistics import PairedDifference, ScoreSummary
from handful.recipes.write import fingerprint

FORMAT = 1  # of comparison.json; raised when a key changes its meaning
ALPHA = 0.05  # "separable" and "worse" are below it, after Holm's correction

Role = Literal["control", "method"]


@dataclass(frozen=True)
class CandidateRecipe:
    """A recipe that was thought of: whether it was `taken`, and why or why not."""

    recipe: str
    role: Role
    taken: bool
    why: str


@dataclass(frozen=True)
class TuningBudget:
    """What each recipe may spend on tuning, alike for all: so many `trials` in each draw, or a share of wall time.

    `seconds` is the wall time asked for, for all tuning together; `share` the seconds of training that one recipe has
    in one draw (or fold) of it, `jobs` running side by side. The runs that are scored come on top.
    """

    trials: int | None
    seconds: float | None
    share: float | None
    jobs: int


@dataclass(frozen=True)
class TuningResult:
    """The tuning of one recipe in one draw (or fold), on that draw's training images alone.

    `trials` are those begun, the recipe's own settings being the first; `pruned` were given up as hopeless, `failed`
    did not train. `steps` and `seconds` are of their training. `values` are the settings taken, by option path: empty
    where the recipe's own stay, and `why` says why. `score` and `own_score` are what the settings taken and the
    recipe's own reach on the held-out training images (shares); None where nothing was tried. `share_too_small`: its
    share of the time was too small for other settings than the recipe's own.
    """

    recipe: str
    per_class: int | None
    draw: int
    fold: int | None
    trials: int
    pruned: int
    failed: int
    steps: int
    seconds: float
    values: Mapping[str, Any]
    score: float | None
    own_score: float | None
    why: str
    share_too_small: bool = False


@dataclass(frozen=True)
class RankedRecipe:
    """A recipe's place at one number of images per class; rank 1 has the best mean.

    Minutes are a person's, for one training set. Seconds are of training: `train_seconds` of one scored run,
    `tuning_seconds` of one draw's tuning, both means.
    """

    rank: int
    recipe: str
    role: Role
    summary: ScoreSummary
    label_minutes: float
    mask_minutes: float
    train_seconds: float
    tuning_seconds: float


@dataclass(frozen=True)
class RecipePair:
    """The better recipe A against B on identical draws.

    `probability`: that A beats B on a new draw. `p_adjusted`: Holm's p over all pairs at this number of images, NaN
    for one run. `separable`: that is below ALPHA and the bootstrap over draws and test images agrees.
    """

    comparison: PairedDifference
    probability: float
    p_adjusted: float
    separable: bool


@dataclass(frozen=True)
class ClassRegression:
    """A class's recall with a method minus that with the best control, as a share, mean over draws.

    `worse`: below zero by more than chance, Holm's p over the method's classes below ALPHA.
    """

    recipe: str
    control: str
    name: str
    images: int
    mean: float
    low: float
    high: float
    p_adjusted: float
    worse: bool


@dataclass(frozen=True)
class PowerAnalysis:
    """What it would take to tell the two best, `a` and `b`, apart; None: no such number, or none can be said.

    `draws`: so many draws in all, if gap and spread stay. `test_images`: so many scored images in all, likewise.
    `per_class`: so many images per class, by straight lines through what was run; None with one number of images.
    """

    a: str
    b: str
    separable: bool
    draws: int | None
    test_images: int | None
    per_class: int | None
    says: str


@dataclass(frozen=True, eq=False)
class SizeResult:
    """The comparison at one number of images per class (None: all). `entries` and `results` are in order of rank.

    `pairs` has every pair once. `control` is the best of the controls, None where there are none.
    """

    per_class: int | None
    metric: Metric
    design: Design
    entries: tuple[RankedRecipe, ...]
    results: tuple[Result, ...]
    pairs: tuple[RecipePair, ...]
    control: str | None
    harms: tuple[ClassRegression, ...]
    outlook: PowerAnalysis | None
    answer: str

    @property
    def best(self) -> RankedRecipe:
        """The first in rank."""
        return self.entries[0]

    def pair(self, a: str, b: str) -> RecipePair:
        """The pair of these two recipes, whichever is ahead."""
        return next(p for p in self.pairs if {p.comparison.a, p.comparison.b} == {a, b})


@dataclass(frozen=True, eq=False)
class ComparisonResult:
    """A whole comparison: the answer in one sentence, then a level for each number of images per class.

    `facts` say how to repeat it: command, data, commit, versions, seconds. `notes` are sentences that a reader must
    not miss, such as that nothing was tuned.

    Example:
        >>> from handful import Protocol, compare, load_data, load_recipe
        >>> digits = load_data("digits").select(range(100))
        >>> recipes, protocol = [load_recipe("logistic-pixels")], Protocol(draws=(0, 1))
        >>> result = compare(recipes, digits, "comparison", trials=1, per_class=[5], protocol=protocol, progress=False)
        >>> result.levels[0].best.recipe
        'logistic-pixels'
    """

    answer: str
    levels: tuple[SizeResult, ...]
    candidates: tuple[CandidateRecipe, ...]
    controls: bool
    budget: TuningBudget
    studies: tuple[TuningResult, ...]
    times: AnnotationTimes
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def results(self) -> tuple[Result, ...]:
        """Every result, level by level, in order of rank."""
        return tuple(r for level in self.levels for r in level.results)


def as_values(outcome: ComparisonResult) -> dict[str, Any]:
    """The outcome as `comparison.json` holds it: numbers, texts, lists and tables; no predictions, and null for NaN."""
    levels = []
    for level in outcome.levels:
        values = {k: v for k, v in vars(level).items() if k not in ("results", "entries", "pairs", "harms", "outlook")}
        values["entries"] = [asdict(e) for e in level.entries]
        values["pairs"] = [asdict(p) for p in level.pairs]
        values["harms"] = [asdict(h) for h in level.harms]
        values["outlook"] = None if level.outlook is None else asdict(level.outlook)
        levels.append(values)
    values = {
        "format": FORMAT,
        "answer": outcome.answer,
        "levels": levels,
        "candidates": [asdict(c) for c in outcome.candidates],
        "controls": outcome.controls,
        "budget": asdict(outcome.budget),
        "studies": [_study_values(s) for s in outcome.studies],
        "times": asdict(outcome.times),
        "notes": list(outcome.notes),
        "recipes": {r.recipe.name: fingerprint(r.recipe) for r in outcome.results},
        "facts": dict(outcome.facts),
    }
    found: dict[str, Any] = jsonable(values)
    return found


def _study_values(study: TuningResult) -> dict[str, Any]:
    values = {**asdict(study), "values": dict(study.values)}
    values["crowded"] = values.pop("share_too_small")  # the key that files hold
    return values
