//! What a machine was busy with over a stretch of time: read counters before, read them after, tell the difference.

use serde::Deserialize;
use serde::Serialize;

use super::cgroup;
use super::frequency;
use super::host::Host;
use super::load::load_average;

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    ticks: Option<Ticks>,
    mhz: Option<f64>,
    throttle_events: Option<u64>,
    quota_seconds: Option<f64>,
    load: Option<f64>,
}

/// Time of some cores in the kernel's ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    total: u64,
    idle: u64,
    steal: u64,
}

/// What went on between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Activity {
    /// Load average over a minute, before.
    pub load_before: Option<f64>,
    /// The same, after.
    pub load_after: Option<f64>,
    /// Share of the cores' time in which they did anything at all, 0 to 1.
    pub busy_share: Option<f64>,
    /// Share of the cores' time that the hypervisor gave to other virtual machines, 0 to 1.
    pub steal_share: Option<f64>,
    /// Clock of the cores before, MHz.
    pub mhz_before: Option<f64>,
    /// Clock of the cores after, MHz.
    pub mhz_after: Option<f64>,
    /// How often the processor slowed itself down because it was too hot.
    pub throttle_events: Option<u64>,
    /// Seconds for which the control group's quota stopped the processes.
    pub quota_seconds: Option<f64>,
}

impl Reading {
    /// Reads the counters of `cores`, of all where they are not known.
    pub fn now(cores: Option<&[usize]>) -> Self {
        Self::of(&Host::this(), cores)
    }

    fn of(host: &Host, cores: Option<&[usize]>) -> Self {
        let listed = cores.unwrap_or_default();
        Self {
            ticks: host.text("/proc/stat").and_then(|text| ticks(&text, cores)),
            mhz: frequency::current_mhz(host, listed),
            throttle_events: frequency::throttle_events(host, listed),
            quota_seconds: cgroup::throttled_seconds(host),
            load: load_average(),
        }
    }

    /// What went on until `later`.
    pub fn until(&self, later: &Self) -> Activity {
        let both = self.ticks.zip(later.ticks);
        let share = |part: fn(Ticks) -> u64| {
            let (before, after) = both?;
            let total = after.total.checked_sub(before.total).filter(|total| *total > 0)?;
            let part = part(after).saturating_sub(part(before));
            Some((part as f64 / total as f64).clamp(0.0, 1.0))
        };
        Activity {
            load_before: self.load,
            load_after: later.load,
            busy_share: share(|ticks| ticks.idle).map(|idle| 1.0 - idle),
            steal_share: share(|ticks| ticks.steal),
            mhz_before: self.mhz,
            mhz_after: later.mhz,
            throttle_events: self
                .throttle_events
                .zip(later.throttle_events)
                .map(|(before, after)| after.saturating_sub(before)),
            quota_seconds: self
                .quota_seconds
                .zip(later.quota_seconds)
                .map(|(before, after)| (after - before).max(0.0)),
        }
    }
}

/// Adds the lines of `cores` in `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal (guest time is in user's).
fn ticks(text: &str, cores: Option<&[usize]>) -> Option<Ticks> {
    let mut sum: Option<Ticks> = None;
    for line in text.lines() {
        let mut fields = line.split_whitespace();
        let Some(name) = fields.next() else { continue };
        let wanted = match (name.strip_prefix("cpu"), cores) {
            (Some(""), None) => true,
            (Some(core), Some(cores)) => core.parse().is_ok_and(|core: usize| cores.contains(&core)),
            _ => false,
        };
        if !wanted {
            continue;
        }
        let counts: Vec<u64> = fields.map_while(|field| field.parse().ok()).take(8).collect();
        if counts.len() < 5 {
            return None;
        }
        let sum = sum.get_or_insert(Ticks {
            total: 0,
            idle: 0,
            steal: 0,
        });
        sum.total += counts.iter().sum::<u64>();
        sum.idle += counts[3] + counts[4];
        sum.steal += counts.get(7).copied().unwrap_or(0);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::host::testing::host;
    use super::*;

    const BEFORE: &str = "cpu  100 0 0 100 0 0 0 0 0 0\ncpu0 50 0 0 50 0 0 0 0\ncpu1 50 0 0 50 0 0 0 0\nintr 1";
    const AFTER: &str = "cpu  160 0 0 220 0 0 0 20 0 0\ncpu0 50 0 0 150 0 0 0 0\ncpu1 110 0 0 70 0 0 0 20\nintr 1";

    #[test]
    fn tells_busy_and_stolen_time_of_the_cores_asked_for() {
        let (_one, before) = host(&[("/proc/stat", BEFORE)]);
        let (_other, after) = host(&[("/proc/stat", AFTER)]);
        let activity = |cores: Option<&[usize]>| Reading::of(&before, cores).until(&Reading::of(&after, cores));
        assert_eq!(activity(Some(&[1])).busy_share, Some(0.8));
        assert_eq!(activity(Some(&[1])).steal_share, Some(0.2));
        assert_eq!(activity(Some(&[0])).busy_share, Some(0.0));
        assert_eq!(activity(None).steal_share, Some(0.1));
        assert_eq!(activity(Some(&[7])).steal_share, None);
    }

    #[test]
    fn counts_heat_and_quota() {
        let files = |events: &str, throttled: &str| {
            host(&[
                ("/proc/self/cgroup", "0::/"),
                ("/sys/fs/cgroup/cpu.stat", throttled),
                (
                    "/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count",
                    events,
                ),
            ])
        };
        let (_one, before) = files("4", "throttled_usec 1000000");
        let (_other, after) = files("9", "throttled_usec 3500000");
        let activity = Reading::of(&before, Some(&[0])).until(&Reading::of(&after, Some(&[0])));
        assert_eq!((activity.throttle_events, activity.quota_seconds), (Some(5), Some(2.5)));
        assert_eq!(activity.busy_share, None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_keeps_such_counters() {
        let before = Reading::now(None);
        let mut sum = 0.0_f64;
        while Reading::now(None).ticks == before.ticks {
            sum += (0..10_000).map(f64::from).sum::<f64>();
        }
        assert!(sum >= 0.0);
        let busy = before.until(&Reading::now(None)).busy_share.unwrap();
        assert!((0.0..=1.0).contains(&busy), "{busy}");
    }

    #[test]
    fn broken_counters_say_nothing() {
        assert_eq!(ticks("cpu 1 2 x", None), None);
        assert_eq!(ticks("", None), None);
        assert_eq!(ticks("cpux 1 2 3 4 5\n", Some(&[0])), None);
    }
}
