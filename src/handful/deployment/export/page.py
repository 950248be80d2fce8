"""Export to a self-contained HTML page that runs the model in the browser: it makes no network requests.

The page contains the ONNX model and onnxruntime-web (MIT), which is not part of handful (`browser_runtime`).
"""

import base64
import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

from handful.core.files import write_atomically
from handful.deployment.export.browser_runtime import BrowserRuntime, load_runtime
from handful.deployment.export.to_onnx import export_onnx
from handful.deployment.model_page import page_values, render_page
from handful.models.classifier import Classifier
from handful.models.kind_checks import refuse_number_model
from handful.models.load_onnx import load_onnx

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; style-src 'unsafe-inline'; "
    "img-src blob: data:; connect-src blob: data:"
)
PRIVACY = "The model runs in this page: no image leaves this device."


def export_page(classifier: Classifier, path: Path, *, runtime: BrowserRuntime | None = None) -> tuple[str, ...]:
    """Write a classifier that is on the CPU as one HTML file, whole or not at all.

    Args:
        classifier: what to export.
        path: the HTML file.
        runtime: onnxruntime-web; None: the cached copy, which is fetched if there is none.

    Returns:
        The model's outputs, as `export_onnx` names them.

    Raises:
        OutputError: onnxruntime-web cannot be had.
        ModelError: as in `export_onnx`.
    """
    refuse_number_model(classifier.kind, "a page", where=classifier.recipe.name)
    runtime = load_runtime() if runtime is None else runtime
    with TemporaryDirectory() as folder:
        graph = Path(folder) / "model.onnx"
        names = export_onnx(classifier, graph)
        model = load_onnx(graph, threads=1)
        values = {
            **page_values(model, token_required=False, privacy=PRIVACY),
            "policy": POLICY,
            "runtime": _base64(runtime.script),
            "wasm": _base64_gzip(runtime.wasm),
            "model": _base64_gzip(graph.read_bytes()),
            "license": runtime.license,
            "version": runtime.version,
        }
    with write_atomically(path) as draft:
        draft.write_text(render_page(values), encoding="utf-8")
    return names


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _base64_gzip(data: bytes) -> str:
    return _base64(gzip.compress(data, compresslevel=9, mtime=0))
