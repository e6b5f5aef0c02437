//! `permissions`: what mlbuild's jobs may do, against what they need.

use crate::config::nearest::quoted;
use crate::config::tree::Node;
use crate::config::tree::NodeId;
use crate::config::tree::Value;
use crate::config::workflow::events;
use crate::config::workflow::finding::Severity;
use crate::config::workflow::read;
use crate::config::workflow::read::Job;
use crate::config::workflow::read::Part;
use crate::config::workflow::read::Step;
use crate::config::workflow::read::Workflow;

use super::Draft;

const RULE: &str = "permissions";

/// Events on which the action publishes a baseline.
pub(super) const REFRESHING: &[&str] = &["push", "schedule", "workflow_dispatch"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    None,
    Read,
    Write,
}

/// One permission that a job needs.
struct Need {
    scope: &'static str,
    level: Level,
    why: &'static str,
    severity: Severity,
}

const fn need(scope: &'static str, level: Level, why: &'static str, severity: Severity) -> Need {
    Need {
        scope,
        level,
        why,
        severity,
    }
}

const CHECKOUT: Need = need(
    "contents",
    Level::Read,
    "the checkout and baseline releases",
    Severity::Error,
);

const PROOF: Need = need(
    "actions",
    Level::Read,
    "proves which run published a baseline",
    Severity::Error,
);

const CHECK: Need = need("checks", Level::Write, "the check run", Severity::Warning);

const GATE: &[Need] = &[
    CHECKOUT,
    PROOF,
    need("pull-requests", Level::Write, "the comment", Severity::Warning),
    CHECK,
];

const QUEUE: &[Need] = &[CHECKOUT, PROOF, CHECK];

/// A part of the gate that only plans, or measures what another job judges.
const SHARD: &[Need] = &[CHECKOUT, PROOF];

const REFRESH: &[Need] = &[
    need(
        "contents",
        Level::Write,
        "publishes the baseline as a release",
        Severity::Error,
    ),
    need(
        "actions",
        Level::Read,
        "proves which run published the one before",
        Severity::Error,
    ),
];

const REPORT: &[Need] = &[
    need(
        "actions",
        Level::Read,
        "fetches the first stage's artifact",
        Severity::Error,
    ),
    need("contents", Level::Read, "baseline releases", Severity::Error),
    need("pull-requests", Level::Write, "the comment", Severity::Error),
    need("checks", Level::Write, "the check run", Severity::Error),
];

/// What a job states, and where.
enum Stated<'a> {
    Nothing,
    All(Level, NodeId),
    Table(&'a Node, NodeId),
}

pub(super) fn look(workflow: &Workflow, drafts: &mut Vec<Draft>) {
    if workflow.is_action() {
        return;
    }
    let triggers = events::triggers(workflow);
    for job in workflow.jobs() {
        let has = |part| job.steps.iter().any(|step| step.part == Some(part));
        if !has(Part::Action) && !has(Part::Report) {
            continue;
        }
        let on = |wanted: &[&str]| {
            triggers
                .iter()
                .any(|trigger| wanted.contains(&trigger.event) && events::runs_on(&job, trigger.event))
        };
        let mut needs: Vec<&Need> = Vec::new();
        let gates = has(Part::Action) && on(&["pull_request", "pull_request_target"]);
        let refreshes = has(Part::Action) && on(REFRESHING);
        // A job for both is told to become two, so that what it needs for baselines is not asked of it here.
        if refreshes && !gates {
            needs.extend(REFRESH);
        }
        if is_part_of_a_gate(&job) {
            needs.extend(SHARD);
        } else if gates {
            needs.extend(GATE);
        } else if has(Part::Action) && on(&["merge_group"]) {
            needs.extend(QUEUE);
        }
        if has(Part::Report) {
            needs.extend(REPORT);
        }
        let needs = strongest(needs);
        if needs.is_empty() {
            continue;
        }
        let stated = stated(&job, workflow);
        missing(&job, &stated, &needs, drafts);
        if gates && refreshes {
            together(&job, drafts);
        } else {
            excessive(&job, &stated, &needs, drafts);
        }
    }
}

/// True where every use of the action only plans shards or measures one.
fn is_part_of_a_gate(job: &Job<'_>) -> bool {
    let part = |step: &Step<'_>| {
        let with = read::entry(step.body, "with");
        with.is_some_and(|with| {
            ["shards", "shard"]
                .iter()
                .any(|input| read::entry(&with.value, input).is_some())
        })
    };
    job.steps
        .iter()
        .filter(|step| step.part == Some(Part::Action))
        .all(part)
        && job.steps.iter().any(|step| step.part == Some(Part::Action))
}

/// Of each scope the highest level.
fn strongest(needs: Vec<&Need>) -> Vec<&Need> {
    let mut kept: Vec<&Need> = Vec::new();
    for need in needs {
        match kept.iter_mut().find(|other| other.scope == need.scope) {
            Some(other) if other.level < need.level => *other = need,
            Some(_) => {}
            None => kept.push(need),
        }
    }
    kept
}

fn stated<'a>(job: &Job<'a>, workflow: &'a Workflow) -> Stated<'a> {
    let Some(entry) = read::entry(job.body, "permissions").or_else(|| read::entry(&workflow.root, "permissions"))
    else {
        return Stated::Nothing;
    };
    match (&entry.value.value, read::text(&entry.value)) {
        (Value::Table(_), _) => Stated::Table(&entry.value, entry.key_id),
        (_, Some("write-all")) => Stated::All(Level::Write, entry.key_id),
        (_, Some("read-all")) => Stated::All(Level::Read, entry.key_id),
        _ => Stated::All(Level::None, entry.key_id),
    }
}

fn level(table: &Node, scope: &str) -> Level {
    match read::text_at(table, scope) {
        Some("write") => Level::Write,
        Some("read") => Level::Read,
        _ => Level::None,
    }
}

fn lines(needs: &[&Need]) -> String {
    let lines: Vec<String> = needs
        .iter()
        .map(|need| {
            let level = if need.level == Level::Write { "write" } else { "read" };
            format!("  {}: {level} # {}", need.scope, need.why)
        })
        .collect();
    format!("permissions:\n{}", lines.join("\n"))
}

fn missing(job: &Job<'_>, stated: &Stated<'_>, needs: &[&Need], drafts: &mut Vec<Draft>) {
    let name = quoted(job.name);
    let (node, lacking): (NodeId, Vec<&Need>) = match stated {
        Stated::Nothing => {
            drafts.push(
                Draft::new(
                    RULE,
                    Severity::Warning,
                    job.node,
                    format!("job {name} states no permissions"),
                )
                .label("the repository's default counts: too much in old repositories, too little in new ones")
                .hint(format!("write in the job:\n{}", lines(needs))),
            );
            return;
        }
        Stated::All(all, node) => (*node, needs.iter().copied().filter(|need| need.level > *all).collect()),
        Stated::Table(table, node) => {
            let lacks = |need: &&Need| need.level > level(table, need.scope);
            (*node, needs.iter().copied().filter(lacks).collect())
        }
    };
    let Some(worst) = lacking.iter().map(|need| need.severity).max() else {
        return;
    };
    let named: Vec<String> = lacking.iter().map(|need| format!("`{}`", need.scope)).collect();
    drafts.push(
        Draft::new(
            RULE,
            worst,
            node,
            format!("job {name} lacks the permission for {}", named.join(", ")),
        )
        .label("what is not written here is `none`")
        .hint(format!("what the job needs:\n{}", lines(needs))),
    );
}

/// One job for both: the gate then runs strangers' models with the right to write.
fn together(job: &Job<'_>, drafts: &mut Vec<Draft>) {
    drafts.push(
        Draft::new(
            RULE,
            Severity::Warning,
            job.node,
            format!("job {} gates pull requests and publishes baselines", quoted(job.name)),
        )
        .label("so a pull request's models and `build:` commands run where the token may write contents")
        .hint(
            "make it two jobs: `if: github.event_name == 'pull_request' || github.event_name == 'merge_group'`, and one for all other events; `mlbuild init` shows how",
        ),
    );
}

fn excessive(job: &Job<'_>, stated: &Stated<'_>, needs: &[&Need], drafts: &mut Vec<Draft>) {
    let name = quoted(job.name);
    match stated {
        Stated::All(Level::Write, node) => drafts.push(
            Draft::new(
                RULE,
                Severity::Warning,
                *node,
                format!("job {name} may write everything"),
            )
            .label("models and `build:` commands run beside this token")
            .hint(format!("what the job needs:\n{}", lines(needs))),
        ),
        Stated::Table(table, _) => {
            let knows_all = job.steps.iter().all(|step| match step.uses {
                Some((uses, _)) => step.part.is_some() || uses.starts_with("actions/"),
                None => true,
            });
            for entry in read::entries(table) {
                let needed = needs
                    .iter()
                    .find(|need| need.scope == entry.key)
                    .map_or(Level::None, |need| need.level);
                if level(table, &entry.key) == Level::Write && needed < Level::Write {
                    let severity = if entry.key == "contents" || knows_all {
                        Severity::Warning
                    } else {
                        Severity::Advice
                    };
                    drafts.push(
                        Draft::new(
                            RULE,
                            severity,
                            entry.key_id,
                            format!(
                                "job {name} may write {}, which mlbuild does not need there",
                                quoted(&entry.key)
                            ),
                        )
                        .label("models and `build:` commands run beside this token")
                        .hint("leave it out, or do what needs it in a job of its own"),
                    );
                }
            }
        }
        Stated::Nothing | Stated::All(..) => {}
    }
}
