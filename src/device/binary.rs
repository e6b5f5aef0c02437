//! Whether a program can run on a device: the head of its ELF file against what the device says it runs.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::device::error::DeviceError;

/// Processors by ELF's number, whether 64 bits wide, and Android's name for them.
const PROCESSORS: &[(u16, bool, &str)] = &[
    (183, true, "arm64-v8a"),
    (40, false, "armeabi-v7a"),
    (62, true, "x86_64"),
    (3, false, "x86"),
    (243, true, "riscv64"),
];

/// An ELF file's offsets of class, byte order and machine.
const CLASS: usize = 4;
const ORDER: usize = 5;
const MACHINE: usize = 18;

/// Looks at the first bytes of the program at `path`; an error where it is no program, or not one for a device that runs `abis` (nothing is
/// known of a device that names none).
pub fn check(path: &Path, serial: &str, abis: &[String]) -> Result<(), DeviceError> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(64).read_to_end(&mut head))
        .map_err(|source| DeviceError::Local {
            path: path.to_owned(),
            source,
        })?;
    let abi = abi(&head);
    let runs = abi
        .as_ref()
        .is_ok_and(|abi| abis.is_empty() || abis.iter().any(|known| known == abi));
    if runs {
        return Ok(());
    }
    Err(DeviceError::WrongBinary {
        serial: serial.to_owned(),
        path: path.to_owned(),
        found: match abi {
            Ok(abi) => format!("for `{abi}`"),
            Err(found) => found,
        },
        abis: abis.to_vec(),
    })
}

/// Android's name of the processor that a program is for, or what it is instead.
fn abi(head: &[u8]) -> Result<&'static str, String> {
    if head.starts_with(b"#!") {
        return Err("a script".to_owned());
    }
    if head.starts_with(b"PK\x03\x04") {
        return Err("an archive (an app, `.apk`, perhaps; the bare program is needed)".to_owned());
    }
    if !head.starts_with(b"\x7fELF") {
        return Err("no program of Linux or Android".to_owned());
    }
    let at = |offset: usize| head.get(offset).copied().unwrap_or(0);
    let is_wide = at(CLASS) == 2;
    let machine = if at(ORDER) == 2 {
        u16::from_be_bytes([at(MACHINE), at(MACHINE + 1)])
    } else {
        u16::from_le_bytes([at(MACHINE), at(MACHINE + 1)])
    };
    let known = PROCESSORS
        .iter()
        .find(|(number, wide, _)| *number == machine && *wide == is_wide);
    known
        .map(|(_, _, abi)| *abi)
        .ok_or_else(|| format!("for a processor that Android does not know (ELF machine {machine})"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn elf(class: u8, machine: u16) -> Vec<u8> {
        let mut head = vec![0; 64];
        head[..4].copy_from_slice(b"\x7fELF");
        head[CLASS] = class;
        head[ORDER] = 1;
        head[MACHINE..MACHINE + 2].copy_from_slice(&machine.to_le_bytes());
        head
    }

    #[test]
    fn knows_processors() {
        assert_eq!(abi(&elf(2, 183)), Ok("arm64-v8a"));
        assert_eq!(abi(&elf(1, 40)), Ok("armeabi-v7a"));
        assert_eq!(abi(&elf(2, 62)), Ok("x86_64"));
        assert!(abi(&elf(2, 21)).unwrap_err().contains("machine 21"));
        assert_eq!(abi(b"#!/bin/sh\n"), Err("a script".to_owned()));
        assert!(abi(b"PK\x03\x04").unwrap_err().contains("apk"));
        assert!(abi(b"").is_err());
    }

    #[test]
    fn says_what_runs_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("benchmark_model");
        std::fs::write(&path, elf(2, 62)).unwrap();
        let arm = ["arm64-v8a".to_owned(), "armeabi-v7a".to_owned()];
        let error = check(&path, "R5", &arm).unwrap_err().to_string();
        assert!(
            error.ends_with("is for `x86_64`, and device `R5` runs `arm64-v8a`, `armeabi-v7a`"),
            "{error}"
        );
        check(&path, "R5", &["x86_64".to_owned()]).unwrap();
        check(&path, "R5", &[]).unwrap();
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(head in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = abi(&head);
        }
    }
}
