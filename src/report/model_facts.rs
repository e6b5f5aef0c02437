//! What a model file says of itself, without running it: as text in sections, and as a part of JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::clean;
use crate::report::listing::grid::Side;
use crate::report::listing::grid::grid;
use crate::report::listing::grid::pairs;
use crate::report::listing::table::NOTHING;
use crate::report::listing::table::name;
use crate::report::table::terminal;
use crate::units::Bytes;
use crate::units::Count;

/// How many quantized tensors the text lists; JSON has all.
const LISTED: usize = 12;

/// A model's facts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelFacts {
    /// Its format: `onnx` or `tflite`.
    pub format: String,
    /// SHA-256 of the file, or over file and external data.
    pub digest: String,
    /// Bytes on disk, external data included.
    pub size_bytes: u64,
    /// Who wrote the file, as it says itself.
    pub producer: String,
    /// The version of the file format.
    pub ir_version: i64,
    /// Operator sets by domain, in the file's order.
    pub opsets: Vec<Opset>,
    /// What must be fed.
    pub inputs: Vec<Tensor>,
    /// What comes out.
    pub outputs: Vec<Tensor>,
    /// Entry points by name; the first is run unless a config says otherwise. Empty for formats that have one only.
    pub signatures: Vec<String>,
    /// How often each operator stands in the file.
    pub operators: BTreeMap<String, u64>,
    /// Domains or names of operators that need a library of their own.
    pub custom: Vec<String>,
    /// Elements of constants, graph and bodies.
    pub parameters: u64,
    /// Multiply-accumulates of one inference; `None` where they depend on shapes that the model leaves open, as the two below.
    pub macs: Option<u64>,
    /// Bytes that the operators of one inference write.
    pub activation_bytes: Option<u64>,
    /// The most of them that are needed at once.
    pub activation_peak: Option<u64>,
    /// Integers that stand for other numbers.
    pub quantized: Vec<Quantized>,
}

/// A set of operators.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Opset {
    /// `ai.onnx`, `tflite`, ….
    pub domain: String,
    /// Its version; for TensorFlow Lite the newest of any operator.
    pub version: i64,
}

/// An input or output.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Element type and dimensions: `float [batch, 3, 224, ?]`.
    pub shape: String,
}

/// A quantized tensor: `number = (integer - zero point) × scale`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quantized {
    /// Its name.
    pub name: String,
    /// How the integers are kept.
    pub element: String,
    /// `input`, `output`, `constant` or `activation`.
    pub role: &'static str,
    /// One, or one for each slice or block along `axis`; empty where they are computed while the model runs.
    pub scales: Vec<f32>,
    /// As many, or one for all; empty for zero.
    pub zero_points: Vec<i64>,
    /// The dimension that the scales go along.
    pub axis: Option<i64>,
}

/// Sections for people, as `inspect` titles them.
pub fn sections(facts: &ModelFacts) -> Vec<(&'static str, String)> {
    let mut sections = vec![("Model", model(facts)), ("Operators", operators(&facts.operators))];
    if !facts.quantized.is_empty() {
        sections.push(("Quantization", quantization(&facts.quantized)));
    }
    sections
}

fn model(facts: &ModelFacts) -> String {
    let known =
        |value: Option<u64>, shown: fn(u64) -> String| value.map_or_else(|| "depends on open shapes".to_owned(), shown);
    let opsets: Vec<String> = facts
        .opsets
        .iter()
        .map(|opset| format!("{} {}", terminal(&opset.domain), opset.version))
        .collect();
    let mut rows = vec![
        ("format", format!("{} (version {})", facts.format, facts.ir_version)),
        ("digest", facts.digest.clone()),
        ("size", Bytes(facts.size_bytes).to_string()),
        ("operator sets", opsets.join(", ")),
    ];
    if !facts.producer.is_empty() {
        rows.push(("made by", clean::line(&facts.producer, clean::NAME_LENGTH)));
    }
    rows.extend(facts.inputs.iter().map(|tensor| ("input", shown(tensor))));
    rows.extend(facts.outputs.iter().map(|tensor| ("output", shown(tensor))));
    if !facts.signatures.is_empty() {
        rows.push(("signatures", names(&facts.signatures)));
    }
    rows.push(("parameters", Count(facts.parameters).to_string()));
    rows.push(("multiply-adds", known(facts.macs, |count| Count(count).to_string())));
    rows.push((
        "activations",
        match (facts.activation_bytes, facts.activation_peak) {
            (Some(all), Some(peak)) => format!("{} written, {} needed at once", Bytes(all), Bytes(peak)),
            _ => known(None, |bytes| Bytes(bytes).to_string()),
        },
    ));
    if !facts.custom.is_empty() {
        rows.push(("custom operators", names(&facts.custom)));
    }
    pairs(&rows)
}

fn shown(tensor: &Tensor) -> String {
    format!("{}  {}", name(&tensor.name), terminal(&tensor.shape))
}

fn names(all: &[String]) -> String {
    let names: Vec<String> = all.iter().map(|one| name(one)).collect();
    names.join(", ")
}

/// The most frequent first.
fn operators(histogram: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<(&String, u64)> = histogram.iter().map(|(operator, count)| (operator, *count)).collect();
    counts.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let mut rows: Vec<Vec<String>> = counts
        .iter()
        .map(|(operator, count)| vec![String::new(), name(operator), count.to_string()])
        .collect();
    if rows.len() > 1 {
        rows.push(vec![String::new(), "all".to_owned(), total.to_string()]);
    }
    of_rows(
        &[("", Side::Left), ("operator", Side::Left), ("count", Side::Right)],
        &rows,
    )
}

fn quantization(tensors: &[Quantized]) -> String {
    let per_slice = tensors.iter().filter(|tensor| tensor.scales.len() > 1).count();
    let mut text = format!("  {} tensors, {per_slice} of them with several scales\n", tensors.len());
    // What goes in and comes out is what a program around the model must know.
    let mut order: Vec<&Quantized> = tensors.iter().collect();
    order.sort_by_key(|tensor| !matches!(tensor.role, "input" | "output"));
    let rows: Vec<Vec<String>> = order
        .iter()
        .take(LISTED)
        .map(|tensor| {
            vec![
                String::new(),
                clean::cut(&name(&tensor.name), 48),
                tensor.role.to_owned(),
                name(&tensor.element),
                scales(tensor),
                zeros(tensor),
            ]
        })
        .collect();
    text.push_str(&of_rows(
        &[
            ("", Side::Left),
            ("tensor", Side::Left),
            ("role", Side::Left),
            ("kept as", Side::Left),
            ("scale", Side::Left),
            ("zero point", Side::Right),
        ],
        &rows,
    ));
    if tensors.len() > LISTED {
        text.push_str(&format!("  … and {} more: `--json` has all\n", tensors.len() - LISTED));
    }
    text
}

fn scales(tensor: &Quantized) -> String {
    let lowest = tensor.scales.iter().copied().fold(f32::INFINITY, f32::min);
    let highest = tensor.scales.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    match tensor.scales.len() {
        0 => "computed".to_owned(),
        1 => format!("{lowest:.6}"),
        count => {
            let axis = tensor.axis.map(|axis| format!(", axis {axis}")).unwrap_or_default();
            format!("{lowest:.6} to {highest:.6} ({count}{axis})")
        }
    }
}

fn zeros(tensor: &Quantized) -> String {
    match tensor.zero_points.split_first() {
        _ if tensor.scales.is_empty() => NOTHING.to_owned(),
        None => "0".to_owned(),
        Some((first, rest)) if rest.iter().all(|zero| zero == first) => first.to_string(),
        Some(_) => {
            let lowest = tensor.zero_points.iter().min().copied().unwrap_or(0);
            let highest = tensor.zero_points.iter().max().copied().unwrap_or(0);
            format!("{lowest} to {highest}")
        }
    }
}

fn of_rows(columns: &[(&str, Side)], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        String::new()
    } else {
        grid(columns, rows)
    }
}
