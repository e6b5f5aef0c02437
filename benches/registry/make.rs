//! Makes the registry that is timed: families of a model with its variants, each measured ten times with samples of realistic size.

use std::fs;
use std::path::Path;

use mlbuild::digest::Digest;
use mlbuild::machine::Fingerprint;
use mlbuild::registry::Registry;
use rand::RngExt as _;
use rand::SeedableRng as _;
use rusqlite::Connection;
use rusqlite::params;

const SEED: u64 = 7;
/// Builds of one model.
const FAMILY: usize = 10;
/// Measurements of one build.
const MEASUREMENTS: usize = 10;
/// Samples of one measurement: between 2 and 4 kB of JSON.
const SAMPLES: usize = 160;
const NAMES: &[&str] = &[
    "mobilenet",
    "resnet-50",
    "bert-base",
    "whisper-tiny",
    "yolo",
    "vit",
    "digits",
    "efficientnet",
];
const RECIPES: &[&str] = &[
    "fp32",
    "fp16",
    "bf16",
    "int8",
    "int8-static",
    "int4",
    "palettize-4",
    "prune-0.50",
    "prune-0.50+int8",
    "simplify",
];

/// The id of the build with that number.
pub(crate) fn id(number: usize) -> String {
    Digest::of(format!("build {number}").as_bytes()).to_string()
}

fn blob(number: usize) -> Vec<u8> {
    format!("the artifact of build {number}").into_bytes()
}

/// The files that the builds refer to.
pub(crate) fn objects(folder: &Path, builds: usize) {
    let root = folder.join(".mlbuild/objects");
    fs::create_dir_all(&root).unwrap();
    for number in 0..builds {
        let bytes = blob(number);
        fs::write(root.join(Digest::of(&bytes).as_str()), bytes).unwrap();
    }
}

/// A registry with so many builds in `folder`.
pub(crate) fn make(folder: &Path, builds: usize) {
    let path = folder.join(".mlbuild/registry.db");
    drop(Registry::open(&path).unwrap());
    fs::write(folder.join(".mlbuild/.gitignore"), "*\n!budget.toml\n").unwrap();
    let mut connection = Connection::open(&path).unwrap();
    // Whoever loses power here makes it anew.
    connection.pragma_update(None, "synchronous", "off").unwrap();
    let transaction = connection.transaction().unwrap();
    let machine = serde_json::to_string(&Fingerprint::of_this_machine()).unwrap();
    transaction
        .execute("INSERT INTO machines (id, fingerprint) VALUES (1, ?1)", [machine])
        .unwrap();
    let mut random = rand_pcg::Pcg64::seed_from_u64(SEED);
    let begin = jiff::Timestamp::from_second(1_767_225_600).unwrap().as_second();
    let at = |second: i64| jiff::Timestamp::from_second(begin + second).unwrap().to_string();
    for number in 0..builds {
        insert_build(&transaction, number, &at(number as i64 * 600));
        for measurement in 0..MEASUREMENTS {
            let p50 = random.random_range(0.5..50.0_f64);
            insert_measurement(
                &transaction,
                &id(number),
                p50,
                &at(number as i64 * 600 + measurement as i64 * 3600),
                &mut random,
            );
        }
        if number % 50 == 0 {
            let name = if number == 0 {
                "mlbuild-baseline".to_owned()
            } else {
                format!("v1.{number}")
            };
            transaction
                .execute(
                    "INSERT INTO tags (name, build, created_at) VALUES (?1, ?2, ?3)",
                    params![name, id(number), at(0)],
                )
                .unwrap();
        }
        transaction
            .execute(
                "INSERT INTO history (id, command, arguments, started_at, ended_at, exit_code, machine, host, version)
                 VALUES (?1, 'optimize', '[\"optimize\"]', ?2, ?2, 0, 'm', 'desk', '0.1.0')",
                params![&id(number)[..32], at(number as i64 * 600)],
            )
            .unwrap();
    }
    transaction.commit().unwrap();
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
}

fn insert_build(connection: &Connection, number: usize, created_at: &str) {
    let root = number - number % FAMILY;
    let name = NAMES[root / FAMILY % NAMES.len()];
    let parent = (number != root).then(|| id(if number % FAMILY == 8 { number - 1 } else { root }));
    let bytes = blob(number);
    connection
        .prepare_cached(
            "INSERT INTO builds (id, model, source, recipe, target, size, created_at, parent, root, tool_version, notes, format, task, file)
             VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?6, ?7, ?8, '0.1.0', '[]', 'onnx', 'vision', ?9)",
        )
        .unwrap()
        .execute(params![
            id(number),
            format!("{name}-{}", root / FAMILY),
            Digest::of(name.as_bytes()).as_str(),
            RECIPES[number % FAMILY],
            bytes.len() as i64,
            created_at,
            parent,
            id(root),
            format!("{name}.onnx"),
        ])
        .unwrap();
    connection
        .prepare_cached(
            "INSERT INTO artifacts (build, position, name, digest, size) VALUES (?1, 0, 'model.onnx', ?2, ?3)",
        )
        .unwrap()
        .execute(params![id(number), Digest::of(&bytes).as_str(), bytes.len() as i64])
        .unwrap();
}

fn insert_measurement(connection: &Connection, build: &str, p50: f64, at: &str, random: &mut rand_pcg::Pcg64) {
    let samples: Vec<f64> = (0..SAMPLES).map(|_| p50 * random.random_range(0.9..1.2)).collect();
    connection
        .prepare_cached(
            "INSERT INTO measurements (build, target, runtime_version, machine, samples, created_at) VALUES (?1, 'onnxruntime_cpu', '1.31.1', 1, ?2, ?3)",
        )
        .unwrap()
        .execute(params![build, serde_json::to_string(&[samples]).unwrap(), at])
        .unwrap();
    connection
        .prepare_cached(
            "INSERT INTO figures (measurement, build, created_at, target, inferences, p50_ms, p95_ms, p99_ms, mean_ms, std_ms, throughput, load_ms, peak_bytes)
             VALUES (?1, ?2, ?3, 'onnxruntime_cpu', 160, ?4, ?5, ?5, ?4, 0.1, 100.0, 12.0, 40000000)",
        )
        .unwrap()
        .execute(params![connection.last_insert_rowid(), build, at, p50, p50 * 1.15])
        .unwrap();
}
