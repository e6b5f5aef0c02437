//! What the kernel offers to confine a process, asked once.

use std::sync::OnceLock;

/// The layers that this system has. What is there is used: a worker that cannot apply it refuses to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layers {
    /// The version of Landlock's interface, which keeps files from a process; `None` where the kernel has none or has it off.
    pub landlock: Option<u32>,
    /// Whether system calls can be filtered, and this program knows the processor's.
    pub seccomp: bool,
}

impl Layers {
    /// This system's.
    pub fn of_this_system() -> Self {
        static LAYERS: OnceLock<Layers> = OnceLock::new();
        *LAYERS.get_or_init(|| Self {
            landlock: system::landlock(),
            seccomp: system::KNOWS_THE_PROCESSOR && system::has_filters(),
        })
    }

    /// True where a model can neither read what is not its own nor open a socket or start a program.
    pub fn are_whole(&self) -> bool {
        self.landlock.is_some() && self.seccomp
    }

    /// What is there, in words: `Landlock ABI 7, seccomp`.
    pub fn describe(&self) -> String {
        let landlock = self.landlock.map(|abi| format!("Landlock ABI {abi}"));
        let seccomp = self.seccomp.then(|| "seccomp".to_owned());
        let parts: Vec<String> = [landlock, seccomp].into_iter().flatten().collect();
        if parts.is_empty() {
            "neither Landlock nor seccomp".to_owned()
        } else {
            parts.join(", ")
        }
    }

    /// What there is and what is lacking, on one line.
    pub fn summary(&self) -> String {
        match self.gap() {
            None => self.describe(),
            Some(gap) => format!("{}: models {gap}", self.describe()),
        }
    }

    /// What to tell somebody who runs models here; `None` where they are confined.
    pub fn warning(&self) -> Option<String> {
        let gap = self.gap()?;
        Some(format!(
            "models are not confined here and {gap}: this system has {}",
            self.describe()
        ))
    }

    /// What a model may do for want of a layer, as the end of a sentence that begins with `models`; `None` where they are whole.
    pub fn gap(&self) -> Option<&'static str> {
        match (self.landlock.is_some(), self.seccomp) {
            (true, true) => None,
            (true, false) => Some("can start programs and open sockets"),
            (false, true) => Some("can read every file that this user can read"),
            (false, false) => Some("can do whatever this user can do"),
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    /// The filter names calls by number, which differ between processors.
    pub(super) const KNOWS_THE_PROCESSOR: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

    /// Asks for the version instead of a ruleset.
    const VERSION: libc::c_uint = 1;

    pub(super) fn landlock() -> Option<u32> {
        // SAFETY: with this flag the kernel takes no pointer and makes no ruleset; it answers with a number or an error.
        #[expect(unsafe_code, reason = "a system call that no crate wraps")]
        let answer = unsafe {
            libc::syscall(
                libc::SYS_landlock_create_ruleset,
                std::ptr::null::<libc::c_void>(),
                0_usize,
                VERSION,
            )
        };
        u32::try_from(answer).ok().filter(|abi| *abi > 0)
    }

    /// A kernel with filters looks for one at the address, and there is none; others don't know the mode.
    pub(super) fn has_filters() -> bool {
        // SAFETY: the kernel refuses a filter at address zero, whatever else is set.
        #[expect(unsafe_code, reason = "a question that no crate asks")]
        let answer = unsafe {
            libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                std::ptr::null::<libc::c_void>(),
                0,
                0,
            )
        };
        answer == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) const KNOWS_THE_PROCESSOR: bool = false;

    pub(super) fn landlock() -> Option<u32> {
        None
    }

    pub(super) fn has_filters() -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_missing_has_a_word() {
        let layers = |landlock, seccomp| Layers { landlock, seccomp };
        assert_eq!(layers(Some(7), true).describe(), "Landlock ABI 7, seccomp");
        assert_eq!(layers(None, false).describe(), "neither Landlock nor seccomp");
        for (landlock, seccomp) in [(Some(1), true), (Some(1), false), (None, true), (None, false)] {
            let layers = layers(landlock, seccomp);
            assert_eq!(layers.gap().is_none(), layers.are_whole(), "{layers:?}");
        }
    }
}
