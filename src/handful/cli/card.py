"""`handful card`: the model card, with the scores of an evaluation."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from handful.cli import _options as o


def card(
    model: Annotated[Path, Argument(metavar="MODEL", show_default=False, help="Folder that `handful fit` wrote.")],
    log: Annotated[
        Path | None,
        Option(metavar="FILE", show_default=False, help="Log of evaluate or sweep: its scores go into the card."),
    ] = None,
    use: Annotated[str | None, Option(metavar="TEXT", show_default=False, help="What the model is meant for.")] = None,
    limits: Annotated[str | None, Option(metavar="TEXT", show_default=False, help="What is known to go wrong.")] = None,
    json: o.Json = False,
) -> None:
    """Show a model's card, or add to it.

    The card is MODEL/CARD.md, and as values MODEL/card.json; the weights are not touched.
    """
    from handful.cli._output import print_json, print_lines, working
    from handful.evaluation.results_log import read_results
    from handful.reports.card_scores import update_card
    from handful.saving.classifier import CARD

    with working():
        results = [] if log is None else read_results(log)
        classifier = update_card(model, results=results, use=use, limits=limits)
    if json:
        print_json({"model": str(model), **classifier.card})
        return
    print_lines((model / CARD).read_text(encoding="utf-8"))
