//! A deep profile for a terminal: kernels, operators, memory, cold start, and what was fused and what was not.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use owo_colors::Style;

use crate::measure::profile::Bound;
use crate::measure::profile::Fate;
use crate::measure::profile::Kernel;
use crate::measure::profile::Profile;
use crate::report::clean;
use crate::report::table::Paint;
use crate::units::Bytes;
use crate::units::Millis;

/// Columns of a bar of a whole run.
const BAR: f64 = 20.0;

/// Names are cut after so many characters.
const NAME: usize = 44;

/// So many operators stand in the line of shares.
const OPERATORS: usize = 8;

/// So many patterns of fusions are named.
const PATTERNS: usize = 10;

/// Eighths of a column.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Heights of a sparkline.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sections {
    /// So many kernels.
    pub top: usize,
    /// Memory along the run.
    pub memory: bool,
    /// Every step of the cold start, with the runs that follow it.
    pub cold: bool,
    /// Fusions, roofline and the fate of nodes.
    pub deep: bool,
}

/// Writes the profile of `label`; `color` adds ANSI colours.
pub fn write(label: &str, profile: &Profile, sections: Sections, out: &mut dyn Write, color: bool) -> io::Result<()> {
    let mut table = Table {
        profile,
        out,
        paint: Paint { color },
    };
    table.head(label)?;
    table.kernels(sections.top)?;
    table.operators()?;
    table.memory(sections.memory)?;
    if sections.deep {
        table.roofline()?;
    }
    table.cold(sections.cold)?;
    table.fusions(sections.deep)?;
    table.missed(sections.deep)?;
    if sections.deep {
        table.fates()?;
    }
    for warning in &profile.warnings {
        writeln!(
            table.out,
            "  note       {}",
            clean::sentence(warning, clean::PROSE_LENGTH)
        )?;
    }
    Ok(())
}

struct Table<'a> {
    profile: &'a Profile,
    out: &'a mut dyn Write,
    paint: Paint,
}

impl Table<'_> {
    fn head(&mut self, label: &str) -> io::Result<()> {
        let profile = self.profile;
        let title = clean::line(label, clean::NAME_LENGTH);
        let facts = format!(
            "{}, {}, {} {}",
            counted(profile.kernels.len(), "kernel"),
            counted(profile.threads, "thread"),
            profile.engine,
            clean::line(&profile.runtime_version, NAME)
        );
        let title = self.paint.style(&title, Style::new().bold());
        writeln!(self.out, "{title}  {facts}")?;
        let note = format!(
            "a plain run takes {}, a profiled one {} (×{:.2}): read shares and order, not latency",
            millis(profile.plain_seconds),
            millis(profile.run_seconds),
            profile.inflation()
        );
        writeln!(self.out, "{}\n", self.dim(&note))
    }

    fn dim(&self, text: &str) -> String {
        self.paint.style(text, Style::new().dimmed())
    }

    fn kernels(&mut self, top: usize) -> io::Result<()> {
        let profile = self.profile;
        let header = format!(
            "  {:>9}  {:>6}  {:<20}  {:<7}  {:<18}  {:>5}  {}",
            "time", "share", "", "bound", "operator", "calls", "computes"
        );
        let header = self.dim(header.trim_end());
        writeln!(self.out, "{header}")?;
        let mut order: Vec<&Kernel> = profile.kernels.iter().collect();
        order.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
        let (shown, rest) = order.split_at(top.min(order.len()));
        for kernel in shown {
            let bound = kernel.bound.map_or("", Bound::word);
            let calls = if kernel.calls == 1 {
                String::new()
            } else {
                format!("×{}", kernel.calls)
            };
            let operator = clean::cut(&clean::line(&kernel.op_type, NAME), 18);
            let line = format!("{bound:<7}  {operator:<18}  {calls:>5}  {}", computes(kernel));
            self.row(kernel.seconds, line.trim_end())?;
        }
        if !rest.is_empty() {
            let seconds = rest.iter().map(|kernel| kernel.seconds).sum();
            self.row(seconds, &format!("{:<7}  {}", "", counted_more(rest.len())))?;
        }
        self.row(
            profile.overhead_seconds,
            &format!("{:<7}  overhead: dispatch, allocation, profiling", ""),
        )?;
        self.row(profile.run_seconds, &format!("{:<7}  the whole run", ""))?;
        writeln!(self.out)
    }

    fn row(&mut self, seconds: f64, rest: &str) -> io::Result<()> {
        let share = if self.profile.run_seconds > 0.0 {
            seconds / self.profile.run_seconds
        } else {
            0.0
        };
        let bar = self.paint.style(&format!("{:<20}", bar(share)), Style::new().cyan());
        let line = format!("  {:>9}  {:>5.1}%  {bar}  {rest}", millis(seconds), share * 100.0);
        writeln!(self.out, "{}", line.trim_end())
    }

    fn line(&mut self, name: &str, text: &str) -> io::Result<()> {
        let name = self.paint.style(&format!("{name:<10}"), Style::new().bold());
        writeln!(self.out, "  {name} {text}")
    }

    fn more(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "  {:<10} {text}", "")
    }

    fn operators(&mut self) -> io::Result<()> {
        let mut operators: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
        for kernel in &self.profile.kernels {
            let entry = operators.entry(&kernel.op_type).or_default();
            entry.0 += kernel.share;
            entry.1 += 1;
        }
        let mut order: Vec<(&str, (f64, usize))> = operators.into_iter().collect();
        order.sort_by(|one, other| other.1.0.total_cmp(&one.1.0));
        let named = order.iter().take(OPERATORS).map(|(operator, (share, count))| {
            let operator = clean::line(operator, NAME);
            let times = if *count == 1 {
                String::new()
            } else {
                format!(" ({count})")
            };
            format!("{operator} {:.0}%{times}", share * 100.0)
        });
        let mut text = named.collect::<Vec<_>>().join(" · ");
        if let Some(rest) = order.get(OPERATORS..).filter(|rest| !rest.is_empty()) {
            let share: f64 = rest.iter().map(|(_, (share, _))| share).sum();
            text.push_str(&format!(" · {} more {:.0}%", rest.len(), share * 100.0));
        }
        self.line("operators", &text)
    }

    fn memory(&mut self, whole: bool) -> io::Result<()> {
        let memory = &self.profile.memory;
        let Some((peak, step)) = memory.peak.and_then(|peak| Some((peak, memory.steps.get(peak)?))) else {
            return Ok(());
        };
        let kernel = self.profile.kernels.get(step.kernel).map(computes).unwrap_or_default();
        let text = format!(
            "activations peak at {} in kernel {} of {} ({kernel}), beside {} of weights",
            Bytes(step.live_bytes),
            peak + 1,
            memory.steps.len(),
            Bytes(memory.weight_bytes)
        );
        let values: Vec<f64> = memory.steps.iter().map(|step| step.live_bytes as f64).collect();
        self.line("memory", &text)?;
        if whole {
            self.more(&sparkline(&values, 72))?;
        }
        if memory.unknown_tensors > 0 {
            let text = format!(
                "{} of unknown size left out",
                counted(memory.unknown_tensors as usize, "tensor")
            );
            self.more(&text)?;
        }
        Ok(())
    }

    fn roofline(&mut self) -> io::Result<()> {
        let Some(roofline) = &self.profile.roofline else {
            return Ok(());
        };
        let text = format!(
            "{:.0} GFLOP/s, {:.1} GB/s: above {:.1} operations a byte arithmetic is the limit",
            roofline.gflops,
            roofline.gigabytes,
            roofline.ridge()
        );
        self.line("roofline", &text)?;
        let of = |bound| -> f64 {
            let kernels = self.profile.kernels.iter().filter(|kernel| kernel.bound == bound);
            kernels.map(|kernel| kernel.share).fold(0.0, |sum, share| sum + share) * 100.0
        };
        let text = format!(
            "of the run {:.0}% in kernels bound by compute, {:.0}% by memory, {:.0}% by neither or unknown, {:.0}% overhead",
            of(Some(Bound::Compute)),
            of(Some(Bound::Memory)),
            of(None),
            self.profile.overhead_seconds / self.profile.run_seconds * 100.0
        );
        self.more(&text)
    }

    fn cold(&mut self, whole: bool) -> io::Result<()> {
        let cold = &self.profile.cold;
        let total = match (cold.stable_seconds, cold.runs_to_stable) {
            (Some(seconds), Some(runs)) => {
                format!("{} to a steady run, the {} one", millis(seconds), ordinal(runs + 1))
            }
            _ => "never steady in the runs that were watched".to_owned(),
        };
        self.line("cold start", &total)?;
        if !whole {
            return Ok(());
        }
        let inner = match (cold.parse_seconds, cold.initialize_seconds) {
            (Some(parse), Some(initialize)) => format!(
                " (when profiled: parsing {}, optimizing and packing {})",
                millis(parse),
                millis(initialize)
            ),
            _ => String::new(),
        };
        let text = format!(
            "process {} → library and files {} → session {}{inner} → first run {} → steady {}",
            millis(cold.process_seconds),
            millis(cold.library_seconds),
            millis(cold.session_seconds),
            millis(cold.first_seconds),
            millis(cold.steady_seconds)
        );
        self.more(&text)?;
        let runs: Vec<f64> = std::iter::once(cold.first_seconds)
            .chain(cold.warmup.iter().copied())
            .collect();
        let text = format!(
            "{}  the first {} of one process; parts are medians of {}",
            sparkline(&runs, 60),
            counted(runs.len(), "run"),
            counted(cold.processes as usize, "fresh process")
        );
        self.more(&text)
    }

    fn fusions(&mut self, whole: bool) -> io::Result<()> {
        let profile = self.profile;
        if profile.fusions.is_empty() {
            return Ok(());
        }
        let nodes: usize = profile
            .fusions
            .iter()
            .filter_map(|fusion| profile.kernels.get(fusion.kernel))
            .map(|kernel| kernel.nodes.len())
            .sum();
        self.line(
            "fused",
            &format!("{nodes} nodes in {}", counted(profile.fusions.len(), "kernel")),
        )?;
        if !whole {
            return Ok(());
        }
        let mut patterns: BTreeMap<(String, &str), usize> = BTreeMap::new();
        for fusion in &profile.fusions {
            let operator = profile.kernels.get(fusion.kernel).map(|kernel| kernel.op_type.as_str());
            *patterns
                .entry((clean::line(&fusion.pattern, 90), operator.unwrap_or_default()))
                .or_default() += 1;
        }
        let mut order: Vec<_> = patterns.into_iter().collect();
        order.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for ((pattern, operator), count) in order.iter().take(PATTERNS) {
            self.more(&format!("{count:>3} × {pattern} → {}", clean::line(operator, NAME)))?;
        }
        if order.len() > PATTERNS {
            self.more(&format!("    and {} more patterns", order.len() - PATTERNS))?;
        }
        Ok(())
    }

    fn missed(&mut self, whole: bool) -> io::Result<()> {
        let profile = self.profile;
        let mut patterns: BTreeMap<(&str, &str), (usize, f64)> = BTreeMap::new();
        for missed in &profile.missed {
            let entry = patterns.entry((&missed.pattern, &missed.reason)).or_default();
            entry.0 += 1;
            entry.1 += missed.seconds;
        }
        let mut order: Vec<_> = patterns.into_iter().collect();
        order.sort_by(|one, other| other.1.1.total_cmp(&one.1.1));
        let share = |seconds: f64| seconds / profile.run_seconds * 100.0;
        if order.is_empty() {
            return Ok(());
        }
        if !whole {
            let named = order.iter().map(|((pattern, _), (count, seconds))| {
                format!("{count} × {} {:.0}%", clean::line(pattern, NAME), share(*seconds))
            });
            let text = format!("{} (`--deep` says why)", named.collect::<Vec<_>>().join(" · "));
            return self.line("not fused", &text);
        }
        self.line(
            "not fused",
            "patterns that one kernel could compute, with the share of the run they take",
        )?;
        for ((pattern, reason), (count, seconds)) in order {
            let pattern = clean::line(pattern, NAME);
            self.more(&format!("{count:>3} × {pattern}  {:.1}%", share(seconds)))?;
            let reason = clean::sentence(reason, clean::PROSE_LENGTH);
            let reason = self.dim(&format!("      {reason}"));
            self.more(&reason)?;
        }
        Ok(())
    }

    fn fates(&mut self) -> io::Result<()> {
        let nodes = &self.profile.nodes;
        let count = |fate: Fate| nodes.iter().filter(|node| node.fate == fate).count();
        let fates = [
            (Fate::Executed, "run as they are"),
            (Fate::Fused, "fused"),
            (Fate::Folded, "folded to constants"),
            (Fate::Eliminated, "eliminated"),
            (Fate::Skipped, "not run on these inputs"),
            (Fate::Untraced, "not traced"),
        ];
        let parts = fates.into_iter().filter_map(|(fate, words)| match count(fate) {
            0 => None,
            number => Some(format!("{number} {words}")),
        });
        let text = format!(
            "{}: {}",
            counted(nodes.len(), "node"),
            parts.collect::<Vec<_>>().join(", ")
        );
        self.line("nodes", &text)
    }
}

/// What a kernel computes: its only node, or its first and last.
fn computes(kernel: &Kernel) -> String {
    let cut = |name: &String| clean::cut(&clean::line(name, clean::NAME_LENGTH), NAME);
    match &kernel.nodes[..] {
        [] => format!("{} (the engine's own)", cut(&kernel.name)),
        [only] => cut(only),
        [one, other] => format!("{} + {}", cut(one), cut(other)),
        [first, .., last] => format!("{} … {} ({} nodes)", cut(first), cut(last), kernel.nodes.len()),
    }
}

fn counted(count: usize, what: &str) -> String {
    match (count, what.ends_with('s')) {
        (1, _) => format!("1 {what}"),
        (_, false) => format!("{count} {what}s"),
        (_, true) => format!("{count} {what}es"),
    }
}

fn counted_more(count: usize) -> String {
    format!("{count} more kernel{}", if count == 1 { "" } else { "s" })
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (1, last) if last != 11 => "st",
        (2, last) if last != 12 => "nd",
        (3, last) if last != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

fn millis(seconds: f64) -> String {
    Millis(seconds * 1e3).to_string()
}

/// A bar of a share from 0 to 1, in eighths of a column.
fn bar(share: f64) -> String {
    let eighths = (share.clamp(0.0, 1.0) * BAR * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    bar.extend((eighths % 8).checked_sub(1).and_then(|rest| EIGHTHS.get(rest)));
    bar
}

/// Values as heights, from nothing to the largest; of too many, the largest of each group.
fn sparkline(values: &[f64], columns: usize) -> String {
    let largest = values.iter().copied().fold(0.0, f64::max);
    if largest <= 0.0 {
        return String::new();
    }
    let group = values.len().div_ceil(columns.max(1)).max(1);
    let heights = values.chunks(group).map(|values| {
        let value = values.iter().copied().fold(0.0, f64::max);
        let height = (value / largest * 8.0).ceil() as usize;
        HEIGHTS.get(height.saturating_sub(1)).copied().unwrap_or('█')
    });
    heights.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_sparklines_fill_their_columns() {
        assert_eq!(bar(0.0), "");
        assert_eq!(bar(1.0), "█".repeat(20));
        assert_eq!(bar(0.5 / 20.0), "▌");
        assert_eq!(bar(f64::NAN), "");
        assert_eq!(sparkline(&[1.0, 8.0, 0.0], 10), "▁█▁");
        assert_eq!(sparkline(&[1.0, 2.0, 3.0, 4.0], 2), "▄█");
        assert_eq!(sparkline(&[], 2), "");
    }

    #[test]
    fn numbers_are_counted() {
        assert_eq!(counted(1, "fresh process"), "1 fresh process");
        assert_eq!(counted(2, "fresh process"), "2 fresh processes");
        let ordinals: Vec<String> = [1, 2, 3, 4, 11, 12, 13, 21].into_iter().map(ordinal).collect();
        assert_eq!(ordinals, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st"]);
    }
}
