//! The limits that a worker sets itself before it reads anything of a model.

use std::io;

/// Descriptors that a worker may hold at once: libraries, the model's files, a profile.
#[cfg(unix)]
const DESCRIPTORS: u64 = 1024;

/// Seconds of processor time after which a worker ends by itself, whatever became of its parent: a day.
#[cfg(unix)]
const PROCESSOR_SECONDS: u64 = 24 * 60 * 60;

/// Applies limits that hold from the start: no core dumps, no new privileges, few descriptors, a day of processor time, and `memory`
/// bytes of private memory. On Linux the worker dies with its parent too.
///
/// Private memory (`RLIMIT_DATA`) is heap, stacks and anonymous mappings; the engine's own library, mapped from its file, does not
/// count. A refused allocation surfaces as the engine's own error. Linux only.
pub(super) fn apply(memory: Option<u64>) -> io::Result<()> {
    system::apply(memory)
}

/// Limits for work on the processor alone: no file that is written becomes longer than `file_bytes`, and private memory is at most twice
/// what the machine has, where no lower limit holds. Drivers of devices reserve more, and write caches.
pub(super) fn on_processor(file_bytes: u64) -> io::Result<()> {
    system::on_processor(file_bytes)
}

#[cfg(unix)]
mod system {
    use std::io;

    use rustix::process::Resource;
    use rustix::process::Rlimit;
    use rustix::process::getrlimit;
    use rustix::process::setrlimit;

    use super::DESCRIPTORS;
    use super::PROCESSOR_SECONDS;

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
        lower(Resource::Nofile, DESCRIPTORS)?;
        lower(Resource::Cpu, PROCESSOR_SECONDS)?;
        #[cfg(target_os = "linux")]
        {
            rustix::thread::set_no_new_privs(true)?;
            // Where the parent has died before this line, the pipe has closed and says so.
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
            if let Some(memory) = memory {
                lower(Resource::Data, memory)?;
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = memory;
        Ok(())
    }

    pub(super) fn on_processor(file_bytes: u64) -> io::Result<()> {
        lower(Resource::Fsize, file_bytes)?;
        #[cfg(target_os = "linux")]
        if let Some(bytes) = crate::runtime::memory::of_the_machine() {
            lower(Resource::Data, bytes.saturating_mul(2))?;
        }
        Ok(())
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;

    pub(super) fn apply(_memory: Option<u64>) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn on_processor(_file_bytes: u64) -> io::Result<()> {
        Ok(())
    }
}
