//! Blocks of numbers under one scale each, symmetric: what `MatMulNBits` and `GatherBlockQuantized` read without zero points.

/// How wide the integers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bits {
    /// 0 to 15 around 8, two in a byte, the first in the low half.
    Four,
    /// 0 to 255 around 128.
    Eight,
}

impl Bits {
    /// Their number.
    pub(super) fn count(self) -> usize {
        match self {
            Self::Four => 4,
            Self::Eight => 8,
        }
    }

    /// The integer that stands for 0.
    fn middle(self) -> f32 {
        match self {
            Self::Four => 8.0,
            Self::Eight => 128.0,
        }
    }
}

/// Rows of blocks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Blocks {
    /// The integers, packed; what is missing from a row's last block is 0, and never read.
    pub(super) bytes: Vec<u8>,
    /// One a block: real = scale · (integer − middle).
    pub(super) scales: Vec<f32>,
}

impl Blocks {
    /// Quantizes rows of `inner` numbers in blocks of `block`, an even number. As the reference does: the number that is furthest from
    /// 0 becomes the least integer, whatever its sign (the lower one of equals), and halves are rounded up.
    pub(super) fn of(values: &[f32], inner: usize, bits: Bits, block: usize) -> Self {
        let block = block.max(2);
        let width = block * bits.count() / 8;
        let rows = values.chunks_exact(inner.max(1));
        let blocks = rows.len() * inner.div_ceil(block);
        let mut made = Self {
            bytes: Vec::with_capacity(blocks * width),
            scales: Vec::with_capacity(blocks),
        };
        for row in rows {
            for numbers in row.chunks(block) {
                made.add(numbers, bits);
                let filled = made.scales.len() * width;
                made.bytes.resize(filled, 0);
            }
        }
        made
    }

    fn add(&mut self, numbers: &[f32], bits: Bits) {
        let middle = bits.middle();
        let (min, max) = numbers
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), number| {
                (min.min(*number), max.max(*number))
            });
        let furthest = if max.abs() > min.abs() { max } else { min };
        let scale = furthest / -middle;
        let times = if scale == 0.0 { 0.0 } else { 1.0 / scale };
        let integer = |number: &f32| (number * times + middle + 0.5).clamp(0.0, 2.0 * middle - 1.0) as u8;
        self.scales.push(scale);
        match bits {
            Bits::Eight => self.bytes.extend(numbers.iter().map(integer)),
            Bits::Four => self.bytes.extend(numbers.chunks(2).map(|pair| match pair {
                [low, high] => integer(low) | (integer(high) << 4),
                _ => pair.first().map_or(0, integer),
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_furthest_number_is_the_least_integer() {
        let blocks = Blocks::of(&[4.0, -2.0, 0.0, 1.0], 4, Bits::Four, 16);
        assert_eq!(blocks.scales, [-0.5]);
        // 8 - 8, 8 + 4, 8, 8 - 2.
        assert_eq!(blocks.bytes, [0xC0, 0x68, 0, 0, 0, 0, 0, 0]);
        let blocks = Blocks::of(&[1.0, -1.0], 2, Bits::Eight, 2);
        assert_eq!((blocks.scales[0], &blocks.bytes[..]), (1.0 / 128.0, &[255, 0][..]));
        let zero = Blocks::of(&[0.0; 3], 3, Bits::Four, 16);
        assert_eq!((zero.scales[0], zero.bytes[0], zero.bytes[1]), (0.0, 0x88, 8));
    }

    #[test]
    fn halves_are_rounded_up() {
        let blocks = Blocks::of(&[-8.0, -0.5, 0.5, 1.5], 4, Bits::Four, 16);
        assert_eq!(blocks.scales, [1.0]);
        assert_eq!(blocks.bytes[..2], [0x80, 0xA9]);
    }

    #[test]
    fn every_row_begins_with_a_block() {
        let values: Vec<f32> = (0..2 * 33).map(|value| value as f32 - 20.0).collect();
        let blocks = Blocks::of(&values, 33, Bits::Four, 32);
        assert_eq!((blocks.scales.len(), blocks.bytes.len()), (4, 4 * 16));
        // One number alone is the furthest from 0.
        assert_eq!(blocks.bytes[16], 0);
        assert_eq!(blocks.scales[1], 12.0 / -8.0);
    }

    proptest! {
        #[test]
        fn no_number_is_further_off_than_a_step(values in prop::collection::vec(-1e3_f32..1e3, 1..100)) {
            for bits in [Bits::Four, Bits::Eight] {
                let blocks = Blocks::of(&values, values.len(), bits, 16);
                for (index, value) in values.iter().enumerate() {
                    let byte = blocks.bytes[index * bits.count() / 8];
                    let integer = match bits {
                        Bits::Eight => byte,
                        Bits::Four => (byte >> (4 * (index % 2))) & 15,
                    };
                    let scale = blocks.scales[index / 16];
                    let back = scale * (f32::from(integer) - bits.middle());
                    prop_assert!((back - value).abs() <= scale.abs() * 1.001, "{} {}", back, value);
                }
            }
        }
    }
}
