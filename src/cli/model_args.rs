//! Arguments that several commands give a model by: shapes of its inputs, its task, how it is run.

use std::collections::BTreeMap;

use clap::ValueEnum;

use crate::config::ModelConfig;
use crate::config::RuntimeConfig;
use crate::config::Target;
use crate::config::Task;
use crate::model::Format;
use crate::pipeline::import::Source;
use crate::pipeline::open::Found;
use crate::runtime::LiteRtSettings;
use crate::units::Span;
use crate::units::UnitError;

use super::error::CliError;

/// Shapes of inputs with free dimensions.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ShapeArgs {
    /// Shape of an input with free dimensions: `input=1,3,224,224`. May be given several times.
    #[arg(long, value_name = "NAME=SHAPE", value_parser = shape)]
    input_shape: Vec<(String, Vec<u64>)>,
}

impl ShapeArgs {
    /// The shapes by name of input; an error where one input is given two.
    pub(crate) fn shapes(&self) -> Result<BTreeMap<String, Vec<u64>>, CliError> {
        let mut shapes = BTreeMap::new();
        for (name, shape) in &self.input_shape {
            if shapes
                .insert(name.clone(), shape.clone())
                .is_some_and(|before| before != *shape)
            {
                return Err(CliError::usage(format!("`--input-shape` gives `{name}` two shapes"))
                    .hint("give each input one shape; other sizes are another run"));
            }
        }
        Ok(shapes)
    }
}

/// How LiteRT runs a TensorFlow Lite model; other engines don't heed it.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct LiteRtArgs {
    /// The entry point to run, of a TensorFlow Lite model with several signatures; the config's, or the first, by default.
    #[arg(long, value_name = "NAME")]
    signature: Option<String>,
    /// Let LiteRT's own kernels compute everything, without XNNPACK.
    #[arg(long)]
    no_xnnpack: bool,
}

impl LiteRtArgs {
    /// The model that was found, run by the entry point of the flag, or of the config's `model` where no flag says which.
    ///
    /// Errors: it has no such signature; ONNX models have none.
    pub(crate) fn enter(&self, found: Found, model: Option<&ModelConfig>) -> Result<Found, CliError> {
        let configured = model.and_then(|model| model.signature.as_deref());
        Ok(found.entered(self.signature.as_deref().or(configured))?)
    }

    /// The same of a model that stands beside the config's `model`: the config says nothing of one without entry points.
    pub(crate) fn enter_beside(&self, found: Found, model: Option<&ModelConfig>) -> Result<Found, CliError> {
        let has_any = found.model.format == Format::TfLite;
        self.enter(found, model.filter(|_| has_any))
    }

    /// The same of a file that is brought in.
    pub(crate) fn enter_source(&self, source: Source, model: Option<&ModelConfig>) -> Result<Source, CliError> {
        let configured = model.and_then(|model| model.signature.as_deref());
        let model = match (source.model, self.signature.as_deref().or(configured)) {
            (Some(model), Some(name)) => Some(model.with_signature(name)?),
            (None, Some(_)) => {
                return Err(
                    CliError::usage(format!("{} models have no signatures here", source.format))
                        .hint("leave `--signature` out"),
                );
            }
            (model, None) => model,
        };
        Ok(Source { model, ..source })
    }

    /// The entry point of the flag.
    pub(crate) fn signature(&self) -> Option<&str> {
        self.signature.as_deref()
    }

    /// True where a flag was given.
    pub(crate) fn is_given(&self) -> bool {
        self.signature.is_some() || self.no_xnnpack
    }

    /// The engine's settings of the config, with what the flags say above them.
    pub(crate) fn runtime(&self, runtime: RuntimeConfig) -> RuntimeConfig {
        RuntimeConfig {
            xnnpack: runtime.xnnpack && !self.no_xnnpack,
            ..runtime
        }
    }

    /// What the flags say, above what the config says.
    pub(crate) fn settings(&self, runtime: &RuntimeConfig, model: Option<&ModelConfig>) -> LiteRtSettings {
        LiteRtSettings {
            xnnpack: runtime.xnnpack && !self.no_xnnpack,
            signature: self
                .signature
                .clone()
                .or_else(|| model.and_then(|model| model.signature.clone())),
        }
    }
}

/// What kind of data a model takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct TaskArgs {
    /// The kind of data it takes; found out from the model by default.
    #[arg(long, value_name = "TASK", value_enum, default_value_t)]
    task: TaskName,
}

impl TaskArgs {
    /// The task; [`Task::Auto`] where none was given.
    pub(crate) fn task(&self) -> Task {
        match self.task {
            TaskName::Auto => Task::Auto,
            TaskName::Vision => Task::Vision,
            TaskName::Nlp => Task::Nlp,
            TaskName::Audio => Task::Audio,
            TaskName::Tabular => Task::Tabular,
            TaskName::Unknown => Task::Unknown,
        }
    }
}

impl TaskArgs {
    /// The task of the flag, or else the one that the config gives the model.
    pub(crate) fn or(&self, model: Option<&ModelConfig>) -> Task {
        match (self.task(), model) {
            (Task::Auto, Some(model)) => model.task,
            (task, _) => task,
        }
    }
}

/// A task, as a flag names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum TaskName {
    #[default]
    Auto,
    Vision,
    Nlp,
    Audio,
    Tabular,
    Unknown,
}

/// Where a model runs.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct UnitArgs {
    /// The processor to run on: `cpu`, `gpu` or `ane` (Apple's Neural Engine).
    #[arg(long, value_name = "UNIT", value_parser = unit)]
    compute_unit: Option<Target>,
}

impl UnitArgs {
    /// The target that was asked for, if any.
    pub(crate) fn target(&self) -> Option<Target> {
        self.compute_unit
    }
}

/// Reads a compute unit: our words, and Core ML's. `all` is every unit that this tool may choose from by itself, which is the
/// processor: it never takes another device than the one that was asked for.
fn unit(text: &str) -> Result<Target, String> {
    match text.to_ascii_lowercase().replace('-', "_").as_str() {
        "cpu" | "cpu_only" | "all" => Ok(Target::OnnxRuntimeCpu),
        "gpu" | "cpu_and_gpu" => Ok(Target::OnnxRuntimeGpu),
        "ane" | "cpu_and_ne" => Ok(Target::OnnxRuntimeAne),
        _ => Err("expected one of cpu, gpu, ane, all, CPU_ONLY, CPU_AND_GPU, ALL".to_owned()),
    }
}

/// Reads a time that is above zero.
pub(crate) fn span(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error: UnitError| error.to_string())?;
    if span.0.is_zero() {
        return Err("expected a time above zero, such as `20 s`".to_owned());
    }
    Ok(span)
}

/// Reads `name=1,3,224,224`.
pub(crate) fn shape(text: &str) -> Result<(String, Vec<u64>), String> {
    let expected = || "expected a name and dimensions of at least 1, such as `input=1,3,224,224`".to_owned();
    let (name, dims) = text.rsplit_once('=').ok_or_else(expected)?;
    let dims: Vec<u64> = dims
        .split([',', 'x'])
        .map(|dim| dim.trim().parse())
        .collect::<Result<_, _>>()
        .map_err(|_| expected())?;
    if name.is_empty() || dims.contains(&0) {
        return Err(expected());
    }
    Ok((name.to_owned(), dims))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_names_and_dimensions() {
        assert_eq!(
            shape("input=1,3,224,224").unwrap(),
            ("input".to_owned(), vec![1, 3, 224, 224])
        );
        assert_eq!(shape("a=b=1x2").unwrap(), ("a=b".to_owned(), vec![1, 2]));
        for bad in ["", "input", "=1", "input=", "input=1,0", "input=1,-2", "input=1,x"] {
            assert!(shape(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn flags_of_litert_stand_above_the_config() {
        let config = crate::config::Config::for_model(std::path::Path::new("m.tflite"));
        let model = ModelConfig {
            signature: Some("add".to_owned()),
            ..ModelConfig::of(std::path::Path::new("m.tflite"))
        };
        let (none, all) = (
            LiteRtArgs::default(),
            LiteRtArgs {
                signature: Some("multiply".to_owned()),
                no_xnnpack: true,
            },
        );
        assert!(!none.is_given() && all.is_given());
        assert!(none.runtime(config.runtime.clone()).xnnpack);
        assert!(!all.runtime(config.runtime.clone()).xnnpack);
        let signature = |args: &LiteRtArgs| args.settings(&config.runtime, Some(&model)).signature.unwrap();
        assert_eq!(
            (signature(&none), signature(&all)),
            ("add".to_owned(), "multiply".to_owned())
        );
    }

    #[test]
    fn one_input_has_one_shape() {
        let args = |shapes: &[(&str, u64)]| ShapeArgs {
            input_shape: shapes
                .iter()
                .map(|(name, size)| ((*name).to_owned(), vec![*size]))
                .collect(),
        };
        assert_eq!(args(&[("a", 1), ("b", 2), ("a", 1)]).shapes().unwrap().len(), 2);
        assert!(args(&[("a", 1), ("a", 2)]).shapes().is_err());
    }

    #[test]
    fn units_are_read_in_both_languages() {
        for (text, target) in [
            ("cpu", Target::OnnxRuntimeCpu),
            ("CPU_ONLY", Target::OnnxRuntimeCpu),
            ("ALL", Target::OnnxRuntimeCpu),
            ("CPU_AND_GPU", Target::OnnxRuntimeGpu),
            ("gpu", Target::OnnxRuntimeGpu),
            ("ane", Target::OnnxRuntimeAne),
        ] {
            assert_eq!(unit(text), Ok(target), "{text}");
        }
        assert!(unit("tpu").is_err());
    }
}
