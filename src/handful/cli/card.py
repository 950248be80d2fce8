"""`handful card`: show a model card, or add scores and notes to it."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from handful.cli import _options as o


def card(
    model: Annotated[Path, Argument(metavar="MODEL", show_default=False, help="Model folder (from `handful fit`).")],
    log: Annotated[
        Path | None,
        Option(metavar="FILE", show_default=False, help="Log of evaluate or sweep with scores to add."),
    ] = None,
    use: Annotated[str | None, Option(metavar="TEXT", show_default=False, help="Intended use of the model.")] = None,
    limits: Annotated[
        str | None, Option(metavar="TEXT", show_default=False, help="Known limitations of the model.")
    ] = None,
    json: o.Json = False,
) -> None:
    """Show or complete a model card.

    The card is MODEL/CARD.md, with its values in MODEL/card.json; the weights are not changed.
    """
    from handful.cli._output import print_json, print_lines, print_to_stderr
    from handful.saving.model_card import read_card

    shown = read_card(model) if log is None and use is None and limits is None else None
    if shown is None:
        with print_to_stderr():
            shown = _updated(model, log, use=use, limits=limits)
    values, text = shown
    if json:
        print_json({"model": str(model), **values})
    else:
        print_lines(text)


def _updated(model: Path, log: Path | None, *, use: str | None, limits: str | None) -> tuple[dict[str, Any], str]:
    """The values and the text of a card that was completed, for which the model is loaded."""
    from handful.evaluation.results_log import read_results
    from handful.reports.card_scores import update_card
    from handful.saving.model_card import CARD
    from handful.saving.model_folder import model_folder

    model = model_folder(model)
    results = [] if log is None else read_results(log)
    classifier = update_card(model, results=results, use=use, limits=limits)
    return dict(classifier.card), (model / CARD).read_text(encoding="utf-8")
