"""Outcomes of comparisons from made-up predictions."""

from collections.abc import Sequence

from handful.comparison.ranking import rank_results
from handful.comparison.result import CandidateRecipe, ComparisonResult, Role, TuningBudget, TuningResult
from handful.core.result import Result
from handful.evaluation.annotation_cost import AnnotationTimes
from tests.support.results import random_result

TIMES = AnnotationTimes(3.5, 29.52)


def outcome_of(results: Sequence[Result], *, controls: Sequence[str] = ("plain",)) -> ComparisonResult:
    names = list(dict.fromkeys(r.recipe.name for r in results))
    roles: dict[str, Role] = {n: "control" if n in controls else "method" for n in names}
    studies = tuple(
        TuningResult(
            n, 5, 0, None, 4, 1, 0, 40, 12.5, {"lr": 0.0123} if n == names[0] else {}, 0.9, 0.8, "its own were best"
        )
        for n in names
    )
    levels = rank_results(results, roles, studies, TIMES)
    return ComparisonResult(
        answer=levels[-1].answer,
        levels=levels,
        candidates=(
            *(CandidateRecipe(n, roles[n], True, "requested") for n in names),
            CandidateRecipe("cvs <i>", "method", False, "no masks"),
        ),
        controls=True,
        budget=TuningBudget(4, None, None, 2),
        studies=studies,
        times=TIMES,
        notes=("Something not to be missed.",),
        facts={"data": "abc", "images": 60},
    )


def several() -> list[Result]:
    made = [("sure", 0.9, 3), ("plain", 0.6, 4), ("alike", 0.89, 5)]
    return [random_result(n, s - 0.2 * (m == 1), per_class=m, seed=seed, n=120) for m in (1, 5) for n, s, seed in made]
