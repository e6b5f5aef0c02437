//! How busy the machine is.

use sysinfo::System;

/// The number of runnable processes, averaged over the last minute; `None` where the system keeps no such figure (Windows).
pub fn load_average() -> Option<f64> {
    if cfg!(windows) {
        return None;
    }
    System::load_average().ok().map(|load| load.one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn agrees_with_the_kernel() {
        let before = load_average().unwrap();
        let text = std::fs::read_to_string("/proc/loadavg").unwrap();
        let kernel: f64 = text.split(' ').next().unwrap().parse().unwrap();
        let after = load_average().unwrap();
        // The figure moves every five seconds at most; one of the two readings saw the same.
        assert!(
            (kernel - before).abs() < 0.011 || (kernel - after).abs() < 0.011,
            "{before} {kernel} {after}"
        );
    }
}
