//! Small models for tests.

use bytes::Bytes;

use crate::model::tflite::schema::Buffer;
use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::BuiltinOptions;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::Operator;
use crate::model::tflite::schema::SubGraph;
use crate::model::tflite::schema::Tensor;
use crate::model::tflite::schema::TensorType;
use crate::variant::tflite::edit;

/// A model in the making: tensors are named in the order in which they are added.
#[derive(Default)]
pub(super) struct Small {
    pub(super) model: Model,
    graph: SubGraph,
}

impl Small {
    pub(super) fn new() -> Self {
        Self {
            model: Model {
                version: 3,
                buffers: Some(vec![Buffer::default()]),
                ..Model::default()
            },
            graph: SubGraph {
                tensors: Some(Vec::new()),
                operators: Some(Vec::new()),
                inputs: Some(Vec::new()),
                outputs: Some(Vec::new()),
                ..SubGraph::default()
            },
        }
    }

    /// An activation.
    pub(super) fn activation(&mut self, name: &str, shape: &[i32]) -> i32 {
        let tensor = Tensor {
            shape: Some(shape.to_vec()),
            name: Some(name.to_owned()),
            ..Tensor::default()
        };
        edit::add_tensor(&mut self.graph, tensor)
    }

    /// A graph input.
    pub(super) fn input(&mut self, name: &str, shape: &[i32]) -> i32 {
        let index = self.activation(name, shape);
        self.graph.inputs.as_mut().unwrap().push(index);
        index
    }

    /// A constant of floats.
    pub(super) fn floats(&mut self, name: &str, shape: &[i32], values: &[f32]) -> i32 {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, shape, TensorType::FLOAT32, bytes.into())
    }

    /// A constant of that many different floats between -1 and 1.
    pub(super) fn weight(&mut self, name: &str, shape: &[i32]) -> i32 {
        let count: i32 = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|at| ((at * 7919) % 1009) as f32 / 504.5 - 1.0).collect();
        self.floats(name, shape, &values)
    }

    /// A constant.
    pub(super) fn constant(&mut self, name: &str, shape: &[i32], kind: TensorType, data: Bytes) -> i32 {
        let buffers = self.model.buffers.as_mut().unwrap();
        buffers.push(Buffer {
            data: Some(data),
            ..Buffer::default()
        });
        let tensor = Tensor {
            shape: Some(shape.to_vec()),
            r#type: kind,
            buffer: buffers.len() as u32 - 1,
            name: Some(name.to_owned()),
            ..Tensor::default()
        };
        edit::add_tensor(&mut self.graph, tensor)
    }

    /// An operator with one new output of that shape.
    pub(super) fn operator(
        &mut self,
        kind: BuiltinOperator,
        options: Option<BuiltinOptions>,
        inputs: &[i32],
        output: (&str, &[i32]),
    ) -> i32 {
        let index = self.activation(output.0, output.1);
        let operator = Operator {
            opcode_index: edit::code(&mut self.model, kind, 1),
            inputs: Some(inputs.to_vec()),
            outputs: Some(vec![index]),
            builtin_options: options,
            ..Operator::default()
        };
        self.graph.operators.as_mut().unwrap().push(operator);
        index
    }

    /// The model with these outputs.
    pub(super) fn finish(mut self, outputs: &[i32]) -> Model {
        self.graph.outputs = Some(outputs.to_vec());
        self.model.subgraphs = Some(vec![self.graph]);
        self.model
    }
}

/// The kinds of the main graph's operators, in order.
pub(super) fn kinds(model: &Model) -> Vec<&'static str> {
    let operators = model.subgraphs()[0].operators().iter();
    operators
        .map(|operator| model.operator(operator).name().unwrap_or("?"))
        .collect()
}

/// The main graph's tensor of that name.
pub(super) fn named<'a>(model: &'a Model, name: &str) -> &'a Tensor {
    let mut tensors = model.subgraphs()[0].tensors().iter();
    tensors
        .find(|tensor| tensor.name() == name)
        .unwrap_or_else(|| panic!("no tensor {name}"))
}

/// What is written must be read again and be the same.
pub(super) fn reread(model: &Model) {
    edit::check(model).unwrap();
    let bytes = crate::model::tflite::write(model).unwrap();
    assert_eq!(&crate::model::tflite::read(&bytes.into()).unwrap().model, model);
}
