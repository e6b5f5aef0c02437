//! `mlbuild optimize`: a variant of a model or of a build: quantized, pruned, clustered, simplified.

use clap::ValueEnum;

use crate::cli::commands::accuracy::DataArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::making;
use crate::cli::making::Making;
use crate::cli::making::MakingArgs;
use crate::cli::method_args::CalibrationArgs;
use crate::cli::method_args::Method;
use crate::cli::method_args::per_tensor;
use crate::variant::Recipe;

/// What `--pass prune` removes where nobody says otherwise.
const SPARSITY: f64 = 0.5;

/// Make a smaller or faster variant of a model or of a build, verified and kept as its child.
///
/// The variant is derived, loaded, run beside the model, and kept with how far its outputs are from the model's. What does not run, or
/// yields NaN where the model doesn't, is not kept. A build that was made before is used again. Steps can follow each other: optimize
/// the build that came out, or give them all with `--recipe`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild optimize model.onnx --pass quantize --method fp16 --output model.fp16.onnx
  mlbuild optimize model.onnx --pass quantize --method int8-static --calibration-data ./images/
  mlbuild optimize model.onnx --pass prune --sparsity 0.5
  mlbuild optimize 3f36810e --pass quantize --method int8     # the pruned build, quantized
  mlbuild optimize model.onnx --recipe prune-0.50+int8        # the same in one step

What each method costs and gains: docs/optimizing.md")]
pub struct Args {
    /// A model file, or a build: a tag or the beginning of its id.
    #[arg(value_name = "MODEL|BUILD")]
    model: String,
    /// What to do.
    #[arg(long, value_name = "PASS", value_enum, required_unless_present = "recipe")]
    pass: Option<PassName>,
    /// How to quantize (`--pass quantize`).
    #[arg(long, value_name = "METHOD", value_enum)]
    method: Option<Method>,
    /// The share of weights that become zero (`--pass prune`); 0.5 by default.
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    sparsity: Option<f64>,
    /// The share of channels that are removed (`--pass prune-structured`).
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    ratio: Option<f64>,
    /// The bits of an index into the palette of weights (`--pass palettize`).
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u8).range(1..=8))]
    bits: Option<u8>,
    /// Several steps at once, as the config's `variants` write them: `prune-0.50+int8`.
    #[arg(long, value_name = "RECIPE", conflicts_with_all = ["pass", "method", "sparsity", "ratio", "bits", "per_tensor", "calibration_method"])]
    recipe: Option<String>,
    #[command(flatten)]
    calibration: CalibrationArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    making: MakingArgs,
}

/// A kind of pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PassName {
    /// Fewer bits a number.
    Quantize,
    /// The smallest weights become zero.
    Prune,
    /// Whole channels are removed.
    PruneStructured,
    /// Weights are drawn from a small palette.
    Palettize,
    /// What can be computed beforehand is, and what is not needed goes.
    Simplify,
    /// Outliers of activations move into weights, so that both quantize well.
    Smooth,
}

impl PassName {
    fn name(self) -> &'static str {
        match self {
            Self::Quantize => "quantize",
            Self::Prune => "prune",
            Self::PruneStructured => "prune-structured",
            Self::Palettize => "palettize",
            Self::Simplify => "simplify",
            Self::Smooth => "smooth",
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share: &f64| *share > 0.0 && *share < 1.0)
        .ok_or_else(|| "expected a share above 0 and below 1, such as 0.5".to_owned())
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let (recipe, notices) = args.recipe()?;
    let dataset = args
        .data
        .config(args.making.samples, context)
        .or_else(|| args.calibration.samples.as_dataset(args.making.samples, context));
    making::run(
        Making {
            reference: &args.model,
            name: None,
            recipe: &recipe,
            dataset,
            calibration: args.calibration.samples.config(context),
            notices,
        },
        &args.making,
        context,
    )
}

impl Args {
    /// The steps that the flags mean, and how they were understood.
    fn recipe(&self) -> Result<(Recipe, Vec<String>), CliError> {
        if let Some(text) = &self.recipe {
            let recipe = Recipe::parse(text)?;
            if recipe.steps.is_empty() {
                return Err(
                    CliError::usage("`fp32` is the model as it is: there is nothing to make")
                        .hint("`mlbuild build --model FILE` registers a model as it is"),
                );
            }
            return Ok((recipe, Vec::new()));
        }
        let Some(pass) = self.pass else {
            return Err(CliError::usage(
                "nothing to do: neither `--pass` nor `--recipe` is given",
            ));
        };
        self.check_flags(pass)?;
        let text = match pass {
            PassName::Quantize => {
                let method = self.method.ok_or_else(|| {
                    CliError::usage("`--pass quantize` needs `--method`").hint(
                        "fp16, bf16, int8, int8-static, int4, int8-weights or mixed; docs/optimizing.md says which when",
                    )
                })?;
                return self.calibration.recipe(method);
            }
            PassName::Prune => format!("prune-{}", self.sparsity.unwrap_or(SPARSITY)),
            PassName::PruneStructured => {
                let ratio = self.ratio.ok_or_else(|| {
                    CliError::usage("`--pass prune-structured` needs `--ratio`").hint("such as `--ratio 0.25`")
                })?;
                format!("prune-structured-{ratio}")
            }
            PassName::Palettize => {
                let bits = self
                    .bits
                    .ok_or_else(|| CliError::usage("`--pass palettize` needs `--bits`").hint("such as `--bits 4`"))?;
                format!("palettize-{bits}")
            }
            PassName::Simplify | PassName::Smooth => pass.name().to_owned(),
        };
        let suffix = if self.calibration.per_tensor {
            per_tensor(pass.name())?
        } else {
            ""
        };
        Ok((Recipe::parse(&format!("{text}{suffix}"))?, Vec::new()))
    }

    /// Refuses flags of other passes, which would be ignored otherwise.
    fn check_flags(&self, pass: PassName) -> Result<(), CliError> {
        use PassName::Palettize;
        use PassName::Prune;
        use PassName::PruneStructured;
        use PassName::Quantize;
        use PassName::Smooth;
        let given = |is_given: bool, flag: &'static str, passes: &'static [PassName]| (is_given, flag, passes);
        let flags = [
            given(self.method.is_some(), "--method", &[Quantize]),
            given(self.sparsity.is_some(), "--sparsity", &[Prune]),
            given(self.ratio.is_some(), "--ratio", &[PruneStructured]),
            given(self.bits.is_some(), "--bits", &[Palettize]),
            given(self.calibration.per_tensor, "--per-tensor", &[Quantize, Prune]),
            given(
                self.calibration.samples.calibration_data.is_some(),
                "--calibration-data",
                &[Quantize, Smooth],
            ),
        ];
        for (is_given, flag, passes) in flags {
            if is_given && !passes.contains(&pass) {
                let names: Vec<String> = passes.iter().map(|pass| format!("`--pass {}`", pass.name())).collect();
                return Err(
                    CliError::usage(format!("`{flag}` means nothing to `--pass {}`", pass.name()))
                        .hint(format!("it belongs to {}", names.join(" and "))),
                );
            }
        }
        Ok(())
    }
}
