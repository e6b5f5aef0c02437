//! Derives a variant: applies a recipe's transforms to a model and packs the result.

use super::ArtifactFile;
use super::Recipe;
use super::TRANSFORMS;
use super::pack;
use super::variant_id;
use crate::digest::Digest;
use crate::hint::Hint;
use crate::model::Model;
use crate::model::ModelError;
use crate::model::onnx;
use crate::model::onnx::external::ExternalFile;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::tensor_proto::DataLocation;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::shown::shown;
use crate::model::onnx::tensor_view::TensorError;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::onnx::tensor_view::set_raw_data;
use crate::model::onnx::visit;

/// A model, derived.
#[derive(Debug, Clone)]
pub struct Variant {
    /// What names it: [`variant_id`].
    pub id: Digest,
    /// How it was derived.
    pub recipe: Recipe,
    /// The digest of the model that it was derived from.
    pub source: Digest,
    /// Its files; the model itself is the first.
    pub files: Vec<ArtifactFile>,
    /// What a person should know of it: clamped weights, operators left alone.
    pub notes: Vec<String>,
}

impl Variant {
    /// The bytes of all files.
    pub fn size(&self) -> crate::units::Bytes {
        crate::units::Bytes(self.files.iter().map(|file| file.bytes.len() as u64).sum())
    }
}

/// A model that a transform cannot change.
#[derive(Debug, thiserror::Error)]
pub enum VariantError {
    /// Writing the model back would lose something.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A transform that needs newer operators.
    #[error("{transform} needs opset {oldest} or newer, the model uses {opset}")]
    OldOpset {
        /// The transform.
        transform: &'static str,
        /// The model's version of ONNX's operators; 0 where it uses none.
        opset: i64,
        /// The oldest version that is changed.
        oldest: i64,
    },
    /// A node that reads what is not made before it.
    #[error("{node} reads {tensor}, which nothing before it makes")]
    Unordered {
        /// The node, as messages show it.
        node: String,
        /// The tensor, as messages show it.
        tensor: String,
    },
    /// A tensor whose data cannot be had.
    #[error("tensor {} {source}", shown(name))]
    Tensor {
        /// The tensor, or what it is the value of.
        name: String,
        /// What is wrong with it.
        source: TensorError,
    },
    /// A model that fits no file.
    #[error("the {recipe} variant would need a model file of {size} bytes; engines read less than 2 GB")]
    TooLarge {
        /// The recipe.
        recipe: String,
        /// The size of the model file, tensors moved out where they can be.
        size: usize,
    },
}

impl Hint for VariantError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Model(error) => error.hints(),
            Self::OldOpset { .. } => {
                vec!["export the model with a newer opset, or convert it with `onnx.version_converter`".to_owned()]
            }
            Self::Unordered { .. } => {
                vec!["`onnx.checker.check_model` refuses this model too; sort its nodes or export it again".to_owned()]
            }
            Self::Tensor { .. } => vec!["export the model again".to_owned()],
            Self::TooLarge { .. } => vec!["leave this variant out of the model's `variants`".to_owned()],
        }
    }
}

/// Derives the variant of `model` that `recipe` describes. The same model, recipe and seed give the same bytes.
///
/// Without a step the files are the model's own, byte for byte. Otherwise the result is one file, external data included, unless it
/// would be too large for one.
pub fn derive(model: &Model, recipe: &Recipe, seed: u64) -> Result<Variant, VariantError> {
    let mut notes = Vec::new();
    let files = if recipe.steps.is_empty() {
        as_is(model)
    } else {
        onnx::modifiable(model)?;
        let mut proto = model.proto.clone();
        take_in(&mut proto, &model.external)?;
        for step in &recipe.steps {
            // Parsing found every step in this list.
            for transform in TRANSFORMS.iter().filter(|transform| transform.name == step.transform) {
                (transform.apply)(&mut proto, &mut notes)?;
            }
        }
        let files = pack::pack(proto, pack::MAX_MESSAGE);
        match files.first().map_or(0, |file| file.bytes.len()) {
            size if size > pack::MAX_MESSAGE => {
                return Err(VariantError::TooLarge {
                    recipe: recipe.name(),
                    size,
                });
            }
            _ => files,
        }
    };
    Ok(Variant {
        id: variant_id(&model.digest, recipe, None, seed, crate::VERSION),
        recipe: recipe.clone(),
        source: model.digest.clone(),
        files,
        notes,
    })
}

fn as_is(model: &Model) -> Vec<ArtifactFile> {
    let external = model
        .external
        .iter()
        .map(|file| ArtifactFile::new(&file.location, file.bytes.clone()));
    std::iter::once(ArtifactFile::new("model.onnx", model.bytes.clone()))
        .chain(external)
        .collect()
}

/// Takes external data into the model, sharing its memory.
fn take_in(proto: &mut ModelProto, external: &[ExternalFile]) -> Result<(), VariantError> {
    visit::tensors_mut(proto, &mut |tensor, _| {
        if tensor.data_location != Some(DataLocation::External as i32) {
            return Ok(());
        }
        let failed = |source: TensorError, name: &str| VariantError::Tensor {
            name: name.to_owned(),
            source,
        };
        let view = TensorView::of(tensor, external).map_err(|source| failed(source, tensor.name()))?;
        let data_type = DataType::try_from(view.data_type)
            .map_err(|_| failed(TensorError::UnknownType(view.data_type.to_string()), tensor.name()))?;
        set_raw_data(tensor, data_type, view.bytes);
        Ok(())
    })
}
