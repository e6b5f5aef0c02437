//! Inputs made up from a seed, alike on every platform.
//!
//! Only integer arithmetic and single IEEE 754 operations are used: a logarithm or a cosine differs between C libraries, and then the
//! same seed would not mean the same inputs. Each input has its own stream, keyed by its name.

use half::bf16;
use half::f16;
use rand::Rng as _;
use rand::SeedableRng as _;
use rand_pcg::Pcg64Mcg;

use super::ResolvedSpec;
use super::role::Role;
use crate::digest::Hasher;
use crate::model::tensor::ElementType;
use crate::model::tensor::Tensor;

/// Below this stay ids for which no table is known; the usual vocabularies are larger.
const DEFAULT_IDS: u64 = 30_000;
/// Below this stay whole numbers that are features.
const COUNTS: u64 = 100;
/// Samples of sound in a second.
const SAMPLE_RATE: u64 = 16_000;

/// What the values of an input look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Bell-shaped around 0 with variance 1.
    Noise,
    /// Bell-shaped around −5 with deviation 3, as logarithms of energies are.
    Bands,
    /// Evenly in [0, 1), as normalized pixels.
    Pixels,
    /// Evenly in [−1, 1), as sound.
    Wave,
    /// Whole numbers evenly below a bound.
    Ids(u64),
    /// Counted up from a number along the last axis, staying below a bound.
    Counting {
        /// The first number.
        from: u64,
        /// One more than the largest.
        below: u64,
    },
    /// Two numbers in turn: a height and a width.
    Sides(u64, u64),
    /// The same number everywhere.
    Constant(u64),
    /// Zeros, as nothing is known.
    Unknown,
}

/// What the roles of other inputs say of this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Around {
    /// Tokens that the past holds.
    pub past: u64,
    /// The length of sequences or of sound.
    pub length: u64,
    /// Height and width of the picture.
    pub sides: (u64, u64),
}

/// The values of an input of `element` in `role`, its ids below `bound`.
pub(super) fn content(role: Role, element: ElementType, bound: Option<u64>, around: Around) -> Content {
    // Ids must fit their type, and the arithmetic that makes them.
    let most = match element {
        ElementType::Bool => 2,
        ElementType::Int8 => 1 << 7,
        ElementType::UInt8 => 1 << 8,
        ElementType::Int16 => 1 << 15,
        ElementType::UInt16 => 1 << 16,
        _ => 1 << 31,
    };
    let below = |usual: u64| bound.unwrap_or(usual).clamp(1, most);
    match role {
        Role::ImageChannelsFirst | Role::ImageChannelsLast if element.is_float() => Content::Pixels,
        Role::ImageChannelsFirst | Role::ImageChannelsLast => Content::Ids(below(256)),
        Role::TokenIds | Role::CategoryIds => Content::Ids(below(DEFAULT_IDS)),
        Role::Mask => Content::Constant(if bound == Some(1) { 0 } else { 1 }),
        Role::UseCache => Content::Constant(1),
        Role::ZeroMask | Role::TokenTypes | Role::State => Content::Constant(0),
        Role::Zeros => Content::Unknown,
        Role::Positions => Content::Counting {
            from: around.past,
            below: bound.unwrap_or(u64::MAX).max(1),
        },
        Role::Past => Content::Noise,
        Role::Waveform if element.is_float() => Content::Wave,
        Role::Waveform => Content::Ids(below(1 << 15)),
        Role::Spectrogram if element.is_float() => Content::Bands,
        Role::Spectrogram => Content::Ids(below(256)),
        Role::SampleRate => Content::Constant(SAMPLE_RATE),
        Role::Length => Content::Constant(around.length),
        Role::ImageSize => Content::Sides(around.sides.0, around.sides.1),
        Role::Features if element.is_float() => Content::Noise,
        Role::Features => Content::Ids(below(COUNTS)),
    }
}

/// The tensor of one input; the same `seed` makes the same bytes everywhere. Text has no bytes.
pub(super) fn synthesize(spec: &ResolvedSpec, content: Content, seed: u64) -> Tensor {
    let length = spec.shape.iter().product::<u64>() as usize;
    let mut values = Values {
        content,
        generator: stream(seed, &spec.name),
        place: 0,
        row: spec.shape.last().copied().unwrap_or(1).max(1),
    };
    Tensor {
        name: spec.name.clone(),
        element: spec.element,
        shape: spec.shape.clone(),
        data: fill(spec.element, length, &mut values).into(),
    }
}

/// The generator of one input.
fn stream(seed: u64, name: &str) -> Pcg64Mcg {
    let mut hasher = Hasher::new();
    hasher.part(&seed.to_le_bytes());
    hasher.part(name.as_bytes());
    let digest = hasher.finish();
    // Sixteen hexadecimal digits always fit.
    let key = u64::from_str_radix(&digest.as_str()[..16], 16).unwrap_or(seed);
    Pcg64Mcg::seed_from_u64(key)
}

/// The bytes of `length` elements.
fn fill(element: ElementType, length: usize, values: &mut Values) -> Vec<u8> {
    macro_rules! floats {
        ($convert:expr) => {
            elements(length, || $convert(values.float()).to_le_bytes())
        };
    }
    macro_rules! whole {
        ($number:ty) => {
            elements(length, || (values.integer() as $number).to_le_bytes())
        };
    }
    match element {
        ElementType::Float => floats!(|value: f32| value),
        ElementType::Double => floats!(f64::from),
        ElementType::Float16 => floats!(f16::from_f32),
        ElementType::BFloat16 => floats!(bf16::from_f32),
        ElementType::Int8 => whole!(i8),
        ElementType::Int16 => whole!(i16),
        ElementType::Int32 => whole!(i32),
        ElementType::Int64 => whole!(i64),
        ElementType::UInt8 | ElementType::Bool => whole!(u8),
        ElementType::UInt16 => whole!(u16),
        ElementType::UInt32 => whole!(u32),
        ElementType::UInt64 => whole!(u64),
        ElementType::String | ElementType::Other => Vec::new(),
    }
}

fn elements<const WIDTH: usize>(length: usize, mut next: impl FnMut() -> [u8; WIDTH]) -> Vec<u8> {
    let mut data = Vec::with_capacity(length * WIDTH);
    for _ in 0..length {
        data.extend_from_slice(&next());
    }
    data
}

/// Evenly in [0, 1): the 24 bits that a 32-bit float holds exactly.
fn unit(bits: u32) -> f32 {
    (bits >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// The values of one input, one after the other.
struct Values {
    content: Content,
    generator: Pcg64Mcg,
    place: u64,
    row: u64,
}

impl Values {
    fn float(&mut self) -> f32 {
        match self.content {
            Content::Pixels => unit(self.generator.next_u32()),
            Content::Wave => unit(self.generator.next_u32()) * 2.0 - 1.0,
            Content::Noise => self.noise(),
            Content::Bands => self.noise() * 3.0 - 5.0,
            Content::Ids(_) | Content::Counting { .. } | Content::Sides(..) | Content::Constant(_) => {
                self.integer() as f32
            }
            Content::Unknown => 0.0,
        }
    }

    /// The sum of twelve uniform numbers less six has variance 1 and is close to normal; three per word of 64 bits.
    fn noise(&mut self) -> f32 {
        let mut sum = 0_u32;
        for _ in 0..4 {
            let word = self.generator.next_u64();
            sum += (word & 0xf_ffff) as u32 + (word >> 20 & 0xf_ffff) as u32 + (word >> 40 & 0xf_ffff) as u32;
        }
        sum as f32 * (1.0 / 1_048_576.0) - 6.0
    }

    fn integer(&mut self) -> u64 {
        let place = self.place;
        self.place += 1;
        match self.content {
            Content::Constant(value) => value,
            // The bias of scaling 64 bits to a bound below 2^31 is far beyond anything measurable.
            Content::Ids(bound) => ((u128::from(self.generator.next_u64()) * u128::from(bound)) >> 64) as u64,
            Content::Counting { from, below } => from.saturating_add(place % self.row).min(below - 1),
            Content::Sides(height, width) => {
                if place.is_multiple_of(2) {
                    height
                } else {
                    width
                }
            }
            Content::Noise | Content::Bands | Content::Pixels | Content::Wave | Content::Unknown => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::digest::Digest;

    const AROUND: Around = Around {
        past: 3,
        length: 77,
        sides: (48, 64),
    };

    fn spec(name: &str, element: ElementType, shape: &[u64]) -> ResolvedSpec {
        ResolvedSpec {
            name: name.to_owned(),
            element,
            shape: shape.to_vec(),
        }
    }

    fn values(role: Role, element: ElementType, shape: &[u64], bound: Option<u64>) -> Vec<f64> {
        let content = content(role, element, bound, AROUND);
        synthesize(&spec("x", element, shape), content, 7).to_f64().unwrap()
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes_on_every_platform() {
        let specs = [
            spec("pixels", ElementType::Float, &[1, 3, 8, 8]),
            spec("features", ElementType::Float, &[1, 64]),
            spec("ids", ElementType::Int64, &[1, 16]),
        ];
        let contents = [Content::Pixels, Content::Noise, Content::Ids(30_000)];
        let digest = |specs: &[ResolvedSpec], contents: &[Content]| {
            let mut hasher = crate::digest::Hasher::new();
            for (spec, content) in specs.iter().zip(contents) {
                hasher.part(&synthesize(spec, *content, 0).data);
            }
            hasher.finish().short().to_owned()
        };
        assert_eq!(digest(&specs, &contents), "fda30111043e");
        let sound = [
            spec("waveform", ElementType::Float, &[1, 400]),
            spec("mel", ElementType::Float, &[1, 80, 10]),
        ];
        assert_eq!(digest(&sound, &[Content::Wave, Content::Bands]), "81217ee05db2");
    }

    #[test]
    fn inputs_do_not_depend_on_their_order_and_seeds_differ() {
        let (one, two) = (spec("a", ElementType::Float, &[4]), spec("b", ElementType::Float, &[4]));
        let make = |specs: [&ResolvedSpec; 2], seed| specs.map(|spec| synthesize(spec, Content::Noise, seed));
        let forward = make([&one, &two], 1);
        let backward = make([&two, &one], 1);
        assert_eq!((&forward[0], &forward[1]), (&backward[1], &backward[0]));
        assert_ne!(forward[0].data, forward[1].data);
        assert_ne!(
            Digest::of(&synthesize(&one, Content::Noise, 2).data),
            Digest::of(&forward[0].data)
        );
    }

    #[test]
    fn every_role_has_values_that_a_model_can_use() {
        let float = ElementType::Float;
        let spread = |role, shape: &[u64]| {
            let noise = values(role, float, shape, None);
            let mean = noise.iter().sum::<f64>() / noise.len() as f64;
            let variance = noise.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / noise.len() as f64;
            (mean, variance.sqrt())
        };
        let (mean, deviation) = spread(Role::Features, &[1, 20_000]);
        assert!(
            mean.abs() < 0.05 && (deviation - 1.0).abs() < 0.05,
            "{mean} {deviation}"
        );
        let (mean, deviation) = spread(Role::Spectrogram, &[1, 80, 250]);
        assert!(
            (mean + 5.0).abs() < 0.1 && (deviation - 3.0).abs() < 0.1,
            "{mean} {deviation}"
        );
        let pixels = values(Role::ImageChannelsFirst, float, &[1, 3, 50, 50], None);
        assert!(pixels.iter().all(|value| (0.0..1.0).contains(value)));
        let bytes = values(Role::ImageChannelsLast, ElementType::UInt8, &[1, 50, 50, 3], None);
        assert!(bytes.iter().any(|value| *value > 250.0));
        let wave = values(Role::Waveform, float, &[1, 16_000], None);
        assert!(wave.iter().all(|value| (-1.0..1.0).contains(value)));
        assert!(wave.iter().any(|value| *value < -0.99) && wave.iter().any(|value| *value > 0.99));
        let whole = ElementType::Int64;
        assert_eq!(
            values(Role::Positions, whole, &[2, 4], None),
            [3.0, 4.0, 5.0, 6.0, 3.0, 4.0, 5.0, 6.0]
        );
        assert_eq!(values(Role::Positions, whole, &[1, 4], Some(5)), [3.0, 4.0, 4.0, 4.0]);
        assert_eq!(values(Role::Mask, whole, &[3], None), [1.0; 3]);
        assert_eq!(values(Role::Mask, whole, &[3], Some(1)), [0.0; 3]);
        assert_eq!(values(Role::ZeroMask, float, &[1, 1, 1, 2], None), [0.0; 2]);
        assert_eq!(values(Role::TokenTypes, whole, &[3], Some(2)), [0.0; 3]);
        assert_eq!(values(Role::UseCache, ElementType::Bool, &[1], None), [1.0]);
        assert_eq!(values(Role::Length, whole, &[1], None), [77.0]);
        assert_eq!(values(Role::SampleRate, whole, &[], None), [16_000.0]);
        assert_eq!(values(Role::ImageSize, float, &[2, 2], None), [48.0, 64.0, 48.0, 64.0]);
        assert_eq!(values(Role::Zeros, float, &[2], None), [0.0; 2]);
        assert_eq!(values(Role::State, float, &[2], None), [0.0; 2]);
    }

    #[test]
    fn ids_stay_below_their_table() {
        let ids = values(Role::TokenIds, ElementType::Int64, &[1, 1000], Some(50));
        assert!(ids.iter().all(|id| (0.0..50.0).contains(id)));
        assert!(ids.iter().any(|id| *id > 40.0));
        let ids = values(Role::TokenIds, ElementType::Int32, &[1, 1000], None);
        assert!(ids.iter().all(|id| (0.0..30_000.0).contains(id)));
        assert!(ids.iter().any(|id| *id > 20_000.0));
        assert!(values(Role::Features, ElementType::Bool, &[100], None).contains(&0.0));
    }

    proptest! {
        #[test]
        fn every_type_has_the_bytes_its_shape_needs(
            element in prop::sample::select(vec![
                ElementType::Float, ElementType::Float16, ElementType::BFloat16, ElementType::Double, ElementType::Int8,
                ElementType::Int16, ElementType::Int32, ElementType::Int64, ElementType::UInt8, ElementType::UInt16,
                ElementType::UInt32, ElementType::UInt64, ElementType::Bool,
            ]),
            role in prop::sample::select(vec![
                Role::ImageChannelsFirst, Role::TokenIds, Role::CategoryIds, Role::Mask, Role::ZeroMask, Role::TokenTypes,
                Role::Past, Role::Waveform, Role::Spectrogram, Role::Features, Role::Zeros,
            ]),
            shape in prop::collection::vec(0_u64..5, 0..4),
            bound in prop::option::of(any::<u64>()),
            seed in any::<u64>(),
        ) {
            let content = content(role, element, bound, AROUND);
            let tensor = synthesize(&spec("x", element, &shape), content, seed);
            prop_assert_eq!(tensor.data.len(), tensor.len() * element.size().unwrap());
            let limit = bound.map_or(f64::INFINITY, |bound| bound.max(1) as f64);
            if !element.is_float() && role != Role::Past {
                prop_assert!(tensor.to_f64().unwrap().iter().all(|value| (0.0..limit).contains(value)));
            }
        }
    }
}
