"""Compares `int4` and `int8-weights` variants with what onnxruntime.quantization makes of the same weights, bit for bit and in use.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install onnx==1.23.2 onnxruntime==1.31.1 onnx-ir numpy
    WEIGHT_ONLY_CHECK_MODELS=MODELS WEIGHT_ONLY_CHECK_RESULTS=RESULTS cargo test --test it write_weight_only -- --ignored
    /tmp/venv/bin/python tests/reference/weight_only_check.py MODELS RESULTS [--time] [MODEL…]

Every MatMul's weight must have the scales and integers of the kernels that `matmul_nbits_quantizer` calls (what pads the last block is
never read and not compared). Where that module can be imported (it needs onnx-ir), its file is measured beside ours: one row a model
and recipe; latency (with --time) is the least of many runs with one thread, ours over the reference's, alternating.
"""

import pathlib
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper
from onnxruntime.capi._pybind_state import quantize_matmul_4bits, quantize_matmul_8bits

SIZES = {"batch": 1, "N": 1, "batch_size": 1, "sequence": 32, "seq": 32, "seq_len": 32, "samples": 16000}
RECIPES = {"int4": (4, 32), "int4-128": (4, 128), "int8-weights": (8, 32)}


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


def constants(path):
    model = onnx.load(str(path))
    found = {}
    for graph in graphs(model.graph):
        found.update({tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer})
    return model, found


def attributes(node):
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}


def kernel(weight, bits, block):
    inner, outer = weight.shape
    count, pack = -(-inner // block), 8 // bits
    padded = np.pad(weight, ((0, count * block - inner), (0, 0)))
    integers = np.zeros((outer, count, block // pack), np.uint8)
    points = np.zeros((outer, -(-count // pack)), np.uint8)
    scales = np.zeros((outer, count), np.float32)
    run = quantize_matmul_4bits if bits == 4 else quantize_matmul_8bits
    run(integers, padded, scales, points, block, outer, inner, True)
    return integers, scales


def unpacked(integers, bits, inner):
    if bits == 4:
        integers = np.stack([integers & 15, integers >> 4], -1)
    return integers.reshape(integers.shape[0], -1)[:, :inner]


def same(original, ours):
    """How many products have the reference's bits."""
    before, floats = constants(original)
    after, stored = constants(ours)
    sources = {node.output[0]: node for graph in graphs(before.graph) for node in graph.node if node.op_type in ("MatMul", "Gemm")}
    sources.update({name: node for node in list(sources.values()) for name in [node.name] if name})
    equal = 0
    for graph in graphs(after.graph):
        for node in graph.node:
            if node.op_type != "MatMulNBits" or node.input[1] not in stored:
                continue
            source = sources[node.name or node.output[0]]
            found = attributes(node)
            weight = floats[source.input[1]]
            how = attributes(source)
            if how.get("transB"):
                weight = weight.T
            weight = np.ascontiguousarray(weight * np.float32(how.get("alpha", 1.0)))
            if found["accuracy_level"] != 4 or weight.shape != (found["K"], found["N"]):
                raise AssertionError(f"{node.name}: attributes {found}")
            integers, scales = kernel(weight, found["bits"], found["block_size"])
            mine = unpacked(stored[node.input[1]], found["bits"], found["K"])
            if not np.array_equal(mine, unpacked(integers, found["bits"], found["K"])):
                raise AssertionError(f"{node.name}: integers differ")
            if not np.array_equal(stored[node.input[2]].ravel(), scales.ravel()):
                raise AssertionError(f"{node.name}: scales differ")
            equal += 1
    return equal


def reference(original, bits, block):
    try:
        from onnxruntime.quantization import matmul_nbits_quantizer as nbits
    except ImportError:
        return None
    config = nbits.DefaultWeightOnlyQuantConfig(block_size=block, is_symmetric=True, accuracy_level=4, bits=bits)
    quantizer = nbits.MatMulNBitsQuantizer(onnx.load(str(original)), algo_config=config)
    quantizer.process()
    path = pathlib.Path(tempfile.mkdtemp()) / "reference.onnx"
    onnx.save(quantizer.model.model, str(path))
    return path


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
    onnx.checker.check_model(str(ours))
    equal = same(original, ours)
    theirs = reference(original, *RECIPES[recipe])
    paths = [original, ours] + ([theirs] if theirs else [])
    sessions = [session(path) for path in paths]
    generator = np.random.default_rng(0)
    samples = [feed(sessions[0].get_inputs(), generator) for _ in range(16)]
    cosines = [[] for _ in sessions[1:]]
    for sample in samples:
        full, *others = [one.run(None, sample) for one in sessions]
        for place, outputs in enumerate(others):
            pairs = [(a, b) for a, b in zip(full, outputs) if a.dtype == np.float32 and a.size]
            cosines[place].append(min(cosine(a, b) for a, b in pairs))
    sizes = [f"{bytes_of(path) / bytes_of(original):.3f}" for path in paths[1:]]
    means = [f"{np.mean(row):.6f}" for row in cosines]
    ratios = []
    if timed:
        full, *others = least(sessions, samples[0])
        ratios = [f"{other / full:.3f}" for other in others]
        if theirs:
            ratios.append(f"{others[0] / others[1]:.3f}")
    print(f"| {original.stem} | {recipe} | {equal} | {' / '.join(sizes)} | {' / '.join(means)} | {' / '.join(ratios)} |", flush=True)


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--time"]
    models, results = map(pathlib.Path, arguments[:2])
    print("| model | recipe | equal weights | size ×, ours / reference | cosine, ours / reference | latency ×, ours / reference / ours ÷ reference |")
    print("|---|---|---|---|---|---|")
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
