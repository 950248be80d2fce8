"""Mean of a loss over the labelled pixels of each image, object and background weighted."""

from jaxtyping import Float
from torch import Tensor

from handful.core.tensors import IGNORE, Batch


def check_foreground(foreground: float | None) -> None:
    """Refuse a weight of the foreground that is not between 0 and 1.

    Raises:
        ValueError: names the value.
    """
    if foreground is not None and not 0 < foreground < 1:
        raise ValueError(f"foreground must be between 0 and 1, not {foreground}")


def labelled_mean(loss: Float[Tensor, "n h w"], batch: Batch, foreground: float | None) -> Float[Tensor, " n"]:
    """Weighted mean over the labelled pixels of each image; 0 for an image without any.

    Args:
        loss: of each pixel.
        batch: its pixel labels, and the factors of the pixels' losses.
        foreground: weight of the foreground's mean, in (0, 1); the background has the rest. None: all count equally.
    """
    labels = batch.pixel_labels
    if batch.pixel_weights is not None:
        loss = loss * batch.pixel_weights
    labelled = (labels != IGNORE).float()
    if foreground is None:
        return (loss * labelled).sum(dim=(1, 2)) / labelled.sum(dim=(1, 2)).clamp_min(1)
    object_ = (labels > 0).float()
    background = labelled - object_
    n_object, n_background = object_.sum(dim=(1, 2)), background.sum(dim=(1, 2))
    share = foreground * (n_object > 0) + (n_background == 0) * (n_object > 0) * (1 - foreground)
    object_mean = (loss * object_).sum(dim=(1, 2)) / n_object.clamp_min(1)
    background_mean = (loss * background).sum(dim=(1, 2)) / n_background.clamp_min(1)
    return share * object_mean + (1 - share) * background_mean
