//! `mlbuild runtime`: installing through the real pip and through impostors of it, everything that can go wrong, and two at once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use mlbuild::config::DEFAULT_ONNXRUNTIME;
use mlbuild::config::Engine;
use mlbuild::runtime::library;

use crate::support::env::TestEnv;

const PYTHON: &str = library::DEFAULT_PYTHON;

/// The pinned wheel, fetched once into the build folder; the tests take it from there without a network.
fn wheels() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wheels");
        if fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return folder;
        }
        // Its own place first: another test process may be doing the same.
        let fresh = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let tag = match library::platform().as_str() {
            "linux-x86_64" => "manylinux_2_28_x86_64",
            "linux-aarch64" => "manylinux_2_28_aarch64",
            "macos-aarch64" => "macosx_14_0_arm64",
            other => panic!("no wheel for {other}"),
        };
        let status = Command::new(PYTHON)
            .args([
                "-I",
                "-m",
                "pip",
                "download",
                "-q",
                "--no-deps",
                "--only-binary=:all:",
                "--platform",
                tag,
            ])
            .args([
                "--python-version",
                "311",
                "--implementation",
                "cp",
                "--abi",
                "cp311",
                "--dest",
            ])
            .arg(fresh.path())
            .arg(format!("onnxruntime=={DEFAULT_ONNXRUNTIME}"))
            .status()
            .unwrap();
        assert!(status.success());
        let _ = fs::rename(fresh.path(), &folder);
        folder
    })
}

fn wheel() -> PathBuf {
    fs::read_dir(wheels()).unwrap().next().unwrap().unwrap().path()
}

/// An environment whose pip knows only the fetched wheel.
fn offline_with_wheel() -> TestEnv {
    let mut env = offline();
    env.variable("PIP_FIND_LINKS", wheels().to_str().unwrap());
    env.variable("PIP_NO_INDEX", "1");
    env
}

/// An environment whose index is a port that nobody listens on, with a password in its address.
fn offline() -> TestEnv {
    let mut env = TestEnv::new();
    env.variable("PIP_CONFIG_FILE", "/dev/null");
    env.variable("PIP_INDEX_URL", "http://someone:hunter2@127.0.0.1:9/simple");
    env.variable("PIP_RETRIES", "1");
    env
}

/// A program that stands in for Python. `$dest` is where the wheel belongs, `$name` what it must be called.
#[cfg(unix)]
fn impostor(env: &TestEnv, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let name = wheel().file_name().unwrap().to_str().unwrap().to_owned();
    let text = format!(
        "#!/bin/sh\nwhile [ \"$1\" != --dest ]; do shift; done\ndest=$2\nname={name}\nwheel={}\n{script}\n",
        wheel().display()
    );
    let path = env.write("bin/python", text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn installed(env: &TestEnv) -> bool {
    env.run(&["runtime", "path"]).code == 0
}

/// Names in the engines' folder of the cache.
fn cached(env: &TestEnv) -> Vec<String> {
    let folder = env.path("../cache/mlbuild/onnxruntime");
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn installs_lists_and_finds() {
    let mut env = offline_with_wheel();
    env.redact(&library::platform(), "[PLATFORM]");
    let before = env.run(&["runtime", "path"]).expect_code(2).snapshot();
    insta::assert_snapshot!(before, @"
    exit code: 2
    ----- stderr -----
    error: ONNX Runtime 1.31.1 is not installed
    hint: `mlbuild runtime install --version 1.31.1`
    hint: or give a library of your own with `--runtime-path /absolute/path/to/libonnxruntime.so`
    ");
    let path = env.run(&["runtime", "install"]).expect_code(0);
    let library = PathBuf::from(path.stdout.trim());
    assert!(library.is_file(), "{}", library.display());
    assert_eq!(env.run(&["runtime", "path"]).expect_code(0).stdout, path.stdout);
    assert_eq!(cached(&env), [".lock", DEFAULT_ONNXRUNTIME]);

    let list = env.run(&["runtime", "list"]).expect_code(0).stdout;
    assert!(list.starts_with("1.31.1     installed"), "{list}");
    assert!(list.contains("1.30.0     available"), "{list}");
    let json = env.run(&["runtime", "list", "--json"]).expect_code(0).stdout;
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rows["libraries"][0]["state"], "installed");
    assert_eq!(rows["libraries"][0]["path"], library.to_str().unwrap());
    let json = env.run(&["runtime", "path", "--json"]).expect_code(0).stdout;
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["version"], DEFAULT_ONNXRUNTIME);
    let again = env.run(&["runtime", "install", "--json"]).expect_code(0).stdout;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&again).unwrap(), found);
    assert_eq!((&rows["schema"], &found["schema"]), (&1.into(), &1.into()));

    // Once installed, nothing is fetched again: this Python would fail.
    env.run(&["runtime", "install", "--python", "/nowhere/python"])
        .expect_code(0);
    env.run(&["runtime", "install", "--force", "--python", "/nowhere/python"])
        .expect_code(2);
    assert!(installed(&env));
}

#[test]
fn each_engine_is_installed_and_listed_by_itself() {
    let installed = crate::support::litert::library();
    let env = TestEnv::new().with_runtime_cache();
    let engine = ["--engine", "litert"];
    let run = |arguments: &[&str]| env.run(&[arguments, &engine[..]].concat());
    assert_eq!(
        run(&["runtime", "path"]).expect_code(0).stdout.trim(),
        installed.to_str().unwrap()
    );
    let list = run(&["runtime", "list"]).expect_code(0).stdout;
    assert!(
        list.starts_with("2.3.0      installed") && list.contains("(default)"),
        "{list}"
    );
    // What is there is whole, so that no interpreter is asked.
    run(&["runtime", "install", "--python", "/nowhere/python"]).expect_code(0);

    let found = |path: &str| env.run(&["runtime", "path", "--engine", "litert", "--json", "--litert-path", path]);
    let given = found(installed.parent().unwrap().to_str().unwrap())
        .expect_code(0)
        .stdout;
    let given: serde_json::Value = serde_json::from_str(&given).unwrap();
    assert_eq!(
        (&given["version"], &given["origin"]),
        (&"2.3.0".into(), &"explicit".into())
    );
    let output = found("/nowhere/libLiteRt.so").expect_code(2).snapshot();
    insta::assert_snapshot!(output, @"
    exit code: 2
    ----- stderr -----
    error: `/nowhere/libLiteRt.so`, given by `--litert-path`, is not a LiteRT library nor a folder that holds one
    hint: it must be the shared library itself (`libLiteRt.so`, `.dylib`, `.dll`) or its folder
    ");
}

#[test]
fn litert_that_is_missing_is_told_with_what_installs_it() {
    let env = offline();
    let missing = env
        .run(&["runtime", "path", "--engine", "litert"])
        .expect_code(2)
        .snapshot();
    insta::assert_snapshot!(missing, @"
    exit code: 2
    ----- stderr -----
    error: LiteRT 2.3.0 is not installed
    hint: `mlbuild runtime install --engine litert --version 2.3.0`
    hint: or give the library out of the wheel with `--litert-path /absolute/path/to/libLiteRt.so`
    ");
    let unpinned = ["runtime", "install", "--engine", "litert", "--version", "2.1.4"];
    let unpinned = env.run(&unpinned).expect_code(2).snapshot();
    insta::assert_snapshot!(unpinned, @"
    exit code: 2
    ----- stderr -----
    error: LiteRT 2.1.4 has no pinned digest here, so it cannot be installed
    hint: install 2.3.0
    hint: or give the library out of the wheel with `--litert-path /absolute/path/to/libLiteRt.so`
    ");
}

#[test]
fn a_damaged_library_is_noticed_and_replaced() {
    let env = offline_with_wheel();
    let path = env.run(&["runtime", "install"]).expect_code(0).stdout;
    let library = PathBuf::from(path.trim());
    let bytes = fs::read(&library).unwrap();

    fs::write(&library, &bytes[..1000]).unwrap();
    let output = env.run(&["runtime", "path"]).expect_code(2);
    assert!(output.stderr.contains("it has 1000 bytes"), "{}", output.stderr);
    assert!(output.stderr.contains("--force"), "{}", output.stderr);
    env.run(&["runtime", "install"]).expect_code(0);
    assert!(fs::read(&library).unwrap() == bytes);

    // Of the same size, so only its digest tells.
    let mut changed = bytes.clone();
    changed[5000] ^= 1;
    fs::write(&library, changed).unwrap();
    let list = env.run(&["runtime", "list"]).expect_code(0).stdout;
    assert!(list.starts_with("1.31.1     damaged"), "{list}");
    env.run(&["runtime", "install"]).expect_code(0);
    assert!(fs::read(&library).unwrap() == bytes);
    assert_eq!(cached(&env), [".lock", DEFAULT_ONNXRUNTIME]);
}

#[test]
fn without_a_network_it_says_so_and_keeps_the_password() {
    let env = offline();
    // A checkout's own pip must not run.
    env.write("pip.py", "open('ran', 'w')");
    env.write("pip/__main__.py", "open('ran', 'w')");
    let before = env.tree();
    let output = env.run(&["runtime", "install"]).expect_code(2);
    assert!(
        output.stderr.contains("error: the package index cannot be reached: "),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    assert_eq!(env.tree(), before);
    assert_eq!(cached(&env), [".lock"]);
}

#[test]
fn versions_and_places_that_do_not_exist_are_told() {
    let env = offline();
    let output = env
        .run(&["runtime", "install", "--version", "0.9.0"])
        .expect_code(2)
        .snapshot();
    insta::assert_snapshot!(output, @"
    exit code: 2
    ----- stderr -----
    error: ONNX Runtime 0.9.0 has no pinned digest here, so it cannot be installed
    hint: set `runtime.version` to one of 1.31.1, 1.30.0
    hint: or give a library of your own with `--runtime-path /absolute/path/to/libonnxruntime.so`
    ");
    assert!(cached(&env).is_empty());
    let output = env
        .run(&["runtime", "path", "--runtime-path", "/nowhere/lib.so"])
        .expect_code(2)
        .snapshot();
    insta::assert_snapshot!(output, @"
    exit code: 2
    ----- stderr -----
    error: `/nowhere/lib.so`, given by `--runtime-path`, is not an ONNX Runtime library nor a folder that holds one
    hint: it must be the shared library itself (`libonnxruntime.so`, `.dylib`, `onnxruntime.dll`) or its folder
    ");
    let output = env
        .run(&["runtime", "path", "--runtime-path", "lib.so"])
        .expect_code(2)
        .snapshot();
    insta::assert_snapshot!(output, @"
    exit code: 2
    ----- stderr -----
    error: `lib.so`, given by `--runtime-path`, is not an absolute path
    hint: write `[WORK]/lib.so`
    ");
    let output = env
        .run(&["runtime", "install", "--python", "/nowhere/python"])
        .expect_code(2)
        .snapshot();
    insta::assert_snapshot!(output.replace(wheel().file_name().unwrap().to_str().unwrap(), "[WHEEL]"), @"
    exit code: 2
    ----- stderr -----
    fetching [WHEEL]
    error: `/nowhere/python` cannot be started, and ONNX Runtime is installed through its pip
      because No such file or directory (os error 2)
    hint: install Python 3, or name another interpreter with `mlbuild runtime install --python`
    hint: or give a library of your own with `--runtime-path /absolute/path/to/libonnxruntime.so`
    ");
    let mut env = offline();
    for name in ["HOME", "XDG_CACHE_HOME"] {
        env.variable(name, "");
    }
    let output = env.run(&["runtime", "path"]).expect_code(2);
    assert!(output.stderr.contains("MLBUILD_CACHE_DIR"), "{}", output.stderr);
}

#[cfg(unix)]
mod impostors {
    //! Programs that stand in for Python and its pip.

    use super::*;

    /// What `install` says, and that nothing but the lock is left.
    fn refused(script: &str) -> String {
        let env = offline();
        let python = impostor(&env, script);
        let output = env.run(&["runtime", "install", "--python", &python]).expect_code(2);
        assert_eq!(cached(&env), [".lock"]);
        let said: Vec<&str> = output
            .stderr
            .lines()
            .filter(|line| line.starts_with("error: "))
            .collect();
        assert_eq!(said.len(), 1, "{}", output.stderr);
        said[0]
            .replace(&python, "[PYTHON]")
            .replace(wheel().file_name().unwrap().to_str().unwrap(), "[WHEEL]")
            .replace(
                env.path("../cache").canonicalize().unwrap().to_str().unwrap(),
                "[CACHE]",
            )
            .replace(
                env.path("").parent().unwrap().join("cache").to_str().unwrap(),
                "[CACHE]",
            )
    }

    #[test]
    fn python_without_pip() {
        let said = refused("echo '/usr/bin/python3: No module named pip' >&2; exit 1");
        insta::assert_snapshot!(said, @"error: `[PYTHON]` has no pip, through which ONNX Runtime is installed");
    }

    #[test]
    fn an_index_without_the_wheel() {
        let said = refused("echo 'ERROR: No matching distribution found for onnxruntime==1.31.1' >&2; exit 1");
        insta::assert_snapshot!(said, @"error: the package index does not offer `[WHEEL]`: ERROR: No matching distribution found for onnxruntime==1.31.1");
        let said = refused("touch $dest/other.whl");
        insta::assert_snapshot!(said, @"error: the package index does not offer `[WHEEL]`: pip brought another file");
    }

    #[test]
    fn a_failure_of_its_own() {
        let said = refused("echo 'one' >&2; echo 'two' >&2; echo 'see https://me:secret@host/x' >&2; exit 7");
        insta::assert_snapshot!(said, @"error: pip failed (exit status: 7): two · see https://host/x");
    }

    #[test]
    fn another_file_under_the_same_name() {
        let said = refused("echo evil > $dest/$name");
        let (said, found) = said.split_at(said.find("the SHA-256").unwrap());
        insta::assert_snapshot!(said, @"error: `[WHEEL]` has ");
        assert!(
            found.ends_with(", not the pinned 5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f")
                || !cfg!(all(target_os = "linux", target_arch = "x86_64")),
            "{found}"
        );
    }

    #[test]
    fn a_full_disk_while_pip_writes() {
        let said = refused("echo 'ERROR: Could not install packages: [Errno 28] No space left on device' >&2; exit 1");
        insta::assert_snapshot!(said, @"error: the disk is full: ONNX Runtime needs about 60 MB in `[CACHE]/mlbuild/onnxruntime`");
    }

    /// Files of this process may not grow beyond 1 MB: what the library's own write meets is what a full disk gives.
    #[test]
    fn a_full_disk_while_unpacking() {
        let env = offline();
        let python = impostor(&env, "ln -s $wheel $dest/$name");
        let limited = format!(
            "trap '' XFSZ; ulimit -f 1024; exec '{}' runtime install --python '{python}'",
            env!("CARGO_BIN_EXE_mlbuild")
        );
        let mine = env.command("", &[]);
        let output = Command::new("/bin/sh")
            .args(["-c", &limited])
            .env_clear()
            .envs(mine.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .current_dir(env.path(""))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("error: the disk is full"), "{said}");
        assert!(said.contains("nothing was half-installed"), "{said}");
        assert_eq!(cached(&env), [".lock"]);
    }

    #[test]
    fn pip_is_given_the_index_settings_but_no_token() {
        let mut env = offline();
        for (name, value) in [
            ("GITHUB_TOKEN", "t0ken"),
            ("ACTIONS_RUNTIME_TOKEN", "t0ken"),
            ("INPUT_TOKEN", "t0ken"),
            ("PYTHONPATH", "t0ken"),
        ] {
            env.variable(name, value);
        }
        let python = impostor(&env, "pwd >&2; env | sort | tr '\\n' ' ' >&2; exit 1");
        let output = env.run(&["runtime", "install", "--python", &python]).expect_code(2);
        assert!(output.stderr.contains("PIP_RETRIES=1"), "{}", output.stderr);
        assert!(output.stderr.contains("/onnxruntime/.install-"), "{}", output.stderr);
        assert!(!output.stderr.contains("t0ken"), "{}", output.stderr);
    }

    #[test]
    fn a_killed_installer_leaves_nothing_that_matters() {
        let env = offline_with_wheel();
        let python = impostor(
            &env,
            "head -c 1000 $wheel > $dest/$name; touch $dest/started; exec sleep 20",
        );
        let mut child = env
            .command("", &["runtime", "install", "--python", &python])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = || {
            cached(&env).iter().any(|name| {
                env.path("../cache/mlbuild/onnxruntime")
                    .join(name)
                    .join("download/started")
                    .exists()
            })
        };
        while !started() {
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!installed(&env));
        // The next one sweeps and succeeds.
        env.run(&["runtime", "install"]).expect_code(0);
        assert_eq!(cached(&env), [".lock", DEFAULT_ONNXRUNTIME]);
        assert!(installed(&env));
    }

    #[test]
    fn two_at_once_install_once() {
        let env = offline_with_wheel();
        let count = env.path("count");
        let python = impostor(
            &env,
            &format!("echo run >> '{}'; sleep 0.3; ln -s $wheel $dest/$name", count.display()),
        );
        let children: Vec<_> = (0..3)
            .map(|_| {
                env.command("", &["runtime", "install", "--python", &python])
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let paths: Vec<String> = children
            .into_iter()
            .map(|child| {
                let output = child.wait_with_output().unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                String::from_utf8(output.stdout).unwrap()
            })
            .collect();
        assert!(paths.iter().all(|path| *path == paths[0]), "{paths:?}");
        assert_eq!(fs::read_to_string(count).unwrap(), "run\n");
        assert_eq!(cached(&env), [".lock", DEFAULT_ONNXRUNTIME]);
    }

    #[test]
    fn progress_is_told() {
        let env = offline_with_wheel();
        let python = impostor(
            &env,
            "head -c 1000000 $wheel > $dest/part; sleep 0.2; rm $dest/part; ln -s $wheel $dest/$name",
        );
        let mut events = Vec::new();
        let cache = tempfile::tempdir().unwrap();
        let found = library::install(
            Engine::OnnxRuntime,
            DEFAULT_ONNXRUNTIME,
            cache.path(),
            &python,
            &BTreeMap::new(),
            &mut |event| {
                events.push(event);
            },
        )
        .unwrap();
        assert!(found.path.is_file());
        let size = fs::metadata(wheel()).unwrap().len();
        let wheel = wheel().file_name().unwrap().to_str().unwrap().to_owned();
        use library::InstallEvent as Event;
        assert_eq!(events.first(), Some(&Event::Downloading { wheel, bytes: size }));
        assert!(events.contains(&Event::Downloaded { bytes: 1_000_000 }), "{events:?}");
        let last = [
            Event::Downloaded { bytes: size },
            Event::Verifying,
            Event::Unpacking,
            Event::Installed,
        ];
        assert!(events.ends_with(&last), "{events:?}");
    }
}
