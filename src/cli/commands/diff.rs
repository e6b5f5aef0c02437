//! `mlbuild diff`: what tells two models apart, without running them.

use serde_json::json;

use crate::cli::context::Context;
use crate::cli::desk;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::model::difference::Ignored;
use crate::pipeline::compared;
use crate::pipeline::open;
use crate::report::difference::SHOWN;
use crate::report::difference::Sides;
use crate::report::difference::text;

/// Show what tells two models apart without running them: metadata, inputs and outputs, operators, nodes, tensors and weights.
///
/// Nodes and tensors are matched by their names and places, in subgraphs and functions too. How far apart outputs are is told by
/// `mlbuild accuracy`, how fast they are by `mlbuild compare`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mlbuild diff model.old.onnx model.onnx
  mlbuild diff 3f36810e mobilenet-int8 --deep
  mlbuild diff mlbuild-baseline model.onnx --ignore-size --exit-code
  mlbuild diff 3f36810e 9df061cb --ignore-quant --json

Exit codes: 0; with `--exit-code` 1 where the models differ; 2 an error.")]
pub struct Args {
    /// A model file, or a build: the beginning of its id, a tag, or its name.
    #[arg(value_name = "A")]
    a: String,
    /// What is held against it.
    #[arg(value_name = "B")]
    b: String,
    /// Show every node and tensor that differs, not only the first of each kind.
    #[arg(long)]
    deep: bool,
    /// Don't look at numbers of bytes.
    #[arg(long)]
    ignore_size: bool,
    /// Don't look at how finely numbers are kept: types of elements, recipes, and operators that only convert.
    #[arg(long)]
    ignore_quant: bool,
    /// End with 1 where the models differ.
    #[arg(long)]
    exit_code: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let place = desk::place(context)?;
    let find = |reference: &str| open::find(reference, &place.workspace, &context.working_folder);
    let (a, b) = (find(&args.a)?, find(&args.b)?);
    for build in [&a.build, &b.build].into_iter().flatten() {
        context.touch(&build.facts.id);
    }
    let ignored = Ignored {
        size: args.ignore_size,
        quantization: args.ignore_quant,
    };
    let mut found = compared::compare(&a, &b, ignored);
    let is_same = found.is_same();
    if args.json {
        let models = &mut found.models;
        let counts = json!({
            "nodes_added": models.nodes.added.len(),
            "nodes_removed": models.nodes.removed.len(),
            "nodes_changed": models.nodes.changed.len(),
            "nodes_same": models.nodes.same,
            "tensors_changed": models.tensors.len(),
            "weights_changed": models.weights.changed.len(),
            "weights_identical": models.weights.identical,
        });
        if !args.deep {
            models.nodes.added.truncate(SHOWN);
            models.nodes.removed.truncate(SHOWN);
            models.nodes.changed.truncate(SHOWN);
            models.tensors.truncate(SHOWN);
            models.weights.changed.truncate(SHOWN);
        }
        context.ui.json(&json!({
            "schema": 1,
            "a": { "label": a.label, "digest": a.model.digest.as_str(), "size_bytes": a.model.size().0 },
            "b": { "label": b.label, "digest": b.model.digest.as_str(), "size_bytes": b.model.size().0 },
            "same": is_same,
            "counts": counts,
            "build": found.builds,
            "model": found.models,
        }))?;
    } else {
        let shown = if args.deep { usize::MAX } else { SHOWN };
        let sides = Sides {
            a: &a.label,
            b: &b.label,
        };
        context.ui.data(&text(&sides, &found.builds, &found.models, shown))?;
    }
    Ok(if args.exit_code && !is_same {
        Exit::Regression
    } else {
        Exit::Pass
    })
}
