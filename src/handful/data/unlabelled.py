"""Images that a run may learn from without their labels: the data's own, what a draw left over, those to be scored."""

from dataclasses import replace
from typing import Literal

from handful.core.dataset import Dataset
from handful.errors import ProtocolError

Unlabelled = Literal["none", "given", "rest"]


def unlabelled_samples(
    data: Dataset, train: Dataset, scored: Dataset, *, which: Unlabelled, transductive: bool
) -> Dataset:
    """The samples that a run learns from beside `train`, still with what the data says of them.

    Args:
        data: everything.
        train: the labelled training images of the run.
        scored: the images it will be scored on. They are among those returned if `transductive`, and else never.
        which: "none"; "given": training images that have no label; "rest": these, and all training images that the
            draw left over.
        transductive: whether the scored images are learnt from.

    Raises:
        ProtocolError: it is asked for such images, and there are none.
    """
    used, apart = set(train.ids), set(scored.ids)
    pool = [s for s in data.split("train", None).samples if s.id not in used and s.id not in apart]
    found = [s for s in pool if which == "rest" or (which == "given" and s.label is None)]
    if which != "none" and not found:
        raise ProtocolError(
            "no unlabelled images found",
            where=f'unlabelled="{which}"',
            remedy='leave it out, or use "rest" if the draws leave images that are not scored.',
        )
    return replace(data, samples=(*found, *(scored.samples if transductive else ())))
