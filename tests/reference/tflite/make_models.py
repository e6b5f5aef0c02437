"""Makes the small TensorFlow Lite models that the tests run: python make_models.py FOLDER

Needs `pip install ai-edge-litert==2.3.0 numpy`; the schema comes out of that wheel. Weights are seeded, so that the same files come
out each time. What LiteRT computes on them is written by `outputs.py`.
"""

import pathlib
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "bool": schema.TensorType.BOOL,
    "string": schema.TensorType.STRING,
}


class Graph:
    """One subgraph and what it shares with the others of its model."""

    def __init__(self, model, name):
        self.model = model
        self.graph = schema.SubGraphT()
        self.graph.name = name
        self.graph.tensors, self.graph.operators = [], []
        model.subgraphs.append(self.graph)

    def tensor(self, name, shape, kind="float32", data=None, signature=None, scale=None, zero=0, axis=0):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), TYPES[kind]
        tensor.shapeSignature = None if signature is None else list(signature)
        tensor.buffer = 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer = len(self.model.buffers) - 1
        if scale is not None:
            scales = list(np.atleast_1d(scale))
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = scales
            tensor.quantization.zeroPoint = [zero] * len(scales)
            tensor.quantization.quantizedDimension = axis
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, code, inputs, outputs, options=None, version=1, custom=None):
        codes = self.model.operatorCodes
        key = (code, version, custom)
        known = [(each.builtinCode, each.version, each.customCode) for each in codes]
        if key not in known:
            fresh = schema.OperatorCodeT()
            fresh.builtinCode, fresh.version, fresh.customCode = key
            fresh.deprecatedBuiltinCode = min(code, 127)
            codes.append(fresh)
            known.append(key)
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = known.index(key), inputs, outputs
        if options is not None:
            operator.builtinOptions = options
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
        self.graph.operators.append(operator)

    def ends(self, inputs, outputs, signature=None):
        self.graph.inputs, self.graph.outputs = inputs, outputs
        if signature:
            def maps(tensors, prefix):
                made = []
                for at, index in enumerate(tensors):
                    entry = schema.TensorMapT()
                    entry.name, entry.tensorIndex = f"{prefix}{at}", index
                    made.append(entry)
                return made

            definition = schema.SignatureDefT()
            definition.signatureKey = signature
            definition.inputs, definition.outputs = maps(inputs, "in"), maps(outputs, "out")
            definition.subgraphIndex = self.model.subgraphs.index(self.graph)
            self.model.signatureDefs.append(definition)


def empty(description):
    model = schema.ModelT()
    model.version, model.description = 3, description
    model.subgraphs, model.operatorCodes, model.signatureDefs = [], [], []
    model.buffers = [schema.BufferT()]
    return model


def write(model, path, outside=False):
    """`outside`: the weights lie behind the flatbuffer, named by offset and size, as in files beyond 2 GB."""
    kept = [buffer.data for buffer in model.buffers]
    for round in range(2):
        if outside:
            at = 1
            for buffer, data in zip(model.buffers, kept):
                if data is not None:
                    buffer.data, buffer.offset, buffer.size = None, at, len(data)
                    at += -(-len(data) // 16) * 16
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), b"TFL3")
        made = bytes(builder.Output())
        if not outside:
            break
        # The second time the offsets are the real ones; they have the same width.
        start = -(-len(made) // 16) * 16
        at = start
        for buffer, data in zip(model.buffers, kept):
            if data is not None:
                buffer.offset = at
                at += -(-len(data) // 16) * 16
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), b"TFL3")
        made = bytes(builder.Output())
        assert len(made) <= start
        made = made.ljust(start, b"\0")
        for data in kept:
            if data is not None:
                made += data.tobytes().ljust(-(-len(data) // 16) * 16, b"\0")
        break
    path.write_bytes(made)


def convolution(stride, activation):
    options = schema.Conv2DOptionsT()
    options.padding, options.strideW, options.strideH = schema.Padding.SAME, stride, stride
    options.fusedActivationFunction = activation
    return options


def cnn(random, outside=False):
    model = empty("a small image classifier")
    graph = Graph(model, "main")
    relu6 = schema.ActivationFunctionType.RELU6
    normal = lambda shape, width=0.3: (random.standard_normal(shape) * width).astype(np.float32)
    image = graph.tensor("image", [1, 16, 16, 3])
    first = graph.tensor("stem/out", [1, 8, 8, 8])
    graph.operator(
        schema.BuiltinOperator.CONV_2D,
        [image, graph.tensor("stem/w", [8, 3, 3, 3], data=normal([8, 3, 3, 3])), graph.tensor("stem/b", [8], data=normal([8]))],
        [first],
        convolution(2, relu6),
    )
    second = graph.tensor("depthwise/out", [1, 8, 8, 8])
    options = schema.DepthwiseConv2DOptionsT()
    options.padding, options.strideW, options.strideH = schema.Padding.SAME, 1, 1
    options.depthMultiplier, options.fusedActivationFunction = 1, relu6
    graph.operator(
        schema.BuiltinOperator.DEPTHWISE_CONV_2D,
        [first, graph.tensor("depthwise/w", [1, 3, 3, 8], data=normal([1, 3, 3, 8])), graph.tensor("depthwise/b", [8], data=normal([8]))],
        [second],
        options,
    )
    sum_ = graph.tensor("residual/out", [1, 8, 8, 8])
    graph.operator(schema.BuiltinOperator.ADD, [first, second], [sum_], schema.AddOptionsT())
    pooled = graph.tensor("pool/out", [1, 8])
    reducer = schema.ReducerOptionsT()
    reducer.keepDims = False
    graph.operator(
        schema.BuiltinOperator.MEAN,
        [sum_, graph.tensor("pool/axes", [2], "int32", data=np.array([1, 2], np.int32))],
        [pooled],
        reducer,
    )
    logits = graph.tensor("logits", [1, 10])
    graph.operator(
        schema.BuiltinOperator.FULLY_CONNECTED,
        [pooled, graph.tensor("head/w", [10, 8], data=normal([10, 8], 1.0)), graph.tensor("head/b", [10], data=normal([10]))],
        [logits],
        schema.FullyConnectedOptionsT(),
    )
    scores = graph.tensor("scores", [1, 10])
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    graph.operator(schema.BuiltinOperator.SOFTMAX, [logits], [scores], softmax)
    graph.ends([image], [scores], "serving_default")
    return model


def elements():
    model = empty("one input and one output of every type")
    graph = Graph(model, "main")
    shape = graph.tensor("shape", [2], "int32", data=np.array([3, 2], np.int32))
    inputs, outputs = [], []
    for kind in TYPES:
        if kind == "string":
            continue
        inputs.append(graph.tensor(f"{kind}_in", [2, 3], kind))
        outputs.append(graph.tensor(f"{kind}_out", [3, 2], kind))
        options = schema.ReshapeOptionsT()
        options.newShape = [3, 2]
        graph.operator(schema.BuiltinOperator.RESHAPE, [inputs[-1], shape], [outputs[-1]], options)
    graph.ends(inputs, outputs)
    return model


def dynamic(random):
    model = empty("a matrix product over any number of rows")
    graph = Graph(model, "main")
    weights = random.standard_normal([5, 4]).astype(np.float32)
    rows = graph.tensor("rows", [1, 4], signature=[-1, 4])
    product = graph.tensor("product", [1, 5], signature=[-1, 5])
    graph.operator(
        schema.BuiltinOperator.FULLY_CONNECTED,
        [rows, graph.tensor("w", [5, 4], data=weights), graph.tensor("b", [5], data=np.arange(5, dtype=np.float32))],
        [product],
        schema.FullyConnectedOptionsT(),
    )
    graph.ends([rows], [product], "serving_default")
    return model


def signatures():
    model = empty("two signatures")
    for name, code, options in [
        ("add", schema.BuiltinOperator.ADD, schema.AddOptionsT()),
        ("multiply", schema.BuiltinOperator.MUL, schema.MulOptionsT()),
    ]:
        graph = Graph(model, name)
        left, right = graph.tensor("left", [2, 3]), graph.tensor("right", [2, 3])
        result = graph.tensor("result", [2, 3])
        graph.operator(code, [left, right], [result], options)
        graph.ends([left, right], [result], name)
    return model


def int8(random):
    model = empty("a fully quantized layer")
    graph = Graph(model, "main")
    weights = random.integers(-127, 128, [6, 8]).astype(np.int8)
    scales = random.uniform(0.005, 0.02, 6)
    rows = graph.tensor("rows", [1, 8], "int8", scale=0.05, zero=-3)
    product = graph.tensor("product", [1, 6], "int8", scale=0.1, zero=4)
    bias = random.integers(-500, 500, 6).astype(np.int32)
    graph.operator(
        schema.BuiltinOperator.FULLY_CONNECTED,
        [
            rows,
            graph.tensor("w", [6, 8], "int8", data=weights, scale=scales),
            graph.tensor("b", [6], "int32", data=bias, scale=scales * 0.05),
        ],
        [product],
        schema.FullyConnectedOptionsT(),
        version=4,
    )
    graph.ends([rows], [product], "serving_default")
    return model


def partitions():
    """A sum that XNNPACK leaves to the library's own kernels, between operators that it takes."""
    model = empty("two delegate partitions")
    graph = Graph(model, "main")
    x = graph.tensor("x", [1, 64])
    a, b, c = graph.tensor("magnitudes", [1, 64]), graph.tensor("sums", [1, 64]), graph.tensor("y", [1, 64])
    graph.operator(schema.BuiltinOperator.ABS, [x], [a], schema.AbsOptionsT())
    axis = graph.tensor("axis", [1], "int32", data=np.array([1], np.int32))
    options = schema.CumsumOptionsT()
    graph.operator(schema.BuiltinOperator.CUMSUM, [a, axis], [b], options)
    graph.operator(schema.BuiltinOperator.NEG, [b], [c], schema.NegOptionsT())
    graph.ends([x], [c], "serving_default")
    return model


def custom():
    model = empty("an operator that nobody knows")
    graph = Graph(model, "main")
    x, y = graph.tensor("x", [1, 4]), graph.tensor("y", [1, 4])
    graph.operator(schema.BuiltinOperator.CUSTOM, [x], [y], custom="Frobnicate")
    graph.ends([x], [y], "serving_default")
    return model


def strings():
    model = empty("text in, text out")
    graph = Graph(model, "main")
    x, y = graph.tensor("text", [2], "string"), graph.tensor("same", [2, 1], "string")
    shape = graph.tensor("shape", [2], "int32", data=np.array([2, 1], np.int32))
    options = schema.ReshapeOptionsT()
    options.newShape = [2, 1]
    graph.operator(schema.BuiltinOperator.RESHAPE, [x, shape], [y], options)
    graph.ends([x], [y], "serving_default")
    return model


def one_operator():
    model = empty("one number passes through")
    graph = Graph(model, "main")
    x, y = graph.tensor("x", [1]), graph.tensor("y", [1])
    graph.operator(schema.BuiltinOperator.ABS, [x], [y], schema.AbsOptionsT())
    graph.ends([x], [y])
    return model


def scalar():
    model = empty("tensors without dimensions")
    graph = Graph(model, "main")
    x, y, z = graph.tensor("x", []), graph.tensor("y", []), graph.tensor("z", [])
    graph.operator(schema.BuiltinOperator.ADD, [x, y], [z], schema.AddOptionsT())
    graph.ends([x, y], [z])
    return model


def unknown_size():
    """How many positions are true is known only once it has run."""
    model = empty("an output whose size depends on the data")
    graph = Graph(model, "main")
    x = graph.tensor("mask", [6], "bool")
    y = graph.tensor("positions", [6, 1], "int64", signature=[-1, 1])
    graph.operator(schema.BuiltinOperator.WHERE, [x], [y], schema.WhereOptionsT())
    graph.ends([x], [y], "serving_default")
    return model


def contradiction():
    model = empty("an addition of tensors that do not fit each other")
    graph = Graph(model, "main")
    x, y, z = graph.tensor("left", [1, 4]), graph.tensor("right", [1, 5]), graph.tensor("sum", [1, 4])
    graph.operator(schema.BuiltinOperator.ADD, [x, y], [z], schema.AddOptionsT())
    graph.ends([x, y], [z], "serving_default")
    return model


def future():
    model = empty("a version of an operator that is not there yet")
    graph = Graph(model, "main")
    x, y = graph.tensor("x", [1, 4]), graph.tensor("y", [1, 4])
    graph.operator(schema.BuiltinOperator.ABS, [x], [y], schema.AbsOptionsT(), version=99)
    graph.ends([x], [y], "serving_default")
    return model


def main(folder):
    seeded = lambda: np.random.default_rng(20261128)
    folder.mkdir(parents=True, exist_ok=True)
    write(cnn(seeded()), folder / "cnn.tflite")
    write(cnn(seeded()), folder / "cnn_outside.tflite", outside=True)
    write(elements(), folder / "elements.tflite")
    write(dynamic(seeded()), folder / "dynamic.tflite")
    write(signatures(), folder / "signatures.tflite")
    write(int8(seeded()), folder / "int8.tflite")
    write(partitions(), folder / "partitions.tflite")
    write(custom(), folder / "custom.tflite")
    write(strings(), folder / "strings.tflite")
    write(one_operator(), folder / "one_operator.tflite")
    write(scalar(), folder / "scalar.tflite")
    write(unknown_size(), folder / "unknown_size.tflite")
    write(contradiction(), folder / "contradiction.tflite")
    write(future(), folder / "future.tflite")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
