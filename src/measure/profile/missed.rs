//! Patterns that engines can compute in one kernel, and that stand apart in the optimized graph.

use std::collections::BTreeSet;
use std::collections::HashMap;

use crate::measure::profile::placed::Place;
use crate::measure::profile::totals::Total;
use crate::measure::profile::types::MissedFusion;
use crate::model::onnx::proto::GraphProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::tensor_proto::DataType;

/// Activations and the like that can follow a convolution.
const AFTER_CONV: &[&str] = &[
    "Relu",
    "Clip",
    "Sigmoid",
    "LeakyRelu",
    "Tanh",
    "HardSigmoid",
    "HardSwish",
    "QuickGelu",
    "BatchNormalization",
];

/// Operators between the first product of attention and its softmax.
const SCORES: &[&str] = &["Add", "Div", "Mul", "Where", "Cast"];

/// Operators that compute shapes out of shapes.
const ARITHMETIC: &[&str] = &[
    "Add",
    "Cast",
    "Concat",
    "Div",
    "Equal",
    "Gather",
    "Max",
    "Min",
    "Mul",
    "Range",
    "Slice",
    "Squeeze",
    "Sub",
    "Unsqueeze",
    "Where",
];

/// More elements than any shape has.
const MAX_SHAPE: u64 = 64;

/// The kernels of the main graph as a graph.
struct Executed<'a> {
    graph: &'a GraphProto,
    /// The kernel of a node.
    kernels: HashMap<usize, usize>,
    producers: HashMap<&'a str, usize>,
    readers: HashMap<&'a str, Vec<usize>>,
    totals: &'a [Total],
}

/// Finds what was left apart, in the order of the graph.
pub(super) fn missed<'a>(totals: &'a [Total], places: &[Option<Place<'_, 'a>>]) -> Vec<MissedFusion> {
    let in_main = totals
        .iter()
        .zip(places)
        .enumerate()
        .filter(|(_, (total, _))| total.parent.is_none());
    let placed: Vec<(usize, &Place<'_, 'a>)> = in_main
        .filter_map(|(kernel, (_, place))| Some((kernel, place.as_ref()?)))
        .collect();
    let Some((_, first)) = placed.first() else {
        return Vec::new();
    };
    let graph = first.trace.optimized;
    let mut executed = Executed {
        graph,
        kernels: placed.iter().map(|(kernel, place)| (place.index, *kernel)).collect(),
        producers: HashMap::new(),
        readers: HashMap::new(),
        totals,
    };
    for (index, node) in graph.node.iter().enumerate() {
        for output in &node.output {
            executed.producers.insert(output, index);
        }
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            executed.readers.entry(input).or_default().push(index);
        }
    }
    let mut found = Vec::new();
    for (index, node) in graph.node.iter().enumerate() {
        let pattern = match node.op_type() {
            "Add" => executed.bias(index, node),
            "Softmax" => executed.attention(index, node),
            "LayerNormalization" => executed.skip(index, node),
            "Sqrt" => executed.normalization(index, node),
            "Erf" => executed.gelu(index, node),
            "Transpose" => executed.transposes(index, node),
            "Conv" | "MatMul" | "Gemm" => executed.dequantized(index, node),
            operator if AFTER_CONV.contains(&operator) => executed.after_conv(index, node),
            _ => None,
        };
        found.extend(pattern);
    }
    found.extend(executed.shapes());
    found
}

impl<'a> Executed<'a> {
    fn make(&self, pattern: &str, nodes: &[usize], reason: String) -> Option<MissedFusion> {
        let kernels: Vec<usize> = nodes
            .iter()
            .map(|node| self.kernels.get(node).copied())
            .collect::<Option<_>>()?;
        let seconds = kernels
            .iter()
            .filter_map(|kernel| self.totals.get(*kernel))
            .map(|total| total.seconds);
        Some(MissedFusion {
            pattern: pattern.to_owned(),
            seconds: seconds.sum(),
            kernels,
            reason,
        })
    }

    fn node(&self, index: usize) -> Option<&'a NodeProto> {
        self.graph.node.get(index)
    }

    /// The node that writes an input.
    fn before(&self, node: &NodeProto, input: usize) -> Option<(usize, &'a NodeProto)> {
        let index = *self.producers.get(node.input.get(input)?.as_str())?;
        Some((index, self.node(index)?))
    }

    /// The first writer of an input that is one of `operators`.
    fn behind(&self, node: &NodeProto, operators: &[&str]) -> Option<(usize, &'a NodeProto)> {
        let inputs = 0..node.input.len();
        inputs
            .filter_map(|input| self.before(node, input))
            .find(|(_, other)| operators.contains(&other.op_type()))
    }

    fn readers(&self, node: &NodeProto) -> &[usize] {
        let output = node.output.first().map(String::as_str).unwrap_or_default();
        self.readers.get(output).map(Vec::as_slice).unwrap_or_default()
    }

    fn is_constant(&self, name: &str) -> bool {
        self.graph.initializer.iter().any(|tensor| tensor.name() == name)
    }

    fn rank(&self, node: usize) -> Option<usize> {
        let total = self.totals.get(*self.kernels.get(&node)?)?;
        Some(total.samples.first()?.inputs.first()?.dims.len())
    }

    fn bias(&self, index: usize, node: &NodeProto) -> Option<MissedFusion> {
        let (product, writer) = self.behind(node, &["MatMul"])?;
        if !node.input.iter().any(|input| self.is_constant(input)) || self.readers(writer).len() != 1 {
            return None;
        }
        let reason = match self.rank(product) {
            Some(rank) if rank != 2 => format!(
                "the engine adds a bias within a product (Gemm) in 2 dimensions only, and this one has {rank}: flatten \
                 batch and sequence before it"
            ),
            _ => "the engine did not know that both factors have 2 dimensions: give the model fixed shapes".to_owned(),
        };
        self.make("MatMul + Add", &[product, index], reason)
    }

    fn attention(&self, index: usize, node: &NodeProto) -> Option<MissedFusion> {
        let mut chain = vec![index];
        let (mut at, mut before) = self.before(node, 0)?;
        while SCORES.contains(&before.op_type()) && chain.len() < 8 {
            chain.push(at);
            (at, before) = self.behind(before, &[SCORES, &["MatMul", "FusedMatMul"]].concat())?;
        }
        if !before.op_type().ends_with("MatMul") {
            return None;
        }
        chain.push(at);
        chain.reverse();
        let products = self.readers(node).iter();
        let after = products
            .copied()
            .find(|reader| self.node(*reader).is_some_and(|node| node.op_type() == "MatMul"))?;
        chain.push(after);
        let reason = "this graph is none of the patterns of attention that the engine knows: export it with the operator \
                      `Attention` (opset 23), or run `onnxruntime.transformers.optimizer` on it";
        self.make("attention", &chain, reason.to_owned())
    }

    fn skip(&self, index: usize, node: &NodeProto) -> Option<MissedFusion> {
        let (sum, writer) = self.before(node, 0).filter(|(_, before)| before.op_type() == "Add")?;
        if writer.input.iter().any(|input| self.is_constant(input)) {
            return None;
        }
        let reason = if self.readers(writer).len() > 1 {
            "the sum is read by another node too"
        } else {
            "the engine did not know that both summands have one shape of 3 dimensions: give the model fixed shapes"
        };
        self.make("Add + LayerNormalization", &[sum, index], reason.to_owned())
    }

    fn normalization(&self, index: usize, node: &NodeProto) -> Option<MissedFusion> {
        let (epsilon, add) = self.before(node, 0).filter(|(_, before)| before.op_type() == "Add")?;
        let (variance, mean) = self.behind(add, &["ReduceMean"])?;
        let (square, _) = self.behind(mean, &["Pow", "Mul"])?;
        let division = self.readers(node).iter().copied();
        let mut chain = vec![square, variance, epsilon, index];
        chain.extend(division.take(1));
        let reason = "its steps are not those of the layer normalization that the engine knows: export with opset 17 or \
                      later, which has the operator";
        self.make("layer normalization", &chain, reason.to_owned())
    }

    fn gelu(&self, index: usize, node: &NodeProto) -> Option<MissedFusion> {
        let mut chain = Vec::from_iter(self.behind(node, &["Div", "Mul"]).map(|(before, _)| before));
        chain.push(index);
        chain.extend(self.readers(node).iter().take(1));
        let reason = "its steps are not those of the Gelu that the engine knows: export with opset 20 or later, which has the \
                      operator";
        self.make("Gelu", &chain, reason.to_owned())
    }

    fn transposes(&self, index: usize, node: &NodeProto) -> Option<MissedFusion> {
        let (first, writer) = self
            .before(node, 0)
            .filter(|(_, before)| before.op_type() == "Transpose")?;
        let reason = if self.readers(writer).len() > 1 {
            "the first one's output is read by another node too"
        } else {
            "two changes of the order of dimensions in a row make one"
        };
        self.make("Transpose + Transpose", &[first, index], reason.to_owned())
    }

    fn dequantized(&self, index: usize, node: &NodeProto) -> Option<MissedFusion> {
        let (before, _) = self.behind(node, &["DequantizeLinear"])?;
        let pattern = format!("DequantizeLinear + {}", node.op_type());
        let reason =
            "it runs on floats: the engine needs inputs, weights and output quantized, of types that its kernels take";
        self.make(&pattern, &[before, index], reason.to_owned())
    }

    fn after_conv(&self, index: usize, node: &NodeProto) -> Option<MissedFusion> {
        let (conv, writer) = self
            .before(node, 0)
            .filter(|(_, before)| matches!(before.op_type(), "Conv" | "FusedConv"))?;
        let operator = node.op_type();
        let reason = match operator {
            _ if self.readers(writer).len() > 1 => "the convolution's output is read by another node too".to_owned(),
            "QuickGelu" | "HardSwish" => {
                format!("no convolution of the engine applies {operator}; Relu and Clip it does")
            }
            "BatchNormalization" => "its scale or the weights are not constant".to_owned(),
            _ if writer
                .attribute
                .iter()
                .any(|attribute| attribute.name() == "activation") =>
            {
                "the convolution applies another activation already".to_owned()
            }
            _ => "its limits are not constant, or the kernel of this layout has no such activation".to_owned(),
        };
        self.make(&format!("Conv + {operator}"), &[conv, index], reason)
    }

    /// All kernels that compute shapes out of the shapes of what is fed.
    fn shapes(&self) -> Option<MissedFusion> {
        let mut of_shapes: BTreeSet<usize> = BTreeSet::new();
        for (index, node) in self.graph.node.iter().enumerate() {
            let is_shape = node.op_type() == "Shape";
            let writers = node.input.iter().filter_map(|input| self.producers.get(input.as_str()));
            let from_shapes = ARITHMETIC.contains(&node.op_type())
                && self.writes_shape(index)
                && writers.clone().any(|writer| of_shapes.contains(writer))
                && writers.clone().all(|writer| of_shapes.contains(writer));
            if is_shape || from_shapes {
                of_shapes.insert(index);
            }
        }
        let ran: Vec<usize> = of_shapes
            .into_iter()
            .filter(|node| self.kernels.contains_key(node))
            .collect();
        if ran.len() < 2 {
            return None;
        }
        let reason = "shapes are computed anew in every run; with fixed dimensions they are constants";
        self.make("shape arithmetic", &ran, reason.to_owned())
    }

    fn writes_shape(&self, node: usize) -> bool {
        let total = self.kernels.get(&node).and_then(|kernel| self.totals.get(*kernel));
        let written = total.and_then(|total| total.samples.first()?.outputs.first());
        written.is_some_and(|extent| {
            let integers = [DataType::Int64 as i32, DataType::Int32 as i32, DataType::Bool as i32];
            extent.data_type.is_some_and(|code| integers.contains(&code))
                && extent.elements().is_some_and(|count| count <= MAX_SHAPE)
        })
    }
}
