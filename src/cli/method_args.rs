//! Arguments that say how a model is quantized, and the recipe that they mean.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::config::DatasetConfig;
use crate::variant::Calibration;
use crate::variant::Recipe;
use crate::variant::TRANSFORMS;

use super::context::Context;
use super::error::CliError;

/// How a model is quantized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    /// 16-bit floats.
    Fp16,
    /// 16-bit floats with the range of 32 bits.
    Bf16,
    /// 8-bit integers, activations quantized as they come.
    Int8,
    /// 8-bit integers, activations in ranges found on calibration data.
    #[value(alias = "int8_static")]
    Int8Static,
    /// Weights in blocks of 4-bit integers.
    Int4,
    /// Weights in blocks of 8-bit integers.
    #[value(alias = "int8_weights")]
    Int8Weights,
    /// 8-bit integers as in int8-static, sensitive layers kept in float.
    Mixed,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Fp16 => "fp16",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
            Self::Int8Static => "int8-static",
            Self::Int4 => "int4",
            Self::Int8Weights => "int8-weights",
            Self::Mixed => "mixed",
        }
    }

    /// True where ranges are found on calibration data.
    pub(crate) fn is_calibrated(self) -> bool {
        matches!(self, Self::Int8Static | Self::Mixed)
    }
}

/// How ranges are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CalibrationMethod {
    Minmax,
    Percentile,
    Entropy,
    Mse,
}

impl CalibrationMethod {
    fn of(self) -> Calibration {
        match self {
            Self::Minmax => Calibration::MinMax,
            Self::Percentile => Calibration::Percentile,
            Self::Entropy => Calibration::Entropy,
            Self::Mse => Calibration::Mse,
        }
    }
}

/// What ranges are found on.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct SampleArgs {
    /// Real samples to find the ranges of activations on: a `.npz` file, a folder of `.npy` files, or a folder of images.
    #[arg(long, value_name = "PATH")]
    pub(crate) calibration_data: Option<PathBuf>,
    /// The array of a `.npz` file that holds them, for a model with one input.
    #[arg(long, value_name = "NAME", requires = "calibration_data")]
    calibration_array: Option<String>,
    /// How many of them, at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) calibration_samples: u32,
}

impl SampleArgs {
    /// The data to calibrate on.
    pub(crate) fn config(&self, context: &Context) -> Option<DatasetConfig> {
        let path = self.calibration_data.as_ref()?;
        Some(DatasetConfig {
            array: self.calibration_array.clone(),
            samples: self.calibration_samples as usize,
            ..DatasetConfig::for_calibration(context.relative(path))
        })
    }

    /// The data as a dataset of at most `samples` samples, to compare outputs on where there is no other.
    pub(crate) fn as_dataset(&self, samples: u32, context: &Context) -> Option<DatasetConfig> {
        let path = self.calibration_data.as_ref()?;
        Some(DatasetConfig {
            array: self.calibration_array.clone(),
            samples: samples as usize,
            ..DatasetConfig::of(context.relative(path))
        })
    }
}

/// What ranges are found on, and how.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct CalibrationArgs {
    #[command(flatten)]
    pub(crate) samples: SampleArgs,
    /// How a range is chosen among the values that came.
    #[arg(long, value_name = "METHOD", value_enum)]
    calibration_method: Option<CalibrationMethod>,
    /// One scale a tensor instead of one a channel.
    #[arg(long)]
    pub(crate) per_tensor: bool,
}

impl CalibrationArgs {
    /// The recipe of `method` with these settings, and how flags were understood.
    pub(crate) fn recipe(&self, method: Method) -> Result<(Recipe, Vec<String>), CliError> {
        let mut notices = Vec::new();
        let method = match method {
            Method::Int8 if self.samples.calibration_data.is_some() => {
                notices.push(
                    "with calibration data `int8` is `int8-static`: activations are quantized in fixed ranges"
                        .to_owned(),
                );
                Method::Int8Static
            }
            method => method,
        };
        if !method.is_calibrated() {
            if self.samples.calibration_data.is_some() {
                return Err(self.needless("--calibration-data", method));
            }
            if self.calibration_method.is_some() {
                return Err(self.needless("--calibration-method", method));
            }
        }
        let mut text = method.name().to_owned();
        if let Some(calibration) = self.calibration_method.map(CalibrationMethod::of) {
            text.push_str(&format!("-{}", calibration.name()));
        }
        if self.per_tensor {
            text.push_str(per_tensor(method.name())?);
        }
        Ok((Recipe::parse(&text)?, notices))
    }

    /// An error where one of these flags is given although nothing is quantized; `missing` is the flag that would make it so.
    pub(crate) fn unused(&self, missing: &str) -> Result<(), CliError> {
        let given = if self.samples.calibration_data.is_some() {
            "--calibration-data"
        } else if self.calibration_method.is_some() {
            "--calibration-method"
        } else if self.per_tensor {
            "--per-tensor"
        } else {
            return Ok(());
        };
        Err(CliError::usage(format!(
            "`{given}` says how to quantize, and nothing is to be quantized"
        ))
        .hint(format!("add `{missing} int8-static`, or leave it out")))
    }

    fn needless(&self, flag: &str, method: Method) -> CliError {
        CliError::usage(format!(
            "`{}` takes no ranges, so `{flag}` means nothing to it",
            method.name()
        ))
        .hint("methods with ranges are `int8-static` and `mixed`; leave the flag out otherwise")
    }
}

/// What asks for one scale a tensor in a step of the transform `name`; an error where it has no such form.
pub(crate) fn per_tensor(name: &str) -> Result<&'static str, CliError> {
    let has = TRANSFORMS
        .iter()
        .any(|transform| transform.name == name && transform.usage.contains("[-tensor]"));
    if has {
        return Ok("-tensor");
    }
    Err(CliError::usage(format!("`{name}` has no per-tensor form")).hint("leave `--per-tensor` out"))
}
