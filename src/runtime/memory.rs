//! The peak memory of the process that asks.
//!
//! Read inside the worker: what a parent sees of its children's usage begins at its own peak.

/// The most physical memory that this process has held at once, in bytes; `None` where the system doesn't tell it to safe
/// code (everywhere but Linux).
pub(super) fn peak() -> Option<u64> {
    if cfg!(target_os = "linux") {
        read("VmHWM:")
    } else {
        None
    }
}

/// The physical memory that this process holds now, in bytes; `None` where the system doesn't tell it to safe code (everywhere but
/// Linux).
pub(super) fn resident() -> Option<u64> {
    if cfg!(target_os = "linux") {
        read("VmRSS:")
    } else {
        None
    }
}

fn read(field: &str) -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?, field)
}

/// One field of a `/proc/self/status`; the kernel's kB is 1024 bytes.
fn parse(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// All memory of the machine, in bytes; `None` where the system doesn't tell.
#[cfg(target_os = "linux")]
pub(super) fn of_the_machine() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_high_water_mark() {
        assert_eq!(
            parse("Name:\tx\nVmHWM:\t    2176 kB\nVmRSS:\t 1 kB\n", "VmHWM:"),
            Some(2176 * 1024)
        );
        assert_eq!(parse("VmHWM:\t 2 kB\nVmRSS:\t 1 kB\n", "VmRSS:"), Some(1024));
        assert_eq!(parse("Name:\tx\n", "VmHWM:"), None);
        assert_eq!(parse("VmHWM: many\n", "VmHWM:"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn grows_with_use_and_stays() {
        let before = peak().unwrap();
        let block = vec![1_u8; 32 << 20];
        let during = peak().unwrap();
        assert!(during + (1 << 20) > before);
        assert!(during > block.len() as u64);
        assert!(resident().unwrap() <= peak().unwrap() + (1 << 20));
        drop(block);
        // The kernel counts pages a thread at a time, so the figure is off by some of them.
        assert!(peak().unwrap() + (1 << 20) > during);
    }
}
