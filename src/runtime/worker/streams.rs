//! Keeps the protocol's pipe to itself: native code that prints to stdout must not garble it.

use std::fs::File;
use std::io;
#[cfg(unix)]
use std::os::fd::OwnedFd;

/// The streams that the protocol runs over: requests, replies.
///
/// On Unix the pipe behind stdout is moved to a descriptor of its own and stdout is pointed at stderr. To be called before
/// anything else runs in the process.
#[cfg(unix)]
pub fn private_streams() -> io::Result<(File, File)> {
    use rustix::io::fcntl_dupfd_cloexec;

    let requests = fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let replies = fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    close_others(&requests, &replies);
    Ok((File::from(requests), File::from(replies)))
}

/// Closes what the parent left open without meaning to: a descriptor is a right that no confinement takes back.
#[cfg(target_os = "linux")]
fn close_others(requests: &OwnedFd, replies: &OwnedFd) {
    use std::os::fd::AsRawFd as _;

    let kept = [requests.as_raw_fd(), replies.as_raw_fd()];
    let (lower, upper) = (kept[0].min(kept[1]), kept[0].max(kept[1]));
    for (first, last) in [(3, lower - 1), (lower + 1, upper - 1), (upper + 1, i32::MAX)] {
        if first <= last {
            // SAFETY: nothing in this process has opened a file yet but the two that are kept. An older kernel refuses, and then they stay.
            #[expect(unsafe_code, reason = "descriptors that nobody here owns")]
            unsafe {
                libc::syscall(libc::SYS_close_range, first, last, 0)
            };
        }
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
fn close_others(_requests: &OwnedFd, _replies: &OwnedFd) {}

/// The streams that the protocol runs over: requests, replies.
#[cfg(windows)]
pub fn private_streams() -> io::Result<(File, File)> {
    use std::os::windows::io::AsHandle as _;

    let requests = io::stdin().as_handle().try_clone_to_owned()?;
    let replies = io::stdout().as_handle().try_clone_to_owned()?;
    Ok((File::from(requests), File::from(replies)))
}
