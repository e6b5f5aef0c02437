//! Variants of a model: a recipe of passes, applied in order, deterministically.
//!
//! A pass changes a model's graph and weights and never runs it; what it must know of a run comes to it as [`Evidence`].
//! [`TRANSFORMS`] is the one list of them: adding one means a file here and a line there.

mod bf16;
mod constants;
pub mod convert;
mod derive;
mod edit;
mod evidence;
mod fp16;
mod gemm;
mod identity;
mod int8;
mod int8_static;
mod kinds;
mod magnitude;
mod mixed;
mod opset;
mod pack;
mod palettize;
mod pass;
mod precision;
mod prune;
mod prune_structured;
mod quantize;
mod recipe;
mod share;
mod simplify;
mod smooth;
#[cfg(test)]
mod testing;
pub mod tflite;
mod to_tflite;
mod weight_only;
mod weights;

pub use derive::Derivation;
pub use derive::Variant;
pub use derive::VariantError;
pub use derive::derive;
pub use derive::evidence_digest;
pub use evidence::Calibration;
pub use evidence::Evidence;
pub use evidence::Observation;
pub use evidence::Range;
pub use evidence::Search;
pub use evidence::Statistic;
pub use evidence::Wanted;
pub use identity::variant_id;
pub use pack::ArtifactFile;
pub use pass::Account;
pub use pass::Left;
pub use pass::Pass;
pub use pass::Transform;
pub use precision::precision;
pub use recipe::Recipe;
pub use recipe::RecipeError;
pub use recipe::Step;

/// The recipe without a step: the model as it is.
pub const AS_IS: &str = "fp32";

/// Every transform that exists.
pub static TRANSFORMS: &[Transform] = &[
    bf16::TRANSFORM,
    fp16::TRANSFORM,
    weight_only::INT4,
    int8::TRANSFORM,
    int8_static::TRANSFORM,
    weight_only::INT8_WEIGHTS,
    mixed::TRANSFORM,
    opset::TRANSFORM,
    palettize::TRANSFORM,
    prune::TRANSFORM,
    prune_structured::TRANSFORM,
    simplify::TRANSFORM,
    smooth::TRANSFORM,
    to_tflite::TRANSFORM,
];
