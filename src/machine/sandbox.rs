//! What the kernel offers to confine a process.

use super::host::Host;

/// True where a process can have the kernel refuse it new sockets.
pub fn can_forbid_network() -> bool {
    cfg!(target_os = "linux") && has_filters(&Host::this())
}

fn has_filters(host: &Host) -> bool {
    host.text("/proc/sys/kernel/seccomp/actions_avail")
        .or_else(|| {
            let status = host.text("/proc/self/status")?;
            status
                .lines()
                .find(|line| line.starts_with("Seccomp:"))
                .map(str::to_owned)
        })
        .is_some()
}

#[cfg(test)]
mod tests {
    use super::super::host::testing::host;
    use super::*;

    #[test]
    fn either_sign_of_the_kernel_will_do() {
        let (_one, listed) = host(&[("/proc/sys/kernel/seccomp/actions_avail", "kill_process errno allow")]);
        let (_other, told) = host(&[("/proc/self/status", "Name:\tx\nSeccomp:\t0\n")]);
        let (_none, silent) = host(&[("/proc/self/status", "Name:\tx\n")]);
        assert!(has_filters(&listed) && has_filters(&told) && !has_filters(&silent));
    }
}
