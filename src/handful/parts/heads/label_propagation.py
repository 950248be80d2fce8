"""Label propagation from labelled to unlabelled images on a nearest-neighbor graph of frozen features.

Zhou et al. 2004 (Learning with Local and Global Consistency), on the graph of Iscen et al. 2019
(https://arxiv.org/abs/1904.04717): images are joined to their nearest `neighbors` with weight cosine ** `power`. An
image that was not in the graph takes the mean of its nearest neighbors' class shares in it, by the same weights.

The unlabelled images are those of the training data. Test images are among them only in a transductive evaluation,
which has to be requested. Without unlabelled images the graph is over the labelled ones. An image with several
candidates for its class starts with an equal share of each, and never has a share of another. The papers take 50
neighbors and a spread of 0.99; the defaults were chosen on draws of CIFAR-10's training images.
"""

from torch import nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._feature_transform import DEFAULT, FeatureTransform
from handful.parts.heads._propagation import LabelPropagation

fitted = True
own_classes = True
candidates = True
uses_unlabelled = True


def build(
    context: Context,
    *,
    backbone: Backbone,
    neighbors: int = 10,
    spread: float = 0.8,
    power: float = 3.0,
    transform: FeatureTransform = DEFAULT,
) -> nn.Module:
    """Build the label propagation head.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        neighbors: how many images each image is joined to, the papers' k.
        spread: share of an image's label that comes from its neighbors, the papers' alpha; below 1.
        power: power of the cosine in an edge's weight, the papers' gamma.
        transform: options `center`, `l2` and `tukey`, see `FeatureTransform`.

    Raises:
        ValueError: an option out of range.
    """
    classes = len(context.task.classes)
    return LabelPropagation(backbone.channels, classes, transform, neighbors=neighbors, spread=spread, power=power)
