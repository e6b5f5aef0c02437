//! Check runs: created in progress, annotated fifty at a time, always completed.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use super::client::Client;
use super::client::Request;
use super::error::GithubError;
use super::error::Permission;
use super::identity;
use super::ids::CommitSha;
use super::text;

/// GitHub takes this many annotations a request.
const ANNOTATIONS_A_REQUEST: usize = 50;

/// A check run to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheckRun {
    /// The fixed name that branch protection may require.
    pub name: String,
    /// The commit it judges: a pull request's own head, not the merge commit.
    pub head_sha: CommitSha,
    /// Names this very run of ours, so that it is found again.
    pub external_id: String,
    /// Where people read more.
    pub details_url: Option<String>,
}

/// A check run on GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckRun {
    /// Its number.
    pub id: u64,
    /// Where people read it.
    pub html_url: Option<String>,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// `success`, `failure`, …, once completed.
    pub conclusion: Option<String>,
    /// What [`NewCheckRun::external_id`] said.
    pub external_id: Option<String>,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// When it was begun, ISO 8601.
    #[serde(default)]
    pub started_at: Option<String>,
    output: Shown,
    #[serde(default)]
    app: Option<App>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct App {
    #[serde(default)]
    slug: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Shown {
    annotations_count: usize,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    summary: Option<String>,
}

impl CheckRun {
    /// Its line beside the name.
    pub fn title(&self) -> &str {
        self.output.title.as_deref().unwrap_or_default()
    }

    /// Its Markdown.
    pub fn summary(&self) -> &str {
        self.output.summary.as_deref().unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Listed {
    check_runs: Vec<CheckRun>,
}

/// How a check run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Fine.
    Success,
    /// Not fine; blocks where it is required.
    Failure,
    /// Neither; does not block.
    Neutral,
    /// Nothing to judge; does not block.
    Skipped,
    /// Interrupted.
    Cancelled,
    /// A person has to do something first.
    ActionRequired,
}

/// How loud an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Worth knowing.
    Notice,
    /// Worth a look.
    Warning,
    /// Wrong.
    Failure,
}

/// A remark on lines of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Annotation {
    /// The file, relative to the repository's root, with forward slashes.
    pub path: String,
    /// First line, from 1.
    pub start_line: u64,
    /// Last line.
    pub end_line: u64,
    /// How loud.
    pub annotation_level: Level,
    /// What is to be said.
    pub message: String,
    /// A headline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// What a check run shows. Markdown in `summary` and `text`; each is cut to GitHub's limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// One line.
    pub title: String,
    /// Shown first.
    pub summary: String,
    /// Shown below.
    pub text: Option<String>,
    /// Any number of them.
    pub annotations: Vec<Annotation>,
}

/// A completed check run.
#[derive(Debug)]
pub struct Completed {
    /// As it stands.
    pub check_run: CheckRun,
    /// Why annotations are missing, where they are: the conclusion stands all the same.
    pub annotations_refused: Option<GithubError>,
}

impl Output {
    fn json(&self, annotations: &[Annotation]) -> Value {
        let mut output = json!({
            "title": text::cut(&self.title, text::TITLE_BYTES),
            "summary": text::cut(&self.summary, text::CHECK_TEXT_BYTES),
        });
        if let Some(long) = &self.text {
            output["text"] = text::cut(long, text::CHECK_TEXT_BYTES).into();
        }
        if !annotations.is_empty() {
            output["annotations"] = annotations.iter().map(Annotation::json).collect();
        }
        output
    }
}

impl Annotation {
    fn json(&self) -> Value {
        let cut = Self {
            message: text::cut(&self.message, text::ANNOTATION_BYTES),
            title: self.title.as_ref().map(|title| text::cut(title, text::TITLE_BYTES)),
            start_line: self.start_line.max(1),
            end_line: self.end_line.max(self.start_line).max(1),
            ..self.clone()
        };
        json!(cut)
    }
}

/// Creates a check run in progress.
pub fn create(client: &Client, new: &NewCheckRun, output: &Output) -> Result<CheckRun, GithubError> {
    let mut body = json!({
        "name": new.name,
        "head_sha": new.head_sha,
        "external_id": new.external_id,
        "status": "in_progress",
        "output": output.json(&[]),
    });
    if let Some(url) = &new.details_url {
        body["details_url"] = url.as_str().into();
    }
    let request = Request::post(client.path(format_args!("check-runs")), Permission::ChecksWrite).json(&body);
    let made: CheckRun = client.create(|| client.json(&request), || find(client, new))?;
    if let Some(slug) = made.app.as_ref().and_then(|app| app.slug.as_deref()) {
        identity::learn(client, slug);
    }
    Ok(made)
}

/// The check run with the same commit, name and external id.
pub fn find(client: &Client, new: &NewCheckRun) -> Result<Option<CheckRun>, GithubError> {
    Ok(named(client, &new.head_sha, &new.name)?
        .into_iter()
        .find(|run| run.external_id.as_deref() == Some(&new.external_id)))
}

/// All check runs on `head`, the newest of every name first.
pub fn on_commit(client: &Client, head: &CommitSha) -> Result<Vec<CheckRun>, GithubError> {
    let path = client.path(format_args!("commits/{head}/check-runs"));
    client.pages(&path, "&filter=all", Permission::ChecksRead, |page: Listed| {
        page.check_runs
    })
}

/// All check runs of this name on `head`, older ones too.
pub fn named(client: &Client, head: &CommitSha, name: &str) -> Result<Vec<CheckRun>, GithubError> {
    let path = client.path(format_args!("commits/{head}/check-runs"));
    let query = format!("&filter=all&check_name={}", text::escape(name));
    client.pages(&path, &query, Permission::ChecksRead, |page: Listed| page.check_runs)
}

/// The check run with this number.
pub fn get(client: &Client, id: u64) -> Result<CheckRun, GithubError> {
    client.json(&Request::get(
        client.path(format_args!("check-runs/{id}")),
        Permission::ChecksRead,
    ))
}

/// Shows `output` (without annotations) while the check run goes on.
pub fn update(client: &Client, id: u64, output: &Output) -> Result<CheckRun, GithubError> {
    let body = json!({ "status": "in_progress", "output": output.json(&[]) });
    client.json(&patch(client, id).json(&body))
}

/// Completes the check run: the conclusion with the first fifty annotations, then the others. Annotations that GitHub
/// declines do not keep the conclusion from being set.
pub fn complete(client: &Client, id: u64, conclusion: Conclusion, output: &Output) -> Result<Completed, GithubError> {
    let mut batches = output.annotations.chunks(ANNOTATIONS_A_REQUEST);
    let first = batches.next().unwrap_or_default();
    let mut sent = first.len();
    let mut refused = None;
    let mut check_run = match append(client, id, conclusion, output, first, sent) {
        Err(error @ GithubError::Invalid { .. }) if !first.is_empty() => {
            refused = Some(error);
            append(client, id, conclusion, output, &[], 0)?
        }
        result => result?,
    };
    while let (Some(batch), None) = (batches.next(), &refused) {
        sent += batch.len();
        match append(client, id, conclusion, output, batch, sent) {
            Ok(updated) => check_run = updated,
            Err(error) => refused = Some(error),
        }
    }
    Ok(Completed {
        check_run,
        annotations_refused: refused,
    })
}

fn patch(client: &Client, id: u64) -> Request {
    Request::patch(client.path(format_args!("check-runs/{id}")), Permission::ChecksWrite)
}

/// One request of a completion, after which the run has `total` annotations.
fn append(
    client: &Client,
    id: u64,
    conclusion: Conclusion,
    output: &Output,
    batch: &[Annotation],
    total: usize,
) -> Result<CheckRun, GithubError> {
    let body = json!({ "status": "completed", "conclusion": conclusion, "output": output.json(batch) });
    // GitHub adds annotations to those already there, so a batch must not be sent twice.
    let request = patch(client, id).json(&body).repeatable(batch.is_empty());
    if batch.is_empty() {
        return client.json(&request);
    }
    client.create(
        || client.json(&request),
        || {
            let run = get(client, id)?;
            Ok((run.status == "completed" && run.output.annotations_count >= total).then_some(run))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_cut_to_its_limit() {
        let output = Output {
            title: "t".repeat(300),
            summary: "ü".repeat(40_000),
            text: Some("x".repeat(70_000)),
            annotations: Vec::new(),
        };
        let json = output.json(&[]);
        assert!(json["title"].as_str().unwrap().len() <= text::TITLE_BYTES);
        assert!(json["summary"].as_str().unwrap().len() <= text::CHECK_TEXT_BYTES);
        assert!(json["text"].as_str().unwrap().len() <= text::CHECK_TEXT_BYTES);
        assert!(json.get("annotations").is_none());
    }

    #[test]
    fn lines_count_from_one_and_never_backwards() {
        let annotation = Annotation {
            path: "a".to_owned(),
            start_line: 0,
            end_line: 0,
            annotation_level: Level::Warning,
            message: "m".to_owned(),
            title: None,
        };
        assert_eq!(annotation.json()["start_line"], 1);
        assert_eq!(
            Annotation {
                start_line: 9,
                end_line: 2,
                ..annotation
            }
            .json()["end_line"],
            9
        );
    }
}
