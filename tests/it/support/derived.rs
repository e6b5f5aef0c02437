//! Variants of fixtures and made models, run with the real engine beside what they were derived from.
#![allow(dead_code, reason = "each topic uses its share")]

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use mlbuild::config::DatasetConfig;
use mlbuild::config::Task;
use mlbuild::files::write_atomic;
use mlbuild::measure::Side;
use mlbuild::measure::accuracy::Accuracy;
use mlbuild::measure::accuracy::agreement;
use mlbuild::measure::outputs::Inspector;
use mlbuild::model::Model;
use mlbuild::model::Samples;
use mlbuild::model::dataset::Dataset;
use mlbuild::model::inputs;
use mlbuild::model::onnx::proto::AttributeProto;
use mlbuild::model::onnx::proto::ModelProto;
use mlbuild::model::onnx::proto::NodeProto;
use mlbuild::model::onnx::proto::TensorProto;
use mlbuild::model::onnx::proto::attribute_proto::AttributeType;
use mlbuild::model::onnx::proto::tensor_proto::DataType;
use mlbuild::model::onnx::visit;
use mlbuild::runtime::Artifact;
use mlbuild::variant::Evidence;
use mlbuild::variant::Recipe;
use mlbuild::variant::Variant;
use mlbuild::variant::VariantError;
use mlbuild::variant::derive;
use prost::Message as _;
use tempfile::TempDir;

use crate::support::onnx::fixture;
use crate::support::runtime;

/// A model and a variant of it.
pub struct Derived {
    pub model: Model,
    pub variant: Variant,
    folder: TempDir,
}

/// The variant of `model`; `evidence` where the recipe wants some.
pub fn try_derived(model: Model, recipe: &str, evidence: &[Evidence]) -> Result<Derived, VariantError> {
    let variant = derive(&model, &Recipe::parse(recipe).unwrap(), 0, evidence)?;
    let folder = TempDir::new().unwrap();
    write_atomic(&folder.path().join("original.onnx"), &model.bytes).unwrap();
    for file in &model.external {
        write_atomic(&folder.path().join(&file.location), &file.bytes).unwrap();
    }
    for file in &variant.files {
        write_atomic(&folder.path().join(&file.name), &file.bytes).unwrap();
    }
    Ok(Derived { model, variant, folder })
}

/// The variant of a fixture.
pub fn derived(name: &str, recipe: &str) -> Derived {
    let model = Model::load(&fixture(&format!("{name}.onnx"))).unwrap();
    try_derived(model, recipe, &[]).unwrap_or_else(|error| panic!("{name} {recipe}: {error}"))
}

/// The variant of a model that was made for the test.
pub fn derived_from(bytes: Vec<u8>, recipe: &str) -> Derived {
    let model = Model::from_bytes(Path::new("made.onnx"), bytes.into()).unwrap();
    try_derived(model, recipe, &[]).unwrap_or_else(|error| panic!("{recipe}: {error}"))
}

impl Derived {
    /// Its size over the model's.
    pub fn ratio(&self) -> f64 {
        self.variant.size().0 as f64 / self.model.size().0 as f64
    }

    /// The variant, decoded.
    pub fn proto(&self) -> ModelProto {
        ModelProto::decode(self.variant.files[0].bytes.clone()).unwrap()
    }

    /// Its operators at any depth.
    pub fn operators(&self) -> Vec<String> {
        self.nodes().iter().map(|node| node.op_type().to_owned()).collect()
    }

    /// Its nodes at any depth.
    pub fn nodes(&self) -> Vec<NodeProto> {
        let proto = self.proto();
        visit::nodes(&visit::scopes(&proto))
            .map(|(_, node)| node.clone())
            .collect()
    }

    /// What was left, and why, a line each.
    pub fn left(&self) -> String {
        let left = self.variant.account.left.iter();
        left.map(|left| format!("{}: {}\n", left.node, left.reason)).collect()
    }

    /// How well it agrees with the model on made-up samples, with one thread.
    pub fn agreement(&self) -> Accuracy {
        self.agreement_on(samples(&self.model, 8))
    }

    /// The same on given samples.
    pub fn agreement_on(&self, samples: impl Into<Samples>) -> Accuracy {
        let samples = samples.into();
        let inputs = samples.sample(0).unwrap();
        let external = self.model.external.iter();
        let external = external
            .map(|file| (file.location.clone(), self.folder.path().join(&file.location)))
            .collect();
        let side = |name: &str, external: Vec<(String, PathBuf)>| Side {
            artifact: Artifact {
                model: self.folder.path().join(name),
                external,
            },
            settings: runtime::settings(),
            inputs: inputs.clone(),
        };
        agreement(
            &side("original.onnx", external),
            &side("model.onnx", Vec::new()),
            &samples,
            &mut Inspector::new(&self.model.facts),
            &runtime::command(),
            &runtime::options(),
        )
        .unwrap()
    }
}

/// Made-up samples of random numbers.
pub fn samples(model: &Model, count: u64) -> Vec<Vec<mlbuild::model::tensor::Tensor>> {
    let shapes = BTreeMap::new();
    let request = inputs::Request {
        // Random numbers, not the zeros of an unknown task.
        task: Task::Tabular,
        shapes: &shapes,
        seed: 0,
        sequence: None,
        batch: None,
    };
    let made = inputs::make(model, &request).unwrap();
    (0..count).map(|seed| made.recipe.for_outputs().draw(seed)).collect()
}

/// 200 of the test images of the digits, with their labels.
pub fn digits(model: &Model) -> Dataset {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let config = DatasetConfig {
        labels: Some("labels".to_owned()),
        ..DatasetConfig::of(folder.join("examples/quickstart/digits.npz"))
    };
    Dataset::open(&config, &model.facts.inputs, &BTreeMap::new()).unwrap()
}

/// Writes what `recipe` makes of every model of one folder to another, for the checks in `tests/reference/`, which say how to run
/// this. `name` starts both environment variables; a model that the recipe does not change is named in `left.txt`.
pub fn write_variants(name: &str, recipes: &[&str]) {
    let folder = |part: &str| {
        let variable = format!("{name}_{part}");
        PathBuf::from(std::env::var_os(&variable).unwrap_or_else(|| panic!("{variable} is not set")))
    };
    let (models, results) = (folder("CHECK_MODELS"), folder("CHECK_RESULTS"));
    let mut paths: Vec<PathBuf> = std::fs::read_dir(models)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    paths.sort();
    let mut left = String::new();
    for path in paths {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let model = Model::load(&path).unwrap();
        for recipe in recipes {
            let variant = match derive(&model, &Recipe::parse(recipe).unwrap(), 0, &[]) {
                Ok(variant) => variant,
                Err(error) => {
                    left.push_str(&format!("{stem} {recipe}: {error}\n"));
                    continue;
                }
            };
            for file in &variant.files {
                write_atomic(&results.join(recipe).join(&stem).join(&file.name), &file.bytes).unwrap();
            }
            let account = variant.account;
            let said: String = account
                .left
                .iter()
                .map(|left| format!("{}: {}\n", left.node, left.reason))
                .collect();
            let said = format!("{}\n{said}", account.notes.join("\n"));
            write_atomic(&results.join(recipe).join(&stem).join("account.txt"), said.as_bytes()).unwrap();
        }
    }
    write_atomic(&results.join("left.txt"), left.as_bytes()).unwrap();
}

/// Numbers from −1 to 1 without a pattern that matters.
pub fn noise(name: &str, dims: &[i64], seed: u32) -> TensorProto {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let count = dims.iter().product::<i64>();
    let values = (0..count).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    });
    TensorProto {
        name: Some(name.to_owned()),
        data_type: Some(DataType::Float as i32),
        dims: dims.to_vec(),
        float_data: values.collect(),
        ..TensorProto::default()
    }
}

/// `node` with an attribute that is a float.
pub fn number(mut node: NodeProto, name: &str, value: f32) -> NodeProto {
    node.attribute.push(AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Float as i32),
        f: Some(value),
        ..AttributeProto::default()
    });
    node
}

/// `node` with an attribute that is an integer.
pub fn flag(mut node: NodeProto, name: &str, value: i64) -> NodeProto {
    node.attribute.push(AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Int as i32),
        i: Some(value),
        ..AttributeProto::default()
    });
    node
}
