//! From ONNX to TensorFlow Lite, in floats.
//!
//! The model is raised to a recent version of ONNX's operators and simplified with its inputs' concrete shapes; every node is converted
//! for itself, correctly and in ONNX's own layout ([`lower`]); passes then find GELU, take out the transposes that the format's NHWC
//! layout brings, and fuse activations; [`write`] makes the file. Nothing is run here: whoever reports a conversion runs both models
//! and compares.

mod call;
mod error;
mod graph;
mod infer;
mod lower;
mod op;
mod operators;
mod options;
mod passes;
mod table;
mod write;

use std::collections::BTreeMap;

use self::call::Slot;
pub use self::error::ConvertError;
use self::graph::Graph;
use self::graph::Kind;
use self::graph::Tensor;
use self::lower::Builder;
use self::op::Op;
pub use self::table::supported;
pub use self::table::table;
use crate::model::Model;
use crate::model::onnx;
use crate::model::onnx::facts::initializer_names;
use crate::model::onnx::facts::spec;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::TensorShapeProto;
use crate::model::onnx::proto::ValueInfoProto;
use crate::model::onnx::proto::tensor_shape_proto::Dimension;
use crate::model::onnx::proto::tensor_shape_proto::dimension;
use crate::model::onnx::proto::type_proto;
use crate::model::tensor::Dim;
use crate::model::tensor::ElementType;
use crate::model::tflite;
use crate::variant::Account;
use crate::variant::Evidence;
use crate::variant::Pass as _;
use crate::variant::derive::take_in;
use crate::variant::opset::raise;
use crate::variant::simplify::Simplify;

/// The version of ONNX's operators that converters read.
const OPSET: i64 = 21;

/// Engines of the first days read files of this many bytes at most.
const REACH: usize = i32::MAX as usize;

/// What a caller chooses.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Shapes of the inputs, by name; those that the model fixes need not be given.
    pub shapes: BTreeMap<String, Vec<u64>>,
    /// Inputs and outputs of four dimensions are NHWC instead of the model's own NCHW.
    pub nhwc: bool,
}

/// A converted model.
#[derive(Debug, Clone)]
pub struct Converted {
    /// The file.
    pub bytes: Vec<u8>,
    /// How many operators of each kind it has, by the format's name.
    pub operators: BTreeMap<&'static str, usize>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Converts `model`. The same model and options give the same bytes.
///
/// Errors: an input of open shape, a node without an equal in the format (named, with what is nearest), tables of 2 GB or more.
pub fn convert(model: &Model, options: &Options) -> Result<Converted, ConvertError> {
    onnx::modifiable(model).map_err(crate::variant::VariantError::from)?;
    let mut proto = model
        .as_onnx("conversion to TensorFlow Lite")
        .map_err(crate::variant::VariantError::from)?
        .clone();
    take_in(&mut proto, &model.external)?;
    convert_proto(proto, options)
}

/// As [`convert`], of messages whose tensors are all within them.
pub(in crate::variant) fn convert_proto(mut proto: ModelProto, options: &Options) -> Result<Converted, ConvertError> {
    fix_shapes(&mut proto, options)?;
    raise(&mut proto, OPSET)?;
    Simplify.apply(&mut proto, &Evidence::default(), &mut Account::default())?;
    let mut notes = Vec::new();
    let lowered = lowered(&proto, &mut notes)?;
    // Weights that the graph has in another layout are needed no longer.
    drop(proto);
    let graph = finished(lowered, options.nhwc).map_err(ConvertError::Write)?;
    let mut operators = BTreeMap::new();
    for node in &graph.nodes {
        *operators.entry(node.op.name()).or_default() += 1;
    }
    let tables = write::write(&graph).map_err(ConvertError::Write)?;
    drop(graph);
    let bytes = tflite::write(&tables).map_err(|error| ConvertError::Write(error.to_string()))?;
    if bytes.len() > REACH {
        notes.push("the file is larger than 2 GB, which older engines cannot read".to_owned());
    }
    Ok(Converted {
        bytes,
        operators,
        notes,
    })
}

/// Applies all passes.
fn finished(mut graph: Graph, nhwc: bool) -> Result<Graph, String> {
    graph.drop_dead();
    passes::gelu::gelu(&mut graph);
    passes::erf::erf(&mut graph)?;
    let mut graph = passes::layout::layout(&graph, nhwc)?;
    passes::fuse::fuse(&mut graph)?;
    passes::split::split(&mut graph);
    own_outputs(&mut graph)?;
    Ok(graph)
}

/// Every output is a tensor of its own, made by an operator.
fn own_outputs(graph: &mut Graph) -> Result<(), String> {
    let mut taken: Vec<graph::TensorId> = graph.inputs.clone();
    let outputs = std::mem::take(&mut graph.outputs);
    for (name, id) in outputs {
        let shape = graph.shape(id).to_vec();
        let id = if taken.contains(&id) || graph.tensor(id).data.is_some() {
            let copies = graph.push(Op::Reshape(shape), &[id], &name)?;
            copies.first().copied().unwrap_or(id)
        } else {
            id
        };
        taken.push(id);
        graph.outputs.push((name, id));
    }
    Ok(())
}

/// Writes the given shapes into the model's inputs.
fn fix_shapes(proto: &mut ModelProto, options: &Options) -> Result<(), ConvertError> {
    let Some(graph) = &mut proto.graph else { return Ok(()) };
    let constants: Vec<String> = initializer_names(graph).map(str::to_owned).collect();
    for (name, shape) in &options.shapes {
        if !graph.input.iter().any(|input| input.name() == name) {
            return Err(ConvertError::WrongShape {
                name: name.clone(),
                shape: shape.clone(),
                reason: "the model has no such input".to_owned(),
            });
        }
    }
    for input in graph
        .input
        .iter_mut()
        .filter(|input| !constants.iter().any(|name| name == input.name()))
    {
        let known = spec(input);
        let fixed: Option<Vec<u64>> = known.dims.as_ref().and_then(|dims| {
            let size = |dim: &Dim| match dim {
                Dim::Fixed(size) => Some(*size),
                Dim::Symbol(_) | Dim::Unknown => None,
            };
            dims.iter().map(size).collect()
        });
        let shape = match (options.shapes.get(input.name()), fixed) {
            (Some(shape), _) => shape.clone(),
            (None, Some(fixed)) => fixed,
            (None, None) => {
                return Err(ConvertError::OpenShape {
                    name: input.name().to_owned(),
                    described: known.describe(),
                    example: example(known.dims.as_deref()),
                });
            }
        };
        let fits = known.dims.as_ref().is_none_or(|dims| {
            let fits = |(dim, size): (&Dim, &u64)| !matches!(dim, Dim::Fixed(fixed) if fixed != size);
            dims.len() == shape.len() && dims.iter().zip(&shape).all(fits)
        });
        if !fits {
            return Err(ConvertError::WrongShape {
                name: input.name().to_owned(),
                shape,
                reason: format!("the model has {}", known.describe()),
            });
        }
        if shape.contains(&0) {
            return Err(ConvertError::WrongShape {
                name: input.name().to_owned(),
                shape,
                reason: "engines end where a tensor has no elements".to_owned(),
            });
        }
        set_shape(input, &shape);
    }
    // Shapes that the file states for other tensors may speak of open dimensions; they are found anew.
    graph.value_info.clear();
    Ok(())
}

/// A shape for `dims`, as a command takes it: one example at a time, and usual sizes of images and sequences.
fn example(dims: Option<&[Dim]>) -> String {
    let Some(dims) = dims else {
        return "1,3,224,224".to_owned();
    };
    let size = |(axis, dim): (usize, &Dim)| match (dim, axis, dims.len()) {
        (Dim::Fixed(size), ..) => *size,
        (_, 1, 4) => 3,
        (_, 2 | 3, 4) => 224,
        (_, 1, 2 | 3) => 128,
        _ => 1,
    };
    let sizes: Vec<String> = dims.iter().enumerate().map(|dim| size(dim).to_string()).collect();
    sizes.join(",")
}

fn set_shape(input: &mut ValueInfoProto, shape: &[u64]) {
    let dim = shape.iter().map(|size| Dimension {
        denotation: None,
        value: i64::try_from(*size).ok().map(dimension::Value::DimValue),
    });
    let kind = input.r#type.as_mut().and_then(|kind| kind.value.as_mut());
    if let Some(type_proto::Value::TensorType(tensor)) = kind {
        tensor.shape = Some(TensorShapeProto { dim: dim.collect() });
    }
}

/// The type at the model's border, and the one within.
fn kinds(name: &str, element: ElementType, notes: &mut Vec<String>) -> Result<(Kind, Kind), ConvertError> {
    Ok(match element {
        ElementType::Float => (Kind::F32, Kind::F32),
        ElementType::Float16 | ElementType::BFloat16 | ElementType::Double => {
            let shown = onnx::shown::shown(name);
            notes.push(format!(
                "{shown} is a 32-bit float in the converted model, and {element:?} in the ONNX model"
            ));
            (Kind::F32, Kind::F32)
        }
        ElementType::Int32 => (Kind::I32, Kind::I32),
        ElementType::Int64 => (Kind::I64, Kind::I32),
        ElementType::Bool => (Kind::Bool, Kind::Bool),
        ElementType::UInt8 => (Kind::U8, Kind::U8),
        ElementType::Int8 => (Kind::I8, Kind::I8),
        other => {
            return Err(ConvertError::Element {
                name: name.to_owned(),
                element: format!("{other:?}").to_lowercase(),
            });
        }
    })
}

/// Converts the main graph, inputs and outputs included.
fn lowered(proto: &ModelProto, notes: &mut Vec<String>) -> Result<Graph, ConvertError> {
    let Some(graph) = &proto.graph else {
        return Err(ConvertError::Write("the model has no graph".to_owned()));
    };
    let mut builder = Builder::new(proto);
    let write = |reason: String| ConvertError::Write(reason);
    let constants: Vec<&str> = initializer_names(graph).collect();
    for input in graph.input.iter().filter(|input| !constants.contains(&input.name())) {
        let known = spec(input);
        let (outer, inner) = kinds(input.name(), known.element, notes)?;
        let shape = known.dims.iter().flatten().map(|dim| match dim {
            Dim::Fixed(size) => usize::try_from(*size).unwrap_or(usize::MAX),
            Dim::Symbol(_) | Dim::Unknown => 1,
        });
        let tensor = Tensor {
            name: input.name().to_owned(),
            kind: outer,
            shape: shape.collect(),
            data: None,
        };
        let mut id = builder.graph.add(tensor).map_err(write)?;
        builder.graph.inputs.push(id);
        if outer != inner {
            let name = format!("{}/int32", input.name());
            let cast = builder.graph.push(Op::Cast(inner), &[id], &name).map_err(write)?;
            id = cast.first().copied().unwrap_or(id);
        }
        builder.bind(input.name(), Slot::Tensor(id));
    }
    builder.body(graph)?;
    for output in &graph.output {
        let name = output.name();
        let slot = builder.find(name).cloned().ok_or_else(|| ConvertError::Unknown {
            reader: "the model's list of outputs".to_owned(),
            name: name.to_owned(),
        })?;
        let mut id = builder
            .tensor(&slot, name)
            .map_err(|refusal| ConvertError::Write(refusal.reason))?;
        let (outer, inner) = kinds(name, spec(output).element, notes)?;
        if outer != inner {
            let cast = builder.graph.push(Op::Cast(outer), &[id], name).map_err(write)?;
            id = cast.first().copied().unwrap_or(id);
        }
        builder.graph.outputs.push((name.to_owned(), id));
    }
    Ok(builder.graph)
}

#[cfg(test)]
mod refusals;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::Hint as _;
    use crate::model::onnx::proto::NodeProto;
    use crate::model::onnx::proto::TensorProto;
    use crate::model::onnx::proto::TypeProto;
    use crate::variant::edit;
    use crate::variant::testing;

    /// Converts a graph from `x` of a shape to `y`.
    pub(super) fn made(
        shape: &[u64],
        nodes: Vec<NodeProto>,
        constants: Vec<TensorProto>,
    ) -> Result<Converted, ConvertError> {
        let mut model = testing::of(nodes, constants);
        let float = |value: &mut ValueInfoProto| {
            value.r#type = Some(TypeProto {
                denotation: None,
                value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                    elem_type: Some(1),
                    shape: None,
                })),
            });
        };
        let graph = model.graph.as_mut().unwrap();
        graph.input.iter_mut().chain(&mut graph.output).for_each(float);
        let options = Options {
            shapes: BTreeMap::from([("x".to_owned(), shape.to_vec())]),
            ..Options::default()
        };
        convert_proto(model, &options)
    }

    fn names(made: &Converted) -> Vec<(&'static str, usize)> {
        made.operators.iter().map(|(name, count)| (*name, *count)).collect()
    }

    #[test]
    fn an_unknown_operator_is_named_with_what_is_nearest() {
        let mut node = edit::node("Softmin", &["x"], &["y"]);
        node.attribute = vec![edit::int_attribute("axis", -1)];
        let error = made(&[2, 3], vec![node], Vec::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "node `y/Softmin` (Softmin) cannot be converted: its operator has no equal in TensorFlow Lite that is known here (attributes: \
             axis=-1)"
        );
        assert_eq!(error.hints(), ["the nearest that is supported is Softmax"]);
        let node = edit::node("NonZero", &["x"], &["y"]);
        let error = made(&[2, 3], vec![node], Vec::new()).unwrap_err();
        assert!(error.hints().concat().contains("shapes must not depend on the data"));
    }

    #[test]
    fn what_an_operator_cannot_do_is_said() {
        let mut node = edit::node("Mod", &["x", "x"], &["y"]);
        node.attribute = vec![edit::int_attribute("fmod", 1)];
        let error = made(&[2, 3], vec![node], Vec::new()).unwrap_err();
        assert!(error.to_string().contains("its `fmod` is 1"), "{error}");
        assert_eq!(
            error.hints(),
            ["Mod is supported with the divisor's sign (`fmod` of 0)"]
        );
    }

    #[test]
    fn large_integers_are_refused_where_an_operator_would_read_them() {
        let mut cast = edit::node("Cast", &["x"], &["i"]);
        cast.attribute = vec![edit::int_attribute("to", 7)];
        let nodes = vec![cast, edit::node("Add", &["i", "c"], &["s"]), {
            let mut back = edit::node("Cast", &["s"], &["y"]);
            back.attribute = vec![edit::int_attribute("to", 1)];
            back
        }];
        let fits = made(&[2], nodes.clone(), vec![edit::list("c", &[1])]).unwrap();
        assert_eq!(names(&fits), [("ADD", 1), ("CAST", 2)]);
        let error = made(&[2], nodes, vec![edit::list("c", &[1 << 40])]).unwrap_err();
        assert!(
            error.to_string().contains("constant `c` has values beyond 32 bits"),
            "{error}"
        );
    }

    #[test]
    fn a_convolution_keeps_its_activation_and_its_input_gets_the_only_transpose() {
        let weights = edit::floats("w", &[4, 3, 3, 3], &[0.5; 108]);
        let mut conv = edit::node("Conv", &["x", "w"], &["c"]);
        conv.attribute = vec![
            edit::ints_attribute("pads", &[1, 1, 1, 1]),
            edit::ints_attribute("strides", &[2, 2]),
        ];
        let nodes = vec![
            conv,
            edit::node("Relu", &["c"], &["r"]),
            edit::node("GlobalAveragePool", &["r"], &["y"]),
        ];
        let even = made(&[1, 3, 8, 8], nodes.clone(), vec![weights.clone()]).unwrap();
        assert_eq!(
            names(&even),
            [
                ("CONV_2D", 1),
                ("MEAN", 1),
                ("PAD", 1),
                ("RESHAPE", 1),
                ("TRANSPOSE", 1)
            ]
        );
        let odd = made(&[1, 3, 7, 7], nodes, vec![weights]).unwrap();
        assert_eq!(
            names(&odd),
            [("CONV_2D", 1), ("MEAN", 1), ("RESHAPE", 1), ("TRANSPOSE", 1)]
        );
    }

    #[test]
    fn an_example_of_a_shape_keeps_what_is_fixed() {
        let open = |name: &str| Dim::Symbol(name.to_owned());
        assert_eq!(
            example(Some(&[open("n"), Dim::Fixed(1), Dim::Unknown, open("w")])),
            "1,1,224,224"
        );
        assert_eq!(example(Some(&[open("n"), open("seq")])), "1,128");
        assert_eq!(example(None), "1,3,224,224");
    }

    #[test]
    fn an_output_that_is_an_input_is_copied() {
        let made = made(&[2, 3], vec![edit::node("Identity", &["x"], &["y"])], Vec::new()).unwrap();
        assert_eq!(names(&made), [("RESHAPE", 1)]);
    }
}
