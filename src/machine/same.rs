//! Whether numbers of two machines may be compared: only where nothing that moves a latency differs and both are the same host.
//!
//! Two machines of one kind are not one machine: neighbours on a shared host make the cores of two equal virtual machines
//! differ by up to a fifth. So equal hardware is not enough; the host's name or the kernel's boot must be the same too.

use super::fingerprint::Fingerprint;

/// The kernel keeps a little memory for itself, and not always equally much.
const MEMORY_TOLERANCE: f64 = 0.02;

/// The first version that recorded limits, clock and container.
const WITH_LIMITS: u32 = 2;

impl Fingerprint {
    /// `Ok` where numbers stored by one may be compared with numbers of the other; or else what differs, one phrase each, this
    /// machine's value first.
    ///
    /// What is not recorded counts as different: it cannot be shown to be the same.
    pub fn same_machine(&self, other: &Self) -> Result<(), Vec<String>> {
        let mut differences = Vec::new();
        let mut differ = |what: &str, one: String, another: String| {
            if one != another {
                differences.push(format!("{what}: {one} against {another}"));
            }
        };
        let text = |text: &str| if text.is_empty() { "not recorded" } else { text }.to_owned();
        let count = |count: u64| {
            if count == 0 {
                "not recorded".to_owned()
            } else {
                count.to_string()
            }
        };
        differ("system", text(&self.os), text(&other.os));
        differ("architecture", text(&self.arch), text(&other.arch));
        differ("processor", text(&self.cpu_model), text(&other.cpu_model));
        differ("logical cores", count(self.cores_logical), count(other.cores_logical));
        differ("usable cores", count(self.cores_allowed), count(other.cores_allowed));
        if self.version >= WITH_LIMITS && other.version >= WITH_LIMITS {
            let optional = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
            let number = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| format!("{value:.2}"));
            let bytes = |value: Option<u64>| value.map_or_else(|| "none".to_owned(), |value| format!("{value} bytes"));
            differ("processor quota", number(self.cpu_quota), number(other.cpu_quota));
            differ("governor", optional(&self.governor), optional(&other.governor));
            differ("highest clock in MHz", number(self.max_mhz), number(other.max_mhz));
            differ("turbo", switch(self.turbo), switch(other.turbo));
            differ(
                "memory limit",
                bytes(self.memory_limit_bytes),
                bytes(other.memory_limit_bytes),
            );
            differ("container", optional(&self.container), optional(&other.container));
        }
        differ("hypervisor", switch(self.virtualized), switch(other.virtualized));
        if self.isa != other.isa {
            differences.push(format!("instruction sets: {}", only_one_has(&self.isa, &other.isa)));
        }
        if !about_equal(self.memory_bytes, other.memory_bytes) {
            differences.push(format!(
                "memory: {} against {} bytes",
                self.memory_bytes, other.memory_bytes
            ));
        }
        if (self.version < WITH_LIMITS) != (other.version < WITH_LIMITS) {
            differences.push("one was recorded before limits, clock and container were".to_owned());
        }
        if !self.same_host(other) {
            differences.push("host: another one, or not recorded".to_owned());
        }
        if differences.is_empty() {
            Ok(())
        } else {
            Err(differences)
        }
    }

    /// How many machines are among `machines`, in order of appearance: for each the number of its machine, from 0.
    pub fn group(machines: &[&Self]) -> Vec<usize> {
        let mut found: Vec<&Self> = Vec::new();
        machines
            .iter()
            .map(|machine| {
                let known = found.iter().position(|other| machine.same_machine(other).is_ok());
                known.unwrap_or_else(|| {
                    found.push(machine);
                    found.len() - 1
                })
            })
            .collect()
    }

    /// Started once and never since, or of one name: a container's name changes and its kernel's boot does not, a machine that
    /// was started again keeps its name.
    fn same_host(&self, other: &Self) -> bool {
        let same = |one: &Option<crate::digest::Digest>, another: &Option<crate::digest::Digest>| {
            one.is_some() && one == another
        };
        same(&self.boot_digest, &other.boot_digest) || same(&self.hostname_digest, &other.hostname_digest)
    }
}

fn switch(value: Option<bool>) -> String {
    match value {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not known",
    }
    .to_owned()
}

fn about_equal(one: u64, another: u64) -> bool {
    one > 0 && another > 0 && one.abs_diff(another) as f64 <= MEMORY_TOLERANCE * one.max(another) as f64
}

/// `+avx512f −amx_int8`, as seen from the second.
fn only_one_has(one: &[String], another: &[String]) -> String {
    let new = another
        .iter()
        .filter(|name| !one.contains(name))
        .map(|name| format!("+{name}"));
    let gone = one
        .iter()
        .filter(|name| !another.contains(name))
        .map(|name| format!("−{name}"));
    new.chain(gone).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fingerprint::VERSION;
    use super::*;
    use crate::digest::Digest;

    fn machine() -> Fingerprint {
        Fingerprint {
            version: VERSION,
            os: "linux".to_owned(),
            arch: "x86_64".to_owned(),
            cpu_model: "Intel Xeon".to_owned(),
            isa: vec!["avx2".to_owned(), "fma".to_owned()],
            cores_physical: Some(2),
            cores_logical: 4,
            cores_allowed: 4,
            memory_bytes: 16_000_000_000,
            virtualized: Some(true),
            hostname_digest: Some(Digest::of(b"host")),
            boot_digest: Some(Digest::of(b"boot")),
            ..Fingerprint::default()
        }
    }

    fn differences(change: impl Fn(&mut Fingerprint)) -> Vec<String> {
        let mut other = machine();
        change(&mut other);
        machine().same_machine(&other).err().unwrap_or_default()
    }

    #[test]
    fn a_machine_is_itself() {
        let this = Fingerprint::of_this_machine();
        assert_eq!(this.same_machine(&Fingerprint::of_this_machine()), Ok(()));
        assert_eq!(machine().same_machine(&machine()), Ok(()));
    }

    #[test]
    fn everything_that_moves_latency_counts() {
        assert_eq!(
            differences(|other| other.cpu_model = "AMD EPYC".to_owned()),
            ["processor: Intel Xeon against AMD EPYC"]
        );
        assert_eq!(
            differences(|other| other.isa = vec!["avx2".to_owned(), "avx512f".to_owned()]),
            ["instruction sets: +avx512f −fma"]
        );
        assert_eq!(
            differences(|other| other.cpu_quota = Some(1.5)),
            ["processor quota: none against 1.50"]
        );
        assert_eq!(
            differences(|other| other.governor = Some("powersave".to_owned())),
            ["governor: none against powersave"]
        );
        assert_eq!(
            differences(|other| other.turbo = Some(false)),
            ["turbo: not known against no"]
        );
        assert_eq!(
            differences(|other| other.container = Some("docker".to_owned())),
            ["container: none against docker"]
        );
        assert_eq!(
            differences(|other| other.cores_allowed = 2),
            ["usable cores: 4 against 2"]
        );
        assert_eq!(differences(|other| other.memory_bytes /= 2).len(), 1);
    }

    #[test]
    fn what_does_not_move_latency_does_not_count() {
        assert!(differences(|other| other.memory_bytes += 20_000_000).is_empty());
        assert!(differences(|other| other.ci_image = Some("ubuntu24".to_owned())).is_empty());
        // Started again, or another container on the same machine.
        assert!(differences(|other| other.boot_digest = Some(Digest::of(b"later"))).is_empty());
        assert!(differences(|other| other.hostname_digest = Some(Digest::of(b"0123"))).is_empty());
    }

    #[test]
    fn equal_hardware_is_not_the_same_machine() {
        let other = differences(|other| {
            other.boot_digest = Some(Digest::of(b"other"));
            other.hostname_digest = Some(Digest::of(b"other"));
        });
        assert_eq!(other, ["host: another one, or not recorded"]);
    }

    #[test]
    fn what_is_not_recorded_is_not_the_same() {
        let unknown = Fingerprint::default();
        assert!(unknown.same_machine(&unknown).is_err());
        let old: Fingerprint = serde_json::from_str(r#"{"arch":"x86_64"}"#).unwrap();
        let told = machine().same_machine(&old).unwrap_err().join("; ");
        assert!(told.contains("processor: Intel Xeon against not recorded"), "{told}");
        assert!(told.contains("one was recorded before limits"), "{told}");
    }

    #[test]
    fn machines_are_counted() {
        let mut other = machine();
        other.cpu_model = "AMD EPYC".to_owned();
        let (one, other) = (machine(), other);
        assert_eq!(
            Fingerprint::group(&[&one, &other, &one, &other, &other]),
            [0, 1, 0, 1, 1]
        );
        assert!(Fingerprint::group(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn it_is_the_same_from_both_ends(
            model in "[ab]", allowed in 1_u64..3, quota in prop::option::of(1_u8..3), host in "[ab]", version in 1_u32..3,
        ) {
            let mut other = machine();
            other.cpu_model = model;
            other.cores_allowed = allowed;
            other.cpu_quota = quota.map(f64::from);
            other.hostname_digest = Some(Digest::of(host.as_bytes()));
            other.version = version;
            prop_assert_eq!(machine().same_machine(&other).is_ok(), other.same_machine(&machine()).is_ok());
        }
    }
}
