//! The models of the studies, and the same models with a little more work.

use std::path::Path;
use std::path::PathBuf;

use bytes::Bytes;
use mlbuild::config::Engine;
use mlbuild::config::ExecutionMode;
use mlbuild::config::GraphOptimization;
use mlbuild::config::Target;
use mlbuild::measure::Side;
use mlbuild::model::Model;
use mlbuild::model::onnx::proto;
use mlbuild::model::tensor::ElementType;
use mlbuild::model::tensor::Tensor;
use mlbuild::runtime::Artifact;
use mlbuild::runtime::LiteRtSettings;
use mlbuild::runtime::SessionSettings;
use mlbuild::variant::convert::tflite;
use prost::Message as _;

/// Token ids stay below this; every vocabulary of the models has as many.
const IDS: usize = 100;

/// What dynamic dimensions are taken as, by the name of the dimension.
const SEQUENCE: u64 = 128;

/// A model of the studies.
pub(crate) struct Subject {
    /// Its file stem.
    pub(crate) name: String,
    path: PathBuf,
}

/// Where models run.
pub(crate) struct Runtime {
    /// LiteRT gets every model converted; else ONNX Runtime.
    pub(crate) engine: Engine,
    pub(crate) library: PathBuf,
    /// For models that are made here.
    pub(crate) folder: tempfile::TempDir,
}

/// The models named in `wanted` (all where empty) that are there.
pub(crate) fn find(wanted: &[String]) -> Vec<Subject> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let large = std::env::var_os("MLBUILD_LARGE_MODELS").map_or_else(|| root.join("../shared/models"), PathBuf::from);
    let all = [
        "digits_mlp",
        "digits_mbv2",
        "digits_cnn",
        "digits_lstm",
        "digits_vit",
        "bert_mini_like",
        "mobilenetv2_like",
    ];
    all.iter()
        .filter(|name| wanted.is_empty() || wanted.iter().any(|other| other == *name))
        .filter_map(|name| {
            let folders = [root.join("tests/fixtures/models"), large.clone()];
            let path = folders
                .iter()
                .map(|folder| folder.join(format!("{name}.onnx")))
                .find(|path| path.is_file());
            if path.is_none() {
                eprintln!("{name}.onnx is not here: left out (set MLBUILD_LARGE_MODELS to its folder)");
            }
            path.map(|path| Subject {
                name: (*name).to_owned(),
                path,
            })
        })
        .collect()
}

impl Subject {
    /// The model as it is, at one thread.
    pub(crate) fn side(&self, runtime: &Runtime) -> Side {
        side(&self.path, runtime)
    }

    /// The model with more work: `amount` more hidden units where it is nothing but `Gemm`s, otherwise the product of its first
    /// input with a matrix of `amount` columns as one more output. The engine cannot leave out what is an output.
    pub(crate) fn with_more(&self, amount: usize, runtime: &Runtime) -> Side {
        let mut model = read(&self.path);
        let graph = model.graph.as_mut().unwrap();
        if graph
            .node
            .iter()
            .all(|node| matches!(node.op_type(), "Gemm" | "Relu" | "Flatten" | "Reshape"))
        {
            widen(graph, amount);
        } else {
            multiply(graph, amount);
        }
        let path = runtime.folder.path().join(format!("{}-{amount}.onnx", self.name));
        mlbuild::files::write_atomic(&path, &model.encode_to_vec()).unwrap();
        side(&path, runtime)
    }
}

fn read(path: &Path) -> proto::ModelProto {
    proto::ModelProto::decode(Bytes::from(std::fs::read(path).unwrap())).unwrap()
}

fn fed(graph: &proto::GraphProto) -> Vec<&proto::ValueInfoProto> {
    let filled: Vec<_> = graph.initializer.iter().map(|tensor| tensor.name.clone()).collect();
    graph
        .input
        .iter()
        .filter(|input| !filled.contains(&input.name))
        .collect()
}

fn side(path: &Path, runtime: &Runtime) -> Side {
    let model = read(path);
    let inputs: Vec<Tensor> = fed(model.graph.as_ref().unwrap())
        .into_iter()
        .map(|input| {
            let (element, shape) = kind(input);
            let count = shape.iter().product::<u64>() as usize;
            let name = input.name();
            if element == proto::tensor_proto::DataType::Float as i32 {
                let values: Vec<f32> = (0..count).map(|index| (index % 17) as f32 / 17.0).collect();
                Tensor::from_f32(name, &shape, &values)
            } else {
                let ones = name.contains("mask");
                let zeros = name.contains("type");
                let data: Vec<u8> = (0..count)
                    .map(|index| {
                        if ones {
                            1
                        } else if zeros {
                            0
                        } else {
                            index % IDS
                        }
                    })
                    .flat_map(|value| (value as i64).to_le_bytes())
                    .collect();
                Tensor {
                    name: name.to_owned(),
                    element: ElementType::Int64,
                    shape,
                    data: data.into(),
                }
            }
        })
        .collect();
    let (model, target) = match runtime.engine {
        Engine::OnnxRuntime => (path.to_owned(), Target::OnnxRuntimeCpu),
        Engine::LiteRt => (converted(path, &inputs, runtime), Target::GenericLinux),
    };
    Side {
        artifact: Artifact {
            model,
            external: Vec::new(),
        },
        settings: SessionSettings {
            library: runtime.library.clone(),
            target,
            threads: 1,
            graph_optimization: GraphOptimization::All,
            execution_mode: ExecutionMode::Sequential,
            arena: true,
            litert: LiteRtSettings::default(),
        },
        inputs,
    }
}

/// The model as a `.tflite` file, with the shapes of `inputs`.
fn converted(path: &Path, inputs: &[Tensor], runtime: &Runtime) -> PathBuf {
    let name = path.with_extension("tflite");
    let made = runtime.folder.path().join(name.file_name().unwrap());
    if !made.exists() {
        let options = tflite::Options {
            shapes: inputs
                .iter()
                .map(|input| (input.name.clone(), input.shape.clone()))
                .collect(),
            nhwc: false,
        };
        let converted = tflite::convert(&Model::load(path).unwrap(), &options).unwrap();
        mlbuild::files::write_atomic(&made, &converted.bytes).unwrap();
    }
    made
}

/// Element type and shape; a dynamic dimension is [`SEQUENCE`] where it is named so, 1 otherwise.
fn kind(info: &proto::ValueInfoProto) -> (i32, Vec<u64>) {
    use proto::tensor_shape_proto::dimension::Value;
    let Some(proto::type_proto::Value::TensorType(tensor)) = info.r#type.as_ref().and_then(|kind| kind.value.as_ref())
    else {
        panic!("not a tensor");
    };
    let shape = tensor.shape.as_ref().unwrap().dim.iter().map(|dim| match &dim.value {
        Some(Value::DimValue(size)) => *size as u64,
        Some(Value::DimParam(name)) if name.contains("seq") => SEQUENCE,
        _ => 1,
    });
    (tensor.elem_type(), shape.collect())
}

fn matrix(name: &str, rows: usize, columns: usize) -> proto::TensorProto {
    let values = (0..rows * columns).flat_map(|index| ((index % 7) as f32 * 1e-6).to_le_bytes());
    proto::TensorProto {
        name: Some(name.to_owned()),
        dims: vec![rows as i64, columns as i64],
        data_type: Some(proto::tensor_proto::DataType::Float as i32),
        raw_data: Some(values.collect::<Vec<u8>>().into()),
        ..Default::default()
    }
}

/// The first input times a matrix, as one more output.
fn multiply(graph: &mut proto::GraphProto, columns: usize) {
    let input = fed(graph)[0].clone();
    let (element, shape) = kind(&input);
    let mut factor = input.name().to_owned();
    if element != proto::tensor_proto::DataType::Float as i32 {
        graph.node.push(proto::NodeProto {
            op_type: Some("Cast".into()),
            input: vec![factor],
            output: vec!["more_in".into()],
            attribute: vec![proto::AttributeProto {
                name: Some("to".into()),
                r#type: Some(proto::attribute_proto::AttributeType::Int as i32),
                i: Some(1),
                ..Default::default()
            }],
            ..Default::default()
        });
        factor = "more_in".to_owned();
    }
    graph
        .initializer
        .push(matrix("more_weight", *shape.last().unwrap() as usize, columns));
    graph.node.push(proto::NodeProto {
        op_type: Some("MatMul".into()),
        input: vec![factor, "more_weight".into()],
        output: vec!["more_out".into()],
        ..Default::default()
    });
    graph.output.push(proto::ValueInfoProto {
        name: Some("more_out".into()),
        r#type: Some(proto::TypeProto {
            value: Some(proto::type_proto::Value::TensorType(proto::type_proto::Tensor {
                elem_type: Some(1),
                shape: None,
            })),
            ..Default::default()
        }),
        ..Default::default()
    });
}

/// More units in the first hidden layer; their weights into the next one are zero, so that the outputs stay.
fn widen(graph: &mut proto::GraphProto, units: usize) {
    let gemms: Vec<proto::NodeProto> = graph
        .node
        .iter()
        .filter(|node| node.op_type() == "Gemm")
        .cloned()
        .collect();
    let transposed = |node: &proto::NodeProto| {
        node.attribute
            .iter()
            .any(|attribute| attribute.name() == "transB" && attribute.i() != 0)
    };
    let (first, second) = (&gemms[0], &gemms[1]);
    // A hidden unit is a row of a transposed weight's first layer, and a column of the next one's; and the other way round.
    pad(graph, &first.input[1], usize::from(!transposed(first)), units);
    pad(graph, &first.input[2], 0, units);
    pad(graph, &second.input[1], usize::from(transposed(second)), units);
}

/// Appends `more` slices of zeros along `axis` of an initializer of floats.
fn pad(graph: &mut proto::GraphProto, name: &str, axis: usize, more: usize) {
    let tensor = graph
        .initializer
        .iter_mut()
        .find(|tensor| tensor.name() == name)
        .unwrap();
    let dims: Vec<usize> = tensor.dims.iter().map(|dim| *dim as usize).collect();
    let data = tensor.raw_data.clone().unwrap();
    let row = 4 * dims[axis..].iter().product::<usize>();
    let added = 4 * more * dims[axis + 1..].iter().product::<usize>();
    let mut padded = Vec::with_capacity(data.len() + added * (data.len() / row));
    for chunk in data.chunks(row) {
        padded.extend_from_slice(chunk);
        padded.resize(padded.len() + added, 0);
    }
    tensor.raw_data = Some(padded.into());
    tensor.dims[axis] += more as i64;
}
