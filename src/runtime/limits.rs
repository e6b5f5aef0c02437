//! What a worker takes from itself before it touches a model: memory, files, the network.
//!
//! [`apply`] runs first thing, while the worker has one thread; [`confine`] after the library is loaded and before the model is.

use std::io;

/// Applies limits that hold from the start: no core dumps, no new privileges, and `memory` bytes of private memory.
///
/// Private memory (`RLIMIT_DATA`) is heap, stacks and anonymous mappings; the engine's own library, mapped from its file, does not
/// count. A refused allocation surfaces as the engine's own error. Linux only.
pub(super) fn apply(memory: Option<u64>) -> io::Result<()> {
    system::apply(memory)
}

/// Takes away what a CPU session never needs: writing files, and on Linux sockets, so that a model has no network. Not for
/// devices whose drivers compile into caches. `file_bytes` is how long a file may become that is written all the same; 0 but for a
/// session that is profiled.
pub(super) fn confine(file_bytes: u64) -> io::Result<()> {
    system::confine(file_bytes)
}

#[cfg(unix)]
mod system {
    use std::io;

    use rustix::process::Resource;
    use rustix::process::Rlimit;
    use rustix::process::getrlimit;
    use rustix::process::setrlimit;

    fn lower(resource: Resource, to: u64) -> io::Result<()> {
        let maximum = getrlimit(resource).maximum;
        let to = Some(maximum.map_or(to, |maximum| maximum.min(to)));
        Ok(setrlimit(
            resource,
            Rlimit {
                current: to,
                maximum: to,
            },
        )?)
    }

    pub(super) fn apply(memory: Option<u64>) -> io::Result<()> {
        lower(Resource::Core, 0)?;
        #[cfg(target_os = "linux")]
        {
            rustix::thread::set_no_new_privs(true)?;
            if let Some(memory) = memory {
                lower(Resource::Data, memory)?;
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = memory;
        Ok(())
    }

    pub(super) fn confine(file_bytes: u64) -> io::Result<()> {
        lower(Resource::Fsize, file_bytes)?;
        #[cfg(target_os = "linux")]
        super::network::forbid()?;
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod network {
    use std::io;

    use seccompiler::BpfProgram;
    use seccompiler::SeccompAction;
    use seccompiler::SeccompFilter;

    /// Has the kernel refuse every new socket (and `io_uring`, which could open one) to all threads. A kernel that was built
    /// without seccomp, or an architecture that the filter's author does not know, keeps its sockets: `docs/security.md` says so.
    pub(super) fn forbid() -> io::Result<()> {
        let Ok(architecture) = std::env::consts::ARCH.try_into() else {
            return Ok(());
        };
        let calls = [libc::SYS_socket, libc::SYS_socketpair, libc::SYS_io_uring_setup];
        let refuse = SeccompAction::Errno(libc::EPERM as u32);
        let rules = calls.into_iter().map(|call| (call, Vec::new())).collect();
        let program: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)
            .and_then(TryInto::try_into)
            .map_err(io::Error::other)?;
        match seccompiler::apply_filter_all_threads(&program) {
            Err(seccompiler::Error::Seccomp(error)) if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
            result => result.map_err(io::Error::other),
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;

    pub(super) fn apply(_memory: Option<u64>) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn confine(_file_bytes: u64) -> io::Result<()> {
        Ok(())
    }
}
