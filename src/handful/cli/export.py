"""`handful export`: a trained model as one file that runs elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from handful.cli import _options as o

if TYPE_CHECKING:
    from handful.deployment.export.quantize import QuantizationReport
    from handful.models.classifier import Classifier

SUFFIXES = {"onnx": ".onnx", "torch": ".pt2", "html": ".html"}


def export(
    model: Annotated[Path, Argument(metavar="MODEL", show_default=False, help="Model folder (from `handful fit`).")],
    out: Annotated[
        Path, Option("--out", "-o", metavar="FILE", show_default=False, help="File to write: .onnx, .pt2 or .html.")
    ],
    to: Annotated[
        Literal["onnx", "torch", "html"] | None,
        Option(
            show_default=False,
            help="onnx: for onnxruntime; torch: a PyTorch program; html: a page that runs the model. By default "
            "from FILE's suffix.",
        ),
    ] = None,
    int8: Annotated[
        bool,
        Option("--int8", help="Compute in 8-bit integers: smaller, often faster; reports the effect."),
    ] = False,
    data: Annotated[
        str | None,
        Option(metavar="DATA", show_default=False, help="For --int8: the data that the model was trained on."),
    ] = None,
    overwrite: o.Overwrite = False,
    allow_outside: o.Outside = False,
    column: o.Columns = None,
    json: o.Json = False,
) -> None:
    """Export a model as one file.

    The exported model takes images of any size and has all outputs of `handful predict`: calibrated probabilities,
    conformal sets, rejection and segmentation maps. `handful predict FILE.onnx` and `handful serve FILE.onnx` run it
    without PyTorch.
    """
    from handful.cli._output import print_json, print_table, print_text, working
    from handful.core.files import refuse_existing

    with working():
        kind = _kind(out, to, int8=int8, data=data)
        refuse_existing(out, overwrite=overwrite)
        if kind == "html":
            from handful.deployment.export.page import refuse_missing

            refuse_missing()
        from handful.deployment.export.exportable import refuse_too_large
        from handful.deployment.export.quantize import refuse_int8
        from handful.saving.classifier import load_classifier

        classifier = load_classifier(model)
        refuse_too_large(classifier)
        if int8:
            refuse_int8(classifier)
        report, names = _write(classifier, kind, out, data, column, allow_outside)
    size = out.stat().st_size
    if json:
        effect = None if report is None else vars(report)
        print_json({"out": out, "format": kind, "bytes": size, "outputs": names, "int8": effect})
        return
    h, w = classifier.size
    rows = [
        ("file", f"{out} ({size / 1e6:.1f} MB)"),
        ("input", f"images of any size, resized to {h} x {w}" + (" (8-bit arithmetic)" if int8 else "")),
        ("outputs", ", ".join(names).replace("_", " ")),
    ]
    print_table(("", ""), [*rows, *_describe(report)], text=2)
    print_text(_next(kind, out))


def _write(
    classifier: "Classifier",
    kind: str,
    out: Path,
    data: str | None,
    column: list[str] | None,
    allow_outside: bool,
) -> "tuple[QuantizationReport | None, tuple[str, ...]]":
    if kind == "torch":
        from handful.deployment.export.to_torch import export_torch

        return None, export_torch(classifier, out)
    if kind == "html":
        from handful.deployment.export.page import export_page

        return None, export_page(classifier, out)
    if data is None:
        from handful.deployment.export.to_onnx import export_onnx

        return None, export_onnx(classifier, out)
    from handful.cli._data import read
    from handful.deployment.export.quantize import export_int8

    samples = read(data, columns=column, allow_outside=allow_outside, unlabelled=True)
    names, report = export_int8(classifier, samples, out)
    return report, names


def _kind(out: Path, to: str | None, *, int8: bool, data: str | None) -> str:
    from handful.errors import ModelError, OutputError

    kind = to or next((k for k, suffix in SUFFIXES.items() if suffix == out.suffix.lower()), None)
    if kind is None or SUFFIXES[kind] != out.suffix.lower():
        wanted = ", ".join(SUFFIXES.values()) if kind is None else SUFFIXES[kind]
        raise OutputError(f"the file ends in {out.suffix or 'nothing'!r}", where=out, remedy=f"name one in {wanted}.")
    if int8 and kind != "onnx":
        raise ModelError("8-bit arithmetic is for ONNX files only", where="--int8", remedy="add --to onnx.")
    if int8 and data is None:
        raise ModelError(
            "8-bit arithmetic is calibrated on training images",
            where="--int8",
            remedy="give them with --data.",
        )
    if data is not None and not int8:
        raise ModelError("only --int8 uses data", where="--data", remedy="leave it out, or add --int8.")
    return kind


def _describe(report: "QuantizationReport | None") -> list[tuple[str, str]]:
    if report is None:
        return []
    images = "held-out images" if report.held_out else "training images"
    rows = [("same answer", f"{100 * report.same_answer:.1f} % of {report.images} {images}")]
    if report.before is not None and report.after is not None and report.difference is not None:
        interval = f"{100 * (report.low or 0):+.1f} to {100 * (report.high or 0):+.1f}"
        rows.append(
            (
                "accuracy",
                f"{100 * report.before:.1f} % before, {100 * report.after:.1f} % in 8 bits on {report.labelled} "
                f"{images}: {100 * report.difference:+.1f} points (95 % interval {interval})",
            )
        )
    return rows


def _next(kind: str, out: Path) -> str:
    if kind == "onnx":
        return f"Next: handful predict {out} IMAGES --out predictions.csv, or handful serve {out}."
    if kind == "torch":
        return f'Next, in Python: torch.export.load("{out}").module()(images), images uint8 [n 3 h w].'
    return f"Next: open {out} in a browser. It works offline."
