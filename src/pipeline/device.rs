//! Phones: which there are, and a model measured on one of them, alone or beside its baseline.

mod error;
mod told;

use std::path::Path;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::device::DeviceError;
use crate::device::Folder;
use crate::device::Patience;
use crate::device::Server;
use crate::device::State;
use crate::device::binary;
use crate::hint::Hint as _;
use crate::measure::on_device;
use crate::measure::on_device::Course;
use crate::measure::on_device::arguments::Arguments;
use crate::measure::on_device::course::Rhythm;
use crate::measure::on_device::output;
use crate::measure::on_device::output::Run;
use crate::measure::on_device::run::Ended;
use crate::measure::on_device::run::Stage;
use crate::measure::on_device::run::Step;
use crate::measure::samples::Which;
use crate::model::format;
use crate::model::format::Format;
use crate::pipeline::interrupt::Interrupt;
use crate::report::device::Described;
use crate::report::device::DeviceReport;
use crate::report::device::Devices;

pub use error::DeviceBenchmarkError;

/// A phone that says nothing for so long is gone. What is asked besides a run takes a second or two at most.
const SILENCE: Duration = Duration::from_secs(20);

/// Names of our files on the phone.
const PROGRAM: &str = "benchmark_model";

/// An exit code from which on the shell could not run the program at all.
const CANNOT_RUN: std::ops::RangeInclusive<u8> = 126..=127;

/// A model to be measured.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// For people.
    pub name: &'a str,
    /// The file.
    pub path: &'a Path,
}

/// What to measure, where and how.
#[derive(Debug)]
pub struct Request<'a> {
    /// What to measure.
    pub model: Subject<'a>,
    /// What to compare it with.
    pub baseline: Option<Subject<'a>>,
    /// The program that measures on the phone.
    pub binary: Subject<'a>,
    /// The adb server.
    pub server: &'a Server,
    /// The phone; the only one where none is named.
    pub serial: Option<&'a str>,
    /// How a run is made.
    pub arguments: Arguments,
    /// How often, for how long, how warm.
    pub course: Course,
    /// A run that says nothing for so long is given up.
    pub run_timeout: Duration,
    /// What to call the folder on the phone: something that no other run has.
    pub folder: &'a str,
    /// Now, for the report.
    pub now: &'a str,
    /// Ends it.
    pub interrupt: &'a Interrupt,
}

/// What is going on.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// A file goes to the phone.
    Pushing {
        /// The file.
        name: &'a str,
        /// Its bytes.
        bytes: u64,
        /// Those that went.
        sent: u64,
    },
    /// A step of the measurement.
    Measuring(&'a Step),
}

/// All devices, with what those that can be used say of themselves.
pub fn list(server: &Server, interrupt: &Interrupt) -> Result<Devices, DeviceError> {
    let is_stopped = || interrupt.is_raised();
    let patience = Patience {
        is_stopped: &is_stopped,
        silence: SILENCE,
    };
    let server_version = server.version(patience)?;
    let mut devices = Vec::new();
    for listed in server.devices(patience)? {
        let mut described = Described {
            listed,
            identity: None,
            condition: None,
            advice: None,
        };
        // One that goes away meanwhile is still listed, with what is the matter.
        let asked = server
            .open(Some(&described.listed.serial), patience)
            .and_then(|device| {
                described.identity = Some(device.identity(patience)?);
                described.condition = Some(device.condition(patience)?);
                Ok(())
            });
        match asked {
            Err(DeviceError::Interrupted) => return Err(DeviceError::Interrupted),
            Err(error) => {
                if described.listed.state == State::Ready {
                    described.listed.state = State::Offline;
                    "offline".clone_into(&mut described.listed.state_word);
                }
                described.advice = error.hints().into_iter().next();
            }
            Ok(()) => {}
        }
        devices.push(described);
    }
    Ok(Devices {
        server: server.address(),
        server_version,
        devices,
    })
}

/// Measures. What breaks off once there was a first run of a pair is no error but a report whose verdict is one; everything before is
/// an error. On the phone nothing is left, except where it cannot be reached any more; the report says so.
pub fn benchmark(
    request: &Request<'_>,
    observer: &mut dyn FnMut(Event<'_>),
) -> Result<DeviceReport, DeviceBenchmarkError> {
    let is_stopped = || request.interrupt.is_raised();
    let patience = |silence| Patience {
        is_stopped: &is_stopped,
        silence,
    };
    let asking = patience(SILENCE);
    for subject in request.baseline.iter().chain([&request.model]) {
        let found = format::detect(subject.path)?;
        if found != Format::TfLite {
            return Err(DeviceBenchmarkError::NotTfLite {
                name: subject.name.to_owned(),
                found,
            });
        }
    }
    let device = request.server.open(request.serial, asking)?;
    let identity = device.identity(asking)?;
    binary::check(request.binary.path, device.serial(), &identity.abis)?;

    let folder = device.folder(request.folder, asking)?;
    let files = [
        (Some(request.binary), PROGRAM, 0o755),
        (request.baseline, file_of(Which::Baseline), 0o644),
        (Some(request.model), file_of(Which::Candidate), 0o644),
    ];
    for (subject, file, mode) in files {
        let Some(subject) = subject else { continue };
        let bytes = std::fs::metadata(subject.path).map_or(0, |metadata| metadata.len());
        device.push(subject.path, &folder.path(file), mode, asking, &mut |sent| {
            observer(Event::Pushing {
                name: subject.name,
                bytes,
                sent,
            });
        })?;
    }

    let begun = Instant::now();
    let mut stage = Stage {
        run: &mut |side, rhythm| run(request, &folder, side, rhythm, patience(request.run_timeout)),
        condition: &mut || Ok(device.condition(asking)?),
        rest: &mut |time| rest(time, request.interrupt),
        elapsed: &mut || begun.elapsed().as_secs_f64(),
        observer: &mut |step| observer(Event::Measuring(step)),
    };
    let ended = if request.baseline.is_some() {
        on_device::measure_pair(&request.course, &mut stage)
    } else {
        on_device::measure_alone(&request.course, &mut stage)
    };
    let place = folder.path("");
    let left = folder.remove().err();
    let Ended { measurement, failure } = ended;
    let broke_off = match failure {
        None => None,
        Some((side, error)) => {
            let has_begun = !measurement.restarts.is_empty();
            if !has_begun || request.baseline.is_none() || error.is_interruption() {
                return Err(error);
            }
            Some((side, error))
        }
    };
    let mut report = told::report(request, device.serial(), identity, measurement, broke_off.as_ref())?;
    if let Some(error) = left {
        report.warnings.push(format!(
            "the files of this run may still be on the phone, in `{}`: {error}",
            place.trim_end_matches('/')
        ));
    }
    Ok(report)
}

/// One run of one side.
fn run(
    request: &Request<'_>,
    folder: &Folder,
    side: Which,
    rhythm: Rhythm,
    patience: Patience<'_>,
) -> Result<Run, DeviceBenchmarkError> {
    let command = request
        .arguments
        .command(PROGRAM, file_of(side), rhythm.warmup, rhythm.runs);
    let output = folder.run(&command, patience)?;
    let name = match (side, request.baseline) {
        (Which::Baseline, Some(baseline)) => baseline.name,
        _ => request.model.name,
    };
    if CANNOT_RUN.contains(&output.code) {
        return Err(DeviceBenchmarkError::Device(DeviceError::NotRunnable {
            serial: folder.device().serial().to_owned(),
            path: request.binary.path.to_owned(),
            message: output.last_line(),
        }));
    }
    if output.code != 0 {
        return Err(DeviceBenchmarkError::Failed {
            name: name.to_owned(),
            code: output.code,
            message: error::reason(&output),
        });
    }
    output::parse(&output.all()).map_err(|source| DeviceBenchmarkError::Output {
        name: name.to_owned(),
        source,
        last: output.last_line(),
    })
}

fn file_of(side: Which) -> &'static str {
    match side {
        Which::Baseline => "baseline.tflite",
        Which::Candidate => "candidate.tflite",
    }
}

fn rest(time: Duration, interrupt: &Interrupt) -> Result<(), DeviceBenchmarkError> {
    let begun = Instant::now();
    while begun.elapsed() < time {
        if interrupt.is_raised() {
            return Err(DeviceError::Interrupted.into());
        }
        thread::sleep(Duration::from_millis(20).min(time));
    }
    Ok(())
}
