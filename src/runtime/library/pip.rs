//! Fetching a wheel through the user's own `pip`: with the user's index, proxy and certificate settings, and nothing of the
//! folder we stand in.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use super::error::LibraryError;
use super::pinned::Release;
use super::pinned::Wheel;

/// Variables that pip, the interpreter's launchers and TLS need; everything else stays out, tokens above all.
const ALLOWED: &[&str] = &[
    "PATH",
    "HOME",
    "USERPROFILE",
    "USER",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "NETRC",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "XDG_CONFIG_HOME",
    "XDG_CONFIG_DIRS",
    "XDG_CACHE_HOME",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "SystemRoot",
    "SYSTEMROOT",
    "windir",
    "COMSPEC",
    "PATHEXT",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];

/// Families of variables by which launchers choose an interpreter and by which pip is set up.
const ALLOWED_PREFIXES: &[&str] = &["PIP_", "PYENV_", "ASDF_", "MISE_", "CONDA_"];

/// How often the downloaded bytes are counted.
const LOOK: Duration = Duration::from_millis(50);

/// How much of what pip says is kept.
const MAX_OUTPUT: u64 = 1 << 20;

/// Runs `python -I -m pip download` for one wheel into `folder`, which must be empty and ours: pip also starts in it and
/// keeps its temporary files in it. `progress` is told the bytes that have arrived so far.
pub(super) fn download(
    python: &str,
    release: &Release,
    wheel: &Wheel,
    folder: &Path,
    environment: &BTreeMap<String, String>,
    progress: &mut dyn FnMut(u64),
) -> Result<(), LibraryError> {
    let mut command = Command::new(python);
    command
        .args([
            "-I",
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--only-binary=:all:",
            "--no-input",
        ])
        .args(["--disable-pip-version-check", "--progress-bar", "off"])
        .args(["--platform", wheel.platform.tag])
        .args(["--python-version", "311", "--implementation", "cp", "--abi", "cp311"])
        .arg("--dest")
        .arg(folder)
        .arg(format!("{}=={}", release.project(), release.version))
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().filter(|(name, _)| is_allowed(name)))
        .envs(["TMPDIR", "TEMP", "TMP"].map(|name| (name, folder)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let no_python = |source| LibraryError::NoPython {
        engine: release.engine,
        python: python.to_owned(),
        source,
    };
    let mut child = command.spawn().map_err(no_python)?;
    let stderr = child.stderr.take();
    let reader = thread::spawn(move || read_all(stderr));
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => {
                progress(size_of(folder).min(wheel.bytes));
                thread::sleep(LOOK);
            }
            Err(error) => return Err(no_python(error)),
        }
    };
    let said = reader.join().unwrap_or_default();
    if status.success() {
        progress(wheel.bytes);
        Ok(())
    } else {
        Err(explain(python, release, wheel, folder, status, &said))
    }
}

fn is_allowed(name: &str) -> bool {
    ALLOWED.contains(&name) || ALLOWED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn read_all(stream: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What comes after the cap is drained, so that pip never blocks on it.
        let _ = stream.by_ref().take(MAX_OUTPUT).read_to_end(&mut bytes);
        let _ = io::copy(&mut stream, &mut io::sink());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// All bytes below `folder`; pip unpacks into folders that come and go, so what vanishes while looking counts as nothing.
fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let kind = entry.file_type().ok()?;
            if kind.is_dir() {
                Some(size_of(&entry.path()))
            } else {
                Some(entry.metadata().ok()?.len())
            }
        })
        .sum()
}

/// Turns what pip said into a reason.
fn explain(
    python: &str,
    release: &Release,
    wheel: &Wheel,
    folder: &Path,
    status: ExitStatus,
    said: &str,
) -> LibraryError {
    let engine = release.engine;
    let has = |signs: &[&str]| signs.iter().any(|sign| said.contains(sign));
    if has(&["No module named pip"]) {
        return LibraryError::NoPip {
            engine,
            python: python.to_owned(),
        };
    }
    if has(&[
        "No space left on device",
        "Errno 28",
        "Disk quota exceeded",
        "not enough space on the disk",
    ]) {
        return LibraryError::DiskFull {
            engine,
            folder: folder.to_owned(),
        };
    }
    let detail = last_words(said);
    if has(&[
        "NewConnectionError",
        "NameResolutionError",
        "Name or service not known",
        "Temporary failure in name resolution",
        "Connection refused",
        "Network is unreachable",
        "ConnectTimeout",
        "ReadTimeout",
        "timed out",
        "ProxyError",
        "SSLError",
        "Max retries exceeded",
    ]) {
        return LibraryError::Offline { engine, detail };
    }
    if has(&[
        "No matching distribution found",
        "Could not find a version that satisfies",
    ]) {
        return LibraryError::NotOffered {
            engine,
            wheel: wheel.file_name(engine, release.version),
            detail,
        };
    }
    LibraryError::Pip {
        engine,
        status: status.to_string(),
        detail,
    }
}

/// The last lines that say something, on one line, without credentials.
fn last_words(said: &str) -> String {
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("[notice]"))
        .collect();
    let errors: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| line.starts_with("ERROR:"))
        .collect();
    let chosen = if errors.is_empty() { &lines } else { &errors };
    let words = chosen[chosen.len().saturating_sub(2)..].join(" · ");
    let words = without_credentials(&words);
    match words.char_indices().nth(600) {
        Some((cut, _)) => format!("{}…", &words[..cut]),
        None => words,
    }
}

/// Takes `user:password@` out of addresses.
fn without_credentials(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after
            .find(|character: char| character.is_whitespace() || matches!(character, '/' | '"' | '\'' | '?' | '#'))
            .unwrap_or(after.len());
        let host = after[..end].rsplit('@').next().unwrap_or_default();
        clean.push_str(host);
        rest = &after[end..];
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_stay_out_and_index_settings_pass() {
        assert!(is_allowed("PIP_INDEX_URL"));
        assert!(is_allowed("https_proxy"));
        for name in [
            "GITHUB_TOKEN",
            "ACTIONS_RUNTIME_TOKEN",
            "INPUT_TOKEN",
            "PYTHONPATH",
            "LD_PRELOAD",
        ] {
            assert!(!is_allowed(name), "{name}");
        }
    }

    #[test]
    fn credentials_are_never_shown() {
        assert_eq!(
            without_credentials("see https://me:p@ss@host/simple and http://host2?x"),
            "see https://host/simple and http://host2?x"
        );
        assert_eq!(without_credentials("nothing"), "nothing");
        assert_eq!(without_credentials("https://u:p@h"), "https://h");
    }

    #[test]
    fn the_errors_come_before_the_noise() {
        let said = "WARNING: Retrying\nERROR: first\nERROR: second\nERROR: third\n\n[notice] new pip\n";
        assert_eq!(last_words(said), "ERROR: second · ERROR: third");
        assert_eq!(last_words("a\nb\nc\n"), "b · c");
        assert_eq!(last_words(""), "");
    }

    proptest! {
        #[test]
        fn no_password_survives(user in "[a-z]{1,8}", password in "[a-zA-Z0-9@:]{4,12}") {
            let secret = format!("{user}:{password}SECRET");
            let clean = without_credentials(&format!("fetching https://{secret}@example.org/simple/ failed"));
            prop_assert!(!clean.contains("SECRET"));
            prop_assert!(clean.contains("https://example.org/simple/ failed"));
        }
    }
}
