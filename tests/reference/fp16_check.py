"""Checks fp16 variants against their originals with the ONNX checker and ONNX Runtime.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install onnx==1.23.2 onnxruntime==1.31.1 numpy
    FP16_CHECK_MODELS=MODELS FP16_CHECK_RESULTS=RESULTS cargo test --test it write_fp16_variants -- --ignored
    /tmp/venv/bin/python tests/reference/fp16_check.py MODELS RESULTS [digits.npz]

Prints one Markdown row a model, and fails where a variant does not load, does not pass the checker, or changes its interface.
"""

import pathlib
import sys

import numpy as np
import onnx
import onnx.shape_inference
import onnxruntime as ort

SAMPLES = 16
SIZES = {"batch": 1, "N": 1, "batch_size": 1, "sequence": 32, "seq": 32, "seq_len": 32, "samples": 16000}


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


def signature(path):
    graph = onnx.load(str(path), load_external_data=False).graph
    initial = {tensor.name for tensor in graph.initializer}
    shown = lambda values: [(v.name, v.type.SerializeToString()) for v in values if v.name not in initial]
    return shown(graph.input), shown(graph.output)


def is_inferable(path):
    """Type inference refuses some sound models, those with sparse initializers for one."""
    try:
        onnx.checker.check_model(str(path), full_check=True)
        return True
    except onnx.shape_inference.InferenceError:
        print(f"(without type inference, which refuses the original too: {path.name})", file=sys.stderr)
        return False


def size(folder, model):
    data = folder / (model + ".data")
    return (folder / model).stat().st_size + (data.stat().st_size if data.exists() else 0)


def check(name, original, result, digits):
    target = result / "model.onnx"
    onnx.checker.check_model(str(target), full_check=is_inferable(original))
    if signature(original) != signature(target):
        raise AssertionError("inputs or outputs changed")
    full, half = session(original), session(target)
    generator = np.random.default_rng(0)
    cosines, error, same, total = [], 0.0, 0, 0
    samples = []
    if name.startswith("digits_") and digits is not None:
        shape = [size if isinstance(size, int) else 1 for size in full.get_inputs()[0].shape]
        samples = [{full.get_inputs()[0].name: x.reshape(shape)} for x in digits["x_test"][:200]]
    else:
        samples = [feed(full.get_inputs(), generator) for _ in range(SAMPLES)]
    for sample in samples:
        pairs = list(zip(full.run(None, sample), half.run(None, sample)))
        for one, other in pairs:
            if one.shape != other.shape or one.dtype != other.dtype:
                raise AssertionError(f"output {one.dtype}{one.shape} became {other.dtype}{other.shape}")
        floats = [(one, other) for one, other in pairs if one.dtype == np.float32 and one.size]
        cosines.append(min(cosine(one, other) for one, other in floats))
        error = max(error, max(float(np.abs(one - other).max()) for one, other in floats))
        same += int(floats[0][0].argmax() == floats[0][1].argmax())
        total += 1
    ratio = size(result, "model.onnx") / size(original.parent, original.name)
    casts = sum(node.op_type == "Cast" for node in onnx.load(str(target)).graph.node)
    print(
        f"| {name} | {ratio:.3f} | {np.mean(cosines):.6f} | {np.min(cosines):.6f} | {error:.3g} "
        f"| {100 * same / total:.1f} | {casts} |"
    )


def main():
    models, results = map(pathlib.Path, sys.argv[1:3])
    digits = np.load(sys.argv[3]) if len(sys.argv) > 3 else None
    print("| model | size × | cosine, mean | cosine, least | largest error | top-1 alike % | casts |")
    print("|---|---|---|---|---|---|---|")
    failed = []
    for original in sorted(models.glob("*.onnx")):
        try:
            check(original.stem, original, results / original.stem, digits)
        except Exception as error:  # every model is reported, whatever is wrong with it
            failed.append(original.stem)
            print(f"| {original.stem} | FAILED: {type(error).__name__}: {str(error)[:600]} |")
    sys.exit(1 if failed else 0)


main()
