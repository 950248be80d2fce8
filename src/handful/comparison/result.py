"""The result of a comparison, as plain values from which its text, its JSON file and its page are written."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from handful.core.json_values import jsonable
from handful.core.result import Result
from handful.evaluation.annotation_cost import AnnotationTimes
from handful.evaluation.design import Design
from handful.evaluation.levels import level_values
from handful.evaluation.metrics import AnyMetric
from handful.evaluation.paired_difference import PairedDifference
from handful.evaluation.statistics import ScoreSummary
from handful.recipes.write import fingerprint

FORMAT = 1  # of comparison.json; raised when a key changes its meaning
ALPHA = 0.05  # "separable" and "worse" are below it, after Holm's correction

Role = Literal["control", "method"]


@dataclass(frozen=True)
class CandidateRecipe:
    """A recipe that was considered: whether it was `taken`, and the reason."""

    recipe: str
    role: Role
    taken: bool
    why: str


@dataclass(frozen=True)
class TuningBudget:
    """What each recipe may spend on tuning, the same for all: `trials` in each draw, or a share of wall time.

    `seconds` is the requested wall time for all tuning together; `share` the seconds of training that one recipe has
    in one draw (or fold) of it, `jobs` running side by side. Scored runs are not counted.
    """

    trials: int | None
    seconds: float | None
    share: float | None
    jobs: int


@dataclass(frozen=True)
class TuningResult:
    """The tuning of one recipe in one draw (or fold), on that draw's training images alone.

    `trials` are those started, the first with the recipe's own settings; `pruned` ones were stopped early, `failed`
    ones did not train. `steps` and `seconds` are of their training. `values` are the best settings, by option path;
    empty where the recipe's own settings are kept, for the reason in `why`. `score` and `own_score` are the shares of
    held-out training images that the best settings and the recipe's own classify right; None where nothing was tried.
    `share_too_small`: the share of the time was too small for a second trial.
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
    """A recipe's rank at one number of images per class; rank 1 has the best mean.

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

    Of several labels per image, its average precision in place of recall.

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
    """What would separate the two best recipes, `a` and `b`; None: no such number, or it cannot be estimated.

    `draws` in all, if the gap and its spread stay as they are; `test_images` in all, likewise; images `per_class`, by a
    straight line through the gaps at the numbers that were run. `says` is this in a sentence.
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
    metric: AnyMetric
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
        """The recipe of rank 1."""
        return self.entries[0]

    def pair(self, a: str, b: str) -> RecipePair:
        """The pair of these two recipes, in either order."""
        return next(p for p in self.pairs if {p.comparison.a, p.comparison.b} == {a, b})


@dataclass(frozen=True, eq=False)
class ComparisonResult:
    """A whole comparison: the answer in one sentence, then one result for each number of images per class.

    `facts` say how to reproduce it: data, draws, commit, versions, seconds. `notes` are warnings, such as that nothing
    was tuned.

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


def as_values(comparison: ComparisonResult) -> dict[str, Any]:
    """The comparison as `comparison.json` holds it: plain values without predictions, null for NaN."""
    levels = []
    for level in comparison.levels:
        values = {k: v for k, v in vars(level).items() if k not in ("results", "entries", "pairs", "harms", "outlook")}
        values["entries"] = [asdict(e) for e in level.entries]
        values["pairs"] = [asdict(p) for p in level.pairs]
        values["harms"] = [asdict(h) for h in level.harms]
        values |= level_values(level.results, [level.metric])
        values["outlook"] = None if level.outlook is None else asdict(level.outlook)
        levels.append(values)
    values = {
        "format": FORMAT,
        "answer": comparison.answer,
        "levels": levels,
        "candidates": [asdict(c) for c in comparison.candidates],
        "controls": comparison.controls,
        "budget": asdict(comparison.budget),
        "studies": [_study_values(s) for s in comparison.studies],
        "times": asdict(comparison.times),
        "notes": list(comparison.notes),
        "recipes": {r.recipe.name: fingerprint(r.recipe) for r in comparison.results},
        "facts": dict(comparison.facts),
    }
    plain: dict[str, Any] = jsonable(values)
    return plain


def _study_values(study: TuningResult) -> dict[str, Any]:
    values = {**asdict(study), "values": dict(study.values)}
    values["crowded"] = values.pop("share_too_small")  # the key that files hold
    return values
