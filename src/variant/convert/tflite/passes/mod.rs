//! What makes the graph smaller and faster without changing what it computes.

pub(super) mod erf;
pub(super) mod fuse;
pub(super) mod gelu;
pub(super) mod layout;
mod regroup;
pub(super) mod split;
