//! One connection to the adb server: requests with their length in hexadecimal, `OKAY` or `FAIL`, and bytes with an end to patience.

use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use crate::device::error::DeviceError;

/// How often a waiting reader looks whether it should give up.
const GLANCE: Duration = Duration::from_millis(50);

/// The longest text of the server that is taken: a list of devices, a message.
const LONGEST_TEXT: usize = 0xffff;

/// How long to wait, and who may end it.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    /// True once somebody asked to end.
    pub is_stopped: &'a dyn Fn() -> bool,
    /// After so long without a byte the other side counts as gone.
    pub silence: Duration,
}

impl Patience<'_> {
    /// Waits for a short answer whatever anybody asks: for tidying up.
    pub fn to_tidy_up() -> Patience<'static> {
        Patience {
            is_stopped: &|| false,
            silence: Duration::from_secs(3),
        }
    }
}

/// A connection, first to the server, after `host:transport:` to a device.
pub(super) struct Connection<'a> {
    stream: TcpStream,
    patience: Patience<'a>,
    /// For messages: the device's serial number, or the server's address before there is one.
    pub(super) name: String,
}

impl<'a> Connection<'a> {
    pub(super) fn new(stream: TcpStream, patience: Patience<'a>, name: &str) -> Self {
        // Without these two a slow answer is only noticed later.
        let _ = stream.set_nodelay(true);
        let _ = stream.set_read_timeout(Some(GLANCE));
        let _ = stream.set_write_timeout(Some(patience.silence.max(GLANCE)));
        Self {
            stream,
            patience,
            name: name.to_owned(),
        }
    }

    /// Asks for a service and waits for `OKAY`.
    pub(super) fn request(&mut self, service: &str) -> Result<(), DeviceError> {
        self.write(format!("{:04x}{service}", service.len()).as_bytes())?;
        let mut status = [0; 4];
        self.read_exact(&mut status)?;
        match &status {
            b"OKAY" => Ok(()),
            b"FAIL" => {
                let message = self.text()?;
                Err(self.refusal(service, &message))
            }
            other => Err(self.garbled(format!("`{}` in place of OKAY", other.escape_ascii()))),
        }
    }

    /// A text with its length before it, in four hexadecimal digits.
    pub(super) fn text(&mut self) -> Result<String, DeviceError> {
        let mut length = [0; 4];
        self.read_exact(&mut length)?;
        let Some(length) = std::str::from_utf8(&length)
            .ok()
            .and_then(|digits| usize::from_str_radix(digits, 16).ok())
            .filter(|length| *length <= LONGEST_TEXT)
        else {
            return Err(self.garbled(format!("`{}` in place of a length", length.escape_ascii())));
        };
        let mut text = vec![0; length];
        self.read_exact(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Fills `buffer`; the other side's end before that is an error.
    pub(super) fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), DeviceError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match read(&mut self.stream, &self.patience, &self.name, rest)? {
                0 => return Err(self.vanished()),
                count => filled += count,
            }
        }
        Ok(())
    }

    /// Reads what is there; 0 at the end.
    pub(super) fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, DeviceError> {
        read(&mut self.stream, &self.patience, &self.name, buffer)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), DeviceError> {
        if (self.patience.is_stopped)() {
            return Err(DeviceError::Interrupted);
        }
        self.stream.write_all(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => DeviceError::Silent {
                serial: self.name.clone(),
                silence: self.patience.silence,
            },
            _ => self.vanished(),
        })
    }

    pub(super) fn vanished(&self) -> DeviceError {
        DeviceError::Vanished {
            serial: self.name.clone(),
        }
    }

    pub(super) fn garbled(&self, detail: String) -> DeviceError {
        DeviceError::Garbled {
            serial: self.name.clone(),
            detail,
        }
    }

    /// What a message of the server means. Its wording has been the same for years; what is not known is passed on.
    fn refusal(&self, service: &str, message: &str) -> DeviceError {
        let serial = self.name.clone();
        let state = ["unauthorized", "offline", "connecting", "authorizing", "no permissions"]
            .into_iter()
            .find(|state| message.contains(state));
        if let Some(state) = state {
            return DeviceError::NotReady {
                serial,
                state: state.to_owned(),
            };
        }
        if message.contains("not found") && service.starts_with("host") {
            return DeviceError::Vanished { serial };
        }
        if message == "closed" {
            return DeviceError::Vanished { serial };
        }
        DeviceError::Refused {
            serial,
            service: service.to_owned(),
            message: message.trim().to_owned(),
        }
    }
}

fn read(stream: &mut TcpStream, patience: &Patience<'_>, name: &str, buffer: &mut [u8]) -> Result<usize, DeviceError> {
    let begun = Instant::now();
    loop {
        if (patience.is_stopped)() {
            return Err(DeviceError::Interrupted);
        }
        match stream.read(buffer) {
            Ok(count) => return Ok(count),
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    if begun.elapsed() >= patience.silence {
                        return Err(DeviceError::Silent {
                            serial: name.to_owned(),
                            silence: patience.silence,
                        });
                    }
                }
                _ => {
                    return Err(DeviceError::Vanished {
                        serial: name.to_owned(),
                    });
                }
            },
        }
    }
}
