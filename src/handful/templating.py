"""How the pages' templates are filled in; no PyTorch, since an exported model's page has none either."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment() -> Environment:
    """Templates of this package: what is filled in is escaped, and what is missing is an error."""
    return Environment(
        loader=PackageLoader("handful"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
