//! Event files and the environment of a job, out of GitHub's example payloads.

use std::path::Path;
use std::path::PathBuf;

use mlbuild::files::write_atomic;
use serde_json::Value;
use serde_json::json;

use super::FakeGitHub;
use super::comments;
use super::pulls;
use super::runs;
use super::state::State;
use super::templates;

/// What starts a job.
#[derive(Debug, Clone)]
pub(crate) enum Trigger {
    /// A pull request was opened.
    Opened(u64),
    /// Commits were pushed to a pull request.
    Synchronized(u64),
    /// Commits were pushed to a branch.
    Pushed { branch: String, sha: String },
    /// A group entered the merge queue.
    Queued { head_sha: String, base_sha: String },
    /// Another workflow's run has ended.
    Completed(u64),
    /// Somebody wrote, changed or deleted this comment.
    Said { comment: u64, action: &'static str },
    /// Someone pressed the button.
    Dispatched,
    /// The clock struck.
    Scheduled,
}

impl Trigger {
    /// `GITHUB_EVENT_NAME`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Opened(_) | Self::Synchronized(_) => "pull_request",
            Self::Pushed { .. } => "push",
            Self::Queued { .. } => "merge_group",
            Self::Completed(_) => "workflow_run",
            Self::Said { .. } => "issue_comment",
            Self::Dispatched => "workflow_dispatch",
            Self::Scheduled => "schedule",
        }
    }

    /// The payload, and the commit that the job runs on.
    fn payload(&self, state: &State) -> (Value, String) {
        let default = format!("refs/heads/{}", state.default_branch);
        let tip = state.refs.get(&default).cloned().unwrap_or_default();
        match self {
            Self::Opened(number) => pull_request(state, "pull_request.opened", *number),
            Self::Synchronized(number) => pull_request(state, "pull_request.synchronize", *number),
            Self::Pushed { branch, sha } => {
                let before = state.commits[sha]
                    .parents
                    .first()
                    .cloned()
                    .unwrap_or_else(|| "0".repeat(40));
                let changes = json!({
                    "ref": format!("refs/heads/{branch}"), "before": before, "after": sha, "created": false
                });
                (templates::with(templates::payload(state, "push"), changes), sha.clone())
            }
            Self::Queued { head_sha, base_sha } => {
                let mut payload = templates::payload(state, "merge_group.checks_requested");
                payload["merge_group"]["head_sha"] = head_sha.as_str().into();
                payload["merge_group"]["base_sha"] = base_sha.as_str().into();
                payload["merge_group"]["base_ref"] = default.into();
                (payload, head_sha.clone())
            }
            Self::Completed(id) => {
                let mut payload = templates::payload(state, "workflow_run.completed");
                payload["workflow_run"] = runs::show(state, *id, &state.runs[id]);
                (payload, tip)
            }
            Self::Said { comment, action } => {
                let mut payload = templates::payload(state, "issue_comment.created");
                let said = state.comments.iter().find(|known| known.id == *comment).unwrap();
                payload["action"] = (*action).into();
                payload["comment"] = comments::show(state, said);
                payload["issue"]["number"] = said.pull.into();
                if state.pulls.contains_key(&said.pull) {
                    payload["issue"]["pull_request"] =
                        json!({ "url": format!("{}/pulls/{}", state.repo_url(), said.pull) });
                } else {
                    payload["issue"].as_object_mut().unwrap().remove("pull_request");
                }
                (payload, tip)
            }
            Self::Dispatched => {
                let repository = templates::repository(state);
                (json!({ "ref": default, "inputs": null, "repository": repository }), tip)
            }
            Self::Scheduled => (
                json!({ "schedule": "0 4 * * *", "repository": templates::repository(state) }),
                tip,
            ),
        }
    }

    fn reference(&self, state: &State) -> String {
        match self {
            Self::Opened(number) | Self::Synchronized(number) => format!("refs/pull/{number}/merge"),
            Self::Pushed { branch, .. } => format!("refs/heads/{branch}"),
            Self::Queued { .. } => "refs/heads/gh-readonly-queue/main/pr-2-abc".to_owned(),
            _ => format!("refs/heads/{}", state.default_branch),
        }
    }
}

fn pull_request(state: &State, example: &str, number: u64) -> (Value, String) {
    let pull = &state.pulls[&number];
    let mut payload = templates::payload(state, example);
    payload["number"] = number.into();
    payload["pull_request"] = pulls::show(state, number, pull);
    // A job runs on the merge commit, which is neither the head nor the base.
    (payload, "5".repeat(40))
}

impl FakeGitHub {
    /// Writes the payload of `trigger` into `folder`.
    pub(crate) fn event_file(&self, folder: &Path, trigger: &Trigger) -> PathBuf {
        let payload = self.edit(|state| trigger.payload(state).0);
        let path = folder.join(format!("{}.json", trigger.name()));
        write_atomic(&path, payload.to_string().as_bytes()).unwrap();
        path
    }

    /// The variables that GitHub sets for a job, with its payload written into `folder`.
    pub(crate) fn environment(
        &self,
        folder: &Path,
        trigger: &Trigger,
        run_id: u64,
        attempt: u64,
    ) -> Vec<(String, String)> {
        let event_path = self.event_file(folder, trigger);
        self.edit(|state| {
            let (_, sha) = trigger.payload(state);
            let workflow = format!(
                "{}/.github/workflows/mlbuild.yml@{}",
                state.repo,
                trigger.reference(state)
            );
            let graphql = match state.api.strip_suffix("/api/v3") {
                Some(server) => format!("{server}/api/graphql"),
                None => format!("{}/graphql", state.api),
            };
            [
                ("CI", "true".to_owned()),
                ("GITHUB_ACTIONS", "true".to_owned()),
                ("GITHUB_ACTOR", "octocat".to_owned()),
                ("GITHUB_API_URL", state.api.clone()),
                ("GITHUB_EVENT_NAME", trigger.name().to_owned()),
                ("GITHUB_EVENT_PATH", event_path.to_string_lossy().into_owned()),
                ("GITHUB_GRAPHQL_URL", graphql),
                ("GITHUB_JOB", "gate".to_owned()),
                ("GITHUB_REF", trigger.reference(state)),
                ("GITHUB_REPOSITORY", state.repo.clone()),
                ("GITHUB_REPOSITORY_ID", state.repo_id.to_string()),
                ("GITHUB_RUN_ATTEMPT", attempt.to_string()),
                ("GITHUB_RUN_ID", run_id.to_string()),
                ("GITHUB_SERVER_URL", "https://github.com".to_owned()),
                ("GITHUB_SHA", sha),
                ("GITHUB_WORKFLOW", "mlbuild".to_owned()),
                ("GITHUB_WORKFLOW_REF", workflow),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec()
        })
    }
}
