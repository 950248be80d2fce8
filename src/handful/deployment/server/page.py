"""The page of the server: that of `handful export --to html`, but the server computes."""

from dataclasses import dataclass

from handful.deployment.model_page import fill, page_values
from handful.models.onnx_model import OnnxModel

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src blob: data:; "
    "connect-src 'self' blob: data:; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class ServedPage:
    """HTML, and the policy that it is to be sent with."""

    text: str
    policy: str = POLICY


def served_page(model: OnnxModel, *, guarded: bool) -> ServedPage:
    """The page of a model. `guarded`: it asks the user for the token."""
    privacy = "Images are sent to this server alone, and not kept."
    values = page_values(model, guarded=guarded, privacy=privacy)
    return ServedPage(fill({**values, "policy": POLICY.removesuffix("; frame-ancestors 'none'")}))
