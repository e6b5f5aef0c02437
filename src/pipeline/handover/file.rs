//! One file that a job of this very run left behind for another.

use super::archive;
use super::fetch::RefusedResult;
use crate::digest::Digest;
use crate::github::Client;
use crate::github::artifact;

/// The only file, called `name`, of the run's newest artifact called `artifact`, which may have `limit` bytes; `None` where there is no such artifact.
pub fn file(
    client: &Client,
    run: u64,
    artifact: &str,
    name: &'static str,
    limit: u64,
) -> Result<Option<Vec<u8>>, RefusedResult> {
    let newest = artifact::list(client, run)?
        .into_iter()
        .filter(|found| found.name == artifact)
        .max_by_key(|found| found.id);
    let Some(found) = newest else { return Ok(None) };
    if found.expired {
        return Err(RefusedResult::Expired(found.name));
    }
    if found.size_in_bytes > limit {
        return Err(RefusedResult::TooLong {
            bytes: found.size_in_bytes,
            limit,
        });
    }
    let bytes = artifact::download(client, &found, limit)?;
    if found.digest().is_some_and(|digest| digest != Digest::of(&bytes)) {
        return Err(RefusedResult::Damaged);
    }
    Ok(Some(archive::only(&bytes, name)?))
}
