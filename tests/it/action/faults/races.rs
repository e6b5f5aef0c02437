//! Others who act at the same time, and what runs that ended badly have left.

use std::thread;

use super::gate;
use super::settled;
use crate::action::MODEL_PATH;
use crate::action::Proposed;
use crate::action::Repository;
use crate::action::bloated;
use crate::action::touched;
use crate::support::fake_github::faults::Fault;
use crate::support::fake_github::faults::Trouble;
use crate::support::fake_github::state::Check;
use crate::support::fake_github::state::State;
use crate::support::fake_github::state::User;

fn marked(run: u64, head: &str) -> String {
    format!("<!-- mlbuild:v1 id=default run={run}.1 head={head} -->\nwhat another run found")
}

/// Force-pushes another commit to the pull request once the gate reads releases; then `more` happens.
fn force_push(repository: &Repository, proposed: &Proposed, more: impl Fn(&mut State, &str) + Send + Sync + 'static) {
    let newer = repository.commit(&repository.fake.tip("main"), &[(MODEL_PATH, &bloated())]);
    let pull = proposed.pull;
    let deed = Trouble::meanwhile(move |state| {
        state.pulls.get_mut(&pull).unwrap().head_sha = newer.to_string();
        more(state, newer.as_str());
    });
    repository.fake.fault(Fault::at("GET", "/releases", deed));
}

#[test]
fn a_force_push_whose_run_was_faster_keeps_its_comment() {
    let (repository, proposed) = gate();
    let pull = proposed.pull;
    force_push(&repository, &proposed, move |state, newer| {
        state.add_comment(pull, &User::actions(), &marked(9999, newer));
    });
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    let comment = repository.comment();
    assert!(comment.body.contains("run=9999.1"), "{}", comment.body);
    assert!(ran.output("comment-url").ends_with(&comment.id.to_string()), "{ran}");
    let check = repository.check();
    assert_eq!(check.head_sha, proposed.head.to_string());
    assert_eq!(check.conclusion.as_deref(), Some("success"));
}

#[test]
fn a_force_push_whose_run_has_an_older_number_keeps_its_comment() {
    let (repository, proposed) = gate();
    let pull = proposed.pull;
    // A re-run of the old head has the greater number, and yet it is not the current result.
    force_push(&repository, &proposed, move |state, newer| {
        state.add_comment(pull, &User::actions(), &marked(6000, newer));
    });
    repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    assert!(repository.comment().body.contains("run=6000.1"));
}

#[test]
fn a_force_push_that_nobody_has_judged_yet_is_not_claimed() {
    let (repository, proposed) = gate();
    force_push(&repository, &proposed, |_, _| {});
    repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    let check = repository.check();
    assert_eq!(check.head_sha, proposed.head.to_string());
    // What is said is said of the commit that was measured, and the run of the newer one replaces it.
    let body = repository.comment().body;
    assert!(body.contains(&format!("head={}", proposed.head)), "{body}");
}

#[test]
fn a_comment_deleted_between_the_look_and_the_update_is_written_anew() {
    let (repository, proposed) = gate();
    repository.gate(&proposed).run().expect("pass", 0);
    let first = repository.comment().id;
    let deed = Trouble::meanwhile(move |state: &mut State| state.comments.retain(|comment| comment.id != first));
    let fault = Fault::at("GET", "/issues/comments/", deed);
    repository.fake.fault(fault);
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    let comment = repository.comment();
    assert_ne!(comment.id, first);
    assert!(ran.output("comment-url").ends_with(&comment.id.to_string()), "{ran}");
}

#[test]
fn two_runs_of_one_pull_request_at_once_leave_one_comment() {
    let (repository, proposed) = gate();
    let jobs = [repository.gate(&proposed), repository.gate(&proposed)];
    let children: Vec<_> = jobs.iter().map(|job| job.step(&["action"]).spawn().unwrap()).collect();
    for (job, child) in jobs.iter().zip(children) {
        job.after(child.wait_with_output().unwrap()).expect("pass", 0);
    }
    settled(&repository);
    let body = repository.comment().body;
    assert!(body.contains("run=7002.1"), "the newer run's: {body}");
    assert_eq!(repository.fake.edit(|state| state.checks.len()), 2);
}

/// A check run of an earlier run with the same name on the same commit.
fn earlier(state: &mut State, proposed: &Proposed, run: u64) {
    let check = Check {
        id: state.new_id(),
        name: "mlbuild / default".to_owned(),
        head_sha: proposed.head.to_string(),
        external_id: format!("v1:{}:default:{run}.1", proposed.pull),
        details_url: None,
        status: "completed".to_owned(),
        conclusion: Some("failure".to_owned()),
        title: "an earlier run".to_owned(),
        summary: "an earlier run".to_owned(),
        text: None,
        annotations: Vec::new(),
    };
    state.checks.push(check);
}

#[test]
fn check_runs_of_earlier_runs_are_not_mistaken_for_this_one() {
    let (repository, proposed) = gate();
    repository.fake.edit(|state| {
        for run in 0..120 {
            earlier(state, &proposed, 5000 + run);
        }
    });
    // The answer is lost, and ours stands among more than a page of its like.
    let lost = Fault::at("POST", "/check-runs", Trouble::DoneBut(502));
    repository.fake.fault(lost);
    // Later ones come before it in the list.
    repository.gate(&proposed).run().expect("pass", 0);
    settled(&repository);
    let checks = repository.fake.edit(|state| state.checks.clone());
    assert_eq!(checks.len(), 121);
    assert_eq!(repository.fake.count("POST", "/check-runs"), 1);
    let (own, others): (Vec<_>, Vec<_>) = checks
        .into_iter()
        .partition(|check| check.external_id.ends_with(":7001.1"));
    assert_eq!(own[0].conclusion.as_deref(), Some("success"));
    assert!(others.iter().all(|check| check.title == "an earlier run"));
}

#[test]
fn a_check_run_that_the_gate_never_heard_of_is_completed_by_the_step_that_follows() {
    let (repository, proposed) = gate();
    repository
        .fake
        .fault(Fault::at("POST", "/check-runs", Trouble::DoneBut(502)));
    let deaf = Fault::at("GET", "/check-runs", Trouble::Status(503)).times(4);
    repository.fake.fault(deaf);
    let job = repository.gate(&proposed);
    job.run().expect("error", 2);
    assert_eq!(repository.check().conclusion, None);
    assert_eq!(job.finalize().code, 0);
    settled(&repository);
    assert_eq!(repository.check().conclusion.as_deref(), Some("cancelled"));
    job.finalize();
    assert_eq!(repository.fake.count("PATCH", "/check-runs/"), 1, "once is enough");
}

#[test]
fn a_check_run_that_was_never_opened_is_looked_for_once() {
    let (repository, proposed) = gate();
    let fault = Fault::at("POST", "/check-runs", Trouble::Status(500)).times(4);
    repository.fake.fault(fault);
    let job = repository.gate(&proposed);
    job.run().expect("error", 2);
    let before = repository.fake.log().len();
    assert_eq!(job.finalize().code, 0);
    assert_eq!(repository.fake.log().len(), before + 1);
    assert!(repository.fake.edit(|state| state.checks.is_empty()));
    job.finalize();
    assert_eq!(repository.fake.log().len(), before + 1);
}

#[test]
fn drafts_of_killed_refreshes_are_no_baselines_and_go() {
    let repository = Repository::of_committed_model();
    let today = jiff::Timestamp::now().strftime("%Y%m%d").to_string();
    let tags = ["20250105".to_owned(), today].map(|day| format!("mlbuild-baseline-default-{day}-10-1-0123456789ab"));
    for tag in &tags {
        repository
            .fake
            .release(tag, &User::actions(), &[("manifest.json", b"{")]);
        repository.forge(|release| release.draft = true);
    }
    let tag = repository.refresh();
    let left: Vec<String> = repository.releases().into_iter().map(|release| release.tag).collect();
    assert_eq!(
        left,
        [tags[1].clone(), tag.clone()],
        "today's may be another run's that is still at work"
    );
    let refs = repository.fake.edit(|state| state.refs.clone());
    assert!(!refs.contains_key(&format!("refs/tags/{}", tags[0])));
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    assert_eq!(ran.output("baseline"), tag);
}

#[test]
fn two_refreshes_side_by_side_make_two_whole_baselines() {
    let repository = Repository::of_committed_model();
    let tip = repository.fake.tip("main");
    let jobs = [repository.refresh_on("main", &tip), repository.refresh_on("main", &tip)];
    thread::scope(|scope| {
        for job in &jobs {
            let mut command = job.step(&["action"]);
            scope.spawn(move || {
                let output = command.output().unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
            });
        }
    });
    let releases = repository.releases();
    assert!(!releases.is_empty() && releases.len() <= 2, "{releases:#?}");
    for release in &releases {
        assert!(
            !release.draft && release.assets.iter().all(|asset| asset.complete),
            "{release:#?}"
        );
    }
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    let ran = repository.gate(&proposed).run().expect("pass", 0);
    let newest = &releases.last().unwrap().tag;
    assert!(
        releases.iter().any(|release| release.tag == ran.output("baseline")),
        "{newest}: {ran}"
    );
}

#[test]
fn a_baseline_that_was_published_although_no_answer_came_stays() {
    let repository = Repository::of_committed_model();
    let fault = Fault::at("PATCH", "/releases/", Trouble::DoneBut(502)).times(4);
    repository.fake.fault(fault);
    let tag = repository.refresh();
    let releases = repository.releases();
    assert!(
        releases.len() == 1 && releases[0].tag == tag && !releases[0].draft,
        "{releases:#?}"
    );
    let refs = repository.fake.edit(|state| state.refs.clone());
    assert!(
        refs.contains_key(&format!("refs/tags/{tag}")),
        "without it, GitHub makes it a draft again"
    );
}
