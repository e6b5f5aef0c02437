//! How fast the processor may run, and how fast it does.

use super::host::Host;

/// What governs the clock.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Frequency {
    /// `performance`, `powersave`, `schedutil`.
    pub(super) governor: Option<String>,
    /// The fastest core's limit.
    pub(super) max_mhz: Option<f64>,
    /// Whether the processor may go beyond its rated clock for a while.
    pub(super) turbo: Option<bool>,
}

/// Reads what the kernel tells; virtual machines mostly see none of it.
pub(super) fn governed(host: &Host, cores: usize) -> Frequency {
    let fastest = (0..cores)
        .filter_map(|core| host.number(&of_core(core, "cpuinfo_max_freq")))
        .max();
    let turned_off = host.number("/sys/devices/system/cpu/intel_pstate/no_turbo");
    let boost = host.number("/sys/devices/system/cpu/cpufreq/boost");
    Frequency {
        governor: (0..cores).find_map(|core| host.text(&of_core(core, "scaling_governor"))),
        max_mhz: fastest.map(|kilohertz| kilohertz as f64 / 1e3),
        turbo: turned_off.map(|off| off == 0).or(boost.map(|on| on == 1)),
    }
}

/// The mean clock of `cores` at this moment, in MHz; `None` where the kernel does not tell. What `/proc/cpuinfo` says is not
/// asked: in a virtual machine it never moves.
pub(super) fn current_mhz(host: &Host, cores: &[usize]) -> Option<f64> {
    let clocks = cores
        .iter()
        .map(|core| host.number(&of_core(*core, "scaling_cur_freq")))
        .collect::<Option<Vec<u64>>>()?;
    let total: u64 = clocks.iter().sum();
    (total > 0).then(|| total as f64 / clocks.len() as f64 / 1e3)
}

/// How often the processor slowed itself down because it was too hot, over all of `cores`, since the machine was started.
pub(super) fn throttle_events(host: &Host, cores: &[usize]) -> Option<u64> {
    let count = |core: &usize, file: &str| {
        host.number(&format!(
            "/sys/devices/system/cpu/cpu{core}/thermal_throttle/{file}_throttle_count"
        ))
    };
    let own: Vec<u64> = cores.iter().filter_map(|core| count(core, "core")).collect();
    // All cores of a socket count the same events of the package.
    let package = cores.iter().filter_map(|core| count(core, "package")).max();
    (!own.is_empty() || package.is_some()).then(|| own.iter().sum::<u64>() + package.unwrap_or(0))
}

fn of_core(core: usize, file: &str) -> String {
    format!("/sys/devices/system/cpu/cpu{core}/cpufreq/{file}")
}

#[cfg(test)]
mod tests {
    use super::super::host::testing::host;
    use super::*;

    #[test]
    fn reads_governor_clock_and_heat() {
        let (_folder, host) = host(&[
            ("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
            ("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "3600000\n"),
            ("/sys/devices/system/cpu/cpu1/cpufreq/cpuinfo_max_freq", "2400000\n"),
            ("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "3000000\n"),
            ("/sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "2000000\n"),
            ("/sys/devices/system/cpu/intel_pstate/no_turbo", "1\n"),
            (
                "/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count",
                "3\n",
            ),
            (
                "/sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count",
                "7\n",
            ),
            (
                "/sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count",
                "1\n",
            ),
            (
                "/sys/devices/system/cpu/cpu1/thermal_throttle/package_throttle_count",
                "7\n",
            ),
        ]);
        assert_eq!(
            governed(&host, 2),
            Frequency {
                governor: Some("powersave".to_owned()),
                max_mhz: Some(3600.0),
                turbo: Some(false),
            }
        );
        assert_eq!(current_mhz(&host, &[0, 1]), Some(2500.0));
        assert_eq!(current_mhz(&host, &[0, 2]), None);
        assert_eq!(throttle_events(&host, &[0, 1]), Some(11));
    }

    #[test]
    fn says_nothing_where_the_kernel_does_not() {
        let (_folder, host) = host(&[]);
        assert_eq!(governed(&host, 4), Frequency::default());
        assert_eq!(current_mhz(&host, &[0]), None);
        assert_eq!(current_mhz(&host, &[]), None);
        assert_eq!(throttle_events(&host, &[0]), None);
    }
}
