//! What the control groups of this process allow: processor time and memory. Both versions, and both at once.
//!
//! A limit holds for everything below it, so the tightest one on the way to the root counts. Inside a container the path may be
//! the host's and not be there at all; then the walk ends at the mount, which is the container's own group.

use super::host::Host;

/// Version 1 writes about this much for "no limit".
const NO_LIMIT: u64 = 1 << 60;

/// Limits of the control groups; `None` where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Limits {
    /// Processor time a second, in seconds: cores, as far as time goes.
    pub(super) cpu_quota: Option<f64>,
    /// Bytes.
    pub(super) memory_bytes: Option<u64>,
}

/// The limits of this process.
pub(super) fn limits(host: &Host) -> Limits {
    let mut limits = Limits::default();
    for folder in folders(host, "cpu") {
        tighten(&mut limits.cpu_quota, quota(host, &folder), f64::total_cmp);
    }
    for folder in folders(host, "memory") {
        let found = host
            .number(&format!("{folder}/memory.max"))
            .or_else(|| host.number(&format!("{folder}/memory.limit_in_bytes")))
            .filter(|bytes| *bytes < NO_LIMIT);
        tighten(&mut limits.memory_bytes, found, u64::cmp);
    }
    limits
}

/// Seconds for which this process' groups were stopped because their time was used up, since they were made.
pub(super) fn throttled_seconds(host: &Host) -> Option<f64> {
    folders(host, "cpu").into_iter().find_map(|folder| {
        let text = host.text(&format!("{folder}/cpu.stat"))?;
        text.lines().find_map(|line| match line.split_once(' ')? {
            ("throttled_usec", count) => Some(count.trim().parse::<f64>().ok()? / 1e6),
            ("throttled_time", count) => Some(count.trim().parse::<f64>().ok()? / 1e9),
            _ => None,
        })
    })
}

fn tighten<T: Copy>(limit: &mut Option<T>, found: Option<T>, order: impl Fn(&T, &T) -> std::cmp::Ordering) {
    if let Some(found) = found
        && limit.is_none_or(|limit| order(&found, &limit).is_lt())
    {
        *limit = Some(found);
    }
}

/// `max 100000`, `150000 100000`; in version 1 two files and −1 for none.
fn quota(host: &Host, folder: &str) -> Option<f64> {
    let (quota, period) = match host.text(&format!("{folder}/cpu.max")) {
        Some(text) => {
            let (quota, period) = text.split_once(' ')?;
            (quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?)
        }
        None => (
            host.number(&format!("{folder}/cpu.cfs_quota_us"))? as f64,
            host.number(&format!("{folder}/cpu.cfs_period_us"))? as f64,
        ),
    };
    (quota > 0.0 && period > 0.0).then_some(quota / period)
}

/// The folders in which `controller`'s limits for this process can stand, its own group first.
fn folders(host: &Host, controller: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in host.text("/proc/self/cgroup").unwrap_or_default().lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let roots = if controllers.is_empty() {
            vec!["/sys/fs/cgroup".to_owned(), "/sys/fs/cgroup/unified".to_owned()]
        } else if controllers.split(',').any(|name| name == controller) {
            vec![
                format!("/sys/fs/cgroup/{controller}"),
                format!("/sys/fs/cgroup/{controllers}"),
            ]
        } else {
            continue;
        };
        let Some(root) = roots.into_iter().find(|root| host.has(root)) else {
            continue;
        };
        let mut path = path.trim_matches('/');
        while !path.is_empty() {
            found.push(format!("{root}/{path}"));
            path = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
        found.push(root);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::host::testing::host;
    use super::*;

    #[test]
    fn version_2_takes_the_tightest_limit_on_the_way_up() {
        let (_folder, host) = host(&[
            ("/proc/self/cgroup", "0::/system.slice/runner\n"),
            ("/sys/fs/cgroup/system.slice/runner/cpu.max", "max 100000\n"),
            ("/sys/fs/cgroup/system.slice/runner/memory.max", "8000000000\n"),
            ("/sys/fs/cgroup/system.slice/cpu.max", "150000 100000\n"),
            ("/sys/fs/cgroup/system.slice/memory.max", "max\n"),
            (
                "/sys/fs/cgroup/system.slice/runner/cpu.stat",
                "usage_usec 9\nthrottled_usec 2500000\n",
            ),
        ]);
        assert_eq!(
            limits(&host),
            Limits {
                cpu_quota: Some(1.5),
                memory_bytes: Some(8_000_000_000)
            }
        );
        assert_eq!(throttled_seconds(&host), Some(2.5));
    }

    #[test]
    fn version_1_has_a_file_for_each_and_a_large_number_for_none() {
        let (_folder, host) = host(&[
            (
                "/proc/self/cgroup",
                "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n",
            ),
            ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000"),
            ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000"),
            (
                "/sys/fs/cgroup/cpu,cpuacct/cpu.stat",
                "nr_throttled 3\nthrottled_time 500000000",
            ),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712"),
        ]);
        assert_eq!(
            limits(&host),
            Limits {
                cpu_quota: Some(2.0),
                memory_bytes: None
            }
        );
        assert_eq!(throttled_seconds(&host), Some(0.5));
    }

    #[test]
    fn no_control_groups_are_no_limits() {
        let (_folder, host) = host(&[("/proc/self/cgroup", "garbage")]);
        assert_eq!(limits(&host), Limits::default());
        assert_eq!(throttled_seconds(&host), None);
        let (_folder, host) = self::host(&[
            ("/proc/self/cgroup", "1:cpu:/"),
            ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1"),
            ("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"),
        ]);
        assert_eq!(limits(&host), Limits::default());
    }
}
