"""Feature transform of the fitted heads: power transform, centering, scaling to unit length."""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class FeatureTransform:
    """What happens to features before a head is fitted to them, and before it scores them: three options of each head.

    The power is that of Tukey's ladder, as Yang et al. 2021 (https://arxiv.org/abs/2101.06395, equation 3) bring
    features nearer to a normal distribution: they take the square root. It needs features of one sign, as after a ReLU;
    others keep theirs, and their size is raised.

    Attributes:
        center: subtract the mean of the training images' transformed features, those without a label among them; where
            images have weights, the weighted mean.
        l2: bring features to length 1; heads that compare by the cosine score the same either way.
        tukey: power that features are raised to first; 1: as they are, 0.5: their square root.
    """

    center: bool = True
    l2: bool = True
    tukey: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a power that is not above 0."""
        check_positive(tukey=self.tukey)

    def raised(self, features: Float[Tensor, "*n c"]) -> Float[Tensor, "*n c"]:
        """Features to the power, each with its own sign. The gradient at 0 is 0: a root's own is infinite there."""
        if self.tukey == 1:
            return features
        size = features.abs()
        return features.sign() * size.masked_fill(size == 0, 1.0) ** float(self.tukey)

    def __call__(self, features: Float[Tensor, "*n c"], mean: Float[Tensor, " c"]) -> Float[Tensor, "*n c"]:
        """Features to the power, less the mean (of raised features), then of length 1, as the options say."""
        features = self.raised(features)
        features = features - mean if self.center else features
        return F.normalize(features, dim=-1) if self.l2 else features


def check_positive(**values: float) -> None:
    """Refuse options that must be above 0.

    Raises:
        ValueError: names the option.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise ValueError(f"{name} must be a number above 0, not {value!r}")


DEFAULT = FeatureTransform()
