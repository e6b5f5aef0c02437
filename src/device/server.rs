//! The adb server: where it is, what it lists, and the way through it to one device.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::net::ToSocketAddrs as _;
use std::time::Duration;

use crate::device::error::DeviceError;
use crate::device::list;
use crate::device::list::Listed;
use crate::device::list::State;
use crate::device::opened::Device;
use crate::device::wire::Connection;
use crate::device::wire::Patience;

/// Where the server is unless variables say otherwise.
const HOST: &str = "127.0.0.1";
const PORT: u16 = 5037;

/// A server on this machine answers at once.
const CONNECTING: Duration = Duration::from_secs(5);

/// An adb server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    host: String,
    port: u16,
}

impl Server {
    /// The server that adb itself would use: `ADB_SERVER_SOCKET` (`tcp:HOST:PORT`), or `ANDROID_ADB_SERVER_ADDRESS` and
    /// `ANDROID_ADB_SERVER_PORT`, or 127.0.0.1:5037.
    pub fn of(environment: &BTreeMap<String, String>) -> Result<Self, DeviceError> {
        let variable = |name: &str| {
            environment
                .get(name)
                .map(|value| value.trim())
                .filter(|value| !value.is_empty())
        };
        let wrong = |variable: &'static str, value: &str, expected: &'static str| DeviceError::Address {
            variable,
            value: value.to_owned(),
            expected,
        };
        if let Some(socket) = variable("ADB_SERVER_SOCKET") {
            let expected = "`tcp:PORT` or `tcp:HOST:PORT`";
            let rest = socket
                .strip_prefix("tcp:")
                .ok_or_else(|| wrong("ADB_SERVER_SOCKET", socket, expected))?;
            let (host, port) = rest.rsplit_once(':').unwrap_or((HOST, rest));
            let port = port.parse().map_err(|_| wrong("ADB_SERVER_SOCKET", socket, expected))?;
            return Ok(Self {
                host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
                port,
            });
        }
        let port = match variable("ANDROID_ADB_SERVER_PORT") {
            None => PORT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| wrong("ANDROID_ADB_SERVER_PORT", text, "port"))?,
        };
        let host = variable("ANDROID_ADB_SERVER_ADDRESS").unwrap_or(HOST).to_owned();
        Ok(Self { host, port })
    }

    /// Host and port.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// A fresh connection; the protocol has one for each request.
    pub(super) fn connect<'a>(&self, patience: Patience<'a>, name: &str) -> Result<Connection<'a>, DeviceError> {
        let failed = |source| DeviceError::NoServer {
            address: self.address(),
            source,
        };
        let mut last = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
        for address in (self.host.as_str(), self.port).to_socket_addrs().map_err(failed)? {
            match TcpStream::connect_timeout(&address, CONNECTING) {
                Ok(stream) => return Ok(Connection::new(stream, patience, name)),
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    /// The protocol's version, as a number; adb 1.0.41 says 41.
    pub fn version(&self, patience: Patience<'_>) -> Result<u32, DeviceError> {
        let text = self.ask("host:version", patience)?;
        u32::from_str_radix(&text, 16).map_err(|_| DeviceError::NotAdb {
            address: self.address(),
            detail: format!("its version is `{}`", text.escape_debug()),
        })
    }

    /// All devices, sorted by serial number.
    pub fn devices(&self, patience: Patience<'_>) -> Result<Vec<Listed>, DeviceError> {
        Ok(list::parse(&self.ask("host:devices-l", patience)?))
    }

    /// Asks the server itself.
    pub(super) fn ask(&self, service: &str, patience: Patience<'_>) -> Result<String, DeviceError> {
        let mut connection = self.connect(patience, &self.address())?;
        let answer = connection.request(service).and_then(|()| connection.text());
        answer.map_err(|error| match error {
            DeviceError::Garbled { detail, .. } => DeviceError::NotAdb {
                address: self.address(),
                detail,
            },
            DeviceError::Vanished { .. } => DeviceError::NotAdb {
                address: self.address(),
                detail: "it hangs up".to_owned(),
            },
            DeviceError::Silent { silence, .. } => DeviceError::NotAdb {
                address: self.address(),
                detail: format!("it says nothing for {} s", silence.as_secs()),
            },
            other => other,
        })
    }

    /// The device called `serial`, or the only one; an error that says what there is where that is not clear, and what is the matter with
    /// it where it cannot be used.
    pub fn open(&self, serial: Option<&str>, patience: Patience<'_>) -> Result<Device, DeviceError> {
        let listed = self.devices(patience)?;
        let serials = |listed: &[&Listed]| listed.iter().map(|one| one.serial.clone()).collect::<Vec<_>>();
        let all: Vec<&Listed> = listed.iter().collect();
        let chosen = match serial {
            Some(serial) => {
                all.iter()
                    .find(|one| one.serial == serial)
                    .copied()
                    .ok_or_else(|| DeviceError::Unknown {
                        serial: serial.to_owned(),
                        known: serials(&all),
                    })?
            }
            None => {
                let ready: Vec<&Listed> = all.iter().copied().filter(|one| one.state == State::Ready).collect();
                match (ready.as_slice(), all.as_slice()) {
                    ([], []) => return Err(DeviceError::NoDevice),
                    ([only], _) | ([], [only]) => *only,
                    ([], several) | (several, _) => {
                        return Err(DeviceError::Several {
                            serials: serials(several),
                        });
                    }
                }
            }
        };
        if chosen.state != State::Ready {
            return Err(DeviceError::NotReady {
                serial: chosen.serial.clone(),
                state: chosen.state_word.clone(),
            });
        }
        let features = self.features(&chosen.serial, patience)?;
        Ok(Device::new(self.clone(), chosen.clone(), features))
    }

    fn features(&self, serial: &str, patience: Patience<'_>) -> Result<Vec<String>, DeviceError> {
        let mut connection = self.connect(patience, serial)?;
        connection.request(&format!("host-serial:{serial}:features"))?;
        Ok(connection
            .text()?
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<String, String> {
        let environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Server::of(&environment)
            .map(|server| server.address())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn is_where_adb_looks_for_it() {
        assert_eq!(of(&[]).unwrap(), "127.0.0.1:5037");
        assert_eq!(of(&[("ANDROID_ADB_SERVER_PORT", "6000")]).unwrap(), "127.0.0.1:6000");
        let both = [
            ("ANDROID_ADB_SERVER_PORT", "6000"),
            ("ANDROID_ADB_SERVER_ADDRESS", "farm"),
        ];
        assert_eq!(of(&both).unwrap(), "farm:6000");
        assert_eq!(of(&[("ADB_SERVER_SOCKET", "tcp:6001")]).unwrap(), "127.0.0.1:6001");
        assert_eq!(of(&[("ADB_SERVER_SOCKET", "tcp:[::1]:6001")]).unwrap(), "::1:6001");
        assert_eq!(
            of(&[("ANDROID_ADB_SERVER_PORT", "five")]).unwrap_err(),
            "`ANDROID_ADB_SERVER_PORT` is `five`, which is no port"
        );
        assert!(of(&[("ADB_SERVER_SOCKET", "unix:/tmp/adb")]).is_err());
    }
}
