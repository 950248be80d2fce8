"""`handful export`: a trained model as one file that runs elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from handful.cli import _options as o
from handful.cli._data_options import SourceOptions

if TYPE_CHECKING:
    from handful.deployment.export.quantize import QuantizationReport

DURATION = "about half a minute, more on a busy machine"


def export(
    model: Annotated[
        Path,
        Argument(metavar="MODEL", show_default=False, help="Folder from `handful run` or `handful fit`."),
    ],
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
    runtime: Annotated[
        Path | None,
        Option(
            metavar="FOLDER",
            show_default=False,
            help="For html: folder with onnxruntime-web; default: fetched from npm once and cached.",
        ),
    ] = None,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    *,
    data_options: SourceOptions,
) -> None:
    """Export a model as one file.

    The exported model takes images of any size and has all outputs of `handful predict`: calibrated probabilities,
    conformal sets, rejection and segmentation maps. `handful predict FILE.onnx` and `handful serve FILE.onnx` run it
    without PyTorch.
    """
    from handful.cli._model_argument import check_model_argument
    from handful.deployment.export.formats import refuse_early
    from handful.deployment.extra_packages import refuse_without_export
    from handful.saving.model_folder import not_a_model

    check_model_argument(model)
    if model.is_file():
        raise not_a_model(model)
    refuse_early(out, model, requested=to, int8=int8, runtime=runtime, overwrite=overwrite)
    _check_data_option(int8=int8, data=data)
    if out.suffix.lower() in (".onnx", ".html"):
        refuse_without_export(out)
    from handful.cli._output import print_json, print_table, print_text, print_to_stderr
    from handful.core.progress import Activity

    with print_to_stderr(), Activity(f"Exporting to {out}: {DURATION}", shown=True, announce=True):
        from handful.cli._data import read
        from handful.deployment.export.export import export_to

        samples = None
        if data is not None:
            samples = read(data, data_options, unlabelled=True, find_range=False)
        result = export_to(out, model, format=to, calibration=samples, runtime=runtime, overwrite=overwrite)
    size = out.stat().st_size
    if json:
        effect = None if result.quantization is None else vars(result.quantization)
        print_json({"out": out, "format": result.format, "bytes": size, "outputs": result.outputs, "int8": effect})
        return
    h, w = result.size
    rows = [
        ("file", f"{out} ({size / 1e6:.1f} MB)"),
        ("input", f"images of any size, resized to {h} x {w}" + (" (8-bit arithmetic)" if int8 else "")),
        ("outputs", ", ".join(result.outputs).replace("_", " ")),
    ]
    print_table(("", ""), [*rows, *_describe(result.quantization)], text=2)
    print_text(_next(result.format, out, result.outputs))


def _check_data_option(*, int8: bool, data: str | None) -> None:
    from handful.errors import ModelError

    if int8 and data is None:
        raise ModelError(
            "8-bit arithmetic is calibrated on training images",
            where="--int8",
            remedy="give them with --data.",
        )
    if data is not None and not int8:
        raise ModelError("only --int8 uses data", where="--data", remedy="leave it out, or add --int8.")


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


def _next(kind: str, out: Path, outputs: tuple[str, ...]) -> str:
    if kind == "onnx":
        served = "" if {"present", "numbers"} & set(outputs) else f", or handful serve {out}"
        return f"Next: handful predict {out} IMAGES --out predictions.csv{served}."
    if kind == "torch":
        return f'Next, in Python: torch.export.load("{out}").module()(images), images uint8 [n 3 h w].'
    return f"Next: open {out} in a browser. It works offline."
