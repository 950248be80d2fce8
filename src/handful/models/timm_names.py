"""Names of timm's models and weights, read from its source files: importing timm loads PyTorch, which takes seconds."""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

REGISTERED = re.compile(r"^@register_model\s+def (\w+)\(", re.MULTILINE)
TAGGED = re.compile(r"""['"](\w+)\.(\w+)['"]""")
UNTRAINED = "untrained"  # tag of configurations without weights


def may_be_model(name: str) -> bool:
    """Whether timm may know a model, by its present name or a former one; False is certain."""
    return _occurs(rf"(?:^def {re.escape(name)}\(|['\"]{re.escape(name)}(?:\.\w+)?['\"])")


def may_be_tag(tag: str) -> bool:
    """Whether timm may have weights of this tag, of whatever model; False is certain."""
    return _occurs(rf"[.'\"]{re.escape(tag)}['\"]")


@cache
def timm_names() -> tuple[str, ...]:
    """Names of models, with the tags of their weights and without."""
    models = frozenset(REGISTERED.findall(_sources()))
    tagged = {f"{m}.{tag}" for m, tag in TAGGED.findall(_sources()) if m in models and tag != UNTRAINED}
    return tuple(sorted(models | tagged))


def _occurs(pattern: str) -> bool:
    """Whether a pattern is in the sources, or these cannot be read."""
    return not _sources() or re.search(pattern, _sources(), re.MULTILINE) is not None


@cache
def _sources() -> str:
    spec = find_spec("timm")  # without importing it
    files = [] if spec is None or spec.origin is None else sorted((Path(spec.origin).parent / "models").glob("*.py"))
    return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)
