//! A sink that holds what is written into it against what is expected, and keeps nothing: whether a model would be written as it
//! was read is found out without a second copy of its weights.

use bytes::Buf;
use bytes::BufMut;
use bytes::buf::UninitSlice;

/// Room for what writers put together byte by byte.
const SCRATCH: usize = 64;

/// Compares what is written with `expected`, from its beginning on.
pub(super) struct Compared<'a> {
    expected: &'a [u8],
    equal: bool,
    scratch: [u8; SCRATCH],
}

impl<'a> Compared<'a> {
    /// Nothing has been written yet.
    pub(super) fn with(expected: &'a [u8]) -> Self {
        Self {
            expected,
            equal: true,
            scratch: [0; SCRATCH],
        }
    }

    /// True where everything that was expected was written, and nothing else.
    pub(super) fn is_equal(&self) -> bool {
        self.equal && self.expected.is_empty()
    }

    fn compare(&mut self, written: &[u8]) {
        match self.expected.split_at_checked(written.len()) {
            Some((head, rest)) => {
                self.equal = self.equal && head == written;
                self.expected = rest;
            }
            None => self.equal = false,
        }
    }
}

#[expect(unsafe_code, reason = "the trait is unsafe to implement")]
// SAFETY: `chunk_mut` hands out all of `scratch`, which is initialized at all times, and `advance_mut` reads no further than that;
// writing more only makes the comparison fail.
unsafe impl BufMut for Compared<'_> {
    fn remaining_mut(&self) -> usize {
        usize::MAX
    }

    unsafe fn advance_mut(&mut self, count: usize) {
        let scratch = self.scratch;
        match scratch.get(..count) {
            Some(written) => self.compare(written),
            None => self.equal = false,
        }
    }

    fn chunk_mut(&mut self) -> &mut UninitSlice {
        UninitSlice::new(&mut self.scratch)
    }

    fn put<T: Buf>(&mut self, mut source: T) {
        while source.has_remaining() {
            let chunk = source.chunk();
            let length = chunk.len();
            self.compare(chunk);
            source.advance(length);
        }
    }

    fn put_slice(&mut self, written: &[u8]) {
        self.compare(written);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::model::onnx::proto::TensorProto;

    proptest! {
        #[test]
        fn agrees_with_comparing_copies(
            dims in prop::collection::vec(any::<i64>(), 0..40),
            raw in prop::collection::vec(any::<u8>(), 0..200),
            flip in any::<prop::sample::Index>(),
            cut in 0_usize..3,
        ) {
            let tensor = TensorProto { dims, raw_data: Some(raw.into()), name: Some("w".to_owned()), ..TensorProto::default() };
            let mut bytes = tensor.encode_to_vec();
            let equal = |bytes: &[u8]| {
                let mut compared = Compared::with(bytes);
                tensor.encode(&mut compared).unwrap();
                compared.is_equal()
            };
            prop_assert!(equal(&bytes));
            prop_assert_eq!(equal(&bytes[..bytes.len() - cut]), cut == 0);
            let place = flip.index(bytes.len());
            bytes[place] ^= 1;
            prop_assert!(!equal(&bytes));
            bytes[place] ^= 1;
            bytes.push(0);
            prop_assert!(!equal(&bytes));
        }
    }
}
