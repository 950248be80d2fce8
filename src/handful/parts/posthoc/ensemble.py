"""Ensemble: the weighted mean of several networks' probabilities (VIPF, section 4.4: weights of 3 and 1)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Literal

import numpy as np
from jaxtyping import Float

from handful.core.context import Context, Fit, NestedRun
from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Recipe
from handful.errors import TrainingError
from handful.models.classifier import Classifier
from handful.models.ensemble import join
from handful.models.norm import keep_norm
from handful.parts.posthoc._folds import split_folds, with_unlabelled, without_propagated_mask

joins_networks = True
multilabel = True
number = True
HERE = "posthoc/ensemble"
MOST = 4096  # combinations of weights up to which all are tried


def build(
    context: Context,
    *,
    members: int | None = None,
    recipes: Sequence[str] = (),
    weights: Sequence[float] | Literal["equal", "cross_fitted"] = "equal",
    folds: int = 5,
    grid: Sequence[float] = (1.0, 3.0),
) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Train further members on the same data, and average them with the recipe's own network.

    A member is trained as the recipe without this part and those after it, from another seed.

    Args:
        context: gives the recipe and its seed.
        members: networks of the recipe itself, the first one included; by default 3, or 1 beside other recipes.
        recipes: names or .toml files of other recipes, each for one member more.
        weights: one per member, in that order; "equal"; or "cross_fitted": every member is trained again on
            stratified folds of the training data, and the `grid` weights with the least log loss on the images each
            fold held out are taken. The paper gave 3 to its "higher performance models", and does not say how these
            were identified.
        folds: number of folds for "cross_fitted"; at most the images of the smallest class.
        grid: weights that "cross_fitted" tries.

    Raises:
        ValueError: fewer than two members, weights that do not fit, or more folds than images of a class.
    """
    number = members if members is not None else (1 if recipes else 3)
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 100:
        raise ValueError(f"members must be a whole number from 1 to 100, not {members!r}")
    total = number + len(recipes)
    if total < 2:
        raise ValueError("an ensemble needs two members: set members = 2 or more, or name recipes")
    if isinstance(weights, str):
        if weights not in ("equal", "cross_fitted"):
            raise ValueError(f"weights must be numbers, equal or cross_fitted, not {weights!r}")
    elif len(weights) != total or min(weights) < 0 or max(weights) <= 0:
        raise ValueError(f"weights {tuple(weights)} do not fit {total} members")
    if weights == "cross_fitted":
        if context.task.kind == "number":
            raise ValueError("weights of numbers cannot be cross_fitted: name them, or leave them equal")
        smallest = int(context.task.counts.min())
        if not 2 <= folds <= smallest:
            raise ValueError(f"folds must be from 2 to {smallest}, the images of the smallest class, not {folds!r}")
        if not grid or min(grid) < 0 or max(grid) <= 0:
            raise ValueError(f"grid must be weights of 0 or more, not {tuple(grid)}")
    plans = _plans(context, number, recipes)

    def apply(classifiers: tuple[Classifier, ...], data: Dataset) -> Classifier:
        assert context.fit is not None, "train hands its own function in"
        data = replace(data, samples=tuple(without_propagated_mask(s) for s in data.samples))
        pile, fit = context.unlabelled, context.fit
        trained = [classifiers[0], *(fit(plan, with_unlabelled(plan, data, pile), seed) for plan, seed in plans[1:])]
        if weights == "cross_fitted":
            chosen = cross_fitted_weights(plans, data, fit, folds=folds, grid=grid, seed=context.seed, unlabelled=pile)
            return join(trained, chosen, recipe=context.recipe)
        return join(trained, None if isinstance(weights, str) else weights, recipe=context.recipe)

    return apply


def nested_runs(context: Context, data: Dataset, *, recipes: Sequence[str]) -> Iterator[NestedRun]:
    """The members that are trained by other recipes."""
    for name in recipes:
        member = context.recipe_named(name, where=HERE)
        yield member, with_unlabelled(member, data.labelled(), data.unlabelled().samples)


def members_of(
    recipe: Recipe, named: Callable[[str], Recipe], *, members: int | None = None, recipes: Sequence[str] = ()
) -> list[Recipe]:
    """What each member is trained as, the recipe's own network first. Options as `build`'s."""
    before = next((i for i, part in enumerate(recipe.posthoc) if part.name == "ensemble"), len(recipe.posthoc))
    own = replace(recipe, posthoc=recipe.posthoc[:before])
    return [own] * (members if members is not None else (1 if recipes else 3)) + [named(name) for name in recipes]


def _plans(context: Context, members: int, recipes: Sequence[str]) -> list[tuple[Recipe, int]]:
    """Recipe and seed of each member; the first is what was trained already."""
    if context.named is None or context.fit is None:
        raise TrainingError("training is not possible here", where=HERE)
    plans = members_of(context.recipe, context.named, members=members, recipes=recipes)
    return [(plan, context.seed if i == 0 else _seed(context.seed, i)) for i, plan in enumerate(plans)]


def _seed(seed: int, member: int) -> int:
    return int(np.random.SeedSequence([seed, member]).generate_state(1)[0])


def cross_fitted_weights(
    plans: Sequence[tuple[Recipe, int]],
    data: Dataset,
    fit: Fit,
    *,
    folds: int,
    grid: Sequence[float],
    seed: int,
    unlabelled: Sequence[Sample] = (),
) -> tuple[float, ...]:
    """The weights of least log loss on held-out images, predicted by members that are trained on the other folds.

    Each plan (recipe, seed) is trained again for each fold, so this takes `folds` times the members' training.

    Args:
        plans: recipe and seed of each member.
        data: the labelled training images.
        fit: trains a member.
        folds: their number.
        grid: the weights that are tried.
        seed: decides how the folds are cut.
        unlabelled: images without a label, for members that learn from them.

    Raises:
        DataError: a class has fewer images or groups than folds.
    """
    right = []
    for train, held_out in split_folds(data, folds, seed):
        images = held_out.without_labels()
        fold_plans = [(keep_norm(plan, data.counts, fewer=train.counts), member_seed) for plan, member_seed in plans]
        members = [
            fit(recipe, with_unlabelled(recipe, train, unlabelled, held_out), member_seed).probabilities(images)
            for recipe, member_seed in fold_plans
        ]
        right.append(right_probabilities(np.stack(members), held_out))
    return best_weights(np.concatenate(right, axis=1), grid)


def right_probabilities(probabilities: Float[np.ndarray, "m n k"], data: Dataset) -> Float[np.ndarray, "m r"]:
    """What each of m members gives to what is right: to each image's class, or to each known entry."""
    if data.kind == "multiclass":
        return probabilities[:, np.arange(len(data)), data.labels].astype(np.float64)
    targets = data.targets()
    known = ~np.isnan(targets)
    present = targets[known] == 1
    p = probabilities[:, known].astype(np.float64)
    return np.asarray(np.where(present, p, 1 - p))


def best_weights(own: Float[np.ndarray, "m r"], grid: Sequence[float]) -> tuple[float, ...]:
    """The combination of `grid` values, one per member, with the least log loss; equal ones win a tie.

    The log loss and not the accuracy: with a handful of images most combinations classify the same ones right. Of more
    than 4,096 combinations not all are tried: from equal weights on, one member's weight is changed at a time, as long
    as the loss falls.

    Args:
        own: the members' probabilities of what is right, as `right_probabilities` gives them.
        grid: the weights that are tried.
    """
    if len(grid) ** len(own) > MOST:
        return _by_turns(own, grid)
    best: tuple[float, tuple[float, ...]] | None = None
    for weights in sorted(product(grid, repeat=len(own)), key=lambda w: (len(set(w)), w)):
        if sum(weights) <= 0:
            continue
        loss = _log_loss(own, weights)
        if best is None or loss < best[0] - 1e-9:
            best = loss, weights
    assert best is not None, "the grid holds a positive weight"
    return best[1]


def _by_turns(own: Float[np.ndarray, "m n"], grid: Sequence[float]) -> tuple[float, ...]:
    """Coordinate descent from equal weights: each turn takes the one change that lowers the loss most."""
    weights = (max(grid),) * len(own)
    loss = _log_loss(own, weights)
    while True:
        changed = [(*weights[:i], value, *weights[i + 1 :]) for i in range(len(own)) for value in grid]
        losses = [_log_loss(own, w) if sum(w) > 0 else np.inf for w in changed]
        least = int(np.argmin(losses))
        if losses[least] >= loss - 1e-9:
            return weights
        weights, loss = changed[least], losses[least]


def _log_loss(own: Float[np.ndarray, "m n"], weights: Sequence[float]) -> float:
    """Mean log loss of the weighted mean of the members' probabilities of the right class."""
    mean = np.asarray(weights) @ own / sum(weights)
    return float(-np.log(mean.clip(1e-12)).mean())
