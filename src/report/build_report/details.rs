//! The parts that are tables: operators, checks, environment, notes, and what was measured when.

use super::BuildReport;
use super::cosine;
use super::letter;
use super::millis;
use super::minute;
use super::plural;
use super::reference;
use super::short;
use crate::report::document::Block;
use crate::report::document::Cell;
use crate::report::document::Line;
use crate::report::document::Section;
use crate::report::document::Table;
use crate::units::Bytes;
use crate::units::Millis;

pub(super) fn operators(report: &BuildReport) -> Section {
    let mut section = Section::new("operators", "Where the time goes", "");
    let Some(profile) = &report.profile else {
        section.blocks.push(Block::NoRecords(format!(
            "profiles are not kept. `mlbuild report {} --profile` runs one now and shows it here.",
            reference(report)
        )));
        return section;
    };
    section.note = format!(
        "Means over {} that the engine timed itself, on machine {}, {}. Timing slows a run down: these are shares and an order. How fast the \
         model is stands above.",
        plural(usize::try_from(profile.runs).unwrap_or(usize::MAX), "run"),
        letter(profile.machine),
        minute(&profile.created_at)
    );
    let share = |ms: f64| {
        if profile.run_ms > 0.0 {
            format!("{:.1} %", 100.0 * ms / profile.run_ms)
        } else {
            "–".to_owned()
        }
    };
    let mut table = Table::new("By operator", &["operator", "kernels#", "time a run#", "share#"]);
    for operator in &profile.operators {
        table.row([
            operator.name.clone(),
            operator.kernels.to_string(),
            Millis(operator.ms).to_string(),
            share(operator.ms),
        ]);
    }
    table.row([
        "between kernels".to_owned(),
        "–".to_owned(),
        Millis(profile.overhead_ms).to_string(),
        share(profile.overhead_ms),
    ]);
    section.blocks.push(Block::Table(table));
    let mut table = Table::new("The slowest kernels", &["kernel", "operator", "time a run#", "share#"]);
    for kernel in &profile.kernels {
        table.row([
            kernel.name.clone(),
            kernel.operator.clone(),
            Millis(kernel.ms).to_string(),
            share(kernel.ms),
        ]);
    }
    section.blocks.push(Block::Table(table));
    section.blocks.push(Block::Text(format!(
        "`mlbuild profile {} --deep --html profile.html` shows memory, fusions and cold start too.",
        reference(report)
    )));
    section
}

pub(super) fn checks(report: &BuildReport) -> Section {
    let mut section = Section::new("accuracy", "Accuracy", "");
    if report.checks.is_empty() {
        let how = match &report.build.parent {
            Some(parent) => format!(
                "outputs of this build were not compared with its source's. `mlbuild accuracy {} {}` does it now.",
                short(&parent.id),
                reference(report)
            ),
            None => "this is the source that variants are checked against; nothing to compare it with.".to_owned(),
        };
        section.blocks.push(Block::NoRecords(how));
        return section;
    }
    section.note =
        "How far its outputs are from another build's, on the same inputs. 1 is the same direction in every sample."
            .to_owned();
    let mut table = Table::new(
        "Checks",
        &[
            "against",
            "cosine#",
            "worst sample#",
            "largest error#",
            "same top class#",
            "samples#",
            "checked",
            "engine",
        ],
    );
    for check in &report.checks {
        table.rows.push(Line {
            cells: vec![
                Cell {
                    text: check
                        .against_recipe
                        .clone()
                        .unwrap_or_else(|| "a build that is gone".to_owned()),
                    small: short(&check.against).to_owned(),
                    ..Cell::default()
                },
                cosine(check.cosine).into(),
                cosine(check.lowest_cosine).into(),
                format!("{:.3e}", check.max_abs_error).into(),
                check
                    .top1_agreement
                    .map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", 100.0 * share))
                    .into(),
                Cell {
                    text: check.samples.to_string(),
                    small: if check.real_samples { "real" } else { "made up" }.to_owned(),
                    ..Cell::default()
                },
                check
                    .created_at
                    .as_deref()
                    .map_or_else(|| "–".to_owned(), minute)
                    .into(),
                format!("{} {}", check.target, check.runtime_version).into(),
            ],
            is_own: false,
        });
    }
    section.blocks.push(Block::Table(table));
    let odd: Vec<String> = report.checks.iter().flat_map(|check| check.warnings.clone()).collect();
    if !odd.is_empty() {
        section
            .blocks
            .push(Block::Heading("What is odd about its outputs".to_owned()));
        section.blocks.push(Block::List(odd));
    }
    section
}

pub(super) fn environment(report: &BuildReport) -> Section {
    let mut section = Section::new("environment", "Environment", "");
    let build = &report.build;
    let machines: Vec<(String, String)> = report
        .machines
        .iter()
        .enumerate()
        .map(|(index, machine)| (format!("machine {}", letter(index)), machine.clone()))
        .collect();
    if machines.is_empty() {
        section.blocks.push(Block::NoRecords(
            "no machine measured this build or its relatives yet.".to_owned(),
        ));
    } else {
        section.blocks.push(Block::Facts(machines));
    }
    let mut engines: Vec<String> = report
        .measurements
        .iter()
        .map(|measured| format!("{} {}", measured.target, measured.runtime_version))
        .collect();
    engines.sort();
    engines.dedup();
    let mut facts = Vec::new();
    let mut fact = |name: &str, text: String| facts.push((name.to_owned(), text));
    if !engines.is_empty() {
        fact("measured on", engines.join(", "));
    }
    if let Some(newest) = report.measurements.last() {
        fact("newest settings", newest.how.clone());
        if let Some(cores) = &newest.cores {
            let cores: Vec<String> = cores.iter().map(usize::to_string).collect();
            fact("pinned to cores", cores.join(", "));
        }
        if let Some(load) = newest.load_average {
            fact("load before measuring", format!("{load:.2}"));
        }
        if let Some(load) = newest.load_ms {
            fact("time to load", Millis(load).to_string());
        }
    }
    fact("format", build.format.clone());
    fact("task", build.task.clone().unwrap_or_else(|| "not known".to_owned()));
    if let Some(target) = &build.target {
        fact("made for", target.clone());
    }
    if let Some(file) = &build.file {
        fact("source file", file.clone());
    }
    fact("source", format!("SHA-256 {}", build.source));
    fact("build", build.id.clone());
    fact("made by", format!("mlbuild {}", build.made_by));
    section.blocks.push(Block::Facts(facts));
    let mut table = Table::new("Files", &["file", "size#", "SHA-256"]);
    for file in &build.files {
        table.row([file.name.clone(), Bytes(file.bytes).to_string(), file.digest.clone()]);
    }
    section.blocks.push(Block::Table(table));
    section
}

pub(super) fn notes(report: &BuildReport) -> Section {
    let mut section = Section::new("notes", "Notes and tags", "");
    let mut tags = report.tags.clone();
    if let Some(at) = &report.build.pinned_at {
        tags.push(format!("pinned since {}", minute(at)));
    }
    if tags.is_empty() && report.notes.is_empty() {
        section.blocks.push(Block::NoRecords(format!(
            "no tag and no note. `mlbuild tag create {} NAME` gives it a tag.",
            reference(report)
        )));
        return section;
    }
    if !tags.is_empty() {
        section.blocks.push(Block::Text(format!("Tags: {}.", tags.join(", "))));
    }
    let written = |by_tool: bool| -> Vec<String> {
        report
            .notes
            .iter()
            .filter(|note| note.by_tool == by_tool)
            .map(|note| match &note.created_at {
                Some(at) => format!("{}: {}", minute(at), note.text),
                None => note.text.clone(),
            })
            .collect()
    };
    for (title, notes) in [
        ("What people wrote", written(false)),
        ("What mlbuild noted when it made the build", written(true)),
    ] {
        if !notes.is_empty() {
            section.blocks.push(Block::Heading(title.to_owned()));
            section.blocks.push(Block::List(notes));
        }
    }
    section
}

pub(super) fn measured(report: &BuildReport) -> Section {
    let mut section = Section::new("measured", "What was measured when", "");
    if report.measurements.is_empty() {
        section.blocks.push(Block::NoRecords(format!(
            "`mlbuild benchmark {}` makes the first.",
            reference(report)
        )));
        return section;
    }
    if report.measurements_left_out > 0 {
        section.note = format!("The newest {}.", report.measurements.len());
    }
    let mut table = Table::new(
        "Measurements, the newest first",
        &[
            "measured",
            "machine",
            "p50#",
            "p95#",
            "p99#",
            "peak memory#",
            "inferences#",
            "engine",
            "how",
        ],
    );
    for measured in report.measurements.iter().rev() {
        table.rows.push(Line {
            cells: vec![
                minute(&measured.created_at).into(),
                letter(measured.machine).into(),
                millis(measured.p50_ms.map(|figure| figure.value)).into(),
                millis(measured.p95_ms).into(),
                millis(measured.p99_ms).into(),
                measured
                    .peak_bytes
                    .map_or_else(|| "–".to_owned(), |bytes| Bytes(bytes).to_string())
                    .into(),
                measured.inferences.to_string().into(),
                format!("{} {}", measured.target, measured.runtime_version).into(),
                Cell {
                    text: measured.how.clone(),
                    small: measured
                        .origin
                        .as_ref()
                        .map(|origin| format!("by {origin}"))
                        .unwrap_or_default(),
                    ..Cell::default()
                },
            ],
            is_own: false,
        });
    }
    section.blocks.push(Block::Table(table));
    section
}
