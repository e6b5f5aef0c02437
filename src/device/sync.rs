//! Files to and from the device: the `sync:` service.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::device::error::DeviceError;
use crate::device::wire::Connection;

/// The longest piece of a file that the protocol allows.
const CHUNK: usize = 64 << 10;

/// The longest message or file that is taken from a device.
const LONGEST: usize = 64 << 20;

/// What the device knows of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// Type and permissions; 0 where there is no such file.
    pub(super) mode: u32,
    /// Bytes, modulo 2³².
    pub(super) size: u32,
}

/// Writes a file of ours to `path` there, with `mode` (`0o755` …).
pub(super) fn push(
    connection: &mut Connection<'_>,
    local: &Path,
    path: &str,
    mode: u32,
    sent: &mut dyn FnMut(u64),
) -> Result<(), DeviceError> {
    let unreadable = |source| DeviceError::Local {
        path: local.to_owned(),
        source,
    };
    let mut file = File::open(local).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    connection.request("sync:")?;
    let regular_file = 0o100_000;
    message(
        connection,
        *b"SEND",
        format!("{path},{}", regular_file | mode).as_bytes(),
    )?;
    let mut buffer = vec![0; CHUNK];
    let mut total = 0;
    loop {
        let count = file.read(&mut buffer).map_err(unreadable)?;
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else {
            break;
        };
        if let Err(error) = message(connection, *b"DATA", chunk) {
            // A device that cannot write says so and hangs up; its words are worth more than ours.
            return Err(answer(connection, path, bytes).err().unwrap_or(error));
        }
        total += count as u64;
        sent(total);
    }
    // The time of last change comes in place of a length; nobody looks at it.
    head(connection, *b"DONE", 0)?;
    answer(connection, path, bytes)?;
    // It hangs up by itself where this doesn't arrive.
    let _ = head(connection, *b"QUIT", 0);
    Ok(())
}

/// What is at `path` there.
pub(super) fn stat(connection: &mut Connection<'_>, path: &str) -> Result<Stat, DeviceError> {
    connection.request("sync:")?;
    message(connection, *b"STAT", path.as_bytes())?;
    let mut reply = [0; 16];
    connection.read_exact(&mut reply)?;
    if !reply.starts_with(b"STAT") {
        return Err(connection.garbled("no STAT".to_owned()));
    }
    let word = |at: usize| {
        let bytes = reply.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u32::from_le_bytes)
    };
    let stat = Stat {
        mode: word(4),
        size: word(8),
    };
    let _ = head(connection, *b"QUIT", 0);
    Ok(stat)
}

/// The content of the file at `path` there.
pub(super) fn pull(connection: &mut Connection<'_>, path: &str) -> Result<Vec<u8>, DeviceError> {
    connection.request("sync:")?;
    message(connection, *b"RECV", path.as_bytes())?;
    let mut content = Vec::new();
    loop {
        let (kind, length) = read_head(connection)?;
        match &kind {
            b"DATA" if length <= CHUNK && content.len() + length <= LONGEST => {
                let begin = content.len();
                content.resize(begin + length, 0);
                connection.read_exact(content.get_mut(begin..).unwrap_or_default())?;
            }
            b"DONE" => break,
            b"FAIL" => {
                let text = words(connection, length)?;
                return Err(failure(connection, path, 0, &text));
            }
            _ => return Err(connection.garbled(format!("`{}` in a file", kind.escape_ascii()))),
        }
    }
    let _ = head(connection, *b"QUIT", 0);
    Ok(content)
}

/// Waits for the device's last word on a file that was sent.
fn answer(connection: &mut Connection<'_>, path: &str, bytes: u64) -> Result<(), DeviceError> {
    let (kind, length) = read_head(connection)?;
    let text = words(connection, length)?;
    match &kind {
        b"OKAY" => Ok(()),
        b"FAIL" => Err(failure(connection, path, bytes, &text)),
        _ => Err(connection.garbled(format!("`{}` after a file", kind.escape_ascii()))),
    }
}

fn failure(connection: &Connection<'_>, path: &str, bytes: u64, message: &str) -> DeviceError {
    let serial = connection.name.clone();
    let path = path.to_owned();
    if message.to_lowercase().contains("no space left") {
        return DeviceError::Full { serial, path, bytes };
    }
    DeviceError::Remote {
        serial,
        path,
        message: message.trim().to_owned(),
    }
}

fn message(connection: &mut Connection<'_>, kind: [u8; 4], bytes: &[u8]) -> Result<(), DeviceError> {
    let mut whole = Vec::with_capacity(8 + bytes.len());
    whole.extend_from_slice(&kind);
    whole.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    whole.extend_from_slice(bytes);
    connection.write(&whole)
}

fn head(connection: &mut Connection<'_>, kind: [u8; 4], value: u32) -> Result<(), DeviceError> {
    let [a, b, c, d] = value.to_le_bytes();
    let [e, f, g, h] = kind;
    connection.write(&[e, f, g, h, a, b, c, d])
}

fn read_head(connection: &mut Connection<'_>) -> Result<([u8; 4], usize), DeviceError> {
    let mut head = [0; 8];
    connection.read_exact(&mut head)?;
    let [a, b, c, d, e, f, g, h] = head;
    Ok(([a, b, c, d], u32::from_le_bytes([e, f, g, h]) as usize))
}

fn words(connection: &mut Connection<'_>, length: usize) -> Result<String, DeviceError> {
    if length > CHUNK {
        return Err(connection.garbled(format!("a message of {length} bytes")));
    }
    let mut text = vec![0; length];
    connection.read_exact(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
