"""Loading of exported classifiers: a session of onnxruntime, and the metadata of the file, which is not trusted."""

from pathlib import Path
from typing import Any, get_args

from handful.core.kind import Kind
from handful.core.parsing import parse_json
from handful.core.processes import requested_threads
from handful.data.pixel_range import read_pixel_range
from handful.data.resampling import Resize
from handful.errors import ModelError
from handful.models import stored_values
from handful.models.onnx_file import read_onnx_file
from handful.models.onnx_model import OnnxModel

FORMATS: dict[Kind, int] = {"multiclass": 1, "multilabel": 2, "number": 3}  # an older version refuses later kinds
NEWEST = max(FORMATS.values())
KEY = "handful.format"
OUTPUTS = frozenset(
    ("numbers", "probabilities", "present", "maps", "p_values", "sets", "typicality", "answers", "unknown")
)
MAX_VIEWS = 1000


def load_onnx(path: Path, *, threads: int | None = None) -> OnnxModel:
    """Read a file that `handful export` wrote.

    Args:
        path: the .onnx file.
        threads: that compute; None: $OMP_NUM_THREADS, or one per core.

    Raises:
        ModelError: onnxruntime is missing, or the file is missing, damaged, not ours, or of a newer version.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(
            "an exported model needs onnxruntime", where=path, remedy='pip install "handful[onnx]".'
        ) from error
    content = read_onnx_file(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or requested_threads() or 0
    options.log_severity_level = 3
    # Threads that wait for work by spinning take the cores from who decodes and answers.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        # The bytes that were checked, not the path: it may lead to another file by now.
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes, without a common base
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"this ONNX model cannot be run: {first}", where=path, remedy="export it again.") from error
    return described(session, path)


def described(session: Any, path: Path) -> OnnxModel:
    """The model of a session, with what the metadata of its file states.

    Raises:
        ModelError: they are missing, damaged, of a newer version, or do not fit the graph.
    """
    meta: dict[str, str] = session.get_modelmeta().custom_metadata_map
    if KEY not in meta:
        raise ModelError("this is not a handful model", where=path, remedy="give a file that `handful export` wrote.")
    try:
        facts = {key: parse_json(value, finite=False) for key, value in meta.items() if key != "recipe"}
        if not stored_values.is_whole(facts[KEY]) or facts[KEY] < 1:
            raise ValueError(f"its format is {facts[KEY]!r}")
        if facts[KEY] > NEWEST:
            raise ModelError(
                f"model format {facts[KEY]} is newer than this version's {NEWEST}", where=path, remedy="update handful."
            )
        return OnnxModel(
            session=session,
            classes=stored_values.class_names(facts["classes"]),
            size=stored_values.image_size(facts["size"]),
            resize=_resize(facts["resize"]),
            outputs=_outputs(facts["outputs"], session),
            name=stored_values.texts([facts["name"]], "the name")[0],
            false_rejection=stored_values.number(facts["false_rejection"], "false_rejection", low=0, high=1),
            views=_views(facts["views"]),
            coverage=stored_values.coverage(facts["coverage"]),
            card=stored_values.card(facts["card"]),
            recipe=meta["recipe"],
            pixel_range=read_pixel_range(facts.get("pixel_range")),
            thresholds=_thresholds(facts),
        )
    except KeyError as error:
        raise _damaged(f"{error} is missing", path) from error
    except ValueError as error:
        raise _damaged(str(error), path) from error


def _damaged(reason: str, path: Path) -> ModelError:
    return ModelError(
        f"the metadata of this file is damaged or foreign: {reason}", where=path, remedy="export it again."
    )


def _resize(value: Any) -> Resize:
    if value not in get_args(Resize):
        raise ValueError(f"resize is {value!r}")
    known: Resize = value
    return known


def _outputs(value: Any, session: Any) -> tuple[str, ...]:
    names = stored_values.texts(value, "the list of outputs")
    graph_inputs = tuple(node.name for node in session.get_inputs())
    graph_outputs = tuple(node.name for node in session.get_outputs())
    if names != graph_outputs or graph_inputs != ("images",) or names[:1] not in (("probabilities",), ("numbers",)):
        raise ValueError(f"the graph has inputs {graph_inputs} and outputs {graph_outputs}, and they say {names}")
    if (
        ("numbers" in names and len(names) > 1)
        or not set(names) <= OUTPUTS
        or len(set(names)) < len(names)
        or ("sets" in names) != ("p_values" in names)
    ):
        raise ValueError(f"the outputs are {names}")
    return names


def _thresholds(facts: dict[str, Any]) -> tuple[float, ...] | None:
    """Of multilabel models."""
    if "present" not in facts["outputs"]:
        return None
    values = facts["thresholds"]
    if not isinstance(values, list) or len(values) != len(facts["classes"]):
        raise ValueError("the thresholds are not one for each class")
    return tuple(stored_values.number(value, "a threshold", low=0, high=1) for value in values)


def _views(value: Any) -> int:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_VIEWS:
        raise ValueError("the list of views is empty, too long, or no list")
    return len(value)
