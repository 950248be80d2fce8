"""Packages that export and server need beyond the default installation, looked for without importing any."""

from importlib.util import find_spec
from pathlib import Path

from handful.errors import ModelError

EXPORT = ("onnx", "onnxruntime", "onnxscript")  # for ONNX files, and for pages, which contain one
SERVER = ("fastapi", "python_multipart", "uvicorn", "onnxruntime")
INSTALL_EXPORT = 'pip install "handful[onnx]"'
INSTALL_SERVER = 'pip install "handful[serve]"'  # for .onnx files
INSTALL_BOTH = 'pip install "handful[onnx,serve]"'  # for folders, which are exported first


def refuse_without_export(path: Path) -> None:
    """Refuse an export for which a package is not installed.

    Raises:
        ModelError: names the extra.
    """
    missing = _missing(EXPORT)
    if missing:
        raise ModelError(f"the export needs {' and '.join(missing)}", where=path, remedy=f"{INSTALL_EXPORT}.")


def refuse_without_server(*, folder: bool) -> None:
    """Refuse to serve where a package is not installed.

    Args:
        folder: the model is a folder, which is exported first.

    Raises:
        ModelError: names the extra.
    """
    missing = _missing((*SERVER, *(EXPORT if folder else ())))
    if missing:
        raise ModelError(
            f"the server needs {missing[0].replace('_', '-')}, which is not installed",
            remedy=f"{INSTALL_BOTH if folder else INSTALL_SERVER}.",
        )


def serves_folders() -> bool:
    """Whether everything is installed that serving a model's folder needs."""
    return not _missing((*SERVER, *EXPORT))


def _missing(packages: tuple[str, ...]) -> list[str]:
    return [name for name in packages if find_spec(name) is None]
