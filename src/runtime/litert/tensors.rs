//! Tensors on their way into LiteRT and out of it.

use std::ffi::c_int;
use std::ffi::c_void;

use crate::model::tensor::ElementType;
use crate::model::tensor::Tensor;
use crate::runtime::protocol::Failure;
use crate::runtime::protocol::FailureKind;

use super::abi::Environment;
use super::abi::Interface;
use super::abi::Owned;
use super::abi::READ;
use super::abi::Requirements;
use super::abi::Status;
use super::abi::TensorBuffer;
use super::abi::TensorType;
use super::abi::WRITE;
use super::abi::call;
use super::abi::fetch;
use super::graph::Port;

/// `LiteRtElementType` of the types that can be fed.
const ELEMENTS: [(ElementType, c_int); 13] = [
    (ElementType::Float, 1),
    (ElementType::Float16, 10),
    (ElementType::BFloat16, 19),
    (ElementType::Double, 11),
    (ElementType::Int8, 9),
    (ElementType::Int16, 7),
    (ElementType::Int32, 2),
    (ElementType::Int64, 4),
    (ElementType::UInt8, 3),
    (ElementType::UInt16, 17),
    (ElementType::UInt32, 16),
    (ElementType::UInt64, 13),
    (ElementType::Bool, 6),
];

/// `kLiteRtElementTypeTfString`.
const STRING: c_int = 5;

/// The type that the library means.
pub(super) fn element(code: c_int) -> ElementType {
    if code == STRING {
        return ElementType::String;
    }
    let found = ELEMENTS.iter().find(|(_, theirs)| *theirs == code);
    found.map_or(ElementType::Other, |(ours, _)| *ours)
}

/// The tensors of `given` in the order of `ports`; refuses what is missing, unknown, or of another type or rank.
pub(super) fn in_order<'a>(ports: &[Port], given: &'a [Tensor]) -> Result<Vec<&'a Tensor>, Failure> {
    let refuse = |message: String| Failure {
        kind: FailureKind::Input,
        message,
    };
    if let Some(unknown) = given
        .iter()
        .find(|tensor| ports.iter().all(|port| !port.is_called(&tensor.name)))
    {
        let known: Vec<String> = ports.iter().map(|port| format!("`{}`", port.tensor)).collect();
        return Err(refuse(format!(
            "the model has no input `{}`; it has {}",
            unknown.name,
            known.join(", ")
        )));
    }
    ports
        .iter()
        .map(|port| {
            let tensor = given
                .iter()
                .find(|tensor| port.is_called(&tensor.name))
                .ok_or_else(|| refuse(format!("nothing was given for input `{}`", port.tensor)))?;
            let wanted = port.spec();
            if matches!(wanted.element, ElementType::String | ElementType::Other) {
                return Err(refuse(format!(
                    "input `{}` holds {:?}, which cannot be fed",
                    port.tensor, wanted.element
                )));
            }
            let bytes = wanted.element.size().map(|size| tensor.len() * size);
            if wanted.element != tensor.element || bytes != Some(tensor.data.len()) {
                return Err(refuse(format!(
                    "input `{}` takes {}, and was given {:?} {:?} in {} bytes",
                    port.tensor,
                    wanted.describe(),
                    tensor.element,
                    tensor.shape,
                    tensor.data.len()
                )));
            }
            if port.kind.layout.dimensions().len() != tensor.shape.len() {
                return Err(refuse(format!(
                    "input `{}` takes {}, and was given {} dimensions",
                    port.tensor,
                    wanted.describe(),
                    tensor.shape.len()
                )));
            }
            Ok(tensor)
        })
        .collect()
}

/// A buffer of the library's.
pub(super) struct Buffer {
    owned: Owned<TensorBuffer>,
    bytes: usize,
}

impl Buffer {
    /// Makes one for tensors of `kind`.
    pub(super) fn new(
        interface: &Interface,
        environment: Environment,
        kind: &TensorType,
        requirements: Requirements,
    ) -> Result<Self, Status> {
        let handle = fetch!(
            interface,
            create_buffer(environment, kind, requirements),
            TensorBuffer::NULL
        )?;
        let owned = Owned::new(handle, interface.destroy_buffer);
        let bytes = fetch!(interface, buffer_bytes(handle), 0)?;
        Ok(Self { owned, bytes })
    }

    pub(super) fn handle(&self) -> TensorBuffer {
        self.owned.get()
    }

    /// Bytes of the elements.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Fills it with `data`, which must be as long as it is.
    pub(super) fn write(&mut self, interface: &Interface, data: &[u8], element: ElementType) -> Result<(), Status> {
        if data.is_empty() {
            return Ok(());
        }
        let start: *mut c_void = fetch!(interface, lock_buffer(self.handle()), std::ptr::null_mut(), WRITE)?;
        if start.is_null() || data.len() != self.bytes {
            let _ = call!(interface, unlock_buffer(self.handle()));
            return Err(1);
        }
        // SAFETY: a locked buffer holds `self.bytes` bytes at `start`, which nobody else refers to until it is unlocked; any byte may
        // stand in each, and what stood there before is not read.
        #[expect(unsafe_code, reason = "one copy for every element type")]
        unsafe {
            std::ptr::copy_nonoverlapping(data.as_ptr(), start.cast::<u8>(), self.bytes);
            if element == ElementType::Bool {
                let bytes = std::slice::from_raw_parts_mut(start.cast::<u8>(), self.bytes);
                bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
            }
        }
        call!(interface, unlock_buffer(self.handle()))
    }

    /// Shows `look` its elements where they lie.
    pub(super) fn read<R>(&self, interface: &Interface, look: impl FnOnce(&[u8]) -> R) -> Result<R, Status> {
        if self.bytes == 0 {
            return Ok(look(&[]));
        }
        let start: *mut c_void = fetch!(interface, lock_buffer(self.handle()), std::ptr::null_mut(), READ)?;
        if start.is_null() {
            let _ = call!(interface, unlock_buffer(self.handle()));
            return Err(1);
        }
        // SAFETY: a locked buffer holds `self.bytes` bytes at `start` until it is unlocked below, and the engine has written each of
        // them; they are read as bytes, so no alignment or validity of elements is assumed.
        #[expect(unsafe_code, reason = "one look for every element type")]
        let data = unsafe { std::slice::from_raw_parts(start.cast::<u8>(), self.bytes) };
        let seen = look(data);
        call!(interface, unlock_buffer(self.handle()))?;
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_types_map_both_ways() {
        let mut codes = std::collections::BTreeSet::new();
        for (ours, theirs) in ELEMENTS {
            assert_eq!(element(theirs), ours);
            assert!(ours.size().is_some() && codes.insert(theirs));
        }
        assert_eq!(element(STRING), ElementType::String);
        assert_eq!(element(8), ElementType::Other);
    }
}
