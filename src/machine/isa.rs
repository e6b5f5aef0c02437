//! Instruction sets of the processor: what the kernel lists, or what the processor says where no kernel does.

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

/// The flags of the first core in Linux's `/proc/cpuinfo`; empty elsewhere.
pub(super) fn cpu_flags(cpu_information: &str) -> Vec<&str> {
    cpu_information
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| matches!(key.trim(), "flags" | "Features"))
        .map(|(_, flags)| flags.split_whitespace().collect())
        .unwrap_or_default()
}

pub(super) fn known_isa(flags: &[&str]) -> Vec<String> {
    let mut known: Vec<String> = ISA
        .iter()
        .filter(|(_, linux)| flags.contains(linux))
        .map(|(name, _)| (*name).to_owned())
        .collect();
    known.sort();
    known
}

/// Where there is no `/proc/cpuinfo`, the processor is asked itself.
pub(super) fn detected_isa() -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
