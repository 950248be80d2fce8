"""`handful serve`: a model behind a page and a REST API."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from handful.cli import _options as o
from handful.core.sockets import LOCAL


def serve(
    model: Annotated[
        Path,
        Argument(
            metavar="MODEL",
            show_default=False,
            help="File that `handful export` wrote (.onnx), or folder that `handful fit` wrote (exported first).",
        ),
    ],
    host: Annotated[str, Option(metavar="NAME", help="127.0.0.1: this machine alone. 0.0.0.0: every network.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, Option(metavar="N", min=0, max=65535, help="0: a free one.")] = 8000,
    token: Annotated[
        str | None,
        Option(
            metavar="TEXT",
            envvar="HANDFUL_TOKEN",
            show_default=False,
            show_envvar=True,
            help="Answer only requests that carry it: Authorization: Bearer TEXT.",
        ),
    ] = None,
    workers: Annotated[int, Option(metavar="N", min=1, help="Processes; each holds the model.")] = 1,
    megabytes: Annotated[float, Option(metavar="MB", help="The largest request.")] = 20.0,
    megapixels: Annotated[float, Option(metavar="MP", help="The largest image.")] = 40.0,
    batch: Annotated[int, Option(metavar="N", min=1, help="Images in one request.")] = 32,
    waiting: Annotated[int, Option(metavar="N", min=1, help="Requests at once for each worker; more get 429.")] = 32,
    seconds: Annotated[float, Option(metavar="S", help="For a request to come in and be answered.")] = 30.0,
    json: o.Json = False,
) -> None:
    """Serve a model as a page and a REST API.

    On the page one drops images. POST an image to /predict, or several to /predict/batch; /openapi.json describes
    both, /health and /ready say how it is, /metrics counts for Prometheus. Ctrl-C or SIGTERM ends it when what it took
    on is answered.
    """
    import sys
    from tempfile import TemporaryDirectory

    from handful.cli._errors import say
    from handful.cli._output import print_json, print_text
    from handful.models.onnx_model import load_onnx

    _refuse_without_server()
    from handful.deployment.server.limits import Limits
    from handful.deployment.server.run import serve as run

    limits = Limits(megabytes, megapixels, batch, waiting, seconds)
    with TemporaryDirectory(prefix="handful-") as folder:
        graph = model
        if model.is_dir():
            from handful.deployment.export.to_onnx import export_onnx
            from handful.saving.classifier import load_classifier

            graph = Path(folder) / "model.onnx"
            export_onnx(load_classifier(model), graph)
        known = load_onnx(graph, threads=1)
        if host not in LOCAL and token is None:
            say("Note", "everyone who reaches this machine can ask: give --token, or HANDFUL_TOKEN.", style="yellow")

        def tell(address: str) -> None:
            if json:
                print_json({"address": address, "model": known.name, "classes": known.classes})
            else:
                print_text(f"{known.name} at {address} (Ctrl-C ends it)")
            sys.stdout.flush()  # a pipe or a journal sees it at once

        run(graph, host=host, port=port, token=token, workers=workers, limits=limits, on_start=tell)


def _refuse_without_server() -> None:
    from importlib.util import find_spec

    from handful.errors import ModelError

    missing = [name for name in ("fastapi", "python_multipart", "uvicorn", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise ModelError(f"serving needs {missing[0].replace('_', '-')}", remedy='pip install "handful[serve]".')
