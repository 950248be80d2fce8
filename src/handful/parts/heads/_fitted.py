"""Base class of the heads that are fitted to the features of a frozen backbone instead of trained.

A subclass computes arrays from features (`learn`) and class scores from features and these arrays (`score`). This class
pools the maps, transforms the features, selects the strength of regularization, and divides the scores by a
temperature. Strength and temperature are those of least log loss in stratified cross-validation over the training
images. That takes two images of each class; with fewer the defaults in the head's module apply. No other image is read.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Shaped
from torch import Tensor, nn

from handful.core.standardization import Scale
from handful.core.tensors import Output
from handful.models.link import Linear
from handful.parts.heads._feature_transform import FeatureTransform, check_positive
from handful.parts.heads._held_out_scores import FitAndScore, folds_by_class, likeliest_strength, scores_by_fold
from handful.parts.heads._multilabel import choose_strength
from handful.parts.heads._numbers import choose_strength_of_numbers
from handful.parts.heads._pooling import Compare
from handful.parts.heads._soft_targets import choose_strength_of_targets, with_least

Arrays = Mapping[str, Tensor]
RANGE = 1e4  # the fitted temperature is within this factor of the default


class FittedHead(nn.Module):
    """Scores from the features of a frozen backbone.

    Attributes:
        names: names of the arrays that `learn` returns: buffers whose shapes it, or a saved model, gives.
        strengths: strengths of regularization to select from; the first is the default.
        start: default temperature.
        card: entries of the model's card, once it is fitted.
    """

    fitted = True
    own_classes = True
    multilabel = False
    names: tuple[str, ...] = ()
    strengths: tuple[float, ...] = (1.0,)
    start: float = 1.0

    def __init__(self, channels: int, classes: int, transform: FeatureTransform) -> None:
        super().__init__()
        self.channels, self.classes = channels, classes
        self.transform = transform
        self.card: dict[str, Any] = {}
        self.link: Linear | None = None
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("temperature", torch.tensor(self.start))
        self.register_buffer("strength", torch.tensor(self.strengths[0]))
        for name in self.names:
            self.register_buffer(name, torch.zeros(0))

    def set_multilabel(self) -> None:
        """Fit several labels per image: one classifier per class, and an offset of the log-odds."""
        self.multilabel = True
        self.register_buffer("offset", torch.zeros(()))

    def set_scale(self, scale: Scale) -> None:
        """Fit numbers, in units of their deviation."""
        self.link = Linear(scale)

    def learn(
        self, x: Float32[np.ndarray, "m c"], y: Shaped[np.ndarray, "m ..."], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The arrays for transformed features and their labels (-1: none, for heads that use unlabelled images).

        With the trait `soft_targets` also for weighted class probabilities [m k], see `_soft_targets`.
        """
        raise NotImplementedError

    def learn_multilabel(
        self, x: Float32[np.ndarray, "m c"], targets: Float32[np.ndarray, "m k"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The arrays for transformed features and what is known of each class: 1, 0 or NaN."""
        raise NotImplementedError

    def learn_numbers(
        self, x: Float32[np.ndarray, "m c"], targets: Float32[np.ndarray, "m k"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The arrays for transformed features and numbers in units of their deviation, or NaN."""
        raise NotImplementedError

    def score(self, x: Float[Tensor, "n c"], arrays: Arrays) -> Float[Tensor, "n k"]:
        """Class scores of transformed features, before the temperature."""
        raise NotImplementedError

    def fit(
        self,
        features: Float[Tensor, "n v c"],
        labels: Int[Tensor, " n"],
        *,
        seed: int,
        targets: Float[Tensor, "n k"] | None = None,
    ) -> None:
        """Fit to the features of v views of each image, the plain one first.

        Args:
            features: of the frozen backbone.
            labels: of the images; -1 where there is none.
            seed: of the cross-validation.
            targets: 1, 0 or NaN, of images with several labels, or numbers; they are fitted in place of the labels. By
                heads with the trait `soft_targets` also class probabilities, times the weight of the image.
        """
        y = labels.cpu().numpy() if targets is None else targets.float().cpu().numpy()
        if self.link is not None:
            y = self.link.logits(torch.from_numpy(y)).numpy()
        soft, weights = targets is not None and self.link is None and not self.multilabel, None
        if soft:
            weights, y = torch.from_numpy(y.sum(axis=1)), with_least(y, labels.cpu().numpy())
        x = self.training_inputs(self._centered_at(features, weights)).cpu().numpy()
        views = x.shape[1]
        flat, repeated = x.reshape(len(x) * views, -1), np.repeat(y, views, axis=0)
        if self.link is not None:
            strength = choose_strength_of_numbers(self._fit_and_score, self.strengths, x, y, seed=seed)
            temperature = 1.0
        elif self.multilabel:
            choice = choose_strength(self._fit_and_score, self.strengths, x, y, start=self.start, seed=seed)
            strength, temperature, offset = choice
            self.offset: Tensor = torch.tensor(offset, device=self.mean.device)
        elif soft:
            strength, temperature = choose_strength_of_targets(
                self._fit_and_score,
                self.strengths,
                x,
                y,
                labels.cpu().numpy(),
                start=self.start,
                bounds=(self.start / RANGE, self.start * RANGE),
                seed=seed,
            )
        else:
            strength, temperature = self._choose(x, y, seed)
        self._keep(self._learner(flat, repeated, strength=strength), strength=strength, temperature=temperature)

    def _centered_at(
        self, features: Float[Tensor, "n v c"], weights: Float[Tensor, " n"] | None = None
    ) -> Float[Tensor, "n v c"]:
        """The features in float32, whose mean becomes the head's: an image counts as often as it weighs."""
        pooled = features.float().cpu()
        raised = self.transform.raised(pooled)
        if weights is None or torch.allclose(weights, torch.ones_like(weights)) or not weights.sum() > 0:
            mean = raised.mean(dim=(0, 1))
        else:
            mean = (weights[:, None] / weights.sum() * raised.mean(dim=1)).sum(dim=0)
        self.mean: Tensor = mean.to(self._buffer("mean").device)
        return pooled.to(self.mean.device)

    def _keep(self, learned: dict[str, Float[np.ndarray, "..."]], *, strength: float, temperature: float) -> None:
        assert set(learned) == set(self.names)
        for name, value in learned.items():
            rows = np.asarray(value, np.float32, order="C")  # as it is loaded: another order in memory sums in another
            self.register_buffer(name, torch.from_numpy(rows).to(self.mean.device))
        self.temperature: Tensor = torch.tensor(temperature, device=self.mean.device)
        self.strength: Tensor = torch.tensor(strength, device=self.mean.device)

    def training_inputs(self, features: Float[Tensor, "n v c"]) -> Float[Tensor, "n v e"]:
        """What `learn` gets of each image: the transformed features, to which a head may append columns."""
        return self.prepare(features)

    def prepare(self, features: Float[Tensor, "*n c"]) -> Float[Tensor, "*n c"]:
        """Features transformed as the options say."""
        return self.transform(features, self.mean)

    def pool(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c"]:
        """The mean over space."""
        return maps.float().mean(dim=(2, 3))

    def output(self, features: Float[Tensor, "n c"]) -> Output:
        """Class logits of pooled features; before `fit`, all classes score alike."""
        with torch.autocast(features.device.type, enabled=False):
            x = self.prepare(features.float())
            arrays = {name: self._buffer(name) for name in self.names}
            empty = any(not len(value) for value in arrays.values())
            scores = x.new_zeros(len(x), self.classes) if empty else self.score(x, arrays)
            logits = scores / self._buffer("temperature")
            return Output(x, logits + self._buffer("offset") if self.multilabel else logits, features.float())

    def forward(self, maps: Float[Tensor, "n c h w"], *, size: tuple[int, int], compare: Compare) -> Output:  # noqa: ARG002
        """Pool and score; the labels' vectors are not read."""
        return self.output(self.pool(maps))

    def _choose(self, x: Float32[np.ndarray, "n v c"], y: Int[np.ndarray, " n"], seed: int) -> tuple[float, float]:
        """Strength and temperature under which held-out training images are likeliest."""
        known = y[y >= 0]
        if np.bincount(known, minlength=self.classes).min() < 2:
            return self.strengths[0], self.start
        bounds = (self.start / RANGE, self.start * RANGE)
        fold, folds = folds_by_class(y, seed)

        def scores_of(strength: float, each: Callable[[], None]) -> Float[np.ndarray, "m k"]:
            run = self._fit_and_score(strength)
            return scores_by_fold(run, x, y, fold=fold, folds=folds, classes=self.classes, each=each)[y >= 0]

        return likeliest_strength(scores_of, self.strengths, known, folds=folds, bounds=bounds)

    @property
    def _learner(self) -> Callable[..., dict[str, np.ndarray]]:
        """What learns from targets of the data's kind."""
        if self.link is not None:
            return self.learn_numbers
        return self.learn_multilabel if self.multilabel else self.learn

    def _fit_and_score(self, strength: float) -> FitAndScore:
        def run(
            x: Float32[np.ndarray, "m c"], y: Shaped[np.ndarray, "m ..."], to: Float32[np.ndarray, "n c"]
        ) -> Float[np.ndarray, "n k"]:
            learned = self._learner(x, y, strength=strength)
            arrays = {name: torch.from_numpy(np.asarray(value, np.float32)) for name, value in learned.items()}
            return self.score(torch.from_numpy(to), arrays).numpy()

        return run

    def _buffer(self, name: str) -> Tensor:
        value = getattr(self, name)
        assert isinstance(value, Tensor)
        return value

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Arrays take the shape of what is loaded: how many images a head keeps is known once it was fitted."""
        for name in self.names:
            if prefix + name in state_dict:
                self.register_buffer(name, torch.empty_like(state_dict[prefix + name], device=self.mean.device))
        super()._load_from_state_dict(state_dict, prefix, *rest)


def class_means(x: Float32[np.ndarray, "m c"], y: Int[np.ndarray, " m"], classes: int) -> Float32[np.ndarray, "k c"]:
    """The mean of each class's features."""
    return np.stack([x[y == c].mean(axis=0) for c in range(classes)])


def strengths_of(requested: float | str, grid: Sequence[float], *, name: str) -> tuple[float, ...]:
    """The strengths to select from: the grid, or the one number that was given.

    Raises:
        ValueError: neither "auto" nor a number above 0.
    """
    if requested == "auto":
        return tuple(grid)
    if isinstance(requested, str):
        raise ValueError(f'{name} must be "auto" or a number above 0, not {requested!r}')
    check_positive(**{name: requested})
    return (float(requested),)
