//! A folder of our own on the device, gone when it is dropped, with what still runs in it.

use crate::device::error::DeviceError;
use crate::device::opened::Device;
use crate::device::shell::Output;
use crate::device::shell::quoted;
use crate::device::wire::Patience;

/// Where the shell's user may write and run programs, on every Android.
const PARENT: &str = "/data/local/tmp";

/// Where the number of the running process is kept.
const RUNNING: &str = "running";

/// A folder on a device.
#[derive(Debug)]
pub struct Folder {
    device: Device,
    path: String,
    is_gone: bool,
}

impl Folder {
    pub(super) fn make(device: Device, name: &str, patience: Patience<'_>) -> Result<Self, DeviceError> {
        let folder = Self {
            path: format!("{PARENT}/mlbuild-{name}"),
            device,
            is_gone: false,
        };
        // Only now, so that what is half made is removed too.
        let path = quoted(&folder.path);
        folder
            .device
            .succeed(&format!("mkdir {path} && chmod 700 {path}"), patience)?;
        Ok(folder)
    }

    /// Where a file of this name is.
    pub fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.path)
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Runs a program with its arguments, already quoted, in this folder and waits for its end. Should nobody wait any longer, it is
    /// ended with the folder.
    pub fn run(&self, command: &str, patience: Patience<'_>) -> Result<Output, DeviceError> {
        // `exec` makes the program the process that the number is of.
        let command = format!("cd {} && echo $$ > {RUNNING} && exec {command}", quoted(&self.path));
        self.device.shell(&command, patience)
    }

    /// Ends what still runs in it and removes it.
    pub fn remove(mut self) -> Result<(), DeviceError> {
        self.tidy_up()
    }

    fn tidy_up(&mut self) -> Result<(), DeviceError> {
        if self.is_gone {
            return Ok(());
        }
        self.is_gone = true;
        let path = quoted(&self.path);
        let running = quoted(&self.path(RUNNING));
        // Harmless where that process has ended: the shell's user can only end what belongs to it, and the number is minutes old at most.
        let command = format!(
            "if [ -f {running} ]; then kill -9 $(cat {running}) 2>/dev/null; fi; rm -rf {path}; [ ! -e {path} ]"
        );
        self.device.succeed(&command, Patience::to_tidy_up()).map(drop)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = self.tidy_up();
    }
}
