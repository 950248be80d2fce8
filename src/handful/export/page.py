"""A page that runs the model in a browser, by itself: the graph and onnxruntime-web are in it, and no network is asked.

onnxruntime-web (MIT) is not shipped with handful: `make web` takes it from npm into the folder `RUNTIME`.
"""

import base64
import gzip
import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import handful
from handful.classifier import Classifier
from handful.data.images import MAX_PIXELS
from handful.errors import OutputError
from handful.export.to_onnx import export_onnx
from handful.jsonable import jsonable
from handful.onnx_model import OnnxModel, load_onnx
from handful.overlay import palette
from handful.page import write_page

RUNTIME = Path(handful.__file__).parent / "vendor" / "onnxruntime-web"
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
    draft = path.with_name(f".{path.name}.part")
    try:
        write_page(draft, "model.html.j2", values)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return names


def page_values(model: OnnxModel, *, guarded: bool, privacy: str) -> dict[str, Any]:
    """What the template needs of a model. `guarded`: the server asks for a token."""
    known = {
        "classes": model.classes,
        "size": model.size,
        "resize": model.resize,
        "colours": palette(len(model.classes)).tolist(),
        "coverage": (model.coverage or {}).get("coverage"),
        "false_rejection": model.false_rejection,
        "most_pixels": MAX_PIXELS,
        "guarded": guarded,
    }
    facts = {"name": model.name, "about": about(model), "privacy": privacy}
    return {"facts": facts, "known": _script_json(jsonable(known)), "licence": "", "version": ""}


def about(model: OnnxModel) -> list[tuple[str, str]]:
    """What a reader may want to know of the model."""
    card = model.card
    images = card.get("images_per_class", {})
    counts = ", ".join(f"{name} {n}" for name, n in images.items()) if isinstance(images, dict) else ""
    rows = [
        ("Classes", ", ".join(model.classes)),
        ("Training images", counts),
        ("Working size", f"{model.size[0]} x {model.size[1]} pixels ({model.resize})"),
        ("Temperature", str(card.get("calibration", {}).get("temperature", ""))),
        ("Data", str(card.get("data", {}).get("fingerprint", ""))),
        ("Made with", f"handful {card.get('handful', handful.__version__)}"),
    ]
    return [(name, value) for name, value in rows if value]


def _script_json(value: Any) -> Any:
    """JSON that may stand in a script element."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False)
    return Markup(re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _packed(data: bytes) -> str:
    return _text(gzip.compress(data, compresslevel=9, mtime=0))


def _version(runtime: Path) -> str:
    found = re.search(rb"ONNX Runtime Web v([\d.]+)", (runtime / SCRIPT).read_bytes()[:400])
    return found[1].decode() if found else ""
