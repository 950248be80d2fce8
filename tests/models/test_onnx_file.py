import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from handful.errors import ModelError
from handful.models import onnx_file
from handful.models.onnx_file import check_onnx, read_onnx_file

onnx = pytest.importorskip("onnx")
SECRET = "secret.bin"


def external() -> Any:
    """A tensor whose values are in another file."""
    tensor = onnx.TensorProto(name="w", dims=[4], data_type=onnx.TensorProto.FLOAT)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=SECRET)
    return tensor


def location_only() -> Any:
    return onnx.TensorProto(name="w", dims=[4], data_type=1, data_location=onnx.TensorProto.EXTERNAL)


def model() -> Any:
    return onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 18]> g (float[n] x) => (float[n] y) { y = Abs(x) }'
    )


def in_initializer(m: Any) -> None:
    m.graph.initializer.append(external())


def in_initializer_by_location(m: Any) -> None:
    m.graph.initializer.append(location_only())


def in_sparse_values(m: Any) -> None:
    m.graph.sparse_initializer.append(onnx.SparseTensorProto(values=external(), dims=[4]))


def in_sparse_indices(m: Any) -> None:
    m.graph.sparse_initializer.append(onnx.SparseTensorProto(indices=external(), dims=[4]))


def in_constant(m: Any) -> None:
    m.graph.node.append(onnx.helper.make_node("Constant", [], ["c"], value=external()))


def in_tensors_attribute(m: Any) -> None:
    m.graph.node[0].attribute.append(onnx.helper.make_attribute("many", [external()]))


def in_sparse_attribute(m: Any) -> None:
    sparse = onnx.SparseTensorProto(values=external(), dims=[4])
    m.graph.node[0].attribute.append(onnx.helper.make_attribute("sparse", sparse))
    m.graph.node[0].attribute.append(onnx.helper.make_attribute("sparses", [sparse]))


def in_subgraph(m: Any) -> None:
    inner = onnx.GraphProto(name="inner", initializer=[external()])
    outer = onnx.GraphProto(name="outer", node=[onnx.helper.make_node("If", ["c"], ["d"], then_branch=inner)])
    m.graph.node.append(onnx.helper.make_node("If", ["a"], ["b"], then_branch=outer))


def in_graphs_attribute(m: Any) -> None:
    inner = onnx.GraphProto(name="inner", initializer=[external()])
    m.graph.node[0].attribute.append(onnx.helper.make_attribute("graphs", [inner]))


def in_function(m: Any) -> None:
    m.functions.add(name="f", node=[onnx.helper.make_node("Constant", [], ["c"], value=external())])


def in_function_default(m: Any) -> None:
    m.functions.add(name="f", attribute_proto=[onnx.helper.make_attribute("value", external())])


def in_training(m: Any) -> None:
    m.training_info.add(initialization=onnx.GraphProto(name="i", initializer=[external()]))


def in_algorithm(m: Any) -> None:
    m.training_info.add(algorithm=onnx.GraphProto(name="i", initializer=[external()]))


PLACES = [value for name, value in list(globals().items()) if name.startswith("in_")]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_values_in_another_file_are_refused_wherever_they_are_named(place: Callable[[Any], None]) -> None:
    foreign = model()
    check_onnx(foreign.SerializeToString(), where="a.onnx")
    place(foreign)
    with pytest.raises(ModelError, match=r"(?s)a\.onnx: .*a tensor's values are in another file"):
        check_onnx(foreign.SerializeToString(), where="a.onnx")


def test_a_field_that_is_written_twice_is_seen() -> None:
    """Protobuf merges such fields; the second graph has the values."""
    foreign = onnx.ModelProto(graph=onnx.GraphProto(initializer=[external()]))
    with pytest.raises(ModelError, match="in another file"):
        check_onnx(model().SerializeToString() + foreign.SerializeToString(), where="a.onnx")


@pytest.mark.parametrize("domain", ["com.microsoft", "my.own", "ai.onnx.preview.training"])
def test_operators_that_are_not_of_onnx_are_refused(domain: str) -> None:
    foreign = model()
    foreign.graph.node[0].domain = domain
    with pytest.raises(ModelError, match=f"an operator of '{domain}' is not one of ONNX"):
        check_onnx(foreign.SerializeToString(), where="a.onnx")


def test_nesting_fields_and_foreign_formats_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "MAX_FIELDS", 1000)
    for content, message in (
        (b"\x3a\x00" * 2000, "more than 1,000 fields"),
        (_nested(200), "deeper than 64"),
        (b"\x00\x00\x00\x00ORTM" + b"\x00" * 20, "own format"),
        (b"\x3a\x7f", "ends too early"),
        (b"\x3b", "a type that ONNX does not use"),
        (b"\xff" * 20, "longer than 64 bits"),
    ):
        with pytest.raises(ModelError, match=message):
            check_onnx(content, where="a.onnx")


def _nested(depth: int) -> bytes:
    """A model with graphs inside each other, which the protobuf package itself does not write so deep."""
    content = b""
    for number in (6, 5, 1) * depth + (7,):
        length = len(content)
        size = b""
        while length > 127:
            size, length = size + bytes([length & 127 | 128]), length >> 7
        content = bytes([number << 3 | 2]) + size + bytes([length]) + content
    return content


def test_damaged_files_are_errors_of_ours() -> None:
    whole = model().SerializeToString()
    chance = random.Random(0)
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 2, 8))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        with suppress(ModelError):
            check_onnx(bytes(content[: chance.randrange(1, len(content) + 1)]), where="a.onnx")


def test_a_missing_or_foreign_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        read_onnx_file(tmp_path / "none.onnx")
    with pytest.raises(ModelError, match="no such file"):
        read_onnx_file(tmp_path)
    path = tmp_path / "some.onnx"
    path.write_bytes(model().SerializeToString())
    assert read_onnx_file(path) == path.read_bytes()
