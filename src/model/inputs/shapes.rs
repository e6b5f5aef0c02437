//! Sizes for dynamic dimensions: from the config, from the same name elsewhere, 1 for a batch, or what is usual for the input.

use std::collections::BTreeMap;

use super::InputError;
use super::ResolvedSpec;
use super::sizes::sum;
use crate::model::tensor::Dim;
use crate::model::tensor::TensorSpec;

/// The most bytes that one input may have; the engine and the worker's frames hold no more.
const MAX_INPUT_BYTES: u64 = 2_000_000_000;

/// Gives every input its whole shape.
///
/// A fixed dimension stays; a dynamic one takes its size from `overrides` (whole shapes, by input name), or from another input that
/// has a dimension of the same name; a batch dimension ([`is_batch`]) takes `wishes.batch`, and the rest what is usual. Anything else
/// is an [`InputError`].
pub(super) fn resolve_shapes(
    specs: &[TensorSpec],
    overrides: &BTreeMap<String, Vec<u64>>,
    wishes: &Wishes<'_>,
) -> Result<Vec<ResolvedSpec>, InputError> {
    refuse_unknown_names(specs, overrides)?;
    let mut symbols = Symbols {
        sizes: BTreeMap::new(),
        batch: wishes.batch.unwrap_or(1),
        usual: wishes.usual,
    };
    for spec in specs {
        if let Some(shape) = overrides.get(&spec.name) {
            check_override(spec, shape)?;
            symbols.bind_all(spec, shape)?;
        }
    }
    for spec in specs.iter().filter(|spec| !overrides.contains_key(&spec.name)) {
        for (axis, dim) in spec.dims.iter().flatten().enumerate() {
            if let Dim::Symbol(symbol) = dim
                && is_batch(dim, axis)
            {
                symbols.sizes.entry(symbol).or_insert((symbols.batch, &spec.name));
            }
        }
    }
    for (place, spec) in specs
        .iter()
        .enumerate()
        .filter(|(_, spec)| !overrides.contains_key(&spec.name))
    {
        for (axis, dim) in spec.dims.iter().flatten().enumerate() {
            // A sum is what its parts come to, which may be known only later.
            if let Dim::Symbol(symbol) = dim
                && !symbol.contains('+')
                && let Some(size) = symbols.usual_of(place, axis)
            {
                symbols.sizes.entry(symbol).or_insert((size, &spec.name));
            }
        }
    }
    let mut resolved = Vec::with_capacity(specs.len());
    let mut lacking: Vec<(usize, &TensorSpec)> = Vec::new();
    for (place, spec) in specs.iter().enumerate() {
        let shape = match (overrides.get(&spec.name), &spec.dims) {
            (Some(shape), _) => Some(shape.clone()),
            (None, None) => None,
            (None, Some(dims)) => dims
                .iter()
                .enumerate()
                .map(|(axis, dim)| symbols.size(dim, place, axis))
                .collect(),
        };
        match shape {
            Some(shape) => resolved.push(ResolvedSpec {
                name: spec.name.clone(),
                element: spec.element,
                shape: check_size(spec, shape)?,
            }),
            None => lacking.push((place, spec)),
        }
    }
    match lacking.first() {
        None => {
            check_batch(&resolved, specs, wishes.batch)?;
            Ok(resolved)
        }
        Some((place, first)) => Err(InputError::MissingShape {
            name: first.name.clone(),
            description: format!("is {}", first.describe()),
            missing: missing_dims(*place, first, &symbols),
            others: lacking.len() - 1,
            line: config_line(&lacking, &symbols),
            flags: flags(&lacking, &symbols).into(),
        }),
    }
}

/// True for a dimension that counts samples: named after a batch, or first and named `N`, by an exporter, or not at all.
pub fn is_batch(dim: &Dim, axis: usize) -> bool {
    match dim {
        Dim::Fixed(_) => false,
        Dim::Unknown => axis == 0,
        Dim::Symbol(symbol) => {
            let symbol = symbol.to_ascii_lowercase();
            symbol.contains("batch")
                || (axis == 0 && (matches!(symbol.as_str(), "n" | "b" | "bs") || is_made_up(&symbol)))
        }
    }
}

/// Names that exporters give to dimensions that nobody named: `unk__6`, `input_dynamic_axes_1`, `s77`, `?`.
fn is_made_up(symbol: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    symbol.is_empty()
        || symbol == "?"
        || symbol == "none"
        || symbol.starts_with("unk__")
        || symbol.contains("dynamic_axes")
        || symbol.strip_prefix('s').is_some_and(digits)
}

/// What is wished for where the model and the config leave a choice.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wishes<'a> {
    /// The size of batches.
    pub batch: Option<u64>,
    /// Usual sizes, by place of the input and axis; shorter lists know nothing of the rest.
    pub usual: &'a [Vec<Option<u64>>],
}

/// A batch that somebody asks for must be one that the inputs have.
fn check_batch(resolved: &[ResolvedSpec], specs: &[TensorSpec], wished: Option<u64>) -> Result<(), InputError> {
    let Some(wished) = wished else { return Ok(()) };
    let batches = || {
        resolved.iter().zip(specs).flat_map(|(spec, model)| {
            let dims = model.dims.iter().flatten().enumerate();
            let batch = dims.filter(|(axis, dim)| is_batch(dim, *axis));
            batch.filter_map(|(axis, _)| Some((&spec.name, *spec.shape.get(axis)?)))
        })
    };
    let firsts = || {
        resolved
            .iter()
            .filter_map(|spec| Some((&spec.name, *spec.shape.first()?)))
    };
    // A model without a free batch serves one size only: that of its inputs' first dimension.
    let other = if batches().next().is_some() {
        batches().find(|(_, size)| *size != wished)
    } else {
        let fixed = firsts().all(|(_, size)| size != wished);
        firsts().next().filter(|_| fixed)
    };
    match other {
        None => Ok(()),
        Some((name, found)) => Err(InputError::OtherBatch {
            wished,
            name: name.clone(),
            found,
        }),
    }
}

/// Sizes of named dimensions, with the input that gave each.
struct Symbols<'a> {
    sizes: BTreeMap<&'a str, (u64, &'a str)>,
    batch: u64,
    usual: &'a [Vec<Option<u64>>],
}

impl<'a> Symbols<'a> {
    fn bind_all(&mut self, spec: &'a TensorSpec, shape: &[u64]) -> Result<(), InputError> {
        for (dim, &size) in spec.dims.iter().flatten().zip(shape) {
            let Dim::Symbol(symbol) = dim else { continue };
            let (first, first_input) = *self.sizes.entry(symbol).or_insert((size, &spec.name));
            if first != size {
                return Err(InputError::SymbolConflict {
                    symbol: symbol.clone(),
                    first,
                    first_input: first_input.to_owned(),
                    second: size,
                    second_input: spec.name.clone(),
                });
            }
        }
        Ok(())
    }

    fn usual_of(&self, place: usize, axis: usize) -> Option<u64> {
        *self.usual.get(place)?.get(axis)?
    }

    fn size(&self, dim: &Dim, place: usize, axis: usize) -> Option<u64> {
        match dim {
            Dim::Fixed(size) => Some(*size),
            Dim::Symbol(symbol) => {
                let known = self.sizes.get(symbol.as_str()).map(|(size, _)| *size);
                known
                    .or_else(|| self.sum(symbol))
                    .or_else(|| self.usual_of(place, axis))
            }
            Dim::Unknown if is_batch(dim, axis) => Some(self.batch),
            Dim::Unknown => self.usual_of(place, axis),
        }
    }

    /// What a name like `past_sequence_length + 1` comes to.
    fn sum(&self, symbol: &str) -> Option<u64> {
        let sizes = self.sizes.iter().map(|(name, (size, _))| (*name, *size)).collect();
        sum(symbol, &sizes)
    }
}

fn refuse_unknown_names(specs: &[TensorSpec], overrides: &BTreeMap<String, Vec<u64>>) -> Result<(), InputError> {
    match overrides
        .keys()
        .find(|name| specs.iter().all(|spec| spec.name != **name))
    {
        None => Ok(()),
        Some(name) => Err(InputError::UnknownInput {
            name: name.clone(),
            nearest: specs
                .iter()
                .map(|spec| (strsim::jaro_winkler(&spec.name, name), &spec.name))
                .filter(|(likeness, _)| *likeness > 0.7)
                .max_by(|one, other| one.0.total_cmp(&other.0))
                .map(|(_, nearest)| nearest.clone()),
            known: specs.iter().map(|spec| spec.name.clone()).collect(),
        }),
    }
}

fn check_override(spec: &TensorSpec, shape: &[u64]) -> Result<(), InputError> {
    let Some(dims) = &spec.dims else { return Ok(()) };
    if dims.len() != shape.len() {
        return Err(InputError::WrongRank {
            name: spec.name.clone(),
            given: shape.len(),
            description: spec.describe(),
        });
    }
    let contradiction = dims
        .iter()
        .zip(shape)
        .position(|(dim, size)| matches!(dim, Dim::Fixed(fixed) if fixed != size));
    match contradiction {
        None => Ok(()),
        Some(axis) => Err(InputError::ContradictsFixed {
            name: spec.name.clone(),
            given: shape.to_vec(),
            axis,
            description: spec.describe(),
        }),
    }
}

fn check_size(spec: &TensorSpec, shape: Vec<u64>) -> Result<Vec<u64>, InputError> {
    let width = spec.element.size().unwrap_or(1) as u64;
    let bytes = shape.iter().try_fold(width, |bytes, size| bytes.checked_mul(*size));
    if bytes.is_some_and(|bytes| bytes <= MAX_INPUT_BYTES) {
        Ok(shape)
    } else {
        Err(InputError::TooLarge {
            name: spec.name.clone(),
            shape,
            limit: MAX_INPUT_BYTES,
        })
    }
}

/// The dimensions without a size, as a sentence's subject and verb.
fn missing_dims(place: usize, spec: &TensorSpec, symbols: &Symbols<'_>) -> String {
    let Some(dims) = &spec.dims else {
        return "its shape is".to_owned();
    };
    let missing: Vec<String> = dims
        .iter()
        .enumerate()
        .filter(|(axis, dim)| symbols.size(dim, place, *axis).is_none())
        .map(|(axis, dim)| match dim {
            Dim::Symbol(symbol) => format!("`{symbol}`"),
            _ => format!("dimension {axis}"),
        })
        .collect();
    match missing.as_slice() {
        [one] => format!("{one} is"),
        many => format!("{} are", many.join(", ")),
    }
}

/// `inputs: { ids: { shape: [1, 128] } }`, with a usual size where nothing is known.
fn config_line(lacking: &[(usize, &TensorSpec)], symbols: &Symbols<'_>) -> String {
    let entries: Vec<String> = lacking
        .iter()
        .map(|(place, spec)| {
            let sizes = example(*place, spec, symbols).join(", ");
            format!("{}: {{ shape: [{sizes}] }}", yaml_key(&spec.name))
        })
        .collect();
    format!("inputs: {{ {} }}", entries.join(", "))
}

/// `--input-shape ids=1,128`, one for each input.
fn flags(lacking: &[(usize, &TensorSpec)], symbols: &Symbols<'_>) -> String {
    let flags: Vec<String> = lacking
        .iter()
        .map(|(place, spec)| {
            format!(
                "--input-shape {}={}",
                spec.name,
                example(*place, spec, symbols).join(",")
            )
        })
        .collect();
    flags.join(" ")
}

/// Sizes that the input could have.
fn example(place: usize, spec: &TensorSpec, symbols: &Symbols<'_>) -> Vec<String> {
    let dims = spec.dims.as_deref().unwrap_or(&[Dim::Unknown]);
    dims.iter()
        .enumerate()
        .map(|(axis, dim)| {
            symbols
                .size(dim, place, axis)
                .unwrap_or_else(|| usual_size(dim))
                .to_string()
        })
        .collect()
}

/// A size that is common for dimensions of this name; only ever shown, never used.
fn usual_size(dim: &Dim) -> u64 {
    let Dim::Symbol(symbol) = dim else { return 16 };
    let symbol = symbol.to_ascii_lowercase();
    let named = |words: &[&str]| words.iter().any(|word| symbol.contains(word));
    if named(&["seq", "len", "token"]) {
        128
    } else if named(&["height", "width", "image"]) || matches!(symbol.as_str(), "h" | "w") {
        224
    } else if named(&["sample", "wave", "audio"]) {
        16_000
    } else {
        16
    }
}

/// A name as YAML reads it back: plain where that is unmistakable, else quoted.
fn yaml_key(name: &str) -> String {
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/'))
        && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(&name.to_ascii_lowercase().as_str());
    if plain {
        name.to_owned()
    } else {
        let escaped: String = name
            .chars()
            .flat_map(|character| match character {
                '"' | '\\' => vec!['\\', character],
                character if character.is_control() => vec!['?'],
                character => vec![character],
            })
            .collect();
        format!("\"{escaped}\"")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hint::Hint as _;
    use crate::model::tensor::ElementType;

    fn spec(name: &str, dims: &[&str]) -> TensorSpec {
        let dims = dims
            .iter()
            .map(|dim| match dim.parse() {
                Ok(size) => Dim::Fixed(size),
                Err(_) if *dim == "?" => Dim::Unknown,
                Err(_) => Dim::Symbol((*dim).to_owned()),
            })
            .collect();
        TensorSpec {
            name: name.to_owned(),
            element: ElementType::Float,
            dims: Some(dims),
        }
    }

    fn shapes(specs: &[TensorSpec], overrides: &[(&str, &[u64])]) -> Result<Vec<Vec<u64>>, InputError> {
        let overrides = overrides
            .iter()
            .map(|(name, shape)| ((*name).to_owned(), shape.to_vec()))
            .collect();
        resolve_shapes(specs, &overrides, &Wishes::default())
            .map(|specs| specs.into_iter().map(|spec| spec.shape).collect())
    }

    #[test]
    fn a_batch_is_one() {
        for batch in ["batch", "batch_size", "N", "?", "unk__6", "s77", "input_dynamic_axes_1"] {
            assert_eq!(
                shapes(&[spec("x", &[batch, "3", "224", "224"])], &[]).unwrap(),
                [[1, 3, 224, 224]]
            );
        }
        // Recurrent states carry the batch in the middle.
        assert_eq!(shapes(&[spec("h", &["2", "batch", "64"])], &[]).unwrap(), [[2, 1, 64]]);
        assert!(shapes(&[spec("x", &["sequence", "64"])], &[]).is_err());
        assert!(shapes(&[spec("x", &["1", "N"])], &[]).is_err());
    }

    #[test]
    fn one_name_has_one_size_in_all_inputs() {
        let specs = [spec("ids", &["batch", "seq"]), spec("mask", &["batch", "seq"])];
        assert_eq!(shapes(&specs, &[("mask", &[4, 32])]).unwrap(), [[4, 32], [4, 32]]);
        let error = shapes(&specs, &[("ids", &[1, 16]), ("mask", &[1, 32])]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`seq` is 16 in input `ids` and 32 in input `mask`, but must be equal"
        );
    }

    #[test]
    fn says_which_line_to_add() {
        let error = shapes(&[spec("waveform", &["batch", "samples"])], &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "input `waveform` is float [batch, samples]: `samples` is known only at run time, and no shape is given"
        );
        assert_eq!(
            error.hints(),
            [
                "add this line to the model in .mlbuild.yml, with the sizes that you serve: \
              `inputs: { waveform: { shape: [1, 16000] } }`"
            ]
        );
        let specs = [spec("input:0", &["batch", "seq", "?"]), spec("mask", &["batch", "seq"])];
        let InputError::MissingShape {
            line, missing, others, ..
        } = shapes(&specs, &[]).unwrap_err()
        else {
            panic!("another error");
        };
        assert_eq!(
            line,
            "inputs: { \"input:0\": { shape: [1, 128, 16] }, mask: { shape: [1, 128] } }"
        );
        assert_eq!((missing.as_str(), others), ("`seq`, dimension 2 are", 1));
    }

    #[test]
    fn refuses_shapes_that_the_model_cannot_take() {
        let specs = [spec("pixels", &["batch", "3", "8", "8"])];
        let text = |shape: &[u64]| shapes(&specs, &[("pixels", shape)]).unwrap_err().to_string();
        assert_eq!(
            text(&[1, 3, 8]),
            "input `pixels` is given 3 dimensions, the model has float [batch, 3, 8, 8]"
        );
        assert_eq!(
            text(&[1, 1, 8, 8]),
            "input `pixels` is given the shape [1, 1, 8, 8], but dimension 1 of float [batch, 3, 8, 8] is fixed"
        );
        assert!(text(&[u64::MAX, 3, 8, 8]).contains("would need more than"));
        let error = shapes(&specs, &[("pixel", &[1, 3, 8, 8])]).unwrap_err();
        assert_eq!(error.hints()[0], "did you mean `pixels`?");
    }

    #[test]
    fn takes_a_whole_shape_where_the_rank_is_unknown() {
        let unknown = TensorSpec {
            dims: None,
            ..spec("x", &[])
        };
        assert_eq!(
            shapes(std::slice::from_ref(&unknown), &[("x", &[2, 5])]).unwrap(),
            [[2, 5]]
        );
        let error = shapes(&[unknown], &[]).unwrap_err();
        assert!(
            error.to_string().contains("its shape is known only at run time"),
            "{error}"
        );
    }

    fn any_dim() -> impl Strategy<Value = Dim> {
        prop_oneof![
            any::<u64>().prop_map(Dim::Fixed),
            "[a-cN]{0,2}|batch".prop_map(Dim::Symbol),
            Just(Dim::Unknown),
        ]
    }

    proptest! {
        #[test]
        fn never_panics_and_honours_what_it_was_given(
            dims in prop::collection::vec(prop::option::of(prop::collection::vec(any_dim(), 0..4)), 1..4),
            overrides in prop::collection::btree_map("[xyz]", prop::collection::vec(any::<u64>(), 0..4), 0..3),
        ) {
            let specs: Vec<TensorSpec> = dims
                .into_iter()
                .zip(["x", "y", "z", "w"])
                .map(|(dims, name)| TensorSpec { dims, ..spec(name, &[]) })
                .collect();
            if let Ok(resolved) = resolve_shapes(&specs, &overrides, &Wishes::default()) {
                prop_assert_eq!(resolved.len(), specs.len());
                for (resolved, spec) in resolved.iter().zip(&specs) {
                    if let Some(shape) = overrides.get(&spec.name) {
                        prop_assert_eq!(&resolved.shape, shape);
                    }
                    for (size, dim) in resolved.shape.iter().zip(spec.dims.iter().flatten()) {
                        if let Dim::Fixed(fixed) = dim {
                            prop_assert_eq!(size, fixed);
                        }
                    }
                }
            }
        }
    }
}
