//! The wheels that may be installed: one SHA-256 a version and platform.
//!
//! The wheels for CPython 3.11 are taken whatever Python is there, because only the library inside is used. A new version is a
//! new entry of [`RELEASES`]: for each platform tag, `pip download --no-deps --only-binary=:all: --platform TAG --python-version 311
//! --implementation cp --abi cp311 onnxruntime==VERSION`, then `sha256sum` of the wheel, its size, and the library's size (`unzip -l`).

/// A platform that ONNX Runtime publishes wheels for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Platform {
    /// Ours: operating system and architecture as Rust names them.
    pub(super) name: &'static str,
    /// The wheel's platform tag.
    pub(super) tag: &'static str,
}

const LINUX_X86_64: Platform = Platform {
    name: "linux-x86_64",
    tag: "manylinux_2_28_x86_64",
};
const LINUX_AARCH64: Platform = Platform {
    name: "linux-aarch64",
    tag: "manylinux_2_28_aarch64",
};
const MACOS_AARCH64: Platform = Platform {
    name: "macos-aarch64",
    tag: "macosx_14_0_arm64",
};
const WINDOWS_X86_64: Platform = Platform {
    name: "windows-x86_64",
    tag: "win_amd64",
};
const WINDOWS_AARCH64: Platform = Platform {
    name: "windows-aarch64",
    tag: "win_arm64",
};

/// One wheel.
#[derive(Debug)]
pub(super) struct Wheel {
    pub(super) platform: Platform,
    /// Of the whole file, in hexadecimal.
    pub(super) sha256: &'static str,
    /// Of the whole file.
    pub(super) bytes: u64,
    /// Of the library inside, for the cap when inflating.
    pub(super) library_bytes: u64,
}

/// One version.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) version: &'static str,
    pub(super) wheels: [Wheel; 5],
}

const fn wheel(platform: Platform, sha256: &'static str, bytes: u64, library_bytes: u64) -> Wheel {
    Wheel {
        platform,
        sha256,
        bytes,
        library_bytes,
    }
}

/// Newest first.
pub(super) const RELEASES: &[Release] = &[
    Release {
        version: "1.31.1",
        wheels: [
            wheel(
                LINUX_X86_64,
                "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
                23_753_652,
                29_352_200,
            ),
            wheel(
                LINUX_AARCH64,
                "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
                21_413_526,
                25_265_040,
            ),
            wheel(
                MACOS_AARCH64,
                "60b6b69bfe580eab576cacc5d132a0e9cf2a37fcfd18d46dd191042b1d1ed0d7",
                20_871_676,
                33_037_336,
            ),
            wheel(
                WINDOWS_X86_64,
                "c3d91b5de31e2fc82d71bd65b2b22bddee8b49057a3a36338e9a868e0ea90c05",
                14_885_761,
                19_288_888,
            ),
            wheel(
                WINDOWS_AARCH64,
                "93800007a7023b3ab26ad72e6463d0d57d84ead49a2f6341954d91438e046bc0",
                14_735_267,
                19_171_640,
            ),
        ],
    },
    Release {
        version: "1.30.0",
        wheels: [
            wheel(
                LINUX_X86_64,
                "fd54b314ea385bcecac69ab431f020ba503e3878dad4ebb645fec5a24b041242",
                23_561_046,
                28_985_152,
            ),
            wheel(
                LINUX_AARCH64,
                "bac3aee7b40acd805659fd81a2acd6096312d5b0f014c97ddfe75fb4c1644627",
                21_332_697,
                25_135_496,
            ),
            wheel(
                MACOS_AARCH64,
                "f36c87ec504f4f328e968ee322e4ba9682abe66280b3425625afcbed5333fed7",
                21_533_037,
                33_209_560,
            ),
            wheel(
                WINDOWS_X86_64,
                "0edd0145a6e3fce8a1276491dc784d615e3c58bcb952c9b4e5c876d5c6a12ad7",
                14_309_136,
                18_446_136,
            ),
            wheel(
                WINDOWS_AARCH64,
                "16506cfa5d218850f2b46e0edce1b952121f2f84f8e0074dafe15f4787f0c8fb",
                14_167_408,
                18_351_416,
            ),
        ],
    },
];

impl Wheel {
    /// The file that `pip` brings.
    pub(super) fn file_name(&self, version: &str) -> String {
        format!("onnxruntime-{version}-cp311-cp311-{}.whl", self.platform.tag)
    }

    /// The library's path inside it.
    pub(super) fn member(&self, version: &str) -> String {
        format!("onnxruntime/capi/{}", library_name(self.platform.name, version))
    }
}

/// The library's file name, as in the wheels.
pub(super) fn library_name(platform: &str, version: &str) -> String {
    if platform.starts_with("windows") {
        "onnxruntime.dll".to_owned()
    } else if platform.starts_with("macos") {
        format!("libonnxruntime.{version}.dylib")
    } else {
        format!("libonnxruntime.so.{version}")
    }
}

/// This machine's platform, as folders and tables name it: `linux-x86_64`.
pub fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

/// The versions that can be installed, newest first.
pub fn versions() -> impl Iterator<Item = &'static str> {
    RELEASES.iter().map(|release| release.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_whole_and_unlike_the_others() {
        let mut digests = std::collections::BTreeSet::new();
        for release in RELEASES {
            for wheel in &release.wheels {
                assert!(wheel.sha256.parse::<crate::digest::Digest>().is_ok());
                assert!(digests.insert(wheel.sha256), "{} stands twice", wheel.sha256);
                assert!(wheel.library_bytes > wheel.bytes);
            }
        }
        assert!(versions().any(|version| version == crate::config::DEFAULT_ONNXRUNTIME));
    }

    #[test]
    fn names_are_those_of_the_wheels() {
        let release = &RELEASES[0];
        let names: Vec<String> = release
            .wheels
            .iter()
            .map(|wheel| wheel.member(release.version))
            .collect();
        assert_eq!(
            names,
            [
                "onnxruntime/capi/libonnxruntime.so.1.31.1",
                "onnxruntime/capi/libonnxruntime.so.1.31.1",
                "onnxruntime/capi/libonnxruntime.1.31.1.dylib",
                "onnxruntime/capi/onnxruntime.dll",
                "onnxruntime/capi/onnxruntime.dll",
            ]
        );
        assert_eq!(
            release.wheels[0].file_name(release.version),
            "onnxruntime-1.31.1-cp311-cp311-manylinux_2_28_x86_64.whl"
        );
    }
}
