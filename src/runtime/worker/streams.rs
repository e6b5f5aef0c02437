//! Keeps the protocol's pipe to itself: native code that prints to stdout must not garble it.

use std::fs::File;
use std::io;

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
    Ok((File::from(requests), File::from(replies)))
}

/// The streams that the protocol runs over: requests, replies.
#[cfg(windows)]
pub fn private_streams() -> io::Result<(File, File)> {
    use std::os::windows::io::AsHandle as _;

    let requests = io::stdin().as_handle().try_clone_to_owned()?;
    let replies = io::stdout().as_handle().try_clone_to_owned()?;
    Ok((File::from(requests), File::from(replies)))
}
