"""Compares int8-static variants with those of onnxruntime.quantization that were made with the same ranges, bit for bit.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install onnx==1.23.2 onnxruntime==1.31.1 numpy sympy
    /tmp/venv/bin/python tests/reference/int8_static_check.py make MODELS RESULTS [name …]
    INT8_CHECK_MODELS=MODELS INT8_CHECK_RESULTS=RESULTS cargo test --test it write_int8_static_variants -- --ignored
    /tmp/venv/bin/python tests/reference/int8_static_check.py compare MODELS RESULTS [name …]

`make` calibrates every model with the reference (MinMax; 64 samples of digits.npz, else 8 made ones), writes its model and the ranges
for ours. `compare` loads both, compares scales, zero points and quantized constants by name, and outputs by cosine similarity, and
prints one Markdown row a model; what differs goes to standard error. It fails where ours does not load or does not pass the checker.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

SIZES = {"batch": 1, "N": 1, "batch_size": 1, "sequence": 32, "seq": 32, "seq_len": 32, "samples": 16000}
PAIR = {"QuantizeLinear", "DequantizeLinear"}


def session(model, plain=False):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    if plain:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


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


def feeds(models, name, inputs, part):
    if name.startswith("digits"):
        data = np.load(models / "digits.npz")[{"calibrate": "x_calib", "compare": "x_test"}[part]]
        return [{inputs[0].name: sample[None]} for sample in data[:64]]
    generator = np.random.default_rng({"calibrate": 0, "compare": 1}[part])
    return [feed(inputs, generator) for _ in range(8)]


def observe(path, samples):
    """Ranges of all floats that the model's nodes make, and of its inputs."""
    model = onnx.load(str(path))
    known = {output.name for output in model.graph.output}
    for node in model.graph.node:
        for output in node.output:
            if output and output not in known:
                model.graph.output.append(onnx.ValueInfoProto(name=output))
                known.add(output)
    run = session(model.SerializeToString(), plain=True)
    names = [output.name for output in run.get_outputs() if output.type == "tensor(float)"]
    ranges = {}
    for sample in samples:
        made = list(zip(names, run.run(names, sample)))
        for name, value in made + [pair for pair in sample.items() if pair[1].dtype == np.float32]:
            if value.size:
                low, high = float(value.min()), float(value.max())
                old = ranges.get(name, (low, high))
                ranges[name] = (min(low, old[0]), max(high, old[1]))
    return ranges


def make(models, results, names):
    import onnxruntime.quantization.qdq_quantizer as qdq
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self, samples):
            self.samples = iter(samples)

        def get_next(self):
            return next(self.samples, None)

    class Spy(qdq.QDQQuantizer):
        def __init__(self, model, per_channel, reduce_range, weight, activation, ranges, *rest, **more):
            for tensor in ranges.keys():
                seen[tensor] = tuple(float(np.asarray(end).item()) for end in ranges[tensor].range_value)
            super().__init__(model, per_channel, reduce_range, weight, activation, ranges, *rest, **more)

    sys.modules["onnxruntime.quantization.quantize"].QDQQuantizer = Spy
    for name in names:
        seen = {}
        source, folder = models / f"{name}.onnx", results / name
        folder.mkdir(parents=True, exist_ok=True)
        samples = feeds(models, name, session(str(source)).get_inputs(), "calibrate")
        prepared = folder / "prepared.onnx"
        try:
            quant_pre_process(str(source), str(prepared))
        except Exception:
            quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(folder / "reference.onnx"),
            Reader(samples),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        ranges = {**observe(source, samples), **seen}
        ranges = {tensor: ends for tensor, ends in ranges.items() if np.isfinite(ends).all()}
        ranges = {tensor: {"min": low, "max": high} for tensor, (low, high) in ranges.items()}
        text = json.dumps({"ranges": ranges, "channels": {}, "in_float": {}})
        (folder / "evidence.json").write_text(text)
        print(f"{name}: {len(ranges)} ranges", flush=True)


class Quantized:
    """What a quantized model says of its tensors."""

    def __init__(self, path):
        self.model = onnx.load(str(path))
        graph = self.model.graph
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.activations, self.weights, self.biases = {}, {}, {}
        for node in graph.node:
            if node.op_type not in PAIR:
                continue
            parameters = tuple(self.constants[name] for name in node.input[1:3])
            stored = node.input[0]
            if node.op_type == "QuantizeLinear":
                self.activations[stored.removesuffix("_QuantizeLinear_Input")] = parameters
            elif stored in self.constants:
                place = self.biases if self.constants[stored].dtype == np.int32 else self.weights
                place[stored.removesuffix("_quantized")] = (self.constants[stored], *parameters)
        for node in graph.node:
            # Rows of tables are gathered in integers.
            if node.op_type in ("Gather", "GatherElements") and node.input[0].endswith("_quantized"):
                behind = [other for other in graph.node if node.output[0] in other.input]
                parameters = tuple(self.constants[name] for name in behind[0].input[1:3])
                self.weights[node.input[0].removesuffix("_quantized")] = (self.constants[node.input[0]], *parameters)
                self.activations[behind[0].output[0].removesuffix("_DequantizeLinear_Output")] = parameters

    def size(self):
        return len(self.model.SerializeToString())


def same(one, other):
    flat = lambda array: np.asarray(array).ravel()
    return all(np.array_equal(flat(a), flat(b)) and a.dtype == b.dtype for a, b in zip(one, other))


def cosine(one, other):
    one, other = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    norm = np.linalg.norm(one) * np.linalg.norm(other)
    return 1.0 if norm == 0 else float(one @ other / norm)


def closeness(models, name, folder):
    source = session(str(models / f"{name}.onnx"))
    runs = [session(str(folder / "ours" / "model.onnx"))]
    try:
        runs.append(session(str(folder / "reference.onnx")))
    except Exception as error:
        print(f"{name}: the reference's model does not load: {str(error)[:120]}", file=sys.stderr)
    found = [[] for _ in runs]
    for sample in feeds(models, name, source.get_inputs(), "compare"):
        expected = source.run(None, sample)
        for run, cosines in zip(runs, found):
            floats = [(a, b) for a, b in zip(expected, run.run(None, sample)) if a.dtype == np.float32]
            cosines.append(min(cosine(a, b) for a, b in floats))
    return [float(np.mean(cosines)) for cosines in found] + [float("nan")] * (2 - len(runs))


def compare(models, results, names):
    print("| model | size | weights | biases | activations | only ours | only theirs | cosine |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        folder = results / name
        path = folder / "ours" / "model.onnx"
        onnx.checker.check_model(str(path), full_check=True)
        ours, theirs = Quantized(path), Quantized(folder / "reference.onnx")
        cells, lonely = [], [[], []]
        for kind in ("weights", "biases", "activations"):
            one, other = getattr(ours, kind), getattr(theirs, kind)
            common = [key for key in one if key in other]
            different = [key for key in common if not same(one[key], other[key])]
            cells.append(f"{len(common) - len(different)}/{len(common)}")
            lonely[0] += [key for key in one if key not in other]
            lonely[1] += [key for key in other if key not in one]
            for key in different:
                print(f"{name}: {kind} differ: {key}", file=sys.stderr)
        print(f"{name}: only ours {sorted(lonely[0])}, only theirs {sorted(lonely[1])}", file=sys.stderr)
        source = models / f"{name}.onnx"
        full = source.stat().st_size + sum(extra.stat().st_size for extra in models.glob(f"{name}.onnx.*"))
        near = closeness(models, name, folder)
        print(
            f"| {name} | {ours.size() / full:.3f} / {theirs.size() / full:.3f} | {' | '.join(cells)} "
            f"| {len(lonely[0])} | {len(lonely[1])} | {near[0]:.6f} / {near[1]:.6f} |",
            flush=True,
        )


if __name__ == "__main__":
    task, models, results = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    chosen = sys.argv[4:] or sorted(path.name for path in results.iterdir() if path.is_dir())
    {"make": make, "compare": compare}[task](models, results, chosen)
