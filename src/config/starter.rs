//! The files that `mlbuild init` writes: a commented config, a workflow, and one more for pull requests from forks.

use std::collections::BTreeMap;

use minijinja::Environment;
use minijinja::context;
use minijinja::syntax::SyntaxConfig;

use super::resolve;

/// The config's template.
const CONFIG: &str = include_str!("../../templates/init/mlbuild.yml");
/// The workflow's template.
const WORKFLOW: &str = include_str!("../../templates/init/workflow.yml");

/// The workflow that reports on pull requests from forks; nothing in it depends on the repository.
pub const REPORT: &str = include_str!("../../templates/init/report.yml");

/// A template that could not be filled in.
#[derive(Debug, thiserror::Error)]
#[error("cannot fill in the template of `{file}`")]
pub struct StarterError {
    file: &'static str,
    #[source]
    source: minijinja::Error,
}

impl crate::hint::Hint for StarterError {
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A config for these models, whose paths are relative to its folder with `/` between their parts.
pub fn config(paths: &[String]) -> Result<String, StarterError> {
    let models: Vec<minijinja::Value> = names(paths)
        .iter()
        .zip(paths)
        .map(|(name, path)| context! { name => name.as_deref().map(scalar), path => scalar(path) })
        .collect();
    render(".mlbuild.yml", CONFIG, context! { models })
}

/// A workflow that gates pull requests and publishes baselines from `branch`; `lfs` where models are stored with Git LFS.
pub fn workflow(branch: &str, lfs: bool) -> Result<String, StarterError> {
    render(
        ".github/workflows/mlbuild.yml",
        WORKFLOW,
        context! { branch => scalar(branch), lfs },
    )
}

fn render(file: &'static str, template: &str, context: minijinja::Value) -> Result<String, StarterError> {
    let fault = |source| StarterError { file, source };
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .map_err(fault)?;
    let mut environment = Environment::new();
    environment.set_syntax(syntax);
    environment.render_str(template, context).map_err(fault)
}

/// A name for each path where its file's name alone would not do, as another one has it too.
fn names(paths: &[String]) -> Vec<Option<String>> {
    let stem = |path: &str| resolve::default_name(path.as_ref());
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        *uses.entry(stem(path)).or_default() += 1;
    }
    paths
        .iter()
        .map(|path| {
            let unique = uses.get(&stem(path)) == Some(&1);
            let without_extension = path.rsplit_once('.').map_or(path.as_str(), |(before, _)| before);
            (!unique).then(|| without_extension.replace('/', "-"))
        })
        .collect()
}

/// A text as one YAML scalar inside block or flow style: as it is where that is safe, else in double quotes.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|character: char| character.is_ascii_alphabetic())
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "._-/".contains(character))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    if plain {
        text.to_owned()
    } else {
        // JSON's strings are YAML's, but for the line ends that only YAML knows.
        ['\u{85}', '\u{2028}', '\u{2029}']
            .iter()
            .fold(serde_json::Value::from(text).to_string(), |text, end| {
                text.replace(*end, &format!("\\u{:04x}", u32::from(*end)))
            })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::config::load::parse;

    #[test]
    fn the_config_is_valid_and_names_differ() {
        let paths = ["a/model.onnx", "b/model.onnx", "c/Größe 1: x.onnx"].map(str::to_owned);
        let loaded = parse(&config(&paths).unwrap(), Path::new(".mlbuild.yml")).unwrap();
        let models: Vec<(&str, &str)> = loaded
            .config
            .models
            .iter()
            .map(|model| (model.name.as_str(), model.path.to_str().unwrap()))
            .collect();
        assert_eq!(
            models,
            [
                ("a-model", "a/model.onnx"),
                ("b-model", "b/model.onnx"),
                ("Größe 1: x", "c/Größe 1: x.onnx")
            ]
        );
    }

    #[test]
    fn what_is_commented_out_is_valid_and_the_default() {
        let paths = ["a.onnx".to_owned()];
        let plain = config(&paths).unwrap();
        let (head, settings) = plain.split_once("version: 1").unwrap();
        let written = format!(
            "{head}version: 1{}",
            settings.replace("\n# ", "\n").replace("\n    # ", "\n    ")
        );
        let [plain, written] =
            [plain.as_str(), written.as_str()].map(|text| parse(text, Path::new(".mlbuild.yml")).unwrap().config);
        assert_eq!(crate::config::changes(&plain, &written), Vec::<String>::new());
        assert!(written.models[0].build.is_some() && written.models[0].dataset.is_some());
        assert!(plain.models[0].build.is_none());
    }

    #[test]
    fn the_workflow_is_valid_yaml() {
        for lfs in [false, true] {
            let text = workflow("main", lfs).unwrap();
            let yaml: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
            assert!(yaml["jobs"]["gate"]["permissions"]["checks"] == "write");
            let checkout = &yaml["jobs"]["baseline"]["steps"][0]["with"];
            assert!(checkout["persist-credentials"] == false);
            assert_eq!(checkout.get("lfs").is_some(), lfs);
        }
    }

    proptest! {
        #[test]
        fn any_path_survives(path in "[a-z]{1,3}[ -~äé\u{2028}]{0,20}x\\.onnx") {
            prop_assume!(!path.contains('\\'));
            let loaded = parse(&config(std::slice::from_ref(&path)).unwrap(), Path::new(".mlbuild.yml")).unwrap();
            prop_assert_eq!(loaded.config.models[0].path.to_str().unwrap(), path);
        }
    }
}
