//! What the machine is, as far as it matters to a measurement; written beside every one.
//!
//! Holds nothing that names the machine or its owner (the host's name is hashed), and nothing that changes while it measures:
//! that is [`super::activity`]'s.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use sysinfo::CpuRefreshKind;
use sysinfo::MemoryRefreshKind;
use sysinfo::RefreshKind;
use sysinfo::System;

use crate::digest::Digest;

use super::affinity;
use super::cgroup;
use super::container;
use super::frequency;
use super::host::Host;
use super::isa;

/// The newest version of [`Fingerprint`]: 2 knows limits, clock, container and kernel.
pub const VERSION: u32 = 2;

/// A machine, described well enough to tell whether two measurements may be compared at all: [`Fingerprint::same_machine`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fingerprint {
    /// [`VERSION`] of the writer; 1 where none is written.
    pub version: u32,
    /// `linux`, `macos`, `windows`; empty where it is not known, as are all texts.
    pub os: String,
    /// The system's release, for people: `Ubuntu 24.04`.
    pub os_release: Option<String>,
    /// The kernel's version.
    pub kernel: Option<String>,
    /// `x86_64`, `aarch64`.
    pub arch: String,
    /// As the processor names itself.
    pub cpu_model: String,
    /// Instruction sets that the engines' kernels choose between, sorted.
    pub isa: Vec<String>,
    /// Physical cores of the whole machine; `None` where the system doesn't tell.
    pub cores_physical: Option<u64>,
    /// Logical cores of the whole machine.
    pub cores_logical: u64,
    /// Logical cores that this process may use.
    pub cores_allowed: u64,
    /// Which ones, ascending; `None` where the system has no affinity.
    pub cores_list: Option<Vec<u64>>,
    /// Processor time that the control group allows, in cores; `None` where there is no such limit.
    pub cpu_quota: Option<f64>,
    /// `performance`, `powersave`, `schedutil`; `None` where the kernel doesn't tell, as in most virtual machines.
    pub governor: Option<String>,
    /// The clock's upper limit, MHz.
    pub max_mhz: Option<f64>,
    /// Whether the processor may go beyond its rated clock.
    pub turbo: Option<bool>,
    /// Memory of the whole machine.
    pub memory_bytes: u64,
    /// Memory that the control group allows; `None` where there is no such limit.
    pub memory_limit_bytes: Option<u64>,
    /// `docker`, `podman`, `kubernetes`, `lxc`; `None` where there is no sign of one.
    pub container: Option<String>,
    /// Whether a hypervisor is below; `None` where that is unknown.
    pub virtualized: Option<bool>,
    /// Whose virtual machine, where it says so.
    pub hypervisor: Option<String>,
    /// SHA-256 of the host's name.
    pub hostname_digest: Option<Digest>,
    /// SHA-256 of the number that the kernel drew when it started: the same in all containers of one machine.
    pub boot_digest: Option<Digest>,
    /// Image and version of a hosted CI runner, out of its environment: `ubuntu24 20261101.1.0`.
    pub ci_image: Option<String>,
}

impl Default for Fingerprint {
    /// A machine of which nothing is known, as read from a store that says nothing of it.
    fn default() -> Self {
        Self {
            version: 1,
            os: String::new(),
            os_release: None,
            kernel: None,
            arch: String::new(),
            cpu_model: String::new(),
            isa: Vec::new(),
            cores_physical: None,
            cores_logical: 0,
            cores_allowed: 0,
            cores_list: None,
            cpu_quota: None,
            governor: None,
            max_mhz: None,
            turbo: None,
            memory_bytes: 0,
            memory_limit_bytes: None,
            container: None,
            virtualized: None,
            hypervisor: None,
            hostname_digest: None,
            boot_digest: None,
            ci_image: None,
        }
    }
}

impl Fingerprint {
    /// Describes this machine; what only the environment tells stays empty until [`Fingerprint::with_environment`].
    pub fn of_this_machine() -> Self {
        let host = Host::this();
        let what = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(what).ok();
        let cpu_information = host.text("/proc/cpuinfo").unwrap_or_default();
        let flags = isa::cpu_flags(&cpu_information);
        let cpu = system.as_ref().and_then(|system| system.cpus().first());
        let cores_logical = system.as_ref().map_or(0, |system| system.cpus().len()).max(1);
        let limits = cgroup::limits(&host);
        let clock = frequency::governed(&host, cores_logical);
        Self {
            version: VERSION,
            os: std::env::consts::OS.to_owned(),
            os_release: System::long_os_version().ok(),
            kernel: System::kernel_version().ok(),
            arch: std::env::consts::ARCH.to_owned(),
            cpu_model: cpu
                .map(|cpu| cpu.brand().trim())
                .filter(|brand| !brand.is_empty())
                .unwrap_or("unknown")
                .to_owned(),
            isa: if flags.is_empty() {
                isa::detected_isa()
            } else {
                isa::known_isa(&flags)
            },
            cores_physical: System::physical_core_count().ok().map(|count| count as u64),
            cores_logical: cores_logical as u64,
            cores_allowed: affinity::allowed_count() as u64,
            cores_list: affinity::allowed_list().map(|cores| cores.into_iter().map(|core| core as u64).collect()),
            cpu_quota: limits.cpu_quota,
            governor: clock.governor,
            max_mhz: clock.max_mhz,
            turbo: clock.turbo,
            memory_bytes: system.as_ref().map_or(0, System::total_memory),
            memory_limit_bytes: limits.memory_bytes,
            container: container::container(&host),
            virtualized: container::virtualized(&host, &flags),
            hypervisor: container::hypervisor(&host),
            hostname_digest: System::host_name().ok().map(|name| Digest::of(name.as_bytes())),
            boot_digest: host
                .text("/proc/sys/kernel/random/boot_id")
                .map(|id| Digest::of(id.as_bytes())),
            ci_image: None,
        }
    }

    /// Adds what only the environment tells: a hosted runner's image (`ImageOS`, `ImageVersion`), a pod without other marks.
    #[must_use]
    pub fn with_environment(mut self, environment: &BTreeMap<String, String>) -> Self {
        let parts: Vec<&str> = ["ImageOS", "ImageVersion"]
            .iter()
            .filter_map(|name| environment.get(*name))
            .map(String::as_str)
            .filter(|value| !value.is_empty())
            .collect();
        self.ci_image = Some(parts.join(" ")).filter(|image| !image.is_empty());
        if environment.contains_key("KUBERNETES_SERVICE_HOST") {
            self.container = Some("kubernetes".to_owned());
        }
        self
    }

    /// For people, one line: `Intel(R) Xeon(R) Processor, 2 of 2 cores, avx512_vnni, linux x86_64`.
    pub fn describe(&self) -> String {
        let strongest = [
            "amx_int8",
            "avx512_vnni",
            "avx512f",
            "avx_vnni",
            "avx2",
            "avx",
            "sve2",
            "i8mm",
            "dotprod",
            "neon",
        ];
        let isa = strongest
            .into_iter()
            .find(|name| self.isa.iter().any(|have| have == name));
        let isa = isa.map(|name| format!(", {name}")).unwrap_or_default();
        format!(
            "{}, {} of {} cores{isa}, {} {}",
            self.cpu_model, self.cores_allowed, self.cores_logical, self.os, self.arch
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_this_machine_without_naming_it() {
        let fingerprint = Fingerprint::of_this_machine();
        assert_eq!(
            (fingerprint.version, fingerprint.os.as_str()),
            (VERSION, std::env::consts::OS)
        );
        assert!(fingerprint.memory_bytes > 100_000_000);
        assert!(fingerprint.cores_allowed <= fingerprint.cores_logical);
        assert!(fingerprint.kernel.is_some());
        let json = serde_json::to_string(&fingerprint).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), fingerprint);
        let host = System::host_name().unwrap();
        assert!(!json.contains(&format!("\"{host}\"")), "{json}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn lists_as_many_cores_as_it_counts() {
        let fingerprint = Fingerprint::of_this_machine();
        let cores = fingerprint.cores_list.unwrap();
        assert_eq!(cores.len() as u64, fingerprint.cores_allowed);
        assert!(cores.is_sorted());
    }

    #[test]
    fn remembers_the_image_of_a_hosted_runner() {
        let environment = BTreeMap::from([
            ("ImageOS".to_owned(), "ubuntu24".to_owned()),
            ("ImageVersion".to_owned(), "20261101.1.0".to_owned()),
        ]);
        let fingerprint = Fingerprint::of_this_machine().with_environment(&environment);
        assert_eq!(fingerprint.ci_image.as_deref(), Some("ubuntu24 20261101.1.0"));
        let fingerprint = fingerprint.with_environment(&BTreeMap::new());
        assert_eq!(fingerprint.ci_image, None);
        let pod = BTreeMap::from([("KUBERNETES_SERVICE_HOST".to_owned(), "10.0.0.1".to_owned())]);
        assert_eq!(
            fingerprint.with_environment(&pod).container.as_deref(),
            Some("kubernetes")
        );
    }
}
