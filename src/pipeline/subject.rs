//! One side of a comparison, made ready to measure: a source model, its variants in the object store, and how to feed them.
//!
//! Both sides go through the same functions with the same tool, so that a difference between them is a difference of the model.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::digest::Digest;
use crate::hint::Hint;
use crate::model::Model;
use crate::model::ModelError;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::runtime::Artifact;
use crate::store::Objects;
use crate::store::StoreError;
use crate::variant;
use crate::variant::Account;
use crate::variant::Evidence;
use crate::variant::Recipe;
use crate::variant::Variant;
use crate::variant::VariantError;

/// A variant whose files lie in the object store.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The variant's identity.
    pub id: Digest,
    /// How it was derived.
    pub recipe: Recipe,
    /// Digest of the model it was derived from.
    pub source: Digest,
    /// What the engine loads.
    pub artifact: Artifact,
    /// Its files, the model first.
    pub files: Vec<StoredFile>,
    /// What was done, and what was left, with the reasons.
    pub account: Account,
    /// What had to be learned by running models.
    pub evidence: Vec<Evidence>,
}

impl Prepared {
    /// Bytes on disk, external data included.
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Why a side could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// The model cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A variant cannot be derived.
    #[error("cannot derive `{recipe}`: {source}")]
    Variant {
        /// The recipe's name.
        recipe: String,
        /// What the transform said.
        source: VariantError,
    },
    /// The object store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A list of files without a model among them.
    #[error("the baseline names no model file")]
    NoModel,
}

impl Hint for SubjectError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Model(error) => error.hints(),
            Self::Variant { source, .. } => source.hints(),
            Self::Store(error) => error.hints(),
            Self::NoModel => vec!["publish a new baseline: `mlbuild baseline refresh`".to_owned()],
        }
    }
}

/// Loads a model whose files lie in the object store.
pub fn load_stored(files: &[StoredFile], objects: &Objects) -> Result<Model, SubjectError> {
    let mut paths = Vec::with_capacity(files.len());
    for file in files {
        paths.push((file.name.clone(), objects.verify(&file.digest)?));
    }
    let (model, external) = paths.split_first().ok_or(SubjectError::NoModel)?;
    Ok(Model::load_with_external(&model.1, external)?)
}

/// Derives `recipe` from `model` and puts the result into the object store.
pub fn prepare(model: &Model, recipe: &Recipe, seed: u64, objects: &Objects) -> Result<Prepared, SubjectError> {
    let variant = variant::derive(model, recipe, seed, &[]).map_err(|source| SubjectError::Variant {
        recipe: recipe.name(),
        source,
    })?;
    store_variant(variant, objects)
}

/// Puts the files of a variant into the object store.
pub(super) fn store_variant(variant: Variant, objects: &Objects) -> Result<Prepared, SubjectError> {
    let mut files = Vec::with_capacity(variant.files.len());
    let mut paths: Vec<(String, PathBuf)> = Vec::with_capacity(variant.files.len());
    for file in &variant.files {
        paths.push((file.name.clone(), objects.keep(&file.digest, &file.bytes)?));
        files.push(StoredFile {
            name: file.name.clone(),
            digest: file.digest.clone(),
            bytes: file.bytes.len() as u64,
        });
    }
    let mut paths = paths.into_iter();
    let (_, path) = paths.next().ok_or(SubjectError::NoModel)?;
    Ok(Prepared {
        id: variant.id,
        recipe: variant.recipe,
        source: variant.source,
        artifact: Artifact {
            model: path,
            external: paths.collect(),
        },
        files,
        account: variant.account,
        evidence: variant.evidence,
    })
}

/// The files of the model itself, put into the object store as they are.
pub fn store_source(model: &Model, objects: &Objects) -> Result<Vec<StoredFile>, SubjectError> {
    let name = model.format.file_name();
    // Without external data a model's digest is its file's, and the file need not be read again.
    let own = if model.external.is_empty() && model.path.is_file() {
        objects.keep_file(&model.digest, &model.path)?;
        StoredFile {
            name: name.to_owned(),
            digest: model.digest.clone(),
            bytes: model.bytes.len() as u64,
        }
    } else {
        store(objects, name, &model.bytes)?
    };
    let mut files = vec![own];
    for external in &model.external {
        files.push(store(objects, &external.location, &external.bytes)?);
    }
    Ok(files)
}

fn store(objects: &Objects, name: &str, bytes: &[u8]) -> Result<StoredFile, StoreError> {
    let digest = objects.put(bytes)?;
    Ok(StoredFile {
        name: name.to_owned(),
        digest,
        bytes: bytes.len() as u64,
    })
}

/// Shapes of inputs by name, as the config gives them.
pub fn shape_overrides(inputs: &BTreeMap<String, crate::config::InputConfig>) -> BTreeMap<String, Vec<u64>> {
    inputs
        .iter()
        .map(|(name, input)| (name.clone(), input.shape.clone()))
        .collect()
}
