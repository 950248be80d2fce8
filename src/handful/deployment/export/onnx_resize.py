"""Image resizing in ONNX operators, with the same integer arithmetic as `handful.data.resampling`.

ONNX's own Resize computes in floating point and rounds once; PyTorch's uint8 kernel computes in 16-bit integers and
rounds twice. The weights are therefore computed here, for any height and width. Each is split into two bytes, and
MatMulInteger adds up the products of bytes exactly.
"""

from collections.abc import Sequence
from typing import Any

from handful.data.resampling import LARGEST, MOST_DIGITS, Resize
from handful.errors import ModelError

InputSize = tuple[tuple[int, int], Resize]  # height and width of the model's input, and how images are resized to it

_TAPS = """
<domain: "handful", opset_import: ["" : OPSET]>
taps (old, new, before, size) => (high, low, unit)
{
  none = Constant <value = int64 {0}> ()
  step = Constant <value = int64 {1}> ()
  first_axis = Constant <value = int64[1] {0}> ()
  last_axis = Constant <value = int64[1] {1}> ()
  zero = Constant <value = double {0}> ()
  half = Constant <value = double {0.5}> ()
  one = Constant <value = double {1}> ()
  two = Constant <value = double {2}> ()
  powers = Constant <value = double[DIGITS] {POWERS}> ()
  limit = Constant <value = double {LIMIT}> ()
  byte = Constant <value = int32 {256}> ()

  old_real = Cast <to = 11> (old)
  new_real = Cast <to = 11> (new)
  scale = Div (old_real, new_real)
  reach = Max (scale, one)
  number = Range (none, new, step)
  number_real = Cast <to = 11> (number)
  middle = Add (number_real, half)
  centre = Mul (scale, middle)
  left = Sub (centre, reach)
  left_half = Add (left, half)
  left_whole = Floor (left_half)
  first = Max (left_whole, zero)
  right = Add (centre, reach)
  right_half = Add (right, half)
  right_whole = Floor (right_half)
  end = Min (right_whole, old_real)
  widths = Sub (end, first)
  width_real = ReduceMax <keepdims = 0> (widths)
  width = Cast <to = 7> (width_real)
  offset = Range (none, width, step)
  offset_real = Cast <to = 11> (offset)
  first_column = Unsqueeze (first, last_axis)
  end_column = Unsqueeze (end, last_axis)
  centre_column = Unsqueeze (centre, last_axis)
  place = Add (first_column, offset_real)
  from_centre = Sub (place, centre_column)
  from_middle = Add (from_centre, half)
  share = Div (from_middle, reach)
  distance = Abs (share)
  slope = Sub (one, distance)
  triangle = Max (slope, zero)
  within = Less (place, end_column)
  within_real = Cast <to = 11> (within)
  height = Mul (triangle, within_real)
  total = ReduceSum <keepdims = 1> (height, last_axis)
  exact = Div (height, total)

  largest = ReduceMax <keepdims = 0> (exact)
  scaled = Mul (largest, powers)
  scaled_half = Add (scaled, half)
  scaled_whole = Floor (scaled_half)
  fits = Less (scaled_whole, limit)
  fits_real = Cast <to = 11> (fits)
  digits = ReduceSum <keepdims = 0> (fits_real)
  unit_real = Pow (two, digits)
  unit = Cast <to = 6> (unit_real)
  weighted = Mul (exact, unit_real)
  weighted_half = Add (weighted, half)
  weighted_whole = Floor (weighted_half)
  weights = Cast <to = 6> (weighted_whole)

  kept_number = Range (none, size, step)
  row = Sub (kept_number, before)
  last = Sub (new, step)
  row_low = Max (row, none)
  row_safe = Min (row_low, last)
  inside = Equal (row, row_safe)
  inside_integer = Cast <to = 6> (inside)
  inside_column = Unsqueeze (inside_integer, last_axis)
  kept_all = Gather <axis = 0> (weights, row_safe)
  kept = Mul (kept_all, inside_column)
  first_integer = Cast <to = 7> (first_column)
  kept_first = Gather <axis = 0> (first_integer, row_safe)
  at = Add (kept_first, offset)
  wide = Add (old, width)
  rows_1 = Unsqueeze (size, first_axis)
  wide_1 = Unsqueeze (wide, first_axis)
  shape = Concat <axis = 0> (rows_1, wide_1)
  blank = ConstantOfShape <value = int32[1] {0}> (shape)
  spread = ScatterElements <axis = 1> (blank, at, kept)
  old_1 = Unsqueeze (old, first_axis)
  dense = Slice (spread, first_axis, old_1, last_axis)
  upper = Div (dense, byte)
  upper_part = Mul (upper, byte)
  lower = Sub (dense, upper_part)
  high = Cast <to = 2> (upper)
  low = Cast <to = 2> (lower)
}

<domain: "handful", opset_import: ["" : OPSET]>
rounded (high, low, unit) => (pixels)
{
  byte = Constant <value = int32 {256}> ()
  two = Constant <value = int32 {2}> ()
  brightest = Constant <value = int32 {255}> ()
  high_part = Mul (high, byte)
  sum = Add (high_part, low)
  half = Div (unit, two)
  sum_half = Add (sum, half)
  whole = Div (sum_half, unit)
  limited = Min (whole, brightest)
  pixels = Cast <to = 2> (limited)
}
"""

_VIEW = """
  rows_high, rows_low, rows_unit = handful.taps (width, inner_width, before_width, size_width)
  columns_high, columns_low, columns_unit = handful.taps (height, inner_height, before_height, size_height)
  rows_high_t = Transpose <perm = [1, 0]> (rows_high)
  rows_low_t = Transpose <perm = [1, 0]> (rows_low)
  across_high = MatMulInteger (images, rows_high_t)
  across_low = MatMulInteger (images, rows_low_t)
  lines = handful.rounded (across_high, across_low, rows_unit)
  down_high = MatMulInteger (columns_high, lines)
  down_low = MatMulInteger (columns_low, lines)
  pixels = handful.rounded (down_high, down_low, columns_unit)
  values = Cast <to = 1> (pixels)
  white = Constant <value = float {255}> ()
  view = Div (values, white)
"""

_SIDES = """
  size_height = Constant <value = int64 {HEIGHT}> ()
  size_width = Constant <value = int64 {WIDTH}> ()
"""

_SQUASH = """
  inner_height = Identity (size_height)
  inner_width = Identity (size_width)
  before_height = Constant <value = int64 {0}> ()
  before_width = Constant <value = int64 {0}> ()
"""

_ASPECT = """
  two = Constant <value = double {2}> ()
  one_integer = Constant <value = int64 {1}> ()
  height_real = Cast <to = 11> (height)
  width_real = Cast <to = 11> (width)
  size_height_real = Cast <to = 11> (size_height)
  size_width_real = Cast <to = 11> (size_width)
  height_ratio = Div (size_height_real, height_real)
  width_ratio = Div (size_width_real, width_real)
  ratio = EXTREME (height_ratio, width_ratio)
"""

_ASPECT_SIDE = """
  SIDE_scaled = Mul (SIDE_real, ratio)
  SIDE_rounded = Round (SIDE_scaled)
  SIDE_whole = Cast <to = 7> (SIDE_rounded)
  inner_SIDE = Max (SIDE_whole, one_integer)
  SIDE_short = Sub (size_SIDE, inner_SIDE)
  SIDE_more = Add (SIDE_short, one_integer)
  SIDE_more_real = Cast <to = 11> (SIDE_more)
  SIDE_halved = Div (SIDE_more_real, two)
  SIDE_before = Floor (SIDE_halved)
  before_SIDE = Cast <to = 7> (SIDE_before)
"""

_SHAPE = """
  shape = Shape (images)
  height_place = Constant <value = int64 {2}> ()
  width_place = Constant <value = int64 {3}> ()
  height = Gather <axis = 0> (shape, height_place)
  width = Gather <axis = 0> (shape, width_place)
"""


def resizing_model(sizes: Sequence[InputSize], *, opset: int, ir_version: int) -> Any:
    """An ONNX model from `images`, uint8 RGB [n 3 h w] of any h and w, to `view_0`, ..., float [n 3 H W] in [0, 1].

    Args:
        sizes: one for each output.
        opset: version of ONNX's operators.
        ir_version: version of ONNX's file format.

    Raises:
        ModelError: a size is a single pixel high or wide, for which PyTorch has another rule.
    """
    import onnx
    from onnx import inliner, parser

    if any(min(size) < 2 for size, _ in sizes):
        raise ModelError(
            "an input size of one pixel cannot be exported", where="image_size", remedy="train at a larger one."
        )
    outputs = [f"float[n,3,{size[0]},{size[1]}] view_{i}" for i, (size, _) in enumerate(sizes)]
    calls = [f"  view_{i} = handful.view_{i} (images)" for i in range(len(sizes))]
    head = f'<ir_version: {ir_version}, opset_import: ["" : {opset}, "handful" : 1]>\n'
    graph = f"resizing (uint8[n,3,h,w] images) => ({', '.join(outputs)})\n{{\n" + "\n".join(calls) + "\n}\n"
    functions = "".join(_resize_function(i, size, opset) for i, size in enumerate(sizes))
    model = parser.parse_model(head + graph + functions + _fill_constants(_TAPS, opset))
    onnx.checker.check_model(model)
    return inliner.inline_local_functions(model)


def _resize_function(number: int, input_size: InputSize, opset: int) -> str:
    (height, width), resize = input_size
    body = _SHAPE + _SIDES.replace("HEIGHT", str(height)).replace("WIDTH", str(width))
    if resize == "squash":
        body += _SQUASH
    else:
        body += _ASPECT.replace("EXTREME", "Min" if resize == "pad" else "Max")
        body += _ASPECT_SIDE.replace("SIDE", "height") + _ASPECT_SIDE.replace("SIDE", "width")
    head = f'\n<domain: "handful", opset_import: ["" : {opset}, "handful" : 1]>\nview_{number} (images) => (view)\n'
    return head + "{" + body + _VIEW + "}\n"


def _fill_constants(text: str, opset: int) -> str:
    powers = ", ".join(str(2 ** (d + 1)) for d in range(MOST_DIGITS))
    text = text.replace("OPSET", str(opset)).replace("DIGITS", str(MOST_DIGITS)).replace("POWERS", powers)
    return text.replace("LIMIT", str(LARGEST))
