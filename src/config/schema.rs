//! The JSON Schema of `.mlbuild.yml`, by which editors complete and check it.

use std::borrow::Cow;

use schemars::JsonSchema;
use schemars::Schema;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use schemars::json_schema;

use crate::units::Bytes;
use crate::units::Count;
use crate::units::Millis;
use crate::units::PerSecond;
use crate::units::Percent;
use crate::units::Span;

use super::raw;
use super::target::Target;

/// The whole schema (draft 2020-12), indented, with a line end.
pub fn text() -> String {
    let schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<raw::File>();
    format!("{:#}\n", schema.as_value())
}

/// The schema of a table that a plain text may stand for.
pub(super) fn text_or<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [{ "type": "string" }, generator.subschema_for::<T>(), { "type": "null" }],
    })
}

/// Names of targets; editors complete them with underscores, hyphens pass.
pub(super) fn targets(_generator: &mut SchemaGenerator) -> Schema {
    let names = Target::ALL.map(Target::name);
    let hyphens = names.map(|name| name.replace('_', "[-_]")).join("|");
    json_schema!({
        "type": ["array", "null"],
        "minItems": 1,
        "items": { "anyOf": [{ "enum": names }, { "type": "string", "pattern": format!("^({hyphens})$") }] },
    })
}

impl JsonSchema for Count {
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A count, such as `120` or `3.5 M`.",
            "examples": [120, "3.5 M"],
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": r"^\s*[0-9_]*\.?[0-9_]+\s*[kKMGT]?\s*$" },
            ],
        })
    }
}

/// A number and one of these units.
fn quantity(description: &str, units: &str, example: &str) -> Schema {
    json_schema!({
        "type": "string",
        "description": description,
        "pattern": format!(r"^\s*[0-9_]*\.?[0-9_]+\s*({units})\s*$"),
        "examples": [example],
    })
}

macro_rules! quantities {
    ($($quantity:ty, $name:literal, $description:literal, $units:literal, $example:literal;)+) => {$(
        impl JsonSchema for $quantity {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
                quantity($description, $units, $example)
            }
        }
    )+};
}

quantities! {
    Millis, "Time", "A time, such as `10 ms`.", "ns|us|µs|ms|s", "10 ms";
    Bytes, "Size", "A size, such as `8 MB`; 1 MB is 1,000,000 bytes.", "B|[kKMG]B|[KMG]iB", "8 MB";
    PerSecond, "Throughput", "So many inferences a second, such as `200/s`.", "/ ?s|/ ?min", "200/s";
    Percent, "Percentage", "A percentage, such as `5%`.", "%", "5%";
    Span, "Duration", "A duration, such as `20 s`.", "ms|s|min|h", "20 s";
}
