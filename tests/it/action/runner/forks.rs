//! The two workflows of a public repository: one measures without rights, the other publishes without a checkout.

use std::fs;

use super::ACTION;
use super::HAND_OVER;
use super::MODEL_PATH;
use super::bloated;
use super::hosted::Hosted;
use super::hosted::example;
use super::hosted::shipped;
use super::of_committed_model;
use super::touched;
use crate::action::Proposed;
use crate::support::act::Ran;
use crate::support::fake_github::events::Trigger;
use crate::support::fake_github::state::Grants;
use crate::support::fake_github::state::Level;

const FORK: &str = "mallory/models";

impl Hosted {
    /// A pull request from a fork, measured as GitHub lets it: the run's number, and what it came to.
    fn measure(&mut self, changes: &[(&str, &[u8])]) -> (Proposed, u64, Ran) {
        let proposed = self.propose(changes);
        let fake = &self.repository.fake;
        fake.edit(|state| state.pulls.get_mut(&proposed.pull).unwrap().fork = Some(FORK.to_owned()));
        // Whatever the job asks for, its token may not write.
        fake.grant(|grants| *grants = Grants::all(Level::Read));
        self.permissions = false;
        let ran = self.gate(&example(), "gate", &proposed);
        self.permissions = true;
        let run = self.repository.last_run.get();
        let fake = &self.repository.fake;
        fake.edit(|state| {
            let run = state.runs.get_mut(&run).unwrap();
            run.conclusion = Some(if ran.code == 0 { "success" } else { "failure" }.to_owned());
            run.head_branch = "topic".to_owned();
            run.fork = Some((500_000_001, FORK.to_owned()));
        });
        // GitHub keeps what the step uploaded.
        let uploads = self.repository.env.path(&format!("artifacts/{run}"));
        for upload in fs::read_dir(uploads).into_iter().flatten() {
            let path = upload.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            fake.artifact(run, &name, &fs::read(path).unwrap());
        }
        (proposed, run, ran)
    }

    /// The second workflow, on the first one's end.
    fn report(&self, run: u64) -> Ran {
        let tip = self.repository.fake.tip("main");
        let trigger = Trigger::Completed(run);
        Ran::wait(self.run(&shipped("mlbuild-report.yml"), "report", &trigger, &tip, &tip))
    }
}

/// The only step of the second workflow.
const REPORT: &[&str] = &["0"];

#[test]
fn a_forks_result_is_published_by_the_second_workflow() {
    for (model, result, code, conclusion) in [
        (touched(), "pass", 0, "success"),
        (bloated(), "regression", 1, "failure"),
    ] {
        let Some(mut hosted) = of_committed_model() else { return };
        let (proposed, run, ran) = hosted.measure(&[(MODEL_PATH, &model)]);
        assert_eq!((ran.output(ACTION, "result"), ran.code), (result, code), "{ran}");
        assert_eq!(ran.step(HAND_OVER), Some("success"), "{ran}");
        assert!(hosted.repository.comments().is_empty());
        assert!(hosted.repository.fake.edit(|state| state.checks.is_empty()));

        let ran = hosted.report(run);
        assert_eq!(ran.code, 0, "what it reports fails the check, not this job: {ran}");
        assert_eq!(ran.output(REPORT, "result"), result, "{ran}");
        let check = hosted.repository.check();
        assert_eq!(check.head_sha, proposed.head.to_string());
        assert_eq!(check.conclusion.as_deref(), Some(conclusion), "{ran}");
        let comment = hosted.repository.comment();
        assert_eq!(comment.pull, proposed.pull);
        assert!(comment.body.contains(proposed.head.as_str()), "{}", comment.body);
        assert!(ran.output(REPORT, "comment-url").ends_with(&comment.id.to_string()), "{ran}");
        assert!(ran.output(REPORT, "check-url").ends_with(&check.id.to_string()), "{ran}");
    }
}
