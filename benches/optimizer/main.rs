//! How fast `mlbuild optimize` is, as a whole process, beside Python's tools; and what it does with large models.
//!
//! `cargo bench --bench optimizer -- [STUDY …] [--python PATH] [--runs N] [--model NAME …]` prints tables in Markdown. Python needs what
//! `tests/reference/optimizer/make_reference.py` names; `--python` or `MLBUILD_REFERENCE_PYTHON` says where it is. Models are those of
//! `../shared/models` or of the folder that `MLBUILD_LARGE_MODELS` names.
//!
//! | study | what is timed |
//! |---|---|
//! | `quick` | fp16 and dynamic int8 of every model, by turns with Python's |
//! | `static` | static int8 of every model on 128 samples, by turns with Python's |
//! | `large` | fp16 of a 400 MB model, made on the spot, and how much memory that takes |
//! | `huge` | every pass on a 2.5 GB model with external data, made on the spot; whether the engine loads what comes out |
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::exit
)]

mod process;

use std::path::Path;
use std::path::PathBuf;

use process::Run;
use process::run;

/// Samples that static quantization is calibrated on.
const SAMPLES: &str = "128";
const LARGE_MEGABYTES: &str = "400";
const HUGE_MEGABYTES: &str = "2500";
/// Every pass, as far as it does something to a stack of products.
const PASSES: &[&str] = &[
    "fp16",
    "bf16",
    "int8",
    "int8-static",
    "int4",
    "int8-weights",
    "prune-0.50",
    "prune-structured-0.25",
    "palettize-4",
    "simplify",
    "smooth+int8-static",
];
/// A run of a pass that takes longer is left out of repetitions.
const LONG: f64 = 60.0;

struct Bench {
    python: String,
    scripts: PathBuf,
    models: PathBuf,
    runs: usize,
    only: Vec<String>,
    folder: tempfile::TempDir,
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = || root.join("../shared/models");
    let mut bench = Bench {
        python: std::env::var("MLBUILD_REFERENCE_PYTHON").unwrap_or_else(|_| "python3".to_owned()),
        scripts: root.join("tests/reference/optimizer"),
        models: std::env::var_os("MLBUILD_LARGE_MODELS").map_or_else(beside, PathBuf::from),
        runs: 5,
        only: Vec::new(),
        folder: tempfile::tempdir().unwrap(),
    };
    let mut studies = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--python" => bench.python = arguments.next().unwrap(),
            "--runs" => bench.runs = arguments.next().unwrap().parse().unwrap(),
            "--model" => bench.only.push(arguments.next().unwrap()),
            "quick" | "static" | "large" | "huge" => studies.push(argument),
            other => panic!("unknown argument {other}; the studies are quick, static, large and huge"),
        }
    }
    bench.need_python();
    for study in &studies {
        match study.as_str() {
            "quick" => bench.quick(),
            "static" => bench.calibrated(),
            "large" => bench.large(),
            _ => bench.huge(),
        }
    }
}

impl Bench {
    fn need_python(&self) {
        let wanted =
            "import numpy, onnx, onnxconverter_common, onnxruntime; print(onnx.__version__, onnxruntime.__version__)";
        let found = std::process::Command::new(&self.python).args(["-c", wanted]).output();
        match found {
            Ok(output) if output.status.success() => {
                eprintln!(
                    "{}: onnx, onnxruntime {}",
                    self.python,
                    String::from_utf8_lossy(&output.stdout).trim()
                );
            }
            _ => {
                eprintln!(
                    "`{}` does not import numpy, onnx, onnxconverter_common and onnxruntime, which ours is held against: make the \
                     environment that {}/make_reference.py names, and give its interpreter with --python",
                    self.python,
                    self.scripts.display()
                );
                std::process::exit(2);
            }
        }
    }

    /// The models that are there, by name.
    fn subjects(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(&self.models) else {
            eprintln!(
                "skipped: {} is not there (set MLBUILD_LARGE_MODELS)",
                self.models.display()
            );
            return Vec::new();
        };
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.unwrap().path().canonicalize().unwrap())
            .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
            .filter(|path| self.only.is_empty() || self.only.contains(&stem(path)))
            .collect();
        paths.sort();
        paths
    }

    fn ours(&self, model: &Path, recipe: &str, output: &Path, calibration: Option<&Path>) -> Vec<String> {
        let mut command = vec![
            env!("CARGO_BIN_EXE_mlbuild").to_owned(),
            "optimize".to_owned(),
            text(model),
        ];
        command.extend(["--recipe".to_owned(), recipe.to_owned(), "--json".to_owned()]);
        command.extend(["--output".to_owned(), text(output)]);
        if let Some(calibration) = calibration {
            command.extend(["--calibration-data".to_owned(), text(calibration)]);
        }
        command
    }

    fn theirs(&self, model: &Path, method: &str, output: &Path, calibration: Option<&Path>) -> Vec<String> {
        let mut command = vec![
            self.python.clone(),
            text(self.scripts.join("methods.py")),
            method.to_owned(),
        ];
        command.extend([text(model), text(output)]);
        command.extend(calibration.map(text));
        command
    }

    fn quick(&self) {
        println!(
            "\n**A whole process: fp16 and dynamic int8**, medians of {} runs by turns\n",
            self.runs
        );
        heading();
        let folder = self.folder.path();
        for model in self.subjects() {
            for (recipe, method) in [("fp16", "fp16_ort"), ("fp16", "fp16_common"), ("int8", "dyn_mm")] {
                let ours = self.ours(&model, recipe, &folder.join("ours.onnx"), None);
                let theirs = self.theirs(&model, method, &folder.join("theirs.onnx"), None);
                self.by_turns(&stem(&model), recipe, method, &ours, &theirs);
            }
        }
    }

    fn calibrated(&self) {
        println!(
            "\n**A whole process: static int8 on {SAMPLES} samples**, medians of {} runs by turns\n",
            self.runs
        );
        let folder = self.folder.path().join("calibration");
        let made = [
            &self.python,
            &text(self.scripts.join("samples.py")),
            &text(&self.models),
            &text(&folder),
        ];
        let mut made: Vec<String> = made.into_iter().cloned().collect();
        made.push(SAMPLES.to_owned());
        expect(run(&made, self.folder.path(), false), "samples.py");
        heading();
        for model in self.subjects() {
            let name = stem(&model);
            let calibration = folder.join(format!("{name}.npz"));
            let [output, other] = ["ours.onnx", "theirs.onnx"].map(|name| self.folder.path().join(name));
            let ours = self.ours(&model, "int8-static", &output, Some(&calibration));
            let mut method = "static";
            let mut theirs = self.theirs(&model, method, &other, Some(&calibration));
            if run(&theirs, self.folder.path(), false).failure.is_some() {
                method = "static_nosym";
                theirs = self.theirs(&model, method, &other, Some(&calibration));
            }
            self.by_turns(&name, "int8-static", method, &ours, &theirs);
        }
    }

    /// A row of the table of two commands.
    fn by_turns(&self, model: &str, recipe: &str, method: &str, ours: &[String], theirs: &[String]) {
        let (mut mine, mut other) = (Timed::default(), Timed::default());
        for turn in 0..self.runs {
            if turn % 2 == 0 {
                mine.note(run(ours, self.folder.path(), false));
                other.note(run(theirs, self.folder.path(), false));
            } else {
                other.note(run(theirs, self.folder.path(), false));
                mine.note(run(ours, self.folder.path(), false));
            }
        }
        if let Some(failure) = mine.failure.as_ref().or(other.failure.as_ref()) {
            let last = failure.trim().lines().next().unwrap_or("").replace('|', "/");
            println!("| {model} | {recipe} | {method} | | | | | | | {last} |");
            return;
        }
        let (made, outside) = (mine.made(), mine.outside());
        println!(
            "| {model} | {recipe} | {method} | {:.3} | {made:.3} | {:.3} | {:.1} | {outside:.3} | {:.3} | {:.1} |",
            mine.whole(),
            other.whole(),
            other.whole() / made,
            other.outside(),
            other.outside() / outside,
        );
    }

    fn large(&self) {
        println!(
            "\n**fp16 of a model of {LARGE_MEGABYTES} MB**, {} runs by turns\n",
            self.runs
        );
        let model = self.made(LARGE_MEGABYTES);
        let size = model.metadata().unwrap().len() as f64 / 1e6;
        println!(
            "| | seconds | largest process, MB | × the model | all processes, shared pages once, MB | × the model |"
        );
        println!("|---|---|---|---|---|---|");
        let folder = self.folder.path();
        let ours = self.ours(&model, "fp16", &folder.join("ours.onnx"), None);
        let theirs = self.theirs(&model, "fp16_ort", &folder.join("theirs.onnx"), None);
        let (mut mine, mut other) = (Vec::new(), Vec::new());
        for _ in 0..self.runs {
            mine.push(expect(run(&ours, folder, false), "mlbuild").seconds);
            other.push(expect(run(&theirs, folder, false), "Python").seconds);
        }
        for (name, command, mut seconds) in [("ours", ours, mine), ("fp16_ort", theirs, other)] {
            let weighed = expect(run(&command, folder, true), name);
            println!(
                "| {name} | {:.2} | {:.0} | {:.2} | {:.0} | {:.2} |",
                median(&mut seconds),
                weighed.peak_megabytes,
                weighed.peak_megabytes / size,
                weighed.tree_megabytes,
                weighed.tree_megabytes / size
            );
        }
    }

    fn huge(&self) {
        println!("\n**A model of {HUGE_MEGABYTES} MB with external data through every pass**\n");
        let model = self.made(HUGE_MEGABYTES);
        let size = bytes_beside(&model) / 1e6;
        let calibration = self.folder.path().join("large.npz");
        let code = "import numpy, sys; numpy.savez(sys.argv[1], x=numpy.random.default_rng(5).standard_normal((8, 2048), numpy.float32))";
        let made = [
            self.python.clone(),
            "-c".to_owned(),
            code.to_owned(),
            text(&calibration),
        ];
        expect(run(&made, self.folder.path(), false), "numpy");
        println!(
            "| recipe | seconds | result, MB | largest process, × the model | all processes, × the model | the engine |"
        );
        println!("|---|---|---|---|---|---|");
        for recipe in PASSES {
            let output = self.folder.path().join("result").join("ours.onnx");
            std::fs::create_dir_all(output.parent().unwrap()).unwrap();
            let needed = recipe.contains("static").then_some(calibration.as_path());
            let ours = run(&self.ours(&model, recipe, &output, needed), self.folder.path(), true);
            let outcome = match &ours.failure {
                Some(failure) => failure.trim().lines().next().unwrap_or("").replace('|', "/"),
                None => self.loads(&output),
            };
            println!(
                "| {recipe} | {:.1} | {:.0} | {:.2} | {:.2} | {outcome} |",
                ours.seconds,
                bytes_beside(&output) / 1e6,
                ours.peak_megabytes / size,
                ours.tree_megabytes / size
            );
            std::fs::remove_dir_all(output.parent().unwrap()).unwrap();
            assert!(ours.seconds < 20.0 * LONG, "{recipe} took {:.0} s", ours.seconds);
        }
    }

    fn loads(&self, model: &Path) -> String {
        let code = "import numpy, onnxruntime, sys; s = onnxruntime.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider']); \
                    print(numpy.isfinite(s.run(None, {'x': numpy.ones((1, 2048), numpy.float32)})[0]).all())";
        let command = [self.python.clone(), "-c".to_owned(), code.to_owned(), text(model)];
        let run = run(&command, self.folder.path(), false);
        match run.failure {
            None if run.output.trim() == "True" => "loads it; finite".to_owned(),
            None => "loads it; not finite".to_owned(),
            Some(failure) => failure.trim().lines().last().unwrap_or("").replace('|', "/"),
        }
    }

    fn made(&self, megabytes: &str) -> PathBuf {
        let path = self.folder.path().join(format!("made_{megabytes}.onnx"));
        let script = self.scripts.join("large_model.py");
        let command = [self.python.clone(), text(&script), text(&path), megabytes.to_owned()];
        expect(run(&command, self.folder.path(), false), "large_model.py");
        path
    }
}

/// *made*: without verifying, which only ours does.
fn heading() {
    println!(
        "| model | recipe | against | whole, s | made, s | theirs, s | theirs / made | outside the engine: ours, s | theirs, s | theirs / ours |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
}

/// Runs of one command.
#[derive(Default)]
struct Timed {
    whole: Vec<f64>,
    engine: Vec<f64>,
    verify: Vec<f64>,
    failure: Option<String>,
}

impl Timed {
    fn note(&mut self, run: Run) {
        self.failure = self.failure.take().or(run.failure);
        self.whole.push(run.seconds);
        self.engine.push(told(&run.output, "engine"));
        self.verify.push(told(&run.output, "verify"));
    }

    fn whole(&self) -> f64 {
        median(&mut self.whole.clone())
    }

    fn made(&self) -> f64 {
        let mut made: Vec<f64> = self
            .whole
            .iter()
            .zip(&self.verify)
            .map(|(whole, verify)| whole - verify)
            .collect();
        median(&mut made)
    }

    fn outside(&self) -> f64 {
        let mut outside: Vec<f64> = self
            .whole
            .iter()
            .zip(&self.engine)
            .map(|(whole, engine)| whole - engine)
            .collect();
        median(&mut outside)
    }
}

/// The seconds that either tool's JSON tells of `what`.
fn told(output: &str, what: &str) -> f64 {
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    let found = value(output).or_else(|| value(output.trim().lines().last()?));
    let found = found.unwrap_or_default();
    let timings = found.get("timings").unwrap_or(&found);
    timings
        .get(what)
        .and_then(serde_json::Value::as_f64)
        .unwrap_or(f64::NAN)
}

fn expect(run: Run, what: &str) -> Run {
    if let Some(failure) = &run.failure {
        panic!("{what} failed: {failure}");
    }
    run
}

/// The size of a model and of the data beside it.
fn bytes_beside(model: &Path) -> f64 {
    let stem = model.file_name().unwrap().to_string_lossy().into_owned();
    std::fs::read_dir(model.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&stem))
        .map(|entry| entry.metadata().unwrap().len() as f64)
        .sum()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().display().to_string()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}
