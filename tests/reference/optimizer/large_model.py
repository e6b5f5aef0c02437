"""Makes a large model: a seeded stack of MatMul, Add, Relu with square weights. Usage: large_model.py OUTPUT MEGABYTES

From 1900 MB on the weights go to one file beside it, `OUTPUT.data`, since a message of Protocol Buffers ends at 2 GB. Needs no more
memory than the model file and one weight.
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 2048
# The engine maps external tensors that begin at whole pages.
PAGE = 4096


def main():
    output, megabytes = pathlib.Path(sys.argv[1]), float(sys.argv[2])
    layers = max(1, round(megabytes * 1e6 / (4 * SIDE * (SIDE + 1))))
    generator = np.random.default_rng(4)
    external = megabytes >= 1900
    data = open(f"{output}.data", "wb") if external else None
    nodes, weights, name = [], [], "x"
    for layer in range(layers):
        weight = generator.standard_normal((SIDE, SIDE), np.float32) * np.float32((2 / SIDE) ** 0.5)
        bias = generator.standard_normal(SIDE, np.float32) * np.float32(0.1)
        if external:
            tensor = TensorProto(name=f"w{layer}", data_type=TensorProto.FLOAT, dims=weight.shape)
            data.seek(-data.tell() % PAGE, 1)
            place = {"location": f"{output.name}.data", "offset": data.tell(), "length": weight.nbytes}
            for key, value in place.items():
                tensor.external_data.add(key=key, value=str(value))
            tensor.data_location = TensorProto.EXTERNAL
            data.write(weight.tobytes())
        else:
            tensor = numpy_helper.from_array(weight, f"w{layer}")
        weights += [tensor, numpy_helper.from_array(bias, f"b{layer}")]
        nodes += [
            helper.make_node("MatMul", [name, f"w{layer}"], [f"product{layer}"], f"matmul{layer}"),
            helper.make_node("Add", [f"product{layer}", f"b{layer}"], [f"sum{layer}"], f"add{layer}"),
            helper.make_node("Relu", [f"sum{layer}"], [f"y{layer}"], f"relu{layer}"),
        ]
        name = f"y{layer}"
    value = lambda which: helper.make_tensor_value_info(which, TensorProto.FLOAT, ["batch", SIDE])
    graph = helper.make_graph(nodes, "large", [value("x")], [value(name)], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), output)
    if data:
        data.close()


main()
