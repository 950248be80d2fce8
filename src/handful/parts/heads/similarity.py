"""Zero-shot classifier: cosines of the image's vector with those of the class names (CLIP, arXiv 2103.00020).

Nothing is learned from the images but the temperature, where each class has two or more; it changes no predicted class.
With one image per class it is the labels'. Use backbone "image_text" with labels "word_embeddings" of source
"image_text" and the same model.
"""

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.errors import RecipeError
from handful.parts.heads._feature_transform import FeatureTransform
from handful.parts.heads._fitted import Arrays, FittedHead

fitted = True


class Similarity(FittedHead):
    """Keeps the class vectors `named` [k c], of length 1."""

    named: Tensor

    def __init__(self, vectors: Float[Tensor, "k c"], temperature: float) -> None:
        self.start = temperature
        super().__init__(vectors.shape[1], len(vectors), FeatureTransform(center=False, l2=True))
        self.register_buffer("named", F.normalize(vectors.float(), dim=1))

    def learn(
        self,
        x: Float32[np.ndarray, "m c"],  # noqa: ARG002
        y: Int[np.ndarray, " m"],  # noqa: ARG002
        *,
        strength: float,  # noqa: ARG002
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """Nothing."""
        return {}

    def score(self, x: Float[Tensor, "n c"], arrays: Arrays) -> Float[Tensor, "n k"]:  # noqa: ARG002
        """Cosines."""
        return x @ self.named.to(x).T


def build(context: Context, *, backbone: Backbone) -> nn.Module:
    """Build the zero-shot head.

    Args:
        context: gives the class vectors and their temperature.
        backbone: what the image vectors come from.

    Raises:
        RecipeError: the backbone's vectors have another length than the labels'.
    """
    labels = context.labels
    if labels.size != backbone.channels:
        raise RecipeError(
            f"image vectors have {backbone.channels} numbers and class vectors {labels.size}: they cannot be compared",
            where="heads/similarity",
            remedy='use backbone "image_text" and labels "word_embeddings" with source "image_text", of one model.',
        )
    return Similarity(labels.vectors, labels.temperature)
