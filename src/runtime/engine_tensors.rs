//! Tensors on their way into ONNX Runtime and out of it, and what the engine says of inputs and outputs.

use ort::memory::Allocator;
use ort::session::SessionInputValue;
use ort::value::DynTensor;
use ort::value::DynTensorValueType;
use ort::value::Outlet;
use ort::value::TensorElementType;
use ort::value::ValueType;

use crate::model::tensor::Dim;
use crate::model::tensor::ElementType;
use crate::model::tensor::Tensor;
use crate::model::tensor::TensorSpec;

use super::engine_failure::running;
use super::protocol::Failure;
use super::protocol::FailureKind;

/// The engine's values for `inputs`, in the model's order; copied, so that alignment is the engine's.
pub(super) fn input_values(
    session: &ort::session::Session,
    inputs: &[Tensor],
) -> Result<Vec<SessionInputValue<'static>>, Failure> {
    let refuse = |message: String| Failure {
        kind: FailureKind::Input,
        message,
    };
    if let Some(unknown) = inputs
        .iter()
        .find(|tensor| session.inputs().iter().all(|input| input.name() != tensor.name))
    {
        let known: Vec<String> = session
            .inputs()
            .iter()
            .map(|input| format!("`{}`", input.name()))
            .collect();
        return Err(refuse(format!(
            "the model has no input `{}`; it has {}",
            unknown.name,
            known.join(", ")
        )));
    }
    session
        .inputs()
        .iter()
        .map(|input| {
            let tensor = inputs
                .iter()
                .find(|tensor| tensor.name == input.name())
                .ok_or_else(|| refuse(format!("nothing was given for input `{}`", input.name())))?;
            let wanted = spec(input);
            if wanted.element != tensor.element {
                return Err(refuse(format!(
                    "input `{}` takes {}, and was given {:?}",
                    tensor.name,
                    wanted.describe(),
                    tensor.element
                )));
            }
            engine_value(tensor).map(SessionInputValue::from)
        })
        .collect()
}

fn engine_value(tensor: &Tensor) -> Result<DynTensor, Failure> {
    let refuse = |message: String| Failure {
        kind: FailureKind::Input,
        message,
    };
    let element = engine_element(tensor.element).ok_or_else(|| {
        refuse(format!(
            "input `{}` holds {:?}, which cannot be fed",
            tensor.name, tensor.element
        ))
    })?;
    let shape = tensor
        .shape
        .iter()
        .map(|dim| i64::try_from(*dim))
        .collect::<Result<Vec<i64>, _>>()
        .map_err(|_| refuse(format!("input `{}` has a dimension beyond all bounds", tensor.name)))?;
    let mut value = DynTensor::new(&Allocator::default(), element, shape).map_err(|error| running(&error))?;
    if value.size() != Some(tensor.data.len()) {
        return Err(refuse(format!(
            "input `{}` has {} bytes, which is not what its shape needs",
            tensor.name,
            tensor.data.len()
        )));
    }
    if !tensor.data.is_empty() {
        let bytes = {
            let start = value.data_ptr_mut().cast::<u8>();
            // SAFETY: the value was just allocated in CPU memory with exactly `tensor.data.len()` bytes, all initialized (ort zeroes
            // them), nothing else refers to it, and any byte may stand in each.
            #[expect(unsafe_code, reason = "one copy for every element type")]
            unsafe {
                std::slice::from_raw_parts_mut(start, tensor.data.len())
            }
        };
        bytes.copy_from_slice(&tensor.data);
        if tensor.element == ElementType::Bool {
            bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
        }
    }
    Ok(value)
}

/// An output, copied. One that is no dense tensor, or of a type that this tool cannot read, comes without data.
pub(super) fn output(name: &str, value: &ort::value::DynValue) -> Result<Tensor, Failure> {
    let copied = contents(name, value, |element, shape, data| Tensor {
        name: name.to_owned(),
        element,
        shape: shape.to_vec(),
        data: bytes::Bytes::copy_from_slice(data),
    })?;
    let without_data = |element, shape| Tensor {
        name: name.to_owned(),
        element,
        shape,
        data: bytes::Bytes::new(),
    };
    Ok(copied.unwrap_or_else(|| match value.dtype() {
        ValueType::Tensor { ty, shape, .. } => without_data(element(*ty), sizes(shape)),
        _ => without_data(ElementType::Other, Vec::new()),
    }))
}

fn sizes(shape: &ort::value::Shape) -> Vec<u64> {
    shape.iter().map(|dim| u64::try_from(*dim).unwrap_or(0)).collect()
}

/// Shows `look` type, shape and elements of a dense tensor where they lie; `None` of anything else, and of types that this tool cannot
/// read.
pub(super) fn contents<R>(
    name: &str,
    value: &ort::value::DynValue,
    look: impl FnOnce(ElementType, &[u64], &[u8]) -> R,
) -> Result<Option<R>, Failure> {
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else {
        return Ok(None);
    };
    let element = element(*ty);
    let shape = sizes(shape);
    let Some(size) = element.size() else {
        return Ok(None);
    };
    let tensor = value
        .view()
        .downcast::<DynTensorValueType>()
        .map_err(|error| running(&error))?;
    let length = tensor.size().unwrap_or(0);
    let data: &[u8] = if length == 0 || !tensor.memory_info().is_cpu_accessible() {
        &[]
    } else {
        let start = tensor.data_ptr().cast::<u8>();
        // SAFETY: the engine holds `length` bytes of a CPU tensor at `start` for as long as `tensor` borrows the value, which is until
        // this function returns, and every byte of it is initialized; it is read as bytes, so no alignment or validity of elements is
        // assumed.
        #[expect(unsafe_code, reason = "one look for every element type")]
        unsafe {
            std::slice::from_raw_parts(start, length)
        }
    };
    if shape.iter().product::<u64>() * size as u64 != data.len() as u64 {
        return Err(Failure {
            kind: FailureKind::Engine,
            message: format!("output `{name}` is not in the CPU's memory"),
        });
    }
    Ok(Some(look(element, &shape, data)))
}

pub(super) fn spec(outlet: &Outlet) -> TensorSpec {
    let (element, dims) = match outlet.dtype() {
        ValueType::Tensor {
            ty,
            shape,
            dimension_symbols,
        } => {
            let dims = shape.iter().enumerate().map(|(at, dim)| {
                let symbol = dimension_symbols.get(at).filter(|symbol| !symbol.is_empty());
                match (u64::try_from(*dim), symbol) {
                    (Ok(size), _) => Dim::Fixed(size),
                    (Err(_), Some(symbol)) => Dim::Symbol(symbol.clone()),
                    (Err(_), None) => Dim::Unknown,
                }
            });
            (element(*ty), Some(dims.collect()))
        }
        _ => (ElementType::Other, None),
    };
    TensorSpec {
        name: outlet.name().to_owned(),
        element,
        dims,
    }
}

const ELEMENTS: [(ElementType, TensorElementType); 13] = [
    (ElementType::Float, TensorElementType::Float32),
    (ElementType::Float16, TensorElementType::Float16),
    (ElementType::BFloat16, TensorElementType::Bfloat16),
    (ElementType::Double, TensorElementType::Float64),
    (ElementType::Int8, TensorElementType::Int8),
    (ElementType::Int16, TensorElementType::Int16),
    (ElementType::Int32, TensorElementType::Int32),
    (ElementType::Int64, TensorElementType::Int64),
    (ElementType::UInt8, TensorElementType::Uint8),
    (ElementType::UInt16, TensorElementType::Uint16),
    (ElementType::UInt32, TensorElementType::Uint32),
    (ElementType::UInt64, TensorElementType::Uint64),
    (ElementType::Bool, TensorElementType::Bool),
];

fn engine_element(element: ElementType) -> Option<TensorElementType> {
    ELEMENTS
        .iter()
        .find(|(ours, _)| *ours == element)
        .map(|(_, theirs)| *theirs)
}

fn element(element: TensorElementType) -> ElementType {
    if element == TensorElementType::String {
        return ElementType::String;
    }
    let found = ELEMENTS.iter().find(|(_, theirs)| *theirs == element);
    found.map_or(ElementType::Other, |(ours, _)| *ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_types_map_both_ways() {
        for (ours, theirs) in ELEMENTS {
            assert_eq!(engine_element(ours), Some(theirs));
            assert_eq!(element(theirs), ours);
            assert_eq!(theirs.byte_size(3), ours.size().map(|size| 3 * size));
        }
        assert_eq!(engine_element(ElementType::String), None);
        assert_eq!(element(TensorElementType::Int4), ElementType::Other);
    }
}
