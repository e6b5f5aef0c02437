//! The noise of this machine: one model beside itself, for as long as a comparison may take.
//!
//! Nothing can be decided, so nothing ends it early; what is left is what a comparison cannot tell from a change.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use prost::Message as _;
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;

use crate::config::Config;
use crate::config::Task;
use crate::files;
use crate::files::FileError;
use crate::hint::Hint;
use crate::measure::Side;
use crate::measure::compare::compare_pair;
use crate::measure::error::MeasureError;
use crate::measure::event::Event;
use crate::measure::plan::Aim;
use crate::measure::plan::Plan;
use crate::measure::quantity::Quantity;
use crate::measure::samples::PairMeasurement;
use crate::model::compatible;
use crate::model::onnx::proto;
use crate::pipeline::gate;
use crate::pipeline::gate::Machinery;
use crate::pipeline::interrupt::Interrupt;
use crate::pipeline::open;
use crate::pipeline::open::OpenError;
use crate::pipeline::workspace::Workspace;

/// Name of the model that this tool brings along.
pub const BUILT_IN: &str = "built-in CNN";

/// Channels and side length of the built-in model's images.
const CHANNELS: i64 = 32;
const SIDE: i64 = 56;

/// Convolutions of the built-in model.
const LAYERS: usize = 3;

/// What is measured.
pub struct Request<'a> {
    /// The model, a path or a build; the built-in one where none is given.
    pub model: Option<&'a str>,
    /// Threads, limits, time and seed.
    pub config: &'a Config,
    /// What executes models.
    pub machinery: &'a Machinery,
    /// Where builds are looked up and files are kept.
    pub workspace: &'a Workspace,
    /// Where relative paths start.
    pub working_folder: &'a Path,
    /// A folder for what is only needed meanwhile.
    pub temporary: &'a Path,
    /// Asked between restarts.
    pub interrupt: &'a Interrupt,
}

/// Why the noise cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum NoiseError {
    /// The model cannot be read or fed.
    #[error(transparent)]
    Open(Box<OpenError>),
    /// The built-in model cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A worker failed.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// Somebody asked it to end.
    #[error("interrupted before enough was measured")]
    Interrupted,
}

impl From<OpenError> for NoiseError {
    fn from(error: OpenError) -> Self {
        Self::Open(Box::new(error))
    }
}

impl Hint for NoiseError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Open(error) => error.hints(),
            Self::File(error) => error.hints(),
            Self::Measure(error) => error.hints(),
            Self::Interrupted => vec!["run it again and let it finish".to_owned()],
        }
    }
}

/// Measures the model beside itself.
pub fn measure(request: &Request<'_>, observer: &mut dyn FnMut(Event)) -> Result<PairMeasurement, NoiseError> {
    let reference = match request.model {
        Some(reference) => reference.to_owned(),
        None => write_built_in(request.temporary)?.display().to_string(),
    };
    let measure = &request.config.measure;
    let opened = open::open(
        &open::Request {
            reference: &reference,
            signature: None,
            shapes: BTreeMap::new(),
            task: Task::Auto,
            seed: measure.seed,
            sequence: None,
            batch: None,
        },
        request.workspace,
        request.working_folder,
    )?;
    let side = Side {
        artifact: opened.artifact,
        settings: gate::session_settings(
            request.config,
            request.machinery,
            compatible::usual_target(opened.model.format),
        ),
        inputs: opened.made.inputs,
    };
    let mut plan = Plan::new(&request.config.gate, measure, 1);
    // No figure is above or below this one, so that all looks are taken and all of the time is used.
    plan.aims = vec![Aim {
        quantity: Quantity::LatencyP50,
        max_regression: None,
        budget: Some(f64::NAN),
        strict: false,
    }];
    plan.stop = request.interrupt.stop();
    let measured = compare_pair(&side, &side, &request.machinery.worker, &plan, observer);
    if request.interrupt.is_raised() {
        return Err(NoiseError::Interrupted);
    }
    Ok(measured?)
}

fn write_built_in(folder: &Path) -> Result<PathBuf, FileError> {
    let path = folder.join("noise.onnx");
    files::write_atomic(&path, &built_in().encode_to_vec())?;
    Ok(path)
}

/// Some convolutions in a row, each followed by a Relu: the kind of work that most models spend their time on.
fn built_in() -> proto::ModelProto {
    let mut random = Pcg64::seed_from_u64(0);
    let mut nodes = Vec::new();
    let mut weights = Vec::new();
    for layer in 0..LAYERS {
        let count = CHANNELS * CHANNELS * 9;
        weights.push(proto::TensorProto {
            name: Some(format!("w{layer}")),
            dims: vec![CHANNELS, CHANNELS, 3, 3],
            data_type: Some(proto::tensor_proto::DataType::Float as i32),
            // About the scale that keeps the values' spread from layer to layer.
            float_data: (0..count).map(|_| random.random_range(-0.1_f32..0.1)).collect(),
            ..Default::default()
        });
        nodes.push(proto::NodeProto {
            op_type: Some("Conv".to_owned()),
            input: vec![format!("x{layer}"), format!("w{layer}")],
            output: vec![format!("c{layer}")],
            attribute: vec![proto::AttributeProto {
                name: Some("pads".to_owned()),
                r#type: Some(proto::attribute_proto::AttributeType::Ints as i32),
                ints: vec![1; 4],
                ..Default::default()
            }],
            ..Default::default()
        });
        nodes.push(proto::NodeProto {
            op_type: Some("Relu".to_owned()),
            input: vec![format!("c{layer}")],
            output: vec![format!("x{}", layer + 1)],
            ..Default::default()
        });
    }
    proto::ModelProto {
        ir_version: Some(7),
        opset_import: vec![proto::OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(13),
        }],
        graph: Some(proto::GraphProto {
            name: Some("noise".to_owned()),
            input: vec![image("x0")],
            output: vec![image(&format!("x{LAYERS}"))],
            node: nodes,
            initializer: weights,
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn image(name: &str) -> proto::ValueInfoProto {
    let dim = [1, CHANNELS, SIDE, SIDE].map(|size| proto::tensor_shape_proto::Dimension {
        value: Some(proto::tensor_shape_proto::dimension::Value::DimValue(size)),
        ..Default::default()
    });
    proto::ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(proto::TypeProto {
            value: Some(proto::type_proto::Value::TensorType(proto::type_proto::Tensor {
                elem_type: Some(proto::tensor_proto::DataType::Float as i32),
                shape: Some(proto::TensorShapeProto { dim: dim.to_vec() }),
            })),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    #[test]
    fn the_built_in_model_is_a_model() {
        let folder = tempfile::tempdir().unwrap();
        let model = Model::load(&write_built_in(folder.path()).unwrap()).unwrap();
        assert_eq!(model.facts.inputs.len(), 1);
        assert_eq!(built_in(), built_in());
    }
}
