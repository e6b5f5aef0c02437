//! A trend as a document: a chart each history, with changes marked and every figure in a table.

use super::chart::steady;
use super::types::Series;
use super::types::Trend;
use super::types::letter;
use crate::report::document::Block;
use crate::report::document::Document;
use crate::report::document::Section;
use crate::report::document::Table;
use crate::report::line_chart;
use crate::report::line_chart::LineChart;
use crate::report::line_chart::Shift;
use crate::report::line_chart::Spot;
use crate::report::trend::types::Metric;

/// The trend, laid out.
pub fn document(trend: &Trend) -> Document {
    let models: Vec<&str> = {
        let mut names: Vec<&str> = trend.series.iter().map(|series| series.model.as_str()).collect();
        names.dedup();
        names
    };
    let mut sections: Vec<Section> = trend
        .series
        .iter()
        .enumerate()
        .map(|(index, series)| section(index, series, trend))
        .collect();
    let mut environment = Section::new("environment", "Machines and sources", "");
    environment.blocks.push(Block::Facts(
        trend
            .machines
            .iter()
            .enumerate()
            .map(|(index, machine)| (format!("machine {}", letter(index)), machine.clone()))
            .collect(),
    ));
    environment.blocks.push(Block::List(trend.sources.clone()));
    sections.push(environment);
    Document {
        title: format!("{} over the baselines of {}", trend.metric.name(), models.join(", ")),
        kind: "trend",
        about: vec![headline(trend)],
        notices: trend.warnings.clone(),
        verdict: None,
        cards: Vec::new(),
        sections,
        generated_at: trend.generated_at.clone(),
    }
}

fn headline(trend: &Trend) -> String {
    let changed = trend.series.iter().filter(|series| !series.changes.is_empty()).count();
    let count = match trend.series.len() {
        1 => "1 history".to_owned(),
        count => format!("{count} histories"),
    };
    match changed {
        0 => format!("{count}, no change beyond noise."),
        _ => format!("{count}, {changed} with a change of level beyond noise."),
    }
}

fn section(index: usize, series: &Series, trend: &Trend) -> Section {
    let machines = series.machines();
    let legend: Vec<String> = machines
        .iter()
        .map(|machine| format!("{} machine {}", line_chart::sign(*machine), letter(*machine)))
        .collect();
    let several = if trend.metric.is_of_a_machine() && machines.len() > 1 {
        "; figures of different machines are not comparable, so no line joins them"
    } else {
        ""
    };
    let mut section = Section::new(
        &format!("history-{index}"),
        &series.title(),
        &format!("{}{several}.", legend.join(", ")),
    );
    let shown = |value: f64| trend.metric.shown(value);
    let mut table = Table::new(
        "Every baseline",
        &["baseline", "measured", "figure#", "95 % interval#", "machine", "engine"],
    );
    for point in &series.points {
        table.row([
            point.label().to_owned(),
            point
                .created_at
                .get(..16)
                .unwrap_or(&point.created_at)
                .replace('T', " "),
            shown(point.value),
            point.interval().map_or_else(
                || "–".to_owned(),
                |(lower, upper)| format!("{} – {}", shown(lower), shown(upper)),
            ),
            letter(point.machine),
            point.runtime_version.clone().unwrap_or_else(|| "–".to_owned()),
        ]);
    }
    // Sizes are the same everywhere, so one line joins them all.
    let looks = if trend.metric.is_of_a_machine() {
        machines
    } else {
        vec![0]
    };
    let chart = LineChart {
        id: &format!("chart-{index}"),
        title: &format!("{} of {}", trend.metric.name(), series.title()),
        description: format!(
            "{} baselines, the oldest on the left; {}. The table below has every figure.",
            series.points.len(),
            match series.changes.len() {
                0 => steady(series, trend.metric),
                1 => "one change of level".to_owned(),
                count => format!("{count} changes of level"),
            }
        ),
        quantity: trend.metric.name(),
        columns: series.points.iter().map(|point| point.label().to_owned()).collect(),
        across: "oldest to newest →",
        series: looks
            .iter()
            .map(|machine| line_chart::Series {
                look: *machine,
                spots: series
                    .points
                    .iter()
                    .enumerate()
                    .filter(|(_, point)| !trend.metric.is_of_a_machine() || point.machine == *machine)
                    .map(|(column, point)| Spot {
                        column,
                        value: point.value,
                        interval: point.interval(),
                        about: format!("{}, {}: {}", point.label(), point.created_at, shown(point.value)),
                    })
                    .collect(),
            })
            .collect(),
        shifts: series
            .changes
            .iter()
            .map(|change| Shift {
                column: change.point,
                label: change.shown_percent(),
            })
            .collect(),
        unit: match trend.metric {
            Metric::P50 | Metric::P95 => |value| Metric::P50.shown(value),
            Metric::Size | Metric::Memory => |value| Metric::Size.shown(value),
        },
    };
    section.blocks.push(chart.block(table));
    if series.changes.is_empty() {
        section
            .blocks
            .push(Block::Text(format!("{}.", capital(&steady(series, trend.metric)))));
    } else {
        section.blocks.push(Block::List(
            series
                .changes
                .iter()
                .map(|change| {
                    let label = series.points.get(change.point).map_or("", |point| point.label());
                    change.sentence(trend.metric, label)
                })
                .collect(),
        ));
    }
    if series.left_out > 0 {
        section.blocks.push(Block::Text(format!(
            "{} older baselines are left out; `--limit` shows more.",
            series.left_out
        )));
    }
    section
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().collect::<String>())
        .unwrap_or_default();
    format!("{first}{}", characters.as_str())
}
