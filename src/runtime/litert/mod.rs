//! LiteRT, which executes TensorFlow Lite models: a session out of a file, its inputs made once, timed runs.
//!
//! A timed run is the plain synchronous call on buffers that were made beforehand, as applications make it. Only the processor is used;
//! with XNNPACK, which is how the library is shipped, or without.

mod abi;
mod building;
mod captured;
mod failure;
mod graph;
mod options;
mod profile;
mod session;
mod tensors;

use std::path::Path;
use std::rc::Rc;

use crate::config::Engine as EngineName;
use crate::digest::Digest;
use crate::runtime::library;
use crate::runtime::protocol::Failure;
use crate::runtime::protocol::FailureKind;

use self::abi::Environment;
use self::abi::EnvironmentOption;
use self::abi::Interface;
use self::abi::LEAST_SEVERITY;
use self::abi::Owned;
use self::abi::PROCESSOR;
use self::abi::REGISTERED_ACCELERATORS;
use self::abi::fetch;

pub(super) use self::session::Session;

/// Warnings and worse: what stands in the way of a model, and not each session that is built.
const WARNINGS: i64 = 2;

/// The library, loaded once a process.
pub(super) struct Engine {
    shared: Rc<Shared>,
    version: &'static str,
}

/// What sessions need for as long as they live.
struct Shared {
    environment: Owned<Environment>,
    interface: Interface,
}

impl Engine {
    /// Loads the library at the absolute path `library`, if it is the published one whose interface is known: the library itself does not
    /// tell its version.
    pub(super) fn open(library: &Path) -> Result<Self, Failure> {
        let failed = |message: String| Failure {
            kind: FailureKind::Library,
            message,
        };
        if !library.is_absolute() {
            return Err(failed(format!("`{}` is not an absolute path", library.display())));
        }
        let digest = Digest::of_file(library)
            .map_err(|error| failed(format!("cannot read `{}`: {error}", library.display())))?;
        let Some(version) = library::version_of(EngineName::LiteRt, &digest) else {
            let known: Vec<&str> = library::versions(EngineName::LiteRt).collect();
            return Err(failed(format!(
                "`{}` is not the published library of LiteRT {} (its SHA-256 is {digest}), and another one's interface is not known",
                library.display(),
                known.join(" or ")
            )));
        };
        // SAFETY: the file is byte for byte the published library, whose initializers touch nothing but its own state.
        #[expect(unsafe_code, reason = "loads the engine")]
        let loaded = unsafe { libloading::Library::new(library) }.map_err(|error| failed(error.to_string()))?;
        let interface = Interface::of(loaded).map_err(|symbol| failed(format!("the library lacks `{symbol}`")))?;
        let settings = [
            EnvironmentOption::new(LEAST_SEVERITY, WARNINGS),
            EnvironmentOption::new(REGISTERED_ACCELERATORS, i64::from(PROCESSOR)),
        ];
        let environment = fetch!(
            interface,
            create_environment(settings.len() as i32, settings.as_ptr()),
            Environment::NULL
        )
        .map_err(|status| failed(format!("it does not start: {}", failure::words(status))))?;
        Ok(Self {
            shared: Rc::new(Shared {
                environment: Owned::new(environment, interface.destroy_environment),
                interface,
            }),
            version,
        })
    }
}
