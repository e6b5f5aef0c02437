"""What LiteRT itself makes of the models of `make_models.py`, bit by bit: python outputs.py FOLDER > FOLDER/outputs.json

Needs `pip install ai-edge-litert==2.3.0 numpy`. Each entry holds inputs and outputs of one run, as hexadecimal bytes.
"""

import json
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.interpreter import OpResolverType

#: Model, signature, shapes of the inputs that are resized.
RUNS = [
    ("cnn", None, {}),
    ("cnn_outside", None, {}),
    ("elements", None, {}),
    ("dynamic", None, {}),
    ("dynamic", None, {"rows": [7, 4]}),
    ("signatures", "add", {}),
    ("signatures", "multiply", {}),
    ("int8", None, {}),
    ("partitions", None, {}),
    ("scalar", None, {}),
]


def ramp(shape, kind):
    """Values that differ, of any type."""
    count = int(np.prod(shape, dtype=np.int64))
    numbers = np.arange(count) * 37 % 101
    if np.issubdtype(kind, np.floating):
        return (numbers / 101).astype(kind).reshape(shape)
    return (numbers % 2 == 1 if kind == np.bool_ else numbers.astype(kind)).reshape(shape)


def describe(name, array):
    return {
        "name": name,
        "element": str(array.dtype),
        "shape": list(array.shape),
        "data": np.ascontiguousarray(array).tobytes().hex(),
    }


def run(path, signature, shapes, resolver):
    interpreter = Interpreter(str(path), num_threads=1, experimental_op_resolver_type=resolver)
    if signature is None:
        for detail in interpreter.get_input_details():
            if detail["name"] in shapes:
                interpreter.resize_tensor_input(detail["index"], shapes[detail["name"]], strict=True)
        interpreter.allocate_tensors()
        inputs = []
        for detail in interpreter.get_input_details():
            value = ramp(detail["shape"], detail["dtype"])
            interpreter.set_tensor(detail["index"], value)
            inputs.append(describe(detail["name"], value))
        interpreter.invoke()
        outputs = [describe(detail["name"], interpreter.get_tensor(detail["index"])) for detail in interpreter.get_output_details()]
        return inputs, outputs
    runner = interpreter.get_signature_runner(signature)
    details = runner.get_input_details()
    given = {name: ramp(detail["shape"], detail["dtype"]) for name, detail in details.items()}
    results = runner(**given)
    inputs = [describe(details[name]["name"], value) for name, value in given.items()]
    names = runner.get_output_details()
    return inputs, [describe(names[name]["name"], value) for name, value in results.items()]


def main(folder):
    entries = []
    for model, signature, shapes in RUNS:
        for xnnpack in [True, False]:
            resolver = OpResolverType.AUTO if xnnpack else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            inputs, outputs = run(folder / f"{model}.tflite", signature, shapes, resolver)
            entries.append({"model": model, "signature": signature, "xnnpack": xnnpack, "inputs": inputs, "outputs": outputs})
    print(json.dumps(entries, indent=1))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
