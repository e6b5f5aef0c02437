//! Variants of TensorFlow Lite models, as pure changes of the schema's tables: nothing is run here.
//!
//! - [`fp16()`]: weights in 16-bit floats, widened as the model is loaded;
//! - [`int8_dynamic()`]: weights in 8-bit integers, activations in floats between operators;
//! - [`int8()`]: weights and activations in 8-bit integers, out of ranges that a run over calibration data gives: [`observed`] names the
//!   tensors, [`observable`] makes a model that gives them as its outputs;
//! - [`prune()`]: the smallest weights become zero.
//!
//! Each accounts for what it did and what it left, with reasons; where it changed nothing, [`Account::changed`](crate::variant::Account)
//! stays 0 and the model as it was. A model whose tables contradict each other is refused.

mod edit;
mod fp16;
mod int8;
mod int8_dynamic;
mod prune;
mod quantized;
#[cfg(test)]
mod testing;

pub use self::fp16::fp16;
pub use self::int8::Extent;
pub use self::int8::int8;
pub use self::int8::observable;
pub use self::int8::observed;
pub use self::int8::operator_kinds;
pub use self::int8::products;
pub use self::int8_dynamic::int8_dynamic;
pub use self::prune::prune;
pub use super::magnitude::Pruning;
