"""Export to a self-contained HTML page that runs the model in the browser: it makes no network requests.

The page contains the ONNX model and onnxruntime-web (MIT), which is not part of handful: `make web` fetches it from
npm into the folder `RUNTIME`.
"""

import base64
import gzip
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from handful.core.files import write_atomically
from handful.deployment.export.to_onnx import export_onnx
from handful.deployment.model_page import page_values, render_page
from handful.errors import OutputError
from handful.models.classifier import Classifier
from handful.models.onnx_model import load_onnx

RUNTIME = Path(__file__).parent / "vendor" / "onnxruntime-web"
SCRIPT, WASM, LICENSE = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm", "LICENSE"
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; style-src 'unsafe-inline'; "
    "img-src blob: data:; connect-src blob: data:"
)
PRIVACY = "The model runs in this page: no image leaves this device."


def refuse_missing(runtime: Path = RUNTIME) -> None:
    """Refuse to start where onnxruntime-web is missing.

    Raises:
        OutputError: it is missing; names the make target that fetches it.
    """
    missing = [name for name in (SCRIPT, WASM, LICENSE) if not (runtime / name).is_file()]
    if missing:
        raise OutputError(
            f"the page needs onnxruntime-web, but {missing[0]} is missing",
            where=runtime,
            remedy="run `make web` once in handful's source folder (needs npm), or export to ONNX.",
        )


def export_page(classifier: Classifier, path: Path, *, runtime: Path = RUNTIME) -> tuple[str, ...]:
    """Write a classifier that is on the CPU as one HTML file, whole or not at all.

    Args:
        classifier: what to export.
        path: the HTML file.
        runtime: folder with onnxruntime-web.

    Returns:
        The model's outputs, as `export_onnx` names them.

    Raises:
        OutputError: onnxruntime-web is missing.
        ModelError: as in `export_onnx`.
    """
    refuse_missing(runtime)
    with TemporaryDirectory() as folder:
        graph = Path(folder) / "model.onnx"
        names = export_onnx(classifier, graph)
        model = load_onnx(graph, threads=1)
        values = {
            **page_values(model, token_required=False, privacy=PRIVACY),
            "policy": POLICY,
            "runtime": _base64((runtime / SCRIPT).read_bytes()),
            "wasm": _base64_gzip((runtime / WASM).read_bytes()),
            "model": _base64_gzip(graph.read_bytes()),
            "license": (runtime / LICENSE).read_text(encoding="utf-8"),
            "version": _version(runtime),
        }
    with write_atomically(path) as draft:
        draft.write_text(render_page(values), encoding="utf-8")
    return names


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _base64_gzip(data: bytes) -> str:
    return _base64(gzip.compress(data, compresslevel=9, mtime=0))


def _version(runtime: Path) -> str:
    match = re.search(rb"ONNX Runtime Web v([\d.]+)", (runtime / SCRIPT).read_bytes()[:400])
    return match[1].decode() if match else ""
