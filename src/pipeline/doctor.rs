//! Is this desk fit for the gate? One check a thing, each with what was found and what to do.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use serde::Serialize;

use crate::config::Engine;
use crate::config::Sandbox;
use crate::hint::Hint;
use crate::machine::Fingerprint;
use crate::machine::affinity;
use crate::machine::sandbox::Layers;
use crate::runtime::library;
use crate::runtime::library::LibraryError;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Good,
    /// It works, and could be better.
    Note,
    /// A needed thing is missing.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `engine`, `git`.
    pub name: &'static str,
    /// What it came to.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do; none where nothing is to be done.
    pub advice: Vec<String>,
}

impl Check {
    /// As it should be.
    pub fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self::of(name, State::Good, found, Vec::new())
    }

    /// Could be better.
    pub fn note(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::of(name, State::Note, found, vec![advice.into()])
    }

    /// Missing, and needed.
    pub fn missing(name: &'static str, found: impl Into<String>, advice: Vec<String>) -> Self {
        Self::of(name, State::Missing, found, advice)
    }

    fn of(name: &'static str, state: State, found: impl Into<String>, advice: Vec<String>) -> Self {
        Self {
            name,
            state,
            found: found.into(),
            advice,
        }
    }
}

/// The desk.
pub struct Request<'a> {
    /// The engine's version that is wanted.
    pub version: &'a str,
    /// The library that a flag names.
    pub explicit: Option<&'a Path>,
    /// The interpreter whose pip installs.
    pub python: &'a str,
    /// Threads that are measured with.
    pub threads: usize,
    /// What the config says of systems that cannot confine models.
    pub sandbox: Sandbox,
    /// The project's folder.
    pub folder: &'a Path,
    /// This process' environment.
    pub environment: &'a BTreeMap<String, String>,
}

/// Looks at everything that a run needs, and changes nothing.
pub fn checks(request: &Request<'_>) -> Vec<Check> {
    let pip = pip(request);
    let machine = Fingerprint::of_this_machine().with_environment(request.environment);
    vec![
        engine(request, pip.is_ok()),
        match pip {
            Ok(found) => Check::good("pip", found),
            Err(why) => Check::note(
                "pip",
                why,
                format!(
                    "only installing the engine needs it: install Python 3 with pip, or name one with `MLBUILD_PYTHON` (now `{}`)",
                    request.python
                ),
            ),
        },
        git(request),
        workspace(request.folder),
        pinning(request.threads),
        confinement(request.sandbox, Layers::of_this_system()),
        limits(&machine, request.threads),
        clock(&machine),
    ]
}

fn engine(request: &Request<'_>, installable: bool) -> Check {
    let found = library::cache_folder(request.environment).and_then(|cache| {
        library::locate(
            Engine::OnnxRuntime,
            request.version,
            request.explicit,
            &cache,
            request.environment,
        )
    });
    match found {
        Ok(library) => {
            let version = library.version.as_deref().unwrap_or("of unknown version");
            Check::good("engine", format!("onnxruntime {version}, {}", library.path.display()))
        }
        Err(error @ (LibraryError::NotInstalled { .. } | LibraryError::Damaged { .. })) if installable => Check::note(
            "engine",
            error.to_string(),
            "the first run installs it; `mlbuild runtime install` does it now",
        ),
        Err(error) => Check::missing("engine", error.to_string(), error.hints()),
    }
}

/// `Python 3.11.2, pip 23.0.1`, or what is wrong.
fn pip(request: &Request<'_>) -> Result<String, String> {
    let python = answer(request, request.python, &["--version"])?;
    let pip =
        answer(request, request.python, &["-m", "pip", "--version"]).map_err(|_| format!("{python} has no pip"))?;
    let version: Vec<&str> = pip.split_whitespace().take(2).collect();
    Ok(format!("{python}, {}", version.join(" ")))
}

fn git(request: &Request<'_>) -> Check {
    match answer(request, "git", &["--version"]) {
        Ok(version) => Check::good("git", version),
        Err(why) => Check::note(
            "git",
            why,
            "baselines out of earlier commits need it; without, name one with `--baseline`",
        ),
    }
}

/// The first line that `program` prints.
fn answer(request: &Request<'_>, program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(request.environment)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("`{program}` is not there"),
            _ => format!("`{program}` cannot be started: {error}"),
        })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    if output.status.success() && !line.is_empty() {
        Ok(line)
    } else {
        Err(format!("`{program} {}` failed", arguments.join(" ")))
    }
}

fn workspace(folder: &Path) -> Check {
    // A file that is gone as soon as it is closed: nothing is left behind, and no workspace is begun.
    match tempfile::tempfile_in(folder) {
        Ok(_) => Check::good("workspace", format!("`{}` can be written", folder.display())),
        Err(error) => Check::missing(
            "workspace",
            format!("`{}` cannot be written: {error}", folder.display()),
            vec!["`.mlbuild/` goes there: change its owner or its rights, or run in a folder of your own".to_owned()],
        ),
    }
}

fn pinning(threads: usize) -> Check {
    let Some(cores) = affinity::choose_cores(threads) else {
        return Check::note(
            "pinning",
            "this system has no processor affinity",
            "expect more noise: both sides run wherever the system puts them",
        );
    };
    let wanted = cores.clone();
    // On a thread of its own, which the pin ends with.
    let pinned = std::thread::spawn(move || affinity::pin(&wanted)).join();
    let listed: Vec<String> = cores.iter().map(usize::to_string).collect();
    match pinned {
        Ok(Ok(true)) if cores.len() >= threads => Check::good("pinning", format!("to core {}", listed.join(", "))),
        Ok(Ok(true)) => Check::note(
            "pinning",
            format!("{threads} threads share {} cores", cores.len()),
            "set `measure.threads` to the cores that there are",
        ),
        _ => Check::note(
            "pinning",
            "the system refuses it",
            "expect more noise, or allow `sched_setaffinity` to this container",
        ),
    }
}

fn confinement(sandbox: Sandbox, layers: Layers) -> Check {
    if layers.are_whole() {
        return Check::good(
            "confinement",
            format!(
                "models run without files, network and other processes ({})",
                layers.describe()
            ),
        );
    }
    let found = format!("this system has {}", layers.summary());
    let advice = "Linux 5.13 or newer with Landlock and seccomp confines them; elsewhere, run models that you don't trust in a \
                  container without network";
    match sandbox {
        Sandbox::BestEffort => Check::note("confinement", found, advice),
        Sandbox::Require => Check::missing(
            "confinement",
            found,
            vec![
                advice.to_owned(),
                "the config says `measure.sandbox: require`, so that none is run here".to_owned(),
            ],
        ),
    }
}

fn limits(machine: &Fingerprint, threads: usize) -> Check {
    let found = format!("{}, {}", machine.describe(), crate::units::Bytes(machine.memory_bytes));
    match machine.cpu_quota {
        Some(quota) if quota < threads as f64 => Check::note(
            "machine",
            format!("{found}; the container may use {quota:.2} cores for {threads} threads"),
            "raise its CPU limit, or set `measure.threads` lower: what is used up is waited for",
        ),
        _ => Check::good("machine", found),
    }
}

fn clock(machine: &Fingerprint) -> Check {
    let turbo = match machine.turbo {
        Some(true) => ", turbo on",
        Some(false) => ", turbo off",
        None => "",
    };
    match machine.governor.as_deref() {
        Some(governor @ ("powersave" | "ondemand" | "conservative")) => Check::note(
            "clock",
            format!("governor {governor}{turbo}"),
            "`cpupower frequency-set -g performance` makes measurements steadier",
        ),
        Some(governor) => Check::good("clock", format!("governor {governor}{turbo}")),
        None => Check::good("clock", "the system does not tell how it is governed"),
    }
}

/// True where nothing needed is missing.
pub fn is_fit(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.state != State::Missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_confined_is_missing_only_where_it_is_required() {
        let layers = |landlock, seccomp| Layers { landlock, seccomp };
        for sandbox in [Sandbox::BestEffort, Sandbox::Require] {
            let whole = confinement(sandbox, layers(Some(7), true));
            assert_eq!(whole.state, State::Good);
            assert!(whole.found.contains("Landlock ABI 7, seccomp"), "{}", whole.found);
        }
        for gap in [layers(None, true), layers(Some(1), false), layers(None, false)] {
            let noted = confinement(Sandbox::BestEffort, gap);
            assert_eq!(noted.state, State::Note);
            let missing = confinement(Sandbox::Require, gap);
            assert_eq!(missing.state, State::Missing);
            assert!(missing.advice[1].contains("measure.sandbox"));
            assert_eq!(noted.found, missing.found);
        }
    }
}
