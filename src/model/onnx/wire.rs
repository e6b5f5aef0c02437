//! Protobuf's wire format, one level at a time and without building anything: enough to tell formats apart, to find where a file
//! was cut, and to know what decoding would cost before paying for it.

use std::ops::Range;

/// One field of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its number in the schema.
    pub(crate) number: u32,
    /// Its value.
    pub(crate) value: Value,
}

/// A field's value as the wire has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// An integer, boolean or enumeration.
    Number,
    /// Four or eight bytes.
    Fixed,
    /// Text, bytes, a message or packed numbers: where they stand.
    Block(Range<usize>),
}

/// Why a field cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WireError {
    /// It goes on past the end, by at least so many bytes.
    PastEnd(u64),
    /// No protobuf writer writes this.
    Malformed(&'static str),
}

/// The kind of a field whose value is a block of bytes with its length before it.
pub(crate) const BLOCK: u8 = 2;

/// Reads the key of the field at `at`: its number, its kind, and where its value starts.
pub(crate) fn key(bytes: &[u8], at: usize) -> Result<(u32, u8, usize), WireError> {
    let (key, at) = number(bytes, at)?;
    let number = u32::try_from(key >> 3)
        .ok()
        .filter(|number| *number != 0 && *number < 1 << 29)
        .ok_or(WireError::Malformed("a field number that protobuf does not allow"))?;
    Ok((number, (key & 7) as u8, at))
}

/// Reads the field at `at`, within a message that ends at `end`. Gives the field and where the next one starts.
pub(crate) fn field(bytes: &[u8], at: usize, end: usize) -> Result<(Field, usize), WireError> {
    let bytes = bytes.get(..end).ok_or(WireError::PastEnd(1))?;
    let (field_number, kind, at) = key(bytes, at)?;
    let (value, next) = match kind {
        0 => (Value::Number, number(bytes, at)?.1),
        1 => (Value::Fixed, skip(bytes, at, 8)?),
        BLOCK => {
            let (length, at) = number(bytes, at)?;
            let next = skip(bytes, at, length)?;
            (Value::Block(at..next), next)
        }
        5 => (Value::Fixed, skip(bytes, at, 4)?),
        3 | 4 => return Err(WireError::Malformed("a field group, which ONNX does not use")),
        _ => return Err(WireError::Malformed("a field of no known kind")),
    };
    let field = Field {
        number: field_number,
        value,
    };
    Ok((field, next))
}

fn skip(bytes: &[u8], at: usize, length: u64) -> Result<usize, WireError> {
    let left = (bytes.len() - at) as u64;
    if length > left {
        return Err(WireError::PastEnd(length - left));
    }
    Ok(at + length as usize)
}

/// A base-128 number: seven bits a byte, lowest first, ten bytes at most.
fn number(bytes: &[u8], at: usize) -> Result<(u64, usize), WireError> {
    let mut value = 0_u64;
    for (index, byte) in bytes[at..].iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index).min(63);
        if byte & 0x80 == 0 {
            return Ok((value, at + index + 1));
        }
    }
    if bytes.len() - at < 10 {
        Err(WireError::PastEnd(1))
    } else {
        Err(WireError::Malformed("a number of more than ten bytes"))
    }
}

/// How many base-128 numbers a packed block holds.
pub(crate) fn packed_numbers(block: &[u8]) -> u64 {
    block.iter().filter(|byte| **byte & 0x80 == 0).count() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_each_kind() {
        // Field 1: 300; field 2: "ab"; field 3: four bytes.
        let bytes = [0x08, 0xac, 0x02, 0x12, 2, b'a', b'b', 0x1d, 0, 0, 0, 0];
        let (first, at) = field(&bytes, 0, bytes.len()).unwrap();
        assert_eq!((first.number, first.value), (1, Value::Number));
        let (second, at) = field(&bytes, at, bytes.len()).unwrap();
        assert_eq!((second.number, second.value), (2, Value::Block(5..7)));
        let (third, at) = field(&bytes, at, bytes.len()).unwrap();
        assert_eq!((third.number, third.value, at), (3, Value::Fixed, bytes.len()));
    }

    #[test]
    fn knows_how_much_is_missing() {
        assert_eq!(field(&[0x12, 10, 1, 2, 3], 0, 5), Err(WireError::PastEnd(7)));
        assert_eq!(field(&[0x08], 0, 1), Err(WireError::PastEnd(1)));
        assert!(matches!(field(&[0x0b], 0, 1), Err(WireError::Malformed(_))));
        assert!(matches!(field(&[0xff; 12], 0, 12), Err(WireError::Malformed(_))));
        assert!(matches!(field(&[0x02, 0], 0, 2), Err(WireError::Malformed(_))));
    }

    proptest! {
        #[test]
        fn always_moves_forward(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut at = 0;
            while at < bytes.len() {
                match field(&bytes, at, bytes.len()) {
                    Ok((_, next)) => {
                        prop_assert!(next > at && next <= bytes.len());
                        at = next;
                    }
                    Err(_) => break,
                }
            }
        }
    }
}
