//! Derives a variant: applies a recipe's transforms to a model and packs the result.

use super::Account;
use super::ArtifactFile;
use super::Evidence;
use super::Recipe;
use super::Step;
use super::Wanted;
use super::convert::tflite::ConvertError;
use super::pack;
use super::variant_id;
use crate::digest::Digest;
use crate::digest::Hasher;
use crate::hint::Hint;
use crate::model::Decoded;
use crate::model::Format;
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
use crate::model::tflite;

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
    /// What was done, and what was left, with the reasons.
    pub account: Account,
    /// What had to be learned by running models, one entry for each step that wanted to know something.
    pub evidence: Vec<Evidence>,
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
    /// A pass that changes nothing.
    #[error("{step} finds nothing to do: {reason}")]
    NothingToDo {
        /// The step.
        step: String,
        /// What it looked for.
        reason: String,
    },
    /// A model that holds quantized weights or activations already.
    #[error("{step} needs a model in floats, and {node} is quantized already")]
    AlreadyQuantized {
        /// The step.
        step: String,
        /// The node that shows it, as messages show it.
        node: String,
    },
    /// A pass that was not told what it needs to know.
    #[error("{step} needs to know {what}")]
    NotMeasured {
        /// The step.
        step: String,
        /// What is missing, as a sentence fragment: `the range of tensor x`.
        what: String,
    },
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
    /// A node whose operator has no equal in a newer opset.
    #[error("{node} cannot be brought to opset {to}: {reason}")]
    NotRaised {
        /// The node, as messages show it, with its operator.
        node: String,
        /// The version of ONNX's operators that is needed.
        to: i64,
        /// What stands against it, as a sentence fragment.
        reason: String,
    },
    /// A node that reads what is not made before it.
    #[error("{node} reads {tensor}, which nothing before it makes")]
    Unordered {
        /// The node, as messages show it.
        node: String,
        /// The tensor, as messages show it.
        tensor: String,
    },
    /// A step for models in ONNX only.
    #[error("{step} changes ONNX models, and this is a TensorFlow Lite model")]
    OnlyOnnx {
        /// The step.
        step: String,
    },
    /// A model that has no equal in the other format.
    #[error(transparent)]
    Convert(Box<ConvertError>),
    /// A tensor whose data cannot be had.
    #[error("tensor {} {source}", shown(name))]
    Tensor {
        /// The tensor, or what it is the value of.
        name: String,
        /// What is wrong with it.
        source: TensorError,
    },
    /// A model of TensorFlow Lite whose tables contradict each other.
    #[error("{place} is damaged: {problem}")]
    Damaged {
        /// The entry.
        place: String,
        /// What is wrong with it, as a sentence.
        problem: String,
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
            Self::NothingToDo { .. } => vec!["leave this step out".to_owned()],
            Self::AlreadyQuantized { .. } => vec!["start from the model in floats that it was made from".to_owned()],
            Self::NotMeasured { .. } => vec!["give calibration data that reaches this part of the model".to_owned()],
            Self::OldOpset { .. } => {
                vec!["export the model with a newer opset, or convert it with `onnx.version_converter`".to_owned()]
            }
            Self::NotRaised { to, .. } => {
                vec![format!("export the model again with opset {to} or newer")]
            }
            Self::Unordered { .. } => {
                vec!["`onnx.checker.check_model` refuses this model too; sort its nodes or export it again".to_owned()]
            }
            Self::OnlyOnnx { .. } => vec![
                "apply it to the ONNX model before the step `tflite`; of TensorFlow Lite models fp16, int8, int8-static, mixed and prune are made"
                    .to_owned(),
            ],
            Self::Convert(error) => error.hints(),
            Self::Tensor { .. } | Self::Damaged { .. } => vec!["export the model again".to_owned()],
            Self::TooLarge { .. } => vec!["leave this variant out of the model's `variants`".to_owned()],
        }
    }
}

/// A variant on its way: a model and the steps that are still to be applied.
#[derive(Debug)]
pub struct Derivation<'m> {
    model: &'m Model,
    recipe: Recipe,
    seed: u64,
    decoded: Decoded,
    done: usize,
    account: Account,
    evidence: Vec<Evidence>,
}

impl<'m> Derivation<'m> {
    /// Begins to derive the variant of `model` that `recipe` describes.
    pub fn start(model: &'m Model, recipe: &Recipe, seed: u64) -> Result<Self, VariantError> {
        let mut decoded = Decoded::Onnx(Box::default());
        if !recipe.steps.is_empty() {
            decoded = match &model.decoded {
                Decoded::Onnx(proto) => {
                    onnx::modifiable(model)?;
                    let mut proto = proto.clone();
                    take_in(&mut proto, &model.external)?;
                    Decoded::Onnx(proto)
                }
                Decoded::TfLite(tables) => {
                    tflite::modifiable(&model.path, &model.bytes)?;
                    Decoded::TfLite(tables.clone())
                }
            };
        }
        Ok(Self {
            model,
            recipe: recipe.clone(),
            seed,
            decoded,
            done: 0,
            account: Account::default(),
            evidence: Vec::new(),
        })
    }

    /// The next step; `None` where all are done.
    pub fn next(&self) -> Option<&Step> {
        self.recipe.steps.get(self.done)
    }

    /// What the next step wants to know of the model as it is so far ([`Derivation::files`]).
    pub fn wanted(&self) -> Result<Wanted, VariantError> {
        let Some(step) = self.next() else {
            return Ok(Wanted::default());
        };
        match &self.decoded {
            Decoded::Onnx(proto) => step.pass.wanted(proto),
            Decoded::TfLite(tables) => step.pass.wanted_tflite(tables),
        }
    }

    /// The files of the model as it is so far.
    pub fn files(&self) -> Result<Vec<ArtifactFile>, VariantError> {
        if self.done == 0 {
            return Ok(as_is(self.model));
        }
        self.packed(self.decoded.clone())
    }

    /// The files of a changed model; entry points stand in the order of the source's, whichever was chosen to be run.
    fn packed(&self, mut decoded: Decoded) -> Result<Vec<ArtifactFile>, VariantError> {
        if let (Decoded::TfLite(tables), Format::TfLite) = (&mut decoded, self.model.format) {
            tables.restore_signature(self.model.signature_place);
        }
        packed(decoded, &self.recipe)
    }

    /// The model that it began with.
    pub fn model(&self) -> &'m Model {
        self.model
    }

    /// The files that the next step would make by `evidence`; nothing changes here.
    pub fn trial(&self, evidence: &Evidence) -> Result<Vec<ArtifactFile>, VariantError> {
        let mut decoded = self.decoded.clone();
        if let Some(step) = self.next() {
            decoded = applied(step, decoded, evidence, &mut Account::default())?;
        }
        self.packed(decoded)
    }

    /// Applies the next step. `evidence` is what it wanted to know; empty where it wanted nothing.
    pub fn advance(&mut self, evidence: Evidence) -> Result<(), VariantError> {
        let Some(step) = self.recipe.steps.get(self.done) else {
            return Ok(());
        };
        let mut account = Account::default();
        let before = std::mem::replace(&mut self.decoded, Decoded::Onnx(Box::default()));
        self.decoded = applied(step, before, &evidence, &mut account)?;
        if account.changed == 0 && !(step.pass.prepares() && self.recipe.steps.len() > 1) {
            return Err(VariantError::NothingToDo {
                step: step.pass.name(),
                reason: account.why_nothing(step.transform.about),
            });
        }
        self.account.changed += account.changed;
        self.account.left.append(&mut account.left);
        self.account.notes.append(&mut account.notes);
        if evidence != Evidence::default() {
            self.evidence.push(evidence);
        }
        self.done += 1;
        Ok(())
    }

    /// The finished variant, once every step has been applied.
    ///
    /// Without a step the files are the model's own, byte for byte. Otherwise the result is one file, external data included, unless it
    /// would be too large for one.
    pub fn finish(self) -> Result<Variant, VariantError> {
        let files = if self.recipe.steps.is_empty() {
            as_is(self.model)
        } else {
            self.packed(self.decoded.clone())?
        };
        let evidence = evidence_digest(&self.evidence);
        Ok(Variant {
            id: variant_id(
                &self.model.digest,
                &self.recipe,
                evidence.as_ref(),
                self.seed,
                crate::VERSION,
            ),
            recipe: self.recipe,
            source: self.model.digest.clone(),
            files,
            account: self.account,
            evidence: self.evidence,
        })
    }
}

/// Derives the variant of `model` that `recipe` describes, with what was learned before: `evidence` has one entry for each step that
/// wants to know something, in their order. The same arguments give the same bytes.
pub fn derive(model: &Model, recipe: &Recipe, seed: u64, evidence: &[Evidence]) -> Result<Variant, VariantError> {
    let mut derivation = Derivation::start(model, recipe, seed)?;
    let mut evidence = evidence.iter();
    while let Some(step) = derivation.next() {
        let step = step.pass.name();
        let known = if derivation.wanted()?.is_empty() {
            Evidence::default()
        } else {
            evidence.next().cloned().ok_or_else(|| VariantError::NotMeasured {
                step,
                what: "what running the model on calibration data tells".to_owned(),
            })?
        };
        derivation.advance(known)?;
    }
    derivation.finish()
}

/// The digest of everything that was learned; `None` where nothing had to be.
pub fn evidence_digest(evidence: &[Evidence]) -> Option<Digest> {
    if evidence.is_empty() {
        return None;
    }
    let mut hasher = Hasher::new();
    for evidence in evidence {
        hasher.part(evidence.digest().as_str().as_bytes());
    }
    Some(hasher.finish())
}

/// A model after `step`.
fn applied(step: &Step, model: Decoded, evidence: &Evidence, account: &mut Account) -> Result<Decoded, VariantError> {
    match model {
        Decoded::Onnx(proto) if step.pass.converts() => {
            let tables = step.pass.convert(*proto, evidence, account)?;
            Ok(Decoded::TfLite(Box::new(tables)))
        }
        Decoded::Onnx(mut proto) => {
            step.pass.apply(&mut proto, evidence, account)?;
            Ok(Decoded::Onnx(proto))
        }
        Decoded::TfLite(mut tables) => {
            step.pass.apply_tflite(&mut tables, evidence, account)?;
            Ok(Decoded::TfLite(tables))
        }
    }
}

/// The files of a changed model.
fn packed(decoded: Decoded, recipe: &Recipe) -> Result<Vec<ArtifactFile>, VariantError> {
    let files = match decoded {
        Decoded::Onnx(proto) => pack::pack(*proto, pack::MAX_MESSAGE),
        Decoded::TfLite(tables) => {
            let bytes = tflite::write(&tables).map_err(|error| VariantError::TooLarge {
                recipe: recipe.name(),
                size: error.size,
            })?;
            return Ok(vec![ArtifactFile::new(Format::TfLite.file_name(), bytes.into())]);
        }
    };
    match files.first().map_or(0, |file| file.bytes.len()) {
        size if size > pack::MAX_MESSAGE => Err(VariantError::TooLarge {
            recipe: recipe.name(),
            size,
        }),
        _ => Ok(files),
    }
}

fn as_is(model: &Model) -> Vec<ArtifactFile> {
    let external = model
        .external
        .iter()
        .map(|file| ArtifactFile::new(&file.location, file.bytes.clone()));
    std::iter::once(ArtifactFile::new(model.format.file_name(), model.bytes.clone()))
        .chain(external)
        .collect()
}

/// Takes external data into the model, sharing its memory.
pub(super) fn take_in(proto: &mut ModelProto, external: &[ExternalFile]) -> Result<(), VariantError> {
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
