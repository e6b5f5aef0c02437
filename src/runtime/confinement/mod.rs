//! What a worker gives up before the engine's library and the model come into it, for good.
//!
//! Landlock leaves it the files that it needs to read ([`files`]), seccomp the system calls ([`calls`]). Both are asked of the kernel while
//! the process has one thread, so that none is left out. A layer that this system has must take hold; what happens where it has none is the
//! caller's to say ([`Needs::required`]). Devices whose drivers compile into caches and talk to daemons are not confined.

use std::path::Path;
use std::path::PathBuf;

use crate::config::Sandbox;
use crate::machine::sandbox::Layers;

use super::protocol::Failure;
use super::protocol::FailureKind;
use super::settings::Artifact;
use super::settings::SessionSettings;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod calls;
#[cfg(target_os = "linux")]
mod files;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod refusal;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod table;

/// How the line begins that a worker leaves behind when it dies of a call that is forbidden; the call's name in backticks follows.
pub(super) const REFUSED: &str = "mlbuild-sandbox: refused the system call ";

/// What a worker goes on needing.
pub(super) struct Needs<'a> {
    /// The library that will be loaded, and the device.
    pub(super) settings: &'a SessionSettings,
    /// The model's files.
    pub(super) artifact: &'a Artifact,
    /// Folders with more models that the worker will be given, which may not exist yet.
    pub(super) folders: &'a [PathBuf],
    /// Whether it writes into its own folder, as only profiling does.
    pub(super) writes: bool,
    /// What to do where a layer is missing.
    pub(super) sandbox: Sandbox,
}

/// Confines this process for good, as far as `needs` allow. An error means that it must not go on.
pub(super) fn confine(needs: &Needs<'_>) -> Result<(), Failure> {
    let refuse = |message: String| Failure {
        kind: FailureKind::Sandbox,
        message,
    };
    let required = needs.sandbox == Sandbox::Require;
    if !needs.settings.target.is_on_processor() {
        return if required {
            Err(refuse(format!(
                "the drivers of target `{}` cannot be confined",
                needs.settings.target
            )))
        } else {
            Ok(())
        };
    }
    let layers = Layers::of_this_system();
    if let Some(gap) = layers.gap().filter(|_| required) {
        return Err(refuse(format!("this system has {}: models {gap}", layers.describe())));
    }
    system::confine(needs, layers).map_err(|error| refuse(format!("the worker cannot be confined: {error}")))
}

/// The worker's own folder, empty but for what it makes there itself.
fn own_folder() -> PathBuf {
    std::env::temp_dir()
}

/// Every file of `artifact`, as its path leads to it.
fn files_of(artifact: &Artifact) -> impl Iterator<Item = &Path> {
    std::iter::once(artifact.model.as_path()).chain(artifact.external.iter().map(|(_, path)| path.as_path()))
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;

    use crate::machine::sandbox::Layers;

    use super::Needs;
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    use super::calls;
    use super::files;

    pub(super) fn confine(needs: &Needs<'_>, layers: Layers) -> io::Result<()> {
        // No process of the same user looks into this one.
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
        if layers.landlock.is_some() {
            files::keep_to(needs)?;
        }
        // Elsewhere nothing knows the processor's numbers, and there is no such layer.
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        if layers.seccomp {
            calls::keep_to(needs.writes)?;
        }
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    use crate::machine::sandbox::Layers;

    use super::Needs;

    pub(super) fn confine(needs: &Needs<'_>, _layers: Layers) -> io::Result<()> {
        let _ = (super::own_folder(), super::files_of(needs.artifact).count());
        let _ = (needs.folders, needs.writes);
        Ok(())
    }
}
