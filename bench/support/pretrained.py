"""A trainer that begins with a backbone pretrained once for all runs of a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.support.accuracy import PREDICTIONS
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Result
from handful.models.classifier import Classifier
from handful.parts.prepare.pseudo_label import pseudo_labelled
from handful.recipes.load import load_recipe
from handful.recipes.write import fingerprint
from handful.training.pretrain import pretrain
from handful.training.train import train


@dataclass(frozen=True, eq=False)
class Pretrained:
    """`handful.train` with a backbone that was pretrained on other images, once for all runs.

    Attributes:
        recipe: of the pretraining.
        pool: its images; labels are not read.
        folder: where backbones are kept.
    """

    recipe: Recipe
    pool: Dataset = field(repr=False)
    folder: Path = PREDICTIONS / "backbones"

    @property
    def name(self) -> str:
        """The word that logs hold."""
        return f"bench.pretraining.Pretrained {fingerprint(self.recipe)}"

    def backbone(self) -> Path:
        """The folder of the backbone, which is pretrained if it is not there; a stopped run goes on."""
        path = self.folder / fingerprint(self.recipe)
        if not (path / "recipe.toml").exists():
            pretrain(path, self.recipe, self.pool, device="cpu", resume=path.exists(), progress=False)
        return path

    def __call__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> Classifier:
        """The classifier that begins with it."""
        options = {**recipe.backbone.options, "weights": str(self.backbone())}
        begun = replace(recipe, backbone=replace(recipe.backbone, options=options))
        return train(begun, data, seed=seed, device=device, progress=progress)


@dataclass(frozen=True, eq=False)
class SelfTaught:
    """A pretrained network that learns from a network like it: the third step of SimCLRv2, with hard labels.

    Chen et al. 2020, https://arxiv.org/abs/2006.10029, section 2.3, whose student learns the teacher's probabilities.

    Attributes:
        trainer: has the backbone.
        steps: of the teacher, which learns the labelled images alone; the student has the recipe's.
        share: of the unlabelled images, the surest of each class, that the teacher labels.
    """

    trainer: Pretrained
    steps: int
    share: float = 0.5

    @property
    def name(self) -> str:
        """The word that logs hold."""
        return f"bench.pretraining.SelfTaught {fingerprint(self.trainer.recipe)} {self.steps} {self.share:g}"

    def __call__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> Classifier:
        """The student."""
        first, *rest = recipe.stages
        shorter = replace(recipe, stages=(replace(first, steps=self.steps), *rest))
        teacher = self.trainer(shorter, data.labelled(), seed=seed, device=device, progress=progress)
        taught = pseudo_labelled(data, teacher.probabilities(data.unlabelled()), self.share)
        return self.trainer(recipe, taught, seed=seed, device=device, progress=progress)


def scored_rows(
    sweep: Callable[..., list[Result]],
    trainer: Pretrained,
    *,
    controls: Sequence[Recipe],
    begun: Recipe,
    frozen: Sequence[str],
    pixels: Sequence[str],
) -> list[Result]:
    """Networks, then heads on frozen features: logistic regression, and pseudo-labels with what the draws left over.

    Args:
        sweep: called with recipes, `trainer` and `unlabelled`.
        trainer: has the backbone.
        controls: networks from random weights.
        begun: the network that begins with the backbone.
        frozen: what a head's recipe changes to read it.
        pixels: and to read raw pixels.
    """
    results = sweep(controls) + sweep([begun], trainer=trainer)
    for name, changes, fit in (("pixels", pixels, None), ("pretrained, frozen", frozen, trainer)):
        for head, pile in (("logistic", "none"), ("pseudo-labels", "rest")):
            recipe = replace(load_recipe(head, overrides=changes), name=f"{name}: {head}")
            results += sweep([recipe], trainer=fit, unlabelled=pile)
    return results
