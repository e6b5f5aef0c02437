//! Variants of a model: a recipe of transforms, applied in order, deterministically.
//!
//! A transform changes a model's graph and weights and never runs it. [`TRANSFORMS`] is the one list of them: adding one means a file
//! here, a line there, and its name out of [`PLANNED`].

mod derive;
mod fp16;
mod identity;
mod pack;
mod recipe;

pub use derive::Variant;
pub use derive::VariantError;
pub use derive::derive;
pub use identity::variant_id;
pub use pack::ArtifactFile;
pub use recipe::Recipe;
pub use recipe::RecipeError;
pub use recipe::Step;

use crate::model::onnx::proto::ModelProto;

/// The recipe without a step: the model as it is.
pub const AS_IS: &str = "fp32";

/// One way of changing a model.
#[derive(Debug)]
pub struct Transform {
    /// Its name in recipes.
    pub name: &'static str,
    /// What it does, in half a sentence.
    pub about: &'static str,
    apply: fn(&mut ModelProto, &mut Vec<String>) -> Result<(), VariantError>,
}

/// Every transform that exists.
pub static TRANSFORMS: &[Transform] = &[Transform {
    name: "fp16",
    about: "floats in 16 bits inside, 32 bits at inputs and outputs",
    apply: fp16::apply,
}];

/// Transforms that recipes will know, so that their names are not mistaken for slips of the pen.
pub static PLANNED: &[&str] = &["int4", "int8", "int8-static", "mixed", "palettize", "prune"];
