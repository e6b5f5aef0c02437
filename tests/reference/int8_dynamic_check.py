"""Compares `int8` variants with what onnxruntime.quantization.quantize_dynamic makes of the same models, bit for bit and in use.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install onnx==1.23.2 onnxruntime==1.31.1 numpy
    INT8_CHECK_MODELS=MODELS INT8_CHECK_RESULTS=RESULTS cargo test --test it write_int8_variants -- --ignored
    /tmp/venv/bin/python tests/reference/int8_dynamic_check.py MODELS RESULTS [--time] [MODEL…]

`int8` is held against per_channel=True, `int8-tensor` against the default, both with EnableSubgraph and without Conv. Every weight that both
quantize must have the same scales and integers. Prints one Markdown row a model and recipe; latency (with --time) is the least of
many runs with one thread, ours over the reference's, alternating.
"""

import collections
import pathlib
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

SIZES = {"batch": 1, "N": 1, "batch_size": 1, "sequence": 32, "seq": 32, "seq_len": 32, "samples": 16000}
OPERATORS = ["MatMul", "Attention", "LSTM", "Gather", "Transpose", "EmbedLayerNormalization"]
RECIPES = {"int8": True, "int8-tensor": False}


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feed(inputs, generator):
    values = {}
    for spec in inputs:
        shape = [size if isinstance(size, int) else SIZES.get(size, 8) for size in spec.shape]
        if spec.type == "tensor(float)":
            values[spec.name] = generator.standard_normal(shape).astype(np.float32)
        elif spec.type == "tensor(bool)":
            values[spec.name] = generator.integers(0, 2, shape).astype(bool)
        else:
            kind = np.int64 if spec.type == "tensor(int64)" else np.int32
            values[spec.name] = generator.integers(1, 2 if "mask" in spec.name or not shape else 20, shape).astype(kind)
            if "type" in spec.name:
                values[spec.name] -= values[spec.name]
    return values


def cosine(one, other):
    one, other = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    norm = np.linalg.norm(one) * np.linalg.norm(other)
    return 1.0 if norm == 0 else float(one @ other / norm)


def graphs(graph):
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for body in [attribute.g, *attribute.graphs]:
                if body.node:
                    yield from graphs(body)


def weights(path):
    """Scales and integers of every quantized weight, in the order of the nodes that read them."""
    model = onnx.load(str(path))
    constants = {}
    for graph in graphs(model.graph):
        constants.update({tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer})
    found = collections.defaultdict(list)
    for graph in graphs(model.graph):
        made = {output: node for node in graph.node for output in node.output}
        readers = collections.defaultdict(list)
        for node in graph.node:
            for name in node.input:
                readers[name].append(node)
        for node in graph.node:
            if node.op_type == "MatMulInteger" and node.input[1] in constants:
                cast = readers[node.output[0]][0]
                product = readers[cast.output[0]][0]
                scales = made[[name for name in product.input if name != cast.output[0]][0]]
                scale = [constants[name] for name in scales.input if name in constants]
                found["MatMul"].append((constants[node.input[1]], scale[0]))
            elif node.op_type == "Gather" and node.input[0] in constants and constants[node.input[0]].dtype == np.uint8:
                dequantize = readers[node.output[0]][0]
                point = np.concatenate([constants[name].ravel() for name in dequantize.input[1:3]])
                found["Gather"].append((constants[node.input[0]], point))
            elif node.op_type == "DynamicQuantizeLSTM":
                found["LSTM"] += [(constants[node.input[i]], constants[node.input[j]]) for i, j in ((1, 8), (2, 10))]
    return found


def same(ours, theirs):
    """How many weights are equal; ours may leave small ones, which come in the same order."""
    equal = 0
    for kind, mine in ours.items():
        others = list(theirs[kind])
        for integers, scale in mine:
            while others and others[0][0].shape != integers.shape:
                left = others.pop(0)
                if left[0].size >= 1024:
                    raise AssertionError(f"a {kind} weight of {left[0].shape} has no counterpart")
            other = others.pop(0)
            if not np.array_equal(integers, other[0]) or not np.array_equal(np.ravel(scale), np.ravel(other[1])):
                raise AssertionError(f"a {kind} weight of {integers.shape} differs")
            equal += 1
    return equal


def least(sessions, sample, seconds=4.0):
    times = [[] for _ in sessions]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for place, one in enumerate(sessions):
            for _ in range(5):
                start = time.perf_counter()
                one.run(None, sample)
                times[place].append(time.perf_counter() - start)
    return [min(row) for row in times]


def bytes_of(path):
    data = path.with_name(path.name + ".data")
    return path.stat().st_size + (data.stat().st_size if data.exists() else 0)


def compare(original, ours, recipe, timed):
    folder = pathlib.Path(tempfile.mkdtemp())
    theirs = folder / "reference.onnx"
    quantize_dynamic(
        str(original),
        str(theirs),
        per_channel=RECIPES[recipe],
        weight_type=QuantType.QInt8,
        op_types_to_quantize=OPERATORS,
        extra_options={"EnableSubgraph": True},
    )
    onnx.checker.check_model(str(ours))
    equal = same(weights(ours), weights(theirs))
    sessions = [session(path) for path in (original, theirs, ours)]
    generator = np.random.default_rng(0)
    cosines = [[], []]
    samples = [feed(sessions[0].get_inputs(), generator) for _ in range(16)]
    for sample in samples:
        full, *others = [one.run(None, sample) for one in sessions]
        for place, outputs in enumerate(others):
            pairs = [(a, b) for a, b in zip(full, outputs) if a.dtype == np.float32 and a.size]
            cosines[place].append(min(cosine(a, b) for a, b in pairs))
    sizes = [bytes_of(path) / bytes_of(original) for path in (theirs, ours)]
    latency = ""
    if timed:
        full, other, mine = least(sessions, samples[0])
        latency = f"{other / full:.3f} | {mine / full:.3f} | {mine / other:.3f}"
    print(
        f"| {original.stem} | {recipe} | {equal} | {sizes[0]:.3f} | {sizes[1]:.3f} | {np.mean(cosines[0]):.6f} "
        f"| {np.mean(cosines[1]):.6f} | {latency or ' | | '} |",
        flush=True,
    )


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--time"]
    models, results = map(pathlib.Path, arguments[:2])
    print("| model | recipe | equal weights | size ×, reference | ours | cosine, reference | ours | latency ×, reference | ours | ours ÷ reference |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    failed = False
    for original in sorted(models.glob("*.onnx")):
        if arguments[2:] and original.stem not in arguments[2:]:
            continue
        for recipe in RECIPES:
            ours = results / recipe / original.stem / "model.onnx"
            if not ours.exists():
                continue
            try:
                compare(original, ours, recipe, "--time" in sys.argv)
            except Exception as error:  # every model is reported, whatever is wrong with it
                failed = True
                print(f"| {original.stem} | {recipe} | FAILED: {type(error).__name__}: {str(error)[:300]} |", flush=True)
    sys.exit(1 if failed else 0)


main()
