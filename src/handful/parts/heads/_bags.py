"""Base class of the heads that learn from labels of bags, on the features of a frozen backbone.

Multiple instance learning: each image has the class scores that it would have as a bag of its own, and a bag's scores
are pooled from those of its images, so that images are predicted one by one and pooled later. The strength of
regularization and the temperature are those of least log loss on held-out bags; with a single bag of a class the
defaults apply.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from sklearn.model_selection import StratifiedKFold
from torch import Tensor

from handful.core.normal_class import find_normal_class
from handful.core.tensors import Output
from handful.core.text import listed
from handful.errors import RecipeError, hint
from handful.models.temperature_scaling import fit_temperature, fit_temperature_and_offsets
from handful.parts.heads._fitted import RANGE, Arrays, FittedHead
from handful.parts.heads._held_out_scores import most_folds, strength_of_least_loss


@dataclass(frozen=True, eq=False)
class Bags:
    """Transformed features of images, the number of each image's bag, and the label of each bag."""

    x: Float32[np.ndarray, "n c"]
    index: Int[np.ndarray, " n"]
    labels: Int[np.ndarray, " b"]

    def select(self, which: Int[np.ndarray, " s"]) -> "Bags":
        """These bags, numbered anew in their order."""
        place = np.full(len(self.labels), -1)
        place[which] = np.arange(len(which))
        inside = place[self.index] >= 0
        return Bags(self.x[inside], place[self.index[inside]], self.labels[which])


class BagHead(FittedHead):
    """Class scores of images and of their bags.

    Attributes:
        components: number of principal components of the features that the head learns from; None: the features.
        spanning: names of the arrays whose rows are multiplied with features.
        fits_offset: whether held-out bags decide on an offset of each class's scores, which becomes part of `bias`.
    """

    components: int | None = None
    spanning: tuple[str, ...] = ("weight",)
    fits_offset: bool = False

    def learn_bags(self, bags: Bags, *, strength: float, seed: int) -> dict[str, Float[np.ndarray, "..."]]:
        """The arrays for bags."""
        raise NotImplementedError

    def bag_logits(
        self, logits: Float[Tensor, "n k"], attention: Float[Tensor, " n"] | None, index: Int[Tensor, " n"], bags: int
    ) -> Float[Tensor, "b k"]:
        """Class scores of bags, from those of their images.

        Args:
            logits: of the images; a constant may be added to those of an image.
            attention: of the images, as `attend` gives it.
            index: number of each image's bag.
            bags: how many there are; each has an image.
        """
        raise NotImplementedError

    def attend(self, x: Float[Tensor, "n c"], arrays: Arrays) -> Float[Tensor, " n"] | None:  # noqa: ARG002
        """Logarithm of each image's weight in its bag, up to a constant; None: the head weighs none."""
        return None

    def output(self, features: Float[Tensor, "n c"]) -> Output:
        """Class logits of each image as a bag of its own, and its attention."""
        output = super().output(features)
        arrays = {name: self._buffer(name) for name in self.names}
        if any(not len(value) for value in arrays.values()):
            return output
        with torch.autocast(features.device.type, enabled=False):
            return replace(output, attention=self.attend(output.embedding, arrays))

    def fit(
        self,
        features: Float[Tensor, "n v c"],
        labels: Int[Tensor, " n"],
        *,
        seed: int,
        targets: Float[Tensor, "n k"] | None = None,
    ) -> None:
        """Fit with each image as a bag of its own."""
        assert targets is None, "bags have one class"
        self.fit_bags(features, labels, torch.arange(len(labels)), seed=seed)

    def fit_bags(
        self, features: Float[Tensor, "n v c"], labels: Int[Tensor, " n"], index: Int[Tensor, " n"], *, seed: int
    ) -> None:
        """Fit to the features of v views of each image, the plain one first; every view of a bag is a further bag.

        Args:
            features: of the frozen backbone.
            labels: of the images' bags.
            index: number of each image's bag.
            seed: of the folds and of what is drawn.
        """
        x = self.prepare(self._centered_at(features)).cpu().numpy()
        basis = None if self.components is None else principal_axes(x.reshape(-1, x.shape[-1]), self.components)
        x = x if basis is None else x @ basis
        of_bags = np.zeros(int(index.max()) + 1, dtype=np.int64)
        of_bags[index.numpy()] = labels.cpu().numpy()
        views = [Bags(x[:, v], index.numpy(), of_bags) for v in range(x.shape[1])]
        strength, temperature, offsets = self._choose_for_bags(views, seed)
        learned = self.learn_bags(_joined(views), strength=strength, seed=seed)
        if self.fits_offset:
            learned["bias"] = learned["bias"] + temperature * offsets
        if basis is not None:
            learned |= {name: learned[name] @ basis.T for name in self.spanning}
        self._keep(learned, strength=strength, temperature=temperature)

    def _choose_for_bags(self, views: Sequence[Bags], seed: int) -> tuple[float, float, Float[np.ndarray, " k"]]:
        """Strength, temperature and offsets under which held-out bags are likeliest; 0 where none are fitted."""
        labels = views[0].labels
        folds = most_folds(len(labels), int(np.bincount(labels, minlength=self.classes).min()))
        if folds < 2:
            return self.strengths[0], self.start, np.zeros(self.classes)
        bounds = (self.start / RANGE, self.start * RANGE)
        splitter = StratifiedKFold(folds, shuffle=True, random_state=seed % 2**32)

        def calibrate(strength: float, each: Callable[[], None]) -> tuple[float, tuple[float, Float[np.ndarray, " k"]]]:
            scores = np.zeros((len(labels), self.classes))
            for train, test in splitter.split(labels, labels):
                fitted = _joined([view.select(train) for view in views])
                learned = self.learn_bags(fitted, strength=strength, seed=seed)
                scores[test] = self.scores_of(views[0].select(test), learned)
                each()
            if self.fits_offset:
                temperature, offsets, loss = fit_temperature_and_offsets(scores, labels, bounds=bounds)
            else:
                temperature, loss = fit_temperature(scores, labels, bounds=bounds, tolerance=1e-3)
                offsets = np.zeros(self.classes)
            return loss, (temperature, offsets)

        strength, (temperature, offsets) = strength_of_least_loss(calibrate, self.strengths, folds=folds)
        return strength, temperature, offsets

    def scores_of(self, bags: Bags, learned: dict[str, Float[np.ndarray, "..."]]) -> Float[np.ndarray, "b k"]:
        """Scores of bags under these arrays, before the temperature."""
        arrays = {name: torch.from_numpy(np.asarray(value, np.float32)) for name, value in learned.items()}
        x, index = torch.from_numpy(bags.x), torch.from_numpy(bags.index)
        scores = self.bag_logits(self.score(x, arrays), self.attend(x, arrays), index, len(bags.labels))
        return scores.double().numpy()


def _joined(views: Sequence[Bags]) -> Bags:
    """The bags of several views, each view's as bags of their own."""
    starts = np.cumsum([0, *(len(view.labels) for view in views)])
    return Bags(
        np.concatenate([view.x for view in views]),
        np.concatenate([view.index + start for view, start in zip(views, starts, strict=False)]),
        np.concatenate([view.labels for view in views]),
    )


def means_of_bags(values: Float[Tensor, "n e"], index: Int[Tensor, " n"], bags: int) -> Float[Tensor, "b e"]:
    """The mean over the images of each bag."""
    sums = values.new_zeros(bags, values.shape[1]).index_add(0, index, values)
    return sums / torch.bincount(index, minlength=bags).to(values)[:, None]


def maxima_of_bags(values: Float[Tensor, "n e"], index: Int[Tensor, " n"], bags: int) -> Float[Tensor, "b e"]:
    """The highest value over the images of each bag."""
    lowest = values.new_full((bags, values.shape[1]), -torch.inf)
    return lowest.scatter_reduce(0, index[:, None].expand_as(values), values, "amax")


def weights_in_bags(attention: Float[Tensor, " n"], index: Int[Tensor, " n"], bags: int) -> Float[Tensor, " n"]:
    """The weight of each image in its bag: the softmax of the attention over the bag's images."""
    highest = maxima_of_bags(attention.detach()[:, None], index, bags)[:, 0]
    powers = (attention - highest[index]).exp()
    return powers / powers.new_zeros(bags).index_add(0, index, powers)[index]


def principal_axes(x: Float32[np.ndarray, "n c"], most: int) -> Float32[np.ndarray, "c r"]:
    """The orthonormal directions, `most` of them at the most, in which features are largest."""
    wide = len(x) < x.shape[1]
    _, vectors = np.linalg.eigh(x @ x.T if wide else x.T @ x)
    axes = vectors[:, ::-1][:, :most]
    rows = np.linalg.qr(x.T @ axes)[0] if wide else axes
    return np.ascontiguousarray(rows, dtype=np.float32)


def negative_class(requested: str | None, classes: Sequence[str], *, where: str) -> int:
    """The position of the class of bags in which no image is positive.

    Args:
        requested: its name; None: the one class whose name says that nothing is wrong.
        classes: the classes.
        where: the part, for the error.

    Raises:
        RecipeError: it is no class, or none is recognized.
    """
    name = find_normal_class(classes) if requested is None else requested
    if name is not None and name in classes:
        return list(classes).index(name)
    what = f"{requested!r} is no class" if requested is not None else "no class is recognized as the negative one"
    remedy = f"name the class of bags without a positive image{hint('overrides', 'head.negative=NAME')}: one of "
    raise RecipeError(what, where=where, remedy=f"{remedy}{listed(classes, 5)}.")


def minimize(
    weights: Sequence[Tensor],
    others: Sequence[Tensor],
    loss: Callable[[], Tensor],
    *,
    steps: int,
    lr: float,
    penalty: float,
) -> None:
    """Full-batch Adam with a cosine schedule.

    Args:
        weights: parameters with a penalty on their squares.
        others: parameters without one.
        loss: called in every step.
        steps: how many.
        lr: learning rate of the first.
        penalty: factor of half the sum of the weights' squares.
    """
    optimizer = torch.optim.Adam([*weights, *others], lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    with torch.enable_grad():
        for _ in range(steps):
            optimizer.zero_grad()
            squares = torch.stack([weight.square().sum() for weight in weights]).sum()
            (loss() + penalty / 2 * squares).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
