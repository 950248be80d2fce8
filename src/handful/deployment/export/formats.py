"""Formats of exported files, and what can be refused of an export before PyTorch and the model are loaded."""

from pathlib import Path
from typing import Literal, get_args

from handful.core.files import refuse_existing
from handful.core.kind import Kind
from handful.deployment.export.browser_runtime import load_runtime
from handful.errors import ModelError, OutputError, option
from handful.models.kind_checks import refuse_bag_model, refuse_multilabel_model, refuse_number_model
from handful.saving.model_folder import model_folder, saved_kind

Format = Literal["onnx", "torch", "html"]
SUFFIXES: dict[Format, str] = {"onnx": ".onnx", "torch": ".pt2", "html": ".html"}


def file_format(path: Path, requested: Format | None = None) -> Format:
    """The format of a file by its suffix.

    Raises:
        OutputError: the suffix belongs to no format, or to another than the requested one.
    """
    formats: tuple[Format, ...] = get_args(Format)
    chosen = requested or next((f for f in formats if SUFFIXES[f] == path.suffix.lower()), None)
    if chosen is None or SUFFIXES[chosen] != path.suffix.lower():
        wanted = ", ".join(SUFFIXES.values()) if chosen is None else SUFFIXES[chosen]
        ending = f"the file ends in {path.suffix!r}" if path.suffix else "the file has no ending"
        raise OutputError(ending, where=path, remedy=f"name one in {wanted}.")
    return chosen


def refuse_int8_format(format: Format) -> None:  # noqa: A002
    """Refuse 8-bit arithmetic in a format that is not ONNX.

    Raises:
        ModelError: it is not.
    """
    if format != "onnx":
        raise ModelError(
            "8-bit arithmetic is for ONNX files only",
            where=option("int8"),
            remedy=f"add {option('to', 'onnx')}, and name a file .onnx.",
        )


def refuse_runtime(format: Format, runtime: str | Path | None) -> None:  # noqa: A002
    """Refuse the runtime of a page for another file.

    Raises:
        OutputError: the format is not that of a page.
    """
    if runtime is not None and format != "html":
        raise OutputError(
            "only a page takes the browser runtime",
            where=option("runtime", None),
            remedy="leave it out, or name an .html file.",
        )


def refuse_kind(kind: Kind, format: Format, *, int8: bool, where: str) -> None:  # noqa: A002
    """Refuse a kind of model that the format does not take.

    Args:
        kind: of the model.
        format: of the file.
        int8: in 8-bit arithmetic.
        where: name of the model's recipe.

    Raises:
        ModelError: names what takes it.
    """
    refuse_bag_model(kind, "an export", where=where)
    if format == "torch" or int8:
        refuse_multilabel_model(kind, "int8" if int8 else f"a file in {SUFFIXES[format]}", where=where)
    if format == "html":
        refuse_number_model(kind, "a page", where=where)


def refuse_early(
    path: Path, model: Path, *, requested: Format | None, int8: bool, runtime: Path | None, overwrite: bool
) -> None:
    """All that can be refused without loading the model; arguments as of `export_to`, `model` a folder that is there.

    Raises:
        OutputError, ModelError: as `export_to`.
    """
    resolved = file_format(path, requested)
    if int8:
        refuse_int8_format(resolved)
    refuse_runtime(resolved, runtime)
    if runtime is not None:
        load_runtime(runtime)
    refuse_existing(path, overwrite=overwrite)
    saved = saved_kind(model_folder(model))
    if saved is not None:
        refuse_kind(saved.kind, resolved, int8=int8, where=saved.recipe)
