//! A baseline folder that is committed: the one that counts is the base commit's, never what the change itself commits.

use crate::digest::Digest;
use crate::github::contents;
use crate::pipeline::baseline::Baselines;
use crate::pipeline::baseline::at_base::at_base;
use crate::pipeline::baseline::at_base::repository_path;
use crate::pipeline::baseline::at_commit;
use crate::pipeline::baseline::manifest;
use crate::pipeline::baseline::manifest::Manifest;
use crate::pipeline::baseline::manifest::StoredFile;
use crate::pipeline::baseline::release::ReleaseError;
use crate::pipeline::baseline::resolve;
use crate::pipeline::baseline::search::Search;
use crate::pipeline::baseline::search::comparisons;
use crate::pipeline::baseline::search::nothing_yet;
use std::path::Path;
use std::path::PathBuf;

/// The baseline folder that git holds at the base commit: what the change itself commits there does not count.
pub fn find(search: &Search<'_>, folder: &Path) -> Result<Baselines, ReleaseError> {
    let label = format!("dir: {} at {}", folder.display(), search.base.short());
    let Some(place) = repository_path(search.folder, folder) else {
        return Ok(Baselines::missing(
            label,
            format!("the baseline folder `{}` leaves the repository", folder.display()),
            vec!["keep it inside the repository".to_owned()],
        ));
    };
    let path = format!("{place}/{}", manifest::FILE_NAME);
    let mut baselines = match contents::at(search.client, &path, search.base, manifest::MAX_BYTES)? {
        // No folder yet: the models that git holds serve, as for a first adoption.
        None => nothing_yet(search, label),
        Some(found) => match Manifest::parse(&found.bytes) {
            Ok(manifest) => resolve::from_manifest(&manifest, &label, |file| fetch(search, &place, file)),
            Err(error) => {
                let hints = vec!["write it anew on the default branch: `mlbuild baseline refresh`".to_owned()];
                return Ok(Baselines::missing(
                    label,
                    format!("`{path}` is refused: {error}"),
                    hints,
                ));
            }
        },
    };
    baselines.commit = Some(search.base.as_str().to_owned());
    if let Some(config) = search.base_config.known() {
        baselines.named = Some(comparisons(config));
    }
    for model in &search.config.models {
        if !baselines.models.contains_key(&model.name) {
            let answer = at_base(search, model).answer(&[]);
            baselines.models.insert(model.name.clone(), answer);
        }
    }
    Ok(baselines)
}

fn fetch(search: &Search<'_>, place: &str, file: &StoredFile) -> Result<PathBuf, ReleaseError> {
    let path = format!("{place}/{}", file.asset_name());
    let refused = |reason: String| ReleaseError::Refused {
        tag: path.clone(),
        reason,
    };
    let found = contents::at(search.client, &path, search.base, at_commit::MAX_BYTES)?
        .ok_or_else(|| refused("it is not committed".to_owned()))?;
    if found.is_lfs_pointer() {
        return Err(refused("git holds a Git LFS pointer, not the file".to_owned()));
    }
    let digest = Digest::of(&found.bytes);
    if digest != file.digest {
        return Err(refused(format!(
            "SHA-256 {}…, the manifest says {}…",
            digest.short(),
            file.digest.short()
        )));
    }
    search.objects.put(&found.bytes)?;
    Ok(search.objects.verify(&digest)?)
}
