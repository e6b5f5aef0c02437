//! What commands in comments need: reactions, persons' roles, a commit's pull requests, a run's artifacts.

use std::io::Cursor;
use std::io::Write as _;

use serde_json::Value;
use serde_json::json;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::FakeGitHub;
use super::pulls;
use super::route::Ask;
use super::route::moment;
use super::route::paged;
use super::server::Reply;
use super::state::Reaction;
use super::state::State;
use super::templates;

fn show_reaction(reaction: &Reaction) -> Value {
    json!({
        "id": reaction.id,
        "node_id": format!("REA_{}", reaction.id),
        "user": templates::user(&reaction.by),
        "content": reaction.content,
        "created_at": moment(reaction.id),
    })
}

pub(super) fn react(state: &mut State, ask: &Ask<'_>) -> Reply {
    let comment = ask.number("comment_id");
    if !state.comments.iter().any(|known| known.id == comment) {
        return Reply::error(404, "Not Found");
    }
    let content = ask.body()["content"].as_str().unwrap_or_default().to_owned();
    let by = ask.token.user.clone();
    let same = |known: &&Reaction| known.comment == comment && known.content == content && known.by == by;
    if let Some(known) = state.reactions.iter().find(same) {
        return Reply::json(200, &show_reaction(known));
    }
    let reaction = Reaction {
        id: state.new_id(),
        comment,
        content,
        by,
    };
    state.reactions.push(reaction.clone());
    Reply::json(201, &show_reaction(&reaction))
}

/// GitHub calls `maintain` `write` and `triage` `read` here; whoever is none may read a public repository.
pub(super) fn permission(state: &mut State, ask: &Ask<'_>) -> Reply {
    let login = ask.text("username").to_owned();
    let Some((user, role)) = state.roles.get(&login).cloned() else {
        return Reply::error(404, "Not Found");
    };
    let permission = match role.as_str() {
        "maintain" => "write",
        "triage" => "read",
        other => other,
    };
    Reply::json(
        200,
        &json!({ "permission": permission, "role_name": role, "user": templates::with(templates::user(&user), json!({ "role_name": role })) }),
    )
}

pub(super) fn pulls_of(state: &mut State, ask: &Ask<'_>) -> Reply {
    let sha = ask.text("commit_sha");
    let shown = state
        .pulls
        .iter()
        .filter(|(_, pull)| pull.merged_as.as_deref() == Some(sha) || pull.head_sha == sha)
        .map(|(number, pull)| pulls::show(state, *number, pull))
        .collect();
    paged(state, ask, shown, |_, page| page.into())
}

impl FakeGitHub {
    /// Gives the person with this login a role: `admin`, `maintain`, `write`, `triage` or `read`.
    pub(crate) fn role(&self, user: &super::state::User, role: &str) {
        self.edit(|state| state.roles.insert(user.login.clone(), (user.clone(), role.to_owned())));
    }

    /// Leaves an artifact behind a run: a zip archive with one file.
    pub(crate) fn artifact_of(&self, run: u64, name: &str, file: &str, content: &[u8]) {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file(file, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
        self.artifact(run, name, &zip.finish().unwrap().into_inner());
    }

    /// The signs under a comment.
    pub(crate) fn signs(&self, comment: u64) -> Vec<String> {
        self.edit(|state| {
            let of_comment = state.reactions.iter().filter(|reaction| reaction.comment == comment);
            of_comment.map(|reaction| reaction.content.clone()).collect()
        })
    }
}
