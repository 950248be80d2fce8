"""Unlabelled images for semi-supervised and transductive training."""

from dataclasses import replace
from typing import Literal

from handful.core.dataset import Dataset
from handful.errors import ProtocolError, option

Unlabelled = Literal["none", "given", "rest"]


def with_an_unlabelled_sample(data: Dataset) -> Dataset:
    """The data with one more image that has no label, if all have one: for checks of what runs with such would do."""
    if not data.samples or any(not s.supervised for s in data.samples):
        return data
    first = data.select([0]).without_labels().samples[0]
    return replace(data, samples=(*data.samples, replace(first, id=f"{first.id}, without its label")))


def unlabelled_samples(
    data: Dataset, train: Dataset, scored: Dataset, *, which: Unlabelled, transductive: bool
) -> Dataset:
    """The samples that a run learns from without labels, in addition to `train`; their labels are not removed here.

    Args:
        data: the whole data set.
        train: the labelled training images of the run.
        scored: the images that the run is scored on. They are returned only if `transductive`.
        which: "none"; "given": training images that have no label; "rest": these, and all training images outside the
            draw.
        transductive: also return the scored images.

    Raises:
        ProtocolError: `which` is not "none", and there are no such images.
    """
    train_ids, scored_ids = set(train.ids), set(scored.ids)
    pool = [s for s in data.split("train", None).samples if s.id not in train_ids and s.id not in scored_ids]
    unlabelled = [s for s in pool if which == "rest" or (which == "given" and not s.labelled)]
    if which != "none" and not unlabelled:
        raise ProtocolError(
            "no unlabelled images found",
            where=option("unlabelled", which),
            remedy='leave it out, or use "rest" if the draws leave images that are not scored.',
        )
    return replace(data, samples=(*unlabelled, *(scored.samples if transductive else ())))
