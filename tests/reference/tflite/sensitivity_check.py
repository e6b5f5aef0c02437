"""Checks how far mlbuild says that the layers of two TensorFlow Lite builds are apart, against the engine's own interpreter.

    MLBUILD_PAIRS=pairs cargo test --test it -- --ignored tflite_sensitivity::pairs
    python tests/reference/tflite/sensitivity_check.py pairs

The interpreter keeps every tensor (`experimental_preserve_all_tensors`) and uses its own kernels, no delegate; nothing is added to the
models' outputs. mlbuild runs copies with further outputs, once with the same kernels, and once with XNNPACK, whose integers are rounded
otherwise. Exit code 1 where a layer differs by 0.05 dB or more with the same kernels. Needs numpy and ai-edge-litert.
"""

import json
import math
import pathlib
import sys

import numpy
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def tensors(path, name, shape, samples):
    """Every tensor that an operator makes, in numbers, for each sample."""
    interpreter = Interpreter(
        str(path),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    (given,) = [entry for entry in interpreter.get_input_details() if entry["name"] == name]
    made = {index for operator in interpreter._get_ops_details() for index in operator["outputs"]}
    runs = []
    for sample in samples:
        interpreter.set_tensor(given["index"], numpy.array(sample, given["dtype"]).reshape(shape))
        interpreter.invoke()
        run = {}
        for entry in interpreter.get_tensor_details():
            if entry["index"] not in made or not entry["name"]:
                continue
            values = interpreter.get_tensor(entry["index"])
            if values.dtype.kind != "f":
                scales, zero_points = (entry["quantization_parameters"][key] for key in ("scales", "zero_points"))
                if len(scales) != 1:
                    continue
                values = (values.astype(numpy.float64) - float(zero_points[0])) * float(scales[0])
            run[entry["name"]] = values.astype(numpy.float64)
        runs.append(run)
    return runs


def decibels(before, after):
    signal = sum(float((one**2).sum()) for one in before)
    noise = sum(float(((one - other) ** 2).sum()) for one, other in zip(before, after))
    return math.inf if noise == 0 else 10 * math.log10(signal / noise) if signal else -math.inf


def difference(layers, first, second):
    """The largest difference in decibels, and the layer that it is of."""
    worst = 0.0, ""
    for layer in layers:
        before = [run[layer["tensor"]] for run in first]
        after = [run[layer["matched"]] for run in second]
        assert all(one.size == other.size for one, other in zip(before, after)), layer
        assert sum(one.size for one in before) == layer["elements"], layer
        found = decibels(before, after)
        told = math.inf if layer["sqnr_db"] is None else layer["sqnr_db"]
        # Beyond 110 dB there is nothing but the rounding of 32-bit floats, which differs from kernel to kernel.
        if min(found, told) < 110:
            worst = max(worst, (abs(found - told), layer["tensor"]))
    return worst


def main():
    folder = pathlib.Path(sys.argv[1])
    failed = False
    print(f"{'pair':20} {'layers':>6} {'worst, dB':>9} {'difference, dB':>14} {'with XNNPACK':>12}")
    for path in sorted(folder.glob("*.layers.json")):
        pair = path.name.removesuffix(".layers.json")
        said = json.loads(path.read_text())
        arguments = said["input"], said["shape"], said["samples"]
        first = tensors(folder / f"{pair.split('.')[0]}.tflite", *arguments)
        second = tensors(folder / f"{pair}.tflite", *arguments)
        layers = said["found"]["layers"]
        same, other = (difference(said[key]["layers"], first, second) for key in ("found", "with_xnnpack"))
        failed |= same[0] >= 0.05
        least = min(layer["sqnr_db"] for layer in layers if layer["sqnr_db"] is not None)
        print(f"{pair:20} {len(layers):6} {least:9.2f} {same[0]:14.4f} {other[0]:12.4f}  {same[1]}")
    return int(failed)


sys.exit(main())
