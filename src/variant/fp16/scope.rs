//! The tensors of one graph or function while it is rewritten, each at the widths at which it can be read.

use std::collections::BTreeMap;
use std::collections::HashMap;

use super::kinds::Kind;
use super::plan::Plan;
use super::plan::Width;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::proto::TypeProto;
use crate::model::onnx::proto::ValueInfoProto;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::proto::type_proto::Value as TypeValue;

/// The tensors of one graph or function.
#[derive(Default)]
pub(super) struct Scope {
    /// `None` for tensors that hold no 32-bit floats.
    pub(super) values: HashMap<String, Option<Versions>>,
    /// Casts to insert: in front (0) or behind node n (n + 1).
    pub(super) casts: BTreeMap<usize, Vec<NodeProto>>,
}

/// One tensor at its widths.
#[derive(Clone, Default)]
pub(super) struct Versions {
    pub(super) full: Option<String>,
    pub(super) half: Option<String>,
    pub(super) home: usize,
}

impl Versions {
    pub(super) fn at(&mut self, width: Width) -> &mut Option<String> {
        match width {
            Width::Full => &mut self.full,
            Width::Half => &mut self.half,
        }
    }
}

impl Scope {
    /// Notes that `name` can be read as `as_name` at `width`.
    pub(super) fn define(&mut self, plan: &Plan, name: &str, as_name: &str, width: Width, home: usize) {
        let versions = (plan.kinds.get(name) == Some(&Kind::Float)).then(|| {
            let mut versions = Versions {
                home,
                ..Versions::default()
            };
            *versions.at(width) = Some(as_name.to_owned());
            versions
        });
        self.values.insert(name.to_owned(), versions);
    }

    /// Notes another width of a tensor that is defined already.
    pub(super) fn also(&mut self, name: &str, width: Width, as_name: &str) {
        if let Some(Some(versions)) = self.values.get_mut(name) {
            *versions.at(width) = Some(as_name.to_owned());
        }
    }

    /// Corrects declared types; what is declared of tensors that are no longer there is dropped.
    pub(super) fn declare(&self, declared: &mut Vec<ValueInfoProto>) {
        declared.retain_mut(|info| match self.values.get(info.name()) {
            Some(Some(versions)) if versions.half.as_deref() == Some(info.name()) => {
                narrow_type(&mut info.r#type);
                true
            }
            Some(_) => true,
            None => Kind::of_type(info.r#type.as_ref()) != Kind::Float,
        });
    }

    /// The nodes with the casts between them.
    pub(super) fn assemble(mut self, nodes: Vec<NodeProto>) -> Vec<NodeProto> {
        let mut assembled = self.casts.remove(&0).unwrap_or_default();
        for (index, node) in nodes.into_iter().enumerate() {
            assembled.push(node);
            assembled.extend(self.casts.remove(&(index + 1)).unwrap_or_default());
        }
        assembled
    }
}

/// Declares 16-bit floats where 32-bit ones were declared.
pub(super) fn narrow_type(declared: &mut Option<TypeProto>) {
    if let Some(TypeValue::TensorType(tensor)) = declared.as_mut().and_then(|declared| declared.value.as_mut())
        && tensor.elem_type() == DataType::Float as i32
    {
        tensor.elem_type = Some(DataType::Float16 as i32);
    }
}
