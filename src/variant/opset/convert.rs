//! The conversion of single nodes, by operator.

use super::Facts;
use super::Place;
use super::Raiser;
use crate::model::onnx::proto::AttributeProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::attribute_proto::AttributeType;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::variant::VariantError;
use crate::variant::edit;

/// Operators of early, experimental standing that ONNX took back, and engines with it.
const WITHDRAWN: &[&str] = &[
    "ATen",
    "Affine",
    "Crop",
    "DynamicSlice",
    "GRUUnit",
    "GivenTensorFill",
    "ImageScaler",
    "ParametricSoftplus",
    "Scale",
    "ScaledTanh",
];

impl Raiser {
    /// Converts `node`; what takes its place goes into `place`.
    pub(super) fn convert(
        &mut self,
        mut node: NodeProto,
        facts: &Facts<'_>,
        place: &mut Place,
    ) -> Result<(), VariantError> {
        let operator = node.op_type().to_owned();
        match operator.as_str() {
            "Squeeze" | "Unsqueeze" | "ReduceSum" if self.crosses(13) => self.list(&mut node, "axes", 1, place),
            "ReduceL1" | "ReduceL2" | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceMax" | "ReduceMean" | "ReduceMin"
            | "ReduceProd" | "ReduceSumSquare"
                if self.crosses(18) =>
            {
                self.list(&mut node, "axes", 1, place);
            }
            "Split" => self.split(&mut node, place),
            "Softmax" | "LogSoftmax" | "Hardmax" if self.crosses(13) => return self.softmax(node, facts, place),
            "Dropout" => self.dropout(&mut node, facts, place)?,
            "Clip" if self.crosses(11) => {
                for (index, name) in ["min", "max"].into_iter().enumerate() {
                    self.number(&mut node, name, index + 1, facts, place)?;
                }
            }
            "Pad" if self.crosses(11) => {
                self.list(&mut node, "pads", 1, place);
                // Zero is what a missing value stands for.
                match edit::attribute(&node, "value").map(AttributeProto::f) {
                    Some(value) if value != 0.0 => self.number(&mut node, "value", 2, facts, place)?,
                    _ => drop(take(&mut node, "value")),
                }
            }
            "Slice" if self.crosses(10) => {
                for (index, name) in ["starts", "ends", "axes"].into_iter().enumerate() {
                    self.list(&mut node, name, index + 1, place);
                }
            }
            "TopK" if self.crosses(10) => {
                let count = take(&mut node, "k").map_or(0, |attribute| attribute.i());
                let constant = edit::list(&self.names.fresh(&beside(&node, "k")), &[count]);
                put(&mut node, 1, constant, place);
            }
            "Upsample" if self.crosses(10) => self.upsample(&mut node, place)?,
            "Resize" => self.resize(&mut node, facts)?,
            "BatchNormalization" => self.batch_normalization(&mut node)?,
            "Scatter" if self.crosses(11) => node.op_type = Some("ScatterElements".to_owned()),
            "Scan" if self.crosses(9) => {
                return Err(self.refuse(
                    &node,
                    "it scans a batch of sequences of different lengths, which later versions cannot",
                ));
            }
            "MeanVarianceNormalization" if self.crosses(9) && !node.attribute.is_empty() => {
                return Err(self.refuse(&node, "its experimental form was withdrawn"));
            }
            "RoiAlign" if self.crosses(16) => {
                node.attribute
                    .push(text("coordinate_transformation_mode", "output_half_pixel"));
            }
            "GridSample" if self.crosses(20) => grid_sample(&mut node),
            "DFT" if self.crosses(20) => {
                let axis = take(&mut node, "axis").map_or(1, |attribute| attribute.i());
                let name = self.names.fresh(&beside(&node, "axis"));
                let constant = edit::tensor(&name, &[], DataType::Int64, axis.to_le_bytes().to_vec());
                put(&mut node, 2, constant, place);
            }
            "GroupNormalization" if self.crosses(21) => {
                return Err(self.refuse(
                    &node,
                    "its scales are given for groups, and later versions want them for channels",
                ));
            }
            "AveragePool" if self.crosses(19) && is_set(&node, "ceil_mode") && is_set(&node, "count_include_pad") => {
                return Err(self.refuse(&node, "later versions count the padding of the last windows otherwise"));
            }
            withdrawn if self.crosses(10) && WITHDRAWN.contains(&withdrawn) => {
                return Err(self.refuse(&node, "the operator was withdrawn"));
            }
            _ => {}
        }
        place.nodes.push(node);
        Ok(())
    }

    /// Turns an attribute that is a list into an input; an empty one is like none.
    fn list(&mut self, node: &mut NodeProto, name: &str, input: usize, place: &mut Place) {
        let Some(attribute) = take(node, name) else { return };
        // Pads must be given, even for a tensor without dimensions.
        if !attribute.ints.is_empty() || name != "axes" {
            let constant = edit::list(&self.names.fresh(&beside(node, name)), &attribute.ints);
            put(node, input, constant, place);
        }
    }

    /// Turns an attribute that is a float into an input of the type of the first.
    fn number(
        &mut self,
        node: &mut NodeProto,
        name: &str,
        input: usize,
        facts: &Facts<'_>,
        place: &mut Place,
    ) -> Result<(), VariantError> {
        let Some(attribute) = take(node, name) else {
            return Ok(());
        };
        let data_type = node.input.first().and_then(|data| facts.data_type(data));
        let name = beside(node, name);
        let constant = data_type.and_then(|data_type| scalar(data_type, attribute.f()));
        let Some(mut constant) = constant else {
            return Err(self.refuse(node, "the element type of its input cannot be told"));
        };
        constant.name = Some(self.names.fresh(&name));
        put(node, input, constant, place);
        Ok(())
    }

    fn split(&mut self, node: &mut NodeProto, place: &mut Place) {
        if self.crosses(13) && edit::attribute(node, "split").is_some_and(|attribute| attribute.ints.is_empty()) {
            take(node, "split");
        }
        if self.crosses(13) {
            self.list(node, "split", 1, place);
        }
        if self.crosses(18) && node.input.get(1).is_none_or(String::is_empty) {
            let count = i64::try_from(node.output.len()).unwrap_or(i64::MAX);
            node.attribute.push(edit::int_attribute("num_outputs", count));
        }
    }

    /// Before 13, every axis from `axis` on was taken together; since then only `axis` counts.
    fn softmax(&mut self, mut node: NodeProto, facts: &Facts<'_>, place: &mut Place) -> Result<(), VariantError> {
        let axis = take(&mut node, "axis").map_or(1, |attribute| attribute.i());
        let (Some(data), Some(result)) = (node.input.first().cloned(), node.output.first().cloned()) else {
            return Err(self.refuse(&node, "it lacks its input or its output"));
        };
        let dims = facts.dims(&data);
        let first = dims.and_then(|dims| {
            let rank = i64::try_from(dims.len()).ok()?;
            usize::try_from(if axis < 0 { axis.checked_add(rank)? } else { axis }).ok()
        });
        let rest = dims
            .zip(first)
            .and_then(|(dims, first)| dims.get(first.checked_add(1)?..));
        if rest.is_some_and(|rest| rest.iter().all(|dim| *dim == Some(1))) {
            node.attribute.push(edit::int_attribute("axis", axis));
            place.nodes.push(node);
            return Ok(());
        }
        let [shape, flat, soft] = ["shape", "flat", "soft"].map(|part| self.names.fresh(&beside(&node, part)));
        let mut flatten = edit::node("Flatten", &[&data], &[&flat]);
        flatten.attribute.push(edit::int_attribute("axis", axis));
        node.attribute.push(edit::int_attribute("axis", -1));
        node.input = vec![flat];
        node.output = vec![soft.clone()];
        place.nodes.push(edit::node("Shape", &[&data], &[&shape]));
        place.nodes.push(flatten);
        place.nodes.push(node);
        place.nodes.push(edit::node("Reshape", &[&soft, &shape], &[&result]));
        Ok(())
    }

    fn dropout(&mut self, node: &mut NodeProto, facts: &Facts<'_>, place: &mut Place) -> Result<(), VariantError> {
        if !self.crosses(12) {
            return Ok(());
        }
        // All false outside of training, and of the data's type at first; all true since then.
        if node.output.get(1).is_some_and(|mask| !mask.is_empty()) {
            if node.output.get(1).is_some_and(|mask| self.read.contains(mask)) {
                return Err(self.refuse(node, "its mask is read, which later versions give otherwise"));
            }
            node.output.truncate(1);
        }
        let Some(ratio) = take(node, "ratio") else {
            return Ok(());
        };
        // It has no effect outside of training; where its type is in doubt, the default does as well.
        let data_type = node.input.first().and_then(|data| facts.data_type(data));
        if let Some(mut constant) = data_type.and_then(|data_type| scalar(data_type, ratio.f())) {
            constant.name = Some(self.names.fresh(&beside(node, "ratio")));
            put(node, 1, constant, place);
        }
        Ok(())
    }

    /// `Upsample` is `Resize` whose factors are 1 or greater.
    fn upsample(&mut self, node: &mut NodeProto, place: &mut Place) -> Result<(), VariantError> {
        if let Some(scales) = take(node, "scales") {
            let dims = [i64::try_from(scales.floats.len()).unwrap_or(0)];
            let constant = edit::floats(&self.names.fresh(&beside(node, "scales")), &dims, &scales.floats);
            put(node, 1, constant, place);
        }
        let [data, scales] = node.input.as_slice() else {
            return Err(self.refuse(node, "it lacks its factors"));
        };
        node.input = vec![data.clone(), String::new(), scales.clone()];
        node.op_type = Some("Resize".to_owned());
        node.attribute
            .push(text("coordinate_transformation_mode", "asymmetric"));
        node.attribute.push(text("nearest_mode", "floor"));
        Ok(())
    }

    fn resize(&self, node: &mut NodeProto, facts: &Facts<'_>) -> Result<(), VariantError> {
        if self.crosses(11) {
            let [data, scales] = node.input.as_slice() else {
                return Err(self.refuse(node, "it lacks its factors"));
            };
            // ONNX Runtime takes the next element up where the first version shrinks, and the one below where it grows
            // (`core/providers/cpu/tensor/upsamplebase.h`).
            let known = facts.floats(scales).unwrap_or_default();
            let nearest = match (
                known.iter().any(|scale| *scale < 1.0),
                known.iter().any(|scale| *scale > 1.0),
            ) {
                (false, _) => "floor",
                (true, false) => "ceil",
                (true, true) if is_nearest(node) => {
                    return Err(self.refuse(
                        node,
                        "it shrinks one axis and widens another, which were rounded differently",
                    ));
                }
                (true, true) => "floor",
            };
            node.input = vec![data.clone(), String::new(), scales.clone()];
            node.attribute
                .push(text("coordinate_transformation_mode", "asymmetric"));
            node.attribute.push(text("nearest_mode", nearest));
        } else if self.crosses(13) && mode(node, "coordinate_transformation_mode") == b"tf_half_pixel_for_nn" {
            // Half a pixel less, and half a pixel more by the rounding.
            if !is_nearest(node) || mode(node, "nearest_mode") != b"floor" {
                return Err(self.refuse(node, "its way of finding coordinates was withdrawn"));
            }
            take(node, "coordinate_transformation_mode");
            take(node, "nearest_mode");
            node.attribute
                .push(text("coordinate_transformation_mode", "half_pixel"));
            node.attribute.push(text("nearest_mode", "round_prefer_ceil"));
        }
        Ok(())
    }

    fn batch_normalization(&self, node: &mut NodeProto) -> Result<(), VariantError> {
        if self.crosses(9) && take(node, "spatial").is_some_and(|spatial| spatial.i() == 0) {
            return Err(self.refuse(
                node,
                "it normalizes each place on its own (`spatial` 0), which later versions cannot",
            ));
        }
        if self.crosses(14) {
            let further = node.output.iter().skip(1);
            if further
                .filter(|name| !name.is_empty())
                .any(|name| self.read.contains(name))
            {
                return Err(self.refuse(
                    node,
                    "its outputs for training are read, which later versions give otherwise",
                ));
            }
            node.output.truncate(1);
        }
        Ok(())
    }
}

/// The names of the interpolations were made the same as those of `Resize`.
fn grid_sample(node: &mut NodeProto) {
    let new = match mode(node, "mode") {
        b"bilinear" => "linear",
        b"bicubic" => "cubic",
        _ => return,
    };
    take(node, "mode");
    node.attribute.push(text("mode", new));
}

/// Takes an attribute out of a node.
fn take(node: &mut NodeProto, name: &str) -> Option<AttributeProto> {
    let index = node.attribute.iter().position(|attribute| attribute.name() == name)?;
    Some(node.attribute.remove(index))
}

/// Gives a node a constant for its input of that index.
fn put(node: &mut NodeProto, index: usize, constant: TensorProto, place: &mut Place) {
    while node.input.len() <= index {
        node.input.push(String::new());
    }
    if let Some(input) = node.input.get_mut(index) {
        *input = constant.name().to_owned();
    }
    place.constants.push(constant);
}

/// A name for what belongs to a node.
fn beside(node: &NodeProto, part: &str) -> String {
    let owner = node.output.iter().find(|name| !name.is_empty());
    format!("{}/{part}", owner.map_or(node.name(), String::as_str))
}

fn is_set(node: &NodeProto, name: &str) -> bool {
    edit::attribute(node, name).is_some_and(|attribute| attribute.i() != 0)
}

fn mode<'n>(node: &'n NodeProto, name: &str) -> &'n [u8] {
    edit::attribute(node, name)
        .and_then(|attribute| attribute.s.as_deref())
        .unwrap_or_default()
}

fn is_nearest(node: &NodeProto) -> bool {
    matches!(mode(node, "mode"), b"" | b"nearest")
}

fn text(name: &str, value: &'static str) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::String as i32),
        s: Some(bytes::Bytes::from_static(value.as_bytes())),
        ..AttributeProto::default()
    }
}

/// A nameless scalar of a floating-point type; `None` for other types.
fn scalar(data_type: DataType, value: f32) -> Option<TensorProto> {
    let bytes = match data_type {
        DataType::Float => value.to_le_bytes().to_vec(),
        DataType::Double => f64::from(value).to_le_bytes().to_vec(),
        DataType::Float16 => half::f16::from_f32(value).to_le_bytes().to_vec(),
        DataType::Bfloat16 => half::bf16::from_f32(value).to_le_bytes().to_vec(),
        _ => return None,
    };
    Some(edit::tensor("", &[], data_type, bytes))
}
