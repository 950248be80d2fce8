"""Checks of an ONNX file before onnxruntime reads it: all its content is in the file, and all its operators are ONNX's.

A tensor of an ONNX file may name another file that has its values, and onnxruntime before 1.24 reads any file of the
user that is named so. Exported models have no such tensors. The check reads the file's encoding alone
(https://protobuf.dev/programming-guides/encoding, and the messages of `onnx.proto`), so that it needs no package.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from handful.errors import ModelError

MAX_BYTES = 2**31  # protobuf's own limit
MAX_DEPTH = 64  # messages inside each other; a graph inside a node's attribute is three
MAX_FIELDS = 300_000  # an exported network has a dozen per node
OPERATOR_DOMAINS = frozenset((b"", b"ai.onnx"))
ORT_FORMAT = b"ORTM"  # bytes 4 to 7 of onnxruntime's own format, which this check does not know

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Fields of a message that hold other messages: field number to message name.
_MESSAGES: Mapping[str, Mapping[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # of a Tensor
_NODE_DOMAIN = 7


def read_onnx_file(path: Path) -> bytes:
    """The content of an ONNX file, checked.

    Raises:
        ModelError: it is missing or too large, or `check_onnx` refuses it.
    """
    if not path.is_file():
        raise ModelError("no such file", where=path, remedy="give a file that `handful export` wrote.")
    if path.stat().st_size > MAX_BYTES:
        raise ModelError(
            f"the file is larger than {MAX_BYTES / 2**30:g} GB",
            where=path,
            remedy="give a file that `handful export` wrote.",
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"the file cannot be read ({error.strerror})", where=path, remedy="check its permissions."
        ) from error
    check_onnx(content, where=path)
    return content


def check_onnx(content: bytes, *, where: object) -> None:
    """Refuse a file that is not one ONNX model, whole in itself.

    Args:
        content: of the file.
        where: its path, for errors.

    Raises:
        ModelError: it is no ONNX model or damaged, has values in another file, or operators that are not ONNX's.
    """
    try:
        if content[4:8] == ORT_FORMAT:
            raise ValueError("it is in onnxruntime's own format")
        _Scan().message(memoryview(content), "Model", 0)
    except _ForeignError as error:
        raise ModelError(
            f"this ONNX model is foreign: {error}", where=where, remedy="give a file that `handful export` wrote."
        ) from None
    except ValueError as error:
        raise ModelError(
            f"this ONNX model is damaged or foreign: {error}",
            where=where,
            remedy="export it again, or copy it again from where it was exported.",
        ) from None


class _ForeignError(Exception):
    """A model that may be intact, and that `handful export` did not write."""


class _Scan:
    """One walk through the messages of a file."""

    def __init__(self) -> None:
        self.fields = 0

    def message(self, data: memoryview, kind: str, depth: int) -> None:
        """Check a message and those inside it.

        Raises:
            ValueError: it is damaged.
            _ForeignError: it has what exported models do not have.
        """
        if depth > MAX_DEPTH:
            raise ValueError(f"messages are nested deeper than {MAX_DEPTH} levels")
        inner = _MESSAGES[kind]
        for number, wire, value in self._read(data):
            if kind == "Tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)):
                raise _ForeignError("a tensor's values are in another file")
            if wire != _BYTES:
                continue
            assert isinstance(value, memoryview)
            if kind == "Node" and number == _NODE_DOMAIN and bytes(value[:100]) not in OPERATOR_DOMAINS:
                raise _ForeignError(
                    f"an operator of {bytes(value[:100]).decode(errors='replace')!r} is not one of ONNX"
                )
            if number in inner:
                self.message(value, inner[number], depth + 1)

    def _read(self, data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
        """Number, wire type and value of each field; values of fixed length are passed over as 0."""
        position = 0
        while position < len(data):
            self.fields += 1
            if self.fields > MAX_FIELDS:
                raise ValueError(f"it has more than {MAX_FIELDS:,} fields")
            tag, position = _varint(data, position)
            number, wire = tag >> 3, tag & 7
            value: int | memoryview = 0
            if number == 0:
                raise ValueError("a field has the number 0")
            if wire == _VARINT:
                value, position = _varint(data, position)
            elif wire == _BYTES:
                length, position = _varint(data, position)
                value = data[position : position + length]
                position += length
            elif wire in (_FIXED64, _FIXED32):
                position += 8 if wire == _FIXED64 else 4
            else:
                raise ValueError("a field has a type that ONNX does not use")
            if position > len(data):
                raise ValueError("it ends too early")
            yield number, wire, value


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """A number of 7 bits per byte, and the position behind it."""
    value = 0
    for i in range(10):
        if position + i >= len(data):
            raise ValueError("it ends too early")
        byte = data[position + i]
        value |= (byte & 127) << (7 * i)
        if byte < 128:
            return value, position + i + 1
    raise ValueError("a number is longer than 64 bits")
