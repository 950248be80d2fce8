"""Labels spread from labelled to unlabelled images along a graph of neighbors in frozen features.

Zhou et al. 2004 (Learning with Local and Global Consistency), on the graph of Iscen et al. 2019
(https://arxiv.org/abs/1904.04717): images are joined to their nearest `neighbors` with weight cosine ** `power`. An
image that was not in the graph takes the mean of its nearest neighbors' class shares in it, by the same weights.

The unlabelled images are those that training is given. Those to be scored are among them only in a transductive
evaluation, which has to be asked for. Without unlabelled images the graph is over the labelled ones. The papers take 50
neighbors and a spread of 0.99; the defaults were found on draws of CIFAR-10's training part.
"""

from torch import nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.parts.heads._propagation import LabelPropagation

fitted = True
own_classes = True
uses_unlabelled = True


def build(
    context: Context,
    *,
    backbone: Backbone,
    neighbors: int = 10,
    spread: float = 0.8,
    power: float = 3.0,
    center: bool = True,
    l2: bool = True,
    tukey: float = 1.0,
) -> nn.Module:
    """Label propagation.

    Args:
        context: gives the classes.
        backbone: what the maps come from.
        neighbors: how many each image is joined to.
        spread: share of an image's label that comes from its neighbors, the papers' alpha; below 1.
        power: of the cosine, the papers' gamma.
        center: subtract the mean of all images that training is given.
        l2: bring features to length 1; cosines are taken either way.
        tukey: power that features are raised to first; 1: as they are, 0.5: their square root.

    Raises:
        ValueError: an option out of range.
    """
    return LabelPropagation(
        backbone.channels, len(context.task.classes), neighbors=neighbors, spread=spread, power=power,
        center=center, l2=l2, tukey=tukey,
    )  # fmt: skip
