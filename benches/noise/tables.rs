//! The tables of `docs/benchmarks.md`, from the notebook.

use std::fmt::Write as _;

use mlbuild::stats::summary::Summary;
use mlbuild::stats::summary::mean;
use mlbuild::stats::summary::median;

use crate::trial::Trial;

/// All tables as Markdown.
pub(crate) fn markdown(trials: &[Trial]) -> String {
    let mut text = String::new();
    for condition in ["busy", "quiet"] {
        for (study, title) in [
            ("same", "the same model twice, limit 5 %"),
            ("two", "2 % more work, limit 1 %"),
            ("five", "5 % more work, limit 2.5 %"),
            ("ten", "10 % more work, limit 5 %"),
        ] {
            let chosen = select(trials, condition, study);
            if !chosen.is_empty() {
                let _ = writeln!(text, "**{condition}: {title}**\n");
                verdicts(&mut text, &chosen, &truth(trials, study));
            }
        }
        widths(&mut text, condition, &select(trials, condition, "width"));
        sequential(&mut text, condition, &select(trials, condition, "same"));
        memory(&mut text, condition, &select(trials, condition, "same"));
    }
    truths(&mut text, trials);
    text
}

fn select<'a>(trials: &'a [Trial], condition: &str, study: &str) -> Vec<&'a Trial> {
    let chosen = trials.iter();
    chosen
        .filter(|trial| trial.condition == condition && trial.study == study)
        .collect()
}

/// The models in the order in which they were measured first.
fn models<'a>(trials: &[&'a Trial]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for trial in trials {
        if !names.contains(&trial.model.as_str()) {
            names.push(&trial.model);
        }
    }
    names
}

/// The restarts that tell the true change of each model in `study`.
fn truth<'a>(trials: &'a [Trial], study: &str) -> Vec<&'a Trial> {
    let wanted = format!("truth {study}");
    trials.iter().filter(|trial| trial.study == wanted).collect()
}

fn verdicts(text: &mut String, trials: &[&Trial], truth: &[&Trial]) {
    let _ = writeln!(
        text,
        "| model | p50, ms | comparisons | regression | inconclusive | pass | change of p50, median (min to max), % | intervals that hold the true change | seconds, median (max) | restarts, median |\n|---|---|---|---|---|---|---|---|---|---|"
    );
    let mut row = |name: &str, chosen: &[&Trial]| {
        let count = |word: &str| chosen.iter().filter(|trial| trial.latency == word).count();
        let of = |value: &dyn Fn(&Trial) -> f64| {
            Summary::of(&chosen.iter().map(|trial| value(trial)).collect::<Vec<f64>>()).unwrap()
        };
        let changes = of(&|trial| trial.change[0]);
        let seconds = of(&|trial| trial.seconds);
        let held = chosen
            .iter()
            .filter_map(|trial| holds(trial, truth))
            .collect::<Vec<bool>>();
        let p50 = if name == "all" {
            String::new()
        } else {
            format!("{:.3}", of(&|trial| trial.p50).p50)
        };
        let _ = writeln!(
            text,
            "| {name} | {p50} | {} | {} | {} | {} | {:+.2} ({:+.2} to {:+.2}) | {} | {:.1} ({:.1}) | {:.0} |",
            chosen.len(),
            count("regression"),
            count("inconclusive"),
            count("pass") + count("improvement"),
            changes.p50,
            changes.min,
            changes.max,
            if held.is_empty() {
                String::new()
            } else {
                format!("{} of {}", held.iter().filter(|held| **held).count(), held.len())
            },
            seconds.p50,
            seconds.max,
            of(&|trial| trial.restarts as f64).p50,
        );
    };
    for name in models(trials) {
        let chosen: Vec<&Trial> = trials.iter().filter(|trial| trial.model == name).copied().collect();
        row(name, &chosen);
    }
    row("all", trials);
    let overall = trials.iter().filter(|trial| trial.overall == "regression").count();
    let undecided = trials.iter().filter(|trial| trial.overall == "inconclusive").count();
    let slow: Vec<f64> = trials
        .iter()
        .filter(|trial| trial.p50 >= 1.0)
        .map(|trial| trial.seconds)
        .collect();
    let _ = writeln!(
        text,
        "\nWith peak memory judged too: {overall} regressions, {undecided} inconclusive. Models of 1 ms and more: {} s, median.\n",
        median(&slow).map_or("–".to_owned(), |seconds| format!("{seconds:.1}"))
    );
}

/// True where the trial's interval holds the true change: 0 for a model with itself.
fn holds(trial: &Trial, truth: &[&Trial]) -> Option<bool> {
    let change = if trial.study == "same" {
        0.0
    } else {
        truth.iter().find(|other| other.model == trial.model)?.change[0]
    };
    Some(trial.change[1] <= change && change <= trial.change[2])
}

fn widths(text: &mut String, condition: &str, trials: &[&Trial]) {
    if trials.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "**{condition}: ± after the whole budget**\n\n| model | p50, ms | ±, % | restarts |\n|---|---|---|---|"
    );
    for name in models(trials) {
        let chosen: Vec<&Trial> = trials.iter().filter(|trial| trial.model == name).copied().collect();
        let widths: Vec<String> = chosen
            .iter()
            .map(|trial| format!("{:.2}", f64::midpoint(trial.change[2], -trial.change[1])))
            .collect();
        let restarts: Vec<String> = chosen.iter().map(|trial| trial.restarts.to_string()).collect();
        let _ = writeln!(
            text,
            "| {name} | {:.3} | {} | {} |",
            chosen[0].p50,
            widths.join(", "),
            restarts.join(", ")
        );
    }
    text.push('\n');
}

fn sequential(text: &mut String, condition: &str, trials: &[&Trial]) {
    let pairs: Vec<&Trial> = trials
        .iter()
        .filter(|trial| trial.sequential.is_some())
        .copied()
        .collect();
    if pairs.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "**{condition}: spread of the change of p50, the same model twice, in the same minutes**\n\n| model | one after the other, SD % | past 5 % | in turns, SD % | past 5 % | ratio |\n|---|---|---|---|---|---|"
    );
    let mut row = |name: &str, chosen: &[&Trial]| {
        let other: Vec<f64> = chosen.iter().filter_map(|trial| trial.sequential).collect();
        let own: Vec<f64> = chosen.iter().map(|trial| trial.change[0]).collect();
        let past = |values: &[f64]| values.iter().filter(|value| **value > 5.0).count();
        let _ = writeln!(
            text,
            "| {name} | {:.2} | {} of {} | {:.2} | {} of {} | {:.1} |",
            spread(&other),
            past(&other),
            other.len(),
            spread(&own),
            past(&own),
            own.len(),
            spread(&other) / spread(&own),
        );
    };
    for name in models(&pairs) {
        let chosen: Vec<&Trial> = pairs.iter().filter(|trial| trial.model == name).copied().collect();
        row(name, &chosen);
    }
    row("all", &pairs);
    text.push('\n');
}

/// The standard deviation.
fn spread(values: &[f64]) -> f64 {
    let center = mean(values).unwrap();
    let squares: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
    (squares / (values.len() as f64 - 1.0)).sqrt()
}

/// How alike the peaks that comparisons come to are.
fn memory(text: &mut String, condition: &str, trials: &[&Trial]) {
    if trials.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "**{condition}: peak memory, mean over restarts of each comparison**\n\n| model | median, MB | lowest to highest |\n|---|---|---|"
    );
    for name in models(trials) {
        let means: Vec<f64> = trials
            .iter()
            .filter(|trial| trial.model == name && !trial.peaks.is_empty())
            .map(|trial| trial.peaks.iter().sum::<u64>() as f64 / trial.peaks.len() as f64)
            .collect();
        let summary = Summary::of(&means).unwrap();
        let of = |value: f64| 100.0 * (value / summary.p50 - 1.0);
        let _ = writeln!(
            text,
            "| {name} | {:.2} | {:+.1} to {:+.1} % |",
            summary.p50 / 1e6,
            of(summary.min),
            of(summary.max)
        );
    }
    text.push('\n');
}

fn truths(text: &mut String, trials: &[Trial]) {
    let found: Vec<&Trial> = trials
        .iter()
        .filter(|trial| trial.study.starts_with("truth "))
        .collect();
    if found.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "**the true changes**\n\n| model | study | condition | change of p50, % | ± | restarts |\n|---|---|---|---|---|---|"
    );
    for trial in found {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:+.2} | {:.2} | {} |",
            trial.model,
            trial.study.trim_start_matches("truth "),
            trial.condition,
            trial.change[0],
            f64::midpoint(trial.change[2], -trial.change[1]),
            trial.ratios.len()
        );
    }
}
