"""Writes small models, each with one thing that an fp16 conversion gets wrong easily. Usage: fp16_cases.py FOLDER"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, parser

CASES = {}


def text(name, body):
    CASES[name] = parser.parse_model(body)


text("resize_shares_constant", """<ir_version: 8, opset_import: ["" : 13]>
main (float[1,3,8,8] x) => (float[1,3,16,16] y, float[4] z)
<float[4] scales = {1.0, 1.0, 2.0, 2.0}> {
  y = Resize <mode = "nearest"> (x, , scales)
  z = Mul (scales, scales)
}""")
text("resize_half_constant", """<ir_version: 8, opset_import: ["" : 13]>
main (float[1,3,8,8] x) => (float[N] y, float[4] same)
{
  scales = Constant <value_floats = [1.0, 1.0, 2.0, 2.0]> ()
  r = Resize <mode = "linear"> (x, , scales)
  two = Constant <value_float = 2.0> ()
  m = Mul (r, two)
  s = ReduceSum <keepdims = 0> (scales)
  shape = Constant <value_ints = [-1]> ()
  f = Reshape (m, shape)
  y = Mul (f, s)
  same = Identity (scales)
}""")
text("constant_as_output", """<ir_version: 8, opset_import: ["" : 13]>
main (float[3] x) => (float[3] y, float[3] c)
{
  c = Constant <value_floats = [0.1, 0.2, 0.3]> ()
  y = Add (x, c)
}""")
text("topk_and_gather", """<ir_version: 8, opset_import: ["" : 13]>
main (float[1,16] x) => (float[1,4] values, int64[1,4] places, float[1,4] again, float[1,16] low)
<int64[1] four = {4}> {
  half = Mul (x, x)
  values, places = TopK (half, four)
  again = GatherElements <axis = 1> (half, places)
  limit = Constant <value_float = 0.5> ()
  low = Min (half, limit)
}""")
text("sizes_are_exact", """<ir_version: 8, opset_import: ["" : 13]>
main (float[1,4099] x) => (float[A,B] y)
<float[2] scale = {1.0, 1.0}> {
  shape = Shape (x)
  floats = Cast <to = 1> (shape)
  scaled = Mul (floats, scale)
  floor = Floor (scaled)
  whole = Cast <to = 7> (floor)
  y = Reshape (x, whole)
}""")
text("if_captures", """<ir_version: 8, opset_import: ["" : 13]>
main (float[4] x, bool c) => (float[N] y, float[4] out)
<float[4] w = {1.0, 2.0, 3.0, 4.0}, int64[1] two = {2}> {
  a = Mul (x, w)
  y = If (c) <
    then_branch = then () => (float[N] t) { values, places = TopK (a, two) t = Add (values, values) },
    else_branch = other () => (float[N] e) { q = Add (a, w) e, places2 = TopK (q, two) }
  >
  out = Add (a, x)
}""")
text("loop_carries", """<ir_version: 8, opset_import: ["" : 13]>
main (float[4] x, int64 n) => (float[4] y, float[K,4] all)
<float[4] w = {0.5, 0.25, 0.5, 0.75}, bool go = {1}> {
  y, all = Loop (n, go, x) <
    body = step (int64 i, bool keep, float[4] v) => (bool keep_out, float[4] v_out, float[4] each) {
      keep_out = Identity (keep)
      f = Cast <to = 1> (i)
      s = Add (v, f)
      v_out = Mul (s, w)
      each = Max (v_out, x)
    }
  >
}""")
text("scan_sums", """<ir_version: 8, opset_import: ["" : 13]>
main (float[2] start, float[5,2] xs) => (float[2] total, float[5,2] sums)
{
  total, sums = Scan <num_scan_inputs = 1, body = add (float[2] s, float[2] x) => (float[2] s_out, float[2] o) {
      s_out = Add (s, x)
      o = Identity (s_out)
  }> (start, xs)
}""")
text("functions_twice", """<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
main (float[4] x, int64[4] n) => (float[4] y, int64[4] m, float[4] z)
<float[4] w = {1.0, 2.0, 3.0, 4.0}> {
  a = local.twice (x)
  m = local.twice (n)
  b = local.scaled (a, w)
  y = local.outer (b)
  z, places = local.sorted (a)
}
<domain: "local", opset_import: ["" : 17]> twice (v) => (r) { r = Add (v, v) }
<domain: "local", opset_import: ["" : 17]> scaled (v, w) => (r) {
  c = Constant <value_float = 0.5> ()
  k = Mul (v, c)
  p = Mul (k, w)
  i = Cast <to = 7> (p)
  f = Cast <to = 1> (i)
  r = Add (f, p)
}
<domain: "local", opset_import: ["local" : 1]> outer (v) => (r) { r = local.twice (v) }
<domain: "local", opset_import: ["" : 17]> sorted (v) => (r, places) {
  k = Constant <value_ints = [4]> ()
  s = Sigmoid (v)
  r, places = TopK (s, k)
}""")
text("function_attribute", """<ir_version: 9, opset_import: ["" : 18, "local" : 1]>
main (float[4] x) => (float[4] y)
{
  a = local.shift <by = 1.5> (x)
  y = Relu (a)
}
<domain: "local", opset_import: ["" : 18]> shift <by> (v) => (r) {
  c = Constant <value_float: float = @by> ()
  r = Add (v, c)
}""")
text("layer_norm_statistics", """<ir_version: 8, opset_import: ["" : 17]>
main (float[2,8] x) => (float[2,8] y, float[2,1] mean, float[2,8] z)
<float[8] scale = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0}> {
  y, mean, deviation = LayerNormalization (x, scale)
  z = Mul (y, deviation)
}""")
text("quantized", """<ir_version: 8, opset_import: ["" : 13]>
main (float[1,4] x) => (float[1,4] y)
<float s = {0.05}, uint8 zp = {128}, int8[4,4] wq = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16}, float ws = {0.1}, int8 wz = {0}> {
  q = QuantizeLinear (x, s, zp)
  d = DequantizeLinear (q, s, zp)
  w = DequantizeLinear (wq, ws, wz)
  m = MatMul (d, w)
  y = Relu (m)
}""")
text("dynamic_quantized", """<ir_version: 8, opset_import: ["" : 13]>
main (float[1,4] x) => (float[1,4] y)
<int8[4,4] wq = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16}, float ws = {0.1}> {
  a = Relu (x)
  q, s, z = DynamicQuantizeLinear (a)
  i = MatMulInteger (q, wq, z)
  f = Cast <to = 1> (i)
  k = Mul (s, ws)
  y = Mul (f, k)
}""")
text("sequences", """<ir_version: 8, opset_import: ["" : 13]>
main (float[4,2] x) => (float[2,2] y, float[4,2] z)
{
  a = Add (x, x)
  parts = SplitToSequence <axis = 0> (a, two)
  one = SequenceAt (parts, zero)
  y = Sigmoid (one)
  z = ConcatFromSequence <axis = 0> (parts)
  two = Constant <value_int = 2> ()
  zero = Constant <value_int = 0> ()
}""".replace("""  two = Constant <value_int = 2> ()
  zero = Constant <value_int = 0> ()
""", "").replace("  a = Add (x, x)", """  two = Constant <value_int = 2> ()
  zero = Constant <value_int = 0> ()
  a = Add (x, x)"""))
text("names_are_taken", """<ir_version: 8, opset_import: ["" : 13]>
main (float[4] x, float[4] x_fp16) => (float[4] y, float[4] y_fp16)
<float[4] w = {1.0, 2.0, 3.0, 4.0}, float[4] w_fp16 = {4.0, 3.0, 2.0, 1.0}> {
  x_fp16_2 = Mul (x, w)
  y = Add (x_fp16_2, x_fp16)
  y_fp16 = Max (w, w_fp16, y)
}""")
text("passes_through", """<ir_version: 8, opset_import: ["" : 13]>
main (float[4] x, int64[4] n) => (float[4] y, float[4] z, double[4] d, int64[4] k, float[4] ones)
{
  y = Identity (x)
  z = Cast <to = 1> (n)
  d = Cast <to = 11> (x)
  k = Cast <to = 7> (x)
  s = Shape (x)
  ones = ConstantOfShape <value = float[1] {1.0}> (s)
}""")
text("makes_floats", """<ir_version: 8, opset_import: ["" : 13]>
main (float[3,3] x) => (float[3,3] y, float[3,3] r)
<int64[2] shape = {3, 3}, int64 one = {1}, float start = {0.0}, float end = {3.0}, float step = {1.0}> {
  zeros = ConstantOfShape (shape)
  a = Add (x, zeros)
  eye = EyeLike (a)
  b = MatMul (a, eye)
  range = Range (start, end, step)
  c = Add (b, range)
  y = CumSum (c, one)
  hot = Constant <value_floats = [0.0, 2.0]> ()
  three = Constant <value_int = 3> ()
  places = ArgMax <axis = 1, keepdims = 0> (y)
  r = OneHot (places, three, hot)
}""")
text("clips_and_masks", """<ir_version: 8, opset_import: ["" : 13]>
main (float[4] x, bool[4] m) => (float[4] y, float[6] p, float[4] q)
<float low = {-340282346638528859811704183484516925440.0}, float high = {6.0}, int64 e = {2}, int64[2] pads = {1, 1}> {
  c = Clip (x, low, high)
  y = Where (m, c, high)
  p = Pad (c, pads, high)
  q = Pow (c, e)
}""")
text("contributed", """<ir_version: 8, opset_import: ["" : 13, "com.microsoft" : 1]>
main (float[1,2,4] x) => (float[1,2,4] y, float[1,2,4] z)
<float[4] g = {1.0, 1.0, 1.0, 1.0}, float[4] b = {0.1, 0.2, 0.3, 0.4}> {
  a = com.microsoft.Gelu (x)
  s = com.microsoft.SkipLayerNormalization (a, x, g, b)
  y = Sigmoid (s)
  z = com.microsoft.BiasGelu (a, b)
}""")
text("nested_bodies", """<ir_version: 8, opset_import: ["" : 13]>
main (float[4] x, int64 n, bool c) => (float[4] y)
<float[4] w = {0.5, 0.25, 0.5, 0.75}, bool go = {1}> {
  a = Add (x, w)
  y = If (c) <
    then_branch = then () => (float[4] t) {
      t = Loop (n, go, a) <
        body = step (int64 i, bool keep, float[4] v) => (bool keep_out, float[4] v_out) {
          keep_out = Identity (keep)
          inner = Constant <value_floats = [1.0, 2.0, 3.0, 4.0]> ()
          m = Max (inner, w)
          s = Add (v, inner)
          v_out = Mul (s, m)
        }
      >
    },
    else_branch = other () => (float[4] e) { e = Identity (a) }
  >
}""")
text("recurrent_and_empty_inputs", """<ir_version: 8, opset_import: ["" : 14]>
main (float[3,1,4] x) => (float[3,1,1,2] y, float[1,1,2] h)
<float[1,8,4] w, float[1,8,2] r, float[1,1,2] h0> {
  y, h = LSTM <hidden_size = 2> (x, w, r, , , h0)
}""")
generator = np.random.default_rng(1)
recurrent = CASES["recurrent_and_empty_inputs"]
del recurrent.graph.initializer[:]
for name, shape in [("w", (1, 8, 4)), ("r", (1, 8, 2)), ("h0", (1, 1, 2))]:
    values = generator.standard_normal(shape).astype(np.float32)
    recurrent.graph.initializer.append(numpy_helper.from_array(values, name))
for index in reversed(range(len(recurrent.graph.input))):
    if recurrent.graph.input[index].name in ("w", "r", "h0"):
        del recurrent.graph.input[index]

# Old format and operators: every initializer is listed, `Dropout` has a mask of floats, `Upsample` takes its scales as a tensor.
value = helper.make_tensor_value_info
weights = numpy_helper.from_array(generator.standard_normal((3, 3, 1, 1)).astype(np.float32), "w")
scales = numpy_helper.from_array(np.array([1, 1, 2, 2], dtype=np.float32), "scales")
nodes = [
    helper.make_node("Conv", ["x", "w"], ["c"]),
    helper.make_node("Dropout", ["c"], ["d"], ratio=0.5),
    helper.make_node("Upsample", ["d", "scales"], ["u"], mode="nearest"),
    helper.make_node("Mul", ["u", "k"], ["y"]),
    helper.make_node("Max", ["k", "k"], ["z"]),
]
number = numpy_helper.from_array(np.array([1.5], dtype=np.float32), "k")
graph = helper.make_graph(
    nodes, "old", [value("x", 1, [1, 3, 4, 4]), value("w", 1, [3, 3, 1, 1]), value("scales", 1, [4]), value("k", 1, [1])],
    [value("y", 1, [1, 3, 8, 8]), value("z", 1, [1])], [weights, scales, number])
CASES["old_format"] = helper.make_model(graph, ir_version=3, opset_imports=[helper.make_opsetid("", 9)])

# Sparse constants, as initializer and as attribute.
entries = numpy_helper.from_array(np.array([2.0, 3.0], dtype=np.float32), "sparse")
places = numpy_helper.from_array(np.array([1, 3], dtype=np.int64), "places")
sparse = helper.make_sparse_tensor(entries, places, [4])
unnamed = helper.make_sparse_tensor(numpy_helper.from_array(np.array([2.0, 3.0], dtype=np.float32)), places, [4])
nodes = [
    helper.make_node("Constant", [], ["other"], sparse_value=unnamed),
    helper.make_node("Add", ["x", "other"], ["a"]),
    helper.make_node("Mul", ["a", "sparse"], ["y"]),
]
graph = helper.make_graph(
    nodes, "sparse", [value("x", 1, [4])], [value("y", 1, [4])], sparse_initializer=[sparse])
CASES["sparse"] = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for name, model in CASES.items():
    for index in reversed(range(len(model.graph.input))):
        named = {tensor.name for tensor in model.graph.initializer}
        if model.ir_version >= 4 and model.graph.input[index].name in named:
            del model.graph.input[index]
    onnx.checker.check_model(model)
    onnx.save(model, str(folder / f"{name}.onnx"))
