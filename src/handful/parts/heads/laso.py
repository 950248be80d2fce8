"""Label-set operations (LaSO): logistic regression per class on features, and on combinations of the features of two.

Alfassy et al. 2019 (https://arxiv.org/abs/1902.09811). Three networks map the features of two images A and B to those
of an image whose label set is the intersection, the union or the difference of theirs. They are trained on pairs of
training images against a fixed classifier, logistic regression per class on the real features. Terms of the loss:

- binary cross-entropy of the made features with their label sets, also where operations follow one another: (A - B) - B
  and A - (A and B) show what A - B shows, and the union of A - B with A and B shows what A shows;
- squared error between these, between A and the features that are put together again, without which all images of a
  label set would be made alike, and between what the intersection and the union make of A, B and of B, A.

Then logistic regression per class is fitted to the real features and, for each image, each chosen operation and one
random partner, to those that are made. The paper trains the networks on many images of other classes; here they learn
from the training images alone, on principal components of their features.

Labels are three-valued (Kleene): the intersection is absent where either entry is and present where both are, the union
the other way round, and else an entry is unknown (NaN). The difference is the intersection with the complement of the
second. Unknown entries have no loss.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._bags import principal_axes
from handful.parts.heads._feature_transform import DEFAULT, FeatureTransform
from handful.parts.heads._fitted import strengths_of
from handful.parts.heads.logistic import GRID, Logistic

fitted = True
own_classes = True
multilabel = True
needs_multilabel = True
Operation = Literal["intersection", "union", "difference"]
Made = tuple[Float32[np.ndarray, "s c"], Float32[np.ndarray, "s k"]]
COMPONENTS, HIDDEN = 64, 128  # length of the networks' input, half of it, and of their hidden layers
STEPS, PAIRS, LR = 200, 32, 2e-3
CLASSIFIER_C = 10.0  # of the fixed classifier


def intersection(a: Float[Tensor, "p k"], b: Float[Tensor, "p k"]) -> Float[Tensor, "p k"]:
    """1 where both entries are 1, 0 where one is 0, else NaN."""
    return torch.where((a == 0) | (b == 0), 0.0, a * b)


def union(a: Float[Tensor, "p k"], b: Float[Tensor, "p k"]) -> Float[Tensor, "p k"]:
    """1 where one entry is 1, 0 where both are 0, else NaN."""
    return 1 - intersection(1 - a, 1 - b)


def difference(a: Float[Tensor, "p k"], b: Float[Tensor, "p k"]) -> Float[Tensor, "p k"]:
    """1 where a is 1 and b is 0, 0 where a is 0 or b is 1, else NaN."""
    return intersection(a, 1 - b)


OPERATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "intersection": intersection,
    "union": union,
    "difference": difference,
}


class SetNetworks(nn.Module):
    """A network for each operation, and the fixed linear classifier that they are trained against."""

    def __init__(self, weight: Float[Tensor, "k e"], bias: Float[Tensor, " k"]) -> None:
        super().__init__()
        self.weight, self.bias = weight, bias
        self.networks = nn.ModuleDict({name: _network(weight.shape[1]) for name in OPERATIONS})

    def make(self, operation: str, a: Float[Tensor, "p e"], b: Float[Tensor, "p e"]) -> Float[Tensor, "p e"]:
        """Features whose label set is that of an operation."""
        made: Tensor = self.networks[operation](torch.cat([a, b], dim=1))
        return made

    def loss(self, x: Float[Tensor, "p e"], labels: Float[Tensor, "p k"]) -> Float[Tensor, ""]:
        """The sum of all terms; the partner of a row is the one half of the rows away."""
        half = len(x) // 2
        y, other = x.roll(half, 0), labels.roll(half, 0)
        shared, both, only = (self.make(name, x, y) for name in OPERATIONS)
        less, without = self.make("difference", only, y), self.make("difference", x, shared)
        again = self.make("union", only, shared)
        left = difference(labels, other)
        classified = [(shared, intersection(labels, other)), (both, union(labels, other)), (again, labels)]
        classified += [(made, left) for made in (only, less, without)]
        equal = [(again, x), (less, only), (without, only)]
        equal += [(made, made.roll(half, 0)) for made in (shared, both)]
        terms = [self._cross_entropy(made, of) for made, of in classified] + [F.mse_loss(a, b) for a, b in equal]
        return torch.stack(terms).sum()

    def _cross_entropy(self, x: Float[Tensor, "p e"], labels: Float[Tensor, "p k"]) -> Float[Tensor, ""]:
        """The mean over the known entries; 0 without any."""
        known = ~labels.isnan()
        losses = F.binary_cross_entropy_with_logits(
            F.linear(x, self.weight, self.bias), labels.nan_to_num(), reduction="none"
        )
        return (losses * known).sum() / known.sum().clamp_min(1)


def _network(size: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before in (2 * size, HIDDEN):
        layers += [nn.Linear(before, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(HIDDEN, size))


class Laso(Logistic):
    """Keeps `weight` and `bias`; the networks are not kept."""

    operations: tuple[str, ...] = tuple(OPERATIONS)
    seed: int = 0

    def __init__(self, channels: int, classes: int, transform: FeatureTransform) -> None:
        super().__init__(channels, classes, transform)
        self._made: dict[bytes, Made] = {}

    def fit(
        self,
        features: Float[Tensor, "n v c"],
        labels: Int[Tensor, " n"],
        *,
        seed: int,
        targets: Float[Tensor, "n k"] | None = None,
    ) -> None:
        """Fit to the features of v views of each image; see the base class."""
        self.seed = seed
        super().fit(features, labels, seed=seed, targets=targets)
        self._made.clear()

    def learn_multilabel(
        self, x: Float32[np.ndarray, "m c"], targets: Float32[np.ndarray, "m k"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """A regression per class on real and made features."""
        if len(x) < 2:
            return super().learn_multilabel(x, targets, strength=strength)
        key = x.tobytes()  # every strength is tried on the same folds
        if key not in self._made:
            self._made[key] = self.synthesize(x, targets)
        made, labels = self._made[key]
        real_and_made = np.concatenate([x, made]), np.concatenate([targets, labels])
        return super().learn_multilabel(*real_and_made, strength=strength)

    def synthesize(self, x: Float32[np.ndarray, "m c"], targets: Float32[np.ndarray, "m k"]) -> Made:
        """Features that networks trained on these make, one of each row and operation, and their label sets."""
        axes = principal_axes(x, COMPONENTS)
        z = x @ axes
        scale = float(z.std())
        learned = super().learn_multilabel(x, targets, strength=CLASSIFIER_C)
        weight, bias = (torch.from_numpy(np.asarray(learned[name], np.float32)) for name in self.names)
        z, labels = torch.from_numpy(z / scale), torch.from_numpy(targets)
        generator = torch.Generator().manual_seed(self.seed % 2**63)
        networks = train_networks(z, labels, weight @ torch.from_numpy(axes) * scale, bias, generator)
        partner = _partners(torch.arange(len(z)), len(z), generator)
        with torch.no_grad():
            made = torch.cat([networks.make(name, z, z[partner]) for name in self.operations])
        sets = torch.cat([OPERATIONS[name](labels, labels[partner]) for name in self.operations])
        return np.asarray(made.numpy() * scale @ axes.T, dtype=np.float32), sets.numpy()


def train_networks(
    x: Float[Tensor, "m e"],
    labels: Float[Tensor, "m k"],
    weight: Float[Tensor, "k e"],
    bias: Float[Tensor, " k"],
    generator: torch.Generator,
) -> SetNetworks:
    """Networks of the operations, trained on random pairs of rows."""
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
        networks = SetNetworks(weight, bias)
        optimizer = torch.optim.Adam(networks.parameters(), LR)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
        for _ in range(STEPS):
            first = torch.randint(len(x), (PAIRS,), generator=generator)
            rows = torch.cat([first, _partners(first, len(x), generator)])
            optimizer.zero_grad()
            networks.loss(x[rows], labels[rows]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return networks.eval()


def _partners(rows: Int[Tensor, " p"], n: int, generator: torch.Generator) -> Int[Tensor, " p"]:
    """A random other one of n rows for each."""
    return (rows + torch.randint(1, n, (len(rows),), generator=generator)) % n


def build(
    context: Context,
    *,
    backbone: Backbone,
    C: float | Literal["auto"] = "auto",
    operations: Sequence[str] = tuple(OPERATIONS),
    transform: FeatureTransform = DEFAULT,
) -> nn.Module:
    """Build the head.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        C: inverse penalty of the regression, or "auto": the best of the grid of `logistic` in cross-validation.
        operations: which label sets are added: "intersection", "union", "difference".
        transform: options `center`, `l2` and `tukey`, see `FeatureTransform`.

    Raises:
        ValueError: a C or a power that is not above 0, no operation, or an unknown one.
    """
    if not operations or set(operations) - set(OPERATIONS) or len(set(operations)) < len(operations):
        raise ValueError(f"operations must be some of {', '.join(OPERATIONS)}, not {list(operations)!r}")
    head = Laso(backbone.channels, len(context.task.classes), transform)
    head.strengths = strengths_of(C, GRID, name="C")
    head.operations = tuple(operations)
    return head
