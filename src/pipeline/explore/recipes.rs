//! Which recipes a sweep tries: those of the default list that exist and that the model has operators for. What is left out says why.

use std::collections::BTreeMap;

use crate::config::Target;
use crate::model::Format;
use crate::model::Model;
use crate::pipeline::method;
use crate::report::explore::LeftOut;
use crate::variant::Recipe;

/// A recipe of the default sweep.
struct Offer {
    /// As recipes are written.
    recipe: &'static str,
    /// Operators of which the model must have one; none where any model will do.
    operators: &'static [&'static str],
    /// What the recipe does with them, in half a sentence.
    needs: &'static str,
}

/// Everything that a default sweep tries, in this order: the cheapest to derive first.
const OFFERS: &[Offer] = &[
    Offer {
        recipe: "simplify",
        operators: &[],
        needs: "",
    },
    Offer {
        recipe: "fp16",
        operators: &[],
        needs: "",
    },
    Offer {
        recipe: "int8",
        operators: &[
            "MatMul",
            "Gemm",
            "LSTM",
            "Gather",
            "Attention",
            "EmbedLayerNormalization",
        ],
        needs: "it quantizes the weights of MatMul, Gemm, LSTM and Gather",
    },
    Offer {
        recipe: "int8-weights",
        operators: &["MatMul", "Gemm"],
        needs: "it quantizes the weights of matrix products",
    },
    Offer {
        recipe: "int4",
        operators: &["MatMul", "Gemm"],
        needs: "it quantizes the weights of matrix products",
    },
    Offer {
        recipe: "palettize-4",
        operators: &["Conv", "ConvTranspose", "MatMul", "Gemm", "LSTM", "GRU", "Gather"],
        needs: "it clusters weights",
    },
    Offer {
        recipe: "prune-0.50",
        operators: &["Conv", "ConvTranspose", "MatMul", "Gemm", "LSTM", "GRU"],
        needs: "it prunes weights",
    },
    Offer {
        recipe: "prune-structured-0.25",
        operators: &["Conv", "Gemm", "MatMul"],
        needs: "it removes channels",
    },
    Offer {
        recipe: "int8-static",
        operators: &["Conv", "MatMul", "Gemm"],
        needs: "it quantizes convolutions and matrix products",
    },
    Offer {
        recipe: "smooth+int8-static",
        operators: &["LayerNormalization", "SkipLayerNormalization", "ReduceMean"],
        needs: "it moves outliers of activations behind normalizations into weights",
    },
    Offer {
        recipe: "mixed",
        operators: &["Conv", "MatMul", "Gemm"],
        needs: "it quantizes convolutions and matrix products",
    },
];

/// The recipe of a fast sweep.
const FAST: &str = "fp16";

/// What to try, and what not.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub(super) recipes: Vec<Recipe>,
    pub(super) left_out: Vec<LeftOut>,
}

/// The default sweep of `model` for `target`, or its fast one.
pub(super) fn choose(model: &Model, target: Target, fast: bool) -> Chosen {
    let mut chosen = Chosen::default();
    for offer in OFFERS.iter().filter(|offer| !fast || offer.recipe == FAST) {
        // What this version cannot derive is not offered.
        let Ok(recipe) = Recipe::parse(offer.recipe) else {
            continue;
        };
        if !recipe.steps.iter().all(|step| step.pass.takes(model.format)) {
            chosen.left_out.push(LeftOut {
                recipe: recipe.name(),
                reason: format!("it does not change {} models", model.format),
            });
        } else if method::check(&recipe, target).is_err() {
            chosen.left_out.push(LeftOut {
                recipe: recipe.name(),
                reason: format!("{target} cannot run it"),
            });
        } else if offer.operators.is_empty()
            || model.format != Format::Onnx
            || has_any(&model.facts.op_histogram, offer.operators)
        {
            chosen.recipes.push(recipe);
        } else {
            chosen.left_out.push(LeftOut {
                recipe: recipe.name(),
                reason: format!("{}, and the model has none of these", offer.needs),
            });
        }
    }
    chosen
}

/// True where the file holds one of the operators, in whatever domain.
fn has_any(histogram: &BTreeMap<String, u64>, operators: &[&str]) -> bool {
    histogram.keys().any(|operator| {
        let name = operator.rsplit('.').next().unwrap_or(operator);
        operators.contains(&name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_of_any_domain_count() {
        let histogram = BTreeMap::from([("com.microsoft.Attention".to_owned(), 1), ("Relu".to_owned(), 2)]);
        assert!(has_any(&histogram, &["Attention"]));
        assert!(!has_any(&histogram, &["Conv", "MatMul"]));
    }

    #[test]
    fn every_offer_is_written_as_recipes_name_themselves() {
        for offer in OFFERS {
            if let Ok(recipe) = Recipe::parse(offer.recipe) {
                assert_eq!(recipe.name(), offer.recipe);
            }
        }
        assert!(OFFERS.iter().any(|offer| offer.recipe == FAST));
    }
}
