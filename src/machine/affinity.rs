//! Which cores measuring runs on: chosen out of those that this process may use, one logical core a physical core, and
//! the same set for both sides of a comparison (cores of one machine are not equally fast).
//!
//! Linux only: other systems have no affinity that an ordinary process may rely on, and [`choose_cores`] says so with `None`.

use std::collections::BTreeSet;

/// One logical core and where it sits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LogicalCore {
    id: usize,
    /// Socket and core; hardware threads of one physical core share it.
    physical: (i64, i64),
    /// Greater is faster, on machines that mix fast and slow cores; 0 where unknown.
    capacity: u64,
}

/// Chooses cores for `threads` threads out of the affinity mask and the control group of this process.
///
/// One logical core of each physical core is taken before any second one, fast cores before slow ones, and high numbers before
/// low ones (core 0 serves most interrupts). Fewer than `threads` come back where fewer are allowed. Ascending. `None` where the
/// system has no affinity.
pub fn choose_cores(threads: usize) -> Option<Vec<usize>> {
    let cores = system::allowed()?;
    Some(choose(&cores, threads)).filter(|cores| !cores.is_empty())
}

/// Pins this thread, and all that it starts later, to `cores`. `false` where the system has no affinity.
pub fn pin(cores: &[usize]) -> std::io::Result<bool> {
    system::pin(cores)
}

/// How many logical cores this process may use; at least 1.
pub fn allowed_count() -> usize {
    system::allowed().map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        |cores| cores.len().max(1),
    )
}

/// The logical cores that this process may use, ascending; `None` where the system has no affinity.
pub fn allowed_list() -> Option<Vec<usize>> {
    system::allowed().map(|cores| cores.into_iter().map(|core| core.id).collect())
}

fn choose(cores: &[LogicalCore], threads: usize) -> Vec<usize> {
    let mut order: Vec<&LogicalCore> = cores.iter().collect();
    order.sort_by(|a, b| b.capacity.cmp(&a.capacity).then(b.id.cmp(&a.id)));
    let mut taken = BTreeSet::new();
    let (first, second): (Vec<&LogicalCore>, Vec<&LogicalCore>) =
        order.into_iter().partition(|core| taken.insert(core.physical));
    let mut chosen: Vec<usize> = first
        .into_iter()
        .chain(second)
        .take(threads.max(1))
        .map(|core| core.id)
        .collect();
    chosen.sort_unstable();
    chosen
}

/// Reads the kernel's list format: `0-3,8,10-11`.
#[cfg(any(target_os = "linux", test))]
fn parse_list(text: &str) -> Option<BTreeSet<usize>> {
    let mut cores = BTreeSet::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if last < first || last - first > 1 << 16 {
            return None;
        }
        cores.extend(first..=last);
    }
    Some(cores)
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::BTreeSet;
    use std::fs;
    use std::io;
    use std::path::Path;
    use std::path::PathBuf;

    use rustix::thread::CpuSet;
    use rustix::thread::sched_getaffinity;
    use rustix::thread::sched_setaffinity;

    use super::LogicalCore;

    pub(super) fn allowed() -> Option<Vec<LogicalCore>> {
        let mask = sched_getaffinity(None).ok()?;
        let group = control_group_cores();
        let cores = (0..CpuSet::MAX_CPU)
            .filter(|id| mask.is_set(*id))
            .filter(|id| group.as_ref().is_none_or(|group| group.contains(id)))
            .map(describe)
            .collect();
        Some(cores)
    }

    pub(super) fn pin(cores: &[usize]) -> io::Result<bool> {
        let mut mask = CpuSet::new();
        for id in cores.iter().filter(|id| **id < CpuSet::MAX_CPU) {
            mask.set(*id);
        }
        sched_setaffinity(None, &mask)?;
        Ok(true)
    }

    fn describe(id: usize) -> LogicalCore {
        let folder = PathBuf::from(format!("/sys/devices/system/cpu/cpu{id}"));
        let number = |file: &str| -> Option<i64> { fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok() };
        let physical = match (number("topology/physical_package_id"), number("topology/core_id")) {
            (Some(socket), Some(core)) => (socket, core),
            // Unknown topology: every logical core counts as its own.
            _ => (-1, id as i64),
        };
        let capacity = number("cpu_capacity").or_else(|| number("cpufreq/cpuinfo_max_freq"));
        LogicalCore {
            id,
            physical,
            capacity: capacity.and_then(|capacity| u64::try_from(capacity).ok()).unwrap_or(0),
        }
    }

    /// The cores that this process' control group allows, where it says so (version 2 at its own path or any above, version 1
    /// below `cpuset`).
    fn control_group_cores() -> Option<BTreeSet<usize>> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        for line in groups.lines() {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let (root, file) = match controllers {
                "" => ("/sys/fs/cgroup", "cpuset.cpus.effective"),
                "cpuset" => ("/sys/fs/cgroup/cpuset", "cpuset.effective_cpus"),
                _ => continue,
            };
            for folder in Path::new(path.trim_start_matches('/')).ancestors() {
                let text = fs::read_to_string(Path::new(root).join(folder).join(file)).ok();
                let cores = text.as_deref().and_then(super::parse_list);
                if let Some(cores) = cores.filter(|cores| !cores.is_empty()) {
                    return Some(cores);
                }
            }
        }
        None
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    use super::LogicalCore;

    pub(super) fn allowed() -> Option<Vec<LogicalCore>> {
        None
    }

    pub(super) fn pin(_cores: &[usize]) -> io::Result<bool> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core(id: usize, physical: i64, capacity: u64) -> LogicalCore {
        LogicalCore {
            id,
            physical: (0, physical),
            capacity,
        }
    }

    #[test]
    fn takes_physical_cores_before_their_second_threads() {
        let cores = [core(0, 0, 0), core(1, 1, 0), core(2, 0, 0), core(3, 1, 0)];
        assert_eq!(choose(&cores, 1), [3]);
        assert_eq!(choose(&cores, 2), [2, 3]);
        assert_eq!(choose(&cores, 3), [1, 2, 3]);
        assert_eq!(choose(&cores, 9), [0, 1, 2, 3]);
    }

    #[test]
    fn takes_fast_cores_first() {
        let cores = [core(0, 0, 1024), core(1, 1, 1024), core(2, 2, 400), core(3, 3, 400)];
        assert_eq!(choose(&cores, 2), [0, 1]);
        assert_eq!(choose(&cores, 3), [0, 1, 3]);
    }

    #[test]
    fn reads_the_kernels_lists() {
        let cores: Vec<usize> = parse_list("0-2,5\n").unwrap().into_iter().collect();
        assert_eq!(cores, [0, 1, 2, 5]);
        assert!(parse_list("").unwrap().is_empty());
        assert!(parse_list("3-1").is_none());
        assert!(parse_list("x").is_none());
        assert!(parse_list("0-99999999999").is_none());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn pins_what_it_chose() {
        let chosen = choose_cores(1).unwrap();
        assert_eq!(chosen.len(), 1);
        std::thread::spawn(move || {
            assert!(pin(&chosen).unwrap());
            assert_eq!(choose_cores(8).unwrap(), chosen);
        })
        .join()
        .unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn refuses_a_core_that_is_not_there() {
        std::thread::spawn(|| assert!(pin(&[1000]).is_err())).join().unwrap();
    }
}
