//! Everything that goes wrong between a job and GitHub, and the state that it must end in: the right verdict by exit code and check run, no
//! comment twice, no check run left open.
//!
//! | what goes wrong | where it is tested |
//! |---|---|
//! | 500, 502, 503, 504 to every kind of call, once | `answers` (gate, refresh), `troubles` |
//! | 5xx at a kind of call until patience ends | `troubles`, `races` |
//! | a host that takes no connection; a host that is not there | `ways` |
//! | no answer in time | `github_client::calls` (read), `ways` (a comment that was stored) |
//! | comment stored, answered with 502 or not at all | `github_client::comment`, `troubles` |
//! | comment stored, answer unreadable (a page, cut short) | `answers` |
//! | check run stored, answered with 502 | `github_client::check_run`, `troubles` |
//! | check run stored, answer empty | `answers` |
//! | check run stored, and nobody can say so | `races` |
//! | check run completed, every answer lost | `answers` |
//! | check run not completed (5xx, limit, redirects, token): the step that follows does it | `troubles`, `limits`, `ways` |
//! | a run that is killed or interrupted | `interrupts`, `runner` |
//! | annotations answered with 502, annotations declined | `github_client::check_run` |
//! | report declined (422), comment too long (422) | `answers` |
//! | hourly budget spent (403, 429), filled soon or in an hour | `limits`, `github_client::calls` |
//! | secondary limit with `Retry-After`, without, beyond patience | `troubles`, `limits`, `github_client::comment`, `github::retry` |
//! | the server's clock hours before or after ours | `limits` |
//! | an answer that breaks off, JSON or asset | `answers`, `troubles`, `github_client::release` |
//! | an answer that is no JSON: a page, compressed bytes, nothing | `answers`, `github_client::calls` |
//! | an answer beyond the cap | `github_client::calls` |
//! | an asset of another size or digest | `trust`, `github_client::release` |
//! | redirects: to another host (no token goes there), off https, in a circle | `ways`, `github_client::calls`, `github_client::release` |
//! | a token that is worth nothing, or ends in the middle | `permissions`, `ways` |
//! | a token that may not | `permissions`, `github_client::calls` |
//! | the comment deleted between look and update | `races`, `github_client::comment` |
//! | our comment on the third page; comments of others with our marker | `comments`, `github_client::comment` |
//! | a conversation that is locked, a pull request that is gone | `answers` |
//! | a force-push in the middle of the run | `races` |
//! | two runs of one pull request at once; a newer run's comment | `races`, `comments`, `github_client::comment` |
//! | check runs of earlier runs in the list | `races` |
//! | a draft that a killed refresh left | `races` |
//! | half an asset that a 502 left | `refresh`, `github_client::release` |
//! | two refreshes at once | `races`, `refresh`, `github_client::release` |
//! | a release published, every answer lost | `races` |

mod answers;
mod limits;
mod races;
mod ways;

use std::collections::BTreeSet;

use super::MODEL_PATH;
use super::Proposed;
use super::Repository;
use super::touched;

/// A repository, and a pull request that passes.
fn gate() -> (Repository, Proposed) {
    let repository = Repository::of_committed_model();
    let proposed = repository.propose(&[(MODEL_PATH, &touched())]);
    (repository, proposed)
}

/// What must hold after every run: every check run completed, and no gate with two comments on one pull request.
fn settled(repository: &Repository) {
    let (comments, checks) = repository
        .fake
        .edit(|state| (state.comments.clone(), state.checks.clone()));
    for check in checks {
        assert!(check.status == "completed" && check.conclusion.is_some(), "{check:#?}");
    }
    let mut seen = BTreeSet::new();
    for comment in comments {
        let of = comment.body.split(" run=").next().unwrap().to_owned();
        assert!(seen.insert((comment.pull, of)), "a second comment: {comment:#?}");
    }
}
