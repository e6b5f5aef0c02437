"""Compares converted models with the ONNX models that they came from.

    MLBUILD_MODELS=models MLBUILD_PAIRS=pairs cargo test --test it -- --ignored tflite_convert::pairs
    python tests/reference/tflite/convert_check.py pairs

Needs ai-edge-litert, onnxruntime, numpy. Runs both on seeded inputs and prints, for each model, the largest absolute error relative to
the largest output, the operators, and the partitions that the delegate makes. Exit code 1 where an error is beyond 1e-5.
"""

import collections
import json
import os
import sys
import time

import numpy
import onnxruntime
from ai_edge_litert import interpreter as litert

LIMIT = 1e-5
TYPES = {"tensor(float)": numpy.float32, "tensor(int64)": numpy.int64, "tensor(int32)": numpy.int32, "tensor(bool)": numpy.bool_}


def feed(session, details, seed):
    generator = numpy.random.default_rng(seed)
    values = {}
    for put in session.get_inputs():
        shape = [int(size) for size in details[put.name]["shape"]]
        kind = TYPES[put.type]
        if kind is numpy.float32:
            values[put.name] = generator.standard_normal(shape).astype(kind)
        elif kind is numpy.bool_:
            values[put.name] = generator.random(shape) < 0.5
        else:
            values[put.name] = generator.integers(0, 2, shape).astype(kind)
            if "ids" in put.name and "type" not in put.name:
                values[put.name] = generator.integers(0, 64, shape).astype(kind)
    return values


def main(folder):
    worst = 0.0
    for pair in json.load(open(os.path.join(folder, "pairs.json"))):
        if "error" in pair:
            print(f"{pair['name']:28} REFUSED {pair['error']} | {pair['hints']}")
            continue
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(pair["onnx"], options)
        try:
            model = litert.Interpreter(model_path=pair["tflite"], num_threads=1)
            runner = model.get_signature_runner()
            error, details = 0.0, runner.get_input_details()
            for seed in range(3):
                values = feed(session, details, seed)
                wanted = session.run(None, values)
                found = runner(**values)
                for output, want in zip(session.get_outputs(), wanted):
                    got = found[output.name]
                    if got.shape != want.shape:
                        raise ValueError(f"{output.name}: shape {got.shape}, not {want.shape}")
                    scale = max(float(numpy.abs(want.astype(numpy.float64)).max(initial=0)), 1e-30)
                    difference = numpy.abs(got.astype(numpy.float64) - want.astype(numpy.float64)).max(initial=0)
                    error = max(error, float(difference) / scale)
            times = []
            for _ in range(20):
                start = time.perf_counter()
                runner(**values)
                times.append(time.perf_counter() - start)
            # The delegate's nodes stand behind the model's own in the plan.
            kinds = collections.Counter(detail["op_name"] for detail in model._get_ops_details())
            delegates = kinds.get("DELEGATE", 0)
        except Exception as problem:  # noqa: BLE001
            print(f"{pair['name']:28} FAILED {str(problem)[:300]}")
            worst = float("inf")
            continue
        worst = max(worst, error)
        count = sum(pair["operators"].values())
        mark = "ok " if error <= LIMIT else "BAD"
        print(f"{pair['name']:28} {mark} error {error:.2e} ops {count:4} delegates {delegates} {1000 * min(times):8.3f} ms converted in {pair['milliseconds']} ms {pair['operators']}")
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
