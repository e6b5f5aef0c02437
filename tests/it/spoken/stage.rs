//! A workspace whose commands are listened to: each says its text and its JSON once, and both are kept as snapshots.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use clap::CommandFactory as _;
use mlbuild::cli::args::Args;
use serde_json::Value;

use super::still;
use crate::support::desk;
use crate::support::desk::put;
use crate::support::env::Output;
use crate::support::env::TestEnv;

/// What of an output stays the same from run to run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All but ids, digests and times.
    Steady,
    /// All but ids, digests, times, and how long something took.
    Timed,
    /// Neither figures nor the widths that they make; nor what is said of this machine.
    Measured,
}

/// Commands whose JSON has no `schema`, and why not.
const WITHOUT_SCHEMA: [(&str, &str); 1] = [(
    "plan",
    "it is GitHub's matrix for `fromJSON`, each key of which would be one more dimension",
)];

/// Builds by what a snapshot calls them, and what was said so far.
pub struct Stage {
    pub env: TestEnv,
    names: BTreeMap<String, String>,
    said: BTreeSet<(String, bool)>,
}

impl Stage {
    /// Nothing but two models and a config.
    pub fn bare() -> Self {
        let env = desk::project("digits_cnn.onnx", "");
        put(&env, "mlp.onnx", "digits_mlp.onnx");
        Self::of(env)
    }

    /// A project as it is.
    pub fn of(mut env: TestEnv) -> Self {
        env.redact(&mlbuild::machine::host_name(), "[HOST]");
        Self {
            env,
            names: BTreeMap::new(),
            said: BTreeSet::new(),
        }
    }

    /// With builds of both: `digits`, made by `import`, and of it `half` and `whole` by `optimize`; `mlp` with a hostile name.
    pub fn with_builds() -> Self {
        let mut stage = Self::bare();
        stage.make(
            "digits",
            &[
                "import",
                "--model",
                "model.onnx",
                "--target",
                "onnxruntime_cpu",
                "--name",
                "digits",
                "--notes",
                "the first",
            ],
        );
        stage.make(
            "mlp",
            &[
                "import",
                "--model",
                "mlp.onnx",
                "--target",
                "onnxruntime_cpu",
                "--name",
                HOSTILE,
            ],
        );
        let root = stage.id("digits");
        stage.make("half", &["optimize", &root, "--recipe", "fp16"]);
        stage.make("whole", &["optimize", &root, "--pass", "quantize", "--method", "int8"]);
        stage
    }

    /// Runs a command that makes a build, which snapshots call `name` from now on.
    pub fn make(&mut self, name: &str, arguments: &[&str]) {
        let made = desk::json(&self.env.run(&[arguments, &["--json"]].concat()).expect_code(0));
        next_second();
        self.call(name, made["build"]["id"].as_str().unwrap());
    }

    /// An id, which snapshots call `name` from now on.
    pub fn call(&mut self, name: &str, id: &str) {
        self.names.insert(id.to_owned(), name.to_owned());
    }

    /// The id of the build that snapshots call `name`.
    pub fn id(&self, name: &str) -> String {
        let mut names = self.names.iter();
        names.find(|(_, known)| *known == name).unwrap().0.clone()
    }

    /// Runs it as people do and keeps what it says, as `<command>.text`.
    pub fn text(&mut self, kind: Kind, arguments: &[&str]) -> Output {
        self.text_of(kind, "", arguments)
    }

    /// The same for one more case of a command, as `<command>.<case>.text`.
    pub fn text_of(&mut self, kind: Kind, case: &str, arguments: &[&str]) -> Output {
        let output = self.env.run(arguments);
        let shown = still::text(&output.snapshot(), kind, &self.names);
        self.keep(arguments, case, "text", &shown);
        output
    }

    /// Runs it with `--json` and keeps what it says, as `<command>.json`.
    pub fn json(&mut self, kind: Kind, arguments: &[&str]) -> Value {
        let output = self.env.run(&[arguments, &["--json"]].concat());
        let value = desk::json(&output);
        let is_exempt = WITHOUT_SCHEMA.iter().any(|(path, _)| *path == self::path(arguments));
        assert_eq!(
            value["schema"].is_null(),
            is_exempt,
            "{arguments:?}: its JSON needs a `schema`"
        );
        let rest = output.snapshot();
        let stderr = rest.split_once("----- stderr -----\n").map(|(_, stderr)| stderr);
        let said = match stderr {
            Some(stderr) => still::text(stderr, kind, &self.names),
            None => String::new(),
        };
        // What stands there of the run alone is left out, and then its heading too.
        let said = match said.as_str() {
            "" => said,
            said => format!("----- stderr -----\n{said}"),
        };
        let shown = format!(
            "exit code: {}\n{}\n{said}",
            output.code,
            still::json(&self.env, &value, kind, &self.names)
        );
        self.keep(arguments, "", "json", &shown);
        value
    }

    /// Runs it where it has nothing to print but an error, with `--json` and without.
    pub fn refused(&mut self, kind: Kind, arguments: &[&str]) {
        self.text(kind, arguments);
        let output = self.env.run(&[arguments, &["--json"]].concat());
        assert_eq!(output.stdout, "");
        let shown = still::text(&output.snapshot(), kind, &self.names);
        self.keep(arguments, "", "json", &shown);
    }

    /// Notes that something is heard by another test.
    pub fn heard(&mut self, path: &str) {
        self.said.insert((path.to_owned(), false));
    }

    /// First the text, then the JSON.
    pub fn both(&mut self, kind: Kind, arguments: &[&str]) -> Value {
        self.text(kind, arguments);
        self.json(kind, arguments)
    }

    fn keep(&mut self, arguments: &[&str], case: &str, form: &str, shown: &str) {
        let path = path(arguments);
        let name: Vec<&str> = [path.as_str(), case, form]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        let name = name.join(".").replace(' ', "-");
        // One more case is one more, and not the command's own.
        if case.is_empty() {
            self.said.insert((path, form == "json"));
        }
        insta::with_settings!({
            snapshot_path => "../snapshots/spoken",
            prepend_module_to_snapshot => false,
            omit_expression => true,
            description => still::text(&arguments.join(" "), Kind::Steady, &self.names),
        }, {
            insta::assert_snapshot!(name, shown);
        });
    }

    /// Fails unless all of `covers`, and nothing else, was said, and as JSON too wherever a command has that.
    pub fn done(&self, covers: &[&str]) {
        let texts: BTreeSet<&str> = self
            .said
            .iter()
            .filter(|(_, is_json)| !is_json)
            .map(|(path, _)| path.as_str())
            .collect();
        assert_eq!(
            texts,
            covers.iter().copied().collect::<BTreeSet<_>>(),
            "left: said; right: listed"
        );
        for path in covers {
            let has_json = command(path).get_arguments().any(|arg| arg.get_id() == "json");
            let said_json = self.said.contains(&((*path).to_owned(), true));
            assert_eq!(has_json, said_json, "{path}: left: has `--json`; right: said it");
        }
    }
}

/// A name as nobody should give one.
pub const HOSTILE: &str = "it's \"mine\" <b>|`🚀`";

/// The command's names out of what is typed: `baseline set`.
fn path(arguments: &[&str]) -> String {
    let mut command = Args::command();
    let mut path: Vec<&str> = Vec::new();
    for argument in arguments {
        let Some(below) = command.find_subcommand(argument).cloned() else {
            break;
        };
        path.push(argument);
        command = below;
    }
    path.join(" ")
}

fn command(path: &str) -> clap::Command {
    path.split(' ').fold(Args::command(), |command, name| {
        command
            .find_subcommand(name)
            .unwrap_or_else(|| panic!("no command `{path}`"))
            .clone()
    })
}

/// The id of the build that people call so.
pub fn id_of(env: &TestEnv, name: &str) -> String {
    let log = desk::json(&env.run(&["log", "--name", name, "--json"]).expect_code(0));
    log["builds"][0]["id"].as_str().unwrap().to_owned()
}

/// Waits until builds that are made from now on are newer than those before: their times are whole seconds.
pub fn next_second() {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    std::thread::sleep(
        std::time::Duration::from_secs(1) - std::time::Duration::from_nanos(since.subsec_nanos().into()),
    );
}
