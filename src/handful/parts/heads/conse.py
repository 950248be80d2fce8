"""Zero-shot classifier of a network that was trained on ImageNet: ConSE (Norouzi et al. 2014, arXiv 1312.5650).

The ImageNet classes that the network sees in an image are averaged as text vectors, and compared with the vectors of
the class names (see `models.zero_shot`). Nothing is learned from the images but the temperature, where each class has
two or more; it changes no predicted class. The default temperature was chosen on CIFAR-10's training images.
"""

import numpy as np
from jaxtyping import Float, Float32, Int
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.errors import RecipeError
from handful.models.zero_shot import BARE, ClassNameScores, NameTexts, embed, imagenet_arrays
from handful.parts.heads._feature_transform import FeatureTransform
from handful.parts.heads._fitted import Arrays, FittedHead
from handful.parts.traits import imagenet_classifiers

fitted = True
own_classes = True


class ConSE(FittedHead):
    """Keeps the arrays of `ClassNameScores`."""

    names = ClassNameScores.names
    start = 0.08

    def __init__(self, channels: int, classes: int, given: dict[str, Float[np.ndarray, "..."]] | None) -> None:
        super().__init__(channels, classes, FeatureTransform(center=False, l2=False))
        self.given = given

    def learn(
        self,
        x: Float32[np.ndarray, "m c"],  # noqa: ARG002
        y: Int[np.ndarray, " m"],  # noqa: ARG002
        *,
        strength: float,  # noqa: ARG002
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The arrays, which no image changes."""
        assert self.given is not None, "built for training"
        return self.given

    def score(self, x: Float[Tensor, "n c"], arrays: Arrays) -> Float[Tensor, "n k"]:
        """Cosines."""
        return embed(x, arrays["weight"], arrays["bias"], arrays["vectors"]) @ arrays["named"].T


def build(context: Context, *, backbone: Backbone, texts: NameTexts = BARE) -> nn.Module:
    """Build the zero-shot head.

    Args:
        context: gives the class names, and whether there are images to train on: a saved model has its arrays.
        backbone: what the features come from.
        texts: options `templates`, `aliases`, `descriptions` and `definitions`, see `NameTexts`.

    Raises:
        RecipeError: the backbone's features are not read by an ImageNet classifier.
        WeightsError: weights or text encoder are missing.
        DataError: class names without a vector of their own.
    """
    networks = imagenet_classifiers(context.recipe.backbone)
    if context.data is None:
        return ConSE(backbone.channels, len(context.task.classes), None)
    if not networks:
        raise RecipeError(
            "this backbone's features are not read by an ImageNet classifier",
            where="heads/conse",
            remedy='use backbone "efficientnet_lite0", "efficientnet_lite2" or "concat" of both, with the weights that '
            "they come with.",
        )
    arrays = imagenet_arrays(networks, context.task.classes, texts)
    return ConSE(backbone.channels, len(context.task.classes), arrays)
