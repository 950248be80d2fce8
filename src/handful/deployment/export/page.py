"""A page that runs the model in a browser, by itself: the graph and onnxruntime-web are in it, and no network is asked.

onnxruntime-web (MIT) is not shipped with handful: `make web` takes it from npm into the folder `RUNTIME`.
"""

import base64
import gzip
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from handful.core.files import write_atomically
from handful.deployment.export.to_onnx import export_onnx
from handful.deployment.model_page import fill, page_values
from handful.errors import OutputError
from handful.models.classifier import Classifier
from handful.models.onnx_model import load_onnx

RUNTIME = Path(__file__).parent / "vendor" / "onnxruntime-web"
SCRIPT, WASM, LICENCE = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm", "LICENSE"
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; style-src 'unsafe-inline'; "
    "img-src blob: data:; connect-src blob: data:"
)


def refuse_missing(runtime: Path = RUNTIME) -> None:
    """Refuse before any work where onnxruntime-web is not there.

    Raises:
        OutputError: names the target that fetches it.
    """
    missing = [name for name in (SCRIPT, WASM, LICENCE) if not (runtime / name).is_file()]
    if missing:
        raise OutputError(
            f"the page needs onnxruntime-web, and {missing[0]} is not there",
            where=runtime,
            remedy="run `make web` in handful's source folder (it takes npm, once), or export to ONNX.",
        )


def export_page(classifier: Classifier, path: Path, *, runtime: Path = RUNTIME) -> tuple[str, ...]:
    """Write a classifier, on the CPU, as one HTML file; it appears whole or not at all.

    Returns:
        What the model in it says, as `export_onnx` names it.

    Raises:
        OutputError: onnxruntime-web is not there.
        ModelError: as `export_onnx`.
    """
    refuse_missing(runtime)
    with TemporaryDirectory() as folder:
        graph = Path(folder) / "model.onnx"
        names = export_onnx(classifier, graph)
        model = load_onnx(graph, threads=1)
        values = {
            **page_values(model, guarded=False, privacy="The model is in this page: no image leaves this device."),
            "policy": POLICY,
            "runtime": _text((runtime / SCRIPT).read_bytes()),
            "wasm": _packed((runtime / WASM).read_bytes()),
            "model": _packed(graph.read_bytes()),
            "licence": (runtime / LICENCE).read_text(encoding="utf-8"),
            "version": _version(runtime),
        }
    with write_atomically(path) as draft:
        draft.write_text(fill(values), encoding="utf-8")
    return names


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _packed(data: bytes) -> str:
    return _text(gzip.compress(data, compresslevel=9, mtime=0))


def _version(runtime: Path) -> str:
    found = re.search(rb"ONNX Runtime Web v([\d.]+)", (runtime / SCRIPT).read_bytes()[:400])
    return found[1].decode() if found else ""
