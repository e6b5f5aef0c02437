//! `smooth[-<alpha>]`: moves outliers out of activations into weights, so that both quantize well ("SmoothQuant": Xiao, Lin, Seznec,
//! Wu, Demouth, Han 2022, arXiv:2211.10438). What the model computes stays the same up to rounding.
//!
//! A product X · W is (X / s) · (s · W) for any factors s of the channels between. The paper's are
//! s = max|X|^alpha / max|W|^(1 − alpha): alpha near 1 makes activations easy to quantize, near 0 weights. The largest magnitudes of X
//! come from running the model. All products by constants that read the same X share its factors.
//!
//! - The division goes into what makes X, where that ends in multiplying by a constant of each channel: normalizations and what
//!   exporters decompose them into. Where others read X too, one `Mul` divides for the products alone.
//! - Products whose input nothing of that kind makes are left.

mod plan;

use std::collections::HashMap;
use std::sync::Arc;

use self::plan::Group;
use self::plan::Part;
use self::plan::plan;
use super::Account;
use super::Evidence;
use super::Observation;
use super::Pass;
use super::Statistic;
use super::Transform;
use super::VariantError;
use super::Wanted;
use super::constants;
use super::constants::Constants;
use super::constants::Floats;
use super::constants::Found;
use super::edit;
use super::edit::Names;
use super::quantize::already_quantized;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::shown::shown;
use crate::model::onnx::shown::shown_node;

/// Activations and weights share the difficulty.
const DEFAULT_ALPHA: f64 = 0.5;

/// Factors beyond would only move the outliers to the other side.
const LARGEST_FACTOR: f64 = 1e5;

/// The transform of this file.
pub(super) const TRANSFORM: Transform = Transform {
    name: "smooth",
    usage: "smooth[-<alpha>]",
    about: "outliers of activations moved into weights, for quantizing both",
    parse: |settings| Ok(Arc::new(Smooth::parse(settings)?)),
};

/// The settings.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Smooth {
    /// Between 0 and 1.
    alpha: f64,
}

impl Smooth {
    fn parse(settings: &str) -> Result<Self, String> {
        if settings.is_empty() {
            return Ok(Self { alpha: DEFAULT_ALPHA });
        }
        let digits = |text: &str| {
            text.chars()
                .all(|character| character.is_ascii_digit() || character == '.')
        };
        match settings.parse::<f64>() {
            Ok(alpha) if digits(settings) && alpha > 0.0 && alpha < 1.0 => Ok(Self { alpha }),
            _ => Err(format!("alpha is a number between 0 and 1, not {}", shown(settings))),
        }
    }

    /// The factor of a channel with these largest magnitudes.
    fn factor(self, activation: f32, weight: f32) -> f64 {
        let (activation, weight) = (f64::from(activation), f64::from(weight));
        // Square roots are the same to the bit everywhere, powers are not.
        let factor = if self.alpha == DEFAULT_ALPHA {
            activation.sqrt() / weight.sqrt()
        } else {
            activation.powf(self.alpha) / weight.powf(1.0 - self.alpha)
        };
        if factor.is_finite() && factor > 0.0 {
            factor.clamp(1.0 / LARGEST_FACTOR, LARGEST_FACTOR)
        } else {
            1.0
        }
    }
}

impl Pass for Smooth {
    fn name(&self) -> String {
        if self.alpha == DEFAULT_ALPHA {
            TRANSFORM.name.to_owned()
        } else {
            format!("smooth-{}", self.alpha)
        }
    }

    fn prepares(&self) -> bool {
        true
    }

    fn learns(&self) -> bool {
        true
    }

    fn wanted(&self, model: &ModelProto) -> Result<Wanted, VariantError> {
        self.check(model)?;
        let mut model = model.clone();
        constants::unlist(&mut model);
        let groups = plan(&mut model, &mut Account::default())?;
        let observations = groups.into_iter().map(|group| Observation {
            tensor: group.input,
            statistic: Statistic::ChannelMaxima { axis: -1 },
        });
        Ok(Wanted {
            observations: observations.collect(),
            search: None,
            shapes: Vec::new(),
        })
    }

    fn apply(&self, model: &mut ModelProto, evidence: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        self.check(model)?;
        constants::unlist(model);
        let groups = plan(model, account)?;
        let mut rewriter = Rewriter {
            names: Names::of(model),
            parts: HashMap::new(),
            scaled: HashMap::new(),
            changed: 0,
        };
        for (index, group) in groups.iter().enumerate() {
            let maxima = evidence
                .channels
                .get(&group.input)
                .filter(|maxima| maxima.len() == group.weights.len())
                .ok_or_else(|| VariantError::NotMeasured {
                    step: self.name(),
                    what: format!(
                        "the largest magnitudes of the {} channels of tensor {}",
                        group.weights.len(),
                        shown(&group.input)
                    ),
                })?;
            let factors = maxima.iter().zip(&group.weights);
            let factors: Arc<[f64]> = factors
                .map(|(activation, weight)| self.factor(*activation, *weight))
                .collect();
            rewriter.add(index, group, &factors);
        }
        let Some(graph) = &mut model.graph else {
            return Ok(());
        };
        let mut changed_graph = Constants::default();
        constants::rewrite(graph, &mut changed_graph, &mut |node, constants, nodes| {
            rewriter.node(node, constants, nodes)
        })?;
        account.changed += rewriter.changed;
        let inserted = groups.iter().filter(|group| group.folds.is_empty()).count();
        if inserted > 0 {
            account.note(format!(
                "smooth: {inserted} Mul nodes divide activations that other nodes read as they are"
            ));
        }
        Ok(())
    }
}

impl Smooth {
    fn check(self, model: &ModelProto) -> Result<(), VariantError> {
        match already_quantized(model) {
            Some(node) => Err(VariantError::AlreadyQuantized {
                step: self.name(),
                node: shown_node(node),
            }),
            None => Ok(()),
        }
    }
}

/// Carries out a plan on the main graph.
struct Rewriter {
    names: Names,
    /// What happens to nodes, by first output; each with the factors and the number of its group.
    parts: HashMap<String, (Part, Arc<[f64]>, usize)>,
    /// Names of what was scaled, by constant, inverted or not, and group.
    scaled: HashMap<(String, bool, usize), String>,
    changed: usize,
}

impl Rewriter {
    fn add(&mut self, index: usize, group: &Group, factors: &Arc<[f64]>) {
        let mut add = |output: &String, part: Part| {
            self.parts.insert(output.clone(), (part, Arc::clone(factors), index));
        };
        for (output, places) in &group.folds {
            add(output, Part::Fold(places.clone()));
        }
        let input = if group.folds.is_empty() {
            let divided = self.names.fresh(&format!("{}_smooth", group.input));
            add(&group.producer, Part::Divide(group.input.clone(), divided.clone()));
            divided
        } else {
            group.input.clone()
        };
        for reader in &group.readers {
            add(&reader.output, Part::Read(input.clone(), reader.clone()));
        }
    }

    fn node(
        &mut self,
        mut node: NodeProto,
        constants: &mut Constants,
        nodes: &mut Vec<NodeProto>,
    ) -> Result<(), VariantError> {
        let part = node.output.first().and_then(|output| self.parts.get(output)).cloned();
        // The main graph is the first.
        let Some((part, factors, group)) = part.filter(|_| constants.here() == 0) else {
            nodes.push(node);
            return Ok(());
        };
        match part {
            Part::Fold(places) => {
                for place in places {
                    let name = node.input.get(place).cloned().unwrap_or_default();
                    let Ok(found) = constants.find(&name) else { continue };
                    let divided = self.scale(&found, group, &factors, None, constants)?;
                    set_input(&mut node, place, divided);
                }
                nodes.push(node);
            }
            Part::Divide(input, output) => {
                let inverse: Vec<f32> = factors.iter().map(|factor| (1.0 / factor) as f32).collect();
                let name = self.names.fresh(&format!("{output}_factors"));
                constants.add_here(edit::floats(&name, &[inverse.len() as i64], &inverse));
                nodes.push(node);
                nodes.push(edit::node("Mul", &[&input, &name], &[&output]));
            }
            Part::Read(input, reader) => {
                let name = node.input.get(1).cloned().unwrap_or_default();
                if let Ok(found) = constants.find(&name) {
                    let weight = self.scale(&found, group, &factors, Some(reader.axis), constants)?;
                    set_input(&mut node, 1, weight);
                    set_input(&mut node, 0, input);
                    self.changed += 1;
                }
                nodes.push(node);
            }
        }
        Ok(())
    }

    /// A copy of the constant, as its reader sees it: each index along `axis` times its factor; without an axis, channels last and
    /// divided.
    fn scale(
        &mut self,
        found: &Found,
        group: usize,
        factors: &[f64],
        axis: Option<usize>,
        constants: &mut Constants,
    ) -> Result<String, VariantError> {
        // A weight may be read in both orientations.
        let seen = format!("{}/{}/{}/{axis:?}", found.scope, found.name, found.transposed);
        let key = (seen, axis.is_some(), group);
        if let Some(name) = self.scaled.get(&key) {
            return Ok(name.clone());
        }
        let mut floats = constants.floats(found)?;
        if found.transposed {
            floats = floats.transposed();
        }
        let floats = match axis {
            Some(axis) => times(floats, axis, factors),
            None => divided(floats, factors),
        };
        let name = self.names.fresh(&format!("{}_smooth", found.name));
        let dims: Vec<i64> = floats.shape.iter().map(|dim| *dim as i64).collect();
        constants.add(found, edit::floats(&name, &dims, &floats.values));
        constants.retire(found);
        self.scaled.insert(key, name.clone());
        Ok(name)
    }
}

fn set_input(node: &mut NodeProto, place: usize, name: String) {
    if let Some(input) = node.input.get_mut(place) {
        *input = name;
    }
}

/// A matrix, each index along `axis` times its factor.
fn times(mut floats: Floats, axis: usize, factors: &[f64]) -> Floats {
    let columns = floats.shape.get(1).copied().unwrap_or(1).max(1);
    for (row, values) in floats.values.chunks_mut(columns).enumerate() {
        for (column, value) in values.iter_mut().enumerate() {
            let channel = if axis == 0 { row } else { column };
            let factor = factors.get(channel).copied().unwrap_or(1.0);
            *value = (f64::from(*value) * factor) as f32;
        }
    }
    floats
}

/// A constant of each channel, divided by the factors.
fn divided(floats: Floats, factors: &[f64]) -> Floats {
    let quotient = |value: f32, factor: &f64| (f64::from(value) / factor) as f32;
    let values = floats.values.iter().zip(factors);
    Floats {
        values: values.map(|(value, factor)| quotient(*value, factor)).collect(),
        ..floats
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::variant::Recipe;

    #[test]
    fn settings_have_one_spelling() {
        for (text, name) in [
            ("smooth", "smooth"),
            ("smooth-0.50", "smooth"),
            ("smooth-0.75", "smooth-0.75"),
            ("smooth-.8", "smooth-0.8"),
        ] {
            assert_eq!(Recipe::parse(text).unwrap().name(), name);
        }
        for text in ["smooth-0", "smooth-1", "smooth-1e-1", "smooth-x", "smooth-nan"] {
            let error = Recipe::parse(text).unwrap_err().to_string();
            assert!(error.contains("a number between 0 and 1"), "{error}");
        }
    }

    #[test]
    fn odd_magnitudes_leave_a_channel_alone() {
        let smooth = Smooth { alpha: 0.5 };
        assert_eq!(smooth.factor(16.0, 4.0), 2.0);
        for (activation, weight) in [(0.0, 1.0), (1.0, 0.0), (f32::NAN, 1.0), (f32::INFINITY, 1.0)] {
            assert_eq!(smooth.factor(activation, weight), 1.0);
        }
        assert_eq!(smooth.factor(1e30, 1e-30), LARGEST_FACTOR);
    }

    proptest! {
        #[test]
        fn what_is_divided_and_multiplied_is_the_same(
            x in prop::collection::vec(-100.0_f32..100.0, 6),
            w in prop::collection::vec(-2.0_f32..2.0, 12),
            maxima in prop::collection::vec(0.0_f32..100.0, 6),
            alpha in 0.05_f64..0.95,
        ) {
            let smooth = Smooth { alpha };
            let factors: Vec<f64> = maxima.iter().zip(&w).map(|(m, w)| smooth.factor(*m, w.abs())).collect();
            let weight = Floats { shape: vec![6, 2], values: w };
            let product = |x: &[f32], w: &Floats| -> Vec<f64> {
                (0..2).map(|column| {
                    let pairs = x.iter().zip(w.values.iter().skip(column).step_by(2));
                    pairs.map(|(x, w)| f64::from(*x) * f64::from(*w)).sum()
                }).collect()
            };
            let before = product(&x, &weight);
            let x = divided(Floats { shape: vec![6], values: x }, &factors).values;
            let after = product(&x, &times(weight, 0, &factors));
            for (before, after) in before.iter().zip(&after) {
                prop_assert!((before - after).abs() < 1e-3, "{} {}", before, after);
            }
        }
    }
}
