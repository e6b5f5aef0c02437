"""Writes what Python's ONNX Runtime answers on the fixtures, for tests/it/worker.rs.

    pip install onnxruntime==1.31.1 numpy
    python tests/reference/onnxruntime_outputs.py > tests/fixtures/onnxruntime_outputs.json

The inputs are a ramp that both sides compute: element i is (37 i mod 101) / 101.
"""

import json
import pathlib
import sys

import numpy
import onnxruntime

MODELS = {
    "digits_cnn": ("input", [2, 1, 8, 8]),
    "digits_lstm": ("input", [2, 1, 8, 8]),
    "control_flow_if_loop": ("img", [2, 1, 32, 32]),
    "kitchen_sink": ("x", [2, 8]),
}
fixtures = pathlib.Path(__file__).parent.parent / "fixtures" / "models"
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
result = {"onnxruntime": onnxruntime.__version__, "models": {}}
for name, (input_name, shape) in MODELS.items():
    session = onnxruntime.InferenceSession(fixtures / f"{name}.onnx", options)
    elements = numpy.arange(numpy.prod(shape))
    ramp = ((elements * 37 % 101).astype(numpy.float32) / numpy.float32(101)).reshape(shape)
    outputs = session.run(None, {input_name: ramp})
    result["models"][name] = {
        "input": input_name,
        "shape": shape,
        "outputs": [
            {"name": spec.name, "shape": list(value.shape), "values": value.astype(float).ravel().tolist()}
            for spec, value in zip(session.get_outputs(), outputs)
        ],
    }
json.dump(result, sys.stdout, indent=1)
sys.stdout.write("\n")
