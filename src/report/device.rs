//! Phones: their list, and what was measured on one. Plain data, text and JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::clean;
use super::clean::NAME_LENGTH;
use super::clean::PROSE_LENGTH;
use super::listing::grid::Side;
use super::listing::grid::grid;
use super::listing::grid::pairs;
use crate::device::Listed;
use crate::device::State;
use crate::device::facts::Condition;
use crate::device::facts::Identity;
use crate::device::facts::Kind;
use crate::measure::on_device::output::Statistic;
use crate::measure::on_device::samples::DeviceRestart;
use crate::measure::samples::Looks;
use crate::measure::samples::StopReason;
use crate::units;
use crate::units::Bytes;
use crate::units::Millis;
use crate::verdict::Change;
use crate::verdict::Verdict;

/// All devices that an adb server knows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Devices {
    /// Host and port of the server.
    pub server: String,
    /// The version of its protocol.
    pub server_version: u32,
    /// Its devices, sorted by serial number.
    pub devices: Vec<Described>,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Described {
    /// As the server lists it.
    pub listed: Listed,
    /// What it says of itself; `null` where it cannot be asked.
    pub identity: Option<Identity>,
    /// Its battery and temperatures.
    pub condition: Option<Condition>,
    /// What to do where it cannot be used.
    pub advice: Option<String>,
}

/// What was measured on a phone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceReport {
    /// Of this structure.
    pub schema: u32,
    /// When it began: ISO 8601, UTC.
    pub measured_at: String,
    /// This version of mlbuild.
    pub mlbuild_version: String,
    /// The phone's serial number.
    pub serial: String,
    /// What the phone is.
    pub identity: Identity,
    /// The program that was run there.
    pub binary: Measured,
    /// What was measured.
    pub model: Measured,
    /// What it was compared with.
    pub baseline: Option<Measured>,
    /// How.
    pub settings: Settings,
    /// What a run's one sample is; `null` where there was no run.
    pub statistic: Option<Statistic>,
    /// What it means; `null` where there was nothing to compare with.
    pub verdict: Option<Verdict>,
    /// Why, where the figures don't say it.
    pub reason: Option<String>,
    /// What to do about it.
    pub hints: Vec<String>,
    /// The accepted regression of latency in per cent.
    pub max_regression_percent: Option<f64>,
    /// Time of one inference.
    pub latency: Option<Figure>,
    /// Time from start to a session that can run.
    pub load: Option<Figure>,
    /// Time of the very first inference.
    pub first_inference: Option<Figure>,
    /// How the restarts went.
    pub course: CourseView,
    /// What a reader should know.
    pub warnings: Vec<String>,
    /// Every restart with every run, those that do not count too.
    pub restarts: Vec<DeviceRestart>,
}

/// A file that took part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// As it was named.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// How it was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// Threads of the interpreter.
    pub threads: u16,
    /// Cores to stay on, as hexadecimal bits.
    pub cores: Option<String>,
    /// Further arguments of the program.
    pub arguments: Vec<String>,
    /// Inferences of a warm-up.
    pub warmup: u32,
    /// Timed inferences of a run.
    pub runs: u32,
    /// Drew the order of the sides.
    pub seed: u64,
}

/// A figure in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// The baseline's.
    pub baseline_ms: Option<f64>,
    /// The model's.
    pub model_ms: Option<f64>,
    /// The change in per cent, with its interval over restarts.
    pub change: Option<Change>,
    /// The interval of the model's own figure over restarts.
    pub interval_ms: Option<[f64; 2]>,
}

/// How the restarts went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CourseView {
    /// Restarts that count.
    pub counted: usize,
    /// Restarts in which the phone was too warm.
    pub too_warm: usize,
    /// The looks that were taken.
    pub looks: Looks,
    /// Why it ended; `null` where it broke off.
    pub stopped: Option<StopReason>,
    /// How long it took.
    pub seconds: f64,
}

/// The list for people.
pub fn list(devices: &Devices) -> String {
    if devices.devices.is_empty() {
        return format!("no devices at the adb server {}\n", devices.server);
    }
    let columns = [
        ("serial", Side::Left),
        ("state", Side::Left),
        ("device", Side::Left),
        ("battery", Side::Right),
        ("warmest", Side::Right),
        ("thermal status", Side::Left),
    ];
    let rows: Vec<Vec<String>> = devices.devices.iter().map(row).collect();
    let mut text = grid(&columns, &rows);
    for described in devices
        .devices
        .iter()
        .filter(|described| described.listed.state != State::Ready)
    {
        if let Some(advice) = &described.advice {
            let serial = line(&described.listed.serial);
            let _ = writeln!(text, "\n{serial}: {}", clean::sentence(advice, PROSE_LENGTH));
        }
    }
    text
}

fn row(described: &Described) -> Vec<String> {
    let listed = &described.listed;
    let state = match listed.state {
        State::Ready => "ready",
        _ => &listed.state_word,
    };
    let name = match (&described.identity, &listed.model) {
        (Some(identity), _) => identity.describe(),
        (None, Some(model)) => model.replace('_', " "),
        (None, None) => String::new(),
    };
    let condition = described.condition.as_ref();
    let battery = condition.and_then(|condition| condition.battery.level_percent);
    let status = condition.and_then(|condition| condition.thermal.status);
    vec![
        line(&listed.serial),
        line(state),
        line(&name),
        battery.map(|level| format!("{level:.0} %")).unwrap_or_default(),
        condition.and_then(warmest).map(degrees).unwrap_or_default(),
        status.map(|status| status.word().to_owned()).unwrap_or_default(),
    ]
}

/// What was measured, for people.
pub fn write(report: &DeviceReport) -> String {
    let mut text = format!("{}, {}\n\n", line(&report.identity.describe()), line(&report.serial));
    let names = match &report.baseline {
        Some(baseline) => format!("{} → {}", line(&baseline.name), line(&report.model.name)),
        None => line(&report.model.name),
    };
    let mut rows = vec![("model", names), ("size", sizes(report))];
    let latency = match report.statistic {
        Some(Statistic::Mean) => "latency (mean)",
        _ => "latency (median)",
    };
    for (name, figure) in [
        (latency, &report.latency),
        ("load", &report.load),
        ("first inference", &report.first_inference),
    ] {
        if let Some(figure) = figure {
            rows.push((name, shown(figure)));
        }
    }
    rows.push(("measured", course(report)));
    rows.extend(condition(report));
    text.push_str(&pairs(&rows));
    if let Some(verdict) = report.verdict {
        let limit = report.max_regression_percent;
        let limit = limit.map(|limit| format!(" (limit {})", units::signed_percent(limit)));
        let reason = report
            .reason
            .as_deref()
            .map(|reason| clean::sentence(reason, PROSE_LENGTH));
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let _ = writeln!(text, "\n{}{}{reason}", verdict.word(), limit.unwrap_or_default());
    }
    text
}

fn sizes(report: &DeviceReport) -> String {
    let size = |measured: &Measured| Bytes(measured.bytes).to_string();
    match &report.baseline {
        Some(baseline) => format!("{} → {}", size(baseline), size(&report.model)),
        None => size(&report.model),
    }
}

fn shown(figure: &Figure) -> String {
    let value = |milliseconds: Option<f64>| milliseconds.map_or("–".to_owned(), |value| Millis(value).to_string());
    let mut text = match figure.baseline_ms {
        Some(baseline) => format!("{} → {}", value(Some(baseline)), value(figure.model_ms)),
        None => value(figure.model_ms),
    };
    if let Some(change) = &figure.change {
        let _ = write!(
            text,
            "  {} ({} to {})",
            units::signed_percent(change.percent),
            units::signed_percent(change.lower),
            units::signed_percent(change.upper)
        );
    } else if let Some([lower, upper]) = figure.interval_ms {
        let _ = write!(text, "  ({} to {})", Millis(lower), Millis(upper));
    }
    text
}

fn course(report: &DeviceReport) -> String {
    let CourseView { counted, too_warm, .. } = report.course;
    let each = if report.baseline.is_some() { 4 } else { 2 };
    let mut text = format!(
        "{counted} restarts of {each} runs, {} inferences a run, in {:.0} s",
        report.settings.runs, report.course.seconds
    );
    if too_warm > 0 {
        let _ = write!(text, "; {too_warm} more did not count: the phone was too warm");
    }
    text
}

/// Battery and temperatures from the first restart's beginning to the last one's end.
fn condition(report: &DeviceReport) -> Vec<(&'static str, String)> {
    let (Some(first), Some(last)) = (report.restarts.first(), report.restarts.last()) else {
        return Vec::new();
    };
    let (before, after) = (&first.before, &last.after);
    let mut rows = Vec::new();
    if let Some(level) = after.battery.level_percent {
        let state = after.battery.state.as_deref().unwrap_or("state unknown");
        rows.push(("battery", format!("{level:.0} %, {state}")));
    }
    if let (Some(from), Some(to)) = (warmest(before), warmest(after)) {
        rows.push(("warmest sensor", format!("{} → {}", degrees(from), degrees(to))));
    }
    if let Some(status) = report
        .restarts
        .iter()
        .filter_map(|restart| restart.after.thermal.status)
        .max()
    {
        rows.push(("thermal status", status.word().to_owned()));
    }
    rows
}

fn warmest(condition: &Condition) -> Option<f64> {
    [Kind::Cpu, Kind::Gpu, Kind::Npu, Kind::Skin, Kind::Battery]
        .into_iter()
        .filter_map(|kind| condition.thermal.warmest(kind))
        .chain(condition.battery.celsius)
        .max_by(f64::total_cmp)
}

fn degrees(celsius: f64) -> String {
    format!("{celsius:.1} °C")
}

fn line(raw: &str) -> String {
    clean::line(raw, NAME_LENGTH)
}
