//! Shapes of convolutions and pooling: everything that slides a window over spatial axes.
//!
//! Formulas: ONNX operator specification, `Conv`, `ConvTranspose`, `MaxPool`, `AveragePool`.

use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::shape::Call;
use crate::model::onnx::shape::Known;
use crate::model::onnx::shape::known::dim;
use crate::model::onnx::shape::one;

type Outputs = Option<Vec<Option<Known>>>;

/// The parts of a convolution that its cost depends on.
pub(crate) struct Window<'a> {
    /// The data, `[batch, channels, spatial…]`.
    pub(crate) data: &'a Known,
    /// The weight: `[out, in / group, kernel…]` for `Conv`, `[in, out / group, kernel…]` for `ConvTranspose`.
    pub(crate) weight: &'a Known,
    /// The number of groups.
    pub(crate) group: u64,
}

/// Data, weight and groups of a convolution; `None` where they are unknown or contradict each other.
pub(crate) fn window<'a>(call: &Call<'a>) -> Option<Window<'a>> {
    let weight_at = if call.node.op_type() == "QLinearConv" { 3 } else { 1 };
    let (data, weight) = (call.input(0)?, call.input(weight_at)?);
    let group = u64::try_from(call.int("group", 1)).ok().filter(|group| *group > 0)?;
    let transposed = call.node.op_type() == "ConvTranspose";
    let channels = *data.dims.get(1)?;
    let taken = if transposed {
        *weight.dims.first()?
    } else {
        weight.dims.get(1)?.checked_mul(group)?
    };
    (data.dims.len() >= 3 && weight.dims.len() == data.dims.len() && taken == channels).then_some(Window {
        data,
        weight,
        group,
    })
}

/// `Conv` and its integer variants.
pub(super) fn conv(call: &Call<'_>) -> Outputs {
    let Window { data, weight, .. } = window(call)?;
    let spatial = slide(call, &data.signed()[2..], &weight.signed()[2..], false)?;
    let data_type = match call.node.op_type() {
        "ConvInteger" => DataType::Int32 as i32,
        "QLinearConv" => call.input(7)?.data_type,
        _ => data.data_type,
    };
    let dims = [data.dims[0], weight.dims[0]].into_iter().chain(spatial).collect();
    one(Known::new(data_type, dims)?)
}

/// `ConvTranspose`.
pub(super) fn conv_transpose(call: &Call<'_>) -> Outputs {
    let Window { data, weight, group } = window(call)?;
    let rank = data.dims.len() - 2;
    let settings = Settings::of(call, rank)?;
    let extra = list(call, "output_padding", rank, 0)?;
    let mut dims = vec![data.dims[0], weight.dims[1].checked_mul(group)?];
    for (axis, extra) in extra.iter().enumerate() {
        let size = i128::from(data.dims[axis + 2]);
        let kernel = i128::from(weight.dims[axis + 2]);
        let spread = (kernel - 1) * settings.dilations[axis] + 1;
        let full = settings.strides[axis] * (size - 1) + extra + spread;
        let size = match (call.ints("output_shape"), call.text("auto_pad")) {
            (Some(stated), _) => i128::from(*stated.get(stated.len().checked_sub(rank)? + axis)?),
            (None, b"SAME_UPPER" | b"SAME_LOWER") => size * settings.strides[axis],
            (None, b"VALID") => full,
            (None, _) => full - settings.begin[axis] - settings.end[axis],
        };
        dims.push(dim(size)?);
    }
    one(Known::new(data.data_type, dims)?)
}

/// `MaxPool`, `AveragePool`, `LpPool`; `MaxPool` may also give the indices.
pub(super) fn pool(call: &Call<'_>) -> Outputs {
    let data = call.input(0)?;
    let kernel: Vec<i128> = call
        .ints("kernel_shape")?
        .iter()
        .map(|size| i128::from(*size))
        .collect();
    let spatial = data.signed().get(2..)?.to_vec();
    let up = call.int("ceil_mode", 0) != 0;
    let sizes = slide(call, &spatial, &kernel, up)?;
    let dims = data.dims.iter().take(2).copied().chain(sizes).collect();
    let pooled = Known::new(data.data_type, dims)?;
    let indices = pooled.of_type(DataType::Int64 as i32);
    Some(vec![Some(pooled), Some(indices)])
}

/// Pooling over all spatial axes, which become 1.
pub(super) fn global_pool(call: &Call<'_>) -> Outputs {
    let mut pooled = call.input(0)?.without_values();
    pooled.dims.get_mut(2..)?.fill(1);
    one(pooled)
}

struct Settings {
    strides: Vec<i128>,
    dilations: Vec<i128>,
    begin: Vec<i128>,
    end: Vec<i128>,
}

impl Settings {
    fn of(call: &Call<'_>, rank: usize) -> Option<Self> {
        let pads = list(call, "pads", rank * 2, 0)?;
        let (begin, end) = pads.split_at(rank);
        let settings = Self {
            strides: list(call, "strides", rank, 1)?,
            dilations: list(call, "dilations", rank, 1)?,
            begin: begin.to_vec(),
            end: end.to_vec(),
        };
        let positive = settings
            .strides
            .iter()
            .chain(&settings.dilations)
            .all(|value| *value > 0);
        positive.then_some(settings)
    }
}

/// A list attribute of exactly `length` values, each of reasonable size.
fn list(call: &Call<'_>, name: &str, length: usize, default: i128) -> Option<Vec<i128>> {
    let Some(ints) = call.ints(name) else {
        return Some(vec![default; length]);
    };
    let reasonable = ints.len() == length && ints.iter().all(|value| value.unsigned_abs() <= 1 << 40);
    reasonable.then(|| ints.iter().map(|value| i128::from(*value)).collect())
}

/// How many positions a window has along each axis.
fn slide(call: &Call<'_>, sizes: &[i128], kernel: &[i128], up: bool) -> Option<Vec<u64>> {
    let settings = Settings::of(call, sizes.len())?;
    if kernel.len() != sizes.len() || kernel.iter().any(|size| !(1..=1 << 40).contains(size)) {
        return None;
    }
    let position = |axis: usize| {
        let (size, stride) = (sizes[axis], settings.strides[axis]);
        let spread = (kernel[axis] - 1) * settings.dilations[axis] + 1;
        match call.text("auto_pad") {
            b"SAME_UPPER" | b"SAME_LOWER" => dim((size + stride - 1) / stride),
            b"VALID" => count(size, spread, stride, up, size),
            _ => {
                let padded = size + settings.begin[axis] + settings.end[axis];
                count(padded, spread, stride, up, size + settings.begin[axis])
            }
        }
    };
    (0..sizes.len()).map(position).collect()
}

/// Positions of a window of `spread` in `size`, rounded up on demand; a last window that would start past `limit`, in the
/// padding at the end, does not count.
fn count(size: i128, spread: i128, stride: i128, up: bool, limit: i128) -> Option<u64> {
    let room = size - spread;
    if room < 0 {
        return None;
    }
    let mut positions = if up {
        (room + stride - 1) / stride + 1
    } else {
        room / stride + 1
    };
    if up && (positions - 1) * stride >= limit {
        positions -= 1;
    }
    dim(positions)
}
