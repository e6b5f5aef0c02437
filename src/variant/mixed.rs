//! `mixed`: 8-bit integers as `int8-static` writes them, but for the nodes that cost too much accuracy.
//!
//! Which those are is found by trying, elsewhere: this pass names the candidates, a node that multiplies by weights each, and keeps in
//! floats what the evidence says. What belongs to such a node follows: its weight, its bias, its output unless another node reads that
//! in integers, and the sums behind it that would no longer have integers on both sides. With nothing kept in floats the result is
//! that of `int8-static`. Of TensorFlow Lite models as well, where an operator is known by the name of what it makes.

use std::sync::Arc;

use super::Account;
use super::Calibration;
use super::Evidence;
use super::Observation;
use super::Pass;
use super::Search;
use super::Statistic;
use super::Transform;
use super::VariantError;
use super::Wanted;
use super::int8_static;
use super::tflite;
use crate::model::Format;
use crate::model::onnx::proto::ModelProto;
use crate::model::tflite::schema::Model as Tables;

/// The least cosine similarity of outputs where none is named.
const MIN_COSINE: f64 = 0.985;

/// The transform of this file.
pub(super) const TRANSFORM: Transform = Transform {
    name: "mixed",
    usage: "mixed[-<least cosine similarity, 0 to 1>]",
    about: "8-bit integers as `int8-static`, and floats where those cost too much accuracy",
    parse: |settings| {
        let min_cosine = match settings {
            "" => MIN_COSINE,
            number => number
                .parse::<f64>()
                .ok()
                .filter(|cosine| *cosine > 0.0 && *cosine <= 1.0)
                .ok_or_else(|| format!("`{number}` is no cosine similarity above 0 and up to 1"))?,
        };
        Ok(Arc::new(Mixed { min_cosine }))
    },
};

/// The pass.
#[derive(Debug)]
struct Mixed {
    min_cosine: f64,
}

impl Mixed {
    /// Each of `nodes` is kept in floats or not.
    fn search(&self, nodes: Vec<String>) -> Search {
        Search {
            min_cosine: self.min_cosine,
            groups: nodes.into_iter().map(|node| vec![node]).collect(),
        }
    }
}

impl Pass for Mixed {
    fn name(&self) -> String {
        if self.min_cosine == MIN_COSINE {
            TRANSFORM.name.to_owned()
        } else {
            format!("{}-{}", TRANSFORM.name, self.min_cosine)
        }
    }

    fn learns(&self) -> bool {
        true
    }

    fn wanted(&self, model: &ModelProto) -> Result<Wanted, VariantError> {
        let nodes = int8_static::compute_nodes(model, &self.name())?;
        Ok(Wanted {
            observations: int8_static::observations(model, Calibration::default(), &self.name())?,
            search: Some(self.search(nodes)),
            shapes: Vec::new(),
        })
    }

    fn takes(&self, format: Format) -> bool {
        matches!(format, Format::Onnx | Format::TfLite)
    }

    fn wanted_tflite(&self, model: &Tables) -> Result<Wanted, VariantError> {
        let observe = |tensor| Observation {
            tensor,
            statistic: Statistic::Range(Calibration::default()),
        };
        Ok(Wanted {
            observations: tflite::observed(model)?.into_iter().map(observe).collect(),
            search: Some(self.search(tflite::products(model)?)),
            shapes: Vec::new(),
        })
    }

    fn apply_tflite(&self, model: &mut Tables, evidence: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        tflite::int8(model, evidence, tflite::Extent::Faster, account)
    }

    fn apply(&self, model: &mut ModelProto, evidence: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        int8_static::quantize(model, evidence, account, &self.name())
    }
}

#[cfg(test)]
mod tests {
    use crate::hint::Hint as _;
    use crate::variant::Recipe;

    fn name(text: &str) -> String {
        Recipe::parse(text).unwrap().name()
    }

    #[test]
    fn the_cosine_is_a_setting() {
        assert_eq!(
            [name("mixed"), name("mixed-0.985"), name("mixed-.99"), name("mixed-1")],
            ["mixed", "mixed", "mixed-0.99", "mixed-1"]
        );
        for wrong in ["mixed-0", "mixed-1.01", "mixed-nan", "mixed--0.5", "mixed-much"] {
            let error = Recipe::parse(wrong).unwrap_err();
            assert!(error.to_string().contains("is no cosine similarity"), "{error}");
            assert!(error.hints()[0].contains("mixed[-<least"));
        }
    }
}
