//! Builds with their lineage, files, names and notes.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::digest::Digest;
use crate::files::FileError;
use crate::registry::About;
use crate::registry::ArtifactFacts;
use crate::registry::BuildFacts;
use crate::registry::Registry;
use crate::store::Objects;
use crate::units::Bytes;

use super::Account;
use super::Fate;
use super::ORIGIN;
use super::artifacts;
use super::artifacts::Files;
use super::error::MigrateError;
use super::instant;
use super::precision;
use super::source::Source;
use super::source::TheirBuild;

/// Files that are larger are not read for the precision of their constants.
const MOST_READ: u64 = 2 << 30;

/// Brings all builds over, parents before children. Files go to `objects`, where there are any to go to.
pub(super) fn bring(
    theirs: &[TheirBuild],
    source: &Source,
    objects: Option<&Objects>,
    registry: &mut Registry,
    account: &mut Account,
) -> Result<(), MigrateError> {
    let mut recipes: BTreeMap<&str, String> = BTreeMap::new();
    for build in parents_first(theirs) {
        one(build, source, objects, registry, account, &mut recipes)?;
    }
    if theirs.iter().any(|build| build.has_cached) {
        account.say(
            "the latency that `log` of the Python tool shows stays behind: variants inherit it from their parent without having run; what was \
             benchmarked comes over"
                .to_owned(),
        );
    }
    Ok(())
}

/// Parents before children; those that go round in a circle come last.
fn parents_first(theirs: &[TheirBuild]) -> Vec<&TheirBuild> {
    let there: BTreeSet<&str> = theirs.iter().map(|build| build.id.as_str()).collect();
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    let mut left: Vec<&TheirBuild> = theirs.iter().collect();
    let mut sorted = Vec::new();
    loop {
        let (ready, waiting): (Vec<_>, Vec<_>) = left.into_iter().partition(|build| {
            let parent = build.parent.as_deref();
            parent.is_none_or(|parent| placed.contains(parent) || !there.contains(parent))
        });
        placed.extend(ready.iter().map(|build| build.id.as_str()));
        let stuck = ready.is_empty();
        sorted.extend(ready);
        left = waiting;
        if stuck {
            sorted.append(&mut left);
            return sorted;
        }
    }
}

fn one<'a>(
    build: &'a TheirBuild,
    source: &Source,
    objects: Option<&Objects>,
    registry: &mut Registry,
    account: &mut Account,
    recipes: &mut BTreeMap<&'a str, String>,
) -> Result<(), MigrateError> {
    let (Ok(id), Ok(origin)) = (build.id.parse::<Digest>(), build.source_hash.parse::<Digest>()) else {
        account.count("builds", Fate::LeftOut);
        account.say(format!(
            "the build `{}` has no digest for an id, so it stays behind",
            build.id
        ));
        return Ok(());
    };
    let files = artifacts::find(build, source)?;
    let mut notes = vec![format!("made by {ORIGIN}")];
    let recipe = recipe(build, &files, recipes, &mut notes, account)?;
    recipes.insert(&build.id, recipe.clone());
    keep(build, &files, objects, registry, &id, &mut notes, account)?;
    if registry.has_build(&id)? {
        account.count("builds", Fate::Present);
        return Ok(());
    }
    let mut parent = None;
    if let Some(theirs) = &build.parent {
        match theirs.parse::<Digest>() {
            Ok(theirs) if registry.has_build(&theirs)? => parent = Some(theirs),
            _ => account.say(format!(
                "the parent of {} is not there any more: it comes as a root",
                id.short()
            )),
        }
    }
    let stem = Path::new(&build.source_path)
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let facts = BuildFacts {
        id: id.clone(),
        model: build.name.clone().or(stem).unwrap_or_else(|| "model".to_owned()),
        source: origin,
        recipe,
        target: Some(build.target.clone()),
        artifacts: listed(build, &files),
        created_at: instant::second(&build.created_at),
        parent,
        tool_version: format!("{ORIGIN}, schema {}", source.version()),
        notes,
        about: About {
            format: if build.format == "mlpackage" {
                "coreml".to_owned()
            } else {
                build.format.clone()
            },
            task: build.task.clone(),
            file: Path::new(&build.source_path)
                .file_name()
                .map(|name| name.to_string_lossy().into_owned()),
            imported: true,
            graph: graph(build, source, objects)?,
        },
    };
    registry.insert_build(&facts)?;
    account.count("builds", Fate::Imported);
    if let Some(text) = build
        .notes
        .as_deref()
        .filter(|text| !text.starts_with("Optimized from "))
    {
        registry.remark(&id, text, &instant::second(&build.created_at))?;
        account.count("notes", Fate::Imported);
    }
    if let Some(at) = &build.deleted_at {
        registry.remove(std::slice::from_ref(&id), &instant::second(at))?;
        account.say("builds that were deleted there come as removed ones: `mlbuild log` does not show them".to_owned());
    }
    Ok(())
}

/// The files as our registry lists them. Of what is not there, what is known is written down, so that a later run can bring it.
fn listed(build: &TheirBuild, files: &Files) -> Vec<ArtifactFacts> {
    match files {
        Files::Whole { files, .. } => files.iter().map(|(_, facts)| facts.clone()).collect(),
        Files::Changed | Files::Missing => match build.artifact_hash.parse() {
            // A digest of one file is that of a blob.
            Ok(digest) if !matches!(build.format.as_str(), "coreml" | "mlpackage") => vec![ArtifactFacts {
                name: format!("model.{}", build.format),
                digest,
                size: Bytes(build.size),
            }],
            _ => Vec::new(),
        },
    }
}

fn keep(
    build: &TheirBuild,
    files: &Files,
    objects: Option<&Objects>,
    registry: &Registry,
    id: &Digest,
    notes: &mut Vec<String>,
    account: &mut Account,
) -> Result<(), MigrateError> {
    let name = build.name.as_deref().unwrap_or("a build");
    match files {
        Files::Whole { files, compared } => {
            for (path, facts) in files {
                if let Some(objects) = objects {
                    objects.keep_file(&facts.digest, path)?;
                    // A file that changed while it was copied is found out here.
                    objects.verify(&facts.digest)?;
                }
            }
            if !compared {
                let text = "its files could not be compared with their registered digest, which covers a Core ML package's \
                            specification alone";
                notes.push(text.to_owned());
                account.say(format!("{name} ({}): {text}", id.short()));
            }
            let fate = if registry.has_build(id)? {
                Fate::Present
            } else {
                Fate::Imported
            };
            account.count("artifacts", fate);
        }
        Files::Changed => {
            notes.push("its file had changed since it was registered, so it did not come over".to_owned());
            account.count("artifacts", Fate::LeftOut);
            account.say(format!(
                "{name} ({}): its file is not the one that was registered, so only its record comes over: {}",
                id.short(),
                build.artifact_path
            ));
        }
        Files::Missing => {
            notes.push("its file was not there".to_owned());
            account.count("artifacts", Fate::LeftOut);
            account.say(format!(
                "{name} ({}): its file is not there, so only its record comes over: {}",
                id.short(),
                build.artifact_path
            ));
        }
    }
    Ok(())
}

/// The graph that a compiled model came from, into the store.
fn graph(build: &TheirBuild, source: &Source, objects: Option<&Objects>) -> Result<Option<Digest>, MigrateError> {
    let Some(path) = build
        .graph_path
        .as_deref()
        .and_then(|path| source.locate(path))
        .filter(|path| path.is_file())
    else {
        return Ok(None);
    };
    let digest = Digest::of_file(&path).map_err(FileError::at("read", &path))?;
    if let Some(objects) = objects {
        objects.keep_file(&digest, &path)?;
    }
    Ok(Some(digest))
}

/// What it is: the steps from its root, with labels that its file proves wrong corrected.
fn recipe(
    build: &TheirBuild,
    files: &Files,
    recipes: &BTreeMap<&str, String>,
    notes: &mut Vec<String>,
    account: &mut Account,
) -> Result<String, MigrateError> {
    let asked = serde_json::from_str::<serde_json::Value>(&build.quantization)
        .ok()
        .and_then(|value| value.get("type")?.as_str().map(str::to_owned));
    let label = match &build.method {
        Some(method) => method.replace('_', "-"),
        None => asked.unwrap_or_else(|| "fp32".to_owned()),
    };
    let mut own = label.clone();
    let found = found_precision(build, files)?;
    let says_precision = ["fp32", "fp16", "int8"].contains(&label.as_str());
    match found {
        Some(found) if says_precision && found != label => {
            own = found.to_owned();
            let text = format!("{ORIGIN} calls it {label}; most of its weights are {found}");
            account.say(format!(
                "{} ({}): {text}, so it is {found} here",
                build.name.as_deref().unwrap_or("a build"),
                build.id.get(..8).unwrap_or(&build.id)
            ));
            notes.push(text);
        }
        None if says_precision => notes.push(format!("that it is {label} was not checked")),
        _ => {}
    }
    if label == "int8" && build.format == "tflite" && build.method.is_some() {
        notes.push("its int8 has dynamic ranges, whatever calibration data it was given".to_owned());
    }
    let above = build.parent.as_deref().and_then(|parent| recipes.get(parent));
    Ok(match above {
        Some(above) if above != "fp32" && build.method.is_some() && *above != own => format!("{above}+{own}"),
        _ => own,
    })
}

fn found_precision(build: &TheirBuild, files: &Files) -> Result<Option<&'static str>, MigrateError> {
    let Files::Whole { files, .. } = files else {
        return Ok(None);
    };
    let Some((path, facts)) = files.first().filter(|(_, facts)| facts.size.0 <= MOST_READ) else {
        return Ok(None);
    };
    let format = if facts.name.ends_with(".onnx") {
        "onnx"
    } else {
        &build.format
    };
    let bytes = fs::read(path).map_err(FileError::at("read", path))?;
    Ok(precision::of(format, &bytes))
}
