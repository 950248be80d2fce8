"""`handful serve`: serve a model as a web page and a REST API."""

import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from handful.cli import _options as o
from handful.core.sockets import LOCAL

if TYPE_CHECKING:
    from handful.models.onnx_model import OnnxModel


def serve(
    model: Annotated[
        Path,
        Argument(
            metavar="MODEL",
            show_default=False,
            help="Folder from `handful run` or `handful fit`, or .onnx file from `handful export`.",
        ),
    ],
    host: Annotated[
        str, Option(metavar="NAME", help="Address to listen on; 0.0.0.0 for all network interfaces.")
    ] = "127.0.0.1",
    port: Annotated[int, Option(metavar="N", min=0, max=65535, help="Port to listen on; 0 selects a free one.")] = 8000,
    token: Annotated[
        str | None,
        Option(
            metavar="TEXT",
            envvar="HANDFUL_TOKEN",
            show_default=False,
            show_envvar=True,
            help="Bearer token that every request must carry (Authorization: Bearer TEXT).",
        ),
    ] = None,
    workers: Annotated[
        int, Option(metavar="N", min=1, help="Number of worker processes, each with its own copy of the model.")
    ] = 1,
    megabytes: Annotated[float, Option(metavar="MB", help="Maximum size of a request, in megabytes.")] = 20.0,
    megapixels: Annotated[float, Option(metavar="MP", help="Maximum size of an image, in megapixels.")] = 40.0,
    batch: Annotated[int, Option(metavar="N", min=1, help="Maximum number of images in a request.")] = 32,
    waiting: Annotated[
        int,
        Option(
            metavar="N",
            min=1,
            help="Maximum number of concurrent requests per worker; further requests get status 429.",
        ),
    ] = 32,
    seconds: Annotated[float, Option(metavar="S", help="Timeout of a request, in seconds.")] = 30.0,
    json: o.Json = False,
) -> None:
    """Serve a model on the web.

    Serves a web page for images by drag and drop, and a REST API: /predict takes one image, /predict/batch takes
    several, and /openapi.json describes it. /health and /ready are for probes, /metrics is for Prometheus. On Ctrl-C
    or SIGTERM, the server finishes pending requests and stops.
    """
    from handful.cli._model_argument import check_model_argument
    from handful.deployment.extra_packages import refuse_without_server

    check_model_argument(model)
    refuse_without_server(folder=model.is_dir())
    from handful.core.progress import Activity
    from handful.core.sockets import refuse_address
    from handful.deployment.server.limits import Limits
    from handful.models.kind_checks import refuse_number_model
    from handful.saving.model_folder import model_folder, saved_kind

    limits = Limits(megabytes, megapixels, batch, waiting, seconds)
    refuse_address(host, port)
    saved = saved_kind(model_folder(model))
    if saved is not None:
        refuse_number_model(saved.kind, "the server", where=saved.recipe)

    with TemporaryDirectory(prefix="handful-") as folder:
        with Activity(_starting(model), shown=True, announce=True):
            from handful.deployment.server.run import serve as run
            from handful.models.load_onnx import load_onnx
            from handful.models.onnx_model import refuse_exported_numbers

            graph = _onnx_file(model, Path(folder))
            loaded = load_onnx(graph, threads=1)
            refuse_exported_numbers(loaded, "the server")
        if host not in LOCAL and token is None:
            _print_open_server()
        on_start = partial(_print_address, model=loaded, json=json)
        run(graph, host=host, port=port, token=token, workers=workers, limits=limits, on_start=on_start)


def _starting(model: Path) -> str:
    """What happens before the server answers, and how long it takes."""
    if model.is_dir():
        return "Converting the model to ONNX, then starting the server: about half a minute, more on a busy machine"
    return "Loading the model and starting the server: some seconds"


def _onnx_file(model: Path, folder: Path) -> Path:
    """The model itself if it is a file; a model folder is exported to `folder`."""
    if not model.is_dir():
        return model
    from handful.deployment.export.to_onnx import export_onnx
    from handful.models.kind_checks import refuse_number_model
    from handful.saving.classifier import load_classifier

    graph = folder / "model.onnx"
    classifier = load_classifier(model)
    refuse_number_model(classifier.kind, "the server", where=classifier.recipe.name)
    export_onnx(classifier, graph)
    return graph


def _print_open_server() -> None:
    from handful.cli._errors import print_message

    print_message(
        "Note", "anyone who can reach this machine can send requests: set --token or HANDFUL_TOKEN.", style="yellow"
    )


def _print_address(address: str, *, model: "OnnxModel", json: bool) -> None:
    from handful.cli._output import print_json, print_text

    if json:
        print_json({"address": address, "model": model.name, "classes": model.classes})
    else:
        print_text(f"{model.name} at {address} (press Ctrl-C to stop)")
    sys.stdout.flush()  # a pipe or a journal sees it at once
