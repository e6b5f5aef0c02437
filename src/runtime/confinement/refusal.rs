//! The last words of a worker that made a forbidden call: which one. Its parent reads them on stderr.

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use super::REFUSED;
use super::table;

/// What the kernel tells with `SIGSYS`, as far as it is read here; 64-bit processors lay it out alike.
#[repr(C)]
struct Told {
    /// Signal, error, code, and room.
    _head: [libc::c_int; 4],
    /// The instruction.
    _address: usize,
    /// The call's number.
    call: libc::c_int,
}

/// Has `SIGSYS` say which call it was, then end the process. To be called before the filters, which keep it from being changed.
#[expect(unsafe_code, reason = "no crate sets a handler that is told what happened")]
pub(super) fn tell() -> io::Result<()> {
    // SAFETY: all bytes zero are a valid action; the handler has the signature that `SA_SIGINFO` asks for, and calls nothing but what may
    // be called in a handler.
    let answer = unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = refused as *const () as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut())
    };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Writes the name and ends the process; allocates nothing.
#[expect(unsafe_code, reason = "a signal handler")]
extern "C" fn refused(_signal: libc::c_int, told: *const Told, _context: *const libc::c_void) {
    /// Of many threads, the first one tells.
    static TOLD: AtomicBool = AtomicBool::new(false);
    if !TOLD.swap(true, Ordering::SeqCst) {
        // SAFETY: the kernel hands over what it tells, for as long as the handler runs.
        let call = unsafe { told.as_ref() }.map_or(-1, |told| libc::c_long::from(told.call));
        let mut calls = table::fatal().chain(table::judged());
        let name = calls
            .find(|(_, number)| *number == call)
            .map_or("SYS_?", |(name, _)| name);
        for part in ["\n", REFUSED, "`", name.trim_start_matches("SYS_"), "`\n"] {
            // SAFETY: the bytes are there; that nobody may read them changes nothing.
            unsafe { libc::write(libc::STDERR_FILENO, part.as_ptr().cast(), part.len()) };
        }
    }
    // SAFETY: a question that the filter answers with the end of the process; where it does not, the next line does.
    unsafe {
        libc::sigaction(libc::SIGSYS, std::ptr::null(), std::ptr::null_mut());
        libc::_exit(128 + libc::SIGSYS);
    }
}
