//! What the machine is, as far as it matters to a measurement; written beside every one.
//!
//! Holds nothing that names the machine or its owner: the host's name is hashed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use sysinfo::CpuRefreshKind;
use sysinfo::MemoryRefreshKind;
use sysinfo::RefreshKind;
use sysinfo::System;

use crate::digest::Digest;

use super::affinity;

/// Instruction sets that ONNX Runtime's kernels choose between, by the name this tool gives them and Linux's name.
const ISA: &[(&str, &str)] = &[
    ("sse4.1", "sse4_1"),
    ("avx", "avx"),
    ("avx2", "avx2"),
    ("fma", "fma"),
    ("f16c", "f16c"),
    ("avx_vnni", "avx_vnni"),
    ("avx512f", "avx512f"),
    ("avx512bw", "avx512bw"),
    ("avx512vl", "avx512vl"),
    ("avx512_vnni", "avx512_vnni"),
    ("avx512_bf16", "avx512_bf16"),
    ("avx512_fp16", "avx512_fp16"),
    ("amx_tile", "amx_tile"),
    ("amx_int8", "amx_int8"),
    ("amx_bf16", "amx_bf16"),
    ("neon", "asimd"),
    ("fp16", "asimdhp"),
    ("dotprod", "asimddp"),
    ("i8mm", "i8mm"),
    ("bf16", "bf16"),
    ("sve", "sve"),
    ("sve2", "sve2"),
    ("sme", "sme"),
];

/// A machine, described well enough to tell whether two measurements may be compared at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// `linux`, `macos`, `windows`.
    pub os: String,
    /// The system's release, for people: `Ubuntu 24.04`.
    pub os_release: Option<String>,
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
    /// Memory of the whole machine.
    pub memory_bytes: u64,
    /// Whether a hypervisor is below; `None` where that is unknown.
    pub virtualized: Option<bool>,
    /// Whose virtual machine, where it says so.
    pub hypervisor: Option<String>,
    /// SHA-256 of the host's name.
    pub hostname_digest: Option<Digest>,
    /// Image and version of a hosted CI runner, out of its environment: `ubuntu24 20261101.1.0`.
    pub ci_image: Option<String>,
}

impl Fingerprint {
    /// Describes this machine; `ci_image` stays empty until [`Fingerprint::with_environment`].
    pub fn of_this_machine() -> Self {
        let what = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(what).ok();
        let cpu_information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let flags = cpu_flags(&cpu_information);
        let cpu = system.as_ref().and_then(|system| system.cpus().first());
        Self {
            os: std::env::consts::OS.to_owned(),
            os_release: System::long_os_version().ok(),
            arch: std::env::consts::ARCH.to_owned(),
            cpu_model: cpu
                .map(|cpu| cpu.brand().trim())
                .filter(|brand| !brand.is_empty())
                .unwrap_or("unknown")
                .to_owned(),
            isa: if flags.is_empty() {
                detected_isa()
            } else {
                known_isa(&flags)
            },
            cores_physical: System::physical_core_count().ok().map(|count| count as u64),
            cores_logical: system.as_ref().map_or(0, |system| system.cpus().len() as u64).max(1),
            cores_allowed: affinity::allowed_count() as u64,
            memory_bytes: system.as_ref().map_or(0, System::total_memory),
            virtualized: virtualized(&flags),
            hypervisor: hypervisor(),
            hostname_digest: System::host_name().ok().map(|name| Digest::of(name.as_bytes())),
            ci_image: None,
        }
    }

    /// Adds what a hosted runner says about its image (`ImageOS`, `ImageVersion`).
    #[must_use]
    pub fn with_environment(mut self, environment: &BTreeMap<String, String>) -> Self {
        let parts: Vec<&str> = ["ImageOS", "ImageVersion"]
            .iter()
            .filter_map(|name| environment.get(*name))
            .map(String::as_str)
            .filter(|value| !value.is_empty())
            .collect();
        self.ci_image = Some(parts.join(" ")).filter(|image| !image.is_empty());
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

/// The flags of the first core in Linux's `/proc/cpuinfo`; empty elsewhere.
fn cpu_flags(cpu_information: &str) -> Vec<&str> {
    cpu_information
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| matches!(key.trim(), "flags" | "Features"))
        .map(|(_, flags)| flags.split_whitespace().collect())
        .unwrap_or_default()
}

fn known_isa(flags: &[&str]) -> Vec<String> {
    let mut known: Vec<String> = ISA
        .iter()
        .filter(|(_, linux)| flags.contains(linux))
        .map(|(name, _)| (*name).to_owned())
        .collect();
    known.sort();
    known
}

/// Where there is no `/proc/cpuinfo`, the processor is asked itself.
fn detected_isa() -> Vec<String> {
    #[cfg(target_arch = "x86_64")]
    let detected: Vec<(&str, bool)> = vec![
        ("sse4.1", std::arch::is_x86_feature_detected!("sse4.1")),
        ("avx", std::arch::is_x86_feature_detected!("avx")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("f16c", std::arch::is_x86_feature_detected!("f16c")),
        ("avx_vnni", std::arch::is_x86_feature_detected!("avxvnni")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512bw", std::arch::is_x86_feature_detected!("avx512bw")),
        ("avx512vl", std::arch::is_x86_feature_detected!("avx512vl")),
        ("avx512_vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
        ("avx512_bf16", std::arch::is_x86_feature_detected!("avx512bf16")),
        ("avx512_fp16", std::arch::is_x86_feature_detected!("avx512fp16")),
    ];
    #[cfg(target_arch = "aarch64")]
    let detected: Vec<(&str, bool)> = vec![
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("fp16", std::arch::is_aarch64_feature_detected!("fp16")),
        ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
        ("bf16", std::arch::is_aarch64_feature_detected!("bf16")),
        ("sve", std::arch::is_aarch64_feature_detected!("sve")),
        ("sve2", std::arch::is_aarch64_feature_detected!("sve2")),
    ];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let detected: Vec<(&str, bool)> = Vec::new();
    let mut names: Vec<String> = detected
        .into_iter()
        .filter(|(_, present)| *present)
        .map(|(name, _)| name.to_owned())
        .collect();
    names.sort();
    names
}

/// x86 processors say it in a flag; on others a device tree or firmware entry is a sign, its absence none.
fn virtualized(flags: &[&str]) -> Option<bool> {
    if cfg!(target_arch = "x86_64") && !flags.is_empty() {
        return Some(flags.contains(&"hypervisor"));
    }
    hypervisor().is_some().then_some(true)
}

/// Firmware names that only virtual machines carry.
fn hypervisor() -> Option<String> {
    const VIRTUAL: &[&str] = &[
        "KVM",
        "QEMU",
        "VMware",
        "VirtualBox",
        "innotek",
        "Xen",
        "Virtual Machine",
        "Amazon EC2",
        "Google Compute",
        "Parallels",
        "Apple Virtualization",
        "OpenStack",
        "Bochs",
    ];
    let read = |file: &str| std::fs::read_to_string(format!("/sys/class/dmi/id/{file}")).unwrap_or_default();
    let name = format!("{} {}", read("sys_vendor").trim(), read("product_name").trim());
    let name = name.trim();
    let bare_metal = name.contains(".metal");
    (!bare_metal && VIRTUAL.iter().any(|sign| name.contains(sign))).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_this_machine_without_naming_it() {
        let fingerprint = Fingerprint::of_this_machine();
        assert_eq!(fingerprint.os, std::env::consts::OS);
        assert!(fingerprint.memory_bytes > 100_000_000);
        assert!(fingerprint.cores_allowed <= fingerprint.cores_logical);
        let json = serde_json::to_string(&fingerprint).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), fingerprint);
        let host = System::host_name().unwrap();
        assert!(!json.contains(&format!("\"{host}\"")), "{json}");
    }

    #[test]
    fn reads_x86_and_arm_flags() {
        let flags = cpu_flags("processor\t: 0\nflags\t\t: fpu avx2 avx512_vnni amx_int8 hypervisor\n");
        assert_eq!(known_isa(&flags), ["amx_int8", "avx2", "avx512_vnni"]);
        let flags = cpu_flags("Features\t: fp asimd asimddp i8mm\n");
        assert_eq!(known_isa(&flags), ["dotprod", "i8mm", "neon"]);
        assert!(cpu_flags("").is_empty());
    }

    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn the_kernel_and_the_processor_agree() {
        let text = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        let kernel = known_isa(&cpu_flags(&text));
        for name in detected_isa() {
            assert!(kernel.contains(&name), "{name} is not in {kernel:?}");
        }
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
    }
}
