//! The header of one NumPy array: type, order and shape, by the `.npy` format 1.0 to 3.0 (`numpy.lib.format`).

use std::io;
use std::io::Read;

use crate::model::tensor::ElementType;

/// A header larger than this belongs to no array of numbers.
const MAX_HEADER: usize = 64 * 1024;

/// NumPy refuses more dimensions too.
const MAX_RANK: usize = 64;

/// What an array looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// The type of its elements.
    pub(super) element: ElementType,
    /// True where the bytes of each element run from the most significant.
    pub(super) big_endian: bool,
    /// True where the first axis varies fastest.
    pub(super) fortran: bool,
    /// Its dimensions.
    pub(super) shape: Vec<u64>,
    /// NumPy's name of the type, as written.
    pub(super) descr: String,
}

impl Header {
    /// Reads up to and with the header, and leaves `source` at the first element. Errors are sentence fragments.
    pub(super) fn read(source: &mut impl Read) -> Result<Self, String> {
        let mut start = [0_u8; 8];
        source.read_exact(&mut start).map_err(short)?;
        let [magic @ .., major, _minor] = start;
        if magic != *b"\x93NUMPY" {
            return Err("it does not start like a NumPy array".to_owned());
        }
        let length = match major {
            1 => {
                let mut length = [0_u8; 2];
                source.read_exact(&mut length).map_err(short)?;
                usize::from(u16::from_le_bytes(length))
            }
            2 | 3 => {
                let mut length = [0_u8; 4];
                source.read_exact(&mut length).map_err(short)?;
                u32::from_le_bytes(length) as usize
            }
            other => return Err(format!("it has version {other} of NumPy's format, known are 1 to 3")),
        };
        if length > MAX_HEADER {
            return Err(format!("its header claims {length} bytes"));
        }
        let mut text = vec![0_u8; length];
        source.read_exact(&mut text).map_err(short)?;
        let text = String::from_utf8_lossy(&text);
        Self::parse(&text).ok_or_else(|| format!("its header cannot be read: `{}`", text.trim().escape_debug()))?
    }

    /// Reads the Python dictionary that the header is; `None` where it is no such dictionary.
    fn parse(text: &str) -> Option<Result<Self, String>> {
        let descr_text = value(text, "descr")?;
        let fortran = match value(text, "fortran_order")? {
            rest if rest.starts_with("True") => true,
            rest if rest.starts_with("False") => false,
            _ => return None,
        };
        let inside = value(text, "shape")?.strip_prefix('(')?.split_once(')')?.0;
        let shape = inside
            .split(',')
            .map(str::trim)
            .filter(|size| !size.is_empty())
            // Python 2 wrote long integers with an `L`.
            .map(|size| size.trim_end_matches('L').parse::<u64>().ok())
            .collect::<Option<Vec<u64>>>()?;
        if shape.len() > MAX_RANK {
            return None;
        }
        let descr = quoted(descr_text).unwrap_or("a structured type");
        let (order, kind) = descr.split_at_checked(1).unwrap_or((descr, ""));
        let element = match kind {
            "f2" => ElementType::Float16,
            "f4" => ElementType::Float,
            "f8" => ElementType::Double,
            "i1" => ElementType::Int8,
            "i2" => ElementType::Int16,
            "i4" => ElementType::Int32,
            "i8" => ElementType::Int64,
            "u1" => ElementType::UInt8,
            "u2" => ElementType::UInt16,
            "u4" => ElementType::UInt32,
            "u8" => ElementType::UInt64,
            "b1" => ElementType::Bool,
            _ => return Some(Err(format!("it holds `{descr}`, not numbers"))),
        };
        if !matches!(order, "<" | ">" | "|" | "=") {
            return Some(Err(format!("it holds `{descr}`, not numbers")));
        }
        Some(Ok(Self {
            element,
            big_endian: order == ">",
            fortran,
            shape,
            descr: descr.to_owned(),
        }))
    }

    /// For people: `` `<f4` ``.
    pub(super) fn describe(&self) -> String {
        format!("`{}`", self.descr)
    }

    /// The bytes of one row along the first axis, and of all; `None` where they overflow.
    pub(super) fn bytes(&self) -> Option<(u64, u64)> {
        let width = self.element.size()? as u64;
        let row = self
            .shape
            .iter()
            .skip(1)
            .try_fold(width, |bytes, size| bytes.checked_mul(*size))?;
        Some((row, row.checked_mul(self.shape.first().copied().unwrap_or(1))?))
    }

    /// The first `rows` rows of `raw`, which starts at the first element, in row-major order and little-endian.
    pub(super) fn arrange(&self, mut raw: Vec<u8>, rows: u64) -> Vec<u8> {
        let width = self.element.size().unwrap_or(1);
        if self.big_endian {
            raw.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        if self.fortran && self.shape.len() > 1 {
            raw = self.transposed(&raw, width, rows);
        }
        raw
    }

    /// Row-major order out of column-major order.
    fn transposed(&self, raw: &[u8], width: usize, rows: u64) -> Vec<u8> {
        let mut shape = self.shape.clone();
        let strides: Vec<usize> = shape
            .iter()
            .scan(width, |stride, size| {
                let own = *stride;
                *stride *= *size as usize;
                Some(own)
            })
            .collect();
        shape[0] = rows.min(shape[0]);
        let count = shape.iter().product::<u64>() as usize;
        let mut arranged = Vec::with_capacity(count * width);
        let mut index = vec![0_u64; shape.len()];
        for _ in 0..count {
            let at: usize = index
                .iter()
                .zip(&strides)
                .map(|(index, stride)| *index as usize * stride)
                .sum();
            arranged.extend_from_slice(&raw[at..at + width]);
            for (index, size) in index.iter_mut().zip(&shape).rev() {
                *index += 1;
                if *index < *size {
                    break;
                }
                *index = 0;
            }
        }
        arranged
    }
}

/// One whole array of at most `most` bytes: its header, and its elements in row-major order, little-endian.
pub(super) fn array(source: &mut impl Read, most: u64) -> Result<(Header, Vec<u8>), String> {
    let header = Header::read(source)?;
    let needed = match header.bytes() {
        Some((_, needed)) if needed <= most => needed,
        _ => return Err(format!("its shape {:?} needs more than {most} bytes", header.shape)),
    };
    let mut raw = Vec::new();
    source
        .take(needed)
        .read_to_end(&mut raw)
        .map_err(|error| error.to_string())?;
    if (raw.len() as u64) < needed {
        return Err(format!("it ends after {} of {needed} bytes", raw.len()));
    }
    let rows = header.shape.first().copied().unwrap_or(1);
    let data = header.arrange(raw, rows);
    Ok((header, data))
}

/// What stands behind `'key':` in a Python dictionary.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = ['\'', '"']
        .iter()
        .find_map(|quote| text.split_once(&format!("{quote}{key}{quote}")))?;
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

/// The text between the quotes that `text` starts with.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    text[1..].split_once(quote).map(|(inside, _)| inside)
}

fn short(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends before its header does".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Header, String> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.bytes());
        Header::read(&mut bytes.as_slice())
    }

    #[test]
    fn reads_what_numpy_writes() {
        let header = parse("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1, 8), }   \n").unwrap();
        assert_eq!(
            (header.element, header.shape.as_slice()),
            (ElementType::Float, [3, 1, 8].as_slice())
        );
        assert_eq!(header.bytes(), Some((32, 96)));
        let header = parse("{'descr': '|b1', 'fortran_order': True, 'shape': (), }").unwrap();
        assert_eq!(
            (header.element, header.fortran, header.shape.len()),
            (ElementType::Bool, true, 0)
        );
        let header = parse("{'descr': '>i8', 'fortran_order': False, 'shape': (5,), }").unwrap();
        assert!(header.big_endian && header.shape == [5]);
    }

    #[test]
    fn says_what_it_cannot_hold() {
        let objects = parse("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }").unwrap_err();
        assert_eq!(objects, "it holds `|O`, not numbers");
        let fields = parse("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }").unwrap_err();
        assert_eq!(fields, "it holds `a structured type`, not numbers");
        assert!(
            parse("{'descr': '<f4'}")
                .unwrap_err()
                .starts_with("its header cannot be read")
        );
        assert!(parse("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}").is_err());
        assert!(Header::read(&mut b"PK".as_slice()).is_err());
    }

    #[test]
    fn puts_other_orders_right() {
        let header = Header {
            element: ElementType::Int16,
            big_endian: true,
            fortran: true,
            shape: vec![2, 3],
            descr: ">i2".to_owned(),
        };
        // [[0, 1, 2], [3, 4, 5]] by columns, most significant byte first.
        let raw: Vec<u8> = [0_i16, 3, 1, 4, 2, 5]
            .iter()
            .flat_map(|value| value.to_be_bytes())
            .collect();
        let expected: Vec<u8> = (0_i16..6).flat_map(i16::to_le_bytes).collect();
        assert_eq!(header.arrange(raw.clone(), 2), expected);
        assert_eq!(header.arrange(raw, 1), expected[..6]);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "[{}()'a-z<>:, 0-9L\u{e9}]{0,60}", raw in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&text);
            let _ = parse(&format!("{{'descr': '{text}', 'fortran_order': True, 'shape': ({text})}}"));
            let _ = Header::read(&mut raw.as_slice());
        }

        #[test]
        fn an_array_has_the_bytes_of_its_shape_or_is_refused(
            shape in prop::collection::vec(0_u64..5, 0..4), fortran: bool, kind in "[fiub][1248]",
            data in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let shape: Vec<String> = shape.iter().map(u64::to_string).collect();
            let order = if fortran { "True" } else { "False" };
            let text = format!("{{'descr': '<{kind}', 'fortran_order': {order}, 'shape': ({},)}}", shape.join(", "));
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend((text.len() as u16).to_le_bytes());
            bytes.extend(text.bytes());
            bytes.extend(&data);
            if let Ok((header, arranged)) = array(&mut bytes.as_slice(), 10_000) {
                prop_assert_eq!(header.bytes().map(|(_, all)| all), Some(arranged.len() as u64));
            }
        }
    }
}
