"""The web page that shows a model's prediction for an image, computed in the browser itself or by a server."""

import json
import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from handful._version import __version__
from handful.core.json_values import jsonable
from handful.core.templating import environment
from handful.data.decoding import MAX_PIXELS
from handful.models.onnx_model import OnnxModel
from handful.reports.overlay import palette


def render_page(values: Mapping[str, Any]) -> str:
    """The page's HTML."""
    return environment("handful.reports").get_template("model.html.j2").render(values)


def page_values(model: OnnxModel, *, token_required: bool, privacy: str) -> dict[str, Any]:
    """The values of the page's template.

    Args:
        model: what the page is about.
        token_required: the server asks for a token.
        privacy: a sentence that says where the images go.
    """
    script_values = {
        "classes": model.classes,
        "size": model.size,
        "resize": model.resize,
        "colors": palette(len(model.classes)).tolist(),
        "coverage": (model.coverage or {}).get("coverage"),
        "false_rejection": model.false_rejection,
        "thresholds": model.thresholds,
        "max_pixels": MAX_PIXELS,
        "guarded": token_required,
    }
    return {
        "name": model.name,
        "about": _describe(model),
        "privacy": privacy,
        "script_values": _as_script_json(jsonable(script_values)),
        "license": "",
        "version": "",
    }


def _describe(model: OnnxModel) -> list[tuple[str, str]]:
    """Names and values of the model's properties; empty ones are left out."""
    card = model.card
    images = card.get("images_per_class", {})
    counts = ", ".join(f"{name} {n}" for name, n in images.items()) if isinstance(images, dict) else ""
    rows = [
        ("Classes", ", ".join(model.classes)),
        ("Training images", counts),
        ("Input size", f"{model.size[0]} x {model.size[1]} pixels ({model.resize})"),
        ("Thresholds", _thresholds(model)),
        ("Temperature", str(card.get("calibration", {}).get("temperature", ""))),
        ("Calibration", str(card.get("calibration", {}).get("platt_scaling_from", ""))),
        ("Data fingerprint", str(card.get("data", {}).get("fingerprint", ""))),
        ("Made with", f"handful {card.get('handful', __version__)}"),
    ]
    return [(name, value) for name, value in rows if value]


def _thresholds(model: OnnxModel) -> str:
    """The thresholds of a model of several labels per image."""
    if model.thresholds is None:
        return ""
    each = zip(model.classes, model.thresholds, strict=True)
    return ", ".join(f"{name} {100 * value:.0f} %" for name, value in each)


def _as_script_json(value: object) -> Markup:
    """JSON that is safe inside a script element."""
    text = json.dumps(value, ensure_ascii=False)
    return Markup(re.sub("[<>&\u2028\u2029]", lambda match: f"\\u{ord(match[0]):04x}", text))
