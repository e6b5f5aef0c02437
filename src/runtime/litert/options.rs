//! How a model is compiled: options as LiteRT takes them, which are texts by name.
//!
//! The library passes over names and keys that it doesn't know, so that each one is checked by what it changes: threads of the process,
//! partitions of the profile, messages of a failure.

use std::ffi::CStr;
use std::ffi::CString;
use std::ffi::c_void;

use super::abi::Interface;
use super::abi::OpaqueOptions;
use super::abi::Options;
use super::abi::Owned;
use super::abi::PROCESSOR;
use super::abi::Status;
use super::abi::call;
use super::abi::fetch;

/// Where the library's messages about a model go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Messages {
    /// To stderr.
    Stderr,
    /// Into the compiled model, to be asked for.
    Kept,
}

/// How to compile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compilation {
    /// At least 1.
    pub(super) threads: usize,
    /// Whether XNNPACK computes what it can; otherwise the library's own kernels compute everything.
    pub(super) xnnpack: bool,
    /// Whether operators are timed.
    pub(super) profiling: bool,
    /// Where messages go.
    pub(super) messages: Messages,
}

/// The payload for the options of the runtime.
fn runtime(compilation: Compilation) -> String {
    let mode = match compilation.messages {
        Messages::Stderr => 1,
        Messages::Kept => 2,
    };
    format!(
        "error_reporter_mode = {mode}\nenable_profiling = {}\n",
        compilation.profiling
    )
}

/// The payload for the options of the processor.
fn processor(compilation: Compilation) -> String {
    let kernels = if compilation.xnnpack { "delegate" } else { "builtin" };
    format!(
        "num_threads = {}\nkernel_mode = \"{kernels}\"\n",
        compilation.threads.max(1)
    )
}

/// The library's options for `compilation`: on the processor alone, so that nothing falls back to it.
pub(super) fn options(interface: &Interface, compilation: Compilation) -> Result<Owned<Options>, Status> {
    let options = fetch!(interface, create_options(), Options::NULL)?;
    let options = Owned::new(options, interface.destroy_options);
    call!(interface, set_accelerators(options.get(), PROCESSOR))?;
    add(interface, &options, c"runtime_options_string", &runtime(compilation))?;
    add(interface, &options, c"xnnpack", &processor(compilation))?;
    Ok(options)
}

fn add(interface: &Interface, options: &Owned<Options>, name: &'static CStr, payload: &str) -> Result<(), Status> {
    // From here on it belongs to the library, which gives it to `free` at the end.
    let payload = CString::new(payload).unwrap_or_default().into_raw();
    let opaque = fetch!(
        interface,
        create_opaque_options(name.as_ptr(), payload.cast(), free),
        OpaqueOptions::NULL
    )?;
    call!(interface, add_opaque_options(options.get(), opaque))
}

extern "C" fn free(payload: *mut c_void) {
    // SAFETY: only ever called once with what `add` made by `CString::into_raw`.
    #[expect(unsafe_code, reason = "takes back what the library was given")]
    drop(unsafe { CString::from_raw(payload.cast()) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_lines_of_keys() {
        let compilation = Compilation {
            threads: 0,
            xnnpack: false,
            profiling: true,
            messages: Messages::Kept,
        };
        assert_eq!(
            runtime(compilation),
            "error_reporter_mode = 2\nenable_profiling = true\n"
        );
        assert_eq!(processor(compilation), "num_threads = 1\nkernel_mode = \"builtin\"\n");
    }
}
