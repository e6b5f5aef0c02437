//! What models run on: engines, and targets, which are an engine and a device.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

/// The ONNX Runtime that is installed where the config names none.
pub const DEFAULT_ONNXRUNTIME: &str = "1.31.1";

/// The LiteRT that executes TensorFlow Lite models; its binary interface changes from release to release, so it is the only one.
pub const DEFAULT_LITERT: &str = "2.3.0";

/// What executes models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Engine {
    /// ONNX Runtime.
    #[serde(rename = "onnxruntime")]
    OnnxRuntime,
    /// LiteRT, which executes TensorFlow Lite models.
    #[serde(rename = "litert")]
    LiteRt,
}

impl Engine {
    /// Every engine.
    pub const ALL: [Self; 2] = [Self::OnnxRuntime, Self::LiteRt];

    /// The name in folders, JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::OnnxRuntime => "onnxruntime",
            Self::LiteRt => "litert",
        }
    }

    /// The name in sentences.
    pub fn title(self) -> &'static str {
        match self {
            Self::OnnxRuntime => "ONNX Runtime",
            Self::LiteRt => "LiteRT",
        }
    }

    /// The version that is installed where nobody names another.
    pub fn default_version(self) -> &'static str {
        match self {
            Self::OnnxRuntime => DEFAULT_ONNXRUNTIME,
            Self::LiteRt => DEFAULT_LITERT,
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// A runtime and a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// ONNX Runtime on the CPU.
    #[serde(rename = "onnxruntime_cpu")]
    OnnxRuntimeCpu,
    /// ONNX Runtime on an NVIDIA GPU (CUDA execution provider).
    #[serde(rename = "onnxruntime_gpu")]
    OnnxRuntimeGpu,
    /// ONNX Runtime on Apple's Neural Engine (Core ML execution provider).
    #[serde(rename = "onnxruntime_ane")]
    OnnxRuntimeAne,
    /// LiteRT on a 64-bit ARM phone.
    #[serde(rename = "android_arm64")]
    AndroidArm64,
    /// LiteRT on a 32-bit ARM phone.
    #[serde(rename = "android_arm32")]
    AndroidArm32,
    /// LiteRT on Android on an x86 processor.
    #[serde(rename = "android_x86")]
    AndroidX86,
    /// LiteRT on a Raspberry Pi.
    #[serde(rename = "raspberry_pi")]
    RaspberryPi,
    /// LiteRT with a Coral Edge TPU.
    #[serde(rename = "coral_tpu")]
    CoralTpu,
    /// LiteRT on Linux.
    #[serde(rename = "generic_linux")]
    GenericLinux,
}

impl Target {
    /// Every target, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::OnnxRuntimeCpu,
        Self::OnnxRuntimeGpu,
        Self::OnnxRuntimeAne,
        Self::AndroidArm64,
        Self::AndroidArm32,
        Self::AndroidX86,
        Self::RaspberryPi,
        Self::CoralTpu,
        Self::GenericLinux,
    ];

    /// The targets of an engine.
    pub fn of(engine: Engine) -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|target| target.engine() == engine)
            .collect()
    }

    /// Where models of an engine run when nobody says where: on this machine's processor.
    pub fn usual(engine: Engine) -> Self {
        match engine {
            Engine::OnnxRuntime => Self::OnnxRuntimeCpu,
            Engine::LiteRt => Self::GenericLinux,
        }
    }

    /// The name in configs, reports and manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::OnnxRuntimeCpu => "onnxruntime_cpu",
            Self::OnnxRuntimeGpu => "onnxruntime_gpu",
            Self::OnnxRuntimeAne => "onnxruntime_ane",
            Self::AndroidArm64 => "android_arm64",
            Self::AndroidArm32 => "android_arm32",
            Self::AndroidX86 => "android_x86",
            Self::RaspberryPi => "raspberry_pi",
            Self::CoralTpu => "coral_tpu",
            Self::GenericLinux => "generic_linux",
        }
    }

    /// Reads a name; hyphens stand for underscores.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.replace('-', "_");
        Self::ALL.into_iter().find(|target| target.name() == name)
    }

    /// What executes its models.
    pub fn engine(self) -> Engine {
        match self {
            Self::OnnxRuntimeCpu | Self::OnnxRuntimeGpu | Self::OnnxRuntimeAne => Engine::OnnxRuntime,
            Self::AndroidArm64
            | Self::AndroidArm32
            | Self::AndroidX86
            | Self::RaspberryPi
            | Self::CoralTpu
            | Self::GenericLinux => Engine::LiteRt,
        }
    }

    /// True where the processor computes everything, so that a session needs neither network nor files of its own.
    pub fn is_on_processor(self) -> bool {
        !matches!(self, Self::OnnxRuntimeGpu | Self::OnnxRuntimeAne)
    }

    /// The same for this machine.
    pub fn proxy_here(self) -> Option<String> {
        self.proxy(std::env::consts::OS, std::env::consts::ARCH)
    }

    /// Why figures of this target that were taken on a machine of `system` and `architecture` (as Rust names them) are no figures of
    /// the device itself; `None` where they are.
    pub fn proxy(self, system: &str, architecture: &str) -> Option<String> {
        let device = match self {
            Self::OnnxRuntimeCpu | Self::OnnxRuntimeGpu | Self::OnnxRuntimeAne => return None,
            Self::GenericLinux if system == "linux" => return None,
            Self::GenericLinux => "a Linux machine",
            Self::AndroidArm64 => "a 64-bit ARM phone",
            Self::AndroidArm32 => "a 32-bit ARM phone",
            Self::AndroidX86 => "an x86 Android device",
            Self::RaspberryPi => "a Raspberry Pi",
            Self::CoralTpu => "a Coral Edge TPU",
        };
        Some(format!(
            "`{self}` is measured on this {system} {architecture} machine in place of {device}: changes carry over as far as both run the same kernels, \
             absolute figures do not"
        ))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_an_engine_and_a_name_of_its_own() {
        let mut names = std::collections::BTreeSet::new();
        for target in Target::ALL {
            assert!(names.insert(target.name()));
            let json = serde_json::to_string(&target).unwrap();
            assert_eq!(json, format!("\"{}\"", target.name()));
        }
        for engine in Engine::ALL {
            assert_eq!(
                serde_json::to_string(&engine).unwrap(),
                format!("\"{}\"", engine.name())
            );
        }
    }

    #[test]
    fn a_host_stands_in_for_a_device_and_says_so() {
        assert_eq!(Target::GenericLinux.proxy("linux", "x86_64"), None);
        assert_eq!(Target::OnnxRuntimeCpu.proxy("macos", "aarch64"), None);
        let proxy = Target::AndroidArm64.proxy("linux", "x86_64").unwrap();
        assert!(
            proxy
                .starts_with("`android_arm64` is measured on this linux x86_64 machine in place of a 64-bit ARM phone"),
            "{proxy}"
        );
        assert!(Target::GenericLinux.proxy("macos", "aarch64").is_some());
    }
}
