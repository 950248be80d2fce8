"""The page that shows what a model says of an image, whoever computes it: the browser itself, or a server."""

import json
import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from handful._version import __version__
from handful.core.json_values import jsonable
from handful.core.templating import environment
from handful.data.images import MAX_PIXELS
from handful.models.onnx_model import OnnxModel
from handful.reports.overlay import palette


def fill(values: Mapping[str, Any]) -> str:
    """The page's HTML."""
    return environment("handful.reports").get_template("model.html.j2").render(values)


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
    facts = {"name": model.name, "about": _about(model), "privacy": privacy}
    return {"facts": facts, "known": _script_json(jsonable(known)), "licence": "", "version": ""}


def _about(model: OnnxModel) -> list[tuple[str, str]]:
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
        ("Made with", f"handful {card.get('handful', __version__)}"),
    ]
    return [(name, value) for name, value in rows if value]


def _script_json(value: Any) -> Any:
    """JSON that may stand in a script element."""
    text = json.dumps(value, ensure_ascii=False)
    return Markup(re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text))
