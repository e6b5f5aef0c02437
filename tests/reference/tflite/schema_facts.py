"""Reads the TensorFlow Lite schema out of the Python module that flatc generated for `ai-edge-litert`.

The wheel brings no `.fbs`, but its module says everything that the wire format needs: tables, slots, types, defaults, enums and unions.
Two things are missing and stand here: which enum a number is of, and which vectors are aligned beyond their elements.
"""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

import ai_edge_litert.schema_py_generated as generated

SCALARS = {
    "Bool": "bool", "Int8": "i8", "Uint8": "u8", "Int16": "i16", "Uint16": "u16", "Int32": "i32", "Uint32": "u32",
    "Int64": "i64", "Uint64": "u64", "Float32": "f32", "Float64": "f64",
}


@dataclass
class Field:
    name: str  # as in the .fbs, snake_case
    slot: int
    kind: str  # scalar, bytes, scalars, string, strings, table, tables, union
    type: str | None = None  # Rust scalar, table, enum or union
    default: object = 0


@dataclass
class Schema:
    tables: dict[str, list[Field]] = field(default_factory=dict)
    enums: dict[str, dict[str, int]] = field(default_factory=dict)
    unions: dict[str, dict[str, int]] = field(default_factory=dict)


def snake(name: str) -> str:
    name = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name)
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"(?<=options)(\d)", r"_\1", name.lower())


def read() -> Schema:
    text = Path(generated.__file__).read_text()
    module = ast.parse(text)
    schema = Schema()
    creators = {node.name.removesuffix("Creator") for node in module.body
                if isinstance(node, ast.FunctionDef) and node.name.endswith("Creator")}
    slots: dict[str, dict[str, tuple[int, str, object]]] = {}
    for node in module.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        source = ast.get_source_segment(text, node)
        found = re.search(r"builder\.Prepend(\w+)Slot\((\d+), (.*), ([^,]+)\)$", source)
        if found is None:
            continue
        default = ast.literal_eval(found[4])
        slots[node.name] = (int(found[2]), found[1], default)
    for node in module.body:
        if not isinstance(node, ast.ClassDef):
            continue
        constants = {item.targets[0].id: ast.literal_eval(item.value) for item in node.body
                     if isinstance(item, ast.Assign) and item.targets[0].id != "__slots__"}
        methods = {item.name: ast.get_source_segment(text, item) for item in node.body
                   if isinstance(item, ast.FunctionDef)}
        is_table = "Init" in methods
        if not is_table and not node.name.endswith("T") or (constants and not methods):
            target = schema.unions if node.name in creators else schema.enums
            target[node.name] = constants
            continue
        if not is_table:
            continue
        fields = []
        for name, body in methods.items():
            added = slots.get(f"{node.name}Add{name}")
            if added is None:
                continue
            slot, prepend, default = added
            new = Field(snake(name), slot, "", None, default)
            flags = re.search(r"number_types\.(\w+)Flags, (o \+|a \+)", body)
            if "_tab.Union(" in body:
                new.kind = "union"
            elif prepend != "UOffsetTRelative":
                new.kind, new.type = "scalar", SCALARS[prepend]
            elif "_tab.String(o" in body:
                new.kind = "string"
            elif "_tab.String(a" in body:
                new.kind = "strings"
            elif flags is not None and flags[2] == "a +":
                scalar = SCALARS[flags[1]]
                new.kind, new.type = ("bytes", None) if scalar == "u8" else ("scalars", scalar)
            else:
                new.type = re.search(r"obj = (\w+)\(\)", body)[1]
                new.kind = "tables" if "_tab.Vector(o)" in body else "table"
            fields.append(new)
        fields.sort(key=lambda item: item.slot)
        schema.tables[node.name] = fields
    return schema


if __name__ == "__main__":
    for table, fields in read().tables.items():
        for item in fields:
            print(table, item.slot, item.name, item.kind, item.type, item.default)
