//! The wheels that may be installed: one SHA-256 an engine, version and platform.
//!
//! The wheels for CPython 3.11 are taken whatever Python is there, because only the library inside is used. A new version is a
//! new entry of [`RELEASES`]: for each platform tag, `pip download --no-deps --only-binary=:all: --platform TAG --python-version 311
//! --implementation cp --abi cp311 PROJECT==VERSION`, then `sha256sum` of the wheel, its size, and the library's size (`unzip -l`).
//! LiteRT's library and Windows' `onnxruntime.dll` don't tell their version by their name, so that they are known by their own `sha256sum`.

use crate::config::Engine;
use crate::digest::Digest;

/// A platform that an engine publishes wheels for.
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
const LITERT_LINUX_X86_64: Platform = Platform {
    name: "linux-x86_64",
    tag: "manylinux_2_27_x86_64",
};
const LITERT_LINUX_AARCH64: Platform = Platform {
    name: "linux-aarch64",
    tag: "manylinux_2_27_aarch64",
};
const LITERT_MACOS_AARCH64: Platform = Platform {
    name: "macos-aarch64",
    tag: "macosx_12_0_arm64",
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
    /// Of the library inside, where it is by this that its version is known.
    pub(super) library_sha256: Option<&'static str>,
}

/// One version.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) engine: Engine,
    pub(super) version: &'static str,
    pub(super) wheels: &'static [Wheel],
}

const fn wheel(platform: Platform, sha256: &'static str, bytes: u64, library_bytes: u64) -> Wheel {
    Wheel {
        platform,
        sha256,
        bytes,
        library_bytes,
        library_sha256: None,
    }
}

const fn with_digest(wheel: Wheel, library_sha256: &'static str) -> Wheel {
    Wheel {
        library_sha256: Some(library_sha256),
        ..wheel
    }
}

/// By engine, newest first.
pub(super) const RELEASES: &[Release] = &[
    Release {
        engine: Engine::OnnxRuntime,
        version: "1.31.1",
        wheels: &[
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
            with_digest(
                wheel(
                    WINDOWS_X86_64,
                    "c3d91b5de31e2fc82d71bd65b2b22bddee8b49057a3a36338e9a868e0ea90c05",
                    14_885_761,
                    19_288_888,
                ),
                "8482d2ee174e28504f99730fb01d6861575870283de4ed3a897ad39170d9a9b9",
            ),
            with_digest(
                wheel(
                    WINDOWS_AARCH64,
                    "93800007a7023b3ab26ad72e6463d0d57d84ead49a2f6341954d91438e046bc0",
                    14_735_267,
                    19_171_640,
                ),
                "f4f7729bf4aa0c78b6ab5253747f3593bb9a28b4c4275a0a9f59f04ea580d61f",
            ),
        ],
    },
    Release {
        engine: Engine::OnnxRuntime,
        version: "1.30.0",
        wheels: &[
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
            with_digest(
                wheel(
                    WINDOWS_X86_64,
                    "0edd0145a6e3fce8a1276491dc784d615e3c58bcb952c9b4e5c876d5c6a12ad7",
                    14_309_136,
                    18_446_136,
                ),
                "44741724166ad61c8c82885e394793807f2cf5707c83b9e33c2d78d75c6e7650",
            ),
            with_digest(
                wheel(
                    WINDOWS_AARCH64,
                    "16506cfa5d218850f2b46e0edce1b952121f2f84f8e0074dafe15f4787f0c8fb",
                    14_167_408,
                    18_351_416,
                ),
                "ddeec3d8a99b9261fa4db558bba0f62d52a8577a7a2dc566bbf2b0d7ebfc90a0",
            ),
        ],
    },
    Release {
        engine: Engine::LiteRt,
        version: "2.3.0",
        wheels: &[
            with_digest(
                wheel(
                    LITERT_LINUX_X86_64,
                    "1f15078a6725d2357d9de9221664c29afa0545d807559c5f7199ce5e40b96b23",
                    21_778_233,
                    8_039_424,
                ),
                "eec47eb35e2924b3166015887e652a58edc9af823ae38e02bf83bef2548300bb",
            ),
            with_digest(
                wheel(
                    LITERT_LINUX_AARCH64,
                    "853fc608f96da87bd5f3458465dfb9abbf18d5ae6b94eceacead407146f175ae",
                    14_379_387,
                    5_991_672,
                ),
                "b57687dc234d2b8b0598aef5a9c961ed24263df8f8b3f56adbee1cff618e544b",
            ),
            with_digest(
                wheel(
                    LITERT_MACOS_AARCH64,
                    "da19cb1ad08d5113600d1038fbe7390e74e38fcb3e92af86d56a60120343e6d2",
                    12_821_669,
                    6_362_912,
                ),
                "f3d8b2c3dea5125111de6b005820088629efd13db04b5f157ffd4f2c5dbb318b",
            ),
            with_digest(
                wheel(
                    WINDOWS_X86_64,
                    "ffee5993b859580650e844fce322e93b7abf50dfa36fd0fcbde41e079d1eebe3",
                    20_669_548,
                    6_259_200,
                ),
                "445f51fed26967fc1112e0de9ddfef7d8497b24322bbfe18b556426a60000891",
            ),
        ],
    },
];

impl Release {
    /// The name of the project on the package index.
    pub(super) fn project(&self) -> &'static str {
        project(self.engine)
    }
}

fn project(engine: Engine) -> &'static str {
    match engine {
        Engine::OnnxRuntime => "onnxruntime",
        Engine::LiteRt => "ai-edge-litert",
    }
}

impl Wheel {
    /// The file that `pip` brings.
    pub(super) fn file_name(&self, engine: Engine, version: &str) -> String {
        let project = project(engine).replace('-', "_");
        format!("{project}-{version}-cp311-cp311-{}.whl", self.platform.tag)
    }

    /// The library's path inside it.
    pub(super) fn member(&self, engine: Engine, version: &str) -> String {
        let folder = match engine {
            Engine::OnnxRuntime => "onnxruntime/capi",
            Engine::LiteRt => "ai_edge_litert",
        };
        format!("{folder}/{}", library_name(engine, self.platform.name, version))
    }
}

/// The library's file name, as in the wheels.
pub(super) fn library_name(engine: Engine, platform: &str, version: &str) -> String {
    let (windows, macos) = (platform.starts_with("windows"), platform.starts_with("macos"));
    match engine {
        Engine::OnnxRuntime if windows => "onnxruntime.dll".to_owned(),
        Engine::OnnxRuntime if macos => format!("libonnxruntime.{version}.dylib"),
        Engine::OnnxRuntime => format!("libonnxruntime.so.{version}"),
        Engine::LiteRt if windows => "libLiteRt.dll".to_owned(),
        Engine::LiteRt if macos => "libLiteRt.dylib".to_owned(),
        Engine::LiteRt => "libLiteRt.so".to_owned(),
    }
}

/// This machine's platform, as folders and tables name it: `linux-x86_64`.
pub fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

/// The versions of `engine` that can be installed, newest first.
pub fn versions(engine: Engine) -> impl Iterator<Item = &'static str> {
    releases(engine).map(|release| release.version)
}

/// The releases of `engine`, newest first.
pub(super) fn releases(engine: Engine) -> impl Iterator<Item = &'static Release> {
    RELEASES.iter().filter(move |release| release.engine == engine)
}

/// The version of the library of `engine` that has this digest, where its release is known by it.
pub fn version_of(engine: Engine, digest: &Digest) -> Option<&'static str> {
    let has = |release: &&Release| {
        let mut wheels = release.wheels.iter();
        wheels.any(|wheel| wheel.library_sha256 == Some(digest.as_str()))
    };
    releases(engine).find(has).map(|release| release.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_whole_and_unlike_the_others() {
        let mut digests = std::collections::BTreeSet::new();
        for release in RELEASES {
            for wheel in release.wheels {
                for digest in std::iter::once(wheel.sha256).chain(wheel.library_sha256) {
                    assert!(digest.parse::<Digest>().is_ok());
                    assert!(digests.insert(digest), "{digest} stands twice");
                }
                let named = release.engine == Engine::OnnxRuntime && !wheel.platform.name.starts_with("windows");
                assert_eq!(
                    wheel.library_sha256.is_none(),
                    named,
                    "a library is known by name or by digest"
                );
            }
        }
        for engine in Engine::ALL {
            assert!(versions(engine).any(|version| version == engine.default_version()));
        }
    }

    #[test]
    fn a_digest_tells_the_version() {
        let digest = RELEASES.last().unwrap().wheels[0]
            .library_sha256
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(version_of(Engine::LiteRt, &digest), Some("2.3.0"));
        assert_eq!(version_of(Engine::OnnxRuntime, &digest), None);
        assert_eq!(version_of(Engine::LiteRt, &Digest::of(b"another")), None);
    }

    #[test]
    fn names_are_those_of_the_wheels() {
        let release = &RELEASES[0];
        let names: Vec<String> = release
            .wheels
            .iter()
            .map(|wheel| wheel.member(release.engine, release.version))
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
            release.wheels[0].file_name(release.engine, release.version),
            "onnxruntime-1.31.1-cp311-cp311-manylinux_2_28_x86_64.whl"
        );
        let release = RELEASES.last().unwrap();
        assert_eq!(
            release.wheels[0].file_name(release.engine, release.version),
            "ai_edge_litert-2.3.0-cp311-cp311-manylinux_2_27_x86_64.whl"
        );
        assert_eq!(
            release.wheels[3].member(release.engine, release.version),
            "ai_edge_litert/libLiteRt.dll"
        );
    }
}
