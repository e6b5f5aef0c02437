//! One device that can be used: commands, files, and a folder of our own.

use std::path::Path;

use crate::device::error::DeviceError;
use crate::device::folder::Folder;
use crate::device::list::Listed;
use crate::device::server::Server;
use crate::device::shell;
use crate::device::shell::Output;
use crate::device::sync;
use crate::device::wire::Connection;
use crate::device::wire::Patience;

/// A device behind an adb server.
#[derive(Debug, Clone)]
pub struct Device {
    server: Server,
    listed: Listed,
    /// It tells a command's streams apart and says how it ended.
    has_packets: bool,
}

impl Device {
    pub(super) fn new(server: Server, listed: Listed, features: Vec<String>) -> Self {
        Self {
            server,
            listed,
            has_packets: features.iter().any(|feature| feature == "shell_v2"),
        }
    }

    /// Its serial number.
    pub fn serial(&self) -> &str {
        &self.listed.serial
    }

    /// As the server lists it.
    pub fn listed(&self) -> &Listed {
        &self.listed
    }

    /// Runs a command line in the device's shell and waits for its end; a command that fails is no error.
    pub fn shell(&self, command: &str, patience: Patience<'_>) -> Result<Output, DeviceError> {
        shell::run(&mut self.connect(patience)?, command, self.has_packets)
    }

    /// The same, where a command that fails is an error.
    pub fn succeed(&self, command: &str, patience: Patience<'_>) -> Result<String, DeviceError> {
        let output = self.shell(command, patience)?;
        if output.code == 0 {
            return Ok(output.stdout);
        }
        Err(DeviceError::Command {
            serial: self.serial().to_owned(),
            command: command.to_owned(),
            code: output.code,
            message: output.last_line(),
        })
    }

    /// Writes a file of ours to `path` there with `mode`, and checks that all of it arrived; `sent` is told the bytes so far.
    pub fn push(
        &self,
        local: &Path,
        path: &str,
        mode: u32,
        patience: Patience<'_>,
        sent: &mut dyn FnMut(u64),
    ) -> Result<(), DeviceError> {
        let mut bytes = 0;
        sync::push(&mut self.connect(patience)?, local, path, mode, &mut |total| {
            bytes = total;
            sent(total);
        })?;
        let arrived = sync::stat(&mut self.connect(patience)?, path)?;
        if arrived.mode != 0 && arrived.size == bytes as u32 {
            return Ok(());
        }
        Err(DeviceError::Remote {
            serial: self.serial().to_owned(),
            path: path.to_owned(),
            message: format!("{bytes} bytes were sent and {} are there", arrived.size),
        })
    }

    /// The content of the file at `path` there.
    pub fn pull(&self, path: &str, patience: Patience<'_>) -> Result<Vec<u8>, DeviceError> {
        sync::pull(&mut self.connect(patience)?, path)
    }

    /// Makes a folder of our own there, `name` in its name; it is removed when dropped.
    pub fn folder(&self, name: &str, patience: Patience<'_>) -> Result<Folder, DeviceError> {
        Folder::make(self.clone(), name, patience)
    }

    fn connect<'a>(&self, patience: Patience<'a>) -> Result<Connection<'a>, DeviceError> {
        let mut connection = self.server.connect(patience, self.serial())?;
        connection.request(&format!("host:transport:{}", self.serial()))?;
        Ok(connection)
    }
}
