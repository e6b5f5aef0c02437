//! Why a phone could not be reached or used, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::hint::Hint;

/// What went wrong between here and the phone.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// Nothing listens where the adb server should.
    #[error("no adb server answers at {address}")]
    NoServer {
        /// Host and port.
        address: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Something listens, and it is no adb server.
    #[error("what answers at {address} is no adb server: {detail}")]
    NotAdb {
        /// Host and port.
        address: String,
        /// What it said.
        detail: String,
    },
    /// The variables that say where the server is make no sense.
    #[error("`{variable}` is `{value}`, which is no {expected}")]
    Address {
        /// The variable's name.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The server knows no device at all.
    #[error("the adb server knows no device")]
    NoDevice,
    /// There are several and none was named.
    #[error("there are {} devices and none is named: {}", serials.len(), names(serials))]
    Several {
        /// Their serial numbers.
        serials: Vec<String>,
    },
    /// No device has this serial number.
    #[error("no device `{serial}`; the adb server knows {}", names(known))]
    Unknown {
        /// What was asked for.
        serial: String,
        /// What there is.
        known: Vec<String>,
    },
    /// It is there and cannot be used.
    #[error("device `{serial}` is {state}")]
    NotReady {
        /// Its serial number.
        serial: String,
        /// The server's word: `unauthorized`, `offline`, `recovery`.
        state: String,
    },
    /// It was there and is not any more.
    #[error("device `{serial}` vanished")]
    Vanished {
        /// Its serial number.
        serial: String,
    },
    /// It says nothing for too long.
    #[error("device `{serial}` has said nothing for {} s", silence.as_secs())]
    Silent {
        /// Its serial number.
        serial: String,
        /// How long.
        silence: Duration,
    },
    /// Somebody asked to end.
    #[error("interrupted")]
    Interrupted,
    /// The server or the device refuses a request.
    #[error("device `{serial}` refuses `{service}`: {message}")]
    Refused {
        /// Its serial number.
        serial: String,
        /// What was asked for.
        service: String,
        /// What it says.
        message: String,
    },
    /// What it answers is not what the protocol says.
    #[error("device `{serial}` answers with what adb's protocol does not know: {detail}")]
    Garbled {
        /// Its serial number.
        serial: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A file of ours cannot be read.
    #[error("cannot read `{}`", path.display())]
    Local {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// There is no room for a file.
    #[error("device `{serial}` has no room for `{path}` ({bytes} bytes)")]
    Full {
        /// Its serial number.
        serial: String,
        /// The file there.
        path: String,
        /// The file's size.
        bytes: u64,
    },
    /// A file could not be written or read there.
    #[error("`{path}` on device `{serial}`: {message}")]
    Remote {
        /// Its serial number.
        serial: String,
        /// The file there.
        path: String,
        /// What it says.
        message: String,
    },
    /// A command of ours failed there.
    #[error("`{command}` on device `{serial}` ended with {code}: {message}")]
    Command {
        /// Its serial number.
        serial: String,
        /// The command.
        command: String,
        /// Its exit code.
        code: u8,
        /// The last line that it said.
        message: String,
    },
    /// The program to run there is made for another processor, or is no program.
    #[error("`{}` is {found}, and device `{serial}` runs {}", path.display(), names(abis))]
    WrongBinary {
        /// Its serial number.
        serial: String,
        /// The file here.
        path: PathBuf,
        /// What it is.
        found: String,
        /// What the device can run.
        abis: Vec<String>,
    },
    /// The device does not start the program.
    #[error("device `{serial}` does not run `{}`: {message}", path.display())]
    NotRunnable {
        /// Its serial number.
        serial: String,
        /// The file here.
        path: PathBuf,
        /// What its shell says.
        message: String,
    },
}

impl DeviceError {
    /// True where the connection to the phone was lost, not the phone's answer bad.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::NoServer { .. } | Self::Vanished { .. } | Self::Silent { .. } => true,
            Self::NotReady { state, .. } => state == "offline",
            Self::Unknown { .. } | Self::NoDevice => true,
            _ => false,
        }
    }
}

impl Hint for DeviceError {
    fn hints(&self) -> Vec<String> {
        let hints: &[&str] = match self {
            Self::NoServer { .. } => &[
                "`adb start-server` starts it; adb is in Android's platform tools (Debian and Ubuntu: `apt install adb`)",
                "`ANDROID_ADB_SERVER_PORT` and `ANDROID_ADB_SERVER_ADDRESS` say where it is when it is elsewhere",
            ],
            Self::NotAdb { .. } => &["`ANDROID_ADB_SERVER_PORT` says which port the adb server has"],
            Self::Address { .. } => &["unset it to use 127.0.0.1:5037"],
            Self::NoDevice => &[
                "enable USB debugging on the phone (Settings, Developer options) and plug it in; `adb connect HOST:PORT` over Wi-Fi",
                "`mlbuild device list` shows what the adb server sees",
            ],
            Self::Several { .. } => &["name one with `--device SERIAL`, or set `ANDROID_SERIAL`"],
            Self::Unknown { .. } => &["`mlbuild device list` shows the serial numbers"],
            Self::NotReady { state, .. } => match state.as_str() {
                "unauthorized" | "authorizing" => {
                    &["unlock the phone and accept its question about USB debugging from this computer"]
                }
                "offline" | "connecting" => {
                    &["plug it in again, or `adb reconnect`; `adb kill-server` as a last resort"]
                }
                "no permissions" => {
                    &["this user may not open the USB device: see https://developer.android.com/tools/device"]
                }
                _ => &["start Android on it; neither recovery nor bootloader can measure"],
            },
            Self::Vanished { .. } | Self::Silent { .. } => &[
                "check cable and power; a phone that gets too hot switches off",
                "run it again; nothing was judged",
            ],
            Self::Interrupted => &[],
            Self::Refused { .. } | Self::Garbled { .. } => {
                &["update adb (`adb version`), then `adb kill-server` and `adb start-server`"]
            }
            Self::Local { .. } => &["check the path and who may read it"],
            Self::Full { .. } => &[
                "free storage on the phone; what killed runs left goes with `adb shell rm -rf '/data/local/tmp/mlbuild-*'`",
            ],
            Self::Remote { .. } => &["`adb shell ls -ld /data/local/tmp` should say that `shell` may write there"],
            Self::Command { .. } => &["`adb shell` shows whether the phone's shell works"],
            Self::WrongBinary { .. } | Self::NotRunnable { .. } => &[
                "give the `benchmark_model` made for the phone's processor: android_aarch64 for arm64-v8a, android_arm for armeabi-v7a",
            ],
        };
        hints.iter().map(|hint| (*hint).to_owned()).collect()
    }
}

fn names(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
