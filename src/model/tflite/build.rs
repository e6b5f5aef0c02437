//! FlatBuffers' wire format, written front to back: a table first, then what it points to. The same value gives the same bytes.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::model::tflite::wire::Scalar;
use crate::model::tflite::wire::Table;

/// The fields that a table has, before they have places.
#[derive(Default)]
pub(super) struct Slots(Vec<Slot>);

struct Slot {
    number: u16,
    size: usize,
    bits: u64,
}

impl Slots {
    /// A number, left out where it is the default.
    pub(super) fn scalar<T: Scalar>(&mut self, number: u16, value: T, default: T) {
        if value.bits() != default.bits() {
            self.push(number, T::SIZE, value.bits());
        }
    }

    /// An offset that is filled in later.
    pub(super) fn offset(&mut self, number: u16, present: bool) {
        if present {
            self.push(number, 4, 0);
        }
    }

    /// A union: its kind in the slot before, and an offset.
    pub(super) fn union(&mut self, number: u16, kind: Option<u8>) {
        if let Some(kind) = kind {
            self.push(number - 1, 1, u64::from(kind));
            self.push(number, 4, 0);
        }
    }

    fn push(&mut self, number: u16, size: usize, bits: u64) {
        self.0.push(Slot { number, size, bits });
    }
}

/// A table that was written, and where its fields lie.
pub(super) struct Written {
    at: usize,
    fields: Vec<(u16, usize)>,
}

impl Written {
    pub(super) fn at(&self) -> usize {
        self.at
    }
}

/// A file in the making.
pub struct Writer {
    bytes: Vec<u8>,
    /// Field lists by content; tables of the same shape share one.
    lists: BTreeMap<Vec<u16>, usize>,
}

impl Writer {
    /// A file with room for `capacity` bytes.
    pub(super) fn new(identifier: &[u8; 4], capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend([0; 4]);
        bytes.extend(identifier);
        Self {
            bytes,
            lists: BTreeMap::new(),
        }
    }

    /// Appends the root table, and gives the file.
    pub(super) fn finish<T: Table>(mut self, root: &T) -> Vec<u8> {
        let at = root.write(&mut self);
        self.patch(0, at);
        self.align(16);
        self.bytes
    }

    fn align(&mut self, multiple: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(multiple), 0);
    }

    /// An offset from the place `from` to `target`, which lies behind it.
    fn patch(&mut self, from: usize, target: usize) {
        // A file beyond the format's reach is refused when it is whole.
        let offset = (target - from) as u32;
        if let Some(place) = self.bytes.get_mut(from..from + 4) {
            place.copy_from_slice(&offset.to_le_bytes());
        }
    }

    /// Appends a table, the widest fields first.
    pub(super) fn table(&mut self, slots: Slots) -> Written {
        let mut slots = slots.0;
        slots.sort_by_key(|slot| (std::cmp::Reverse(slot.size), slot.number));
        let widest = slots.first().map_or(4, |slot| slot.size.max(4));
        // The head takes four bytes; eight-byte fields start at eight.
        let mut size = if widest == 8 { 8 } else { 4 };
        let mut places = Vec::with_capacity(slots.len());
        for slot in &slots {
            places.push((slot.number, size));
            size += slot.size;
        }
        let count = slots.iter().map(|slot| slot.number + 1).max().unwrap_or(0);
        let mut list = vec![0_u16; 2 + usize::from(count)];
        list[0] = (list.len() * 2) as u16;
        list[1] = size as u16;
        for (number, place) in &places {
            list[2 + usize::from(*number)] = *place as u16;
        }
        let description = match self.lists.get(&list) {
            Some(at) => *at,
            None => {
                self.align(2);
                let at = self.bytes.len();
                self.bytes.extend(list.iter().flat_map(|entry| entry.to_le_bytes()));
                self.lists.insert(list, at);
                at
            }
        };
        self.align(widest);
        let at = self.bytes.len();
        self.bytes.extend(((at - description) as i32).to_le_bytes());
        if widest == 8 {
            self.bytes.extend([0; 4]);
        }
        for slot in &slots {
            self.bytes.extend(&slot.bits.to_le_bytes()[..slot.size]);
        }
        Written {
            at,
            fields: places.into_iter().map(|(number, place)| (number, at + place)).collect(),
        }
    }

    /// Lets a field of a table point to `target`.
    pub(super) fn point(&mut self, table: &Written, slot: u16, target: usize) {
        if let Some((_, at)) = table.fields.iter().find(|(number, _)| *number == slot) {
            self.patch(*at, target);
        }
    }

    /// A vector's head, so that its elements start at a multiple of `align`.
    fn vector(&mut self, table: &Written, slot: u16, count: usize, align: usize) {
        let start = (self.bytes.len() + 4).next_multiple_of(align.max(4));
        self.bytes.resize(start - 4, 0);
        self.point(table, slot, start - 4);
        self.bytes.extend((count as u32).to_le_bytes());
    }

    pub(super) fn bytes(&mut self, table: &Written, slot: u16, value: &Option<Bytes>, align: usize) {
        if let Some(value) = value {
            self.vector(table, slot, value.len(), align);
            self.bytes.extend_from_slice(value);
        }
    }

    pub(super) fn scalars<T: Scalar>(&mut self, table: &Written, slot: u16, value: &Option<Vec<T>>) {
        if let Some(value) = value {
            self.vector(table, slot, value.len(), T::SIZE);
            for element in value {
                self.bytes.extend(&element.bits().to_le_bytes()[..T::SIZE]);
            }
        }
    }

    pub(super) fn string(&mut self, table: &Written, slot: u16, value: &Option<String>) {
        if let Some(value) = value {
            self.vector(table, slot, value.len(), 1);
            self.bytes.extend_from_slice(value.as_bytes());
            // Readers in C take it as it lies.
            self.bytes.push(0);
        }
    }

    pub(super) fn table_at<T: Table>(&mut self, table: &Written, slot: u16, value: &Option<T>) {
        if let Some(value) = value {
            let at = value.write(self);
            self.point(table, slot, at);
        }
    }

    pub(super) fn tables<T: Table>(&mut self, table: &Written, slot: u16, value: &Option<Vec<T>>) {
        let Some(value) = value else { return };
        self.vector(table, slot, value.len(), 4);
        let start = self.bytes.len();
        self.bytes.resize(start + 4 * value.len(), 0);
        for (index, element) in value.iter().enumerate() {
            let at = element.write(self);
            self.patch(start + 4 * index, at);
        }
    }
}
