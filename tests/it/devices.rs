//! Phones: a scripted one behind the real adb server. No real phone takes part.

use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

use crate::support::device::AdbServer;
use crate::support::device::Answer;
use crate::support::device::Phone;
use crate::support::device::Script;
use crate::support::device::Turn;
use crate::support::device::free_port;
use crate::support::env::Output;
use crate::support::env::TestEnv;

const MODEL: &[u8] = include_bytes!("../fixtures/models/tflite/cnn.tflite");

/// A desk with two models, a program and a phone; `None` where there is no adb.
struct Desk {
    env: TestEnv,
    server: AdbServer,
    phone: Phone,
}

impl Desk {
    fn new(script: Script) -> Option<Self> {
        let is_trusted = script.trusts;
        let desk = Self::unconnected(script)?;
        desk.server
            .connect(&desk.phone, if is_trusted { "device" } else { "unauthorized" });
        Some(desk)
    }

    fn unconnected(script: Script) -> Option<Self> {
        let server = AdbServer::start()?;
        let phone = Phone::new(script);
        let mut env = TestEnv::new();
        server.tell(&mut env);
        env.redact(&phone.serial(), "[PHONE]");
        env.write("old.tflite", MODEL);
        let mut longer = MODEL.to_vec();
        longer.push(0);
        env.write("new.tflite", longer);
        env.write("benchmark_model", program(2, 183));
        Some(Self { env, server, phone })
    }

    fn benchmark(&self, arguments: &[&str]) -> Output {
        let mut all = vec![
            "device",
            "benchmark",
            "new.tflite",
            "--device-binary",
            "benchmark_model",
        ];
        all.extend(["--cool-down", "1 ms"]);
        all.extend(arguments);
        self.env.run(&all)
    }

    fn compare(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["--against", "old.tflite"];
        all.extend(arguments);
        self.benchmark(&all)
    }

    fn nothing_is_left(&self) {
        assert_eq!(self.phone.left(), Vec::<String>::new());
        assert!(self.phone.commands().iter().any(|command| command.contains("rm -rf")));
    }
}

/// The head of an ELF file, and some bytes that take several messages to send.
fn program(class: u8, machine: u16) -> Vec<u8> {
    let mut bytes = vec![0; 300_000];
    bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1]);
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes
}

/// Latencies that differ a little from run to run; the candidate's are `ratio` times as long.
fn latencies(ratio: f64) -> Box<dyn FnMut(&Turn<'_>) -> Answer + Send> {
    Box::new(move |turn| Answer::Microseconds(latency(ratio, turn)))
}

fn latency(ratio: f64, turn: &Turn<'_>) -> f64 {
    let noise = 1.0 + 0.002 * ((turn.index * 7919) % 11) as f64 / 11.0;
    let side = if turn.file == "candidate.tflite" { ratio } else { 1.0 };
    40_000.0 * noise * side
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}\n{}", output.snapshot()))
}

/// Without what differs from run to run.
fn shown(output: &Output) -> String {
    let text = output.snapshot();
    let lines = text.lines().map(|line| match line.split_once(" a run, in ") {
        Some((before, after)) => format!("{before} a run, in [TIME]{}", &after[after.find(" s").unwrap()..]),
        None => line.to_owned(),
    });
    lines.map(|line| line + "\n").collect()
}

#[test]
fn phones_are_listed_with_what_they_are() {
    let Some(desk) = Desk::new(Script::default()) else {
        return;
    };
    insta::assert_snapshot!(desk.env.run(&["device", "list"]).expect_code(0).snapshot(), @r#"
    exit code: 0
    ----- stdout -----
    serial           state  device                                           battery  warmest  thermal status
    [PHONE]  ready  Google Pixel 8 (Tensor G3, 9 cores, Android 14)     85 %  41.0 °C  none
    "#);
    let listed = desk.env.run(&["device", "list", "--json"]).expect_code(0);
    insta::assert_snapshot!(listed.snapshot(), @r#"
    exit code: 0
    ----- stdout -----
    {
      "schema": 1,
      "server": "127.0.0.1:[ADB]",
      "server_version": 41,
      "devices": [
        {
          "listed": {
            "serial": "[PHONE]",
            "state": "ready",
            "state_word": "device",
            "product": "scripted",
            "model": "Pixel_8",
            "device": "husky",
            "transport": 1
          },
          "identity": {
            "manufacturer": "Google",
            "model": "Pixel 8",
            "chip": "Tensor G3",
            "android": "14",
            "build": "google/husky/husky:14/UD1A/1:user/release-keys",
            "abis": [
              "arm64-v8a"
            ],
            "cores": 9
          },
          "condition": {
            "battery": {
              "level_percent": 85.0,
              "celsius": 28.5,
              "state": "charging",
              "powered_by": [
                "USB"
              ]
            },
            "thermal": {
              "status": "none",
              "sensors": [
                {
                  "name": "SKIN",
                  "kind": "skin",
                  "celsius": 30.0
                },
                {
                  "name": "cpu-big",
                  "kind": "cpu",
                  "celsius": 41.0
                }
              ]
            }
          },
          "advice": null
        }
      ]
    }
    "#);
}

#[test]
fn a_pair_is_measured_in_mirrored_turns_and_judged() {
    let Some(desk) = Desk::new(Script {
        run: latencies(1.0),
        ..Script::default()
    }) else {
        return;
    };
    let output = desk
        .compare(&["--json", "--threads", "4", "--cores", "f0"])
        .expect_code(0);
    let report = json(&output);
    assert_eq!(report["schema"], 1);
    assert_eq!(report["verdict"], "pass");
    assert_eq!(report["statistic"], "median");
    assert_eq!(report["identity"]["chip"], "Tensor G3");
    assert_eq!(report["course"]["stopped"], "decided");
    let restarts = report["restarts"].as_array().unwrap();
    assert_eq!(restarts.len(), report["course"]["counted"].as_u64().unwrap() as usize);
    for restart in restarts {
        let sides: Vec<&str> = restart["turns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|turn| turn["side"].as_str().unwrap())
            .collect();
        assert_eq!((sides[0], sides[1]), (sides[3], sides[2]));
        assert_ne!(sides[0], sides[1]);
        assert_eq!(restart["before"]["battery"]["level_percent"], 85.0);
        assert_eq!(restart["after"]["thermal"]["status"], "none");
    }
    // One run of each side comes first and is not kept.
    assert_eq!(desk.phone.runs(), 2 + 4 * restarts.len());
    let runs: Vec<String> = desk
        .phone
        .commands()
        .into_iter()
        .filter(|command| command.contains("--graph"))
        .collect();
    assert!(
        runs.iter()
            .all(|run| run.contains("exec taskset f0 './benchmark_model' '--graph="))
    );
    assert!(runs.iter().all(|run| run.contains("'--num_threads=4'")));
    let change = report["latency"]["change"]["percent"].as_f64().unwrap();
    assert!(change.abs() < 1.0, "{change}");
    desk.nothing_is_left();
}

#[test]
fn both_models_arrive_whole_and_each_is_run() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = seen.clone();
    let Some(desk) = Desk::new(Script {
        run: Box::new(move |turn| {
            told.lock().unwrap().push((turn.file.to_owned(), turn.model.len()));
            Answer::Microseconds(latency(1.0, turn))
        }),
        ..Script::default()
    }) else {
        return;
    };
    desk.compare(&[]).expect_code(0);
    let mut seen = seen.lock().unwrap().clone();
    seen.sort();
    seen.dedup();
    assert_eq!(
        seen,
        [
            ("baseline.tflite".to_owned(), MODEL.len()),
            ("candidate.tflite".to_owned(), MODEL.len() + 1),
        ]
    );
}

#[test]
fn a_slower_model_is_told() {
    let Some(desk) = Desk::new(Script {
        run: latencies(1.2),
        medians: false,
        ..Script::default()
    }) else {
        return;
    };
    insta::assert_snapshot!(shown(&desk.compare(&[]).expect_code(1)), @r#"
    exit code: 1
    ----- stdout -----
    Google Pixel 8 (Tensor G3, 9 cores, Android 14), [PHONE]

      model            old.tflite → new.tflite
      size             3.2 KB → 3.2 KB
      latency (mean)   40.0 ms → 48.0 ms  +20.0 % (+20.0 % to +20.0 %)
      load             12.5 ms → 12.5 ms  0 % (0 % to 0 %)
      first inference  44.0 ms → 52.8 ms  +20.0 % (+20.0 % to +20.0 %)
      measured         5 restarts of 4 runs, 5 inferences a run, in [TIME] s
      battery          85 %, charging
      warmest sensor   41.0 °C → 41.0 °C
      thermal status   none

    regression (limit +5.0 %)
    "#);
    // A limit that allows it.
    desk.compare(&["--max-regression", "40"]).expect_code(0);
    desk.nothing_is_left();
}

#[test]
fn a_model_is_measured_alone() {
    let Some(desk) = Desk::new(Script {
        run: latencies(1.0),
        ..Script::default()
    }) else {
        return;
    };
    insta::assert_snapshot!(shown(&desk.benchmark(&["--rounds", "4"]).expect_code(0)), @r#"
    exit code: 0
    ----- stdout -----
    Google Pixel 8 (Tensor G3, 9 cores, Android 14), [PHONE]

      model             new.tflite
      size              3.2 KB
      latency (median)  40.0 ms  (40.0 ms to 40.1 ms)
      load              12.5 ms  (12.5 ms to 12.5 ms)
      first inference   44.1 ms  (44.0 ms to 44.1 ms)
      measured          4 restarts of 2 runs, 6 inferences a run, in [TIME] s
      battery           85 %, charging
      warmest sensor    41.0 °C → 41.0 °C
      thermal status    none
    "#);
    desk.nothing_is_left();
}

#[test]
fn a_phone_before_android_7_will_do() {
    let Some(desk) = Desk::new(Script {
        run: latencies(1.0),
        features: "cmd",
        ..Script::default()
    }) else {
        return;
    };
    let report = json(&desk.compare(&["--json"]).expect_code(0));
    assert_eq!(report["verdict"], "pass");
    desk.nothing_is_left();
}

#[test]
fn a_restart_that_was_too_warm_does_not_count() {
    let Some(desk) = Desk::new(Script {
        run: latencies(1.0),
        // Warm from the sixth run on, and cool again when it was looked at twice: by then the seventh has not begun.
        heat: Box::new(|runs| if runs == 6 { (2, 41.0) } else { (0, 30.0) }),
        ..Script::default()
    }) else {
        return;
    };
    let output = desk.compare(&["--json"]).expect_code(0);
    let report = json(&output);
    assert_eq!(report["verdict"], "pass");
    // The one that ended warm, and the one that began so.
    assert_eq!(report["course"]["too_warm"], 2);
    let first = &report["restarts"][0];
    assert_eq!(first["heat"]["verdict"], "too-warm");
    assert_eq!(first["heat"]["reason"], "the phone throttled: thermal status moderate");
    assert_eq!(first["turns"].as_array().unwrap().len(), 4);
    assert!(
        output.stderr.contains("a restart does not count: the phone throttled"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_phone_that_stays_hot_decides_nothing() {
    let Some(desk) = Desk::new(Script {
        run: latencies(1.0),
        heat: Box::new(|_| (3, 45.0)),
        battery: "  USB powered: false\n  status: 3\n  level: 9\n  scale: 100\n  temperature: 440\n",
        ..Script::default()
    }) else {
        return;
    };
    insta::assert_snapshot!(shown(&desk.compare(&[]).expect_code(0)), @r#"
    exit code: 0
    ----- stdout -----
    Google Pixel 8 (Tensor G3, 9 cores, Android 14), [PHONE]

      model           old.tflite → new.tflite
      size            3.2 KB → 3.2 KB
      measured        0 restarts of 4 runs, 6 inferences a run, in [TIME] s; 3 more did not count: the phone was too warm
      battery         9 %, discharging
      warmest sensor  45.0 °C → 45.0 °C
      thermal status  severe

    inconclusive (limit +5.0 %): only 0 of 3 restarts count, and 3 are needed: the phone was too warm
    ----- stderr -----
    a restart does not count: the phone throttled: thermal status severe; the phone is left to cool
    a restart does not count: the phone throttled: thermal status severe; the phone is left to cool
    a restart does not count: the phone throttled: thermal status severe; the phone is left to cool
    warning: the phone was too warm 3 times in a row; it was not measured any longer
    warning: the battery is at 9 % and does not charge; many phones slow down then
    hint: let the phone cool down, out of its case and off the charger, and give it more `--time-budget`
    "#);
    desk.nothing_is_left();
}

#[test]
fn what_vanishes_in_the_middle_never_passes() {
    let Some(desk) = Desk::new(Script {
        run: Box::new(|turn| match turn.index {
            // Four restarts and a half.
            20 => Answer::Vanish,
            _ => Answer::Microseconds(latency(1.0, turn)),
        }),
        ..Script::default()
    }) else {
        return;
    };
    let output = desk.compare(&["--json"]).expect_code(2);
    let report = json(&output);
    assert_eq!(report["verdict"], "error");
    assert_eq!(report["course"]["stopped"], Value::Null);
    assert_eq!(report["restarts"].as_array().unwrap().len(), 4);
    let reason = report["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("the measurement broke off in a run of the "),
        "{reason}"
    );
    assert!(reason.contains("vanished"), "{reason}");
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("may still be on the phone, in `/data/local/tmp/mlbuild-"),
        "{warnings}"
    );
    // And the list says so.
    let listed = json(&desk.env.run(&["device", "list", "--json"]).expect_code(0));
    let state = &listed["devices"][0]["listed"]["state"];
    assert!(state == "offline" || state.is_null(), "{listed}");
}

#[test]
fn what_vanishes_at_once_is_an_error() {
    let Some(desk) = Desk::new(Script {
        run: Box::new(|_| Answer::Vanish),
        ..Script::default()
    }) else {
        return;
    };
    let output = desk.compare(&["--json"]).expect_code(2);
    assert_eq!(output.stdout, "");
    assert!(
        output.stderr.contains("vanished") || output.stderr.contains("offline"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_phone_without_room_is_left_as_it_was() {
    let Some(desk) = Desk::new(Script {
        room: 200_000,
        ..Script::default()
    }) else {
        return;
    };
    let output = desk.compare(&[]).expect_code(2);
    assert!(
        output.stderr.contains("has no room for `/data/local/tmp/mlbuild-"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("hint: free storage on the phone"),
        "{}",
        output.stderr
    );
    assert_eq!(desk.phone.runs(), 0);
    desk.nothing_is_left();
}

#[test]
fn output_that_is_none_of_benchmark_model_is_an_error() {
    let Some(desk) = Desk::new(Script {
        run: Box::new(|_| Answer::Says("hello\n".to_owned(), 0)),
        ..Script::default()
    }) else {
        return;
    };
    insta::assert_snapshot!(desk.compare(&[]).expect_code(2).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: what `benchmark_model` printed for `old.tflite` cannot be read: 0 of the 2 lines `count=… avg=…` that `benchmark_model` prints; its last line is `hello`
    hint: is `--device-binary` TensorFlow Lite's `benchmark_model`? See docs/devices.md for where to get it
    "#);
    desk.nothing_is_left();
}

#[test]
fn a_model_that_the_program_refuses_is_an_error() {
    let Some(desk) = Desk::new(Script {
        run: Box::new(|_| {
            let text = "INFO: STARTING!\nERROR: Encountered unresolved custom op: Wave.\nERROR: Node number 0 (Wave) failed to prepare.\nBenchmarking failed.\n";
            Answer::Says(text.to_owned(), 1)
        }),
        ..Script::default()
    }) else {
        return;
    };
    insta::assert_snapshot!(desk.benchmark(&[]).expect_code(2).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: `benchmark_model` fails with `new.tflite` (exit code 1): ERROR: Encountered unresolved custom op: Wave.
    hint: a model that needs operators of its own, or Flex, needs a `benchmark_model` built with them
    hint: `--argument=--use_xnnpack=false` shows whether a delegate is to blame
    "#);
    desk.nothing_is_left();
}

#[test]
fn a_program_for_another_processor_is_not_sent() {
    let Some(desk) = Desk::new(Script::default()) else {
        return;
    };
    desk.env.write("benchmark_model", program(2, 62));
    insta::assert_snapshot!(desk.benchmark(&[]).expect_code(2).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: `[WORK]/benchmark_model` is for `x86_64`, and device `[PHONE]` runs `arm64-v8a`
    hint: give the `benchmark_model` made for the phone's processor: android_aarch64 for arm64-v8a, android_arm for armeabi-v7a
    "#);
    desk.env.write("benchmark_model", "#!/bin/sh\necho fast\n");
    let output = desk.benchmark(&[]).expect_code(2);
    assert!(output.stderr.contains("is a script"), "{}", output.stderr);
    assert_eq!(desk.phone.left(), Vec::<String>::new());
    // One that the phone's own shell refuses.
    let Some(desk) = Desk::new(Script {
        run: Box::new(|_| {
            Answer::Says(
                "sh: ./benchmark_model: not executable: 64-bit ELF file\n".to_owned(),
                126,
            )
        }),
        ..Script::default()
    }) else {
        return;
    };
    let output = desk.benchmark(&[]).expect_code(2);
    assert!(output.stderr.contains("does not run"), "{}", output.stderr);
    assert!(
        output.stderr.contains("not executable: 64-bit ELF file"),
        "{}",
        output.stderr
    );
    desk.nothing_is_left();
}

#[test]
fn a_phone_that_does_not_trust_this_computer_says_what_to_do() {
    let Some(desk) = Desk::new(Script {
        trusts: false,
        ..Script::default()
    }) else {
        return;
    };
    insta::assert_snapshot!(desk.compare(&[]).expect_code(2).snapshot(), @r#"
    exit code: 2
    ----- stderr -----
    error: device `[PHONE]` is unauthorized
    hint: unlock the phone and accept its question about USB debugging from this computer
    "#);
    insta::assert_snapshot!(desk.env.run(&["device", "list"]).expect_code(0).snapshot(), @r#"
    exit code: 0
    ----- stdout -----
    serial           state         device  battery  warmest  thermal status
    [PHONE]  unauthorized

    [PHONE]: unlock the phone and accept its question about USB debugging from this computer
    "#);
}

#[test]
fn one_of_several_has_to_be_named() {
    let Some(mut desk) = Desk::new(Script {
        run: latencies(1.0),
        ..Script::default()
    }) else {
        return;
    };
    let other = Phone::new(Script::default());
    desk.server.connect(&other, "device");
    let output = desk.benchmark(&["--rounds", "3"]).expect_code(2);
    assert!(
        output.stderr.contains("there are 2 devices and none is named"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("hint: name one with `--device SERIAL`"),
        "{}",
        output.stderr
    );
    desk.benchmark(&["--rounds", "3", "--device", &desk.phone.serial()])
        .expect_code(0);
    let before = desk.phone.runs();
    assert!(before > 0);
    assert_eq!(other.runs(), 0);
    let serial = desk.phone.serial();
    desk.env.variable("ANDROID_SERIAL", &serial);
    desk.benchmark(&["--rounds", "3"]).expect_code(0);
    assert!(desk.phone.runs() > before);
    let output = desk.benchmark(&["--device", "R5CT10"]).expect_code(2);
    assert!(
        output.stderr.contains("no device `R5CT10`; the adb server knows `127."),
        "{}",
        output.stderr
    );
}

#[test]
fn no_server_and_no_device_say_what_to_do() {
    let mut env = TestEnv::new();
    let port = free_port().to_string();
    env.variable("ANDROID_ADB_SERVER_PORT", &port);
    env.redact(&port, "[ADB]");
    let refused = env.run(&["device", "list"]).expect_code(2).snapshot();
    // The number is the system's own.
    let refused = refused.replace(" (os error 111)", "").replace(" (os error 61)", "");
    insta::assert_snapshot!(refused, @r#"
    exit code: 2
    ----- stderr -----
    error: no adb server answers at 127.0.0.1:[ADB]
      because Connection refused
    hint: `adb start-server` starts it; adb is in Android's platform tools (Debian and Ubuntu: `apt install adb`)
    hint: `ANDROID_ADB_SERVER_PORT` and `ANDROID_ADB_SERVER_ADDRESS` say where it is when it is elsewhere
    "#);
    let Some(desk) = Desk::unconnected(Script::default()) else {
        return;
    };
    insta::assert_snapshot!(desk.env.run(&["device", "list"]).expect_code(0).snapshot(), @r#"
    exit code: 0
    ----- stdout -----
    no devices at the adb server 127.0.0.1:[ADB]
    "#);
    let output = desk.benchmark(&[]).expect_code(2);
    assert!(
        output.stderr.contains("the adb server knows no device"),
        "{}",
        output.stderr
    );
}

#[test]
fn other_models_and_arguments_are_refused_before_anything_is_sent() {
    let Some(desk) = Desk::new(Script::default()) else {
        return;
    };
    let onnx = include_bytes!("../fixtures/models/digits_mlp.onnx");
    desk.env.write("model.onnx", onnx);
    let output = desk
        .env
        .run(&[
            "device",
            "benchmark",
            "model.onnx",
            "--device-binary",
            "benchmark_model",
        ])
        .expect_code(2);
    assert!(
        output.stderr.contains("`model.onnx`: its format is ONNX"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("mlbuild build"), "{}", output.stderr);
    let output = desk.benchmark(&["--argument=--num_runs=1"]).expect_code(2);
    assert!(
        output.stderr.contains("mlbuild sets this one itself"),
        "{}",
        output.stderr
    );
    let output = desk.env.run(&["device", "benchmark", "new.tflite"]).expect_code(2);
    assert!(
        output.stderr.contains("no program to measure with"),
        "{}",
        output.stderr
    );
    assert_eq!(desk.phone.left(), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_nothing_on_the_phone() {
    let Some(desk) = Desk::new(Script {
        run: Box::new(|turn| match turn.index {
            5 => Answer::Silence,
            _ => Answer::Microseconds(latency(1.0, turn)),
        }),
        ..Script::default()
    }) else {
        return;
    };
    let mut child = desk
        .env
        .command(
            "",
            &[
                "device",
                "benchmark",
                "new.tflite",
                "--against",
                "old.tflite",
                "--device-binary",
                "benchmark_model",
            ],
        )
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while desk.phone.runs() < 6 {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "it never came to its sixth run"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
    desk.nothing_is_left();
    let tidied = desk
        .phone
        .commands()
        .into_iter()
        .find(|command| command.contains("rm -rf"))
        .unwrap();
    assert!(tidied.contains("kill -9 $(cat '/data/local/tmp/mlbuild-"), "{tidied}");
}
