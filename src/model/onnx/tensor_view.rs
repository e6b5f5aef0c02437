//! One view over the many ways in which a `TensorProto` stores its elements: `raw_data`, five typed fields, or an external file.
//!
//! [`TensorView::of`] gives type, shape and packed little-endian bytes whatever the storage; [`check`] finds out whether it would
//! without converting anything; [`set_raw_data`] replaces the elements.

use bytes::Bytes;

use crate::model::onnx::external::ExternalFile;
use crate::model::onnx::proto::TensorProto;
use crate::model::onnx::proto::tensor_proto::DataLocation;
use crate::model::onnx::proto::tensor_proto::DataType;
use crate::model::onnx::shown::shown;
use crate::model::onnx::types::byte_length;
use crate::model::onnx::types::element_type;
use crate::model::onnx::types::type_name;
use crate::model::tensor::ElementType;

/// What is wrong with a tensor's description of its own data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TensorError {
    /// `data_type` is missing, undefined or newer than this version.
    #[error("has the element type {0}, which this version does not know")]
    UnknownType(String),
    /// Text has no fixed size, so there are no packed bytes to view.
    #[error("holds text, not numbers")]
    Text,
    /// A dimension below zero.
    #[error("has the negative dimension {0}")]
    NegativeDim(i64),
    /// The product of the dimensions does not fit.
    #[error("has more elements than can be addressed")]
    TooManyElements,
    /// The deprecated way of splitting one tensor over several messages.
    #[error("is stored in segments, which no engine reads")]
    Segmented,
    /// More than one of `raw_data`, the typed fields and external data is filled.
    #[error("stores its elements twice, in {0} and in {1}")]
    StoredTwice(&'static str, &'static str),
    /// A typed field that does not go with the element type.
    #[error("stores {0} elements in {1}")]
    WrongField(String, &'static str),
    /// As many elements as the dimensions say are not there.
    #[error("has {stored} bytes or entries of data in {field} where its shape and type need {needed}")]
    WrongLength {
        /// Where the data stands.
        field: &'static str,
        /// Bytes (raw, external) or entries (typed) found.
        stored: u64,
        /// Bytes or entries that shape and type need.
        needed: u64,
    },
    /// External data whose description cannot be read.
    #[error("has external data with {0}")]
    MalformedReference(String),
    /// External data in a file that was not opened with the model.
    #[error("has its data in {}, which was not loaded with the model", shown(.0))]
    NotLoaded(String),
    /// External data past the end of its file.
    #[error(
        "has its data in bytes {offset} to {end} of {}, which is only {size} bytes long",
        shown(location)
    )]
    PastEnd {
        /// The external file.
        location: String,
        /// First byte.
        offset: u64,
        /// One past the last byte.
        end: u64,
        /// The file's size in bytes.
        size: u64,
    },
}

/// A part of the location by which ONNX Runtime marks data in its own memory (`onnxruntime/core/framework/tensorprotoutils.h`); the
/// offset is then an address.
const ADDRESS: &str = "_ORT_MEM_ADDR_";

/// Where a tensor's external data lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataReference {
    /// The file, relative to the model's folder, as written in the model.
    pub location: String,
    /// The first byte.
    pub offset: u64,
    /// The number of bytes; where absent, as many as shape and type need.
    pub length: Option<u64>,
}

impl DataReference {
    /// The reference of a tensor, or `None` where its data is in the model file. A key that stands twice is refused: readers
    /// differ on which one counts.
    pub fn of(tensor: &TensorProto) -> Result<Option<Self>, TensorError> {
        if tensor.data_location != Some(DataLocation::External as i32) {
            return Ok(None);
        }
        let find = |key: &str| {
            let mut values = tensor.external_data.iter().filter(|entry| entry.key() == key);
            match (values.next(), values.next()) {
                (_, Some(_)) => Err(TensorError::MalformedReference(format!("two entries `{key}`"))),
                (first, None) => Ok(first.map(|entry| entry.value())),
            }
        };
        let number = |key: &str| {
            find(key)?
                .map(|text| {
                    text.parse::<u64>()
                        .map_err(|_| TensorError::MalformedReference(format!("the {key} {}", shown(text))))
                })
                .transpose()
        };
        let location = find("location")?.filter(|location| !location.is_empty());
        if location.is_some_and(|location| location.contains(ADDRESS)) {
            return Err(TensorError::MalformedReference(
                "a location that ONNX Runtime takes for an address in its own memory".to_owned(),
            ));
        }
        Ok(Some(Self {
            location: location
                .ok_or_else(|| TensorError::MalformedReference("no location".to_owned()))?
                .to_owned(),
            offset: number("offset")?.unwrap_or(0),
            length: number("length")?,
        }))
    }

    /// The bytes that the reference names; `needed` is what shape and type ask for.
    fn slice(&self, external: &[ExternalFile], needed: u64) -> Result<Bytes, TensorError> {
        let file = external
            .iter()
            .find(|file| file.location == self.location)
            .ok_or_else(|| TensorError::NotLoaded(self.location.clone()))?;
        let length = self.length.unwrap_or(needed);
        if length != needed {
            return Err(TensorError::WrongLength {
                field: "external data",
                stored: length,
                needed,
            });
        }
        let size = file.bytes.len() as u64;
        let end = self.offset.saturating_add(length);
        if end > size {
            return Err(TensorError::PastEnd {
                location: self.location.clone(),
                offset: self.offset,
                end,
                size,
            });
        }
        Ok(file.bytes.slice(self.offset as usize..end as usize))
    }
}

/// A tensor's elements, wherever they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorView {
    /// The type of its elements.
    pub element: ElementType,
    /// ONNX's own code for the type; finer than `element`.
    pub data_type: i32,
    /// Its dimensions; empty for a scalar.
    pub shape: Vec<u64>,
    /// The elements, row-major, little-endian, packed as `raw_data` packs them. Shares memory with the model's file where it can;
    /// not aligned.
    pub bytes: Bytes,
}

impl TensorView {
    /// Views `tensor`; `external` are the files loaded with the model.
    ///
    /// Errors say what is wrong with the tensor, without its name. Text tensors have no bytes and are refused.
    pub fn of(tensor: &TensorProto, external: &[ExternalFile]) -> Result<Self, TensorError> {
        let data_type = tensor.data_type();
        let shape = shape(tensor)?;
        let bytes = match locate(tensor, external)? {
            Located::Bytes(bytes) => bytes,
            Located::Typed => pack(tensor),
            Located::Text => return Err(TensorError::Text),
        };
        Ok(Self {
            element: element_type(data_type),
            data_type,
            shape,
            bytes,
        })
    }

    /// The number of elements.
    pub fn elements(&self) -> u64 {
        self.shape.iter().product()
    }

    /// The elements as `f32`, rounded to nearest even where the type is finer; `None` for other than floats.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        Some(match self.element {
            ElementType::Float => decode(&self.bytes, f32::from_le_bytes),
            ElementType::Float16 => decode(&self.bytes, |bytes| half::f16::from_le_bytes(bytes).to_f32()),
            ElementType::BFloat16 => decode(&self.bytes, |bytes| half::bf16::from_le_bytes(bytes).to_f32()),
            ElementType::Double => decode(&self.bytes, |bytes| f64::from_le_bytes(bytes) as f32),
            _ => return None,
        })
    }

    /// The elements as `i64`; `None` for other than integers and booleans, and for a `u64` past `i64::MAX`.
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        Some(match self.element {
            ElementType::Int8 => decode(&self.bytes, |bytes| i8::from_le_bytes(bytes).into()),
            ElementType::Int16 => decode(&self.bytes, |bytes| i16::from_le_bytes(bytes).into()),
            ElementType::Int32 => decode(&self.bytes, |bytes| i32::from_le_bytes(bytes).into()),
            ElementType::Int64 => decode(&self.bytes, i64::from_le_bytes),
            ElementType::UInt8 | ElementType::Bool => decode(&self.bytes, |bytes| u8::from_le_bytes(bytes).into()),
            ElementType::UInt16 => decode(&self.bytes, |bytes| u16::from_le_bytes(bytes).into()),
            ElementType::UInt32 => decode(&self.bytes, |bytes| u32::from_le_bytes(bytes).into()),
            ElementType::UInt64 => {
                let wide = decode(&self.bytes, u64::from_le_bytes);
                return wide.into_iter().map(|value| i64::try_from(value).ok()).collect();
            }
            _ => return None,
        })
    }
}

/// Finds out whether the tensor's type, dimensions and data agree, without converting anything. Text is checked by its count.
pub fn check(tensor: &TensorProto, external: &[ExternalFile]) -> Result<(), TensorError> {
    locate(tensor, external).map(|_| ())
}

/// The tensor's dimensions.
pub fn shape(tensor: &TensorProto) -> Result<Vec<u64>, TensorError> {
    let dim = |dim: &i64| u64::try_from(*dim).map_err(|_| TensorError::NegativeDim(*dim));
    tensor.dims.iter().map(dim).collect()
}

/// The number of elements that dimensions make.
pub fn elements(dims: &[i64]) -> Result<u64, TensorError> {
    // A zero makes the product 0, but the other dimensions must still be addressable: engines multiply them one by one.
    let mut product = 1_u64;
    let mut empty = false;
    for dim in dims {
        let dim = u64::try_from(*dim).map_err(|_| TensorError::NegativeDim(*dim))?;
        empty |= dim == 0;
        product = product
            .checked_mul(dim.max(1))
            .filter(|product| i64::try_from(*product).is_ok())
            .ok_or(TensorError::TooManyElements)?;
    }
    Ok(if empty { 0 } else { product })
}

/// Puts `bytes` (packed little-endian elements of `data_type`) in the place of the tensor's data, wherever that was stored. Name,
/// dimensions and documentation stay.
pub fn set_raw_data(tensor: &mut TensorProto, data_type: DataType, bytes: Bytes) {
    tensor.data_type = Some(data_type as i32);
    tensor.raw_data = Some(bytes);
    tensor.float_data.clear();
    tensor.int32_data.clear();
    tensor.int64_data.clear();
    tensor.uint64_data.clear();
    tensor.double_data.clear();
    tensor.string_data.clear();
    tensor.external_data.clear();
    tensor.data_location = None;
}

enum Located {
    Bytes(Bytes),
    Typed,
    Text,
}

fn locate(tensor: &TensorProto, external: &[ExternalFile]) -> Result<Located, TensorError> {
    let code = tensor.data_type.unwrap_or_default();
    let elements = elements(&tensor.dims)?;
    if tensor.segment.is_some() {
        return Err(TensorError::Segmented);
    }
    let reference = DataReference::of(tensor)?;
    let typed = only_field(tensor, reference.is_some())?;
    if code == DataType::String as i32 {
        return match typed {
            Some(("string_data", stored)) => same("string_data", stored, elements).map(|()| Located::Text),
            Some((field, _)) => Err(TensorError::WrongField(type_name(code), field)),
            None => same("string_data", 0, elements).map(|()| Located::Text),
        };
    }
    if matches!(DataType::try_from(code), Ok(DataType::Undefined) | Err(_)) {
        return Err(TensorError::UnknownType(type_name(code)));
    }
    let needed = byte_length(code, elements)
        .filter(|needed| i64::try_from(*needed).is_ok())
        .ok_or(TensorError::TooManyElements)?;
    if let Some(reference) = reference {
        return reference.slice(external, needed).map(Located::Bytes);
    }
    match typed {
        Some(("raw_data", stored)) => {
            same("raw_data", stored, needed)?;
            Ok(Located::Bytes(tensor.raw_data.clone().unwrap_or_default()))
        }
        Some((field, stored)) => {
            let entries =
                entries(code, field, elements).ok_or_else(|| TensorError::WrongField(type_name(code), field))?;
            same(field, stored, entries)?;
            Ok(Located::Typed)
        }
        None => {
            same("raw_data", 0, needed)?;
            Ok(Located::Bytes(Bytes::new()))
        }
    }
}

/// The one field that holds data and its length, in bytes or entries; an error where several do.
fn only_field(tensor: &TensorProto, external: bool) -> Result<Option<(&'static str, u64)>, TensorError> {
    let fields = [
        ("raw_data", tensor.raw_data.as_ref().map_or(0, Bytes::len)),
        ("float_data", tensor.float_data.len()),
        ("int32_data", tensor.int32_data.len()),
        ("int64_data", tensor.int64_data.len()),
        ("uint64_data", tensor.uint64_data.len()),
        ("double_data", tensor.double_data.len()),
        ("string_data", tensor.string_data.len()),
    ];
    let mut filled = fields.into_iter().filter(|(_, length)| *length > 0);
    match (filled.next(), filled.next()) {
        (Some((one, _)), Some((other, _))) => Err(TensorError::StoredTwice(one, other)),
        (Some((one, _)), None) if external => Err(TensorError::StoredTwice(one, "an external file")),
        (first, None) => Ok(first.map(|(field, length)| (field, length as u64))),
        (None, Some(_)) => Ok(None),
    }
}

fn same(field: &'static str, stored: u64, needed: u64) -> Result<(), TensorError> {
    if stored == needed {
        Ok(())
    } else {
        Err(TensorError::WrongLength { field, stored, needed })
    }
}

/// How many entries of a typed field hold `elements` elements; `None` where the field does not hold the type.
fn entries(code: i32, field: &str, elements: u64) -> Option<u64> {
    match (DataType::try_from(code).ok()?, field) {
        (DataType::Float, "float_data")
        | (DataType::Double, "double_data")
        | (DataType::Int64, "int64_data")
        | (DataType::Uint32 | DataType::Uint64, "uint64_data") => Some(elements),
        (DataType::Complex64, "float_data") | (DataType::Complex128, "double_data") => elements.checked_mul(2),
        (DataType::Uint4 | DataType::Int4 | DataType::Float4e2m1, "int32_data") => Some(elements.div_ceil(2)),
        (DataType::Uint2 | DataType::Int2, "int32_data") => Some(elements.div_ceil(4)),
        (
            DataType::Float
            | DataType::Double
            | DataType::Int64
            | DataType::Uint32
            | DataType::Uint64
            | DataType::Complex64
            | DataType::Complex128
            | DataType::String
            | DataType::Undefined,
            "int32_data",
        ) => None,
        (_, "int32_data") => Some(elements),
        _ => None,
    }
}

/// The typed field's entries as packed little-endian bytes. Call after [`locate`] has found them in order.
fn pack(tensor: &TensorProto) -> Bytes {
    let code = tensor.data_type.unwrap_or_default();
    match DataType::try_from(code).unwrap_or_default() {
        DataType::Float | DataType::Complex64 => encode(&tensor.float_data, |value| value.to_le_bytes()),
        DataType::Double | DataType::Complex128 => encode(&tensor.double_data, |value| value.to_le_bytes()),
        DataType::Int64 => encode(&tensor.int64_data, |value| value.to_le_bytes()),
        DataType::Uint64 => encode(&tensor.uint64_data, |value| value.to_le_bytes()),
        DataType::Uint32 => encode(&tensor.uint64_data, |value| (value as u32).to_le_bytes()),
        DataType::Int32 => encode(&tensor.int32_data, |value| value.to_le_bytes()),
        DataType::Int16 | DataType::Uint16 | DataType::Float16 | DataType::Bfloat16 => {
            encode(&tensor.int32_data, |value| (value as u16).to_le_bytes())
        }
        DataType::Float6e2m3 | DataType::Float6e3m2 => pack_six_bits(&tensor.int32_data),
        _ => encode(&tensor.int32_data, |value| [value as u8]),
    }
}

/// Four elements of six bits in three bytes, the first in the lowest bits.
fn pack_six_bits(values: &[i32]) -> Bytes {
    let mut packed = Vec::with_capacity((values.len() * 6).div_ceil(8));
    for group in values.chunks(4) {
        let bits = group.iter().enumerate().fold(0_u32, |bits, (index, value)| {
            bits | ((*value as u32 & 0x3f) << (6 * index))
        });
        packed.extend_from_slice(&bits.to_le_bytes()[..(group.len() * 6).div_ceil(8)]);
    }
    packed.into()
}

fn encode<T: Copy, const WIDTH: usize>(values: &[T], bytes: impl Fn(T) -> [u8; WIDTH]) -> Bytes {
    let mut packed = Vec::with_capacity(values.len() * WIDTH);
    values.iter().for_each(|value| packed.extend_from_slice(&bytes(*value)));
    packed.into()
}

fn decode<T, const WIDTH: usize>(bytes: &[u8], value: impl Fn([u8; WIDTH]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|chunk| value(*chunk)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;
    use crate::model::onnx::proto::StringStringEntryProto;

    fn tensor(data_type: DataType, dims: &[i64]) -> TensorProto {
        TensorProto {
            data_type: Some(data_type as i32),
            dims: dims.to_vec(),
            ..TensorProto::default()
        }
    }

    fn entry(key: &str, value: &str) -> StringStringEntryProto {
        StringStringEntryProto {
            key: Some(key.to_owned()),
            value: Some(value.to_owned()),
        }
    }

    fn file(location: &str, bytes: &'static [u8]) -> ExternalFile {
        ExternalFile {
            location: location.to_owned(),
            path: PathBuf::from(location),
            bytes: Bytes::from_static(bytes),
        }
    }

    #[test]
    fn floats_are_the_same_wherever_they_stand() {
        let values = [1.5_f32, -2.0];
        let raw: Bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let mut typed = tensor(DataType::Float, &[2]);
        typed.float_data = values.to_vec();
        let mut packed = tensor(DataType::Float, &[2]);
        packed.raw_data = Some(raw.clone());
        let mut half = tensor(DataType::Float16, &[2]);
        half.int32_data = values
            .iter()
            .map(|value| i32::from(half::f16::from_f32(*value).to_bits()))
            .collect();
        let mut outside = tensor(DataType::Float, &[2]);
        outside.data_location = Some(DataLocation::External as i32);
        outside.external_data = vec![entry("location", "weights"), entry("offset", "4")];
        let stored = [[9, 9, 9, 9].as_slice(), &raw].concat();
        let files = [file("weights", stored.leak())];
        for tensor in [typed, packed, half, outside] {
            let view = TensorView::of(&tensor, &files).unwrap();
            assert_eq!(view.to_f32().unwrap(), values);
            assert_eq!(view.shape, [2]);
        }
    }

    #[test]
    fn raw_data_is_not_copied() {
        let mut packed = tensor(DataType::Float, &[2]);
        packed.raw_data = Some(Bytes::from(vec![0; 8]));
        let view = TensorView::of(&packed, &[]).unwrap();
        assert_eq!(view.bytes.as_ptr(), packed.raw_data().as_ptr());
    }

    #[test]
    fn packs_six_bit_floats_as_the_format_says() {
        let mut small = tensor(DataType::Float6e2m3, &[5]);
        small.int32_data = vec![0b00_0001, 0b00_0010, 0b00_0100, 0b00_1000, 0b11_1111];
        let view = TensorView::of(&small, &[]).unwrap();
        // x0 | (x1 & 3) << 6, x1 >> 2 | (x2 & 15) << 4, x2 >> 4 | x3 << 2, then the fifth alone.
        assert_eq!(
            view.bytes.as_ref(),
            [0b1000_0001, 0b0100_0000, 0b0010_0000, 0b0011_1111]
        );
    }

    #[test]
    fn four_bit_integers_come_two_an_entry() {
        let mut small = tensor(DataType::Int4, &[3]);
        small.int32_data = vec![0x21, 0x03];
        assert_eq!(TensorView::of(&small, &[]).unwrap().bytes.as_ref(), [0x21, 0x03]);
        small.dims = vec![5];
        assert!(matches!(check(&small, &[]), Err(TensorError::WrongLength { .. })));
    }

    #[test]
    fn refuses_what_does_not_add_up() {
        let mut short = tensor(DataType::Float, &[3]);
        short.raw_data = Some(Bytes::from_static(&[0; 8]));
        assert_eq!(
            check(&short, &[]).unwrap_err().to_string(),
            "has 8 bytes or entries of data in raw_data where its shape and type need 12"
        );
        let mut twice = short.clone();
        twice.float_data = vec![1.0];
        assert_eq!(
            check(&twice, &[]),
            Err(TensorError::StoredTwice("raw_data", "float_data"))
        );
        let mut wrong = tensor(DataType::Float, &[1]);
        wrong.int64_data = vec![1];
        assert!(matches!(check(&wrong, &[]), Err(TensorError::WrongField(..))));
        assert_eq!(
            check(&tensor(DataType::Float, &[-1]), &[]),
            Err(TensorError::NegativeDim(-1))
        );
        for dims in [vec![i64::MAX, 2], vec![i64::MAX], vec![0, i64::MAX, i64::MAX]] {
            let huge = tensor(DataType::Float, &dims);
            assert_eq!(check(&huge, &[]), Err(TensorError::TooManyElements), "{dims:?}");
        }
        assert!(matches!(
            check(&TensorProto::default(), &[]),
            Err(TensorError::UnknownType(_))
        ));
        let mut text = tensor(DataType::String, &[2]);
        text.string_data = vec![Bytes::new(), Bytes::new()];
        assert_eq!(check(&text, &[]), Ok(()));
        assert_eq!(TensorView::of(&text, &[]), Err(TensorError::Text));
    }

    #[test]
    fn references_past_the_end_are_refused() {
        let mut outside = tensor(DataType::Uint8, &[4]);
        outside.data_location = Some(DataLocation::External as i32);
        let files = [file("w", &[0; 6])];
        let mut of = |entries: &[(&str, &str)]| {
            outside.external_data = entries.iter().map(|(key, value)| entry(key, value)).collect();
            check(&outside, &files)
        };
        assert_eq!(of(&[("location", "w"), ("offset", "2"), ("length", "4")]), Ok(()));
        assert!(matches!(
            of(&[("location", "w"), ("offset", "3")]),
            Err(TensorError::PastEnd { end: 7, .. })
        ));
        let far = u64::MAX.to_string();
        assert!(matches!(
            of(&[("location", "w"), ("offset", &far)]),
            Err(TensorError::PastEnd { .. })
        ));
        assert!(matches!(
            of(&[("location", "w"), ("length", "3")]),
            Err(TensorError::WrongLength { .. })
        ));
        assert!(matches!(of(&[("location", "v")]), Err(TensorError::NotLoaded(_))));
        for malformed in [
            [("location", "w"), ("offset", "-1")],
            [("location", "w"), ("location", "v")],
            [("offset", "0"), ("length", "4")],
        ] {
            assert!(
                matches!(of(&malformed), Err(TensorError::MalformedReference(_))),
                "{malformed:?}"
            );
        }
    }

    #[test]
    fn new_data_replaces_every_old_store() {
        let mut outside = tensor(DataType::Float, &[1]);
        outside.data_location = Some(DataLocation::External as i32);
        outside.external_data = vec![entry("location", "w")];
        set_raw_data(&mut outside, DataType::Float16, Bytes::from_static(&[0, 0x3c]));
        assert_eq!(TensorView::of(&outside, &[]).unwrap().to_f32().unwrap(), [1.0]);
    }

    proptest! {
        #[test]
        fn nothing_stored_makes_it_panic(
            code in -1..32_i32,
            dims in prop::collection::vec(-1..5_i64, 0..4),
            raw in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
            ints in prop::collection::vec(any::<i32>(), 0..10),
        ) {
            let tensor = TensorProto {
                data_type: Some(code),
                dims,
                raw_data: raw.map(Bytes::from),
                int32_data: ints,
                ..TensorProto::default()
            };
            if let Ok(view) = TensorView::of(&tensor, &[]) {
                prop_assert_eq!(Some(view.bytes.len() as u64), byte_length(code, view.elements()));
                let _ = (view.to_f32(), view.to_i64());
            }
        }

        #[test]
        fn signed_integers_keep_their_sign(values in prop::collection::vec(any::<i8>(), 0..20)) {
            let mut small = tensor(DataType::Int8, &[values.len() as i64]);
            small.int32_data = values.iter().map(|value| i32::from(*value)).collect();
            let wide: Vec<i64> = values.iter().map(|value| i64::from(*value)).collect();
            prop_assert_eq!(TensorView::of(&small, &[]).unwrap().to_i64().unwrap(), wide);
        }
    }
}
