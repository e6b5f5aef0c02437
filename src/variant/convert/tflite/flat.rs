//! The FlatBuffers encoding, as far as one file needs it: tables, vectors, texts, written front to back.
//!
//! Every table carries its own table of offsets before it. Source: the format's description (flatbuffers.dev, "FlatBuffer internals").

/// A value to be written.
pub(super) enum Flat {
    Bool(bool),
    Byte(u8),
    Int(i32),
    Float(f32),
    /// Fields by number; each number once.
    Table(Vec<(u16, Flat)>),
    Tables(Vec<Flat>),
    Ints(Vec<i32>),
    /// Data that engines read where they stand, at a multiple of 16 bytes.
    Bytes(bytes::Bytes),
    Text(String),
}

impl Flat {
    /// Bytes of the field itself; what lies elsewhere is an offset of 4 bytes.
    fn width(&self) -> usize {
        match self {
            Self::Bool(_) | Self::Byte(_) => 1,
            _ => 4,
        }
    }
}

/// A file with `root` as its root table and `identifier` as its mark; `None` where it grows past what offsets can say.
pub(super) fn file(root: &Flat, identifier: [u8; 4]) -> Option<Vec<u8>> {
    let mut out = vec![0; 4];
    out.extend_from_slice(&identifier);
    let at = write(&mut out, root)?;
    patch(&mut out, 0, at)?;
    (out.len() <= i32::MAX as usize).then_some(out)
}

fn align(out: &mut Vec<u8>, to: usize) {
    out.resize(out.len().next_multiple_of(to), 0);
}

/// Has the offset at `place` name `target`, which lies behind it.
fn patch(out: &mut [u8], place: usize, target: usize) -> Option<()> {
    let offset = u32::try_from(target.checked_sub(place)?).ok()?;
    out.get_mut(place..place + 4)?.copy_from_slice(&offset.to_le_bytes());
    Some(())
}

/// Writes what lies elsewhere; says where it begins.
fn write(out: &mut Vec<u8>, value: &Flat) -> Option<usize> {
    match value {
        Flat::Table(fields) => table(out, fields),
        Flat::Tables(tables) => {
            align(out, 4);
            let at = out.len();
            out.extend_from_slice(&u32::try_from(tables.len()).ok()?.to_le_bytes());
            out.resize(out.len() + 4 * tables.len(), 0);
            for (number, inner) in tables.iter().enumerate() {
                let target = write(out, inner)?;
                patch(out, at + 4 + 4 * number, target)?;
            }
            Some(at)
        }
        Flat::Ints(values) => {
            align(out, 4);
            let at = out.len();
            out.extend_from_slice(&u32::try_from(values.len()).ok()?.to_le_bytes());
            out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            Some(at)
        }
        Flat::Bytes(bytes) => {
            align(out, 4);
            while !(out.len() + 4).is_multiple_of(16) {
                out.push(0);
            }
            let at = out.len();
            out.extend_from_slice(&u32::try_from(bytes.len()).ok()?.to_le_bytes());
            out.extend_from_slice(bytes);
            Some(at)
        }
        Flat::Text(text) => {
            align(out, 4);
            let at = out.len();
            out.extend_from_slice(&u32::try_from(text.len()).ok()?.to_le_bytes());
            out.extend_from_slice(text.as_bytes());
            out.push(0);
            Some(at)
        }
        Flat::Bool(_) | Flat::Byte(_) | Flat::Int(_) | Flat::Float(_) => None,
    }
}

fn table(out: &mut Vec<u8>, fields: &[(u16, Flat)]) -> Option<usize> {
    // Wide fields first, so that all stand aligned behind the table's own offset.
    let mut order: Vec<&(u16, Flat)> = fields.iter().collect();
    order.sort_by_key(|(number, value)| (std::cmp::Reverse(value.width()), *number));
    let slots = fields
        .iter()
        .map(|(number, _)| usize::from(*number) + 1)
        .max()
        .unwrap_or(0);
    let mut offsets = vec![0_u16; slots];
    let mut size = 4_usize;
    for (number, value) in &order {
        *offsets.get_mut(usize::from(*number))? = u16::try_from(size).ok()?;
        size += value.width();
    }
    let head = 4 + 2 * slots;
    // The table behind its offsets must stand at a multiple of 4.
    align(out, 4);
    if !head.is_multiple_of(4) {
        out.extend_from_slice(&[0, 0]);
    }
    out.extend_from_slice(&u16::try_from(head).ok()?.to_le_bytes());
    out.extend_from_slice(&u16::try_from(size).ok()?.to_le_bytes());
    out.extend(offsets.iter().flat_map(|offset| offset.to_le_bytes()));
    let at = out.len();
    out.extend_from_slice(&i32::try_from(head).ok()?.to_le_bytes());
    let mut elsewhere = Vec::new();
    for (_, value) in &order {
        match value {
            Flat::Bool(value) => out.push(u8::from(*value)),
            Flat::Byte(value) => out.push(*value),
            Flat::Int(value) => out.extend_from_slice(&value.to_le_bytes()),
            Flat::Float(value) => out.extend_from_slice(&value.to_le_bytes()),
            other => {
                elsewhere.push((out.len(), other));
                out.extend_from_slice(&[0; 4]);
            }
        }
    }
    for (place, value) in elsewhere {
        let target = write(out, value)?;
        patch(out, place, target)?;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(bytes: &[u8], at: usize) -> usize {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    }

    #[test]
    fn tables_find_their_fields_and_data_stand_aligned() {
        let data = Flat::Bytes(vec![7; 5].into());
        let root = Flat::Table(vec![(2, data), (0, Flat::Byte(9)), (1, Flat::Int(-1))]);
        let bytes = file(&root, *b"TEST").unwrap();
        assert_eq!(&bytes[4..8], b"TEST");
        let table = word(&bytes, 0);
        let offsets = table - word(&bytes, table);
        let slot = |number: usize| {
            let at = offsets + 4 + 2 * number;
            table + usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()))
        };
        assert_eq!(bytes[slot(0)], 9);
        assert_eq!(word(&bytes, slot(1)), u32::MAX as usize);
        let vector = slot(2) + word(&bytes, slot(2));
        assert_eq!(word(&bytes, vector), 5);
        assert!((vector + 4).is_multiple_of(16));
        assert_eq!(&bytes[vector + 4..vector + 9], [7; 5]);
    }
}
