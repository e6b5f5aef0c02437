//! Takes the nodes of a model one by one: quantizes each, or says why it stays.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use super::Int8;
use super::stored::Key;
use super::stored::Stored;
use crate::model::onnx::proto::NodeProto;
use crate::variant::Account;
use crate::variant::VariantError;
use crate::variant::constants::Constants;
use crate::variant::constants::Found;
use crate::variant::edit;
use crate::variant::edit::MICROSOFT;
use crate::variant::edit::Names;

/// Why convolutions stay.
const CONV_STAYS: &str = "convolutions in dynamic 8 bits are slower than in floats; `int8-static` makes them faster, and \
                          `int8-conv` takes them all the same";

/// A tensor in 8 bits: the names of its integers, its scale and its zero point.
#[derive(Debug, Clone)]
pub(super) struct Activation {
    pub(super) integers: String,
    pub(super) scale: String,
    pub(super) zero_point: String,
}

/// The pass at work on one model.
pub(super) struct Quantizer<'a> {
    pub(super) settings: Int8,
    pub(super) names: Names,
    pub(super) account: &'a mut Account,
    /// How many nodes were quantized, by operator.
    pub(super) changed: BTreeMap<String, usize>,
    /// Operators of ONNX Runtime's own were put in.
    pub(super) microsoft: bool,
    /// What was quantized already, by graph and name.
    activations: HashMap<(usize, String), Activation>,
    /// What was stored already.
    pub(super) stored: HashMap<Key, Stored>,
    /// Constants that `Gather` reads, by defining graph and name, and those that are factors of products.
    tables: HashSet<(usize, String)>,
    factors: HashSet<(usize, String)>,
    /// Transposed views of stored tables, by graph and name.
    pub(super) views: HashMap<(usize, String), String>,
}

/// What stands at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Product,
    Attention,
    Lstm,
    OtherRecurrent,
    Table,
    Conv,
    OtherConv,
}

fn kind(node: &NodeProto) -> Option<Kind> {
    match (node.domain(), node.op_type()) {
        ("" | "ai.onnx", "MatMul" | "Gemm") => Some(Kind::Product),
        ("" | "ai.onnx", "LSTM") => Some(Kind::Lstm),
        ("" | "ai.onnx", "GRU" | "RNN") => Some(Kind::OtherRecurrent),
        ("" | "ai.onnx", "Gather") => Some(Kind::Table),
        ("" | "ai.onnx", "Conv") => Some(Kind::Conv),
        ("" | "ai.onnx", "ConvTranspose") => Some(Kind::OtherConv),
        (MICROSOFT, "Attention") => Some(Kind::Attention),
        _ => None,
    }
}

/// True for operators that the pass quantizes.
pub(super) fn is_candidate(node: &NodeProto, conv: bool) -> bool {
    match kind(node) {
        Some(Kind::Product | Kind::Attention | Kind::Lstm) => true,
        Some(Kind::Conv) => conv,
        _ => false,
    }
}

impl<'a> Quantizer<'a> {
    pub(super) fn new(settings: Int8, names: Names, account: &'a mut Account) -> Self {
        Self {
            settings,
            names,
            account,
            changed: BTreeMap::new(),
            microsoft: false,
            activations: HashMap::new(),
            stored: HashMap::new(),
            tables: HashSet::new(),
            factors: HashSet::new(),
            views: HashMap::new(),
        }
    }

    /// Looks at a node before anything is changed: a table that is a factor too is stored once, for both.
    pub(super) fn survey(&mut self, node: &NodeProto, constants: &Constants) {
        let (place, uses) = match kind(node) {
            Some(Kind::Product) => (1, &mut self.factors),
            Some(Kind::Table) => (0, &mut self.tables),
            _ => return,
        };
        if let Some(found) = node.input.get(place).and_then(|name| constants.find(name).ok()) {
            uses.insert((found.scope, found.name));
        }
    }

    /// True for a matrix that is both looked up and multiplied by.
    pub(super) fn is_tied(&self, found: &Found) -> bool {
        let key = (found.scope, found.name.clone());
        self.tables.contains(&key) && self.factors.contains(&key)
    }

    /// Appends what takes the node's place.
    pub(super) fn node(
        &mut self,
        node: NodeProto,
        constants: &mut Constants,
        nodes: &mut Vec<NodeProto>,
    ) -> Result<(), VariantError> {
        let result = match kind(&node) {
            Some(Kind::Product) => self.product(&node, constants, nodes)?,
            Some(Kind::Attention) => self.attention(&node, constants, nodes)?,
            Some(Kind::Lstm) => self.lstm(&node, constants, nodes)?,
            Some(Kind::Table) => self.table(&node, constants, nodes)?,
            Some(Kind::Conv) if self.settings.conv => self.conv(&node, constants, nodes)?,
            Some(Kind::Conv) => Err(CONV_STAYS.to_owned()),
            Some(Kind::OtherRecurrent) => Err(format!("engines have no quantized {}", node.op_type())),
            Some(Kind::OtherConv) => Err("engines have no ConvTranspose in integers".to_owned()),
            None => {
                nodes.push(node);
                return Ok(());
            }
        };
        match result {
            Ok(()) => *self.changed.entry(node.op_type().to_owned()).or_default() += 1,
            Err(reason) => {
                if !reason.is_empty() {
                    self.account.leave(&node, reason);
                }
                nodes.push(node);
            }
        }
        Ok(())
    }

    /// The tensor `name` in 8 bits, quantized once in each graph that needs it, in front of the first node that does.
    pub(super) fn activation(&mut self, name: &str, constants: &Constants, nodes: &mut Vec<NodeProto>) -> Activation {
        let key = (constants.here(), name.to_owned());
        if let Some(known) = self.activations.get(&key) {
            return known.clone();
        }
        let made = Activation {
            integers: self.names.fresh(&format!("{name}_quantized")),
            scale: self.names.fresh(&format!("{name}_scale")),
            zero_point: self.names.fresh(&format!("{name}_zero_point")),
        };
        let outputs = [&*made.integers, &*made.scale, &*made.zero_point];
        nodes.push(edit::node("DynamicQuantizeLinear", &[name], &outputs));
        self.activations.insert(key, made.clone());
        made
    }
}
