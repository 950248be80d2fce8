"""A tiny recipe that reads all that a batch can hold: two streams, further views and the mean teacher."""

from dataclasses import replace

from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.recipes.load import from_toml
from tests.support.datasets import RECIPE, squares

STAGE = """
[[stages.views]]
augment = [{ name = "noise", std = 0.2 }, { name = "flip" }]
of = "unlabelled"
[[stages.views]]
augment = [{ name = "flip", horizontal = 1.0 }]
source = "first_view"
"""
LOSSES = '{ name = "cross_entropy" }, { name = "mean_teacher", weight = 10.0 }'


def two_streams(*overrides: str, losses: tuple[Part, ...] = ()) -> Recipe:
    """Two unlabelled images for each labelled one, a further view of these, and one of all."""
    text = (
        RECIPE.replace("{head}", "linear")
        .replace("{losses}", LOSSES)
        .replace("steps = 12", "steps = 12\nunlabelled = 2.0")
    )
    plan = from_toml("ema = 0.9" + text + STAGE, where="tiny", overrides=overrides)
    if not losses:
        return plan
    return replace(plan, stages=tuple(replace(stage, losses=losses) for stage in plan.stages))


def half_labelled(per_class: int = 3, more: int = 7) -> Dataset:
    """Squares with a label, and further squares of each class without one."""
    labelled, pile = squares(per_class), squares(more, seed=9, masks=False)
    others = tuple(replace(sample, id=f"pile/{sample.id}") for sample in pile.without_labels().samples)
    return replace(labelled, samples=(*labelled.samples, *others))
