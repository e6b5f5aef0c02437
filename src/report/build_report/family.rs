//! Where the build comes from and what comes from it, and how it compares with other variants of its source.

use super::BuildReport;
use super::Variant;
use super::cosine;
use super::letter;
use super::millis;
use super::plural;
use super::reference;
use super::short;
use crate::report::document::Block;
use crate::report::document::Cell;
use crate::report::document::Chart;
use crate::report::document::Line;
use crate::report::document::Section;
use crate::report::document::Table;
use crate::report::scatter;
use crate::report::scatter::Mark;
use crate::report::scatter::Point;
use crate::report::scatter::Scatter;
use crate::units::Bytes;
use crate::units::Millis;

pub(super) fn lineage(report: &BuildReport) -> Section {
    let mut section = Section::new("lineage", "Lineage", "");
    section.note = match report.lineage.len() {
        0 | 1 => "This build was derived from no other, and no other from it.".to_owned(),
        _ => "What each was derived from, the root first. Latencies are the newest of each; only those of the same machine compare.".to_owned(),
    };
    if report.lineage_left_out > 0 {
        section.note += &format!(" {} are left out.", plural(report.lineage_left_out, "further build"));
    }
    let mut table = Table::new(
        "Builds of this lineage",
        &["build", "id", "what it is", "size#", "p50#", "machine"],
    );
    for relative in &report.lineage {
        let named = if relative.name == report.build.model {
            String::new()
        } else {
            relative.name.clone()
        };
        table.rows.push(Line {
            cells: vec![
                Cell {
                    branch: relative.branch.clone(),
                    text: relative.recipe.clone(),
                    small: named,
                },
                short(&relative.id).to_owned().into(),
                if relative.removed {
                    format!("{}, removed", relative.relation).into()
                } else {
                    relative.relation.to_owned().into()
                },
                Bytes(relative.size_bytes).to_string().into(),
                millis(relative.p50_ms).into(),
                relative.machine.map_or_else(|| "–".to_owned(), letter).into(),
            ],
            is_own: relative.id == report.build.id,
        });
    }
    section.blocks.push(Block::Table(table));
    section
}

pub(super) fn variants(report: &BuildReport) -> Section {
    let mut section = Section::new("variants", "Variants of the same source", "");
    let explore = format!("`mlbuild explore {}` makes and measures them.", reference(report));
    if report.variants.is_empty() {
        section.blocks.push(Block::NoRecords(format!(
            "no variant of this source has a latency. {explore}"
        )));
        return section;
    }
    let machine = report.variants_machine.map(letter).unwrap_or_default();
    let front: Vec<&str> = report
        .variants
        .iter()
        .filter(|variant| variant.on_front)
        .map(|variant| variant.recipe.as_str())
        .collect();
    section.note = format!(
        "Small and fast is at the lower left. All latencies are of machine {machine}. ★ is the recommended one, ◆ the smallest of the others that gain, \
         △ too inaccurate to count (a cosine similarity below 0.99), ○ this build where it is none of these, ● the rest. A dotted ring and the \
         line mark the Pareto front over latency and size: {}.",
        front.join(", ")
    );
    let mut table = Table::new(
        "Variants by latency and size",
        &[
            "variant",
            "id",
            "p50#",
            "95 % interval#",
            "size#",
            "cosine#",
            "front",
            "word",
        ],
    );
    for variant in &report.variants {
        let interval = variant.p50_ms.interval();
        table.rows.push(Line {
            cells: vec![
                variant.recipe.clone().into(),
                short(&variant.id).to_owned().into(),
                Millis(variant.p50_ms.value).to_string().into(),
                interval
                    .map_or_else(
                        || "–".to_owned(),
                        |(lower, upper)| format!("{} – {}", Millis(lower), Millis(upper)),
                    )
                    .into(),
                Bytes(variant.size_bytes).to_string().into(),
                variant.cosine.map_or_else(|| "–".to_owned(), cosine).into(),
                if variant.on_front { "yes" } else { "–" }.to_owned().into(),
                Cell {
                    text: variant.word.unwrap_or("–").to_owned(),
                    small: variant.reason.clone().unwrap_or_default(),
                    ..Cell::default()
                },
            ],
            is_own: variant.is_own,
        });
    }
    let scatter = Scatter {
        id: "variants-chart",
        title: "Latency and size of the variants",
        description: format!(
            "{} by median latency, across, and size on disk, up; small and fast is at the lower left. On the Pareto front: {}. The table below has every figure.",
            plural(report.variants.len(), "variant"),
            front.join(", ")
        ),
        points: report.variants.iter().map(point).collect(),
    };
    match (
        scatter::draw(&scatter, scatter::DESK),
        scatter::draw(&scatter, scatter::PAPER),
    ) {
        (Some(desk), Some(paper)) if report.variants.len() > 1 => section.blocks.push(Block::Chart(Box::new(Chart {
            desk,
            hand: scatter::draw(&scatter, scatter::HAND),
            paper,
            table,
        }))),
        _ => {
            section.blocks.push(Block::Table(table));
            section.blocks.push(Block::Text(format!(
                "Nothing else of this source has a latency of that machine. {explore}"
            )));
        }
    }
    if !report.variants_without.is_empty() {
        section.blocks.push(Block::Text(format!(
            "Without a latency of that machine: {}.",
            report.variants_without.join(", ")
        )));
    }
    section
}

fn point(variant: &Variant) -> Point {
    let (lower, upper) = variant
        .p50_ms
        .interval()
        .unwrap_or((variant.p50_ms.value, variant.p50_ms.value));
    let label = if variant.is_own {
        format!("{} (this build)", variant.recipe)
    } else {
        variant.recipe.clone()
    };
    Point {
        about: format!(
            "{label}: {} ({} to {}), {}",
            Millis(variant.p50_ms.value),
            Millis(lower),
            Millis(upper),
            Bytes(variant.size_bytes)
        ),
        label,
        latency: (variant.p50_ms.value, lower, upper),
        size: variant.size_bytes as f64,
        mark: match variant.word {
            Some("recommended") => Mark::Best,
            Some("aggressive") => Mark::Small,
            _ if variant.is_inaccurate => Mark::Inaccurate,
            _ if variant.is_own => Mark::Base,
            _ => Mark::Other,
        },
        is_soft: !variant.on_front && !variant.is_own,
        on_front: variant.on_front,
    }
}
