//! FlatBuffers' wire format, read with suspicion: every offset, length and alignment is checked before it is followed, and what
//! decoding takes in memory is bounded by the file's size. Byte vectors share memory with the file.

use std::cell::Cell;
use std::cell::RefCell;
use std::fmt;

use bytes::Bytes;

use crate::model::tflite::build::Writer;

/// Beyond this many times the size of the file, and [`ALLOWANCE`], decoding may not take memory: tables may share what they
/// point to, so that a small file can stand for a huge model.
const FACTOR: u64 = 16;

/// Memory in bytes that any file may take.
const ALLOWANCE: u64 = 64 << 20;

/// Where reading stopped, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} {problem}")]
pub struct WireError {
    /// Which table and field, such as `subgraphs[0].tensors[3].shape`.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

/// A way down from the root table, for messages.
#[derive(Clone, Copy)]
struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    name: &'static str,
    index: Option<usize>,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent.filter(|parent| !parent.name.is_empty()) {
            write!(f, "{parent}.")?;
        }
        f.write_str(if self.name.is_empty() { "the model" } else { self.name })?;
        match self.index {
            Some(index) => write!(f, "[{index}]"),
            None => Ok(()),
        }
    }
}

/// A table of the schema, as an owned value.
pub trait Table: Sized {
    /// How many fields the schema knows.
    const SLOTS: u16;

    /// Reads one.
    fn read(table: &TableRef<'_>) -> Result<Self, WireError>;

    /// Appends it and what it points to; gives its position.
    fn write(&self, writer: &mut Writer) -> usize;
}

/// A number as it lies in a file.
pub trait Scalar: Copy {
    /// Its bytes.
    const SIZE: usize;

    /// Out of as many bytes; others give zero.
    fn from_bytes(bytes: &[u8]) -> Self;

    /// Its bits, as the low bytes.
    fn bits(self) -> u64;
}

macro_rules! scalars {
    ($($type:ty => $bits:expr),* $(,)?) => {$(
        impl Scalar for $type {
            const SIZE: usize = size_of::<$type>();

            fn from_bytes(bytes: &[u8]) -> Self {
                bytes.first_chunk().copied().map(<$type>::from_le_bytes).unwrap_or_default()
            }

            fn bits(self) -> u64 {
                $bits(self)
            }
        }
    )*};
}

scalars! {
    u8 => u64::from,
    i8 => |value: i8| u64::from(value.cast_unsigned()),
    u16 => u64::from,
    i16 => |value: i16| u64::from(value.cast_unsigned()),
    u32 => u64::from,
    i32 => |value: i32| u64::from(value.cast_unsigned()),
    u64 => |value| value,
    i64 => |value: i64| value.cast_unsigned(),
    f32 => |value: f32| u64::from(value.to_bits()),
    f64 => |value: f64| value.to_bits(),
}

impl Scalar for bool {
    const SIZE: usize = 1;

    fn from_bytes(bytes: &[u8]) -> Self {
        bytes.first().is_some_and(|byte| *byte != 0)
    }

    fn bits(self) -> u64 {
        u64::from(self)
    }
}

/// A number that stands for something, open to values that this schema does not name.
macro_rules! enumeration {
    ($name:ident($type:ty) { $($constant:ident = $value:expr,)* }) => {
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $type);

        impl $name {
            $(pub const $constant: Self = Self($value);)*

            /// Its name in the schema; `None` for a value that the schema does not name.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($constant)),)*
                    _ => None,
                }
            }

            /// Every value that the schema names, in its order.
            pub fn all() -> &'static [Self] {
                &[$(Self::$constant),*]
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "number {}", self.0),
                }
            }
        }

        impl crate::model::tflite::wire::Scalar for $name {
            const SIZE: usize = size_of::<$type>();

            fn from_bytes(bytes: &[u8]) -> Self {
                Self(<$type as crate::model::tflite::wire::Scalar>::from_bytes(bytes))
            }

            fn bits(self) -> u64 {
                crate::model::tflite::wire::Scalar::bits(self.0)
            }
        }
    };
}
pub(crate) use enumeration;

/// The file, and what was found out while reading it.
struct File<'a> {
    bytes: &'a Bytes,
    memory: Cell<u64>,
    unknown: RefCell<Option<String>>,
}

impl File<'_> {
    fn charge(&self, memory: usize, place: &Place<'_>) -> Result<(), WireError> {
        let allowed = ALLOWANCE + FACTOR * self.bytes.len() as u64;
        let taken = self.memory.get().saturating_add(memory as u64);
        self.memory.set(taken);
        if taken > allowed {
            return wrong(
                place,
                format!(
                    "would bring the model's structure to more than {} of memory, too much for a file of {}",
                    crate::units::Bytes(allowed),
                    crate::units::Bytes(self.bytes.len() as u64)
                ),
            );
        }
        Ok(())
    }

    /// So many bytes from `at` on.
    fn get(&self, at: usize, size: usize, place: &Place<'_>) -> Result<&[u8], WireError> {
        let found = at.checked_add(size).and_then(|end| self.bytes.get(at..end));
        found.map_or_else(
            || {
                wrong(
                    place,
                    format!(
                        "lies at byte {at} and takes {size}, beyond the end of the file ({} bytes); it is damaged or cut short",
                        self.bytes.len()
                    ),
                )
            },
            Ok,
        )
    }

    fn number<T: Scalar>(&self, at: usize, place: &Place<'_>) -> Result<T, WireError> {
        if !at.is_multiple_of(T::SIZE) {
            return wrong(place, format!("lies at byte {at}, which is no multiple of {}", T::SIZE));
        }
        Ok(T::from_bytes(self.get(at, T::SIZE, place)?))
    }

    /// Where the offset at `at` points to.
    fn follow(&self, at: usize, place: &Place<'_>) -> Result<usize, WireError> {
        let offset = self.number::<u32>(at, place)? as usize;
        let target = at.saturating_add(offset);
        if offset == 0 || target >= self.bytes.len() {
            return wrong(
                place,
                format!(
                    "points {offset} bytes on from byte {at}, outside the file ({} bytes); it is damaged or cut short",
                    self.bytes.len()
                ),
            );
        }
        Ok(target)
    }
}

fn wrong<T>(place: &Place<'_>, problem: impl Into<String>) -> Result<T, WireError> {
    Err(WireError {
        place: place.to_string(),
        problem: problem.into(),
    })
}

/// A table in a file; its own extent is checked, its fields are when they are read.
pub struct TableRef<'a> {
    file: &'a File<'a>,
    place: &'a Place<'a>,
    at: usize,
    size: usize,
    slots: &'a [u8],
}

impl<'a> TableRef<'a> {
    fn open(file: &'a File<'a>, place: &'a Place<'a>, at: usize, known: u16) -> Result<Self, WireError> {
        let back = i64::from(file.number::<i32>(at, place)?);
        let description = usize::try_from(at as i64 - back).unwrap_or(usize::MAX);
        let length = usize::from(file.number::<u16>(description, place)?);
        if length < 4 || !length.is_multiple_of(2) {
            return wrong(
                place,
                format!("has a field list of {length} bytes; expected an even number from 4 on"),
            );
        }
        let list = file.get(description, length, place)?;
        let size = usize::from(u16::from_bytes(&list[2..]));
        file.get(at, size.max(4), place)?;
        let slots = &list[4..];
        let table = Self {
            file,
            place,
            at,
            size,
            slots,
        };
        let mut beyond = slots.chunks_exact(2).enumerate().skip(usize::from(known));
        if let Some((slot, _)) = beyond.find(|(_, offset)| offset.iter().any(|byte| *byte != 0)) {
            file.unknown
                .borrow_mut()
                .get_or_insert_with(|| format!("field {slot} of {place}"));
        }
        Ok(table)
    }

    fn beneath(&self, name: &'static str) -> Place<'_> {
        Place {
            parent: Some(self.place),
            name,
            index: None,
        }
    }

    /// Where the field of `size` bytes lies; `None` where the table leaves it out.
    fn field(&self, slot: u16, name: &'static str, size: usize) -> Result<Option<usize>, WireError> {
        let start = usize::from(slot) * 2;
        let offset = self
            .slots
            .get(start..start + 2)
            .map_or(0, |bytes| usize::from(u16::from_bytes(bytes)));
        if offset == 0 {
            return Ok(None);
        }
        if offset < 4 || offset + size > self.size {
            return wrong(
                &self.beneath(name),
                format!("lies {offset} bytes into a table of {} bytes", self.size),
            );
        }
        Ok(Some(self.at + offset))
    }

    fn pointed(&self, slot: u16, name: &'static str) -> Result<Option<usize>, WireError> {
        self.field(slot, name, 4)?
            .map(|at| self.file.follow(at, &self.beneath(name)))
            .transpose()
    }

    /// Where a vector's elements of `size` bytes start, and how many there are.
    fn elements(&self, slot: u16, name: &'static str, size: usize) -> Result<Option<(usize, usize)>, WireError> {
        let Some(at) = self.pointed(slot, name)? else {
            return Ok(None);
        };
        let place = self.beneath(name);
        let count = self.file.number::<u32>(at, &place)? as usize;
        let start = at + 4;
        if count > 0 && !start.is_multiple_of(size) {
            return wrong(
                &place,
                format!("has elements from byte {start} on, which is no multiple of {size}"),
            );
        }
        if self.file.bytes.len().saturating_sub(start) / size < count {
            return wrong(
                &place,
                format!(
                    "claims {count} elements at byte {at}, beyond the end of the file ({} bytes); it is damaged or cut short",
                    self.file.bytes.len()
                ),
            );
        }
        Ok(Some((start, count)))
    }

    pub(super) fn scalar<T: Scalar>(&self, slot: u16, name: &'static str, default: T) -> Result<T, WireError> {
        match self.field(slot, name, T::SIZE)? {
            Some(at) => self.file.number(at, &self.beneath(name)),
            None => Ok(default),
        }
    }

    pub(super) fn scalars<T: Scalar>(&self, slot: u16, name: &'static str) -> Result<Option<Vec<T>>, WireError> {
        let Some((start, count)) = self.elements(slot, name, T::SIZE)? else {
            return Ok(None);
        };
        let place = self.beneath(name);
        self.file.charge(count * size_of::<T>(), &place)?;
        let bytes = self.file.get(start, count * T::SIZE, &place)?;
        Ok(Some(bytes.chunks_exact(T::SIZE).map(T::from_bytes).collect()))
    }

    pub(super) fn bytes(&self, slot: u16, name: &'static str) -> Result<Option<Bytes>, WireError> {
        let found = self.elements(slot, name, 1)?;
        Ok(found.map(|(start, count)| self.file.bytes.slice(start..start + count)))
    }

    pub(super) fn string(&self, slot: u16, name: &'static str) -> Result<Option<String>, WireError> {
        let Some((start, count)) = self.elements(slot, name, 1)? else {
            return Ok(None);
        };
        self.text(start, count, &self.beneath(name)).map(Some)
    }

    fn text(&self, start: usize, count: usize, place: &Place<'_>) -> Result<String, WireError> {
        self.file.charge(count + size_of::<String>(), place)?;
        let bytes = self.file.get(start, count, place)?;
        std::str::from_utf8(bytes).map(str::to_owned).or_else(|error| {
            wrong(
                place,
                format!("is no UTF-8 text (at byte {})", start + error.valid_up_to()),
            )
        })
    }

    pub(super) fn table<T: Table>(&self, slot: u16, name: &'static str) -> Result<Option<T>, WireError> {
        let Some(at) = self.pointed(slot, name)? else {
            return Ok(None);
        };
        let place = self.beneath(name);
        self.file.charge(size_of::<T>(), &place)?;
        T::read(&TableRef::open(self.file, &place, at, T::SLOTS)?).map(Some)
    }

    pub(super) fn tables<T: Table>(&self, slot: u16, name: &'static str) -> Result<Option<Vec<T>>, WireError> {
        let Some((start, count)) = self.elements(slot, name, 4)? else {
            return Ok(None);
        };
        // Even a table without fields costs the time to read it.
        let each = size_of::<T>().max(16);
        self.file.charge(count.saturating_mul(each), &self.beneath(name))?;
        let mut tables = Vec::with_capacity(count);
        for index in 0..count {
            let place = Place {
                index: Some(index),
                ..self.beneath(name)
            };
            let at = self.file.follow(start + 4 * index, &place)?;
            tables.push(T::read(&TableRef::open(self.file, &place, at, T::SLOTS)?)?);
        }
        Ok(Some(tables))
    }

    pub(super) fn unknown_union<T>(&self, name: &'static str, kind: u8) -> Result<T, WireError> {
        wrong(
            &self.beneath(name),
            format!("is of kind {kind}, which this version of the schema does not know"),
        )
    }
}

/// A root table, decoded.
pub(super) struct Decoded<T> {
    pub(super) root: T,
    /// The first field that the file has and the schema does not know.
    pub(super) unknown: Option<String>,
}

/// Decodes a file whose root table is a `T`.
pub(super) fn decode<T: Table>(bytes: &Bytes) -> Result<Decoded<T>, WireError> {
    let file = File {
        bytes,
        memory: Cell::new(0),
        unknown: RefCell::new(None),
    };
    let place = Place {
        parent: None,
        name: "",
        index: None,
    };
    let root = T::read(&TableRef::open(&file, &place, file.follow(0, &place)?, T::SLOTS)?)?;
    Ok(Decoded {
        root,
        unknown: file.unknown.take(),
    })
}
