"""What Python's `onnx` package says about models, to compare `src/model/onnx` against.

Usage: python onnx_facts.py MODEL.onnx [input=1,3,224,224 ...] ...

Needs `onnx`, `onnxruntime` and `numpy`. Prints one JSON object a model: operator histogram (subgraphs and functions included), elements of the main
graph's initializers and of the others, whether Python writes the file back byte for byte, multiply-accumulates and activation
bytes. Shapes are those that ONNX Runtime makes when it runs the model, not this project's. Shapes of inputs are given after the
model; every other open dimension is 1.
"""
import json
import os
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper


def graphs(graph):
    yield graph
    for node in graph.node:
        yield from graphs_of(node)


def graphs_of(node):
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield from graphs(attribute.g)
        for graph in attribute.graphs:
            yield from graphs(graph)


def operator(node):
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def histogram(model):
    count = {}
    holders = [*graphs(model.graph)]
    for function in model.functions:
        holders.append(function)
        for node in function.node:
            holders.extend(graphs_of(node))
    for holder in holders:
        for node in holder.node:
            count[operator(node)] = count.get(operator(node), 0) + 1
    return dict(sorted(count.items()))


def elements(dims):
    return int(np.prod([int(dim) for dim in dims], dtype=object)) if len(dims) else 1


def stored(graph):
    sparse = [tensor.values for tensor in graph.sparse_initializer]
    return sum(elements(tensor.dims) for tensor in [*graph.initializer, *sparse])


def observed(model, path, shapes):
    """Element type and shape of every tensor of the main graph, seen while ONNX Runtime runs the model unoptimized."""
    filled = {tensor.name for tensor in model.graph.initializer}
    feeds = {}
    for value in model.graph.input:
        if value.name not in filled:
            tensor = value.type.tensor_type
            sizes = shapes.get(value.name) or [dim.dim_value or 1 for dim in tensor.shape.dim]
            feeds[value.name] = np.ones(sizes, helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    names = [name for node in model.graph.node for name in node.output if name]
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    onnx.load_external_data_for_model(watched, os.path.dirname(path))
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    seen = dict(zip(names, session.run(names, feeds))) | feeds
    known = {name: (value.dtype, list(value.shape)) for name, value in seen.items()}
    for tensor in model.graph.initializer:
        known[tensor.name] = (helper.tensor_dtype_to_np_dtype(tensor.data_type), list(tensor.dims))
    return known


def work(model, known):
    macs = written = 0
    for node in model.graph.node:
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        dims = lambda name: known[name][1]
        try:
            if node.op_type == "Conv":
                weight = dims(node.input[1])
                output = dims(node.output[0])
                # batch × output positions × output channels × input channels of the group × kernel
                macs += output[0] * elements(output[2:]) * weight[0] * weight[1] * elements(weight[2:])
            elif node.op_type == "Gemm":
                left, right = dims(node.input[0]), dims(node.input[1])
                rows, inner = left[::-1] if attributes.get("transA") else left
                columns = right[0] if attributes.get("transB") else right[1]
                macs += rows * inner * columns
            elif node.op_type == "MatMul":
                left, right = dims(node.input[0]), dims(node.input[1])
                batch = np.broadcast_shapes(tuple(left[:-2]), tuple(right[:-2]))
                macs += elements(batch) * left[-2] * left[-1] * right[-1]
            elif node.op_type == "LSTM":
                steps, batch, width = dims(node.input[0])
                directions = dims(node.input[1])[0]
                hidden = attributes["hidden_size"]
                macs += steps * batch * directions * 4 * hidden * (width + hidden)
            elif any(True for _ in graphs_of(node)) or node.domain:
                macs = None
        except (KeyError, TypeError):
            macs = None
        for name in node.output if node.op_type != "Constant" else []:
            if not name or written is None:
                continue
            if name not in known:
                print(f"  unknown shape: {name} of {node.op_type} {node.name}", file=sys.stderr)
                written = None
                continue
            kind, sizes = known[name]
            written += elements(sizes) * kind.itemsize
    return macs, written


arguments = sys.argv[1:]
while arguments:
    path, shapes = arguments.pop(0), {}
    while arguments and "=" in arguments[0]:
        name, sizes = arguments.pop(0).split("=")
        shapes[name] = [int(size) for size in sizes.split(",")]
    model = onnx.load(path, load_external_data=False)
    bodies = [*graphs(model.graph)][1:]
    for function in model.functions:
        for node in function.node:
            bodies.extend(graphs_of(node))
    facts = {
        "model": os.path.basename(path),
        "identical": model.SerializeToString() == open(path, "rb").read(),
        "parameters": stored(model.graph),
        "body_parameters": sum(stored(graph) for graph in bodies),
        "op_histogram": histogram(model),
    }
    try:
        facts["macs"], facts["activation_bytes"] = work(model, observed(model, path, shapes))
    except Exception as error:
        facts["error"] = str(error)
    print(json.dumps(facts))
