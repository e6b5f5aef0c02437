//! Keeps an idle worker from taking the cores: stopped by signal, or watched until its thread pool sleeps.

use std::thread;
use std::time::Duration;
use std::time::Instant;

/// Between two looks at a process' clock.
const LOOK: Duration = Duration::from_micros(500);

/// Stops the process. `false` where that can't be done.
pub(super) fn pause(process: u32) -> bool {
    system::signal(process, system::STOP)
}

/// Lets a stopped process go on.
pub(super) fn resume(process: u32) {
    system::signal(process, system::CONTINUE);
}

/// Waits until two looks in a row see the same processor time.
pub(super) fn settle(process: u32, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    let mut before = processor_time(process);
    let mut quiet = 0;
    while before.is_some() && Instant::now() < deadline {
        thread::sleep(LOOK);
        let now = processor_time(process);
        quiet = if now == before { quiet + 1 } else { 0 };
        if quiet == 2 {
            return true;
        }
        before = now;
    }
    false
}

/// Nanoseconds of processor time of all threads, where the kernel counts that finely.
fn processor_time(process: u32) -> Option<u64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    threads
        .map(|thread| {
            let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        })
        .sum()
}

#[cfg(unix)]
mod system {
    use rustix::process::Pid;
    use rustix::process::Signal;
    use rustix::process::kill_process;

    pub(super) const STOP: Signal = Signal::STOP;
    pub(super) const CONTINUE: Signal = Signal::CONT;

    pub(super) fn signal(process: u32, signal: Signal) -> bool {
        let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
        pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
    }
}

#[cfg(not(unix))]
mod system {
    pub(super) const STOP: () = ();
    pub(super) const CONTINUE: () = ();

    pub(super) fn signal(_process: u32, _signal: ()) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_sleeps_or_is_paused_has_settled() {
        let mut sleeping = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let mut working = std::process::Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()
            .unwrap();
        let slept = settle(sleeping.id(), Duration::from_secs(20));
        let paused = pause(working.id()) && settle(working.id(), Duration::from_secs(20));
        for child in [&mut sleeping, &mut working] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(slept);
        assert!(paused);
        assert!(!settle(u32::MAX, Duration::ZERO));
    }
}
