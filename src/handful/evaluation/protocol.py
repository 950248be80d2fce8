"""Evaluation protocol: which images each training run is trained on, and which it is scored on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Int

from handful.core.dataset import Dataset
from handful.data import splits
from handful.data.long_tail import Order, class_balanced, long_tail
from handful.data.split_checks import refuse_one_group
from handful.data.unlabelled import Unlabelled
from handful.errors import ProtocolError, alternatives, offers, option

ScoreOn = Literal["test", "rest", "val"]

VAL_SCORED = "Scored on the val split. If settings were chosen with its images, scores on new images will be lower."


@dataclass(frozen=True)
class Protocol:
    """How a recipe is scored.

    Attributes:
        draws: numbers of the draws. A draw's number decides which images are drawn (or how the folds are cut) and
            seeds the training.
        per_class: M, labelled images per class to train on; None takes all.
        folds: cut the training part into this many folds, stratified, groups kept whole; again for each draw.
        long_tail: rho: draw a long tail, in which `per_class` is the images of the largest class and the smallest has
            one for each rho of these; what is scored is then cut to as many images of each class.
        tail_order: which classes are large: the first ones ("classes"), or others in each draw ("seeded").
        score_on: "test": the test part the data brings; where it brings none, what was left out of training (a
            fold, or the rest of the pool), so that train and test are re-split with each draw. "rest": always the
            training images that were left out; for development, when the test part must stay unseen. "val": the val
            part, which is never trained on; a result then says so in its recipe's name, since settings that were
            chosen with these images make its score too high.
        unlabelled: what recipes that use images without labels get beside the drawn ones: "none"; "given": the training
            images that have no label; "rest": these, and those that a draw left over and that are not scored.
        transductive: whether such recipes also get the images to be scored, without their labels. A result then says
            so in its recipe's name: its score is for exactly these images, seen beforehand.

    Example:
        >>> from handful import Protocol
        >>> Protocol(draws=(0, 1, 2), per_class=5).score_on
        'test'
    """

    draws: tuple[int, ...] = (0, 1, 2, 3, 4)
    per_class: int | None = None
    folds: int | None = None
    score_on: ScoreOn = "test"
    long_tail: float | None = None
    tail_order: Order = "classes"
    unlabelled: Unlabelled = "none"
    transductive: bool = False

    def __post_init__(self) -> None:
        """Refuse values that contradict each other or are out of range."""
        if not self.draws or len(set(self.draws)) < len(self.draws) or min(self.draws) < 0:
            raise ProtocolError(
                "draws must be different numbers from 0 up",
                where=option("draws", self.draws),
                remedy="e.g. (0, 1, 2, 3, 4).",
            )
        if self.score_on not in get_args(ScoreOn):
            raise ProtocolError(f"cannot score on {self.score_on!r}", remedy='choose "test", "rest" or "val".')
        if self.unlabelled not in get_args(Unlabelled):
            raise ProtocolError(
                f"unknown value {self.unlabelled!r}",
                where=option("unlabelled", None),
                remedy='"none", "given" or "rest".',
            )
        if self.tail_order not in ("classes", "seeded"):
            raise ProtocolError(
                f"unknown order {self.tail_order!r}", where=option("tail_order", None), remedy='"classes" or "seeded".'
            )
        if self.long_tail is not None and self.folds is not None:
            raise ProtocolError(
                "a long tail cannot be combined with folds",
                where=f"{option('long_tail', self.long_tail)}, {option('folds', self.folds)}",
                remedy="leave one of them out.",
            )
        if self.long_tail is None and self.tail_order != "classes":
            raise ProtocolError(
                "an order needs a long tail",
                where=option("tail_order", None),
                remedy=f"e.g. {option('long_tail', 100)}.",
            )


@dataclass(frozen=True, eq=False)
class TrainTestSplit:
    """The images of one training run: those to train on, and those to score.

    `pool` counts the images of each class that they were drawn from.
    """

    draw: int
    fold: int | None
    train: Dataset
    test: Dataset
    pool: Int[np.ndarray, " k"] | None = None


def splits_of(data: Dataset, protocol: Protocol) -> list[TrainTestSplit]:
    """Split a data set for each training run of a protocol: draw by draw, and fold by fold.

    Raises:
        ProtocolError: the protocol leaves nothing to score, or would score on something other than it says.
        DataError: a class has too few images for it.
    """
    test_split = None
    if protocol.score_on == "val":
        test_split = splits.scored_split(data, "val")
    elif protocol.score_on == "test" and len(data.split("test")):
        test_split = splits.scored_split(data, "test")
    _refuse_unscorable(data, protocol, test_split)
    pool = splits.training_split(data).counts
    return [
        TrainTestSplit(draw, fold, train, test, pool)
        for draw in protocol.draws
        for fold, train, test in _splits_of_draw(data, protocol, draw, test_split)
    ]


def _splits_of_draw(
    data: Dataset, protocol: Protocol, draw: int, test_split: Dataset | None
) -> Iterator[tuple[int | None, Dataset, Dataset]]:
    """Fold, training images and scored images of each run of one draw."""
    m = protocol.per_class
    if protocol.folds is not None:
        for fold, (train, held_out) in enumerate(splits.folds(data, protocol.folds, draw)):
            yield fold, train if m is None else splits.draw(train, m, draw)[0], held_out
        return
    if m is None:
        assert test_split is not None
        pool = splits.training_split(data)
        yield None, pool.supervised(), test_split
        return
    if protocol.long_tail is None:
        train, rest = splits.draw(data, m, draw)
        test = rest if test_split is None else test_split
    else:
        train, rest = long_tail(data, m, protocol.long_tail, draw, order=protocol.tail_order)
        test = class_balanced(rest, draw) if test_split is None else class_balanced(test_split, 0)
    if not len(test):
        refuse_one_group(train)
        cross_validate = [f"cross-validate ({option('folds', 5)})"] if offers("folds") else []
        raise ProtocolError(
            "the draw takes every labelled image, and none is left to score",
            where=option("per_class", m),
            remedy=alternatives(["draw fewer per class", *cross_validate]),
        )
    yield None, train, test


def _refuse_unscorable(data: Dataset, protocol: Protocol, test_split: Dataset | None) -> None:
    if protocol.folds is not None and test_split is not None:
        raise ProtocolError(
            f"the data has a {protocol.score_on} split, and folds would leave it out",
            where=option("folds", protocol.folds),
            remedy=f"leave out the folds, or cross-validate on the training split ({option('score_on', 'rest')}).",
        )
    if protocol.folds is not None or protocol.per_class is not None:
        return
    if protocol.long_tail is not None:
        raise ProtocolError(
            "a long tail needs the number of images of its largest class",
            where=option("long_tail", protocol.long_tail),
            remedy=f"give the number of images per class as well ({option('per_class', 50)}).",
        )
    if test_split is None:
        raise ProtocolError(
            "every labelled image would be trained on, and none is left to score",
            where=splits.split_sizes(data),
            remedy=splits.ways_to_score(data),
        )
