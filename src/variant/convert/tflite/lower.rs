//! From ONNX's nodes to operators of TensorFlow Lite: names, constants, and one converter after the other.
//!
//! Every operator is converted for itself and correctly in ONNX's own layout; transposes around windows are put in freely, since a
//! pass takes them out again. What is known beforehand is computed beforehand, shapes above all.

use std::collections::HashMap;

use bytes::Bytes;

use super::call::Call;
use super::call::Slot;
use super::error::ConvertError;
use super::error::Refusal;
use super::graph::Graph;
use super::graph::Kind;
use super::graph::Tensor;
use super::graph::TensorId;
use super::graph::counted;
use super::graph::pack_floats;
use super::graph::pack_ints;
use super::graph::transposed;
use super::op::Activation;
use super::op::Arithmetic;
use super::op::Binary;
use super::op::Op;
use super::op::Unary;
use super::operators;
use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::FunctionProto;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::attribute_proto::AttributeType;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::shape::is_standard;
use crate::model::onnx::shown::shown;
use crate::model::onnx::shown::shown_node;
use crate::model::onnx::tensor_view::TensorView;
use crate::model::onnx::types::element_type;
use crate::model::onnx::types::type_name;
use crate::variant::simplify::evaluate;
use crate::variant::simplify::value::Value;

/// Loops and calls together may not make more operators than this.
const MAX_NODES: usize = 1 << 17;

/// Functions and bodies may not be nested deeper than this.
const MAX_DEPTH: usize = 64;

/// A constant that is computed beforehand may grow to this many bytes without question, and to no more than twice its inputs above.
const FREE_BYTES: usize = 1 << 20;

/// The graph under construction.
pub(super) struct Builder<'m> {
    pub(super) graph: Graph,
    /// Names of the main graph, and of bodies and functions around the node in hand; the innermost last.
    scopes: Vec<Scope>,
    functions: HashMap<(&'m str, &'m str, &'m str), &'m FunctionProto>,
    /// Constants that are tensors already, by memory, type and shape.
    stored: HashMap<(usize, usize, DataType, Vec<usize>), TensorId>,
    /// The memory that `stored` names, so that it stays where it is.
    kept: Vec<Bytes>,
    /// What the tensors of the node in hand are called after.
    stem: String,
}

#[derive(Default)]
struct Scope {
    slots: HashMap<String, Slot>,
    /// Put before the names of tensors.
    prefix: String,
    /// A function's body: names outside are out of sight.
    sealed: bool,
}

impl<'m> Builder<'m> {
    /// A graph without operators, for the main graph of `model`.
    pub(super) fn new(model: &'m ModelProto) -> Self {
        let functions = model.functions.iter();
        Self {
            graph: Graph::default(),
            scopes: vec![Scope::default()],
            functions: functions
                .map(|function| ((function.domain(), function.name(), function.overload()), function))
                .collect(),
            stored: HashMap::new(),
            kept: Vec::new(),
            stem: String::new(),
        }
    }

    /// Says what a name stands for.
    pub(super) fn bind(&mut self, name: &str, slot: Slot) {
        if let Some(scope) = self.scopes.last_mut().filter(|_| !name.is_empty()) {
            scope.slots.insert(name.to_owned(), slot);
        }
    }

    /// What a name stands for.
    pub(super) fn find(&self, name: &str) -> Option<&Slot> {
        for scope in self.scopes.iter().rev() {
            if let Some(slot) = scope.slots.get(name) {
                return Some(slot);
            }
            if scope.sealed {
                return None;
            }
        }
        None
    }

    /// Converts the nodes of a graph, in their order, with its initializers.
    pub(super) fn body(&mut self, graph: &'m GraphProto) -> Result<(), ConvertError> {
        for tensor in &graph.initializer {
            let Some(value) = Value::of(tensor) else {
                return Err(ConvertError::Element {
                    name: tensor.name().to_owned(),
                    element: type_name(tensor.data_type()).to_lowercase(),
                });
            };
            self.bind(tensor.name(), Slot::Constant(value));
        }
        graph.node.iter().try_for_each(|node| self.node(node))
    }

    /// Converts a body or a function inside the node in hand: `inputs` are its own names for what it is given, `prefix` is for the
    /// names of its tensors. The result is what its outputs stand for.
    pub(super) fn inside(
        &mut self,
        graph: &'m GraphProto,
        inputs: Vec<Slot>,
        prefix: &str,
    ) -> Result<Vec<Slot>, ConvertError> {
        self.enter(prefix, false)?;
        for (input, slot) in graph.input.iter().zip(inputs) {
            self.bind(input.name(), slot);
        }
        let done = self.body(graph);
        let slots = done.and_then(|()| {
            let outputs = graph.output.iter();
            outputs
                .map(|output| self.needed(output.name(), "an output of a body"))
                .collect()
        });
        self.scopes.pop();
        slots
    }

    fn enter(&mut self, prefix: &str, sealed: bool) -> Result<(), ConvertError> {
        if self.scopes.len() > MAX_DEPTH {
            return Err(ConvertError::Write(format!("it nests bodies deeper than {MAX_DEPTH}")));
        }
        let outer = self.scopes.last().map_or("", |scope| scope.prefix.as_str());
        let prefix = format!("{outer}{prefix}/");
        self.scopes.push(Scope {
            slots: HashMap::new(),
            prefix,
            sealed,
        });
        Ok(())
    }

    fn needed(&self, name: &str, reader: &str) -> Result<Slot, ConvertError> {
        self.find(name).cloned().ok_or_else(|| ConvertError::Unknown {
            reader: reader.to_owned(),
            name: name.to_owned(),
        })
    }

    fn node(&mut self, node: &'m NodeProto) -> Result<(), ConvertError> {
        if self.graph.nodes.len() > MAX_NODES {
            return Err(unsupported(
                node,
                Refusal::from(format!("the model would have more than {MAX_NODES} operators")),
            ));
        }
        let mut inputs = Vec::with_capacity(node.input.len());
        for name in &node.input {
            inputs.push(match name.as_str() {
                "" => None,
                name => Some(self.needed(name, &shown_node(node))?),
            });
        }
        let call = Call { node, inputs };
        if let Some(value) = beforehand(&call) {
            if let Some(name) = node.output.first() {
                self.bind(name, Slot::Constant(value));
            }
            return Ok(());
        }
        let key = (node.domain(), node.op_type(), node.overload());
        let outputs = if let Some(function) = self.functions.get(&key).copied() {
            self.function(node, function, call.inputs)?
        } else {
            let first = node.output.iter().find(|name| !name.is_empty());
            self.named(first.map_or("unnamed", String::as_str));
            self.converted(node, &call)?
        };
        for (name, slot) in node.output.iter().zip(outputs) {
            self.bind(name, slot);
        }
        Ok(())
    }

    fn converted(&mut self, node: &'m NodeProto, call: &Call<'_>) -> Result<Vec<Slot>, ConvertError> {
        match node.op_type() {
            "If" if is_standard(node) => return operators::control::conditional(self, node, call),
            "Loop" if is_standard(node) => return operators::control::repeated(self, node, call),
            _ => {}
        }
        let converter = operators::find(node).ok_or_else(|| operators::unknown(node))?;
        (converter.convert)(self, call).map_err(|refusal| {
            let nearest = if refusal.nearest.is_empty() {
                converter.support()
            } else {
                refusal.nearest
            };
            unsupported(node, Refusal::new(refusal.reason, nearest))
        })
    }

    fn function(
        &mut self,
        node: &NodeProto,
        function: &'m FunctionProto,
        inputs: Vec<Option<Slot>>,
    ) -> Result<Vec<Slot>, ConvertError> {
        let refers = |node: &NodeProto| {
            node.attribute
                .iter()
                .any(|attribute| !attribute.ref_attr_name().is_empty())
        };
        if function.node.iter().any(refers) {
            let reason = "its function's body takes attributes from the call";
            return Err(unsupported(
                node,
                Refusal::new(
                    reason,
                    "inline local functions first: `onnx.inliner.inline_local_functions`",
                ),
            ));
        }
        let stem = node.output.first().cloned().unwrap_or_default();
        self.enter(&stem, true)?;
        for (name, slot) in function.input.iter().zip(inputs) {
            if let Some(slot) = slot {
                self.bind(name, slot);
            }
        }
        let done = function.node.iter().try_for_each(|node| self.node(node));
        let slots = done.and_then(|()| {
            let outputs = function.output.iter();
            outputs.map(|name| self.needed(name, &shown_node(node))).collect()
        });
        self.scopes.pop();
        slots
    }

    /// Calls the tensors that are made next after `name`.
    pub(super) fn named(&mut self, name: &str) {
        let prefix = self.scopes.last().map_or("", |scope| scope.prefix.as_str());
        self.stem = format!("{prefix}{name}");
    }

    /// Adds an operator with one output.
    pub(super) fn push(&mut self, op: Op, inputs: &[TensorId]) -> Result<TensorId, Refusal> {
        let outputs = self.push_many(op, inputs)?;
        outputs
            .first()
            .copied()
            .ok_or_else(|| "an operator makes nothing".into())
    }

    /// Adds an operator.
    pub(super) fn push_many(&mut self, op: Op, inputs: &[TensorId]) -> Result<Vec<TensorId>, Refusal> {
        let name = self.stem.clone();
        Ok(self.graph.push(op, inputs, &name)?)
    }

    /// An input as a tensor.
    pub(super) fn input(&mut self, call: &Call<'_>, index: usize) -> Result<TensorId, Refusal> {
        let slot = call.inputs.get(index).and_then(Option::as_ref);
        let name = call.node.input.get(index).map_or("", String::as_str);
        match slot {
            None => Err(format!("it lacks its input {index}").into()),
            Some(slot) => self.tensor(slot, name),
        }
    }

    /// All inputs as tensors.
    pub(super) fn all_inputs(&mut self, call: &Call<'_>) -> Result<Vec<TensorId>, Refusal> {
        (0..call.inputs.len()).map(|index| self.input(call, index)).collect()
    }

    /// A tensor for what a name stands for.
    pub(super) fn tensor(&mut self, slot: &Slot, name: &str) -> Result<TensorId, Refusal> {
        let value = match slot {
            Slot::Tensor(id) => return Ok(*id),
            Slot::Constant(value) => value,
        };
        let key = (
            value.bytes.as_ptr() as usize,
            value.bytes.len(),
            value.data_type,
            value.dims.clone(),
        );
        if let Some(id) = self.stored.get(&key).filter(|_| !value.bytes.is_empty()) {
            return Ok(*id);
        }
        let (kind, data) = match value.data_type {
            DataType::Float => (Kind::F32, value.bytes.clone()),
            DataType::Float16 | DataType::Bfloat16 | DataType::Double => {
                (Kind::F32, pack_floats(&floats(value).unwrap_or_default()))
            }
            DataType::Bool => (Kind::Bool, value.bytes.clone()),
            DataType::Int8 => (Kind::I8, value.bytes.clone()),
            DataType::Uint8 => (Kind::U8, value.bytes.clone()),
            DataType::Int32 => (Kind::I32, value.bytes.clone()),
            DataType::Int64 | DataType::Int16 | DataType::Uint16 | DataType::Uint32 | DataType::Uint64 => {
                let ints = value.to_ints().unwrap_or_default();
                let narrow: Option<Vec<i32>> = ints.iter().map(|value| i32::try_from(*value).ok()).collect();
                let narrow = narrow.filter(|narrow| narrow.len() == value.len());
                let reason = || format!("constant {} has values beyond 32 bits", shown(name));
                (Kind::I32, pack_ints(&narrow.ok_or_else(reason)?))
            }
            other => return Err(format!("constant {} is of type {}", shown(name), other.as_str_name()).into()),
        };
        let id = self.graph.add(Tensor {
            name: name.to_owned(),
            kind,
            shape: value.dims.clone(),
            data: Some(data),
        })?;
        self.kept.push(value.bytes.clone());
        self.stored.insert(key, id);
        Ok(id)
    }

    /// A constant of floats.
    pub(super) fn floats(&mut self, shape: &[usize], values: &[f32]) -> Result<TensorId, Refusal> {
        Ok(self.graph.add(Tensor {
            name: format!("{}/constant", self.stem),
            kind: Kind::F32,
            shape: shape.to_vec(),
            data: Some(pack_floats(values)),
        })?)
    }

    /// A constant of integers.
    pub(super) fn integers(&mut self, shape: &[usize], values: &[i32]) -> Result<TensorId, Refusal> {
        Ok(self.graph.add(Tensor {
            name: format!("{}/constant", self.stem),
            kind: Kind::I32,
            shape: shape.to_vec(),
            data: Some(pack_ints(values)),
        })?)
    }

    /// One float, or one integer where `like` holds integers.
    pub(super) fn number(&mut self, like: TensorId, value: f32) -> Result<TensorId, Refusal> {
        match self.graph.tensor(like).kind {
            Kind::I32 => self.integers(&[], &[value as i32]),
            _ => self.floats(&[], &[value]),
        }
    }

    /// A tensor's shape.
    pub(super) fn shape(&self, id: TensorId) -> Vec<usize> {
        self.graph.shape(id).to_vec()
    }

    /// A tensor's number of dimensions.
    pub(super) fn rank(&self, id: TensorId) -> usize {
        self.graph.tensor(id).rank()
    }

    /// A tensor's type.
    pub(super) fn kind(&self, id: TensorId) -> Kind {
        self.graph.tensor(id).kind
    }

    /// The elements in another shape.
    pub(super) fn reshape(&mut self, id: TensorId, shape: &[usize]) -> Result<TensorId, Refusal> {
        if self.graph.shape(id) == shape {
            return Ok(id);
        }
        let tensor = self.graph.tensor(id);
        if tensor.data.is_some() && counted(shape) == Some(tensor.elements()) {
            let tensor = Tensor {
                shape: shape.to_vec(),
                ..tensor.clone()
            };
            return Ok(self.graph.add(tensor)?);
        }
        self.push(Op::Reshape(shape.to_vec()), &[id])
    }

    /// The axes in another order; of a constant, beforehand.
    pub(super) fn transpose(&mut self, id: TensorId, order: &[usize]) -> Result<TensorId, Refusal> {
        let tensor = self.graph.tensor(id);
        if let Some(data) = &tensor.data {
            let moved = transposed(data, &tensor.shape, tensor.kind.width(), order);
            let shape = order
                .iter()
                .map(|axis| tensor.shape.get(*axis).copied())
                .collect::<Option<Vec<_>>>();
            if let (Some(moved), Some(shape)) = (moved, shape) {
                let tensor = Tensor {
                    shape,
                    data: Some(moved),
                    ..tensor.clone()
                };
                return Ok(self.graph.add(tensor)?);
            }
        }
        self.push(Op::Transpose(order.to_vec()), &[id])
    }

    /// NCHW as NHWC; NCW as NHWC of height 1.
    pub(super) fn windowed(&mut self, id: TensorId) -> Result<TensorId, Refusal> {
        match *self.graph.shape(id) {
            [batch, channels, width] => {
                let turned = self.transpose(id, &[0, 2, 1])?;
                self.reshape(turned, &[batch, 1, width, channels])
            }
            [_, _, _, _] => self.transpose(id, &[0, 2, 3, 1]),
            _ => {
                let reason = format!("its data has {} dimensions", self.rank(id));
                Err(Refusal::new(
                    reason,
                    "windows over one or two dimensions (tensors of rank 3 or 4) are supported",
                ))
            }
        }
    }

    /// The way back from [`Builder::windowed`], to `rank` dimensions.
    pub(super) fn unwindowed(&mut self, id: TensorId, rank: usize) -> Result<TensorId, Refusal> {
        match (self.graph.shape(id), rank) {
            (&[batch, 1, width, channels], 3) => {
                let flat = self.reshape(id, &[batch, width, channels])?;
                self.transpose(flat, &[0, 2, 1])
            }
            _ => self.transpose(id, &[0, 3, 1, 2]),
        }
    }

    pub(super) fn unary(&mut self, unary: Unary, x: TensorId) -> Result<TensorId, Refusal> {
        self.push(Op::Unary(unary), &[x])
    }

    pub(super) fn binary(&mut self, binary: Binary, x: TensorId, y: TensorId) -> Result<TensorId, Refusal> {
        self.push(Op::Binary(binary), &[x, y])
    }

    pub(super) fn arithmetic(&mut self, arithmetic: Arithmetic, x: TensorId, y: TensorId) -> Result<TensorId, Refusal> {
        self.push(Op::Arithmetic(arithmetic, Activation::None), &[x, y])
    }

    pub(super) fn add(&mut self, x: TensorId, y: TensorId) -> Result<TensorId, Refusal> {
        self.arithmetic(Arithmetic::Add, x, y)
    }

    pub(super) fn sub(&mut self, x: TensorId, y: TensorId) -> Result<TensorId, Refusal> {
        self.arithmetic(Arithmetic::Sub, x, y)
    }

    pub(super) fn mul(&mut self, x: TensorId, y: TensorId) -> Result<TensorId, Refusal> {
        self.arithmetic(Arithmetic::Mul, x, y)
    }

    pub(super) fn div(&mut self, x: TensorId, y: TensorId) -> Result<TensorId, Refusal> {
        self.arithmetic(Arithmetic::Div, x, y)
    }

    /// Times a number.
    pub(super) fn scaled(&mut self, x: TensorId, factor: f32) -> Result<TensorId, Refusal> {
        if factor == 1.0 {
            return Ok(x);
        }
        let factor = self.number(x, factor)?;
        self.mul(x, factor)
    }

    /// Plus a number.
    pub(super) fn plus(&mut self, x: TensorId, summand: f32) -> Result<TensorId, Refusal> {
        if summand == 0.0 {
            return Ok(x);
        }
        let summand = self.number(x, summand)?;
        self.add(x, summand)
    }
}

/// The error for a node that cannot be converted.
pub(super) fn unsupported(node: &NodeProto, refusal: Refusal) -> ConvertError {
    let attributes: Vec<String> = node.attribute.iter().map(described).collect();
    ConvertError::Unsupported {
        node: shown_node(node),
        attributes: attributes.join(", "),
        reason: refusal.reason,
        nearest: refusal.nearest,
    }
}

/// An attribute for messages.
fn described(attribute: &AttributeProto) -> String {
    let value = match attribute.r#type() {
        AttributeType::Float => attribute.f().to_string(),
        AttributeType::Int => attribute.i().to_string(),
        AttributeType::String => shown(&String::from_utf8_lossy(attribute.s.as_deref().unwrap_or_default())),
        AttributeType::Ints if attribute.ints.len() <= 16 => format!("{:?}", attribute.ints),
        AttributeType::Floats if attribute.floats.len() <= 16 => format!("{:?}", attribute.floats),
        _ => "…".to_owned(),
    };
    format!("{}={value}", shown(attribute.name()).trim_matches('`'))
}

/// The elements of a constant of floats of any width, as 32-bit floats.
pub(super) fn floats(value: &Value) -> Option<Vec<f32>> {
    TensorView {
        element: element_type(value.data_type as i32),
        data_type: value.data_type as i32,
        shape: value.dims.iter().map(|dim| *dim as u64).collect(),
        bytes: value.bytes.clone(),
    }
    .to_f32()
}

/// What a node gives whose inputs are all known.
fn beforehand(call: &Call<'_>) -> Option<Value> {
    let node = call.node;
    if !is_standard(node) || node.output.iter().skip(1).any(|name| !name.is_empty()) {
        return None;
    }
    if node.op_type() == "Constant" {
        return Value::of_constant(node);
    }
    let known: Option<Vec<Option<Value>>> = call
        .inputs
        .iter()
        .map(|slot| match slot {
            None => Some(None),
            Some(Slot::Constant(value)) => Some(Some(value.clone())),
            Some(Slot::Tensor(_)) => None,
        })
        .collect();
    let inputs = known.filter(|inputs| !inputs.is_empty())?;
    let given: usize = inputs.iter().flatten().map(|value| value.bytes.len()).sum();
    let made = evaluate::evaluate(&evaluate::Call { node, inputs })?;
    (made.bytes.len() <= FREE_BYTES.max(2 * given)).then_some(made)
}
