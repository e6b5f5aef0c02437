//! Whether one sample fits an input.

use std::collections::BTreeMap;

use crate::model::inputs::is_batch;
use crate::model::tensor::Dim;
use crate::model::tensor::TensorSpec;

/// Sizes of named dimensions, equal over all inputs of a sample.
pub(super) type Sizes = BTreeMap<String, u64>;

/// The dimensions of an input: the model's; all open where the model has none and `given` or else `rank` says how many.
pub(super) fn dims(spec: &TensorSpec, given: Option<&Vec<u64>>, rank: usize) -> Vec<Dim> {
    match (&spec.dims, given) {
        (Some(dims), _) => dims.clone(),
        (None, Some(shape)) => vec![Dim::Unknown; shape.len()],
        (None, None) => vec![Dim::Unknown; rank],
    }
}

/// True where the first dimension counts samples, so that one sample has a 1 there.
pub(super) fn is_batched(dims: &[Dim]) -> bool {
    dims.first()
        .is_some_and(|dim| *dim == Dim::Fixed(1) || is_batch(dim, 0))
}

/// The shape in which the input takes one sample of shape `sample`, which has no axis that counts samples; `sizes` remembers the
/// named dimensions. The error is the shape that the sample should have had, one text a dimension.
pub(super) fn fit(dims: &[Dim], sample: &[u64], sizes: &mut Sizes) -> Result<Vec<u64>, Vec<String>> {
    let batched = is_batched(dims);
    let shape: Vec<u64> = if batched && dims.len() == sample.len() + 1 {
        std::iter::once(1).chain(sample.iter().copied()).collect()
    } else {
        sample.to_vec()
    };
    let fits = shape.len() == dims.len()
        && dims
            .iter()
            .zip(&shape)
            .enumerate()
            .all(|(axis, (dim, size))| match dim {
                Dim::Fixed(fixed) => fixed == size,
                Dim::Symbol(_) if axis == 0 && batched => true,
                Dim::Symbol(symbol) => *sizes.entry(symbol.clone()).or_insert(*size) == *size,
                Dim::Unknown => true,
            });
    if fits {
        return Ok(shape);
    }
    Err(dims
        .iter()
        .skip(usize::from(batched))
        .map(|dim| match dim {
            Dim::Fixed(size) => size.to_string(),
            Dim::Symbol(symbol) => sizes.get(symbol).map_or_else(|| symbol.clone(), u64::to_string),
            Dim::Unknown => "?".to_owned(),
        })
        .collect())
}

/// `[samples, 3, 8]`.
pub(super) fn shown(dims: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", dims.into_iter().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(name: &str) -> Dim {
        Dim::Symbol(name.to_owned())
    }

    #[test]
    fn a_sample_gets_a_batch_of_one_where_the_model_has_one() {
        let mut sizes = Sizes::new();
        let image = [symbol("batch"), Dim::Fixed(3), Dim::Unknown];
        assert_eq!(fit(&image, &[3, 8], &mut sizes), Ok(vec![1, 3, 8]));
        assert_eq!(
            fit(&image, &[1, 8], &mut sizes),
            Err(vec!["3".to_owned(), "?".to_owned()])
        );
        let plain = [Dim::Fixed(3), Dim::Fixed(8)];
        assert_eq!(fit(&plain, &[3, 8], &mut sizes), Ok(vec![3, 8]));
    }

    #[test]
    fn equal_names_mean_equal_sizes() {
        let mut sizes = Sizes::new();
        let ids = [symbol("batch"), symbol("seq")];
        assert_eq!(fit(&ids, &[7], &mut sizes), Ok(vec![1, 7]));
        assert_eq!(fit(&ids, &[5], &mut sizes), Err(vec!["7".to_owned()]));
    }
}
