//! Are a model's outputs plausible at all? NaN, infinity, one value throughout, a shape that the model does not declare, the same
//! answer to every question.
//!
//! Floating-point outputs are looked at whole; of integers and booleans only whether they are constant; of text only the shape;
//! sequences and maps are left alone, and so is an output without elements, but for its shape.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::measure::error::MeasureError;
use crate::measure::samples::Which;
use crate::measure::side::Side;
use crate::measure::side::WorkerSubject;
use crate::model::Facts;
use crate::model::tensor::Dim;
use crate::model::tensor::ElementType;
use crate::model::tensor::Tensor;
use crate::model::tensor::TensorSpec;
use crate::runtime::WorkerCommand;
use crate::runtime::WorkerOptions;

/// Elements that are decoded at once, so that a large output costs no second copy of itself.
const AT_ONCE: usize = 64 * 1024;

/// Something about one output that no sound model should show. Its `Display` is a sentence fragment that names the output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// The output's name.
    pub output: String,
    /// What is wrong with it.
    pub kind: AnomalyKind,
    /// On how many samples.
    pub samples: usize,
    /// Of how many.
    pub of: usize,
}

/// What is wrong with an output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnomalyKind {
    /// It holds NaN or infinity. Counts are of the first sample that shows it.
    NotFinite {
        /// Elements that are NaN.
        nan: usize,
        /// Elements that are infinite, of either sign.
        infinite: usize,
        /// All elements.
        elements: usize,
    },
    /// All its elements, more than one, are equal.
    Constant {
        /// Their value in the first sample that shows it.
        value: f64,
        /// How many they are.
        elements: usize,
    },
    /// Its shape contradicts what the model declares.
    Shape {
        /// The shape that came.
        found: Vec<u64>,
        /// What the model declares, with the sizes that the inputs gave to named dimensions: `[1, 10]`.
        declared: String,
    },
    /// It is the same whatever is fed. Worth a note, and never a failure: some models put tables into their outputs.
    Unchanging,
}

impl Anomaly {
    /// True where strict mode fails for it.
    pub fn is_failure(&self) -> bool {
        self.kind != AnomalyKind::Unchanging
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "output `{}` ", self.output)?;
        match &self.kind {
            AnomalyKind::NotFinite {
                nan,
                infinite,
                elements,
            } => {
                let what = match (nan, infinite) {
                    (_, 0) => "NaN",
                    (0, _) => "infinity",
                    _ => "NaN and infinity",
                };
                write!(f, "holds {what} in {} of {elements} elements", nan + infinite)?;
            }
            AnomalyKind::Constant { value, elements } => write!(f, "is {value} in all of its {elements} elements")?,
            AnomalyKind::Shape { found, declared } => {
                write!(f, "has the shape {found:?}, but the model declares {declared}")?;
            }
            AnomalyKind::Unchanging => return write!(f, "is the same for {} different inputs", self.of),
        }
        if self.of > 1 {
            write!(f, " ({} of {} samples)", self.samples, self.of)?;
        }
        Ok(())
    }
}

/// The anomalies that strict mode fails for, as one sentence fragment; `None` where there is none.
pub fn failure(anomalies: &[Anomaly]) -> Option<String> {
    let failing: Vec<String> = anomalies
        .iter()
        .filter(|anomaly| anomaly.is_failure())
        .map(Anomaly::to_string)
        .collect();
    (!failing.is_empty()).then(|| failing.join("; "))
}

/// Runs `side` once on its own inputs and inspects what comes out. `facts` are the model's own: an engine forgets declared shapes
/// that it cannot reconcile with the graph.
pub fn check(
    side: &Side,
    facts: &Facts,
    command: &WorkerCommand,
    options: &WorkerOptions,
) -> Result<Vec<Anomaly>, MeasureError> {
    let outputs = WorkerSubject::new(side, command, options.clone())
        .infer(&side.inputs)
        .map_err(|source| MeasureError::Worker {
            side: Which::Candidate,
            source,
        })?;
    Ok(inspect(&outputs, facts, &side.inputs))
}

/// Everything that is wrong with the outputs of one inference on `fed`.
pub fn inspect(outputs: &[Tensor], facts: &Facts, fed: &[Tensor]) -> Vec<Anomaly> {
    let sizes = bound_sizes(&facts.inputs, fed);
    let mut anomalies = Vec::new();
    for output in outputs {
        let declared = facts.outputs.iter().find(|spec| spec.name == output.name);
        let shape = declared.and_then(|spec| contradiction(output, spec, &sizes));
        anomalies.extend(shape.into_iter().chain(values(output)).map(|kind| Anomaly {
            output: output.name.clone(),
            kind,
            samples: 1,
            of: 1,
        }));
    }
    anomalies
}

/// Collects anomalies over samples, each output's every kind once.
#[derive(Debug)]
pub struct Inspector<'a> {
    facts: &'a Facts,
    samples: usize,
    found: Vec<Anomaly>,
    first_inputs: Vec<Tensor>,
    /// The first sample's outputs that nothing has changed since.
    unchanged: Vec<Tensor>,
    other_inputs: usize,
}

impl<'a> Inspector<'a> {
    /// Nothing seen yet. `facts` are the model's.
    pub fn new(facts: &'a Facts) -> Self {
        Self {
            facts,
            samples: 0,
            found: Vec::new(),
            first_inputs: Vec::new(),
            unchanged: Vec::new(),
            other_inputs: 0,
        }
    }

    /// Looks at what came out when `fed` went in.
    pub fn add(&mut self, fed: &[Tensor], outputs: &[Tensor]) {
        for anomaly in inspect(outputs, self.facts, fed) {
            let same = |known: &&mut Anomaly| {
                known.output == anomaly.output
                    && std::mem::discriminant(&known.kind) == std::mem::discriminant(&anomaly.kind)
            };
            match self.found.iter_mut().find(same) {
                Some(known) => known.samples += 1,
                None => self.found.push(anomaly),
            }
        }
        if self.samples == 0 {
            self.first_inputs = fed.to_vec();
            // One class of many wins on any noise: a single number says nothing.
            let telling = |output: &&Tensor| output.element.is_float() && output.len() > 1;
            self.unchanged = outputs.iter().filter(telling).cloned().collect();
        } else if fed != self.first_inputs {
            self.other_inputs += 1;
            self.unchanged.retain(|first| outputs.contains(first));
        }
        self.samples += 1;
    }

    /// All that was found, in the order of finding.
    pub fn finish(self) -> Vec<Anomaly> {
        let samples = self.samples;
        let mut found = self.found;
        for anomaly in &mut found {
            anomaly.of = samples;
        }
        let different = self.other_inputs + 1;
        if self.other_inputs > 0 {
            for output in &self.unchanged {
                // A constant or broken output says it better.
                if !found.iter().any(|anomaly| anomaly.output == output.name) {
                    found.push(Anomaly {
                        output: output.name.clone(),
                        kind: AnomalyKind::Unchanging,
                        samples: different,
                        of: different,
                    });
                }
            }
        }
        found
    }
}

/// The sizes of the named dimensions of inputs that were fed.
fn bound_sizes<'a>(specs: &'a [TensorSpec], fed: &[Tensor]) -> BTreeMap<&'a str, u64> {
    let mut sizes = BTreeMap::new();
    for spec in specs {
        let Some(tensor) = fed.iter().find(|tensor| tensor.name == spec.name) else {
            continue;
        };
        for (dim, size) in spec.dims.iter().flatten().zip(&tensor.shape) {
            if let Dim::Symbol(symbol) = dim {
                sizes.insert(symbol.as_str(), *size);
            }
        }
    }
    sizes
}

fn contradiction(output: &Tensor, spec: &TensorSpec, sizes: &BTreeMap<&str, u64>) -> Option<AnomalyKind> {
    let dims = spec.dims.as_ref()?;
    if output.element == ElementType::Other {
        return None;
    }
    let size_of = |dim: &Dim| match dim {
        // Some exporters write 0 for what they don't know.
        Dim::Fixed(0) | Dim::Unknown => None,
        Dim::Fixed(size) => Some(*size),
        Dim::Symbol(symbol) => sizes.get(symbol.as_str()).copied(),
    };
    let fits = dims.len() == output.shape.len()
        && dims
            .iter()
            .zip(&output.shape)
            .all(|(dim, found)| size_of(dim).is_none_or(|size| size == *found));
    let shown = |dim: &Dim| match (size_of(dim), dim) {
        (Some(size), _) => size.to_string(),
        (None, Dim::Symbol(symbol)) => symbol.clone(),
        (None, Dim::Fixed(_) | Dim::Unknown) => "?".to_owned(),
    };
    (!fits).then(|| AnomalyKind::Shape {
        found: output.shape.clone(),
        declared: format!("[{}]", dims.iter().map(shown).collect::<Vec<_>>().join(", ")),
    })
}

/// What is wrong with the values alone.
fn values(output: &Tensor) -> Option<AnomalyKind> {
    let elements = output.len();
    let first = parts(output).next().and_then(|part| part.first().copied())?;
    if !output.element.is_float() {
        // Compared as bytes: the largest integers are no exact `f64`.
        let width = output.element.size()?;
        let mut each = output.data.chunks_exact(width);
        let one = each.next()?;
        return (elements > 1 && each.all(|other| other == one))
            .then_some(AnomalyKind::Constant { value: first, elements });
    }
    let (mut nan, mut infinite, mut constant) = (0, 0, true);
    for value in parts(output).flatten() {
        nan += usize::from(value.is_nan());
        infinite += usize::from(value.is_infinite());
        constant &= value == first;
    }
    if nan + infinite > 0 {
        return Some(AnomalyKind::NotFinite {
            nan,
            infinite,
            elements,
        });
    }
    (constant && elements > 1).then_some(AnomalyKind::Constant { value: first, elements })
}

/// All elements in handy parts; nothing of types that hold no numbers.
fn parts(output: &Tensor) -> impl Iterator<Item = Vec<f64>> {
    let width = output.element.size().unwrap_or(0);
    let length = if width == 0 { 0 } else { output.data.len() };
    let step = AT_ONCE * width.max(1);
    (0..length).step_by(step).filter_map(move |start| {
        let part = Tensor {
            name: String::new(),
            element: output.element,
            shape: Vec::new(),
            data: output.data.slice(start..(start + step).min(length)),
        };
        part.to_f64()
    })
}

#[cfg(test)]
mod tests {
    use half::bf16;
    use half::f16;
    use proptest::prelude::*;

    use super::*;

    fn facts(outputs: &[(&str, &[Dim])]) -> Facts {
        let spec = |name: &str, dims: &[Dim]| TensorSpec {
            name: name.to_owned(),
            element: ElementType::Float,
            dims: Some(dims.to_vec()),
        };
        Facts {
            producer: String::new(),
            ir_version: 0,
            opsets: Vec::new(),
            inputs: vec![spec("x", &[Dim::Symbol("batch".to_owned()), Dim::Fixed(2)])],
            outputs: outputs.iter().map(|(name, dims)| spec(name, dims)).collect(),
            op_histogram: BTreeMap::new(),
            custom_domains: Vec::new(),
            parameters: 0,
            body_parameters: 0,
            macs: None,
            activation_bytes: None,
            activation_peak: None,
        }
    }

    fn fed(first: f32) -> Vec<Tensor> {
        vec![Tensor::from_f32("x", &[1, 2], &[first, 0.0])]
    }

    fn of_bytes(element: ElementType, data: Vec<u8>) -> Tensor {
        Tensor {
            name: "y".to_owned(),
            element,
            shape: vec![(data.len() / element.size().unwrap_or(1)) as u64],
            data: data.into(),
        }
    }

    fn said(output: Tensor) -> Vec<String> {
        inspect(&[output], &facts(&[]), &fed(0.0))
            .iter()
            .map(Anomaly::to_string)
            .collect()
    }

    #[test]
    fn finds_what_is_not_finite_in_every_float() {
        let with = |values: &[f32]| said(Tensor::from_f32("y", &[values.len() as u64], values));
        assert_eq!(with(&[1.0, f32::NAN, 2.0]), ["output `y` holds NaN in 1 of 3 elements"]);
        assert_eq!(
            with(&[f32::NEG_INFINITY, f32::INFINITY]),
            ["output `y` holds infinity in 2 of 2 elements"]
        );
        assert_eq!(
            with(&[f32::NAN, f32::INFINITY]),
            ["output `y` holds NaN and infinity in 2 of 2 elements"]
        );
        assert_eq!(with(&[f32::NAN]), ["output `y` holds NaN in 1 of 1 elements"]);
        for (element, data) in [
            (
                ElementType::Float16,
                [f16::ONE, f16::NAN].map(f16::to_le_bytes).concat(),
            ),
            (
                ElementType::BFloat16,
                [bf16::ONE, bf16::NAN].map(bf16::to_le_bytes).concat(),
            ),
            (ElementType::Double, [1.0, f64::NAN].map(f64::to_le_bytes).concat()),
        ] {
            assert_eq!(
                said(of_bytes(element, data)),
                ["output `y` holds NaN in 1 of 2 elements"]
            );
        }
    }

    #[test]
    fn finds_constants_but_not_single_numbers() {
        let floats = |values: &[f32]| said(Tensor::from_f32("y", &[values.len() as u64], values));
        assert_eq!(floats(&[0.25; 3]), ["output `y` is 0.25 in all of its 3 elements"]);
        assert_eq!(floats(&[0.0, -0.0]).len(), 1);
        assert!(floats(&[0.25]).is_empty() && floats(&[]).is_empty() && floats(&[0.25, 0.5]).is_empty());
        let close = [i64::MAX, i64::MAX - 1].map(i64::to_le_bytes).concat();
        assert!(said(of_bytes(ElementType::Int64, close)).is_empty());
        assert_eq!(
            said(of_bytes(ElementType::Bool, vec![1, 1])),
            ["output `y` is 1 in all of its 2 elements"]
        );
        let text = Tensor {
            shape: vec![2],
            ..of_bytes(ElementType::String, Vec::new())
        };
        assert!(said(text).is_empty());
        assert!(said(of_bytes(ElementType::Other, Vec::new())).is_empty());
    }

    #[test]
    fn shapes_follow_what_was_fed() {
        let batch = || Dim::Symbol("batch".to_owned());
        let facts = facts(&[
            ("right", &[batch(), Dim::Fixed(2)]),
            ("wide", &[batch(), Dim::Fixed(3)]),
            ("many", &[batch(), Dim::Unknown]),
            ("flat", &[Dim::Fixed(4)]),
            ("free", &[Dim::Symbol("boxes".to_owned()), Dim::Fixed(0)]),
        ]);
        let of = |name: &str, shape: &[u64]| Tensor::from_f32(name, shape, &[1.0, 2.0, 3.0, 4.0]);
        let outputs = [
            of("right", &[1, 2]),
            of("wide", &[1, 4]),
            of("many", &[2, 2]),
            of("flat", &[2, 2]),
            of("free", &[2, 2]),
            of("undeclared", &[4]),
        ];
        let found: Vec<String> = inspect(&outputs, &facts, &fed(0.0))
            .iter()
            .map(Anomaly::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "output `wide` has the shape [1, 4], but the model declares [1, 3]",
                "output `many` has the shape [2, 2], but the model declares [1, ?]",
                "output `flat` has the shape [2, 2], but the model declares [4]",
            ]
        );
    }

    #[test]
    fn adds_up_over_samples() {
        let facts = facts(&[]);
        let mut inspector = Inspector::new(&facts);
        for sample in 0..4_u8 {
            let value = f32::from(sample);
            let broken = if sample % 2 == 0 { f32::NAN } else { -1.0 };
            inspector.add(
                &fed(value),
                &[
                    Tensor::from_f32("table", &[2], &[1.0, 2.0]),
                    Tensor::from_f32("scores", &[2], &[value, broken]),
                    Tensor::from_f32("zeros", &[2], &[0.0, 0.0]),
                    Tensor::from_f32("class", &[1], &[3.0]),
                ],
            );
        }
        let found = inspector.finish();
        assert_eq!(
            found.iter().map(Anomaly::to_string).collect::<Vec<_>>(),
            [
                "output `scores` holds NaN in 1 of 2 elements (2 of 4 samples)",
                "output `zeros` is 0 in all of its 2 elements (4 of 4 samples)",
                "output `table` is the same for 4 different inputs",
            ]
        );
        assert_eq!(
            failure(&found).unwrap(),
            "output `scores` holds NaN in 1 of 2 elements (2 of 4 samples); output `zeros` is 0 in all of its 2 elements \
             (4 of 4 samples)"
        );
        assert_eq!(failure(&found[2..]), None);
    }

    #[test]
    fn the_same_input_may_have_the_same_output() {
        let facts = facts(&[]);
        let mut inspector = Inspector::new(&facts);
        for _ in 0..3 {
            inspector.add(&fed(0.0), &[Tensor::from_f32("y", &[2], &[1.0, 2.0])]);
        }
        assert!(inspector.finish().is_empty());
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_look(values in prop::collection::vec(prop_oneof![Just(1.0_f32), Just(f32::NAN), any::<f32>()], 0..6)) {
            let tensor = Tensor::from_f32("y", &[values.len() as u64], &values);
            let broken = values.iter().any(|value| !value.is_finite());
            let constant = values.len() > 1 && values.windows(2).all(|pair| pair[0] == pair[1]);
            let found = inspect(&[tensor], &facts(&[]), &[]);
            prop_assert_eq!(!found.is_empty(), broken || constant);
            prop_assert_eq!(found.iter().any(|anomaly| matches!(anomaly.kind, AnomalyKind::NotFinite { .. })), broken);
        }
    }
}
