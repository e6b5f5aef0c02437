//! How inputs are made up, so that each sample can be drawn when it is needed: many at once may take more memory than the model.

use super::InputError;
use super::ResolvedSpec;
use super::synthetic;
use super::synthetic::Content;
use crate::model::tensor::Tensor;

/// What values each input has; cheap beside the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    inputs: Vec<(ResolvedSpec, Content)>,
}

impl Recipe {
    /// Errors on an element type that cannot be made up.
    pub(super) fn new(inputs: Vec<(ResolvedSpec, Content)>) -> Result<Self, InputError> {
        match inputs.iter().find(|(spec, _)| spec.element.size().is_none()) {
            Some((spec, _)) => Err(InputError::Unsupported {
                name: spec.name.clone(),
                element: spec.element,
            }),
            None => Ok(Self { inputs }),
        }
    }

    /// The same inputs, to compare outputs on: floats of which nothing is known are noise and not zeros. On zeros alone most
    /// differences between two models would go unseen.
    #[must_use]
    pub fn for_outputs(&self) -> Self {
        let inputs = self.inputs.iter().map(|(spec, content)| match content {
            Content::Unknown if spec.element.is_float() => (spec.clone(), Content::Noise),
            _ => (spec.clone(), *content),
        });
        Self {
            inputs: inputs.collect(),
        }
    }

    /// One tensor an input, in the model's order; the same `seed` draws the same bytes everywhere.
    pub fn draw(&self, seed: u64) -> Vec<Tensor> {
        let inputs = self.inputs.iter();
        inputs
            .map(|(spec, content)| synthetic::synthesize(spec, *content, seed))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::ElementType;

    fn spec(name: &str, element: ElementType) -> ResolvedSpec {
        ResolvedSpec {
            name: name.to_owned(),
            element,
            shape: vec![1, 6],
        }
    }

    #[test]
    fn refuses_text() {
        let error = Recipe::new(vec![(spec("text", ElementType::String), Content::Noise)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "input `text` takes String elements, which cannot be made up"
        );
    }

    #[test]
    fn only_floats_of_which_nothing_is_known_are_others_where_outputs_are_compared() {
        let recipe = Recipe::new(vec![
            (spec("unknown", ElementType::Float), Content::Unknown),
            (spec("flags", ElementType::Int32), Content::Unknown),
            (spec("mask", ElementType::Float), Content::Constant(0)),
            (spec("pixels", ElementType::Float), Content::Pixels),
        ])
        .unwrap();
        let (timed, compared) = (recipe.draw(3), recipe.for_outputs().draw(3));
        let zeros = |tensor: &Tensor| tensor.data.iter().all(|byte| *byte == 0);
        assert_eq!(timed.iter().map(zeros).collect::<Vec<_>>(), [true, true, true, false]);
        assert_eq!(
            compared.iter().map(zeros).collect::<Vec<_>>(),
            [false, true, true, false]
        );
        assert_eq!(timed[3], compared[3]);
    }
}
