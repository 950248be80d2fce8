"""The page of the prediction server: that of `handful export --to html`, with the computation on the server."""

from dataclasses import dataclass

from handful.deployment.model_page import page_values, render_page
from handful.models.onnx_model import OnnxModel

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src blob: data:; "
    "connect-src 'self' blob: data:; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class ServedPage:
    """HTML, and the content security policy to send with it."""

    text: str
    policy: str = POLICY


def make_page(model: OnnxModel, *, token_required: bool) -> ServedPage:
    """The page of a model.

    Args:
        model: what is served.
        token_required: the page asks the user for the server's token.
    """
    privacy = "Images are sent to this server only, and are not stored."
    values = page_values(model, token_required=token_required, privacy=privacy)
    return ServedPage(render_page({**values, "policy": POLICY.removesuffix("; frame-ancestors 'none'")}))
