//! Commands on the device: `shell,v2` with both streams and an exit code, and plain `shell:` for devices before Android 7.

use crate::device::error::DeviceError;
use crate::device::wire::Connection;

/// More output than this is cut off: nothing of what is run here says so much.
const LONGEST_OUTPUT: usize = 8 << 20;

/// A longer packet than this is no packet.
const LONGEST_PACKET: usize = 16 << 20;

/// Stands before the exit code where the protocol has none.
const CODE_MARK: &str = "mlbuild-exit-code:";

/// Kinds of packets.
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const EXIT: u8 = 3;

/// What a command said and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// Its standard output; both streams where the device does not tell them apart.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// Its exit code: 126 where it could not be started, 127 where it was not found, 128 and the signal where one ended it.
    pub code: u8,
}

impl Output {
    /// Both streams, one after the other.
    pub fn all(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// The last line that holds something, of the errors before the output.
    pub fn last_line(&self) -> String {
        let last = |text: &str| {
            text.lines()
                .rev()
                .map(str::trim)
                .find(|line| !line.is_empty())
                .map(str::to_owned)
        };
        last(&self.stderr).or_else(|| last(&self.stdout)).unwrap_or_default()
    }
}

/// Text as one word of the device's shell.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Runs `command` over a connection to the device.
pub(super) fn run(connection: &mut Connection<'_>, command: &str, has_packets: bool) -> Result<Output, DeviceError> {
    if has_packets {
        connection.request(&format!("shell,v2,raw:{command}"))?;
        packets(connection)
    } else {
        connection.request(&format!("shell:({command}); echo {CODE_MARK}$?"))?;
        stream(connection)
    }
}

fn packets(connection: &mut Connection<'_>) -> Result<Output, DeviceError> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    loop {
        let mut head = [0; 5];
        connection.read_exact(&mut head)?;
        let [kind, a, b, c, d] = head;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if length > LONGEST_PACKET {
            return Err(connection.garbled(format!("a packet of {length} bytes")));
        }
        let mut bytes = vec![0; length];
        connection.read_exact(&mut bytes)?;
        match kind {
            STDOUT => keep(&mut stdout, &bytes),
            STDERR => keep(&mut stderr, &bytes),
            EXIT => {
                return Ok(Output {
                    stdout: String::from_utf8_lossy(&stdout).into_owned(),
                    stderr: String::from_utf8_lossy(&stderr).into_owned(),
                    code: bytes.first().copied().unwrap_or(255),
                });
            }
            // Others are for terminals.
            _ => {}
        }
    }
}

fn stream(connection: &mut Connection<'_>) -> Result<Output, DeviceError> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 16 << 10];
    loop {
        let count = connection.read_some(&mut buffer)?;
        let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else {
            break;
        };
        keep(&mut bytes, read);
    }
    // Old devices have a terminal in between, which writes CR LF.
    let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
    match marked(&text) {
        Some((stdout, code)) => Ok(Output {
            stdout: stdout.to_owned(),
            stderr: String::new(),
            code,
        }),
        // The shell did not get to its last word.
        None => Err(connection.vanished()),
    }
}

/// The output before the mark, and the exit code behind it.
fn marked(text: &str) -> Option<(&str, u8)> {
    let (stdout, code) = text.rsplit_once(CODE_MARK)?;
    Some((stdout, code.trim().parse().ok()?))
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = LONGEST_OUTPUT.saturating_sub(kept.len());
    kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_a_word() {
        assert_eq!(quoted("/data/local/tmp/a b"), "'/data/local/tmp/a b'");
        assert_eq!(quoted("it's; rm -rf /"), r"'it'\''s; rm -rf /'");
    }

    #[test]
    fn the_exit_code_is_behind_the_last_mark() {
        assert_eq!(marked("out\nmlbuild-exit-code:3\n"), Some(("out\n", 3)));
        let twice = "mlbuild-exit-code:9\nmlbuild-exit-code:0\n";
        assert_eq!(marked(twice), Some(("mlbuild-exit-code:9\n", 0)));
        assert_eq!(marked("cut off"), None);
        assert_eq!(marked("mlbuild-exit-code:"), None);
    }

    #[test]
    fn the_last_line_is_the_reason() {
        let output = Output {
            stdout: "all is well\n".to_owned(),
            stderr: "loading\nERROR: no such model\n\n".to_owned(),
            code: 1,
        };
        assert_eq!(output.last_line(), "ERROR: no such model");
    }
}
