"""One variant of one model by Python's tools, as the process whose time is taken. Usage: methods.py METHOD MODEL OUTPUT [CALIBRATION.npz]

The last line of the output is JSON: `engine`, the seconds spent inside ONNX Runtime's sessions. Nothing is imported that the method
does not need. With `ONE_THREAD` set, models are calibrated on one thread: the order of sums in a convolution depends on their number, and
the last bit of a range with it.
"""

import json
import os
import pathlib
import sys
import tempfile
import time

ENGINE = {"seconds": 0.0}


def fp16_ort(model, output, _):
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(model), keep_io_types=True), output)


def fp16_common(model, output, _):
    import onnx
    from onnxconverter_common import float16

    onnx.save(float16.convert_float_to_float16(onnx.load(model), keep_io_types=True), output)


def dynamic(**settings):
    def run(model, output, _):
        from onnxruntime.quantization import quantize_dynamic

        quantize_dynamic(model, output, **settings)

    return run


def static(method="MinMax", prepare="all", large=False, **settings):
    """`prepare`: `all` of the tool's preparation, `some` without symbolic shapes, or `none`."""

    def run(model, output, calibration):
        from onnxruntime.quantization import CalibrationDataReader
        from onnxruntime.quantization import CalibrationMethod
        from onnxruntime.quantization import QuantFormat
        from onnxruntime.quantization import QuantType
        from onnxruntime.quantization import quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process

        feeds = iter(batches(model, calibration))

        class Reader(CalibrationDataReader):
            def get_next(self):
                return next(feeds, None)

        time_engine()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)  # where it fails, the preparation leaves files in the working directory
            prepared = model
            if prepare != "none":
                prepared = os.path.join(folder, "prepared.onnx")
                quant_pre_process(
                    model, prepared, skip_symbolic_shape=prepare == "some", save_as_external_data=large,
                    all_tensors_to_one_file=large,
                )
            quantize_static(
                prepared, output, Reader(), quant_format=QuantFormat.QDQ, per_channel=settings.pop("per_channel", True),
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                calibrate_method=getattr(CalibrationMethod, method), use_external_data_format=large, **settings,
            )
            keep = os.environ.get("KEEP_PREPARED")
            if keep and prepared != model:
                pathlib.Path(keep).write_bytes(pathlib.Path(prepared).read_bytes())
            os.chdir("/")

    return run


def weight_only(bits):
    def run(model, output, _):
        import onnx
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        quantizer = MatMulNBitsQuantizer(onnx.load(model), bits=bits, block_size=32, is_symmetric=True, accuracy_level=4)
        quantizer.process()
        quantizer.model.save_model_to_file(output, False)

    return run


MATMUL = ["MatMul", "Gather", "LSTM"]
METHODS = {
    "fp16_ort": fp16_ort,
    "fp16_common": fp16_common,
    "dyn": dynamic(),
    "dyn_pc": dynamic(per_channel=True),
    "dyn_mm": dynamic(op_types_to_quantize=MATMUL),
    "dyn_mm_pc": dynamic(op_types_to_quantize=MATMUL, per_channel=True),
    "dyn_sub": dynamic(op_types_to_quantize=MATMUL, extra_options={"EnableSubgraph": True}),
    "static": static(),
    "static_nosym": static(prepare="some"),
    "static_nopre": static(prepare="none"),
    "static_pt": static(per_channel=False),
    "static_convmm": static(op_types_to_quantize=["Conv", "MatMul", "Gemm"]),
    "static_ent": static("Entropy"),
    "static_pct": static("Percentile"),
    "nbits4": weight_only(4),
    "nbits8": weight_only(8),
}


def batches(model, calibration):
    """The feeds of an archive in the shapes that the model takes."""
    import numpy as np
    import onnx

    graph = onnx.load(model, load_external_data=False).graph
    initial = {tensor.name for tensor in graph.initializer}
    ranks = {v.name: len(v.type.tensor_type.shape.dim) for v in graph.input if v.name not in initial}
    with np.load(calibration) as archive:
        arrays = {name: archive[name] for name in ranks}
    for at in range(len(next(iter(arrays.values())))):
        values = {name: array[at] for name, array in arrays.items()}
        yield {name: value if value.ndim == ranks[name] else value[None] for name, value in values.items()}


def time_engine():
    """Counts the seconds that sessions take to load and run."""
    import onnxruntime

    def timed(call):
        def run(*arguments, **settings):
            started = time.perf_counter()
            try:
                return call(*arguments, **settings)
            finally:
                ENGINE["seconds"] += time.perf_counter() - started

        return run

    session = onnxruntime.InferenceSession
    if os.environ.get("ONE_THREAD"):
        begin = session.__init__

        def on_one_thread(self, model, sess_options=None, *arguments, **settings):
            sess_options = sess_options or onnxruntime.SessionOptions()
            sess_options.intra_op_num_threads = 1
            begin(self, model, sess_options, *arguments, **settings)

        session.__init__ = on_one_thread
    session.__init__ = timed(session.__init__)
    session.run = timed(session.run)


def main():
    method, model, output = sys.argv[1:4]
    calibration = sys.argv[4] if len(sys.argv) > 4 else None
    METHODS[method](os.path.abspath(model), os.path.abspath(output), calibration and os.path.abspath(calibration))
    print(json.dumps({"engine": ENGINE["seconds"]}))


if __name__ == "__main__":
    main()
