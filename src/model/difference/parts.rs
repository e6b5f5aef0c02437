//! A model taken apart into what can be compared, whatever its format.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Ignored;
use super::onnx;
use super::onnx::Sited;
use super::tflite;
use crate::model::Decoded;
use crate::model::Model;
use crate::model::tensor::ElementType;
use crate::model::tensor::Tensor;

/// Nodes and tensors by name and place.
#[derive(Default)]
pub(super) struct Parts<'a> {
    /// What only this format's files say of themselves.
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) nodes: BTreeMap<String, NodePart>,
    pub(super) tensors: BTreeMap<String, TensorPart<'a>>,
}

/// A node.
pub(super) struct NodePart {
    pub(super) operator: String,
    /// Names of tensors.
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    /// Settings, in bytes that are equal where they are.
    pub(super) attributes: BTreeMap<String, Vec<u8>>,
}

/// A constant.
pub(super) struct TensorPart<'a> {
    /// The name of its type, in lower case.
    pub(super) element: String,
    pub(super) dims: Vec<i64>,
    pub(super) data: Data<'a>,
}

/// Where the elements of a constant are.
pub(super) enum Data<'a> {
    /// In ONNX messages, or beside them.
    Onnx(Sited<'a>),
    /// These.
    Plain(Elements),
}

/// The elements of a constant.
pub(super) struct Elements {
    /// As they lie in the file.
    pub(super) bytes: Bytes,
    /// How they are read; [`ElementType::Other`] where they are no plain numbers.
    pub(super) kind: ElementType,
    /// What integers stand for.
    pub(super) scales: Option<Scales>,
}

/// How integers stand for other numbers: `(integer - zero) * scale`.
#[derive(PartialEq)]
pub(super) struct Scales {
    /// One, or one for each slice along the axis.
    pub(super) scales: Vec<f32>,
    /// As many, or one.
    pub(super) zeros: Vec<i64>,
    /// How many slices there are along the axis, and how many elements stand side by side in one.
    pub(super) axis: (usize, usize),
}

impl<'a> Parts<'a> {
    pub(super) fn of(model: &'a Model) -> Self {
        match &model.decoded {
            Decoded::Onnx(proto) => onnx::parts(proto, &model.external),
            Decoded::TfLite(tables) => tflite::parts(tables),
        }
    }
}

impl TensorPart<'_> {
    /// For people: `float [3, 4]`.
    pub(super) fn described(&self, ignored: Ignored) -> String {
        let dims: Vec<String> = self.dims.iter().map(ToString::to_string).collect();
        let shape = format!("[{}]", dims.join(", "));
        if ignored.quantization {
            shape
        } else {
            format!("{} {shape}", self.element)
        }
    }

    /// Its elements; `None` for text, and where they cannot be had.
    pub(super) fn elements(&self) -> Option<Elements> {
        match &self.data {
            Data::Onnx(sited) => sited.elements(),
            Data::Plain(elements) if elements.kind == ElementType::String => None,
            Data::Plain(elements) => Some(Elements {
                bytes: elements.bytes.clone(),
                kind: elements.kind,
                scales: elements.scales.as_ref().map(|scales| Scales {
                    scales: scales.scales.clone(),
                    zeros: scales.zeros.clone(),
                    axis: scales.axis,
                }),
            }),
        }
    }

    /// True where both hold the same text.
    pub(super) fn is_same_text(&self, other: &Self) -> bool {
        match (&self.data, &other.data) {
            (Data::Onnx(one), Data::Onnx(other)) => one.text() == other.text(),
            (Data::Plain(one), Data::Plain(other)) => one.bytes == other.bytes,
            _ => false,
        }
    }
}

impl Elements {
    /// The numbers that they stand for; `None` where they are none.
    pub(super) fn numbers(&self) -> Option<Vec<f64>> {
        let plain = Tensor {
            name: String::new(),
            element: self.kind,
            shape: Vec::new(),
            data: self.bytes.clone(),
        };
        let mut numbers = plain.to_f64()?;
        if let Some(Scales {
            scales,
            zeros,
            axis: (slices, inner),
        }) = &self.scales
        {
            let inner = (*inner).max(1);
            for (index, number) in numbers.iter_mut().enumerate() {
                let slice = if scales.len() > 1 {
                    (index / inner) % (*slices).max(1)
                } else {
                    0
                };
                let zero = zeros.get(slice).or(zeros.first()).copied().unwrap_or(0);
                let scale = scales.get(slice).copied().unwrap_or(1.0);
                *number = (*number - zero as f64) * f64::from(scale);
            }
        }
        Some(numbers)
    }
}

/// By name and place; a name that stands again gets a number.
pub(super) fn keyed<T>(items: impl Iterator<Item = (String, T)>) -> BTreeMap<String, T> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for (name, item) in items {
        let count = seen.entry(name.clone()).or_insert(0);
        *count += 1;
        let key = if *count == 1 {
            name
        } else {
            format!("{name} (no. {count})")
        };
        found.insert(key, item);
    }
    found
}
