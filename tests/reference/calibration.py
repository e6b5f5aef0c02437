"""Ranges of activations as `onnxruntime.quantization` finds them, for `tests/it/calibration.rs`.

Writes `tests/fixtures/calibration.json`: for some fixtures the least and greatest value of every tensor that its MinMax calibration
looks at, over the first samples of `x_calib` in `tests/fixtures/models/digits.npz`, fed one at a time. Floats are written as the bits of
an IEEE 754 binary32, so that the comparison is exact.

Needs onnx 1.23.2, onnxruntime 1.31.1 and numpy:

    python tests/reference/calibration.py
"""

import json
import pathlib
import tempfile

import numpy
import onnx
import onnxruntime
from onnxruntime.quantization.calibrate import CalibrationDataReader, CalibrationMethod, create_calibrator

ROOT = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
SAMPLES = 24
MODELS = ["digits_cnn", "digits_mbv2", "digits_mlp"]


class Reader(CalibrationDataReader):
    def __init__(self, name, samples):
        self.samples = iter([{name: sample[None]} for sample in samples])

    def get_next(self):
        return next(self.samples, None)


def bits(value):
    return int(numpy.asarray(value, dtype=numpy.float32).reshape(()).view(numpy.uint32))


def ranges(name, samples):
    path = str(ROOT / "models" / f"{name}.onnx")
    with tempfile.TemporaryDirectory() as folder:
        # One thread, as the order of sums in a convolution depends on how many there are.
        single = onnxruntime.InferenceSession

        def session(path, sess_options, **rest):
            sess_options.intra_op_num_threads = 1
            return single(path, sess_options=sess_options, **rest)

        onnxruntime.InferenceSession = session
        calibrator = create_calibrator(
            path, None, f"{folder}/augmented.onnx", calibrate_method=CalibrationMethod.MinMax, use_external_data_format=False
        )
        inputs = [value.name for value in onnx.load(path).graph.input]
        calibrator.collect_data(Reader(inputs[0], samples))
        data = calibrator.compute_data().data
        onnxruntime.InferenceSession = single
    initializers = {tensor.name for tensor in onnx.load(path).graph.initializer}
    return {
        tensor: [bits(value.range_value[0]), bits(value.range_value[1])]
        for tensor, value in sorted(data.items())
        if tensor not in initializers
    }


def main():
    samples = numpy.load(ROOT / "models" / "digits.npz")["x_calib"][:SAMPLES]
    found = {
        "onnxruntime": onnxruntime.__version__,
        "samples": SAMPLES,
        "models": {name: ranges(name, samples) for name in MODELS},
    }
    (ROOT / "calibration.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


main()
