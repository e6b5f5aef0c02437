"""Checks variants of `prune`, `palettize` and `prune-structured` against their originals with numpy, the ONNX checker and ONNX Runtime.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install onnx==1.23.2 onnxruntime==1.31.1 numpy
    PRUNE_CHECK_MODELS=MODELS PRUNE_CHECK_RESULTS=RESULTS PRUNE_CHECK_RECIPES=prune-0.50,palettize-4 \
        cargo test --test it write_pruned_variants -- --ignored
    /tmp/venv/bin/python tests/reference/prune_check.py MODELS RESULTS [digits.npz]

Prints one Markdown row a recipe and model: sizes, right answers, and the latency in one thread, both models in turn, the least of
each. Fails where a variant does not load, does not pass the checker, changes its interface, or where weights differ from what numpy makes.
"""

import pathlib
import sys
import time
import zlib
from fractions import Fraction

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

SIZES = {"sequence": 32, "seq": 32, "seq_len": 32, "samples": 16000}
ROUNDS = 60


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feed(inputs, generator):
    values = {}
    for spec in inputs:
        shape = [size if isinstance(size, int) else SIZES.get(size, 1) for size in spec.shape]
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


def weights(path):
    graph = onnx.load(str(path)).graph
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def data(path):
    beside = path.with_name(path.name + ".data")
    return path.read_bytes() + (beside.read_bytes() if beside.exists() else b"")


def pruned(recipe, original, target):
    """The same tensors, with exactly the smallest at zero, ties in order."""
    share = Fraction(recipe.split("-")[1])
    before, after = weights(original), weights(target)
    changed = [name for name in before if not np.array_equal(before[name], after[name])]
    flat = {name: before[name].ravel() for name in changed}
    groups = [[name] for name in changed] if recipe.endswith("-tensor") else [changed]
    for names in filter(None, groups):
        values = np.concatenate([flat[name] for name in names])
        expected = values.copy()
        expected[np.argsort(np.abs(values), kind="stable")[: int(share * values.size)]] = 0
        if not np.array_equal(expected, np.concatenate([after[name].ravel() for name in names])):
            raise AssertionError(f"other elements than numpy's are zero in {names[:3]}")
    return f"{len(changed)} tensors as numpy's"


def palettized(recipe, original, target):
    """Every weight is the entry of its palette that is nearest to it, and the palette is no worse than quantiles."""
    before, after = weights(original), weights(target)
    colours = 2 ** int(recipe.split("-")[1])
    count = 0
    for name, indices in after.items():
        if indices.dtype != np.uint8 or not name.endswith("_indices"):
            continue
        stem = name[: -len("_indices")]
        palette, values = after[stem + "_palette"].astype(np.float64), before[stem].astype(np.float64)
        if palette.size > colours or indices.max() >= palette.size:
            raise AssertionError(f"{stem} has {palette.size} values")
        error = np.abs(palette[indices] - values)
        order = np.sort(palette)
        places = np.searchsorted((order[1:] + order[:-1]) / 2, values)
        if (error > np.abs(order[places] - values) + 1e-7).any():
            raise AssertionError(f"{stem} is not at its nearest values")
        count += 1
    return f"{count} tensors at their nearest values"


def check(recipe, name, original, target, digits):
    model = onnx.load(str(target))
    onnx.checker.check_model(model)
    note = ""
    if recipe.startswith("prune-0"):
        note = pruned(recipe, original, target)
    elif recipe.startswith("palettize"):
        note = palettized(recipe, original, target)
    one, other = session(original), session(target)
    for get in ("get_inputs", "get_outputs"):
        if [(v.name, v.type) for v in getattr(one, get)()] != [(v.name, v.type) for v in getattr(other, get)()]:
            raise AssertionError("inputs or outputs changed")
    generator = np.random.default_rng(0)
    accuracy = ["", ""]
    if name.startswith("digits_") and digits is not None:
        spec = one.get_inputs()[0]
        images, labels = digits["x_test"], digits["y_test"]
        samples = [{spec.name: image[None]} for image in images]
        for side, run in enumerate((one, other)):
            answers = [run.run(None, sample)[0].argmax() for sample in samples]
            accuracy[side] = f"{100 * np.mean(answers == labels):.1f}"
    else:
        samples = [feed(one.get_inputs(), generator) for _ in range(4)]
    cosines = []
    for sample in samples[:100]:
        for a, b in zip(one.run(None, sample), other.run(None, sample)):
            if a.shape != b.shape or a.dtype != b.dtype:
                raise AssertionError(f"output {a.dtype}{a.shape} became {b.dtype}{b.shape}")
            if a.dtype == np.float32 and a.size:
                cosines.append(cosine(a, b))
    times = [[], []]
    deadline = time.time() + 8
    for _ in range(ROUNDS):
        for side, run in enumerate((one, other)):
            run.run(None, samples[0])
            repeats = 20 if name.startswith("digits") else 2
            start = time.perf_counter()
            for _ in range(repeats):
                run.run(None, samples[0])
            times[side].append((time.perf_counter() - start) / repeats)
        if time.time() > deadline:
            break
    before, after = data(original), data(target)
    print(
        f"| {recipe} | {name} | {len(after) / len(before):.3f} | {len(zlib.compress(after, 6)) / len(zlib.compress(before, 6)):.3f} "
        f"| {min(times[1]) / min(times[0]):.3f} | {np.median(times[1]) / np.median(times[0]):.3f} | {np.mean(cosines):.4f} "
        f"| {accuracy[0]} → {accuracy[1]} | {note} |",
        flush=True,
    )


def main():
    models, results = map(pathlib.Path, sys.argv[1:3])
    digits = np.load(sys.argv[3]) if len(sys.argv) > 3 else None
    print("| recipe | model | size × | zip × | latency ×, least | latency ×, median | cosine | right % | checked |")
    print("|---|---|---|---|---|---|---|---|---|")
    failed = False
    for folder in sorted(results.glob("*/*")):
        recipe, name = folder.parent.name, folder.name
        if (folder / "error.txt").exists():
            print(f"| {recipe} | {name} | {(folder / 'error.txt').read_text()} |")
            continue
        try:
            check(recipe, name, models / f"{name}.onnx", folder / "model.onnx", digits)
        except Exception as error:  # every model is reported, whatever is wrong with it
            failed = True
            print(f"| {recipe} | {name} | FAILED: {type(error).__name__}: {str(error)[:600]} |")
    sys.exit(1 if failed else 0)


main()
