//! Constants, and operators that turn shapes into values.

use crate::model::onnx::external::ExternalFile;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::shape::Call;
use crate::model::onnx::shape::Known;
use crate::model::onnx::shape::one;
use crate::model::onnx::types::element_type;

type Outputs = Option<Vec<Option<Known>>>;

/// `Constant`, in each of its spellings.
pub(super) fn constant(call: &Call<'_>, external: &[ExternalFile]) -> Outputs {
    let attribute = call.node.attribute.first()?;
    let int64 = DataType::Int64 as i32;
    let known = match attribute.name() {
        "value" => Known::of_tensor(attribute.t.as_ref()?, external)?,
        "value_int" => Known::with_ints(int64, Vec::new(), attribute.i.map(|value| vec![value]))?,
        "value_ints" => Known::with_ints(int64, vec![attribute.ints.len() as u64], Some(attribute.ints.clone()))?,
        "value_float" => Known::new(DataType::Float as i32, Vec::new())?,
        "value_floats" => Known::new(DataType::Float as i32, vec![attribute.floats.len() as u64])?,
        "sparse_value" => {
            let sparse = attribute.sparse_tensor.as_ref()?;
            let dims = sparse.dims.iter().map(|dim| u64::try_from(*dim).ok());
            Known::new(sparse.values.as_ref()?.data_type(), dims.collect::<Option<_>>()?)?
        }
        _ => return None,
    };
    one(known)
}

/// `ConstantOfShape`: the input's values are the shape.
pub(super) fn constant_of_shape(call: &Call<'_>, external: &[ExternalFile]) -> Outputs {
    let dims = dims_from(call.input(0)?.ints.as_ref()?)?;
    let value = match call.attribute("value") {
        Some(attribute) => Some(Known::of_tensor(attribute.t.as_ref()?, external)?),
        None => None,
    };
    let data_type = value.as_ref().map_or(DataType::Float as i32, |value| value.data_type);
    let known = Known::new(data_type, dims.clone())?;
    let ints = value.and_then(|value| value.ints?.first().copied());
    let count = usize::try_from(known.elements()).ok()?;
    let ints = ints.filter(|_| count <= 64).map(|value| vec![value; count]);
    one(Known::with_ints(data_type, dims, ints)?)
}

/// `Shape`, whole or (from operator set 15 on) a part of it.
pub(super) fn shape(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let rank = data.dims.len() as i64;
    let bound = |value: i64| {
        let value = if value < 0 { value.saturating_add(rank) } else { value };
        value.clamp(0, rank) as usize
    };
    let start = bound(call.int("start", 0));
    let end = bound(call.int("end", rank));
    let dims = data.dims.get(start..end).unwrap_or_default();
    one(Known::list(dims.iter().map(|dim| *dim as i64).collect())?)
}

/// `Size`: the number of elements, a scalar.
pub(super) fn size(call: &Call<'_>) -> Outputs {
    let elements = i64::try_from(call.input(0)?.elements()).ok()?;
    one(Known::with_ints(
        DataType::Int64 as i32,
        Vec::new(),
        Some(vec![elements]),
    )?)
}

/// `Range` of integers whose bounds are known.
pub(super) fn range(call: &Call<'_>) -> Outputs {
    let value = |index: usize| Some(i128::from(*call.input(index)?.ints.as_ref()?.first()?));
    let (start, limit, delta) = (value(0)?, value(1)?, value(2)?);
    if delta == 0 {
        return None;
    }
    let span = if delta > 0 { limit - start } else { start - limit };
    let step = delta.abs();
    let count = super::known::dim(((span + step - 1) / step).max(0))?;
    let data_type = call.input(0)?.data_type;
    let ints = (count <= 64).then(|| {
        (0..i128::from(count))
            .map(|index| i64::try_from(start + index * delta).ok())
            .collect::<Option<Vec<i64>>>()
    });
    one(Known::with_ints(data_type, vec![count], ints.flatten())?)
}

/// `Cast`: integers keep their values among wide integer types.
pub(super) fn cast(call: &Call<'_>) -> Outputs {
    use crate::model::tensor::ElementType;

    let data = call.input(0)?;
    let to = i32::try_from(call.int("to", 0)).ok()?;
    let ints = match element_type(to) {
        ElementType::Int64 => data.ints.clone(),
        ElementType::Int32 => data
            .ints
            .clone()
            .filter(|ints| ints.iter().all(|value| i32::try_from(*value).is_ok())),
        ElementType::Bool => data
            .ints
            .as_ref()
            .map(|ints| ints.iter().map(|value| i64::from(*value != 0)).collect()),
        _ => None,
    };
    one(Known::with_ints(to, data.dims.clone(), ints)?)
}

/// A list of values as dimensions.
pub(super) fn dims_from(values: &[i64]) -> Option<Vec<u64>> {
    values.iter().map(|value| u64::try_from(*value).ok()).collect()
}
