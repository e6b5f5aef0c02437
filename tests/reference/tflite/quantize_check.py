"""Compares quantized, pruned and 16-bit TensorFlow Lite variants with ai-edge-quantizer's, and runs them in LiteRT.

    mkdir pairs
    MLBUILD_MODELS=models MLBUILD_PAIRS=pairs cargo test --test it -- --ignored tflite_convert::pairs
    python tests/reference/tflite/quantize_check.py limit pairs/bert_mini_like.tflite
    python tests/reference/tflite/quantize_check.py prepare pairs models
    MLBUILD_PAIRS=pairs cargo test --test it -- --ignored tflite_quantize::variants
    python tests/reference/tflite/quantize_check.py compare pairs models

Needs ai-edge-litert, ai-edge-quantizer, numpy. `limit` writes a copy of a model, `<name>_limited.tflite`, in which the number that masks
attention is -20 and not the least float: then ai-edge-quantizer keeps the mask too. Of that copy only `all_int8`, which leaves no more
operators in floats than ai-edge-quantizer does, is held to the limit. `prepare` runs every float model on calibration samples, writes the ranges of all
tensors to `<name>.ranges.json`, and has ai-edge-quantizer make `<name>.aeq_int8.tflite` out of the same ranges and
`<name>.aeq_dynamic.tflite`. The test writes `<name>.<variant>.tflite`. `compare` runs each on samples that were not calibrated on, with
XNNPACK and without, and prints the cosine similarity to ai-edge-quantizer's outputs and to the float model's, sizes and best times; for
the trained digits models also the accuracy. Exit code 1 where a cosine to ai-edge-quantizer's int8 is below 0.9995 and
its model is nearer to the float model, a variant does not run, or a digits model loses more than 0.5 points.
"""

import glob
import json
import os
import sys
import time

import numpy
from ai_edge_litert import interpreter as litert

CALIBRATED, TESTED = 64, 16
LIMIT = 0.9995
POINTS = 0.5
LIMITED = "_limited"
TIGHT = {"fp16": 0.9999}
# Outputs of the greatest of many nearly equal candidates: the least difference chooses others.
CHOOSING = ("top_boxes",)


def data_of(name, models, details):
    """Calibration samples, test samples, and labels of the test samples or None."""
    if name.startswith("digits_"):
        digits = numpy.load(os.path.join(models, "digits.npz"))
        only = next(iter(details))
        shape = [int(size) for size in details[only]["shape"]]
        rows = lambda key: [{only: row.reshape(shape).astype(numpy.float32)} for row in digits[key]]
        return rows("x_calib"), rows("x_test"), digits["y_test"]
    generator = numpy.random.default_rng(7)

    def sample():
        values = {}
        for key, detail in details.items():
            shape = [int(size) for size in detail["shape"]]
            if detail["dtype"] is numpy.float32:
                values[key] = generator.standard_normal(shape).astype(numpy.float32)
            elif detail["dtype"] is numpy.bool_:
                values[key] = generator.random(shape) < 0.5
            else:
                high = 1000 if "ids" in key and "type" not in key else 2
                values[key] = generator.integers(0, high, shape).astype(detail["dtype"])
        return values

    return [sample() for _ in range(CALIBRATED)], [sample() for _ in range(TESTED)], None


def load(path, xnnpack=True):
    kind = litert.OpResolverType.AUTO if xnnpack else litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return litert.Interpreter(model_path=path, num_threads=1, experimental_op_resolver_type=kind)


def ranges_of(path, samples):
    """The least and greatest value of every tensor that is no constant, by name."""
    kind = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    model = litert.Interpreter(model_path=path, num_threads=1, experimental_op_resolver_type=kind, experimental_preserve_all_tensors=True)
    model.allocate_tensors()
    signature = next(iter(model.get_signature_list()))
    inputs = load(path).get_signature_runner(signature).get_input_details()
    inputs = {key: detail["index"] for key, detail in inputs.items()}
    found = {}
    for values in samples:
        for key, value in values.items():
            model.set_tensor(inputs[key], value)
        model.invoke()
        for detail in model.get_tensor_details():
            if detail["dtype"] is not numpy.float32:
                continue
            try:
                value = model.get_tensor(detail["index"])
            except ValueError:
                continue
            value = value[numpy.isfinite(value) & (numpy.abs(value) < 1e30)]
            if value.size:
                low, high = found.get(detail["name"], (numpy.inf, -numpy.inf))
                found[detail["name"]] = (min(low, float(value.min())), max(high, float(value.max())))
    return found


def limit(path):
    least, mild = (numpy.float32(value).tobytes() for value in (numpy.finfo(numpy.float32).min, -20.0))
    data = open(path, "rb").read()
    assert data.count(least) == 1, f"{path}: the least float stands in it {data.count(least)} times, not once"
    open(path.removesuffix(".tflite") + f"{LIMITED}.tflite", "wb").write(data.replace(least, mild))


def prepare(folder, models):
    from ai_edge_quantizer import quantizer, recipe

    for path in sorted(glob.glob(os.path.join(folder, "*.tflite"))):
        name = os.path.basename(path)[: -len(".tflite")]
        if "." in name:
            continue
        details = load(path).get_signature_runner().get_input_details()
        samples, _, _ = data_of(name, models, details)
        found = ranges_of(path, samples)
        json.dump(found, open(os.path.join(folder, f"{name}.ranges.json"), "w"))
        for variant, chosen in (("aeq_int8", recipe.static_wi8_ai8()), ("aeq_dynamic", recipe.dynamic_legacy_wi8_afp32())):
            try:
                maker = quantizer.Quantizer(path, chosen)
                result = None
                if variant == "aeq_int8":
                    key = next(iter(load(path).get_signature_list()))
                    result = maker.calibrate({key: samples[:2]})
                    for tensor, entry in result.items():
                        if tensor in found and "min" in entry and numpy.size(entry["min"]) == 1:
                            shape = numpy.shape(entry["min"])
                            entry["min"] = numpy.full(shape, found[tensor][0], numpy.float32)
                            entry["max"] = numpy.full(shape, found[tensor][1], numpy.float32)
                out = os.path.join(folder, f"{name}.{variant}.tflite")
                maker.quantize(result).export_model(out, overwrite=True)
                print(f"{name:28} {variant} made")
            except Exception as problem:  # noqa: BLE001
                print(f"{name:28} {variant} FAILED {str(problem)[:200]}")


def outputs_of(path, samples, xnnpack):
    runner = load(path, xnnpack).get_signature_runner()
    inputs, outputs = runner.get_input_details(), runner.get_output_details()

    # ai-edge-quantizer's models take and give integers.
    def into(key, value):
        scale, zero = inputs[key]["quantization"]
        if inputs[key]["dtype"] is numpy.int8 and scale:
            return numpy.clip(numpy.rint(value / scale) + zero, -128, 127).astype(numpy.int8)
        return value

    def out_of(key, value):
        scale, zero = outputs[key]["quantization"]
        return (value.astype(numpy.float32) - zero) * scale if value.dtype == numpy.int8 and scale else value

    samples = [{key: into(key, value) for key, value in values.items()} for values in samples]
    found = [{key: out_of(key, value) for key, value in runner(**values).items()} for values in samples]
    times = []
    for _ in range(20):
        start = time.perf_counter()
        runner(**samples[0])
        times.append(time.perf_counter() - start)
    return found, 1000 * min(times)


def cosine(one, other):
    """The least over outputs, each over all samples together."""
    least = 1.0
    for key in one[0]:
        if key in CHOOSING or not numpy.issubdtype(one[0][key].dtype, numpy.floating):
            continue
        a = numpy.concatenate([entry[key].astype(numpy.float64).ravel() for entry in one])
        b = numpy.concatenate([entry[key].astype(numpy.float64).ravel() for entry in other])
        length = numpy.linalg.norm(a) * numpy.linalg.norm(b)
        least = min(least, float(a @ b / length) if length else float(numpy.array_equal(a, b)))
    return least


def accuracy(outputs, labels):
    guesses = [int(numpy.argmax(next(iter(entry.values())))) for entry in outputs]
    return 100 * float(numpy.mean(numpy.array(guesses) == labels))


def compare(folder, models):
    bad = False
    for path in sorted(glob.glob(os.path.join(folder, "*.ranges.json"))):
        name = os.path.basename(path)[: -len(".ranges.json")]
        source = os.path.join(folder, f"{name}.tflite")
        details = load(source).get_signature_runner().get_input_details()
        _, samples, labels = data_of(name, models, details)
        reference, took = outputs_of(source, samples, True)
        line = f"{name:24} float  {os.path.getsize(source) / 1e3:9.1f} kB {took:8.3f} ms"
        print(line if labels is None else f"{line} accuracy {accuracy(reference, labels):.2f}")
        theirs = {}
        for variant in ("aeq_int8", "int8", "all_int8", "aeq_dynamic", "dynamic", "fp16", "pruned"):
            file = os.path.join(folder, f"{name}.{variant}.tflite")
            if not os.path.exists(file):
                print(f"{name:24} {variant:11} MISSING")
                continue
            line = f"{name:24} {variant:11} {os.path.getsize(file) / 1e3:9.1f} kB"
            for xnnpack in (True, False):
                try:
                    found, took = outputs_of(file, samples, xnnpack)
                except Exception as problem:  # noqa: BLE001
                    line += f" | {'xnnpack' if xnnpack else 'kernels'} FAILED {str(problem)[:160]}"
                    bad |= not variant.startswith("aeq")
                    continue
                line += f" | {'xnnpack' if xnnpack else 'kernels'} {took:8.3f} ms cos float {cosine(reference, found):.6f}"
                if variant.startswith("aeq"):
                    theirs[variant, xnnpack] = found
                elif (peer := (f"aeq_{variant.removeprefix('all_')}", xnnpack)) in theirs:
                    value = cosine(theirs[peer], found)
                    line += f" aeq {value:.6f}"
                    judged = variant != "dynamic" and (variant == "all_int8" or not name.endswith(LIMITED))
                    if judged and value < LIMIT:
                        # Two models far apart may both be right, or theirs wrong.
                        if cosine(reference, found) > cosine(reference, theirs[peer]):
                            line += " (theirs is further from the float model)"
                        else:
                            line += " BAD"
                            bad = True
                if variant in TIGHT and cosine(reference, found) < TIGHT[variant]:
                    line += " BAD"
                    bad = True
                if labels is not None:
                    now, before = accuracy(found, labels), accuracy(reference, labels)
                    line += f" accuracy {now:.2f}"
                    if variant in ("int8", "all_int8", "dynamic", "fp16") and before - now > POINTS:
                        line += " BAD"
                        bad = True
            print(line, flush=True)
    return bad


if __name__ == "__main__":
    if sys.argv[1] == "limit":
        limit(sys.argv[2])
    elif sys.argv[1] == "prepare":
        prepare(sys.argv[2], sys.argv[3])
    else:
        sys.exit(1 if compare(sys.argv[2], sys.argv[3]) else 0)
