//! How fast the build was, whenever somebody measured: by machine, and by how it was measured. Nothing else is joined by a line.

use super::BuildReport;
use super::Measured;
use super::day;
use super::letter;
use super::minute;
use super::plural;
use super::reference;
use crate::report::document::Block;
use crate::report::document::Cell;
use crate::report::document::Line;
use crate::report::document::Section;
use crate::report::document::Table;
use crate::report::line_chart;
use crate::report::line_chart::LineChart;
use crate::report::line_chart::Series;
use crate::report::line_chart::Spot;
use crate::units::Millis;

pub(super) fn section(report: &BuildReport) -> Section {
    let mut section = Section::new("history", "Latency over time", "");
    let with_p50: Vec<(&Measured, super::Figure)> = report
        .measurements
        .iter()
        .filter_map(|measured| Some((measured, measured.p50_ms?)))
        .collect();
    if with_p50.is_empty() {
        section.blocks.push(Block::NoRecords(format!(
            "nothing was measured of this build. `mlbuild benchmark {}` measures it here and keeps the samples.",
            reference(report)
        )));
        return section;
    }
    let kinds = kinds(&with_p50);
    section.note = note(report, &kinds);
    let mut series: Vec<Series> = kinds
        .iter()
        .enumerate()
        .map(|(look, _)| Series {
            look,
            spots: Vec::new(),
        })
        .collect();
    let mut table = Table::new(
        "Every measured median",
        &["measured", "series", "p50#", "95 % interval#", "engine", "how"],
    );
    for (column, (measured, p50)) in with_p50.iter().enumerate() {
        let Some(look) = kinds.iter().position(|kind| *kind == kind_of(measured)) else {
            continue;
        };
        let interval = p50.interval();
        let range = interval.map_or_else(
            || "–".to_owned(),
            |(lower, upper)| format!("{} – {}", Millis(lower), Millis(upper)),
        );
        if let Some(series) = series.get_mut(look) {
            series.spots.push(Spot {
                column,
                value: p50.value,
                interval,
                about: format!(
                    "{} on machine {}: {} ({range}), {}",
                    minute(&measured.created_at),
                    letter(measured.machine),
                    Millis(p50.value),
                    measured.how
                ),
            });
        }
        table.rows.push(Line {
            cells: vec![
                minute(&measured.created_at).into(),
                format!("{} machine {}", line_chart::sign(look), letter(measured.machine)).into(),
                Millis(p50.value).to_string().into(),
                range.into(),
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
    let chart = LineChart {
        id: "history-chart",
        title: "Median latency over time",
        description: format!(
            "{} in {}; the table below has every figure.",
            plural(with_p50.len(), "measurement"),
            match kinds.len() {
                1 => "one series".to_owned(),
                count => format!("{count} series that are not joined"),
            }
        ),
        quantity: "median latency, with its 95 % interval",
        columns: with_p50
            .iter()
            .map(|(measured, _)| day(&measured.created_at).to_owned())
            .collect(),
        across: "oldest to newest →",
        series,
        shifts: Vec::new(),
        unit: |value| Millis(value).to_string(),
    };
    section.blocks.push(chart.block(table));
    section
}

/// What must be equal for figures to be joined.
type Kind<'a> = (usize, &'a str, Option<u64>, &'a str, Option<&'a str>);

fn kind_of(measured: &Measured) -> Kind<'_> {
    (
        measured.machine,
        &measured.target,
        measured.sequence,
        &measured.how,
        measured.origin.as_deref(),
    )
}

/// In the order of the machines, then of time.
fn kinds<'a>(measured: &[(&'a Measured, super::Figure)]) -> Vec<Kind<'a>> {
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    for (measured, _) in measured {
        let kind = kind_of(measured);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds.sort_by_key(|kind| kind.0);
    kinds
}

fn note(report: &BuildReport, kinds: &[Kind<'_>]) -> String {
    let legend: Vec<String> = kinds
        .iter()
        .enumerate()
        .map(|(look, (machine, target, sequence, how, origin))| {
            let sequence = sequence
                .map(|length| format!(", sequences of {length}"))
                .unwrap_or_default();
            let origin = origin.map(|origin| format!(", by {origin}")).unwrap_or_default();
            format!(
                "{} machine {} · {target} · {how}{sequence}{origin}",
                line_chart::sign(look),
                letter(*machine)
            )
        })
        .collect();
    let several = if kinds.len() > 1 {
        " Figures of different machines, settings or methods are not comparable, so no line joins them."
    } else {
        ""
    };
    let left_out = match report.measurements_left_out {
        0 => String::new(),
        count => format!(" The {} before are left out.", plural(count, "measurement")),
    };
    format!("{}.{several}{left_out}", legend.join("; "))
}
