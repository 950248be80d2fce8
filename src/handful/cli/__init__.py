"""The command line. Commands import what they need when they run, so that `handful --help` is fast."""

import typer

from handful.cli._help import Commands, GroupedCommands, register
from handful.cli._stop import end_process
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
from handful.cli.extend import extend
from handful.cli.fit import fit
from handful.cli.hierarchy import hierarchy
from handful.cli.inspect import inspect
from handful.cli.labels import labels
from handful.cli.predict import predict
from handful.cli.pretrain import pretrain
from handful.cli.propagate import propagate
from handful.cli.proportions import proportions
from handful.cli.recipes import recipes
from handful.cli.run import run
from handful.cli.serve import serve
from handful.cli.sweep import sweep

RENAMED = {"part-size": "chunk-size", "parts": "chunks"}  # earlier names of options, which still work

COMMANDS: Commands = {  # by purpose, with an example each
    "First steps": {
        run: "handful run photos/",
        inspect: "handful inspect photos/ --page findings.html",
        fit: "handful fit photos/ -r logistic --out model",
        predict: "handful predict model new-photos/ --out classes.csv",
        demo: "handful demo --out demo-out",
    },
    "Compare and measure": {
        compare: "handful compare photos/ --budget 10m",
        evaluate: "handful evaluate photos/ -r logistic --folds 5",
        sweep: "handful sweep photos/ -r knn -m 1,5 --out sweep",
        cost: "handful cost sweep/results.jsonl --label-seconds 5",
        explain: "handful explain model new-photos/ --out explained",
    },
    "Masks and annotation": {
        annotate: "handful annotate photos/ --folder annotations",
        propagate: "handful propagate photos/ --masks masks/ --out all",
    },
    "Deploy": {
        serve: "handful serve model --port 8000",
        export: "handful export model --out model.onnx",
        ensemble: "handful ensemble model model-2 --out ensemble",
        distil: "handful distil ensemble photos/ -r full -o small",
        card: 'handful card model --use "sorting leaves"',
    },
    "Details": {
        recipes: "handful recipes logistic",
        extend: "handful extend model new/ --memory photos/ -o model-2",
        pretrain: "handful pretrain scans/unlabelled --out backbone",
        labels: "handful labels photos/ --pairs 5",
        hierarchy: "handful hierarchy photos/ --out tree.svg",
        proportions: "handful proportions a.csv --bag b --shares s.csv -o y.csv",
    },
}


def _current_name(option: str) -> str:
    return RENAMED.get(option, option)


app = typer.Typer(
    cls=GroupedCommands,
    name="handful",
    help="""Image classifiers from a handful of labelled images, and the honest number to go with them.

    Start with three commands: run trains the best classifier for a folder of images and says how often it is right,
    inspect shows what is wrong with the images, and predict classifies new ones.
    `handful COMMAND --help` ends with an example.
    """,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"token_normalize_func": _current_name},
)
register(app, COMMANDS)


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
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
) -> None:
    del version, debug


def main() -> None:
    """The `handful` command."""
    end_process(app)
