//! Which line of the config a comparison belongs to.

use std::collections::BTreeMap;

use super::load::Loaded;
use super::types::Config;
use super::types::ModelConfig;

/// The lines of one model. All unknown for a model that stands in no file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelLines {
    model: Option<u32>,
    variants: BTreeMap<String, u32>,
}

impl ModelLines {
    /// The line of a variant, or else of the model.
    pub fn of_variant(&self, variant: &str) -> Option<u32> {
        self.variants.get(variant).copied().or(self.model)
    }
}

impl Loaded {
    /// The lines of every model of `config`, in its order: the config that was loaded, or what flags made of it.
    pub fn lines(&self, config: &Config) -> Vec<ModelLines> {
        config.models.iter().map(|model| self.lines_of(model)).collect()
    }

    fn lines_of(&self, model: &ModelConfig) -> ModelLines {
        let same = |other: &ModelConfig| other.name == model.name && other.path == model.path;
        let Some(index) = self.config.models.iter().position(same) else {
            return ModelLines::default();
        };
        let line = |path: &str| self.spans.line_of(path).map(|location| location.line);
        let variants = self.config.models[index].variants.iter().enumerate();
        ModelLines {
            model: line(&format!("models[{index}]")),
            variants: variants
                .filter_map(|(place, variant)| {
                    let line = line(&format!("models[{index}].variants[{place}]"))?;
                    Some((variant.clone(), line))
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::load::parse;

    #[test]
    fn finds_models_and_variants_after_flags() {
        let text =
            "version: 1\nmodels:\n  - path: a.onnx\n  - path: b.onnx\n    variants:\n      - fp32\n      - fp16\n";
        let loaded = parse(text, Path::new(".mlbuild.yml")).unwrap();
        let mut config = loaded.config.clone();
        config.models.remove(0);
        config
            .models
            .push(Config::for_model(Path::new("elsewhere/a.onnx")).models.remove(0));
        let lines = loaded.lines(&config);
        assert_eq!(lines[0].of_variant("fp16"), Some(7));
        assert_eq!(lines[0].of_variant("int8"), Some(4));
        assert_eq!(lines[1], ModelLines::default());
        assert_eq!(loaded.lines(&loaded.config)[0].of_variant("fp32"), Some(3));
    }
}
