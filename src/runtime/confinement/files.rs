//! Landlock: which files a worker may still open, and that it connects to nothing and signals nobody.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use landlock::ABI;
use landlock::Access as _;
use landlock::AccessFs;
use landlock::AccessNet;
use landlock::BitFlags;
use landlock::CompatLevel;
use landlock::Compatible as _;
use landlock::PathBeneath;
use landlock::PathFd;
use landlock::Ruleset;
use landlock::RulesetAttr as _;
use landlock::RulesetCreatedAttr as _;
use landlock::RulesetStatus;
use landlock::Scope;

use super::Needs;
use super::files_of;
use super::own_folder;

/// What is asked for; an older kernel gives what it has of it.
const ASKED: ABI = ABI::V6;

/// Where shared libraries and what goes with them lie: dependencies of the engine, and modules that the C library loads late.
const LIBRARIES: &[&str] = &[
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/usr/share/zoneinfo",
    "/nix/store",
];

/// What tells the engine about the machine, and about this process alone. `/proc/self` is looked up here and now, so that it is this
/// process' folder and nobody else's.
const FACTS: &[&str] = &[
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/kernel/osrelease",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/kernel/mm/transparent_hugepage",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
];

/// Opened for writing by habit; it keeps nothing.
const NOWHERE: &str = "/dev/null";

/// Folders that a dynamic linker is told to look into.
const LINKER_PATH: &str = "LD_LIBRARY_PATH";

/// Leaves this process what `needs` name. A path that is not there needs no rule.
pub(super) fn keep_to(needs: &Needs<'_>) -> io::Result<()> {
    let mut rules = Rules(Vec::new());
    for path in LIBRARIES.iter().chain(FACTS) {
        rules.read(Path::new(path));
    }
    for path in std::env::var_os(LINKER_PATH).iter().flat_map(std::env::split_paths) {
        if path.is_absolute() {
            rules.read(&path);
        }
    }
    for path in libraries_beside(&needs.settings.library) {
        rules.read(&path);
    }
    for path in files_of(needs.artifact) {
        rules.read(path);
    }
    for path in needs.folders {
        rules.read(path);
    }
    rules.allow(Path::new(NOWHERE), AccessFs::ReadFile | AccessFs::WriteFile);
    let own = own_folder();
    rules.read(&own);
    if needs.writes {
        rules.allow(
            &own,
            AccessFs::ReadFile
                | AccessFs::ReadDir
                | AccessFs::WriteFile
                | AccessFs::Truncate
                | AccessFs::MakeReg
                | AccessFs::MakeSym
                | AccessFs::RemoveFile,
        );
    }
    rules.hold()
}

/// The library's own file and the libraries in its folder, which it may load by name. Not the folder: it may be somebody's checkout.
fn libraries_beside(library: &Path) -> Vec<PathBuf> {
    let is_library = |name: &OsStr| {
        let name = name.as_encoded_bytes();
        name.ends_with(b".so") || name.windows(4).any(|part| part == b".so.")
    };
    let beside = library.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    let beside = beside.into_iter().flatten().flatten().map(|entry| entry.path());
    let libraries = beside.filter(|path| path.file_name().is_some_and(is_library) && path.is_file());
    std::iter::once(library.to_owned()).chain(libraries).collect()
}

/// What may be opened, and how.
struct Rules(Vec<PathBeneath<PathFd>>);

impl Rules {
    /// Everything beneath a folder, or a file.
    fn read(&mut self, path: &Path) {
        self.allow(path, AccessFs::ReadFile | AccessFs::ReadDir);
    }

    fn allow(&mut self, path: &Path, access: BitFlags<AccessFs>) {
        let Ok(metadata) = std::fs::metadata(path) else { return };
        let access = if metadata.is_dir() {
            access
        } else {
            access & AccessFs::from_file(ASKED)
        };
        if let Ok(descriptor) = PathFd::new(path) {
            self.0.push(PathBeneath::new(descriptor, access));
        }
    }

    /// Gives up everything else.
    fn hold(self) -> io::Result<()> {
        // What `/proc/self` leads to is made anew for each look once nothing holds it, and the rule is about this one.
        let held = PathFd::new("/proc/self").ok();
        let enforced = (|| {
            Ruleset::default()
                .set_compatibility(CompatLevel::BestEffort)
                .handle_access(AccessFs::from_all(ASKED))?
                .handle_access(AccessNet::from_all(ASKED))?
                .scope(Scope::from_all(ASKED))?
                .create()?
                .add_rules(self.0.into_iter().map(Ok::<_, landlock::RulesetError>))?
                .restrict_self()
        })()
        .map_err(io::Error::other)?;
        std::mem::forget(held);
        if enforced.ruleset == RulesetStatus::NotEnforced {
            return Err(io::Error::other("Landlock's rules did not take hold"));
        }
        Ok(())
    }
}
