//! What a worker takes from itself before it touches a model. Runs in the worker, first thing, while it has one thread.
//!
//! Reach (network, file system, system calls) is to be taken away in [`confine`], after the library is loaded and before the
//! model is.

use std::io;

/// Applies limits that hold from the start: no core dumps, no new privileges, and `memory` bytes of private memory.
///
/// Private memory (`RLIMIT_DATA`) is heap, stacks and anonymous mappings; the engine's own library, mapped from its file, does not
/// count. A refused allocation surfaces as the engine's own error. Linux only.
pub(super) fn apply(memory: Option<u64>) -> io::Result<()> {
    system::apply(memory)
}

/// Takes away what a CPU session never needs: writing files. Not for devices whose drivers compile into caches.
pub(super) fn confine() -> io::Result<()> {
    system::confine()
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

    pub(super) fn confine() -> io::Result<()> {
        lower(Resource::Fsize, 0)
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;

    pub(super) fn apply(_memory: Option<u64>) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn confine() -> io::Result<()> {
        Ok(())
    }
}
