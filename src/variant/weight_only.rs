//! `int4[-<block>]` and `int8-weights[-<block>]`: weights of products in 4 or 8 bits, one scale for each block of neighbours along
//! the sum; activations stay in floats between nodes. For models that wait for memory rather than for arithmetic: large ones, one row at
//! a time.
//!
//! - `MatMul` and `Gemm` by a constant matrix become `com.microsoft.MatMulNBits`; what else a `Gemm` does is folded into the weights or
//!   follows in floats. Within a product the operator may quantize activations to 8 bits (`accuracy_level` 4), without which it is about
//!   as slow as floats.
//! - Tables that `Gather` reads become `com.microsoft.GatherBlockQuantized`, in 8 bits either way: rows are looked up, not summed, so
//!   errors do not average out, and their size is that of half a byte saved once. A product by such a table, transposed, shares it.
//!
//! Scales and integers equal those of `onnxruntime.quantization.matmul_nbits_quantizer` 1.31.1, symmetric;
//! `tests/reference/weight_only_check.py` compares.

mod blocks;

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

use self::blocks::Bits;
use self::blocks::Blocks;
use super::Account;
use super::Evidence;
use super::Pass;
use super::Transform;
use super::VariantError;
use super::constants;
use super::constants::Constants;
use super::constants::Found;
use super::constants::weight;
use super::edit;
use super::edit::MICROSOFT;
use super::edit::Names;
use super::gemm::Gemm;
use super::quantize::already_quantized;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::shown::shown;
use crate::model::onnx::shown::shown_node;

/// Numbers that share a scale where nothing else is asked for.
const DEFAULT_BLOCK: usize = 32;

/// The sizes of blocks that ONNX Runtime's kernels are made for.
const BLOCKS: [usize; 5] = [16, 32, 64, 128, 256];

/// Products by these weights may compute in 8-bit integers.
const ACCURACY_LEVEL: i64 = 4;

/// Weights in 4 bits.
pub(super) const INT4: Transform = Transform {
    name: "int4",
    usage: "int4[-<block>]",
    about: "weights of products in 4 bits, by blocks",
    parse: |settings| Ok(Arc::new(WeightOnly::parse(Bits::Four, settings)?)),
};

/// Weights in 8 bits.
pub(super) const INT8_WEIGHTS: Transform = Transform {
    name: "int8-weights",
    usage: "int8-weights[-<block>]",
    about: "weights of products in 8 bits, by blocks, activations in floats",
    parse: |settings| Ok(Arc::new(WeightOnly::parse(Bits::Eight, settings)?)),
};

/// The settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WeightOnly {
    bits: Bits,
    block: usize,
}

impl WeightOnly {
    fn parse(bits: Bits, settings: &str) -> Result<Self, String> {
        let block = match settings {
            "" => DEFAULT_BLOCK,
            text => text
                .parse()
                .ok()
                .filter(|block| BLOCKS.contains(block))
                .ok_or_else(|| format!("a block has 16, 32, 64, 128 or 256 numbers, not {}", shown(text)))?,
        };
        Ok(Self { bits, block })
    }
}

impl Pass for WeightOnly {
    fn name(&self) -> String {
        let name = match self.bits {
            Bits::Four => INT4.name,
            Bits::Eight => INT8_WEIGHTS.name,
        };
        match self.block {
            DEFAULT_BLOCK => name.to_owned(),
            block => format!("{name}-{block}"),
        }
    }

    fn apply(&self, model: &mut ModelProto, _: &Evidence, account: &mut Account) -> Result<(), VariantError> {
        if let Some(node) = already_quantized(model) {
            return Err(VariantError::AlreadyQuantized {
                step: self.name(),
                node: shown_node(node),
            });
        }
        constants::unlist(model);
        let mut quantizer = Quantizer {
            settings: *self,
            names: Names::of(model),
            account,
            stored: HashMap::new(),
            tables: HashSet::new(),
        };
        let Some(graph) = &mut model.graph else {
            return Ok(());
        };
        constants::rewrite(graph, &mut Constants::default(), &mut |node, constants, nodes| {
            quantizer.survey(&node, constants);
            nodes.push(node);
            Ok(())
        })?;
        constants::rewrite(graph, &mut Constants::default(), &mut |node, constants, nodes| {
            quantizer.node(node, constants, nodes)
        })?;
        if account.changed > 0 {
            edit::import(model, MICROSOFT, 1);
        }
        for function in &model.functions {
            for node in function.node.iter().filter(|node| kind(node) == Some(Kind::Product)) {
                let reason = format!(
                    "it stands in function {}, which is left as it is",
                    shown(function.name())
                );
                account.leave(node, reason);
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Product,
    Table,
    Other,
}

fn kind(node: &NodeProto) -> Option<Kind> {
    match (node.domain(), node.op_type()) {
        ("" | "ai.onnx", "MatMul" | "Gemm") => Some(Kind::Product),
        ("" | "ai.onnx", "Gather") => Some(Kind::Table),
        ("" | "ai.onnx", "Conv" | "ConvTranspose" | "LSTM" | "GRU" | "RNN") | (MICROSOFT, "Attention") => {
            Some(Kind::Other)
        }
        _ => None,
    }
}

/// The pass at work on one model.
struct Quantizer<'a> {
    settings: WeightOnly,
    names: Names,
    account: &'a mut Account,
    /// Names of what was stored, by what it was made of and how.
    stored: HashMap<(usize, String, Way), Stored>,
    /// Constants that `Gather` reads as tables that can be quantized.
    tables: HashSet<(usize, String)>,
}

/// How a weight is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Way {
    /// `[outputs, blocks, bytes of a block]`: transposed first or not; every element times the float of these bits.
    Factor(bool, u32),
    /// `[rows, bytes of a row]`.
    Table,
}

#[derive(Debug, Clone)]
struct Stored {
    integers: String,
    scales: String,
    /// Length of the sum, and number of outputs.
    inner: usize,
    outer: usize,
    block: usize,
}

impl Quantizer<'_> {
    /// Looks at a node before anything is changed.
    fn survey(&mut self, node: &NodeProto, constants: &Constants) {
        if kind(node) == Some(Kind::Table)
            && let Ok(found) = self.table_of(node, constants)
        {
            self.tables.insert((found.scope, found.name));
        }
    }

    fn node(
        &mut self,
        node: NodeProto,
        constants: &mut Constants,
        nodes: &mut Vec<NodeProto>,
    ) -> Result<(), VariantError> {
        let result = match kind(&node) {
            Some(Kind::Product) => self.product(&node, constants, nodes)?,
            Some(Kind::Table) => self.table(&node, constants, nodes)?,
            Some(Kind::Other) => Err("engines read weights by blocks in products and tables only".to_owned()),
            None => {
                nodes.push(node);
                return Ok(());
            }
        };
        match result {
            Ok(()) => self.account.changed += 1,
            Err(reason) => {
                if !reason.is_empty() {
                    self.account.leave(&node, reason);
                }
                nodes.push(node);
            }
        }
        Ok(())
    }

    fn product(
        &mut self,
        node: &NodeProto,
        constants: &mut Constants,
        nodes: &mut Vec<NodeProto>,
    ) -> Result<Result<(), String>, VariantError> {
        let found = match weight(node, 1, constants) {
            Ok(found) => found,
            Err(reason) => return Ok(Err(reason)),
        };
        if constants.shape(&found).is_none_or(|shape| shape.len() != 2) {
            return Ok(Err("its weights are no matrix".to_owned()));
        }
        let gemm = (node.op_type() == "Gemm").then(|| Gemm::of(node));
        let (flip, alpha) = gemm.map_or((false, 1.0), |gemm| (gemm.transpose_b, gemm.alpha));
        // Kernels want outputs first, products have them last.
        let flip = flip == found.transposed;
        let tied = self.tables.contains(&(found.scope, found.name.clone()));
        let way = if tied && !flip && alpha == 1.0 {
            Way::Table
        } else {
            Way::Factor(flip, alpha.to_bits())
        };
        let stored = match self.store(&found, way, constants)? {
            Ok(stored) => stored,
            Err(reason) => return Ok(Err(reason)),
        };
        constants.retire(&found);
        let (mut left, mut product, mut behind) = (
            node.input.first().cloned().unwrap_or_default(),
            node.output.first().cloned().unwrap_or_default(),
            Vec::new(),
        );
        if let Some(gemm) = gemm {
            let around = gemm.around(node, &mut self.names, constants, nodes)?;
            (left, product, behind) = (around.left, around.product, around.behind);
        }
        let mut integers = stored.integers.clone();
        if way == Way::Table {
            integers = self.in_blocks(&stored, constants, nodes);
        }
        let bits = if way == Way::Table {
            Bits::Eight
        } else {
            self.settings.bits
        };
        nodes.push(NodeProto {
            op_type: Some("MatMulNBits".to_owned()),
            domain: Some(MICROSOFT.to_owned()),
            input: vec![left, integers, stored.scales],
            output: vec![product],
            attribute: vec![
                edit::int_attribute("K", stored.inner as i64),
                edit::int_attribute("N", stored.outer as i64),
                edit::int_attribute("accuracy_level", ACCURACY_LEVEL),
                edit::int_attribute("bits", bits.count() as i64),
                edit::int_attribute("block_size", stored.block as i64),
            ],
            ..node.clone()
        });
        nodes.extend(behind);
        Ok(Ok(()))
    }

    /// A table as products read it: the same bytes under another shape, which engines work out once.
    fn in_blocks(&mut self, stored: &Stored, constants: &mut Constants, nodes: &mut Vec<NodeProto>) -> String {
        let view = self.names.fresh(&format!("{}_blocks", stored.integers));
        let shape = self.names.fresh(&format!("{view}_shape"));
        let block = self.settings.block as i64;
        let dims = [stored.outer as i64, (stored.inner as i64) / block, block];
        constants.add_here(edit::list(&shape, &dims));
        nodes.push(edit::node("Reshape", &[&stored.integers, &shape], &[&view]));
        view
    }

    /// The table that a `Gather` reads row by row. A reason without words: what it reads is no table of floats.
    fn table_of(&self, node: &NodeProto, constants: &Constants) -> Result<Found, String> {
        let data = node.input.first().map_or("", String::as_str);
        let found = constants.find(data).map_err(|_| String::new())?;
        constants.check_floats(&found).map_err(|_| String::new())?;
        let found = weight(node, 0, constants)?;
        let shape = constants.shape(&found).unwrap_or_default();
        let axis = edit::attribute(node, "axis").map_or(0, |axis| axis.i());
        match shape[..] {
            [_, width] if (axis == 0 || axis == -2) && !found.transposed => {
                if width % self.settings.block == 0 {
                    Ok(found)
                } else {
                    Err(format!(
                        "its rows of {width} are no whole blocks of {}",
                        self.settings.block
                    ))
                }
            }
            _ => Err("it does not read rows of a matrix".to_owned()),
        }
    }

    fn table(
        &mut self,
        node: &NodeProto,
        constants: &mut Constants,
        nodes: &mut Vec<NodeProto>,
    ) -> Result<Result<(), String>, VariantError> {
        let found = match self.table_of(node, constants) {
            Ok(found) => found,
            Err(reason) => return Ok(Err(reason)),
        };
        let stored = match self.store(&found, Way::Table, constants)? {
            Ok(stored) => stored,
            Err(reason) => return Ok(Err(reason)),
        };
        constants.retire(&found);
        nodes.push(NodeProto {
            op_type: Some("GatherBlockQuantized".to_owned()),
            domain: Some(MICROSOFT.to_owned()),
            input: vec![
                stored.integers,
                node.input.get(1).cloned().unwrap_or_default(),
                stored.scales,
            ],
            attribute: vec![
                edit::int_attribute("bits", Bits::Eight.count() as i64),
                edit::int_attribute("block_size", self.settings.block as i64),
                edit::int_attribute("gather_axis", 0),
                edit::int_attribute("quantize_axis", 1),
            ],
            ..node.clone()
        });
        Ok(Ok(()))
    }

    /// Stores a weight in some way, once; `Err` in the inner result is a reason to leave it.
    fn store(
        &mut self,
        found: &Found,
        way: Way,
        constants: &mut Constants,
    ) -> Result<Result<Stored, String>, VariantError> {
        let key = (found.scope, found.name.clone(), way);
        if let Some(stored) = self.stored.get(&key) {
            return Ok(Ok(stored.clone()));
        }
        let mut floats = constants.floats(found)?;
        if !floats.finite() {
            return Ok(Err("its weights hold infinities or NaN".to_owned()));
        }
        let mut bits = self.settings.bits;
        match way {
            Way::Factor(flip, times) => {
                if flip {
                    floats = floats.transposed();
                }
                let times = f32::from_bits(times);
                if times != 1.0 {
                    floats.values.iter_mut().for_each(|value| *value *= times);
                }
            }
            Way::Table => bits = Bits::Eight,
        }
        let [outer, inner] = floats.shape[..] else {
            return Ok(Err("its weights are no matrix".to_owned()));
        };
        // A sum shorter than a block would be filled up with zeros.
        let block = self.settings.block.min(inner.next_power_of_two()).max(BLOCKS[0]);
        let blocks = Blocks::of(&floats.values, inner, bits, block);
        let count = inner.div_ceil(block);
        let width = block * bits.count() / 8;
        let dims = match way {
            Way::Factor(..) => vec![outer as i64, count as i64, width as i64],
            Way::Table => vec![outer as i64, (count * width) as i64],
        };
        let stored = Stored {
            integers: self.names.fresh(&format!("{}_quantized", found.name)),
            scales: self.names.fresh(&format!("{}_scales", found.name)),
            inner,
            outer,
            block,
        };
        let integers = edit::tensor(&stored.integers, &dims, DataType::Uint8, blocks.bytes);
        constants.add(found, integers);
        let scales = edit::floats(&stored.scales, &[outer as i64, count as i64], &blocks.scales);
        constants.add(found, scales);
        self.stored.insert(key, stored.clone());
        Ok(Ok(stored))
    }
}

#[cfg(test)]
mod tests {
    use crate::variant::Recipe;

    #[test]
    fn settings_have_one_spelling() {
        for (text, name) in [
            ("int4", "int4"),
            ("int4-32", "int4"),
            ("int4-128", "int4-128"),
            ("int8-weights", "int8-weights"),
            ("int8-weights-64", "int8-weights-64"),
        ] {
            assert_eq!(Recipe::parse(text).unwrap().name(), name);
        }
        for text in ["int4-48", "int4-32-32", "int8-weights-x"] {
            let error = Recipe::parse(text).unwrap_err().to_string();
            assert!(error.contains("a block has 16, 32, 64, 128 or 256 numbers"), "{error}");
        }
    }
}
