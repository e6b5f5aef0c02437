//! The desk: how it stands, what was run, what was tried, the baseline that was set, limits for all.

use super::stage::Kind::Steady;
use super::stage::Kind::Timed;
use super::stage::Stage;

pub const COVERS: &[&str] = &[
    "baseline",
    "baseline history",
    "baseline set",
    "baseline show",
    "baseline unset",
    "budget clear",
    "budget set",
    "budget show",
    "budget validate",
    "experiment create",
    "experiment delete",
    "experiment list",
    "experiment show",
    "history",
    "history clear",
    "history delete",
    "run attach-build",
    "run end",
    "run list",
    "run log-metric",
    "run log-param",
    "run show",
    "run start",
    "status",
];

fn baselines(stage: &mut Stage) {
    let (root, half) = (stage.id("digits"), stage.id("half"));
    stage.both(Steady, &["baseline"]);
    stage.text_of(Steady, "none", &["baseline", "history"]);
    stage.text(Steady, &["baseline", "set", &root]);
    stage.text_of(Steady, "taken", &["baseline", "set", &half]);
    stage.json(Steady, &["baseline", "set", &half, "--force"]);
    stage.both(Steady, &["baseline", "show"]);
    stage.both(Steady, &["baseline", "history"]);
    stage.text_of(Steady, "asks", &["baseline", "unset"]);
    stage.json(Steady, &["baseline", "unset", "--force"]);
    stage.env.run(&["baseline", "set", &root]).expect_code(0);
    stage.text(Steady, &["baseline", "unset", "--force"]);
    stage.env.run(&["baseline", "set", &root]).expect_code(0);
}

fn budgets(stage: &mut Stage) {
    let whole = stage.id("whole");
    stage.text_of(Steady, "none", &["budget", "show"]);
    stage.text(Steady, &["budget", "set", "--max-latency", "10", "--max-size", "8"]);
    stage.json(Steady, &["budget", "set", "--max-p95", "15 ms"]);
    stage.both(Steady, &["budget", "show"]);
    stage.both(Steady, &["budget", "validate", "model.onnx"]);
    stage.text_of(Steady, "build", &["budget", "validate", &whole]);
    stage.text(Steady, &["budget", "clear", "--constraint", "max-p95"]);
    stage.text_of(Steady, "asks", &["budget", "clear"]);
    stage.json(Steady, &["budget", "clear", "--yes"]);
    stage.env.run(&["budget", "set", "--max-size", "1"]).expect_code(0);
    stage.text_of(Steady, "beyond", &["budget", "validate", "model.onnx"]);
}

fn experiments(stage: &mut Stage) {
    let half = stage.id("half");
    stage.text_of(Steady, "none", &["experiment", "list"]);
    stage.text(
        Steady,
        &[
            "experiment",
            "create",
            "smaller",
            "--description",
            "how \"small\" can <it> be?",
        ],
    );
    stage.json(Steady, &["experiment", "create", "other"]);
    stage.text(Steady, &["run", "start", "--experiment", "smaller", "--name", "first"]);
    stage.text(Steady, &["run", "log-param", "recipe", "fp16"]);
    stage.json(Steady, &["run", "log-param", "learning rate", "0.1"]);
    stage.text(Steady, &["run", "log-metric", "loss", "0.5"]);
    stage.json(Steady, &["run", "log-metric", "loss", "0.25"]);
    stage.both(Steady, &["run", "attach-build", &half]);
    stage.text(Steady, &["run", "end"]);
    stage.json(
        Steady,
        &["run", "start", "--experiment", "smaller", "--name", "second 🚀"],
    );
    stage.json(Steady, &["run", "end", "--status", "failed"]);
    stage.both(Steady, &["run", "list"]);
    let runs = stage.env.run(&["run", "list", "--json"]).expect_code(0);
    let runs = crate::support::desk::json(&runs);
    let first = runs["runs"].as_array().unwrap().last().unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    stage.both(Steady, &["run", "show", &first]);
    stage.both(Steady, &["experiment", "list"]);
    stage.both(Steady, &["experiment", "show", "smaller"]);
    stage.text_of(Steady, "asks", &["experiment", "delete", "smaller"]);
    stage.text(Steady, &["experiment", "delete", "smaller", "--yes"]);
    stage.json(Steady, &["experiment", "delete", "other", "--yes"]);
}

#[test]
fn the_desk_speaks() {
    let mut stage = Stage::with_builds();
    baselines(&mut stage);
    budgets(&mut stage);
    experiments(&mut stage);
    stage.both(Steady, &["status"]);
    stage.both(Timed, &["history", "--limit", "8"]);
    stage.text_of(Timed, "failed", &["history", "--filter", "failed"]);
    let entries = crate::support::desk::json(&stage.env.run(&["history", "--json"]).expect_code(0));
    let newest = entries["entries"][0]["id"].to_string();
    stage.text(Steady, &["history", "delete", newest.trim_matches('"')]);
    stage.text_of(Steady, "asks", &["history", "clear"]);
    stage.text(Steady, &["history", "clear", "--yes"]);
    stage.done(COVERS);
}
