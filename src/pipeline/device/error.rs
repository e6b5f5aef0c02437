//! Why a model could not be measured on a phone.

use crate::device::DeviceError;
use crate::device::Output;
use crate::hint::Hint;
use crate::measure::on_device::output::OutputError;
use crate::model::ModelError;
use crate::model::format::Format;

/// Exit code of a process that signal 9 ended: on phones that is want of memory.
const KILLED: u8 = 128 + 9;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum DeviceBenchmarkError {
    /// The phone, or the way to it.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A model cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// `benchmark_model` runs TensorFlow Lite models alone.
    #[error("`{name}`: its format is {found}, and `benchmark_model` runs TensorFlow Lite alone")]
    NotTfLite {
        /// The model.
        name: String,
        /// Its format.
        found: Format,
    },
    /// A file took part and cannot be read any more.
    #[error("cannot read `{name}`")]
    Unreadable {
        /// The file.
        name: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The program fails with a model.
    #[error("`benchmark_model` fails with `{name}` (exit code {code}): {message}")]
    Failed {
        /// The model.
        name: String,
        /// Its exit code.
        code: u8,
        /// The line that says why.
        message: String,
    },
    /// What the program prints is not what `benchmark_model` prints.
    #[error("what `benchmark_model` printed for `{name}` cannot be read: {source}; its last line is `{last}`")]
    Output {
        /// The model.
        name: String,
        /// What is wrong with it.
        source: OutputError,
        /// Its last line.
        last: String,
    },
}

impl DeviceBenchmarkError {
    /// True where somebody asked to end.
    pub fn is_interruption(&self) -> bool {
        matches!(self, Self::Device(DeviceError::Interrupted))
    }
}

/// The line of a failed run that says most: its first error, from which the others follow, or its last line.
pub(super) fn reason(output: &Output) -> String {
    let all = output.all();
    let error = all.lines().map(str::trim).find(|line| line.starts_with("ERROR"));
    let line = error.map_or_else(|| output.last_line(), str::to_owned);
    if line.is_empty() {
        "it says nothing".to_owned()
    } else {
        line
    }
}

impl Hint for DeviceBenchmarkError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Device(error) => error.hints(),
            Self::Model(error) => error.hints(),
            Self::NotTfLite {
                found: Format::Onnx, ..
            } => {
                vec![
                    "convert it: `mlbuild build --model MODEL --target android_arm64 --output model.tflite`".to_owned(),
                ]
            }
            Self::NotTfLite { .. } => vec!["name a `.tflite` file".to_owned()],
            Self::Unreadable { .. } => vec!["check that nothing replaces it meanwhile".to_owned()],
            Self::Failed { code: KILLED, .. } => {
                vec!["the phone ends what takes too much memory: close apps, or try a smaller model".to_owned()]
            }
            Self::Failed { .. } => vec![
                "a model that needs operators of its own, or Flex, needs a `benchmark_model` built with them"
                    .to_owned(),
                "`--argument=--use_xnnpack=false` shows whether a delegate is to blame".to_owned(),
            ],
            Self::Output { .. } => {
                vec![
                    "is `--device-binary` TensorFlow Lite's `benchmark_model`? See docs/devices.md for where to get it"
                        .to_owned(),
                ]
            }
        }
    }
}
