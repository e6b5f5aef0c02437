"""Writes `src/model/tflite/schema.rs` from the schema that `ai-edge-litert` brings; see `schema_facts.py`.

    python -m venv venv && venv/bin/pip install ai-edge-litert==2.3.0
    venv/bin/python tests/reference/tflite/generate_schema.py && rustfmt src/model/tflite/schema.rs
"""

from importlib.metadata import version
from pathlib import Path

import schema_facts

# Which enum a number is of; the Python module knows numbers only.
ENUMS = {
    "padding": "Padding", "fused_activation_function": "ActivationFunctionType", "quantized_bias_type": "TensorType",
    "in_data_type": "TensorType", "out_data_type": "TensorType", "output_type": "TensorType", "out_type": "TensorType",
    "idx_out_type": "TensorType", "key_dtype": "TensorType", "value_dtype": "TensorType", "kernel_type": "LSTMKernelType",
    "combiner": "CombinerType", "mode": "MirrorPadMode", "custom_options_format": "CustomOptionsFormat",
    "composite_attributes_format": "CustomOptionsFormat", "weights_format": "FullyConnectedOptionsWeightsFormat",
    "algorithm": "RngAlgorithm", "comparison_direction": "StablehloComparisonDirection",
    "compare_type": "StablehloComparisonType", "builtin_code": "BuiltinOperator", "format": "DimensionType",
    "precision_config": "StablehloPrecisionConfig", "reduce_function": "ReduceWindowFunction",
}
ENUMS_IN = {
    ("Tensor", "type"): "TensorType", ("VariantSubType", "type"): "TensorType",
    ("LSHProjectionOptions", "type"): "LSHProjectionType",
}
# `force_align: 16` in the schema.
ALIGNED = {("Buffer", "data"), ("CustomQuantization", "custom")}
# Written after everything else of its table, so that a reader of descriptions touches the first pages of a file only.
LAST = {("Model", "buffers")}
# Boxed: few operators have them, and they are large.
BOXED = {"BuiltinOptions2"}
UNION_OF = {
    ("QuantizationParameters", "details"): "QuantizationDetails",
    ("DimensionMetadata", "array_segments"): "SparseIndexVector",
    ("DimensionMetadata", "array_indices"): "SparseIndexVector",
    ("Operator", "builtin_options"): "BuiltinOptions", ("Operator", "builtin_options_2"): "BuiltinOptions2",
}
KEYWORDS = {"type"}


def rust_name(name: str) -> str:
    return f"r#{name}" if name in KEYWORDS else name


def main() -> None:
    schema = schema_facts.read()
    out = [
        "//! TensorFlow Lite's FlatBuffers tables as owned values, generated; do not edit.",
        "//!",
        f"//! Generated from the schema of ai-edge-litert {version('ai-edge-litert')} (`schema_py_generated.py`, the FlatBuffers compiler's output for",
        "//! LiteRT's `schema.fbs`; Apache-2.0, Copyright The TensorFlow Authors and Google AI Edge Authors). The generator is",
        "//! `tests/reference/tflite/generate_schema.py`. Fields that a file may leave out are options: `Some` of an empty vector and `None`",
        "//! are different files. Numbers that stand for something are open: a value that this schema does not name is kept.",
        "#![allow(missing_docs, unreachable_pub, non_upper_case_globals, clippy::all)]",
        "",
        "use bytes::Bytes;",
        "",
        "use crate::model::tflite::build::Slots;",
        "use crate::model::tflite::build::Writer;",
        "use crate::model::tflite::wire::Table;",
        "use crate::model::tflite::wire::TableRef;",
        "use crate::model::tflite::wire::WireError;",
        "use crate::model::tflite::wire::enumeration;",
        "",
    ]
    enum_type: dict[str, str] = {}
    for table, fields in schema.tables.items():
        for item in fields:
            enum = ENUMS_IN.get((table, item.name)) or (
                ENUMS.get(item.name) if item.kind == "scalar" or item.name == "precision_config" else None)
            if enum is not None and item.kind in ("scalar", "scalars"):
                assert enum in schema.enums, enum
                assert enum_type.setdefault(enum, item.type) == item.type, (table, item)
                item.type = enum
    for enum, values in schema.enums.items():
        if enum not in enum_type:
            print("no field is of", enum)
            continue
        body = " ".join(f"{name} = {value}," for name, value in values.items())
        out.append(f"enumeration! {{ {enum}({enum_type[enum]}) {{ {body} }} }}")
    for union, members in schema.unions.items():
        members = {name: value for name, value in members.items() if value != 0}
        out.append("#[derive(Clone, Debug, PartialEq)]")
        out.append(f"pub enum {union} {{")
        out += [f"    {name}({name})," for name in members]
        out.append("}")
        out.append(f"impl {union} {{")
        out.append("    /// Its number in the file.")
        out.append("    pub fn kind(&self) -> u8 {")
        out.append("        match self {")
        out += [f"            Self::{name}(_) => {value}," for name, value in members.items()]
        out.append("        }\n    }")
        out.append("    fn read(table: &TableRef<'_>, slot: u16, name: &'static str) -> Result<Option<Self>, WireError> {")
        out.append("        Ok(match table.scalar::<u8>(slot - 1, name, 0)? {")
        out.append("            0 => None,")
        out += [f"            {value} => table.table::<{name}>(slot, name)?.map(Self::{name})," for name, value in members.items()]
        out.append("            other => return table.unknown_union(name, other),")
        out.append("        })\n    }")
        out.append("    fn write(&self, writer: &mut Writer) -> usize {")
        out.append("        match self {")
        out += [f"            Self::{name}(value) => value.write(writer)," for name in members]
        out.append("        }\n    }\n}")
        for name in members:
            out.append(f"impl From<{name}> for {union} {{ fn from(value: {name}) -> Self {{ Self::{name}(value) }} }}")
    for table, fields in schema.tables.items():
        unions = {item.slot: UNION_OF[table, item.name] for item in fields if item.kind == "union"}
        fields = [item for item in fields if item.slot + 1 not in unions]
        struct, default, read, slots, children, views = [], [], [], [], [], []
        plain = True
        for item in fields:
            name, slot, text = rust_name(item.name), item.slot, f'"{item.name}"'
            value = "None"
            child = None
            if item.kind == "scalar":
                kind = item.type
                number = repr(item.default) if kind != "bool" else "true" if item.default else "false"
                value = number if kind not in schema.enums else f"{kind}({number})"
                plain &= not item.default
                read.append(f"{name}: table.scalar({slot}, {text}, {value})?,")
                slots.append(f"slots.scalar({slot}, self.{name}, {value});")
            elif item.kind == "union":
                union = unions[slot]
                boxed = union in BOXED
                kind = f"Option<Box<{union}>>" if boxed else f"Option<{union}>"
                read.append(f"{name}: {union}::read(table, {slot}, {text})?{'.map(Box::new)' if boxed else ''},")
                slots.append(f"slots.union({slot}, self.{name}.as_ref().map(|value| value.kind()));")
                child = f"if let Some(value) = &self.{name} {{ let at = value.write(writer); writer.point(&table, {slot}, at); }}"
            else:
                inner = {"bytes": "Bytes", "scalars": f"Vec<{item.type}>", "string": "String", "strings": "Vec<String>",
                         "table": item.type, "tables": f"Vec<{item.type}>"}[item.kind]
                kind = f"Option<{inner}>"
                method = "table_at" if item.kind == "table" else item.kind
                read.append(f"{name}: table.{item.kind}({slot}, {text})?,")
                slots.append(f"slots.offset({slot}, self.{name}.is_some());")
                if item.kind == "bytes":
                    align = 16 if (table, item.name) in ALIGNED else 1
                    child = f"writer.bytes(&table, {slot}, &self.{name}, {align});"
                else:
                    child = f"writer.{method}(&table, {slot}, &self.{name});"
                view = {"bytes": ("&[u8]", "as_deref().unwrap_or_default()"), "string": ("&str", "as_deref().unwrap_or_default()")}.get(
                    item.kind, (f"&[{inner[4:-1]}]", "as_deref().unwrap_or_default()"))
                if item.kind != "table":
                    views.append(f"pub fn {name}(&self) -> {view[0]} {{ self.{name}.{view[1]} }}")
            struct.append(f"pub {name}: {kind},")
            default.append(f"{name}: {value},")
            if child is not None:
                children.append(((table, item.name) in LAST, child))
        children = [child for _, child in sorted(children, key=lambda child: child[0])]
        derives = "Clone, Debug, PartialEq" + (", Default" if plain else "")
        out.append(f"#[derive({derives})]\npub struct {table} {{")
        out += struct
        out.append("}")
        if not plain:
            out.append(f"impl Default for {table} {{ fn default() -> Self {{ Self {{ {' '.join(default)} }} }} }}")
        if views:
            out.append(f"impl {table} {{ {' '.join(views)} }}")
        out.append(f"impl Table for {table} {{")
        out.append(f"    const SLOTS: u16 = {max((item.slot for item in fields), default=-1) + 1};")
        out.append(f"    fn read({'table' if fields else '_'}: &TableRef<'_>) -> Result<Self, WireError> {{ Ok(Self {{ {' '.join(read)} }}) }}")
        out.append("    fn write(&self, writer: &mut Writer) -> usize {")
        out.append(f"        let {'mut ' if slots else ''}slots = Slots::default();")
        out += slots
        out.append("        let table = writer.table(slots);")
        out += children
        out.append("        table.at()\n    }\n}")
    path = Path(__file__).parents[3] / "src/model/tflite/schema.rs"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
