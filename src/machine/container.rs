//! What stands between this process and the hardware: a container, a hypervisor.

use super::host::Host;

/// The container that this process runs in, by the marks that it leaves; `None` where there is none.
pub(super) fn container(host: &Host) -> Option<String> {
    let groups = format!(
        "{}\n{}",
        host.text("/proc/self/cgroup").unwrap_or_default(),
        host.text("/proc/1/cgroup").unwrap_or_default()
    );
    // With control groups of its own a container sees only `/`; the files that its engine mounts are left.
    let mounts = host.text("/proc/self/mountinfo").unwrap_or_default();
    let marked = |marks: &[&str]| marks.iter().any(|mark| groups.contains(mark) || mounts.contains(mark));
    let systemd = host.text("/run/systemd/container").unwrap_or_default();
    let name = if marked(&["/kubepods", "/kubelet/pods/"]) {
        "kubernetes"
    } else if host.has("/run/.containerenv") || marked(&["/libpod-", "/libpod_parent"]) || systemd == "podman" {
        "podman"
    } else if host.has("/.dockerenv") || marked(&["/docker/", "/docker-"]) || systemd == "docker" {
        "docker"
    } else if marked(&["/lxc/", "/lxc.payload", "lxcfs /proc/"]) || systemd.starts_with("lxc") {
        "lxc"
    } else if marked(&["/containerd/"]) {
        "containerd"
    } else {
        return Some(systemd).filter(|name| !name.is_empty());
    };
    Some(name.to_owned())
}

/// Whether a hypervisor is below. x86 processors say it in a flag; on others a firmware entry is a sign, its absence none.
pub(super) fn virtualized(host: &Host, flags: &[&str]) -> Option<bool> {
    if cfg!(target_arch = "x86_64") && !flags.is_empty() {
        return Some(flags.contains(&"hypervisor"));
    }
    if let Some(told) = system_control("kern.hv_vmm_present") {
        return Some(told == "1");
    }
    hypervisor(host).is_some().then_some(true)
}

/// Firmware names that only virtual machines carry.
pub(super) fn hypervisor(host: &Host) -> Option<String> {
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
    let read = |file: &str| host.text(&format!("/sys/class/dmi/id/{file}")).unwrap_or_default();
    let name = format!("{} {}", read("sys_vendor"), read("product_name"));
    let name = name.trim();
    let bare_metal = name.contains(".metal");
    if !bare_metal && VIRTUAL.iter().any(|sign| name.contains(sign)) {
        return Some(name.to_owned());
    }
    host.text("/sys/hypervisor/type").filter(|kind| !kind.is_empty())
}

/// A value of macOS' `sysctl`; `None` on other systems.
#[cfg(target_os = "macos")]
fn system_control(name: &str) -> Option<String> {
    let output = std::process::Command::new("/usr/sbin/sysctl")
        .args(["-n", name])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| output.status.success() && !text.is_empty())
}

/// A value of macOS' `sysctl`; `None` on other systems.
#[cfg(not(target_os = "macos"))]
fn system_control(_name: &str) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::super::host::testing::host;
    use super::*;

    #[test]
    fn every_engine_leaves_its_mark() {
        for (expected, path, text) in [
            ("docker", "/.dockerenv", ""),
            ("docker", "/proc/1/cgroup", "2:cpu:/docker/0123"),
            (
                "docker",
                "/proc/self/mountinfo",
                "1 2 8:1 /var/lib/docker/containers/ab/hostname /etc/hostname rw",
            ),
            ("podman", "/run/.containerenv", ""),
            ("podman", "/proc/self/cgroup", "0::/user.slice/libpod-0123.scope"),
            (
                "kubernetes",
                "/proc/self/cgroup",
                "0::/kubepods.slice/kubepods-besteffort.slice",
            ),
            (
                "kubernetes",
                "/proc/self/mountinfo",
                "1 2 8:1 /var/lib/kubelet/pods/ab/etc-hosts /etc/hosts rw",
            ),
            ("lxc", "/proc/1/cgroup", "1:name=systemd:/lxc/web"),
            ("lxc", "/run/systemd/container", "lxc-libvirt\n"),
            ("systemd-nspawn", "/run/systemd/container", "systemd-nspawn\n"),
        ] {
            let (_folder, host) = host(&[(path, text)]);
            assert_eq!(container(&host).as_deref(), Some(expected), "{path}: {text}");
        }
        let (_folder, host) = host(&[("/proc/self/cgroup", "0::/user.slice/session-1.scope")]);
        assert_eq!(container(&host), None);
    }

    #[test]
    fn firmware_names_the_hypervisor() {
        let (_folder, host) = host(&[
            ("/sys/class/dmi/id/sys_vendor", "Microsoft Corporation\n"),
            ("/sys/class/dmi/id/product_name", "Virtual Machine\n"),
        ]);
        assert_eq!(
            hypervisor(&host).as_deref(),
            Some("Microsoft Corporation Virtual Machine")
        );
        assert_eq!(virtualized(&host, &[]), Some(true));
        let (_folder, host) = self::host(&[
            ("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n"),
            ("/sys/class/dmi/id/product_name", "c6i.metal\n"),
        ]);
        assert_eq!(hypervisor(&host), None);
    }
}
