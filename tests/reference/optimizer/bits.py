"""Which quantized tensors of two models are equal to the bit."""

import collections

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

WHOLE = {TensorProto.INT8, TensorProto.UINT8, TensorProto.INT32, TensorProto.INT4, TensorProto.UINT4}
KINDS = {"scale": "scales", "scales": "scales", "zero_point": "zero points", "zp": "zero points"}


def graphs(graph):
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for body in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield from graphs(body)


def tensors(path):
    """Every initializer and constant by name, as (kind, data type, bytes)."""
    model = onnx.load(path)
    found = {}
    for graph in graphs(model.graph):
        for tensor in graph.initializer:
            found[tensor.name] = tensor
        for node in graph.node:
            if node.op_type == "Constant":
                for attribute in node.attribute:
                    if attribute.HasField("t"):
                        found[node.output[0]] = attribute.t
    return {name: (kind(name, tensor), tensor.data_type, content(tensor)) for name, tensor in found.items()}


def content(tensor):
    return np.ascontiguousarray(numpy_helper.to_array(tensor)).tobytes()


def kind(name, tensor):
    for ending, shown in KINDS.items():
        if name.endswith("_" + ending):
            return shown
    return "weights and biases" if tensor.data_type in WHOLE else None


def new(path, source):
    """The tensors that quantization made: whatever the source does not hold under the same name and with the same bytes."""
    before = tensors(source)
    return {name: value for name, value in tensors(path).items() if value[0] and before.get(name) != value}


def compare(reference, ours, source):
    """By kind: how many of the reference's tensors are equal under the same name, equal under another, different, missing."""
    theirs, mine = new(reference, source), new(ours, source)
    anywhere = collections.Counter(value for value in mine.values())
    result, differing = {}, []
    for name, value in theirs.items():
        counts = result.setdefault(value[0], {"equal": 0, "renamed": 0, "different": 0, "missing": 0})
        if mine.get(name) == value:
            counts["equal"] += 1
        elif any(other[1:] == value[1:] for other in anywhere):
            counts["renamed"] += 1
        elif name in mine:
            counts["different"] += 1
            differing.append(name)
        else:
            counts["missing"] += 1
            differing.append(name)
    return {"kinds": result, "differing": differing[:40], "ours": len(mine)}
