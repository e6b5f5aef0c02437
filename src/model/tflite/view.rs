//! The tables, read by meaning: operators by name, constants, shapes, signatures.

use bytes::Bytes;

use crate::model::tensor::Dim;
use crate::model::tensor::ElementType;
use crate::model::tensor::TensorSpec;
use crate::model::tflite::schema::BuiltinOperator;
use crate::model::tflite::schema::Model;
use crate::model::tflite::schema::Operator;
use crate::model::tflite::schema::OperatorCode;
use crate::model::tflite::schema::SignatureDef;
use crate::model::tflite::schema::SubGraph;
use crate::model::tflite::schema::Tensor;
use crate::model::tflite::schema::TensorType;

/// A graph without anything, for a model that has none.
static NOTHING: SubGraph = SubGraph {
    tensors: None,
    inputs: None,
    outputs: None,
    operators: None,
    name: None,
    debug_metadata_index: -1,
};

impl OperatorCode {
    /// The operator. Old files have it in a field of one byte, newer ones in both where it fits.
    pub fn builtin(&self) -> BuiltinOperator {
        BuiltinOperator(self.builtin_code.0.max(i32::from(self.deprecated_builtin_code)))
    }

    /// Its name; that of an operator that the format does not define follows `CUSTOM.`
    pub fn shown(&self) -> String {
        match self.builtin() {
            BuiltinOperator::CUSTOM => format!("CUSTOM.{}", self.custom_code()),
            known => known.to_string(),
        }
    }
}

impl Model {
    /// The graph that is run; its first.
    pub fn main(&self) -> &SubGraph {
        self.subgraphs().first().unwrap_or(&NOTHING)
    }

    /// What an operator does; [`BuiltinOperator::CUSTOM`] too where its index leads nowhere.
    pub fn operator(&self, operator: &Operator) -> BuiltinOperator {
        self.code(operator)
            .map_or(BuiltinOperator::CUSTOM, OperatorCode::builtin)
    }

    /// The name of an operator.
    pub fn operator_name(&self, operator: &Operator) -> String {
        self.code(operator).map(OperatorCode::shown).unwrap_or_default()
    }

    fn code(&self, operator: &Operator) -> Option<&OperatorCode> {
        self.operator_codes().get(operator.opcode_index as usize)
    }

    /// The data of a constant; `None` for a tensor that is computed or fed.
    pub fn constant(&self, tensor: &Tensor) -> Option<&Bytes> {
        let data = self.buffers().get(tensor.buffer as usize)?.data.as_ref()?;
        (tensor.buffer > 0 && !data.is_empty()).then_some(data)
    }

    /// Makes the signature called `name` the one that is run, and gives the place where it stood. Where there is none, the error holds
    /// the names that there are.
    pub fn choose_signature(&mut self, name: &str) -> Result<usize, Vec<String>> {
        let signatures = self.signature_defs.get_or_insert_default();
        match signatures
            .iter()
            .position(|signature| signature.signature_key() == name)
        {
            Some(place) => {
                let chosen = signatures.remove(place);
                signatures.insert(0, chosen);
                Ok(place)
            }
            None => Err(signatures
                .iter()
                .map(|signature| signature.signature_key().to_owned())
                .collect()),
        }
    }

    /// Puts the signature that [`Model::choose_signature`] chose back to the `place` where it stood.
    pub fn restore_signature(&mut self, place: usize) {
        let signatures = self.signature_defs.as_deref_mut().unwrap_or_default();
        if let Some(moved) = signatures.get_mut(..=place) {
            moved.rotate_left(1);
        }
    }

    /// The signature that is run where nobody names one.
    pub fn signature(&self) -> Option<&SignatureDef> {
        self.signature_defs().first()
    }

    /// The graph that is run where nobody names a signature.
    pub fn entry(&self) -> &SubGraph {
        self.signature()
            .and_then(|signature| self.subgraphs().get(signature.subgraph_index as usize))
            .unwrap_or_else(|| self.main())
    }

    /// What must be fed: in the signature's order, by the tensors' own names.
    pub fn inputs(&self) -> Vec<TensorSpec> {
        let graph = self.entry();
        match self.signature() {
            Some(signature) => specs(graph, signature.inputs().iter().map(|map| map.tensor_index as usize)),
            None => specs(graph, places(graph.inputs())),
        }
    }

    /// What comes out: in the signature's order, by the tensors' own names.
    pub fn outputs(&self) -> Vec<TensorSpec> {
        let graph = self.entry();
        match self.signature() {
            Some(signature) => specs(graph, signature.outputs().iter().map(|map| map.tensor_index as usize)),
            None => specs(graph, places(graph.outputs())),
        }
    }
}

/// Indices of tensors; what is left out (`-1`) is.
pub fn places(indices: &[i32]) -> impl Iterator<Item = usize> + '_ {
    indices.iter().filter_map(|index| usize::try_from(*index).ok())
}

fn specs(graph: &SubGraph, places: impl Iterator<Item = usize>) -> Vec<TensorSpec> {
    places
        .filter_map(|place| graph.tensors().get(place))
        .map(Tensor::spec)
        .collect()
}

impl SubGraph {
    /// The tensor that an operator reads as its `place`th; `None` where it is left out.
    pub fn read_by(&self, operator: &Operator, place: usize) -> Option<&Tensor> {
        let index = usize::try_from(*operator.inputs().get(place)?).ok()?;
        self.tensors().get(index)
    }

    /// The tensor that an operator writes as its `place`th.
    pub fn written_by(&self, operator: &Operator, place: usize) -> Option<&Tensor> {
        let index = usize::try_from(*operator.outputs().get(place)?).ok()?;
        self.tensors().get(index)
    }
}

impl Tensor {
    /// Its dimensions; `None` where the model doesn't say even how many there are.
    pub fn dims(&self) -> Option<Vec<Dim>> {
        let signature = self.shape_signature();
        let dims = if signature.is_empty() { self.shape() } else { signature };
        if dims.is_empty() && self.shape.is_none() && !self.has_rank {
            return None;
        }
        let dim = |size: &i32| u64::try_from(*size).map_or(Dim::Unknown, Dim::Fixed);
        Some(dims.iter().map(dim).collect())
    }

    /// Its dimensions, where all are known.
    pub fn fixed(&self) -> Option<Vec<u64>> {
        let size = |dim: Dim| match dim {
            Dim::Fixed(size) => Some(size),
            Dim::Symbol(_) | Dim::Unknown => None,
        };
        self.dims()?.into_iter().map(size).collect()
    }

    /// How many elements it has, where that is known.
    pub fn elements(&self) -> Option<u64> {
        self.fixed()?
            .into_iter()
            .try_fold(1_u64, |product, size| product.checked_mul(size))
    }

    /// The bytes that it takes, where that is known.
    pub fn bytes(&self) -> Option<u64> {
        bytes_of(self.r#type, self.elements()?)
    }

    /// As other layers know it.
    pub fn spec(&self) -> TensorSpec {
        TensorSpec {
            name: self.name().to_owned(),
            element: element(self.r#type),
            dims: self.dims(),
        }
    }

    /// True where its integers stand for other numbers by a scale.
    pub fn is_quantized(&self) -> bool {
        self.quantization
            .as_ref()
            .is_some_and(|quantization| !quantization.scale().is_empty() || quantization.details.is_some())
    }
}

/// The bytes that `elements` of a type take; `None` where they have no fixed size.
pub fn bytes_of(kind: TensorType, elements: u64) -> Option<u64> {
    match kind {
        TensorType::INT4 | TensorType::UINT4 => Some(elements.div_ceil(2)),
        TensorType::INT2 => Some(elements.div_ceil(4)),
        TensorType::COMPLEX64 => elements.checked_mul(8),
        TensorType::COMPLEX128 => elements.checked_mul(16),
        TensorType::FLOAT8_E4M3FN | TensorType::FLOAT8_E5M2 => Some(elements),
        known => elements.checked_mul(element(known).size()? as u64),
    }
}

/// A type as other layers know it.
pub fn element(kind: TensorType) -> ElementType {
    match kind {
        TensorType::FLOAT32 => ElementType::Float,
        TensorType::FLOAT16 => ElementType::Float16,
        TensorType::BFLOAT16 => ElementType::BFloat16,
        TensorType::FLOAT64 => ElementType::Double,
        TensorType::INT8 => ElementType::Int8,
        TensorType::INT16 => ElementType::Int16,
        TensorType::INT32 => ElementType::Int32,
        TensorType::INT64 => ElementType::Int64,
        TensorType::UINT8 => ElementType::UInt8,
        TensorType::UINT16 => ElementType::UInt16,
        TensorType::UINT32 => ElementType::UInt32,
        TensorType::UINT64 => ElementType::UInt64,
        TensorType::BOOL => ElementType::Bool,
        TensorType::STRING => ElementType::String,
        _ => ElementType::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_beyond_one_byte_and_an_old_one_are_both_read() {
        let old = OperatorCode {
            deprecated_builtin_code: 3,
            ..OperatorCode::default()
        };
        assert_eq!(old.builtin(), BuiltinOperator::CONV_2D);
        let new = OperatorCode {
            deprecated_builtin_code: 127,
            builtin_code: BuiltinOperator::GELU,
            ..OperatorCode::default()
        };
        assert_eq!(new.shown(), "GELU");
        let custom = OperatorCode {
            deprecated_builtin_code: 32,
            custom_code: Some("FlexErf".to_owned()),
            ..OperatorCode::default()
        };
        assert_eq!(custom.shown(), "CUSTOM.FlexErf");
    }

    #[test]
    fn open_dimensions_come_from_the_signature_of_the_shape() {
        let tensor = Tensor {
            shape: Some(vec![1, 4]),
            shape_signature: Some(vec![-1, 4]),
            ..Tensor::default()
        };
        assert_eq!(tensor.dims(), Some(vec![Dim::Unknown, Dim::Fixed(4)]));
        assert_eq!(tensor.elements(), None);
        let scalar = Tensor {
            shape: Some(Vec::new()),
            ..Tensor::default()
        };
        assert_eq!(scalar.elements(), Some(1));
        assert_eq!(Tensor::default().dims(), None);
    }

    #[test]
    fn elements_of_half_a_byte_are_rounded_up() {
        assert_eq!(bytes_of(TensorType::INT4, 5), Some(3));
        assert_eq!(bytes_of(TensorType::INT2, 5), Some(2));
        assert_eq!(bytes_of(TensorType::FLOAT32, u64::MAX), None);
        assert_eq!(bytes_of(TensorType::STRING, 5), None);
    }
}
