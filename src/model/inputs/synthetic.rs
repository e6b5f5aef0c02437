//! Inputs made up from a seed, alike on every platform.
//!
//! Only integer arithmetic and single IEEE 754 operations are used: a logarithm or a cosine differs between C libraries, and then the
//! same seed would not mean the same inputs. Each input has its own stream, keyed by its name.

use std::collections::BTreeMap;

use half::bf16;
use half::f16;
use rand::Rng as _;
use rand::SeedableRng as _;
use rand_pcg::Pcg64Mcg;

use super::InputError;
use super::ResolvedSpec;
use crate::digest::Hasher;
use crate::model::tensor::ElementType;
use crate::model::tensor::Tensor;

/// Below this stay ids for which no table is known; the usual vocabularies are larger.
const DEFAULT_IDS: u64 = 30_000;

/// What the values of an input look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Bell-shaped around 0 with variance 1.
    Noise,
    /// Evenly in [0, 1), as normalized pixels.
    Pixels,
    /// Whole numbers evenly below a bound.
    Ids(u64),
    /// The same number everywhere.
    Constant(u8),
}

/// Makes one tensor per input: floats as noise or pixels, ids below their `bounds` (exclusive, by input name), masks of ones, token
/// types of zeros, random booleans. The same `seed` makes the same bytes everywhere.
pub fn synthesize(
    specs: &[ResolvedSpec],
    bounds: &BTreeMap<String, u64>,
    seed: u64,
) -> Result<Vec<Tensor>, InputError> {
    specs
        .iter()
        .map(|spec| {
            let mut generator = stream(seed, &spec.name);
            let content = content(spec, bounds.get(&spec.name).copied());
            let length = spec.shape.iter().product::<u64>() as usize;
            let data = fill(spec, content, length, &mut generator)?;
            Ok(Tensor {
                name: spec.name.clone(),
                element: spec.element,
                shape: spec.shape.clone(),
                data: data.into(),
            })
        })
        .collect()
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

/// Decides what an input looks like from its name, type and shape.
fn content(spec: &ResolvedSpec, bound: Option<u64>) -> Content {
    let name = spec.name.to_ascii_lowercase();
    match spec.element {
        element if element.is_float() => match spec.shape.as_slice() {
            _ if name.contains("mask") => Content::Constant(1),
            [_, 1 | 3, _, _] | [_, _, _, 1 | 3] => Content::Pixels,
            _ => Content::Noise,
        },
        ElementType::Bool if name.contains("mask") => Content::Constant(1),
        ElementType::Bool => Content::Ids(2),
        _ if name.contains("mask") => Content::Constant(if bound == Some(1) { 0 } else { 1 }),
        _ if name.contains("token_type") || name.contains("segment") => Content::Constant(0),
        ElementType::UInt8 => Content::Ids(bound.unwrap_or(256).clamp(1, 256)),
        ElementType::Int8 => Content::Ids(bound.unwrap_or(128).clamp(1, 128)),
        ElementType::Int16 => Content::Ids(bound.unwrap_or(DEFAULT_IDS).clamp(1, 1 << 15)),
        ElementType::UInt16 => Content::Ids(bound.unwrap_or(DEFAULT_IDS).clamp(1, 1 << 16)),
        _ => Content::Ids(bound.unwrap_or(DEFAULT_IDS).clamp(1, 1 << 31)),
    }
}

/// The bytes of `length` elements.
fn fill(spec: &ResolvedSpec, content: Content, length: usize, generator: &mut Pcg64Mcg) -> Result<Vec<u8>, InputError> {
    macro_rules! floats {
        ($convert:expr) => {
            elements(length, || $convert(float(content, generator)).to_le_bytes())
        };
    }
    macro_rules! whole {
        ($number:ty) => {
            elements(length, || (integer(content, generator) as $number).to_le_bytes())
        };
    }
    Ok(match spec.element {
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
        ElementType::String | ElementType::Other => {
            return Err(InputError::Unsupported {
                name: spec.name.clone(),
                element: spec.element,
            });
        }
    })
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

fn float(content: Content, generator: &mut Pcg64Mcg) -> f32 {
    match content {
        Content::Constant(value) => f32::from(value),
        Content::Pixels | Content::Ids(_) => unit(generator.next_u32()),
        // The sum of twelve uniform numbers less six has variance 1 and is close to normal; three per word of 64 bits.
        Content::Noise => {
            let mut sum = 0_u32;
            for _ in 0..4 {
                let word = generator.next_u64();
                sum += (word & 0xf_ffff) as u32 + (word >> 20 & 0xf_ffff) as u32 + (word >> 40 & 0xf_ffff) as u32;
            }
            sum as f32 * (1.0 / 1_048_576.0) - 6.0
        }
    }
}

fn integer(content: Content, generator: &mut Pcg64Mcg) -> u64 {
    match content {
        Content::Constant(value) => u64::from(value),
        // The bias of scaling 64 bits to a bound below 2^31 is far beyond anything measurable.
        Content::Ids(bound) => ((u128::from(generator.next_u64()) * u128::from(bound)) >> 64) as u64,
        Content::Noise | Content::Pixels => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::digest::Digest;

    fn spec(name: &str, element: ElementType, shape: &[u64]) -> ResolvedSpec {
        ResolvedSpec {
            name: name.to_owned(),
            element,
            shape: shape.to_vec(),
        }
    }

    fn values(name: &str, element: ElementType, shape: &[u64], bound: Option<u64>) -> Vec<f64> {
        let bounds = bound.map(|bound| (name.to_owned(), bound)).into_iter().collect();
        synthesize(&[spec(name, element, shape)], &bounds, 7).unwrap()[0]
            .to_f64()
            .unwrap()
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes_on_every_platform() {
        let specs = [
            spec("pixels", ElementType::Float, &[1, 3, 8, 8]),
            spec("features", ElementType::Float, &[1, 64]),
            spec("ids", ElementType::Int64, &[1, 16]),
        ];
        let mut hasher = crate::digest::Hasher::new();
        for tensor in synthesize(&specs, &BTreeMap::new(), 0).unwrap() {
            hasher.part(&tensor.data);
        }
        assert_eq!(hasher.finish().short(), "fda30111043e");
    }

    #[test]
    fn inputs_do_not_depend_on_their_order_and_seeds_differ() {
        let (one, two) = (spec("a", ElementType::Float, &[4]), spec("b", ElementType::Float, &[4]));
        let make = |specs: &[ResolvedSpec], seed| synthesize(specs, &BTreeMap::new(), seed).unwrap();
        let forward = make(&[one.clone(), two.clone()], 1);
        let backward = make(&[two.clone(), one.clone()], 1);
        assert_eq!((&forward[0], &forward[1]), (&backward[1], &backward[0]));
        assert_ne!(forward[0].data, forward[1].data);
        assert_ne!(Digest::of(&make(&[one], 2)[0].data), Digest::of(&forward[0].data));
    }

    #[test]
    fn noise_is_centred_with_variance_one() {
        let noise = values("features", ElementType::Float, &[1, 20_000], None);
        let mean = noise.iter().sum::<f64>() / noise.len() as f64;
        let variance = noise.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / noise.len() as f64;
        assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        let pixels = values("pixels", ElementType::Float, &[1, 3, 50, 50], None);
        assert!(pixels.iter().all(|value| (0.0..1.0).contains(value)));
    }

    #[test]
    fn ids_stay_below_their_table_and_names_are_heard() {
        let ids = values("input_ids", ElementType::Int64, &[1, 1000], Some(50));
        assert!(ids.iter().all(|id| (0.0..50.0).contains(id)));
        assert!(ids.iter().any(|id| *id > 40.0));
        let ids = values("input_ids", ElementType::Int32, &[1, 1000], None);
        assert!(ids.iter().all(|id| (0.0..30_000.0).contains(id)));
        assert_eq!(values("attention_mask", ElementType::Int64, &[3], None), [1.0; 3]);
        assert_eq!(values("token_type_ids", ElementType::Int64, &[3], Some(2)), [0.0; 3]);
        assert_eq!(values("mask", ElementType::Bool, &[3], None), [1.0; 3]);
        assert!(values("flags", ElementType::Bool, &[100], None).contains(&0.0));
    }

    #[test]
    fn refuses_text() {
        let error = synthesize(&[spec("text", ElementType::String, &[1])], &BTreeMap::new(), 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "input `text` takes String elements, which cannot be made up"
        );
    }

    proptest! {
        #[test]
        fn every_type_has_the_bytes_its_shape_needs(
            element in prop::sample::select(vec![
                ElementType::Float, ElementType::Float16, ElementType::BFloat16, ElementType::Double, ElementType::Int8,
                ElementType::Int16, ElementType::Int32, ElementType::Int64, ElementType::UInt8, ElementType::UInt16,
                ElementType::UInt32, ElementType::UInt64, ElementType::Bool,
            ]),
            shape in prop::collection::vec(0_u64..5, 0..4),
            bound in prop::option::of(any::<u64>()),
            name in "[a-z_]{0,6}|mask|token_type",
            seed in any::<u64>(),
        ) {
            let bounds = bound.map(|bound| (name.clone(), bound)).into_iter().collect();
            let tensor = &synthesize(&[spec(&name, element, &shape)], &bounds, seed).unwrap()[0];
            prop_assert_eq!(tensor.data.len(), tensor.len() * element.size().unwrap());
            let limit = bound.map_or(f64::INFINITY, |bound| bound.max(1) as f64);
            if !element.is_float() && element != ElementType::Bool {
                prop_assert!(tensor.to_f64().unwrap().iter().all(|value| (0.0..limit).contains(value)));
            }
        }
    }
}
