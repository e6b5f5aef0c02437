//! A command run to its end: seconds, and the most memory that it and its children held.

use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

/// How a command went.
pub(crate) struct Run {
    /// From start to end.
    pub(crate) seconds: f64,
    /// Megabytes that belonged to the processes of the command at the worst moment, shared pages counted once.
    pub(crate) tree_megabytes: f64,
    /// The largest process of the command, as `/usr/bin/time -v` says: megabytes resident, mapped files included.
    pub(crate) peak_megabytes: f64,
    /// What it printed.
    pub(crate) output: String,
    /// What it complained of, where it failed.
    pub(crate) failure: Option<String>,
}

/// Where GNU time is.
const TIME: &str = "/usr/bin/time";
/// How often memory is looked at.
const PAUSE: Duration = Duration::from_millis(10);

/// Runs `command` in a new folder within `folder`, so that nothing is there from before. Memory is read only where `memory` is set, because reading it takes time from what is timed.
pub(crate) fn run(command: &[String], folder: &Path, memory: bool) -> Run {
    let fresh = tempfile::tempdir_in(folder).unwrap();
    let folder = fresh.path();
    let timed = memory && Path::new(TIME).exists();
    let said = folder.join("time.txt");
    let mut words: Vec<String> = Vec::new();
    if timed {
        words.extend([TIME, "-f", "%M", "-o"].map(str::to_owned));
        words.push(said.display().to_string());
    }
    words.extend_from_slice(command);
    let started = Instant::now();
    let mut child = Command::new(&words[0])
        .args(&words[1..])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(folder.join("stdout.txt")).unwrap())
        .stderr(std::fs::File::create(folder.join("stderr.txt")).unwrap())
        .spawn()
        .unwrap_or_else(|error| panic!("{} cannot be started: {error}", words[0]));
    let mut tree = 0.0_f64;
    if memory {
        while child.try_wait().unwrap().is_none() {
            tree = tree.max(resident(child.id()));
            std::thread::sleep(PAUSE);
        }
    }
    let status = child.wait().unwrap();
    let seconds = started.elapsed().as_secs_f64();
    let read = |name: &str| String::from_utf8_lossy(&std::fs::read(folder.join(name)).unwrap()).into_owned();
    let peak = std::fs::read_to_string(&said).ok().filter(|_| timed);
    let kilobytes = peak.and_then(|text| text.lines().last()?.trim().parse::<f64>().ok());
    Run {
        seconds,
        tree_megabytes: tree,
        peak_megabytes: kilobytes.unwrap_or(f64::NAN) * 1024.0 / 1e6,
        output: read("stdout.txt"),
        failure: (!status.success()).then(|| read("stderr.txt")),
    }
}

/// What a process and its descendants hold, in megabytes; 0 where the system does not say.
fn resident(root: u32) -> f64 {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return 0.0;
    };
    let parents: Vec<(u32, u32)> = entries
        .filter_map(|entry| {
            let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
            Some((id, parent))
        })
        .collect();
    let mut family = vec![root];
    let mut at = 0;
    while at < family.len() {
        let parent = family[at];
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        at += 1;
    }
    let kilobytes: f64 = family.iter().filter_map(|id| proportional(*id)).sum();
    kilobytes * 1024.0 / 1e6
}

fn proportional(id: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
    let line = text.lines().find(|line| line.starts_with("Pss:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
