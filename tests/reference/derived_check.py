"""Checks that variants compute what their originals do: the ONNX checker, ONNX Runtime, and a count of nodes.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install onnx==1.23.2 onnxruntime==1.31.1 numpy
    DERIVE_RECIPE=simplify DERIVE_MODELS=MODELS DERIVE_RESULTS=RESULTS cargo test --test it write_derived -- --ignored
    /tmp/venv/bin/python tests/reference/derived_check.py MODELS RESULTS [TOLERANCE]

Prints one Markdown row a model: nodes before and after (in all graphs), and the largest difference of any output, relative to the
output's largest magnitude. Fails where that is above TOLERANCE (1e-5), or where a variant does not load or pass the checker.
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime as ort

SIZES = {"batch": 2, "N": 2, "batch_size": 2, "sequence": 32, "seq": 32, "seq_len": 32, "samples": 16000}


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feed(inputs, generator):
    values = {}
    for spec in inputs:
        shape = [size if isinstance(size, int) else SIZES.get(size, 4) for size in spec.shape]
        if spec.type == "tensor(float)":
            values[spec.name] = generator.standard_normal(shape).astype(np.float32)
        elif spec.type == "tensor(bool)":
            values[spec.name] = generator.integers(0, 2, shape).astype(bool)
        else:
            kind = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(uint8)": np.uint8}[spec.type]
            values[spec.name] = generator.integers(1, 2 if "mask" in spec.name or not shape else 4, shape).astype(kind)
    return values


def difference(expected, found):
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return float("inf")
    if expected.dtype.kind != "f":
        return 0.0 if np.array_equal(expected, found) else float("inf")
    expected, found = expected.astype(np.float64), found.astype(np.float64)
    if not np.array_equal(np.isnan(expected), np.isnan(found)):
        return float("inf")
    scale = max(1e-30, float(np.max(np.abs(np.nan_to_num(expected)), initial=0.0)))
    return float(np.max(np.abs(np.nan_to_num(expected) - np.nan_to_num(found)), initial=0.0)) / scale


def count(model):
    waiting, nodes = [model.graph.node] + [function.node for function in model.functions], 0
    while waiting:
        for node in waiting.pop():
            nodes += 1
            for attribute in node.attribute:
                waiting.extend(graph.node for graph in [attribute.g, *attribute.graphs] if len(graph.node))
    return nodes


def main():
    models, results = map(pathlib.Path, sys.argv[1:3])
    tolerance = float(sys.argv[3]) if len(sys.argv) > 3 else 1e-5
    failed = False
    print("| model | nodes | after | bytes | after | difference |")
    print("|---|---|---|---|---|---|")
    for path in sorted(models.glob("*.onnx")):
        derived = results / path.stem / "model.onnx"
        if not derived.exists():
            problem = results / path.stem / "problem.txt"
            print(f"| {path.stem} | not derived: {problem.read_text().strip() if problem.exists() else 'nothing written'} |")
            continue
        try:
            onnx.checker.check_model(str(derived))
            before, after = session(path), session(derived)
            worst = 0.0
            for seed in range(3):
                values = feed(before.get_inputs(), np.random.default_rng(seed))
                pairs = zip(before.run(None, values), after.run(None, values), strict=True)
                worst = max([worst] + [difference(one, other) for one, other in pairs])
            same = [(spec.name, spec.type) for spec in before.get_inputs() + before.get_outputs()] == [
                (spec.name, spec.type) for spec in after.get_inputs() + after.get_outputs()
            ]
            verdict = f"{worst:.1e}" if same else "interface changed"
            failed |= worst > tolerance or not same
        except Exception as error:  # noqa: BLE001
            verdict, failed = f"FAILED: {str(error)[:300]}", True
        sizes = [onnx.load(file, load_external_data=False) for file in (path, derived)]
        bytes_before, bytes_after = (
            sum(file.stat().st_size for file in [one, *one.parent.glob(one.name + ".data")]) for one in (path, derived)
        )
        print(f"| {path.stem} | {count(sizes[0])} | {count(sizes[1])} | {bytes_before} | {bytes_after} | {verdict} |", flush=True)
    sys.exit(failed)


main()
