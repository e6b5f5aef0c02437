//! The scatter plot of a sweep: what each variant's verdict looks like, and what stands beside it.

use crate::report::explore::types::Explored;
use crate::report::explore::types::Row;
use crate::report::explore::types::Verdict;
use crate::report::explore::words;
use crate::report::scatter;
use crate::report::scatter::Frame;
use crate::report::scatter::Mark;
use crate::report::scatter::Point;
use crate::report::scatter::Scatter;
use crate::units::Bytes;
use crate::units::Millis;

/// The drawing; `None` where nothing was measured.
pub(super) fn draw(explored: &Explored, frame: Frame) -> Option<String> {
    let baseline_ms = explored.baseline()?.latency.as_ref()?.p50_ms;
    let points: Vec<Point> = explored
        .variants
        .iter()
        .filter_map(|row| point(row, baseline_ms, explored))
        .filter(Point::shows)
        .collect();
    let best = explored.with(Verdict::Recommended).map_or_else(
        || "Nothing is recommended.".to_owned(),
        |row| format!("Recommended: {}.", row.recipe),
    );
    let scatter = Scatter {
        id: "plot",
        title: "Latency and size of every variant",
        description: format!(
            "{} variants by median latency, across, and size on disk, up; small and fast is at the lower left. {best} On the Pareto front: {}. \
             The table below has every figure.",
            points.len(),
            explored.front.join(", ")
        ),
        points,
    };
    Some(scatter::draw(&scatter, frame)?.to_svg())
}

/// A variant in the plane: the baseline's latency times the measured ratio, with its interval.
fn point(row: &Row, baseline_ms: f64, explored: &Explored) -> Option<Point> {
    let ratio = row.latency.as_ref()?.ratio;
    let size = row.size_bytes? as f64;
    let latency = (
        baseline_ms * ratio.value,
        baseline_ms * ratio.lower,
        baseline_ms * ratio.upper,
    );
    let cosine = row.accuracy.as_ref().map(|accuracy| accuracy.cosine);
    let is_inaccurate = cosine.is_some_and(|cosine| cosine.is_nan() || cosine < explored.asked.cosine_threshold);
    let label = match row.verdict {
        Verdict::Recommended | Verdict::Aggressive => format!("{}, {}", row.recipe, row.verdict.word()),
        _ if is_inaccurate => format!("{}, cosine {}", row.recipe, words::cosine(row.accuracy.as_ref())),
        _ => row.recipe.clone(),
    };
    let mut about = format!(
        "{}: {} ({} to {}), {}",
        row.recipe,
        Millis(latency.0),
        Millis(latency.1),
        Millis(latency.2),
        Bytes(size as u64)
    );
    if let Some(accuracy) = &row.accuracy {
        about += &format!(", cosine {:.4}", accuracy.cosine);
    }
    about += &format!("; {}", words::verdict(row));
    Some(Point {
        label,
        latency,
        size,
        mark: match row.verdict {
            Verdict::Recommended => Mark::Best,
            Verdict::Aggressive => Mark::Small,
            Verdict::Baseline => Mark::Base,
            _ if is_inaccurate => Mark::Inaccurate,
            Verdict::Skip | Verdict::Failed => Mark::Other,
        },
        is_soft: matches!(row.verdict, Verdict::Skip | Verdict::Failed),
        on_front: row.on_front,
        about,
    })
}
