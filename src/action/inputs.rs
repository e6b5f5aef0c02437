//! What the workflow hands over: the inputs of `action.yml` and the facts of the run, read once from the environment.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::config::CommentWhen;
use crate::github::CommitSha;
use crate::github::RepoName;
use crate::hint::Hint;
use crate::pipeline::sharding::plan;

/// Inputs and run facts.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The token.
    pub token: String,
    /// The config, absolute, where the workflow names one.
    pub config: Option<PathBuf>,
    /// Where to look for the config, absolute.
    pub working_folder: PathBuf,
    /// What to compare with, where the workflow names something.
    pub baseline: Option<String>,
    /// Makes a missing baseline a failure.
    pub fail_on_missing_baseline: bool,
    /// Tells this gate from others, where the workflow names it.
    pub key: Option<String>,
    /// The matrix leg, as JSON, where there is a matrix.
    pub matrix: Option<String>,
    /// Above the config's `comment`.
    pub comment: Option<CommentWhen>,
    /// The file of the workflow that measures, where another one reports.
    pub workflow: Option<String>,
    /// The engine's library.
    pub runtime_path: Option<PathBuf>,
    /// Which part of a gate on several machines this job is, where it is one.
    pub sharding: Option<Sharding>,
    /// The run.
    pub run: Run,
}

/// A job's part of a gate on several machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sharding {
    /// Deals the comparisons out over at most so many machines.
    Plan(u32),
    /// Measures one part.
    Measure {
        /// Which one, from 1.
        shard: u32,
        /// Of how many.
        of: u32,
    },
    /// Judges what was measured; the folder, absolute.
    Merge(PathBuf),
}

/// The run, as the runner describes it.
#[derive(Debug, Clone)]
pub struct Run {
    /// `GITHUB_API_URL`.
    pub api_url: String,
    /// `GITHUB_SERVER_URL`.
    pub server_url: String,
    /// `GITHUB_REPOSITORY`.
    pub repository: RepoName,
    /// `GITHUB_RUN_ID`.
    pub id: u64,
    /// `GITHUB_RUN_ATTEMPT`.
    pub attempt: u64,
    /// `GITHUB_EVENT_NAME`.
    pub event_name: String,
    /// `GITHUB_EVENT_PATH`.
    pub event_path: PathBuf,
    /// `GITHUB_WORKSPACE`.
    pub workspace: PathBuf,
    /// `GITHUB_SHA`: a merge commit, in a pull request.
    pub sha: CommitSha,
    /// `GITHUB_REF_NAME`.
    pub ref_name: String,
    /// The workflow's file, out of `GITHUB_WORKFLOW_REF`.
    pub workflow_path: Option<String>,
    /// `GITHUB_OUTPUT`.
    pub output: Option<PathBuf>,
    /// `GITHUB_STEP_SUMMARY`.
    pub summary: Option<PathBuf>,
    /// `RUNNER_TEMP`.
    pub temporary: Option<PathBuf>,
}

/// An input or a fact that is missing or wrong.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Not set.
    #[error("`{0}` is not set")]
    Missing(&'static str),
    /// Set to something else than expected.
    #[error("`{name}` is `{value}`: expected {expected}")]
    Wrong {
        /// The variable or input.
        name: &'static str,
        /// What it is.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}

impl Hint for InputError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Missing("INPUT_TOKEN") => {
                vec!["leave the input `token` out, so that it is the job's own `github.token`".to_owned()]
            }
            Self::Missing(_) => {
                vec!["`mlbuild action` runs inside GitHub Actions; at a desk use `mlbuild ci`".to_owned()]
            }
            Self::Wrong { .. } => vec!["correct the step's `with:` in the workflow".to_owned()],
        }
    }
}

impl Inputs {
    /// Reads everything. Empty inputs count as left out, as GitHub passes them so.
    pub fn read(environment: &BTreeMap<String, String>) -> Result<Self, InputError> {
        let get = |name: &str| {
            environment
                .get(name)
                .map(|value| value.trim())
                .filter(|value| !value.is_empty())
        };
        let need = |name: &'static str| get(name).map(str::to_owned).ok_or(InputError::Missing(name));
        let run = Run::read(environment)?;
        let working_folder = run.workspace.join(get("INPUT_WORKING_DIRECTORY").unwrap_or("."));
        Ok(Self {
            token: need("INPUT_TOKEN")?,
            config: get("INPUT_CONFIG").map(|path| working_folder.join(path)),
            baseline: get("INPUT_BASELINE").map(str::to_owned),
            fail_on_missing_baseline: match get("INPUT_FAIL_ON_MISSING_BASELINE") {
                None | Some("false") => false,
                Some("true") => true,
                Some(value) => {
                    return Err(InputError::Wrong {
                        name: "fail-on-missing-baseline",
                        value: value.to_owned(),
                        expected: "`true` or `false`",
                    });
                }
            },
            key: get("INPUT_KEY").map(str::to_owned),
            matrix: get("INPUT_MATRIX")
                .filter(|value| !matches!(*value, "null" | "{}"))
                .map(str::to_owned),
            comment: match get("INPUT_COMMENT") {
                None => None,
                Some("always") => Some(CommentWhen::Always),
                Some("changed") => Some(CommentWhen::Changed),
                Some("regression") => Some(CommentWhen::Regression),
                Some("never") => Some(CommentWhen::Never),
                Some(value) => {
                    return Err(InputError::Wrong {
                        name: "comment",
                        value: value.to_owned(),
                        expected: "`always`, `changed`, `regression` or `never`",
                    });
                }
            },
            workflow: get("INPUT_WORKFLOW").map(str::to_owned),
            runtime_path: get("INPUT_RUNTIME_PATH").map(|path| working_folder.join(path)),
            sharding: sharding(get, &working_folder)?,
            working_folder,
            run,
        })
    }

    /// Tells this gate from others: the input `key`, or else the config's place and the matrix leg.
    ///
    /// The job's name is no part of it, as gate and baseline are two jobs of one gate.
    pub fn gate_key(&self, config: &Path) -> String {
        if let Some(key) = &self.key {
            return key.clone();
        }
        let place = config.strip_prefix(&self.run.workspace).unwrap_or(config);
        let place = if place
            .file_name()
            .is_some_and(|name| name == crate::config::load::FILE_NAME)
        {
            place.parent().unwrap_or(place)
        } else {
            place
        };
        let mut key = place.to_string_lossy().replace('\\', "/");
        if key.is_empty() {
            key = "default".to_owned();
        }
        // The legs of a sharded gate are one gate.
        let matrix = self.matrix.as_deref().filter(|_| self.sharding.is_none());
        if let Some(leg) = matrix.and_then(matrix_leg) {
            key = format!("{key} ({leg})");
        }
        key
    }
}

/// At most one of the inputs `shards`, `shard` and `merge`.
fn sharding<'a>(get: impl Fn(&str) -> Option<&'a str>, working_folder: &Path) -> Result<Option<Sharding>, InputError> {
    let wrong = |name, value: &str, expected| InputError::Wrong {
        name,
        value: value.to_owned(),
        expected,
    };
    match (get("INPUT_SHARDS"), get("INPUT_SHARD"), get("INPUT_MERGE")) {
        (None, None, None) => Ok(None),
        (Some(value), None, None) => match value.parse() {
            Ok(shards) if (1..=plan::MOST_SHARDS).contains(&shards) => Ok(Some(Sharding::Plan(shards))),
            _ => Err(wrong("shards", value, "a number of shards, 1 to 256")),
        },
        (None, Some(value), None) => match plan::parse_shard(value) {
            Some((shard, of)) => Ok(Some(Sharding::Measure { shard, of })),
            None => Err(wrong("shard", value, "a shard such as `2/4`, of at most 256")),
        },
        (None, None, Some(value)) => Ok(Some(Sharding::Merge(working_folder.join(value)))),
        (_, _, Some(value)) => Err(wrong("merge", value, "nothing, where `shards` or `shard` is set")),
        (_, Some(value), _) => Err(wrong("shard", value, "nothing, where `shards` is set")),
    }
}

/// `{"os":"linux","py":3}` as `linux, 3`, the way GitHub itself names the job.
fn matrix_leg(json: &str) -> Option<String> {
    let serde_json::Value::Object(leg) = serde_json::from_str(json).ok()? else {
        return None;
    };
    let values: Vec<String> = leg
        .into_iter()
        .map(|(_, value)| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        })
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

impl Run {
    fn read(environment: &BTreeMap<String, String>) -> Result<Self, InputError> {
        let get = |name: &str| environment.get(name).filter(|value| !value.is_empty()).cloned();
        let need = |name: &'static str| get(name).ok_or(InputError::Missing(name));
        let number = |name: &'static str| {
            let value = need(name)?;
            value.parse::<u64>().map_err(|_| InputError::Wrong {
                name,
                value,
                expected: "a whole number",
            })
        };
        let repository = need("GITHUB_REPOSITORY")?;
        let sha = need("GITHUB_SHA")?;
        Ok(Self {
            api_url: get("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".to_owned()),
            server_url: get("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".to_owned()),
            repository: repository.parse().map_err(|_| InputError::Wrong {
                name: "GITHUB_REPOSITORY",
                value: repository.clone(),
                expected: "`owner/name`",
            })?,
            id: number("GITHUB_RUN_ID")?,
            attempt: number("GITHUB_RUN_ATTEMPT")?,
            event_name: need("GITHUB_EVENT_NAME")?,
            event_path: need("GITHUB_EVENT_PATH")?.into(),
            workspace: need("GITHUB_WORKSPACE")?.into(),
            sha: sha.parse().map_err(|_| InputError::Wrong {
                name: "GITHUB_SHA",
                value: sha.clone(),
                expected: "a commit's 40 hexadecimal digits",
            })?,
            ref_name: get("GITHUB_REF_NAME").unwrap_or_default(),
            workflow_path: get("GITHUB_WORKFLOW_REF").and_then(|reference| workflow_path(&reference)),
            output: get("GITHUB_OUTPUT").map(PathBuf::from),
            summary: get("GITHUB_STEP_SUMMARY").map(PathBuf::from),
            temporary: get("RUNNER_TEMP").map(PathBuf::from),
        })
    }

    /// The page of this run.
    pub fn url(&self) -> String {
        format!(
            "{}/{}/actions/runs/{}/attempts/{}",
            self.server_url, self.repository, self.id, self.attempt
        )
    }
}

/// `owner/name/.github/workflows/ci.yml@refs/heads/main` as `.github/workflows/ci.yml`.
fn workflow_path(reference: &str) -> Option<String> {
    let path = reference.split('@').next()?;
    let mut parts = path.splitn(3, '/');
    parts.nth(2).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_workflow_file_of_a_reference() {
        let reference = "octo/hello/.github/workflows/ci.yml@refs/heads/main";
        assert_eq!(workflow_path(reference).as_deref(), Some(".github/workflows/ci.yml"));
    }

    #[test]
    fn a_job_is_one_part_of_a_sharded_gate() {
        let read = |set: &[(&str, &'static str)]| {
            sharding(
                |name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| *value),
                Path::new("/work"),
            )
        };
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[("INPUT_SHARDS", "4")]).unwrap(), Some(Sharding::Plan(4)));
        assert_eq!(
            read(&[("INPUT_SHARD", "2/4")]).unwrap(),
            Some(Sharding::Measure { shard: 2, of: 4 })
        );
        assert_eq!(
            read(&[("INPUT_MERGE", "shards")]).unwrap(),
            Some(Sharding::Merge("/work/shards".into()))
        );
        for wrong in [
            &[("INPUT_SHARDS", "0")][..],
            &[("INPUT_SHARDS", "257")],
            &[("INPUT_SHARD", "5/4")],
            &[("INPUT_SHARD", "1/2"), ("INPUT_MERGE", "x")],
            &[("INPUT_SHARD", "1/2"), ("INPUT_SHARDS", "2")],
            &[("INPUT_SHARDS", "2"), ("INPUT_MERGE", "x")],
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn names_a_leg_by_its_values() {
        assert_eq!(
            matrix_leg(r#"{"os":"ubuntu","threads":2}"#).as_deref(),
            Some("ubuntu, 2")
        );
        assert_eq!(matrix_leg("null"), None);
    }
}
