//! One gate on several machines: the comparisons dealt out beforehand ([`plan`]), each part measured where it belongs ([`measure`]) and
//! kept in a file ([`partial`]), and all of it judged together ([`merge`]).
//!
//! A shard measures and judges nothing. The verdict is worked out once, over the comparisons of all shards, by the functions that a
//! run on one machine uses; `docs/sharding.md` says what that means for whoever sets it up.

pub mod cost;
pub mod measure;
pub mod merge;
pub mod partial;
pub mod plan;
mod plausible;
pub mod shown;
