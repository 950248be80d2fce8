"""How a recipe is scored: which images each of its training runs gets, and which it is scored on."""

from dataclasses import dataclass
from typing import Literal, get_args

from handful.core.dataset import Dataset
from handful.data import splits
from handful.data.long_tail import Order, class_balanced, long_tail
from handful.data.unlabelled import Unlabelled
from handful.errors import ProtocolError

ScoreOn = Literal["test", "rest"]


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
            training images that were left out; for development, when the test part must stay unseen.
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
        """Refuse what cannot be a protocol."""
        if not self.draws or len(set(self.draws)) < len(self.draws) or min(self.draws) < 0:
            raise ProtocolError(
                "draws must be different numbers from 0 up", where=f"draws={self.draws}", remedy="e.g. (0, 1, 2, 3, 4)."
            )
        if self.score_on not in ("test", "rest"):
            raise ProtocolError(f"cannot score on {self.score_on!r}", remedy='choose "test" or "rest".')
        if self.unlabelled not in get_args(Unlabelled):
            raise ProtocolError(f"no {self.unlabelled!r}", where="unlabelled", remedy='"none", "given" or "rest".')
        if self.tail_order not in ("classes", "seeded"):
            raise ProtocolError(f"no order {self.tail_order!r}", where="tail_order", remedy='"classes" or "seeded".')
        if self.long_tail is not None and self.folds is not None:
            raise ProtocolError(
                "a long tail is drawn, and folds are cut",
                where=f"long_tail={self.long_tail:g}, folds={self.folds}",
                remedy="leave one of them out.",
            )
        if self.long_tail is None and self.tail_order != "classes":
            raise ProtocolError("there is no long tail to order", where="tail_order", remedy="e.g. long_tail=100.")


@dataclass(frozen=True, eq=False)
class TrainTestSplit:
    """One training run to be: what it trains on and what it is scored on."""

    draw: int
    fold: int | None
    train: Dataset
    test: Dataset


def splits_of(data: Dataset, protocol: Protocol) -> list[TrainTestSplit]:
    """The training runs of a protocol, split but not trained.

    Raises:
        ProtocolError: the protocol leaves nothing to score, or would score on something other than it says.
        DataError: a class has too few images for it.
    """
    brings_test = any(s.split == "test" for s in data.samples)
    fixed = splits.test_part(data) if brings_test and protocol.score_on == "test" else None
    if protocol.folds is not None:
        if fixed is not None:
            raise ProtocolError(
                "the data has a test part, and folds would leave it out",
                where=f"folds={protocol.folds}",
                remedy='leave out the folds, or say score_on="rest" to cross-validate on the training part.',
            )
        found = []
        for draw in protocol.draws:
            for fold, (train, held) in enumerate(splits.folds(data, protocol.folds, draw)):
                if protocol.per_class is not None:
                    train = splits.draw(train, protocol.per_class, draw)[0]
                found.append(TrainTestSplit(draw, fold, train, held))
        return found
    if protocol.long_tail is not None and protocol.per_class is None:
        raise ProtocolError(
            "a long tail needs the number of images of its largest class",
            where=f"long_tail={protocol.long_tail:g}",
            remedy="give per_class as well (--per-class 50).",
        )
    if protocol.per_class is None:
        if fixed is None:
            raise ProtocolError(
                "every labelled image would be trained on, and none is left to score",
                where=f'score_on="{protocol.score_on}"',
                remedy="cross-validate (folds=5), or give the number of images per class.",
            )
        pool = splits.training_part(data)
        train = pool.select([i for i, s in enumerate(pool.samples) if s.label is not None])
        return [TrainTestSplit(draw, None, train, fixed) for draw in protocol.draws]
    found = []
    for draw in protocol.draws:
        if protocol.long_tail is None:
            train, rest = splits.draw(data, protocol.per_class, draw)
            test = rest if fixed is None else fixed
        else:
            order = protocol.tail_order
            train, rest = long_tail(data, protocol.per_class, protocol.long_tail, draw, order=order)
            test = class_balanced(rest, draw) if fixed is None else class_balanced(fixed, 0)
        if not len(test):
            raise ProtocolError(
                "the draw takes every labelled image, and none is left to score",
                where=f"per_class={protocol.per_class}",
                remedy="draw fewer per class, or cross-validate (folds=5).",
            )
        found.append(TrainTestSplit(draw, None, train, test))
    return found
