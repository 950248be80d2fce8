"""Bags in `handful predict`: the model of bags, the table of their images, and what bags exclude."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handful.core.prediction import Predictor
    from handful.deployment.predict_table import PredictedChunk
    from handful.models.classifier import Classifier


def check_bags(classifier: "Predictor", bag: str | None) -> "Classifier | None":
    """The model of bags, where bags are to be predicted; a note where a model of bags is asked of images alone."""
    from warnings import warn

    from handful.errors import HandfulWarning

    if bag is not None:
        from handful.deployment.bag_predictions import bag_model

        return bag_model(classifier)
    if getattr(classifier, "kind", None) == "bag":
        what = "the model was trained on bags, and each image is predicted as a bag of its own; --bag COLUMN (or "
        warn(f"{what}folders) predicts bags", HandfulWarning, stacklevel=2)
    return None


def image_writer(stack: ExitStack, path: Path | None, *, overwrite: bool) -> "Callable[[PredictedChunk], None] | None":
    """What writes the images of bags to a table beside that of the bags; None: neither is written.

    Args:
        stack: holds the lock of the table.
        path: of the table of bags.
        overwrite: existing output may be replaced.

    Raises:
        OutputError: the output exists.
    """
    from handful.core.files import lock_output
    from handful.deployment.predict_table import check_outputs
    from handful.deployment.table_files import new_table

    if path is None:
        return None
    beside = path.with_stem(f"{path.stem}-images")
    stack.enter_context(lock_output(beside))
    check_outputs(beside, None, overwrite=overwrite)

    def write(chunk: "PredictedChunk") -> None:
        with new_table(beside) as write_rows:
            write_rows(chunk.columns, chunk.errors)

    return write


def refuse_groups_of_bags(bag: str | None) -> None:
    """Refuse means over groups where bags are predicted.

    Raises:
        DataError: bags were asked for.
    """
    from handful.errors import DataError

    if bag is not None:
        raise DataError("images are in bags or in groups", where="--per-group", remedy="leave it out.")


def refuse_chunks_of_bags(bag: str | None) -> None:
    """Refuse Parquet chunks of bags.

    Raises:
        OutputError: bags were asked for.
    """
    from handful.errors import OutputError

    if bag is not None:
        raise OutputError(
            "bags are pooled over all of their images", where="--bag", remedy="name a .csv or .parquet file as --out."
        )
