"""Compares the verdicts of `model::onnx::check` with those of `onnx.checker` on real models and on damaged copies of them.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install onnx==1.23.2 numpy
    /tmp/venv/bin/python tests/reference/checker_check.py make CASES MODELS...
    CHECK_MODELS=CASES cargo test --test it write_verdicts -- --ignored
    /tmp/venv/bin/python tests/reference/checker_check.py compare CASES

Ours is meant to be stricter in three respects (an opset imported twice, data longer than its shape, reused attribute of functions), and
leaves it to the engine whether operators exist; `compare` names every difference and counts the agreements.
"""

import pathlib
import shutil
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


def base():
    """A model with a bit of everything: a function, a branch, a sparse initializer, two domains."""
    inner = lambda name, out: helper.make_graph(
        [helper.make_node("Relu", ["a"], [name]), helper.make_node("Neg", [name], [out])],
        "branch", [], [helper.make_tensor_value_info(out, FLOAT, None)])
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["a"], alpha=1.0, transB=1),
        helper.make_node("If", ["cond"], ["c"], then_branch=inner("t0", "t1"), else_branch=inner("e0", "e1")),
        helper.make_node("Twice", ["c"], ["d"], domain="local"),
        helper.make_node("Add", ["d", "s"], ["y"]),
    ]
    twice = helper.make_function(
        "local", "Twice", ["p"], ["q"],
        [helper.make_node("Relu", ["p"], ["r"]), helper.make_node("Add", ["r", "p"], ["q"])],
        [helper.make_opsetid("", 17)])
    sparse = helper.make_sparse_tensor(
        numpy_helper.from_array(np.array([1.0, 2.0], np.float32), "s"),
        numpy_helper.from_array(np.array([0, 2], np.int64), "s_indices"), [4])
    graph = helper.make_graph(
        nodes, "main",
        [helper.make_tensor_value_info("x", FLOAT, ["n", 3]), helper.make_tensor_value_info("cond", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("y", FLOAT, ["n", 4])],
        [numpy_helper.from_array(np.ones((4, 3), np.float32), "w"), numpy_helper.from_array(np.ones(4, np.float32), "b")],
        sparse_initializer=[sparse])
    return helper.make_model(graph, functions=[twice], ir_version=9,
                             opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("local", 1)])


def branch(model):
    return model.graph.node[1].attribute[0].g


def add(repeated, value):
    repeated.append(value)


def typed(name, kind, **values):
    attribute = onnx.AttributeProto(name=name, type=kind)
    for field, value in values.items():
        item = getattr(attribute, field)
        item.extend(value) if isinstance(value, list) else setattr(attribute, field, value)
    return attribute


A = onnx.AttributeProto
DAMAGES = {
    "nothing": lambda m: None,
    "no_ir": lambda m: m.ClearField("ir_version"),
    "ir_zero": lambda m: setattr(m, "ir_version", 0),
    "ir_negative": lambda m: setattr(m, "ir_version", -1),
    "ir_future": lambda m: setattr(m, "ir_version", 99),
    "ir_2_with_imports": lambda m: setattr(m, "ir_version", 2),
    "ir_3_unlisted": lambda m: setattr(m, "ir_version", 3),
    "no_imports": lambda m: m.ClearField("opset_import"),
    "no_local_import": lambda m: m.opset_import.pop(),
    "import_ai_onnx": lambda m: setattr(m.opset_import[0], "domain", "ai.onnx"),
    "node_in_ai_onnx": lambda m: setattr(m.graph.node[3], "domain", "ai.onnx"),
    "import_twice": lambda m: add(m.opset_import, helper.make_opsetid("", 17)),
    "import_huge": lambda m: setattr(m.opset_import[0], "version", 2**40),
    "metadata_twice": lambda m: [add(m.metadata_props, onnx.StringStringEntryProto(key="k", value="v")) for _ in "ab"],
    "no_graph_name": lambda m: m.graph.ClearField("name"),
    "no_branch_name": lambda m: branch(m).ClearField("name"),
    "unsorted": lambda m: (lambda n: (m.graph.ClearField("node"), m.graph.node.extend(reversed(n))))(list(m.graph.node)),
    "unknown_input": lambda m: m.graph.node[0].input.__setitem__(0, "nowhere"),
    "optional_input": lambda m: m.graph.node[0].input.__setitem__(2, ""),
    "unknown_in_branch": lambda m: branch(m).node[0].input.__setitem__(0, "nowhere"),
    "later_in_branch": lambda m: branch(m).node[0].input.__setitem__(0, "d"),
    "made_twice": lambda m: m.graph.node[1].output.__setitem__(0, "a"),
    "remakes_input": lambda m: m.graph.node[0].output.__setitem__(0, "x"),
    "remakes_initializer": lambda m: m.graph.node[0].output.__setitem__(0, "w"),
    "branch_shadows": lambda m: branch(m).node[0].output.__setitem__(0, "a"),
    "branches_share": lambda m: m.graph.node[1].attribute[1].g.CopyFrom(branch(m)),
    "branch_then_outer": lambda m: m.graph.node[2].output.__setitem__(0, "t0"),
    "branch_gives_outer": lambda m: setattr(branch(m).output[0], "name", "a"),
    "branch_input_shadows": lambda m: add(branch(m).input, helper.make_tensor_value_info("x", FLOAT, None)),
    "branch_initializer_shadows": lambda m: add(branch(m).initializer, numpy_helper.from_array(np.ones(1, np.float32), "w")),
    "branch_untyped": lambda m: branch(m).output[0].ClearField("type"),
    "output_not_made": lambda m: setattr(m.graph.output[0], "name", "nowhere"),
    "output_untyped": lambda m: m.graph.output[0].ClearField("type"),
    "output_shapeless": lambda m: m.graph.output[0].type.tensor_type.ClearField("shape"),
    "input_without_element": lambda m: m.graph.input[0].type.tensor_type.ClearField("elem_type"),
    "input_twice": lambda m: add(m.graph.input, m.graph.input[0]),
    "input_nameless": lambda m: m.graph.input[0].ClearField("name"),
    "input_is_output": lambda m: m.graph.output.append(m.graph.input[0]),
    "initializer_is_input": lambda m: add(m.graph.input, helper.make_tensor_value_info("w", FLOAT, [4, 3])),
    "initializer_twice": lambda m: add(m.graph.initializer, m.graph.initializer[0]),
    "initializer_nameless": lambda m: m.graph.initializer[0].ClearField("name"),
    "initializer_short": lambda m: setattr(m.graph.initializer[0], "raw_data", b"1234"),
    "initializer_negative": lambda m: m.graph.initializer[0].dims.__setitem__(0, -4),
    "initializer_untyped": lambda m: m.graph.initializer[0].ClearField("data_type"),
    "initializer_odd_type": lambda m: setattr(m.graph.initializer[0], "data_type", 77),
    "initializer_stored_twice": lambda m: m.graph.initializer[0].float_data.extend([1.0] * 12),
    "initializer_wrong_field": lambda m: (m.graph.initializer[0].ClearField("raw_data"), m.graph.initializer[0].int64_data.extend([1] * 12)),
    "initializer_typed": lambda m: (m.graph.initializer[0].ClearField("raw_data"), m.graph.initializer[0].float_data.extend([1] * 12)),
    "initializer_empty": lambda m: m.graph.initializer[0].dims.append(0),
    "external_no_location": lambda m: (m.graph.initializer[0].ClearField("raw_data"), setattr(m.graph.initializer[0], "data_location", 1)),
    "no_operator": lambda m: m.graph.node[0].ClearField("op_type"),
    "no_edges": lambda m: add(m.graph.node, helper.make_node("Relu", [], [])),
    "attribute_twice": lambda m: add(m.graph.node[0].attribute, helper.make_attribute("alpha", 2.0)),
    "attribute_nameless": lambda m: m.graph.node[0].attribute[0].ClearField("name"),
    "attribute_untyped": lambda m: m.graph.node[0].attribute[0].ClearField("type"),
    "attribute_mismatch": lambda m: setattr(m.graph.node[0].attribute[0], "type", A.INT),
    "attribute_two_values": lambda m: setattr(m.graph.node[0].attribute[0], "i", 3),
    "attribute_no_value": lambda m: m.graph.node[0].attribute[0].ClearField("f"),
    "function_nameless": lambda m: m.functions[0].ClearField("name"),
    "function_no_domain": lambda m: m.functions[0].ClearField("domain"),
    "function_twice": lambda m: add(m.functions, m.functions[0]),
    "function_input_twice": lambda m: m.functions[0].input.append("p"),
    "function_output_twice": lambda m: m.functions[0].output.append("q"),
    "function_attribute_twice": lambda m: m.functions[0].attribute.extend(["k", "k"]),
    "function_no_import": lambda m: m.functions[0].ClearField("opset_import"),
    "function_reads_outer": lambda m: m.functions[0].node[0].input.__setitem__(0, "x"),
    "function_made_twice": lambda m: m.functions[0].node[1].output.__setitem__(0, "r"),
    "function_recursive": lambda m: (m.functions[0].opset_import.append(helper.make_opsetid("local", 1)),
                                     m.functions[0].node.append(helper.make_node("Twice", ["q"], ["z"], domain="local"))),
    "function_old_format": lambda m: (setattr(m, "ir_version", 7), m.functions[0].ClearField("opset_import")),
    "function_reference": lambda m: add(m.functions[0].node[0].attribute, A(name="k", ref_attr_name="k", type=A.INT, i=1)),
    "sparse_unsorted": lambda m: m.graph.sparse_initializer[0].indices.CopyFrom(numpy_helper.from_array(np.array([2, 0]), "i")),
    "sparse_repeated": lambda m: m.graph.sparse_initializer[0].indices.CopyFrom(numpy_helper.from_array(np.array([2, 2]), "i")),
    "sparse_outside": lambda m: m.graph.sparse_initializer[0].indices.CopyFrom(numpy_helper.from_array(np.array([0, 4]), "i")),
    "sparse_int32": lambda m: m.graph.sparse_initializer[0].indices.CopyFrom(numpy_helper.from_array(np.array([0, 1], np.int32), "i")),
    "sparse_count": lambda m: m.graph.sparse_initializer[0].indices.CopyFrom(numpy_helper.from_array(np.array([0, 1, 2]), "i")),
    "sparse_scalar": lambda m: m.graph.sparse_initializer[0].ClearField("dims"),
    "sparse_no_indices": lambda m: m.graph.sparse_initializer[0].ClearField("indices"),
    "sparse_named_like_weight": lambda m: setattr(m.graph.sparse_initializer[0].values, "name", "w"),
}


def make(cases, folders):
    cases.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        for path in sorted(pathlib.Path(folder).rglob("*.onnx")):
            name = "_".join(path.relative_to(folder).with_suffix("").parts)
            shutil.copy(path, cases / f"real_{name}.onnx")
            for data in path.parent.glob(path.name + ".data"):
                shutil.copy(data, cases / data.name)
    for name, damage in DAMAGES.items():
        model = base()
        damage(model)
        (cases / f"damaged_{name}.onnx").write_bytes(model.SerializeToString())


def compare(cases):
    alike, different = 0, 0
    for path in sorted(cases.glob("*.onnx")):
        try:
            onnx.checker.check_model(str(path))
            theirs = "ok"
        except Exception as error:  # noqa: BLE001
            theirs = str(error).strip().splitlines()[0]
        ours = path.with_suffix(".verdict").read_text()
        if (ours == "ok") == (theirs == "ok"):
            alike += 1
        else:
            different += 1
            print(f"{path.stem}: ours: {ours}; theirs: {theirs}")
    print(f"{alike} verdicts alike, {different} different")


if sys.argv[1] == "make":
    make(pathlib.Path(sys.argv[2]), sys.argv[3:])
else:
    compare(pathlib.Path(sys.argv[2]))
