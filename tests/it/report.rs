//! What people read: the comment of every verdict, and what hostile names may not do to it.

use mlbuild::report::comment;

use crate::support::reports;

#[test]
fn show() {
    println!("{}", comment::render(&reports::regression(), comment::LIMIT));
}
