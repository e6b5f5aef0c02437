//! A remote as the registry has it, opened.

use std::path::PathBuf;

use crate::registry::RemoteFacts;
use crate::store::remote::Environment;
use crate::store::remote::Place;
use crate::store::remote::Remote;
use crate::store::remote::RemoteSettings;

use super::error::RemotesError;

/// Opens a remote; nothing is asked of a server yet.
pub fn open(facts: &RemoteFacts, environment: &Environment) -> Result<Remote, RemotesError> {
    Ok(Remote::open(&settings_of(facts)?, environment)?)
}

/// The checked settings of a remote.
pub fn settings_of(facts: &RemoteFacts) -> Result<RemoteSettings, RemotesError> {
    let incomplete = |what| RemotesError::Incomplete {
        name: facts.name.clone(),
        what,
    };
    let place = match facts.backend.as_str() {
        "s3" => Place::S3 {
            bucket: facts.bucket.clone().ok_or_else(|| incomplete("bucket"))?,
            region: facts.region.clone(),
            endpoint: facts.endpoint.clone(),
        },
        "local" => Place::Folder(PathBuf::from(facts.path.clone().ok_or_else(|| incomplete("path"))?)),
        other => {
            return Err(RemotesError::Backend {
                name: facts.name.clone(),
                backend: other.to_owned(),
            });
        }
    };
    Ok(RemoteSettings::new(place, facts.prefix.as_deref())?)
}
