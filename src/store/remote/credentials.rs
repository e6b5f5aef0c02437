//! Which credentials and which region: the usual AWS chain. Variables first, then a web identity, then the profile in `~/.aws`, then
//! what the container or the instance offers; the last three are the S3 client's own work.
//!
//! Nothing of it is kept beyond the client, and nothing of it can be shown: there is no `Debug` on what holds a secret.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use object_store::aws::AmazonS3Builder;
use object_store::aws::AmazonS3ConfigKey;

use crate::files::FileError;

use super::error::RemoteError;

/// The variables of the process.
pub type Environment = BTreeMap<String, String>;

/// Variables that the client understands as they are. Bucket, endpoint and region are not among them: the settings have those.
const PASSED_ON: &[(&str, AmazonS3ConfigKey)] = &[
    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    ("AWS_ENDPOINT_URL_STS", AmazonS3ConfigKey::StsEndpoint),
    (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
    ),
    (
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        AmazonS3ConfigKey::ContainerCredentialsFullUri,
    ),
    (
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        AmazonS3ConfigKey::ContainerAuthorizationTokenFile,
    ),
    ("AWS_METADATA_ENDPOINT", AmazonS3ConfigKey::MetadataEndpoint),
];

/// A profile, as the two files have it.
type Profile = BTreeMap<String, String>;

/// Gives the client its credentials. `place` is the remote, for people.
pub(super) fn give(
    mut builder: AmazonS3Builder,
    environment: &Environment,
    place: &str,
) -> Result<AmazonS3Builder, RemoteError> {
    let get = |name: &str| value(environment, name);
    let missing = |name: &str| RemoteError::NoCredentials {
        place: place.to_owned(),
        reason: format!("{name} is not set"),
    };
    match (get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => return Ok(with_keys(builder, id, secret, get("AWS_SESSION_TOKEN"))),
        (Some(_), None) => return Err(missing("AWS_SECRET_ACCESS_KEY")),
        (None, Some(_)) => return Err(missing("AWS_ACCESS_KEY_ID")),
        (None, None) => {}
    }
    for (name, key) in PASSED_ON {
        if let Some(value) = get(name) {
            builder = builder.with_config(*key, value);
        }
    }
    if get("AWS_WEB_IDENTITY_TOKEN_FILE").is_some() && get("AWS_ROLE_ARN").is_some() {
        return Ok(builder);
    }
    let (name, profile) = profile(environment)?;
    let field = |key: &str| profile.get(key).map(String::as_str);
    if let (Some(id), Some(secret)) = (field("aws_access_key_id"), field("aws_secret_access_key")) {
        return Ok(with_keys(builder, id, secret, field("aws_session_token")));
    }
    if let (Some(file), Some(role)) = (field("web_identity_token_file"), field("role_arn")) {
        return Ok(builder
            .with_config(AmazonS3ConfigKey::WebIdentityTokenFile, file)
            .with_config(AmazonS3ConfigKey::RoleArn, role));
    }
    let other_way = [
        "sso_session",
        "sso_start_url",
        "source_profile",
        "credential_source",
        "credential_process",
    ]
    .into_iter()
    .find(|key| field(key).is_some());
    if let Some(way) = other_way {
        return Err(RemoteError::Profile {
            profile: name,
            reason: format!("it gets its credentials by `{way}`, which mlbuild does not do by itself"),
        });
    }
    if get("AWS_PROFILE").is_some() {
        return Err(RemoteError::Profile {
            profile: name,
            reason: "there are no keys of it in the files of `~/.aws`".to_owned(),
        });
    }
    let from_container = PASSED_ON
        .iter()
        .any(|(name, _)| name.starts_with("AWS_CONTAINER") && get(name).is_some());
    if !from_container && get("AWS_EC2_METADATA_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        return Err(RemoteError::NoCredentials {
            place: place.to_owned(),
            reason: "not in the environment, not in `~/.aws`, and AWS_EC2_METADATA_DISABLED is set".to_owned(),
        });
    }
    Ok(builder)
}

/// The region of the environment or the profile.
pub(super) fn region(environment: &Environment) -> Option<String> {
    let named = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .find_map(|name| value(environment, name));
    match named {
        Some(region) => Some(region.to_owned()),
        None => profile(environment).ok()?.1.remove("region"),
    }
}

/// The server's address that the environment names.
pub(super) fn endpoint(environment: &Environment) -> Option<&str> {
    ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
        .into_iter()
        .find_map(|name| value(environment, name))
}

fn with_keys(builder: AmazonS3Builder, id: &str, secret: &str, token: Option<&str>) -> AmazonS3Builder {
    let builder = builder.with_access_key_id(id).with_secret_access_key(secret);
    match token {
        Some(token) => builder.with_token(token),
        None => builder,
    }
}

fn value<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
    environment
        .get(name)
        .map(|value| value.trim())
        .filter(|value| !value.is_empty())
}

/// The profile that counts, with its name: what `config` says of it, and above that what `credentials` says.
fn profile(environment: &Environment) -> Result<(String, Profile), RemoteError> {
    let named = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]
        .into_iter()
        .find_map(|name| value(environment, name));
    let name = named.unwrap_or("default");
    let file = |variable: &str, default: &str| {
        value(environment, variable).map(PathBuf::from).or_else(|| {
            let home = value(environment, "HOME").or(value(environment, "USERPROFILE"))?;
            Some(PathBuf::from(home).join(".aws").join(default))
        })
    };
    let mut found = Profile::new();
    let mut is_known = false;
    let places = [
        (file("AWS_CONFIG_FILE", "config"), true),
        (file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), false),
    ];
    for (path, is_config) in places {
        let Some(path) = path else { continue };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(FileError::at("read", &path)(error).into()),
        };
        if let Some(section) = section(&text, name, is_config) {
            is_known = true;
            found.extend(section);
        }
    }
    match named {
        Some(_) if !is_known => Err(RemoteError::Profile {
            profile: name.to_owned(),
            reason: "no file of `~/.aws` has it".to_owned(),
        }),
        _ => Ok((name.to_owned(), found)),
    }
}

/// The section of a profile: `[name]`, which the config file writes `[profile name]` but for `default`.
fn section(text: &str, name: &str, is_config: bool) -> Option<Profile> {
    let mut found: Option<Profile> = None;
    let mut inside = false;
    for line in text.lines() {
        let is_nested = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let title: Vec<&str> = title.split_whitespace().collect();
            inside = match title.as_slice() {
                ["profile", own] => is_config && *own == name,
                [own] => *own == name && (!is_config || name == "default"),
                _ => false,
            };
            if inside {
                found.get_or_insert_default();
            }
        } else if let (true, false, Some((key, value))) = (inside, is_nested, line.split_once('=')) {
            let value = value.split_once(" #").map_or(value, |(value, _)| value);
            found
                .get_or_insert_default()
                .insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::write_atomic;
    use crate::hint::Hint as _;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn key_of(environment: &Environment) -> Result<Option<String>, RemoteError> {
        give(AmazonS3Builder::new(), environment, "s3://models/")
            .map(|builder| builder.get_config_value(&AmazonS3ConfigKey::AccessKeyId))
    }

    #[test]
    fn variables_come_first_and_go_together() {
        let both = environment(&[("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret")]);
        assert_eq!(key_of(&both).unwrap().as_deref(), Some("id"));
        let one = environment(&[("AWS_ACCESS_KEY_ID", "id")]);
        let error = key_of(&one).unwrap_err();
        assert!(
            error.to_string().contains("AWS_SECRET_ACCESS_KEY is not set"),
            "{error}"
        );
    }

    #[test]
    fn reads_the_profile_out_of_both_files() {
        let home = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| write_atomic(&home.path().join(".aws").join(name), text.as_bytes()).unwrap();
        put(
            "config",
            "[default]\nregion = us-west-2\n\n[profile team]\nregion=eu-central-1 # ours\ns3 =\n  region = nested\n[profile sso]\nsso_session = x\n",
        );
        put(
            "credentials",
            "# keys\n[default]\naws_access_key_id = one\naws_secret_access_key = s\n[team]\nAWS_ACCESS_KEY_ID=two\naws_secret_access_key = s=/+\n",
        );
        let at_home = |profile: &str| {
            let mut environment = environment(&[("HOME", home.path().to_str().unwrap())]);
            if !profile.is_empty() {
                environment.insert("AWS_PROFILE".to_owned(), profile.to_owned());
            }
            environment
        };
        assert_eq!(key_of(&at_home("")).unwrap().as_deref(), Some("one"));
        assert_eq!(key_of(&at_home("team")).unwrap().as_deref(), Some("two"));
        assert_eq!(region(&at_home("team")).as_deref(), Some("eu-central-1"));
        assert_eq!(region(&at_home("")).as_deref(), Some("us-west-2"));
        let sso = key_of(&at_home("sso")).unwrap_err();
        assert!(sso.to_string().contains("sso_session"), "{sso}");
        assert!(sso.hints().concat().contains("export-credentials"));
        assert!(key_of(&at_home("none")).unwrap_err().to_string().contains("`none`"));
    }

    #[test]
    fn a_machine_without_metadata_may_say_so() {
        let home = tempfile::tempdir().unwrap();
        let none = environment(&[
            ("HOME", home.path().to_str().unwrap()),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]);
        assert!(matches!(key_of(&none), Err(RemoteError::NoCredentials { .. })));
    }
}
