"""The command line. Commands import what they need when they run, so that `handful --help` is fast."""

import typer

from handful.cli._errors import ErrorHandlingGroup
from handful.cli.annotate import annotate
from handful.cli.card import card
from handful.cli.compare import compare
from handful.cli.cost import cost
from handful.cli.demo import demo
from handful.cli.distil import distil
from handful.cli.ensemble import ensemble
from handful.cli.evaluate import evaluate
from handful.cli.explain import explain
from handful.cli.export import export
from handful.cli.fit import fit
from handful.cli.hierarchy import hierarchy
from handful.cli.inspect import inspect
from handful.cli.labels import labels
from handful.cli.predict import predict
from handful.cli.propagate import propagate
from handful.cli.recipes import recipes
from handful.cli.serve import serve
from handful.cli.sweep import sweep

RENAMED = {"part-size": "chunk-size", "parts": "chunks"}  # earlier names of options, which still work


def _current_name(option: str) -> str:
    return RENAMED.get(option, option)


app = typer.Typer(
    cls=ErrorHandlingGroup,
    name="handful",
    help="Image classifiers from a handful of labelled images, and the honest number to go with them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"token_normalize_func": _current_name},
)
for command in (
    demo,
    recipes,
    fit,
    evaluate,
    sweep,
    compare,
    propagate,
    annotate,
    predict,
    explain,
    ensemble,
    distil,
    export,
    serve,
    hierarchy,
    inspect,
    labels,
    card,
    cost,
):
    app.command()(command)


def _version(requested: bool) -> bool:
    if requested:
        from handful._version import __version__

        typer.echo(f"handful {__version__}")
        raise typer.Exit
    return requested


@app.callback()
def _top(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    del version


def main() -> None:
    """The `handful` command."""
    app()
