"""Heads that are fitted to the features of a frozen backbone, not trained: what they have in common.

A head says how it learns arrays from features (`learn`) and how these score features (`score`). Here the maps are
pooled, features raised to a power, centred and brought to length 1, a strength of regularisation is chosen, and scores
are divided by a temperature. Choice and temperature come from cross-fitting: the training images are predicted by heads
that were fitted without them, and the likeliest prediction wins. That takes two images of each class; with fewer there
is nothing to hold out, and the defaults in the head's file hold. No other image is ever looked at.

The power is that of Tukey's ladder, as Yang et al. 2021 (https://arxiv.org/abs/2101.06395, equation 3) bring features
nearer to a normal distribution: they take the square root. It needs features of one sign, as after a ReLU; others keep
theirs, and their size is raised. With the embedded EfficientNet-Lite0 the square root gave logistic regression, on
training images that the draws left: CIFAR-10 at 5 / 10 / 50 per class +0.8 / +0.7 / +0.7 (draws 100 to 102), twenty
classes of CIFAR-100 at 5 / 50 +0.5 / +0.4, white blood cells at 5 / 10 +2.0 / +1.2 (draws 100 to 109). The recipes for
that backbone take it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int
from torch import Tensor, nn

from handful.core.tensors import Output
from handful.parts.heads._cross_fit import best_temperature, held_out
from handful.parts.heads._pooling import Compare

Arrays = Mapping[str, Tensor]


class FittedHead(nn.Module):
    """Scores from the features of a frozen backbone.

    Attributes:
        names: of the arrays that `learn` gives; they are buffers, and take their shapes from it or from a saved model.
        strengths: what cross-fitting chooses from, weakest regularisation last; the first is the default.
        start: the default temperature.
    """

    fitted = True
    own_classes = True
    names: tuple[str, ...] = ()
    strengths: tuple[float, ...] = (1.0,)
    start: float = 1.0

    def __init__(self, channels: int, classes: int, *, center: bool, l2: bool, tukey: float = 1.0) -> None:
        super().__init__()
        check_positive(tukey=tukey)
        self.channels, self.classes = channels, classes
        self.center, self.l2, self.tukey = center, l2, float(tukey)
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("temperature", torch.tensor(self.start))
        self.register_buffer("strength", torch.tensor(self.strengths[0]))
        for name in self.names:
            self.register_buffer(name, torch.zeros(0))

    def learn(
        self, x: Float32[np.ndarray, "m c"], y: Int[np.ndarray, " m"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The arrays for prepared features and their labels (-1: none, for heads that use unlabelled images)."""
        raise NotImplementedError

    def score(self, x: Float[Tensor, "n c"], arrays: Arrays) -> Float[Tensor, "n k"]:
        """Class scores of prepared features, before the temperature."""
        raise NotImplementedError

    def fit(self, features: Float[Tensor, "n v c"], labels: Int[Tensor, " n"], *, seed: int) -> None:
        """Fit to the features of v views of each image, the plain one first; labels are -1 where there is none."""
        y = labels.cpu().numpy()
        pooled = features.float().cpu()
        self.mean: Tensor = self._powers(pooled).mean(dim=(0, 1)).to(self._buffer("mean").device)
        x = self.prepare(pooled.to(self.mean.device)).cpu().numpy()
        strength, temperature = self._choose(x, y, seed)
        views = x.shape[1]
        learnt = self.learn(x.reshape(len(x) * views, -1), np.repeat(y, views), strength=strength)
        assert set(learnt) == set(self.names)
        for name, value in learnt.items():
            rows = np.asarray(value, np.float32, order="C")  # as it is loaded: another order in memory sums in another
            self.register_buffer(name, torch.from_numpy(rows).to(self.mean.device))
        self.temperature: Tensor = torch.tensor(temperature, device=self.mean.device)
        self.strength: Tensor = torch.tensor(strength, device=self.mean.device)

    def prepare(self, features: Float[Tensor, "*n c"]) -> Float[Tensor, "*n c"]:
        """To a power, less the training images' mean, then of length 1, as the options say."""
        features = self._powers(features)
        features = features - self.mean if self.center else features
        return F.normalize(features, dim=-1) if self.l2 else features

    def _powers(self, features: Float[Tensor, "*n c"]) -> Float[Tensor, "*n c"]:
        return features if self.tukey == 1 else features.sign() * features.abs() ** self.tukey

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
            return Output(x, scores / self._buffer("temperature"), features.float())

    def forward(self, maps: Float[Tensor, "n c h w"], *, size: tuple[int, int], compare: Compare) -> Output:  # noqa: ARG002
        """Pool and score; the labels' vectors are not read."""
        return self.output(self.pool(maps))

    def _choose(self, x: Float32[np.ndarray, "n v c"], y: Int[np.ndarray, " n"], seed: int) -> tuple[float, float]:
        """Strength and temperature under which held-out training images are likeliest."""
        found: list[tuple[float, float, float]] = []
        labelled = np.bincount(y[y >= 0], minlength=self.classes)
        if labelled.min() < 2:
            return self.strengths[0], self.start
        for strength in self.strengths:
            scores = held_out(self._fit_and_score(strength), x, y, classes=self.classes, seed=seed)
            temperature, loss = best_temperature(scores, y[y >= 0], start=self.start)
            found.append((loss, strength, temperature))
        _, strength, temperature = min(found, key=lambda one: one[0])
        return strength, temperature

    def _fit_and_score(self, strength: float) -> Any:
        def run(
            x: Float32[np.ndarray, "m c"], y: Int[np.ndarray, " m"], to: Float32[np.ndarray, "n c"]
        ) -> Float[np.ndarray, "n k"]:
            learnt = self.learn(x, y, strength=strength)
            arrays = {name: torch.from_numpy(np.asarray(value, np.float32)) for name, value in learnt.items()}
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


def check_positive(**values: float) -> None:
    """Refuse options that must be above 0.

    Raises:
        ValueError: names the option.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise ValueError(f"{name} must be a number above 0, not {value!r}")


def strengths_of(wish: float | str, grid: Sequence[float], *, name: str) -> tuple[float, ...]:
    """What cross-fitting chooses from: the grid, or the one number that was given.

    Raises:
        ValueError: neither "auto" nor a number above 0.
    """
    if wish == "auto":
        return tuple(grid)
    if isinstance(wish, str):
        raise ValueError(f'{name} must be "auto" or a number above 0, not {wish!r}')
    check_positive(**{name: wish})
    return (float(wish),)
