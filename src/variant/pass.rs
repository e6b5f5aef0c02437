//! What a transform is: a name in recipes, settings, and a pure change of a model that accounts for what it did and what it left.

use std::fmt;
use std::sync::Arc;

use super::Evidence;
use super::VariantError;
use super::Wanted;
use crate::model::Format;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::shown::shown_node;
use crate::model::tflite;

/// A kind of pass, as recipes name it.
#[derive(Debug)]
pub struct Transform {
    /// Its name: what a step starts with.
    pub name: &'static str,
    /// How a step of it is written: `prune-<sparsity>[-tensor]`.
    pub usage: &'static str,
    /// What it does, in half a sentence.
    pub about: &'static str,
    /// Reads what follows the name and its hyphen; empty where nothing does. Errors say what was expected, as a sentence fragment.
    pub(super) parse: fn(&str) -> Result<Arc<dyn Pass>, String>,
}

/// One step of a recipe, settings included. The same settings and model give the same bytes.
pub trait Pass: fmt::Debug + Send + Sync {
    /// The one way of writing this step in a recipe: its transform's name, then whatever differs from the default settings.
    fn name(&self) -> String;

    /// True where [`Pass::wanted`] may ask for a run, whatever the model.
    fn learns(&self) -> bool {
        false
    }

    /// What must be known from running `model` before it can be changed; most passes need nothing.
    fn wanted(&self, _model: &ModelProto) -> Result<Wanted, VariantError> {
        Ok(Wanted::default())
    }

    /// True where it only makes a model ready for other steps, so that finding nothing to do beside them is no error.
    fn prepares(&self) -> bool {
        false
    }

    /// Changes `model`, all of whose tensors are within it (no external data). `evidence` answers [`Pass::wanted`]. A pass that
    /// [converts](Pass::converts) changes nothing here.
    fn apply(&self, _model: &mut ModelProto, _evidence: &Evidence, _account: &mut Account) -> Result<(), VariantError> {
        Ok(())
    }

    /// True where it changes models in `format`.
    fn takes(&self, format: Format) -> bool {
        format == Format::Onnx
    }

    /// [`Pass::wanted`] of a TensorFlow Lite model.
    fn wanted_tflite(&self, _model: &tflite::schema::Model) -> Result<Wanted, VariantError> {
        Ok(Wanted::default())
    }

    /// [`Pass::apply`] to a TensorFlow Lite model; an error where the step has no equal there.
    fn apply_tflite(
        &self,
        _model: &mut tflite::schema::Model,
        _evidence: &Evidence,
        _account: &mut Account,
    ) -> Result<(), VariantError> {
        Err(VariantError::OnlyOnnx { step: self.name() })
    }

    /// True where it makes a TensorFlow Lite model of an ONNX model, by [`Pass::convert`].
    fn converts(&self) -> bool {
        false
    }

    /// The TensorFlow Lite model that an ONNX model becomes; only of a pass that [converts](Pass::converts).
    fn convert(
        &self,
        _model: ModelProto,
        _evidence: &Evidence,
        _account: &mut Account,
    ) -> Result<tflite::schema::Model, VariantError> {
        Err(VariantError::OnlyOnnx { step: self.name() })
    }
}

/// What a pass did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// How many nodes or weights it changed; 0 where it found nothing to do.
    pub changed: usize,
    /// What it could have changed and did not, each with its reason.
    pub left: Vec<Left>,
    /// What else a person should know.
    pub notes: Vec<String>,
}

/// A node that a pass left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The node, as messages show it.
    pub node: String,
    /// Its operator.
    pub op_type: String,
    /// Why, as a sentence fragment: `its weights are no constants`.
    pub reason: String,
}

impl Account {
    /// Notes that `node` was left as it is.
    pub fn leave(&mut self, node: &NodeProto, reason: impl Into<String>) {
        self.left.push(Left {
            node: shown_node(node),
            op_type: node.op_type().to_owned(),
            reason: reason.into(),
        });
    }

    /// Of a pass that changed nothing: why not, in a sentence fragment. `about` says what it would have done.
    pub(super) fn why_nothing(&self, about: &str) -> String {
        match (self.left.split_first(), self.notes.first()) {
            (Some((first, [])), _) => format!("{}: {}", first.node, first.reason),
            (Some((first, others)), _) => format!("{}: {} (and {} more nodes)", first.node, first.reason, others.len()),
            (None, Some(note)) => note.clone(),
            (None, None) => format!("nothing in the model can be changed ({about})"),
        }
    }

    /// Notes something that a person should know.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}
